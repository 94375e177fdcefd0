//! S000-20: a client library that others wrote works unchanged against every token endpoint, and understands refusals.

use grantor_testkit::{Client, Server};
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenType};
use oauth2::{
    AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, RequestTokenError, Scope,
    TokenResponse as _, TokenUrl,
};
use serde_json::json;

/// API, how its clients authenticate, an operation that a client may call, and the scope for it.
const APIS: [(&str, &[AuthType], &str, &str); 5] = [
    ("payments", &[AuthType::BasicAuth, AuthType::RequestBody], "/transfers", "payments:read"),
    ("channel", &[AuthType::BasicAuth], "/rates", "rates:read"),
    ("assets", &[AuthType::BasicAuth, AuthType::RequestBody], "/assets", "prod.teosapi"),
    ("deals", &[AuthType::BasicAuth], "/deals", "deals:read"),
    ("banking", &[AuthType::RequestBody], "/accounts", "accounts:read"),
];

#[tokio::test(flavor = "multi_thread")]
async fn s000_20_the_library_gets_a_token_of_every_api_and_the_token_opens_it() {
    let server = Server::start().await;
    for environment in ["production", "sandbox"] {
        for (api, methods, path, scope) in APIS {
            for method in methods {
                let client = server.client(environment, api);
                let scope = match environment {
                    "sandbox" => scope.replace("prod.", "test."),
                    _ => scope.to_owned(),
                };
                let place = format!("{environment} {api} {method:?}");
                let all = ask(&server, (environment, api), &client, (method, None))
                    .await
                    .unwrap_or_else(|error| panic!("{place}: {error:?}"));
                let one = ask(&server, (environment, api), &client, (method, Some(&scope)))
                    .await
                    .unwrap_or_else(|error| panic!("{place}: {error:?}"));
                for token in [all, one] {
                    let answer = server.call(environment, api, Some(&token), "GET", path).await;
                    assert_eq!(answer.status, 200, "{place}");
                    assert_eq!(answer.json()["caller"]["client_id"], client.id.as_str());
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_20_the_library_s_encoding_of_a_chosen_id_is_understood() {
    let server = Server::start().await;
    // The library form-encodes id and secret before Base64 (RFC 6749 2.3.1).
    for (at, id) in ["a shop@100%+x", "50%25 off", "tilde~*'()!"].into_iter().enumerate() {
        let app = json!({ "tenant": "acme", "apis": ["payments"], "client_id": id });
        let client = server.new_app("production", app).await;
        for method in [AuthType::BasicAuth, AuthType::RequestBody] {
            let token = ask(&server, ("production", "payments"), &client, (&method, None)).await;
            let token = token.unwrap_or_else(|error| panic!("{at} {method:?}: {error:?}"));
            assert_eq!(Server::claims(&token)["client_id"], id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_20_the_library_understands_the_refusals() {
    let server = Server::start().await;
    let right = server.client("production", "channel");
    let wrong = Client { secret: "wrong".to_owned(), ..right.clone() };
    let place = ("production", "channel");
    let basic = AuthType::BasicAuth;
    let cases = [
        (&wrong, &basic, None, BasicErrorResponseType::InvalidClient),
        (&right, &AuthType::RequestBody, None, BasicErrorResponseType::InvalidClient),
        (&right, &basic, Some("payments:read"), BasicErrorResponseType::InvalidScope),
    ];
    for (client, method, scope, expected) in cases {
        let refused = ask(&server, place, client, (method, scope)).await;
        assert_eq!(refused.err(), Some(Some(expected)));
    }
}

/// A token as the library gets it; else the error code that it has read, if it could read one.
async fn ask(
    server: &Server,
    (environment, api): (&str, &str),
    client: &Client,
    (method, scope): (&AuthType, Option<&str>),
) -> Result<String, Option<BasicErrorResponseType>> {
    let library = BasicClient::new(ClientId::new(client.id.clone()))
        .set_client_secret(ClientSecret::new(client.secret.clone()))
        .set_auth_type(method.clone())
        .set_token_uri(TokenUrl::new(server.token_endpoint(environment, api)).expect("a URL"));
    let send = |request: HttpRequest| send(server.http.clone(), request);
    let mut request = library.exchange_client_credentials();
    if let Some(scope) = scope {
        request = request.add_scope(Scope::new(scope.to_owned()));
    }
    match request.request_async(&send).await {
        Ok(token) => {
            assert_eq!(token.token_type(), &BasicTokenType::Bearer);
            assert_eq!(token.expires_in().map(|life| life.as_secs()), Some(3600));
            assert!(token.refresh_token().is_none());
            Ok(token.access_token().secret().clone())
        }
        Err(RequestTokenError::ServerResponse(refusal)) => Err(Some(refusal.error().clone())),
        Err(_) => Err(None),
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
