//! Mode Introspect: what is asked, what is believed, and for how long.

use std::time::Duration;

use grantor_resource::ProtectLayer;
use serde_json::json;

use crate::fake_issuer::FakeIssuer;
use crate::protected_api::{Api, Hands, active, contract, introspect};

async fn setup(cache_seconds: u64) -> (FakeIssuer, Api, Hands) {
    let issuer = FakeIssuer::start().await;
    issuer.introspection(&active(&issuer));
    let hands = Hands::new();
    let mode = introspect(&issuer, Duration::from_secs(cache_seconds));
    let layer = ProtectLayer::contract(contract(), mode).unwrap().realm("payments").clock(hands.clock());
    (issuer, Api::start(layer).await, hands)
}

#[tokio::test]
async fn s000_06_a_good_token_reaches_the_handler_with_its_caller() {
    let (issuer, api, _) = setup(0).await;
    let answer = api.get("/transfers", "opaque+/token==").await;
    assert_eq!(answer.status, 200);
    for part in [
        "credential_kind: Client",
        "\"app-1\"",
        "\"tenant-1\"",
        "\"production\"",
        "\"payments:read\"",
        "\"j-1\"",
    ] {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    let asked = &issuer.asked()[0];
    assert_eq!(asked.path, "/introspect");
    assert_eq!(asked.content_type, "application/x-www-form-urlencoded");
    assert_eq!(asked.body, "token=opaque%2B%2Ftoken%3D%3D");
    // base64 of "pay%20api:s%3A1" (RFC 6749 section 2.3.1).
    assert_eq!(asked.authorization, "Basic cGF5JTIwYXBpOnMlM0Ex");
}

#[tokio::test]
async fn without_a_cache_every_request_is_asked_about() {
    let (issuer, api, _) = setup(0).await;
    for _ in 0..3 {
        assert_eq!(api.get("/transfers", "t").await.status, 200);
    }
    assert_eq!(issuer.times("/introspect"), 3);
    issuer.introspection(&json!({"active": false}));
    assert_eq!(api.get("/transfers", "t").await.status, 401);
}

#[tokio::test]
async fn with_a_cache_a_token_is_asked_about_once_until_its_time_is_over() {
    let (issuer, api, hands) = setup(5).await;
    for _ in 0..3 {
        assert_eq!(api.get("/transfers", "t").await.status, 200);
    }
    assert_eq!(issuer.times("/introspect"), 1);
    // Another token is another question, and kinds and scopes are judged on every hit.
    assert_eq!(api.get("/transfers", "u").await.status, 200);
    assert_eq!(api.get("/me", "t").await.status, 403);
    assert_eq!(issuer.times("/introspect"), 2);
    issuer.introspection(&json!({"active": false}));
    hands.forward(4);
    assert_eq!(api.get("/transfers", "t").await.status, 200);
    hands.forward(1);
    assert_eq!(api.get("/transfers", "t").await.status, 401);
    assert_eq!(issuer.times("/introspect"), 3);
}

#[tokio::test]
async fn a_kept_answer_does_not_outlive_the_token() {
    let (issuer, api, hands) = setup(7_200).await;
    assert_eq!(api.get("/transfers", "t").await.status, 200);
    hands.forward(3_599);
    assert_eq!(api.get("/transfers", "t").await.status, 200);
    assert_eq!(issuer.times("/introspect"), 1);
    hands.forward(1);
    assert_eq!(api.get("/transfers", "t").await.status, 401);
}

#[tokio::test]
async fn a_refusal_is_never_kept() {
    let (issuer, api, _) = setup(60).await;
    issuer.introspection(&json!({"active": false}));
    assert_eq!(api.get("/transfers", "t").await.status, 401);
    issuer.introspection(&active(&issuer));
    assert_eq!(api.get("/transfers", "t").await.status, 200);
}

#[tokio::test]
async fn a_used_up_quota_of_the_credential_is_a_429_and_one_of_our_own_is_trouble() {
    let (issuer, api, _) = setup(0).await;
    issuer.status(429);
    issuer.introspection(&serde_json::json!({ "error": "temporarily_unavailable" }));
    let answer = api.get("/transfers", "t").await;
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (429, "7"));
    assert_eq!((answer.json()["error"].as_str(), answer.challenge()), (Some("temporarily_unavailable"), ""));
    for other in [serde_json::json!({ "error": "invalid_client" }), serde_json::json!([])] {
        issuer.introspection(&other);
        assert_eq!(api.get("/transfers", "t").await.status, 503, "{other}");
    }
}

