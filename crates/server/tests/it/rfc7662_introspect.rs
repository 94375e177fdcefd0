//! RFC 7662: an API asks about a credential and learns what is meant for it, and nothing else.

mod life_and_death;

use grantor_testkit::{Answer, Client, Server, basic};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rfc6749_token::{refused, state};

const INACTIVE: &str = "{\"active\":false}";

fn caller(server: &Server, environment: &str, api: &str) -> (String, Client) {
    let caller = &server.api(environment, api)["introspection"];
    let text = |name: &str| caller[name].as_str().expect("text").to_owned();
    (text("endpoint"), Client { id: text("client_id"), secret: text("client_secret") })
}

/// RFC 7662 2.2: 200, exactly this, not to be stored.
fn inactive(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (200, INACTIVE));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
}

fn names(answer: &Answer) -> Vec<String> {
    answer.json().as_object().expect("an object").keys().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_active_token_is_answered_with_exactly_its_members_in_both_formats() {
    let server = Server::start().await;
    for (api, scope) in [
        ("payments", "payments:read payments:write"),
        ("banking", "accounts:read"),
        ("assets", "prod.teosapi"),
    ] {
        let token = server.token("production", api).await;
        let answer = server.introspect("production", api, &token).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(
            names(&answer),
            [
                "active",
                "aud",
                "client_id",
                "credential_kind",
                "env",
                "exp",
                "iat",
                "iss",
                "jti",
                "scope",
                "sub",
                "tid",
                "token_type"
            ]
        );
        let body = answer.json();
        assert_eq!(body["active"], true);
        assert_eq!(body["scope"], scope);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["iss"], server.issuer("production"));
        assert_eq!(body["aud"], server.api("production", api)["audience"]);
        assert_eq!(body["client_id"], format!("acme-{api}"));
        assert_eq!(body["sub"], body["client_id"]);
        assert_eq!(body["env"], "production");
        assert_eq!(body["credential_kind"], "client");
        let (exp, iat) = (body["exp"].as_i64().expect("exp"), body["iat"].as_i64().expect("iat"));
        assert_eq!(exp - iat, 3600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_is_answered_for_its_tenant_and_has_no_client() {
    let server = Server::start().await;
    let answer = server.introspect("production", "assets", &server.key("production", "assets")).await;
    let body = answer.json();
    assert_eq!(body["active"], true);
    assert_eq!(body["credential_kind"], "api_key");
    assert_eq!(body["scope"], "prod.teosapi");
    assert_eq!(body["client_id"], Value::Null);
    assert!(!names(&answer).contains(&"client_id".to_owned()), "left out, not null");
    assert_eq!(body["sub"], body["tid"]);
    assert_eq!(body["exp"].as_i64().expect("exp") - body["iat"].as_i64().expect("iat"), 31_536_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_must_prove_that_it_is_an_api() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let (url, api) = caller(&server, "production", "payments");
    let form = format!("token={token}");
    refused(&server.post(&url, None, &form).await, 401, "invalid_client");
    refused(&server.post(&url, Some(&basic(&api.id, "wrong")), &form).await, 401, "invalid_client");
    // 2.3: the token under test is no credential of the caller.
    let answer = server.post(&url, Some(&format!("Bearer {token}")), &form).await;
    refused(&answer, 401, "invalid_client");
    assert!(answer.header("www-authenticate").starts_with("Basic "));
    // The owner of the token is no API: he learns nothing, not even about his own.
    let client = server.client("production", "payments");
    inactive(&server.post(&url, Some(&basic(&client.id, &client.secret)), &form).await);
    // The API itself by Basic is the one that may ask; its registration names this method only.
    assert_eq!(server.post(&url, Some(&basic(&api.id, &api.secret)), &form).await.json()["active"], true);
    let post = format!("{form}&client_id={}&client_secret={}", api.id, api.secret);
    refused(&server.post(&url, None, &post).await, 401, "invalid_client");
    // A suspended API may not ask any more.
    let path = format!("/environments/production/apps/{}/suspend", api.id);
    assert_eq!(server.admin("POST", &path, json!({})).await.status, 200);
    refused(&server.post(&url, Some(&basic(&api.id, &api.secret)), &form).await, 401, "invalid_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_posted_form_with_one_token_is_taken() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let (url, api) = caller(&server, "production", "payments");
    let header = basic(&api.id, &api.secret);
    let before = state(&server).await;
    for form in ["", "token=", "token_type_hint=access_token"] {
        refused(&server.post(&url, Some(&header), form).await, 400, "invalid_request");
    }
    let twice = format!("token={token}&token={token}");
    refused(&server.post(&url, Some(&header), &twice).await, 400, "invalid_request");
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let request = server.http.request(method.clone(), &url).header("authorization", &header);
        let answer = server.send(request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
    let request = server.http.post(&url).header("authorization", &header).json(&json!({ "token": token }));
    refused(&server.send(request).await, 400, "invalid_request");
    for hint in ["refresh_token", "nonsense"] {
        let form = format!("token={token}&token_type_hint={hint}");
        assert_eq!(server.post(&url, Some(&header), &form).await.json()["active"], true, "{hint}");
    }
    assert_eq!(state(&server).await, before);
    // What stands in a query has leaked, which is another matter.
    let query = format!("{url}?token={token}");
    refused(&server.post(&query, Some(&header), "").await, 400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_f13_what_is_not_meant_for_the_caller_is_inactive_like_nonsense() {
    let server = Server::start().await;
    let payments = server.token("production", "payments").await;
    let (url, deals) = caller(&server, "production", "deals");
    inactive(&server.introspect("production", "deals", &payments).await);
    inactive(&server.introspect("sandbox", "payments", &payments).await);
    inactive(&server.introspect("production", "payments", &server.token("sandbox", "payments").await).await);
    inactive(&server.introspect("production", "banking", &server.token("sandbox", "banking").await).await);
    inactive(&server.introspect("production", "assets", &server.key("sandbox", "assets")).await);
    inactive(&server.introspect("production", "payments", &server.key("production", "assets")).await);
    inactive(
        &server.introspect("production", "payments", &server.client("production", "payments").secret).await,
    );
    let (_, api) = caller(&server, "production", "payments");
    inactive(&server.introspect("production", "payments", &api.secret).await);
    for nonsense in ["x", "e30.e30.e30", "....", "grt_at_live_x", "%F0%9F%A6%80"] {
        let answer =
            server.post(&url, Some(&basic(&deals.id, &deals.secret)), &format!("token={nonsense}")).await;
        inactive(&answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_callers_that_ask_in_turns_each_get_their_own_answer() {
    let server = Server::start().await;
    for api in ["payments", "banking"] {
        let token = server.token("production", api).await;
        for _ in 0..3 {
            assert_eq!(server.introspect("production", api, &token).await.json()["active"], true);
            inactive(&server.introspect("production", "deals", &token).await);
            inactive(&server.introspect("sandbox", api, &token).await);
            let bearer = Some(token.as_str());
            assert_eq!(server.forward_auth("production", "deals", bearer, "GET", "/deals").await.status, 401);
            assert_eq!(server.forward_auth("sandbox", api, bearer, "GET", "/transfers").await.status, 401);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_a_key_for_two_apis_shows_each_of_them_its_own_scopes_only() {
    let server = Server::start().await;
    let manifest = r#"
[[api]]
name = "vault"
environments = ["production"]
profile = "assets"
audience = "https://vault.example"
scope = [{ name = "vault:open" }]
[[access]]
tenant = "acme"
apis = ["vault"]
environments = ["production"]
contract = { sha256 = "abababababababababababababababababababababababababababababababab", signed_at = "2020-01-02T00:00:00Z" }
[[app]]
client_id = "vault-api"
environments = ["production"]
tenant = "provider"
introspects = ["vault"]
"#;
    assert_eq!(server.apply(manifest).await.status, 200);
    let secret =
        server.admin("POST", "/environments/production/apps/vault-api/secrets", json!({})).await.json();
    let secret = secret["client_secret"].as_str().expect("a secret").to_owned();
    let body = json!({ "tenant": "acme", "apis": ["assets", "vault"] });
    let key = server.admin("POST", "/environments/production/keys", body).await.json();
    let key = key["key"].as_str().expect("a key").to_owned();
    let url = format!("{}/introspect", server.issuer("production"));
    let at_vault = server.post(&url, Some(&basic("vault-api", &secret)), &format!("token={key}")).await;
    // `prod.teosapi` is what the profile adds at both.
    assert_eq!(at_vault.json()["scope"], "prod.teosapi vault:open");
    assert_eq!(at_vault.json()["aud"], "https://vault.example");
    let at_assets = server.introspect("production", "assets", &key).await;
    assert_eq!(at_assets.json()["scope"], "prod.teosapi");
    assert!(!at_assets.text.contains("vault"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_callers_secret_is_throttled_together_with_the_token_endpoint() {
    let server = Server::start().await;
    let (url, api) = caller(&server, "production", "payments");
    let token_url = server.token_endpoint("production", "payments");
    let mut throttled = false;
    for number in 0..60 {
        let target = if number % 2 == 0 { &url } else { &token_url };
        let form = "grant_type=client_credentials&token=x";
        let answer = server.post(target, Some(&basic(&api.id, "guess")), form).await;
        throttled |= answer.status == 429;
    }
    assert!(throttled);
    let before_long = server.post(&url, Some(&basic("another", "guess")), "token=x").await;
    assert!(matches!(before_long.status, 401 | 429));
}
