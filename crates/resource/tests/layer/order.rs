//! In which order the questions are asked, and what an unauthenticated caller can learn: nothing.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use grantor_resource::{CredentialKind, ProtectLayer, Requirement};

use crate::fake_issuer::FakeIssuer;
use crate::protected_api::{Api, Hands, active, contract, introspect};

const TOKEN: &str = "Authorization: Bearer t";

async fn setup() -> (FakeIssuer, Api) {
    let issuer = FakeIssuer::start().await;
    issuer.introspection(&active(&issuer));
    let layer = ProtectLayer::contract(contract(), introspect(&issuer, Duration::ZERO)).unwrap();
    let api = Api::start(layer.realm("payments").clock(Hands::new().clock())).await;
    (issuer, api)
}

#[tokio::test]
async fn s001_01_without_a_token_every_path_and_method_is_the_same_401() {
    let (issuer, api) = setup().await;
    for (method, target) in [
        ("GET", "/demo/payments/transfers"),
        ("DELETE", "/demo/payments/transfers"),
        ("GET", "/demo/payments/none"),
        ("GET", "/demo/payments/a/../transfers"),
        ("OPTIONS", "/demo/payments/transfers"),
        ("GET", "/"),
        ("BREW", "/demo/payments/transfers"),
    ] {
        let answer = api.send(method, target, &[]).await;
        assert_eq!(answer.status, 401, "{method} {target}");
        assert_eq!(answer.challenge(), "Bearer realm=\"payments\"");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    assert_eq!(issuer.asked().len(), 0);
}

#[tokio::test]
async fn with_a_token_an_unknown_path_is_404_and_an_unknown_method_405() {
    let (_issuer, api) = setup().await;
    for target in ["/demo/payments/none", "/transfers", "/demo/payments", "/demo/paymentsx/transfers", "/"] {
        assert_eq!(api.send("GET", target, &[TOKEN]).await.status, 404, "{target}");
    }
    // The handler exists, the contract does not know it: closed.
    assert_eq!(api.send("POST", "/demo/payments/undocumented", &[TOKEN]).await.status, 404);
    let answer = api.send("DELETE", "/demo/payments/transfers", &[TOKEN]).await;
    assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "GET, POST"));
    assert_eq!(api.send("HEAD", "/demo/payments/transfers", &[TOKEN]).await.status, 200);
}

#[tokio::test]
async fn l01_l02_a_path_with_a_second_reading_never_reaches_the_api() {
    let (_issuer, api) = setup().await;
    for target in [
        "/demo/payments/transfers/../me",
        "/demo/payments//transfers",
        "/demo/payments/transfers/%2e%2e",
        "/demo/payments/transfers/a%2fb",
        "/demo/payments/transfers/a;b",
        "/demo/payments/transfers/a%00",
        "/demo/payments/transfers/%6de",
        "/demo/payments/transfers/%252e%252e",
    ] {
        assert_eq!(api.send("GET", target, &[TOKEN]).await.status, 404, "{target}");
    }
    assert_eq!(api.send("GET", "/demo/payments/transfers/7?a=../..//;%2f", &[TOKEN]).await.status, 200);
}

#[tokio::test]
async fn s004_20_a_token_in_the_query_is_refused_and_not_echoed() {
    let (issuer, api) = setup().await;
    for headers in [&[][..], &[TOKEN][..]] {
        let answer = api.send("GET", "/demo/payments/transfers?access_token=s3cr3t-value", headers).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request")));
        assert!(!format!("{answer:?}").contains("s3cr3t-value"));
    }
    assert_eq!(issuer.asked().len(), 0);
}

#[tokio::test]
async fn the_mistake_in_the_header_is_named() {
    let (issuer, api) = setup().await;
    let answer = api.send("GET", "/demo/payments/transfers", &["Authorization: Bearers3cr3t"]).await;
    assert_eq!(answer.status, 401);
    let text = "One space must stand between Bearer and the token";
    assert!(answer.body.contains(text) && answer.challenge().contains(text));
    assert!(!format!("{answer:?}").contains("s3cr3t"));
    let answer = api.send("GET", "/demo/payments/transfers", &["Authorization: Basic YTpi"]).await;
    assert_eq!((answer.status, answer.challenge()), (401, "Bearer realm=\"payments\""));
    assert!(answer.body.contains("scheme Bearer"));
    let answer = api.send("GET", "/demo/payments/transfers", &[TOKEN, TOKEN]).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request")));
    assert_eq!(issuer.asked().len(), 0);
    assert_eq!(api.send("GET", "/demo/payments/transfers", &["authorization: bearer t"]).await.status, 200);
}

#[tokio::test]
async fn inside_a_nested_router_the_base_path_is_gone_and_need_not_be_there() {
    let issuer = FakeIssuer::start().await;
    issuer.introspection(&active(&issuer));
    let layer = ProtectLayer::contract(contract(), introspect(&issuer, Duration::ZERO)).unwrap();
    let layer = layer.clock(Hands::new().clock());
    let nested = |layer: ProtectLayer| {
        let inner = Router::new().route("/transfers", get(|| async { "ok" })).layer(layer);
        Router::new().nest("/demo/payments", inner)
    };
    let outside = Api::serve(nested(layer.clone())).await;
    assert_eq!(outside.get("/transfers", "t").await.status, 404);
    let inside = Api::serve(nested(layer.inside_base_path())).await;
    assert_eq!(inside.get("/transfers", "t").await.status, 200);
}

#[tokio::test]
async fn a_fixed_requirement_holds_for_every_path() {
    let issuer = FakeIssuer::start().await;
    issuer.introspection(&active(&issuer));
    let start = async |kind, scope: &str| {
        let requirement = Requirement { accepts: vec![kind], scopes: vec![vec![scope.to_owned()]] };
        let layer = ProtectLayer::require(requirement, introspect(&issuer, Duration::ZERO)).unwrap();
        Api::start(layer.clock(Hands::new().clock())).await
    };
    assert_eq!(start(CredentialKind::Client, "payments:read").await.get("/me", "t").await.status, 200);
    assert_eq!(start(CredentialKind::User, "payments:read").await.get("/me", "t").await.status, 403);
    assert_eq!(start(CredentialKind::Client, "other").await.get("/me", "t").await.status, 403);
}
