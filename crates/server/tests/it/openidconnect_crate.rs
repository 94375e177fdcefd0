//! A library that others wrote signs a user in: discovery, code with PKCE, an ID token that it checks itself, userinfo,
//! refresh. The user is a browser of the testkit.

use grantor_testkit::{Browser, Server};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
};

/// A client as discovery makes it.
type Library = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What the library keeps between the request and its answer.
struct Asked {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    url: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_signs_a_user_in_and_refreshes_in_every_environment() {
    let server = Server::start().await;
    let send = |request: HttpRequest| send(server.http.clone(), request);
    for environment in ["production", "sandbox"] {
        let library = discover(&server, environment, "payments").await;
        let asked = ask(&server, environment, &library);
        let code = answered(&server, &asked).await;

        let exchange = library.exchange_code(code).expect("discovery names the token endpoint");
        let tokens = exchange.set_pkce_verifier(asked.verifier).request_async(&send).await;
        let tokens = tokens.unwrap_or_else(|error| panic!("{environment}: {error:?}"));

        let id_token = tokens.id_token().expect("an ID token");
        let verifier = library.id_token_verifier();
        let claims = id_token.claims(&verifier, &asked.nonce).expect("the library finds it genuine");
        // OpenID Connect Core 3.1.3.8: what the ID token says of the access token beside it.
        let algorithm = id_token.signing_alg().expect("it is signed");
        let key = id_token.signing_key(&verifier).expect("the key is published");
        let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).expect("a known hash");
        assert_eq!(claims.access_token_hash(), Some(&hash), "{environment}");

        let person = server.person("end_user");
        for access in [tokens.access_token().clone(), refreshed(&server, &library, &tokens).await] {
            let asked = library.user_info(access, Some(claims.subject().clone()));
            let asked = asked.expect("discovery names the userinfo endpoint");
            let told: CoreUserInfoClaims = asked.request_async(&send).await.expect("the library reads it");
            assert_eq!(
                told.email().map(|email| email.as_str()),
                Some(person.email.as_str()),
                "{environment}"
            );
            assert_eq!(told.email_verified(), Some(true));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_understands_that_a_code_works_once_and_only_with_its_verifier() {
    let server = Server::start().await;
    let send = |request: HttpRequest| send(server.http.clone(), request);
    let library = discover(&server, "production", "payments").await;

    let asked = ask(&server, "production", &library);
    let code = answered(&server, &asked).await;
    let (_, other) = PkceCodeChallenge::new_random_sha256();
    let stolen = library.exchange_code(code).expect("an endpoint").set_pkce_verifier(other);
    assert_eq!(refusal(stolen.request_async(&send).await), CoreErrorResponseType::InvalidGrant);

    let asked = ask(&server, "production", &library);
    let code = answered(&server, &asked).await;
    let verifier = || PkceCodeVerifier::new(asked.verifier.secret().clone());
    let redeem = || library.exchange_code(code.clone()).expect("an endpoint").set_pkce_verifier(verifier());
    assert!(redeem().request_async(&send).await.is_ok());
    assert_eq!(refusal(redeem().request_async(&send).await), CoreErrorResponseType::InvalidGrant);
}

async fn discover(server: &Server, environment: &str, api: &str) -> Library {
    let send = |request: HttpRequest| send(server.http.clone(), request);
    let issuer = IssuerUrl::new(server.issuer(environment)).expect("a URL");
    let metadata = CoreProviderMetadata::discover_async(issuer, &send).await.expect("the library reads it");
    let app = server.client_with(environment, api, "authorization_code");
    let secret = Some(ClientSecret::new(app.secret));
    let redirect = RedirectUrl::new(server.redirect_uri(environment, api)).expect("a URL");
    CoreClient::from_provider_metadata(metadata, ClientId::new(app.id), secret).set_redirect_uri(redirect)
}

fn ask(server: &Server, environment: &str, library: &Library) -> Asked {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let scopes = server.all_scopes(environment, "payments");
    // The library asks for `openid` by itself.
    let scopes =
        scopes.split(' ').filter(|scope| *scope != "openid").map(|scope| Scope::new(scope.to_owned()));
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, state, nonce) = library
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(scopes)
        .set_pkce_challenge(challenge)
        .url();
    Asked { state, nonce, verifier, url: url.into() }
}

/// The code that the user's browser brings back.
async fn answered(server: &Server, asked: &Asked) -> AuthorizationCode {
    let mut browser = Browser::new(server);
    let code = server.sign_in(&mut browser, &asked.url, &server.person("end_user")).await;
    assert_eq!(browser.must_reply().get("state"), asked.state.secret().as_str());
    AuthorizationCode::new(code)
}

async fn refreshed(
    server: &Server,
    library: &Library,
    tokens: &openidconnect::core::CoreTokenResponse,
) -> openidconnect::AccessToken {
    let send = |request: HttpRequest| send(server.http.clone(), request);
    let token = tokens.refresh_token().expect("a refresh token");
    let request = library.exchange_refresh_token(token).expect("an endpoint");
    let again = request.request_async(&send).await.expect("the library reads it");
    let next = again.refresh_token().expect("a rotated one").secret();
    assert_ne!(next, token.secret());
    again.access_token().clone()
}

fn refusal<T, E>(
    outcome: Result<T, RequestTokenError<E, openidconnect::StandardErrorResponse<CoreErrorResponseType>>>,
) -> CoreErrorResponseType
where
    E: std::error::Error + 'static,
{
    match outcome {
        Err(RequestTokenError::ServerResponse(refusal)) => refusal.error().clone(),
        Err(other) => panic!("no refusal that the library can read: {other:?}"),
        Ok(_) => panic!("not refused"),
    }
}

async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let answer = http.execute(reqwest::Request::try_from(request)?).await?;
    let mut response = http::Response::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}
