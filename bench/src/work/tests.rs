//! Requests as a contract asks for them, and Grantor's side played by a ceiling.

use super::*;
use crate::contract::SAMPLE;

#[test]
fn a_client_that_must_use_the_body_sends_no_basic_header() {
    let contract = Contract::parse(SAMPLE).unwrap();
    let (right, wrong) = token_requests(contract.api("assets").unwrap()).unwrap();
    let right = String::from_utf8(right.to_vec()).unwrap();
    assert!(
        right
            .ends_with("grant_type=client_credentials&scope=prod.teosapi&client_id=machine&client_secret=s2")
    );
    assert!(!right.contains("authorization"));
    assert!(String::from_utf8(wrong.to_vec()).unwrap().contains(WRONG));
}

#[test]
fn an_api_key_is_asked_about_as_a_bearer_credential_with_the_original_request() {
    let contract = Contract::parse(SAMPLE).unwrap();
    let api = contract.api("assets").unwrap();
    let request = question(api, Verb::ForwardAuth, "api_key").unwrap().about(api.api_key().unwrap());
    let request = String::from_utf8(request.to_vec()).unwrap();
    assert!(request.starts_with("GET /forward-auth/assets HTTP/1.1\r\n"));
    for header in [
        "authorization: Bearer production-key",
        "x-forwarded-method: GET",
        "x-forwarded-uri: /demo/assets/assets",
    ] {
        assert!(request.contains(header), "{header} is missing");
    }
}

/// A contract whose payments API is a ceiling server of this process.
async fn ceiling_as_payments(secret: &str) -> Contract {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = format!("http://{}", listener.local_addr().unwrap());
    let routes = crate::ceiling::router(Kind::Signed(Algorithm::Es256), &std::env::temp_dir()).unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let client = serde_json::json!({"client_id": client_id(3), "client_secret": secret,
        "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["client_credentials"]});
    let api = serde_json::json!({"name": "payments", "environment": "production",
        "token_endpoint": format!("{home}/oauth/token"), "forward_auth_url": format!("{home}/forward-auth"),
        "introspection": {"endpoint": format!("{home}/introspect"), "client_id": client_id(4), "client_secret": client_secret(4)},
        "clients": [client],
        "examples": [{"method": "GET", "path": "/transfers", "scope": "payments:read", "accepts": ["client"]}]});
    let contract = serde_json::json!({"ready": true, "operator": {}, "apis": [api],
        "environments": [{"name": "production", "issuer": home}]});
    Contract::parse(&contract.to_string()).unwrap()
}

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn tokens_of_a_contract_are_issued_looked_at_and_loaded() {
    let contract = ceiling_as_payments(&client_secret(3)).await;
    let es256 = Algorithm::Es256;
    for work in [
        Work::Token(es256),
        Work::Seen(Verb::ForwardAuth),
        Work::Seen(Verb::Introspect),
        Work::Unseen(Verb::ForwardAuth, es256),
        Work::Unseen(Verb::Introspect, es256),
    ] {
        let mut side = work.grantor_side(std::process::id(), &contract, SHORT).await.unwrap();
        side.prove().await.unwrap();
        assert!(side.saturate(SHORT).await.unwrap().rate > 0.0, "{work:?}");
    }
}

/// A ceiling that serves in this process.
async fn ceiling(kind: Kind, folder: &std::path::Path) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = crate::ceiling::router(kind, folder).unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    address
}

#[tokio::test]
async fn the_ceilings_redeem_once_rotate_and_check_passwords() {
    let folder = tempfile::tempdir().unwrap();
    for work in [Work::Redemption, Work::Rotation, Work::Password] {
        let own = folder.path().join(format!("{work:?}"));
        std::fs::create_dir(&own).unwrap();
        let address = ceiling(work.ceiling(), &own).await;
        let mut side = work.ceiling_side(std::process::id(), address, SHORT).unwrap();
        side.prove().await.unwrap();
        assert!(side.saturate(SHORT).await.unwrap().rate > 0.0, "{work:?}");
    }
}

#[tokio::test]
async fn a_server_that_redeems_a_code_twice_is_not_measured() {
    let routes = axum::Router::new()
        .route(
            "/code",
            axum::routing::get(async || {
                (::axum::http::StatusCode::SEE_OTHER, [("location", "/callback?code=c")])
            }),
        )
        .route(
            "/oauth/token",
            axum::routing::post(
                async || r#"{"access_token":"eyJhbGciOiJFUzI1NiJ9.e30.c2ln","refresh_token":"r"}"#,
            ),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let mut side = Work::Redemption.ceiling_side(1, address, SHORT).unwrap();
    assert!(side.prove().await.unwrap_err().to_string().contains("second time"));
}

#[tokio::test]
async fn a_wrong_secret_or_a_missing_api_ends_a_goal_before_its_run() {
    let contract = ceiling_as_payments("wrong").await;
    let pid = std::process::id();
    for work in [Work::Token(Algorithm::Es256), Work::Seen(Verb::ForwardAuth)] {
        let refusal = work.grantor_side(pid, &contract, SHORT).await.unwrap().prove().await.unwrap_err();
        assert!(refusal.to_string().contains("401"), "{refusal}");
    }
    assert!(Work::Opaque.grantor_side(pid, &contract, SHORT).await.is_err());
}

#[tokio::test]
async fn a_server_that_lets_everything_pass_is_not_measured() {
    let contract = ceiling_as_payments(&client_secret(3)).await;
    let mut side = Work::Token(Algorithm::Es256).grantor_side(1, &contract, SHORT).await.unwrap();
    let Supply::Fixed(list) = &side.supply else { panic!("not a fixed request") };
    // The "wrong" request is answered with 200, as a server without client authentication would.
    side.refused = Some(list[0].clone());
    assert!(side.prove().await.unwrap_err().to_string().contains("wrong credentials"));
}
