//! Who presents a refresh token, and what is presented as one: C04, C05, C07, C12, D08.

use std::io::ErrorKind;
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::secret::{Brand, CredentialType, Spelling, Stage, spell};
use grantor_testkit::{Answer, Browser, Client, Server, Tokens, basic};
use serde_json::{Value, json};

use super::{AFTER_GRACE, ALIVE, endings, family, is_invalid_grant, newest_grant, refresh_with, verdicts};
use crate::code_flow::{App, PRODUCTION, form};
use crate::rfc6749_token::refused;

/// An API whose apps may do without a secret.
const MOBILE: &str = r#"
[[profile]]
name = "mobile"
title = "Apps on devices"
token_paths = ["/oauth/token"]
client_auth = ["client_secret_basic", "client_secret_post", "none"]
token_format = "jwt"
grants = ["authorization_code"]
[profile.lifetimes]
client_token = 3600
user_token = 3600
[profile.refresh]
grants = ["authorization_code"]
rotation = "always"

[[api]]
name = "mobile"
environments = ["production"]
profile = "mobile"
audience = "https://mobile.test"
scope = [{ name = "mobile:use", description = "Use it" }]

[[access]]
tenant = "acme"
apis = ["mobile"]
environments = ["production"]
quota = "unlimited"
"#;

