//! RFC 6750 at an API behind Grantor's own layer, and the same answers at forward-auth.

use grantor_testkit::{Answer, Server};
use serde_json::{Value, json};

async fn with_header(server: &Server, url: &str, header: &str) -> Answer {
    server.send(server.http.get(url).header("authorization", header)).await
}

fn transfers(server: &Server) -> String {
    format!("{}/transfers", server.api("production", "payments")["base_url"].as_str().expect("text"))
}

fn forward_auth(server: &Server) -> String {
    server.api("production", "payments")["forward_auth_url"].as_str().expect("text").to_owned()
}

/// An app that may read and not write.
async fn reader(server: &Server) -> String {
    let app =
        json!({ "tenant": "acme", "client_id": "reader", "apis": ["payments"], "scopes": ["payments:read"] });
    let client = server.new_app("production", app).await;
    let answer = server.request_token("production", "payments", &client).await;
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_the_challenge_has_no_error() {
    let server = Server::start().await;
    for url in [transfers(&server), forward_auth(&server)] {
        let bare = server.get(&url, None).await;
        let basic = with_header(&server, &url, "Basic YTpi").await;
        for answer in [bare, basic] {
            assert_eq!(answer.status, 401);
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"payments\"", "{url}");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_is_401_invalid_token_with_a_challenge_and_no_echo() {
    let server = Server::start().await;
    for url in [transfers(&server), forward_auth(&server)] {
        for token in ["nonsense", "e30.e30.e30", "grt_at_live_nonsense"] {
            let answer = with_header(&server, &url, &format!("Bearer {token}")).await;
            assert_eq!(answer.status, 401);
            assert_eq!(answer.error(), "invalid_token");
            let challenge = answer.header("www-authenticate");
            assert!(
                challenge.starts_with("Bearer realm=\"payments\", error=\"invalid_token\""),
                "{challenge}"
            );
            assert!(!challenge.contains("nonsense") && !answer.text.contains("nonsense"));
        }
        for header in ["Bearer", "Bearer ", "Bearer a b", "Bearerabc", "Bearer \u{e9}"] {
            let answer = with_header(&server, &url, header).await;
            assert_eq!(answer.status, 401, "{header}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_is_compared_without_case() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let answer = with_header(&server, &transfers(&server), &format!("{scheme} {token}")).await;
        assert_eq!(answer.status, 200, "{scheme}");
    }
    // E06: no other scheme carries it.
    for scheme in ["DPoP", "Token", "Basic", "Bearer2"] {
        let answer = with_header(&server, &transfers(&server), &format!("{scheme} {token}")).await;
        assert_eq!(answer.status, 401, "{scheme}");
        let asked = with_header(&server, &forward_auth(&server), &format!("{scheme} {token}")).await;
        assert_eq!(asked.status, 401, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_two_places_is_400_and_one_in_the_query_is_never_taken() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let url = transfers(&server);
    let bearer = format!("Bearer {token}");
    assert_eq!(with_header(&server, &url, &bearer).await.status, 200);
    for query in ["access_token", "access%5Ftoken", "a=b&access_token"] {
        let url = format!("{url}?{query}={token}");
        for answer in [server.get(&url, None).await, with_header(&server, &url, &bearer).await] {
            assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{query}");
            assert!(!answer.text.contains(&token));
        }
    }
    let twice = server.http.get(&url).header("authorization", &bearer).header("authorization", &bearer);
    let answer = server.send(twice).await;
    assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"));
    // A gateway knows 401 and 403 only; the code still says what is wrong.
    let asked = server
        .http
        .get(forward_auth(&server))
        .header("authorization", &bearer)
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-uri", format!("/demo/payments/transfers?access_token={token}"));
    let answer = server.send(asked).await;
    assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_body_is_no_credential() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let answer = server.post(&transfers(&server), None, &format!("access_token={token}")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"payments\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_is_403_and_names_the_needed_one() {
    let server = Server::start().await;
    let token = reader(&server).await;
    assert_eq!(server.call("production", "payments", Some(&token), "GET", "/transfers").await.status, 200);
    let called = server.call("production", "payments", Some(&token), "POST", "/transfers").await;
    let asked = server.forward_auth("production", "payments", Some(&token), "POST", "/transfers").await;
    for answer in [called, asked] {
        assert_eq!((answer.status, answer.error().as_str()), (403, "insufficient_scope"));
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.contains("scope=\"payments:write\""), "{challenge}");
        assert_eq!(answer.json()["scope"], "payments:write");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_kind_of_credential_is_403_with_the_kinds_that_are_taken() {
    let server = Server::start().await;
    let (token, key) = (server.token("production", "assets").await, server.key("production", "assets"));
    for (credential, path, accepts, sent) in [
        (&token, "/keys/self", json!(["api_key"]), "client"),
        (&token, "/me", json!(["user"]), "client"),
        (&key, "/me", json!(["user"]), "api_key"),
    ] {
        let called = server.call("production", "assets", Some(credential), "GET", path).await;
        let asked = server.forward_auth("production", "assets", Some(credential), "GET", path).await;
        for answer in [called, asked] {
            assert_eq!(answer.status, 403);
            let expected = json!({ "error": "insufficient_scope", "reason": "credential_kind", "accepts": accepts, "sent": sent });
            assert_eq!(answer.json(), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_a_credential_of_another_api_or_environment_is_401_not_403() {
    let server = Server::start().await;
    let payments = server.token("production", "payments").await;
    let sandbox = server.token("sandbox", "payments").await;
    let key = server.key("sandbox", "assets");
    for (credential, environment, api, path) in [
        (&payments, "production", "deals", "/deals"),
        (&payments, "production", "banking", "/accounts"),
        (&payments, "sandbox", "payments", "/transfers"),
        (&sandbox, "production", "payments", "/transfers"),
        (&key, "production", "assets", "/assets"),
    ] {
        let called = server.call(environment, api, Some(credential), "GET", path).await;
        let asked = server.forward_auth(environment, api, Some(credential), "GET", path).await;
        for answer in [called, asked] {
            assert_eq!(
                (answer.status, answer.error().as_str()),
                (401, "invalid_token"),
                "{environment}/{api}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l01_an_unknown_path_or_method_of_the_api_is_told_to_good_credentials_only() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    for (bearer, method, path, status) in [
        (Some(token.as_str()), "GET", "/nothing", 404),
        (None, "GET", "/nothing", 401),
        (Some(token.as_str()), "DELETE", "/transfers", 405),
        (None, "DELETE", "/transfers", 401),
    ] {
        let answer = server.call("production", "payments", bearer, method, path).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.json()["transfers"], Value::Null);
    }
}