#[tokio::test]
async fn an_issuer_in_trouble_is_a_503_and_never_an_allowance() {
    let (issuer, api, _) = setup(0).await;
    for status in [500, 503, 429, 401, 403, 404, 302, 204] {
        issuer.status(status);
        let answer = api.get("/transfers", "t").await;
        assert_eq!(answer.status, 503, "{status}");
        assert_eq!(answer.headers["retry-after"], "1");
        assert_eq!(answer.json()["error"], "temporarily_unavailable");
        assert_eq!(answer.challenge(), "");
    }
    assert_eq!(issuer.times("/introspect-elsewhere"), 0);
    issuer.status(200);
    let padded = format!("{}{}", active(&issuer), " ".repeat(256 * 1024));
    for text in ["", "[]", "{}", "{\"active\": \"true\"}", "<html>", padded.as_str()] {
        issuer.introspection_text(text.to_owned());
        assert_eq!(api.get("/transfers", "t").await.status, 503, "{:.40}", text);
    }
}

#[tokio::test]
async fn nobody_at_the_address_of_the_issuer_is_a_503() {
    let issuer = FakeIssuer::start().await;
    // Bound and given back: nobody listens there.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let grantor_resource::Mode::Introspect(mut options) = introspect(&issuer, Duration::ZERO) else {
        unreachable!()
    };
    options.endpoint = format!("http://{free}/introspect");
    let mode = grantor_resource::Mode::Introspect(options);
    let api = Api::start(ProtectLayer::contract(contract(), mode).unwrap()).await;
    assert_eq!(api.get("/transfers", "t").await.status, 503);
}

#[tokio::test]
async fn f13_an_answer_for_another_audience_or_issuer_is_a_401() {
    let (issuer, api, _) = setup(0).await;
    for (member, value) in
        [("aud", json!(["https://other"])), ("iss", json!("https://other")), ("cnf", json!({"jkt": "x"}))]
    {
        let mut answer = active(&issuer);
        answer[member] = value;
        issuer.introspection(&answer);
        let answer = api.get("/transfers", "t").await;
        assert_eq!(
            (answer.status, answer.json()["error"].clone()),
            (401, json!("invalid_token")),
            "{member}"
        );
        assert!(answer.challenge().contains("error=\"invalid_token\""));
    }
}

#[tokio::test]
async fn s003_12_a_client_token_at_a_user_operation_is_a_403_that_names_the_kinds() {
    let (issuer, api, _) = setup(0).await;
    let answer = api.get("/me", "t").await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.json(),
        json!({"error": "insufficient_scope", "reason": "credential_kind", "accepts": ["user"], "sent": "client"})
    );
    let mut key = active(&issuer);
    key["credential_kind"] = json!("api_key");
    issuer.introspection(&key);
    assert_eq!(api.get("/keys/self", "t").await.status, 200);
    let answer = api.get("/transfers", "t").await;
    assert_eq!(
        answer.json(),
        json!({"error": "insufficient_scope", "reason": "credential_kind", "accepts": ["client", "user"], "sent": "api_key"})
    );
}

#[tokio::test]
async fn s001_20_a_missing_scope_is_a_403_that_names_the_scope() {
    let (_issuer, api, _) = setup(0).await;
    let answer = api.send("POST", "/demo/payments/transfers", &["Authorization: Bearer t"]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["scope"], "payments:write");
    assert!(answer.challenge().starts_with("Bearer realm=\"payments\", error=\"insufficient_scope\""));
    assert!(answer.challenge().ends_with("scope=\"payments:write\""));
}