async fn post(server: &Server, authorization: Option<&str>, fields: &[(&str, &str)]) -> Answer {
    server.post(&server.token_endpoint(PRODUCTION, "payments"), authorization, &form(fields)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn c04_a_confidential_app_refreshes_with_its_secret_or_not_at_all() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = family(&server, &app).await;
    let Client { id, secret } = &app.client;
    let asked = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    let with = |more: &[(&'static str, &'static str)]| [&asked[..], more].concat();
    let id_only = [&asked[..], &[("client_id", id.as_str())]].concat();
    refused(&post(&server, None, &asked).await, 401, "invalid_client");
    refused(&post(&server, None, &id_only).await, 401, "invalid_client");
    for wrong in ["", "wrong", " ", "null"] {
        let body = [&id_only[..], &[("client_secret", wrong)]].concat();
        refused(&post(&server, None, &body).await, 401, "invalid_client");
        refused(&post(&server, Some(&basic(id, wrong)), &asked).await, 401, "invalid_client");
    }
    // Neither the token itself nor the secret of somebody else proves who asks.
    refused(&post(&server, Some(&basic(id, &tokens.refresh)), &asked).await, 401, "invalid_client");
    refused(&post(&server, Some(&format!("Bearer {}", tokens.access)), &asked).await, 401, "invalid_client");
    let other = server.client(PRODUCTION, "payments");
    refused(&post(&server, Some(&basic(id, &other.secret)), &asked).await, 401, "invalid_client");
    let two = with(&[("client_secret", "x"), ("client_id", "x")]);
    refused(&post(&server, Some(&basic(id, secret)), &two).await, 400, "invalid_request");
    assert_eq!(newest_grant(&server).await["generation"], 1);
    assert_eq!(app.refresh(&server, &tokens.refresh).await.status, 200, "nothing was taken meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn c05_the_refresh_token_of_another_app_is_refused_and_its_family_is_unharmed() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = family(&server, &app).await;
    let neighbour = "[[tenant]]\nname = \"neighbour\"\n[[access]]\ntenant = \"neighbour\"\napis = [\"payments\"]\n\
        environments = [\"production\"]\nquota = \"unlimited\"\n";
    assert_eq!(server.apply(neighbour).await.status, 200);
    let uris = json!({ "redirect_uris": [app.redirect_uri] });
    let public = json!({ "client_id": "public", "apis": [], "auth_method": "none" });
    let thieves = [
        App::new(&server, "sibling", uris.clone()).await,
        App::of_api(&server, "payments", json!({ "client_id": "foreign", "tenant": "neighbour" })).await,
        App::of_api(&server, "payments", public).await,
    ];
    for thief in &thieves {
        is_invalid_grant(&thief.refresh(&server, &tokens.refresh).await);
    }
    // Naming the victim beside the own proof makes nobody the victim.
    let named = [("client_id", app.client.id.as_str())];
    let answer = refresh_with(&server, &thieves[0], &tokens.refresh, &named).await;
    refused(&answer, 401, "invalid_client");
    // The namesake in another environment.
    let same = server.client_with("sandbox", "payments", "authorization_code");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    is_invalid_grant(&server.token_request("sandbox", "payments", &same, &fields).await);

    // Not even one that is old: only its own app can prove a reuse.
    let second = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    server.clock().pass(AFTER_GRACE);
    for thief in &thieves {
        is_invalid_grant(&thief.refresh(&server, &tokens.refresh).await);
    }
    assert_eq!(endings(&server).await, Vec::<String>::new());
    assert_eq!(verdicts(&server, &second.access).await, ALIVE);
    assert_eq!(app.refresh(&server, &second.refresh).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_no_other_credential_of_ours_passes_for_a_refresh_token() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let tokens = app.tokens(&server, &mut browser, &[]).await;
    let (code, _) = app.code(&server, &mut browser, &[]).await;
    let mut others = vec![tokens.access.clone(), tokens.id.clone(), code, app.client.secret.clone()];
    others.push(server.key(PRODUCTION, "assets"));
    others.push(server.token(PRODUCTION, "banking").await);
    others.push(server.contract()["operator"]["api_token"].as_str().expect("a token").to_owned());
    others.push(server.user_token("sandbox", "payments").await.refresh);
    others.extend(browser.cookies().iter().map(|cookie| cookie.value.clone()));
    // Their random parts under the name of a refresh token, with the checksum made right.
    let bodies: Vec<String> =
        others.iter().filter_map(|other| other.rsplit('_').next().map(str::to_owned)).collect();
    others.extend(bodies.iter().map(|body| spelled(body)));
    let own = &tokens.refresh;
    others.extend([
        own.to_uppercase(),
        format!("{own}="),
        format!(" {own}"),
        own[..own.len() - 1].to_owned(),
    ]);
    others.extend([own.replace("_live_", "_test_"), own.replace("_rt_", "_at_"), own.repeat(2)]);
    others.extend([
        "0".to_owned(),
        "' OR 1=1 --".to_owned(),
        "é".repeat(50),
        spelled(""),
        spelled(&"A".repeat(76)),
    ]);
    let expected = without_id(&app.refresh(&server, "x").await);
    for other in &others {
        let answer = app.refresh(&server, other).await;
        is_invalid_grant(&answer);
        assert_eq!(without_id(&answer), expected, "nobody learns what it is");
    }
    refused(&app.refresh(&server, "").await, 400, "invalid_request");
    assert_eq!(endings(&server).await, Vec::<String>::new());
    assert_eq!(app.refresh(&server, own).await.status, 200);
}

fn without_id(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    (answer.status, body)
}

/// A refresh token of these bytes as the server would spell it: its checksum is no secret.
fn spelled(body: &str) -> String {
    spell(&Brand::default(), CredentialType::RefreshToken, Stage::Live, body)
}

/// The body of a refresh token: version, pepper, Grant, generation, tag.
fn bytes_of(token: &str) -> Vec<u8> {
    let spelling = Spelling::parse(&Brand::default(), token).expect("a token of ours");
    URL_SAFE_NO_PAD.decode(spelling.body).expect("base64url")
}

#[tokio::test(flavor = "multi_thread")]
async fn c07_a_forged_generation_proves_nothing_and_harms_nobody() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let other = family(&server, &app).await;
    let first = family(&server, &app).await;
    let second = Tokens::of(&app.refresh(&server, &first.refresh).await);
    server.clock().pass(AFTER_GRACE);
    let genuine = bytes_of(&second.refresh);
    assert!(
        spelled(&URL_SAFE_NO_PAD.encode(&genuine)) == second.refresh,
        "the test spells as the server does"
    );
    let unknown = without_id(&app.refresh(&server, "x").await);
    let with_generation = |generation: i64| {
        let mut bytes = genuine.clone();
        bytes[17..25].copy_from_slice(&generation.to_be_bytes());
        bytes
    };
    let mut forged: Vec<Vec<u8>> =
        [0, 1, 3, -1, i64::MAX, i64::MIN].into_iter().map(with_generation).collect();
    // The tag of one Grant under the name of another, and every single byte changed.
    let mut of_other = bytes_of(&other.refresh);
    of_other[17..].copy_from_slice(&genuine[17..]);
    forged.push(of_other);
    forged.extend((0..genuine.len()).map(|at| {
        let mut bytes = genuine.clone();
        bytes[at] ^= 1;
        bytes
    }));
    for bytes in &forged {
        let answer = app.refresh(&server, &spelled(&URL_SAFE_NO_PAD.encode(bytes))).await;
        assert_eq!(without_id(&answer), unknown);
    }
    assert_eq!(
        endings(&server).await,
        Vec::<String>::new(),
        "a forged token of an old generation is no reuse"
    );
    for tokens in [&other, &second] {
        assert_eq!(verdicts(&server, &tokens.access).await, ALIVE);
        assert_eq!(app.refresh(&server, &tokens.refresh).await.status, 200);
    }
    // And a genuine one that proves its reuse is refused in the same words.
    assert_eq!(without_id(&app.refresh(&server, &first.refresh).await), unknown);
    assert_eq!(endings(&server).await, ["refresh_reused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_a_refresh_calls_nobody_whom_the_request_names() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = family(&server, &app).await;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let url = format!("http://{address}/called");
    let host = address.to_string();
    let named = ["client_session_host", "client_session_state", "host"].map(|name| (name, host.as_str()));
    let urls =
        ["redirect_uri", "request_uri", "jwks_uri", "logout_uri", "sector_identifier_uri", "callback", "url"];
    let all: Vec<_> = named.into_iter().chain(urls.map(|name| (name, url.as_str()))).collect();
    let refreshed = Tokens::of(&refresh_with(&server, &app, &tokens.refresh, &all).await);
    refused(
        &refresh_with(&server, &app, &refreshed.refresh, &[("resource", &url)]).await,
        400,
        "invalid_target",
    );
    let assertion = [("client_assertion_type", "urn:x"), ("client_assertion", url.as_str())];
    refused(&refresh_with(&server, &app, &refreshed.refresh, &assertion).await, 400, "invalid_request");
    assert_eq!(
        listener.accept().err().map(|error| error.kind()),
        Some(ErrorKind::WouldBlock),
        "nobody called"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn d08_an_app_without_secret_sends_none_and_an_app_with_one_sends_it() {
    let server = Server::start().await;
    let applied = server.apply(MOBILE).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let of_api = json!({ "client_id": "phone", "apis": ["mobile"], "auth_method": "none" });
    let userinfo_alone = json!({ "client_id": "who", "apis": [], "auth_method": "none" });
    let apps = [
        App::of_api(&server, "payments", of_api).await.asking_for("openid offline_access mobile:use"),
        App::of_api(&server, "payments", userinfo_alone).await.asking_for("openid offline_access"),
    ];
    for app in &apps {
        let mut browser = Browser::new(&server);
        let (code, pkce) = app.code(&server, &mut browser, &[]).await;
        let redemption = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", &app.redirect_uri),
            ("code_verifier", &pkce.verifier),
        ];
        refused_with_any_secret(&server, app, &redemption).await;
        let tokens = Tokens::of(&app.redeem(&server, &(code.clone(), pkce.clone())).await);
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
        refused_with_any_secret(&server, app, &refresh).await;
        // Without one it rotates, and a reuse ends it: the protection of apps that prove nothing (RFC 9700 4.14.2).
        let second = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
        assert!(second.refresh != tokens.refresh);
        let userinfo = format!("{}/userinfo", server.issuer(PRODUCTION));
        assert_eq!(server.get(&userinfo, Some(&second.access)).await.status, 200);
        server.clock().pass(AFTER_GRACE);
        is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
        is_invalid_grant(&app.refresh(&server, &second.refresh).await);
        assert_eq!(server.get(&userinfo, Some(&second.access)).await.status, 401);
    }
    // An app with a secret is none without, also where others need none.
    let body = json!({ "client_id": "backend", "apis": ["mobile"] });
    let backend = App::of_api(&server, "payments", body).await.asking_for("openid mobile:use");
    let tokens = backend.tokens(&server, &mut Browser::new(&server), &[]).await;
    let id_only = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
        ("client_id", "backend"),
    ];
    refused(&post(&server, None, &id_only).await, 401, "invalid_client");
    let empty = [&id_only[..], &[("client_secret", "")]].concat();
    refused(&post(&server, None, &empty).await, 401, "invalid_client");
    assert_eq!(backend.refresh(&server, &tokens.refresh).await.status, 200);
}

async fn refused_with_any_secret(server: &Server, app: &App, fields: &[(&str, &str)]) {
    let id = app.client.id.as_str();
    let others = server.client(PRODUCTION, "payments").secret;
    for secret in ["", "x", &others] {
        let body = [fields, &[("client_id", id), ("client_secret", secret)]].concat();
        refused(&post(server, None, &body).await, 401, "invalid_client");
        refused(&post(server, Some(&basic(id, secret)), fields).await, 401, "invalid_client");
    }
    refused(&post(server, None, fields).await, 401, "invalid_client");
}
