use axum::body::Body;
use grantor_resource::CredentialKind;
use http_body_util::BodyExt as _;

use super::super::credentials::tests::fake;
use super::super::embedded::FILES;
use super::super::landscape::Landscape;
use super::*;

/// The issuer of this landscape is nobody: whoever comes through the layer was not asked about.
fn site() -> Router {
    let landscape = Landscape::read(FILES, "127.0.0.1:1".parse().unwrap()).unwrap();
    let site = Site::default();
    let router = site.router();
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock::new());
    let shown = fake(&landscape.manifest, landscape.apis);
    let callbacks = ["/demo/callback".to_owned()].into();
    site.fill(shown.iter().map(|shown| mount(shown, clock.clone()).unwrap()).collect(), callbacks);
    router
}

async fn ask(router: &Router, method: &str, path: &str) -> (StatusCode, Value) {
    let request = http::Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn before_the_layers_have_secrets_the_answer_is_to_come_again() {
    let router = Site::default().router();
    assert_eq!(ask(&router, "GET", "/demo/payments/transfers").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&router, "GET", "/demo/payments/openapi.json").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_router_that_is_served_already_opens_when_the_site_is_filled() {
    assert_eq!(ask(&site(), "GET", "/demo/payments/openapi.json").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_document_of_each_environment_is_for_everybody() {
    let router = site();
    for (path, url) in [
        ("/demo/assets", "http://127.0.0.1:1/demo/assets"),
        ("/sandbox/demo/assets", "http://127.0.0.1:1/sandbox/demo/assets"),
    ] {
        let (status, document) = ask(&router, "GET", &format!("{path}/openapi.json")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(document["servers"][0]["url"], url);
    }
}

#[tokio::test]
async fn everything_else_is_401_without_a_credential_also_where_nothing_is() {
    let router = site();
    for (method, path) in [
        ("GET", "/demo/payments/transfers"),
        ("POST", "/demo/payments/transfers"),
        ("GET", "/sandbox/demo/banking/accounts"),
        ("GET", "/demo/payments/unknown"),
        ("GET", "/demo/payments"),
        ("GET", "/demo/payments/"),
        ("GET", "/demo/payments//openapi.json"),
        ("POST", "/demo/payments/openapi.json"),
        ("DELETE", "/demo/payments/openapi.json"),
        ("OPTIONS", "/demo/payments/transfers"),
    ] {
        assert_eq!(ask(&router, method, path).await.0, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test]
async fn the_page_of_the_redirect_uris_is_for_everybody_at_exactly_their_paths() {
    let router = site();
    assert_eq!(ask(&router, "GET", "/demo/callback?code=a").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "GET", "/demo/callback/").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&router, "GET", "/sandbox/demo/callback").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn beside_the_apis_and_that_page_there_is_nothing() {
    let router = site();
    for path in [
        "/",
        "/demo",
        "/demo/",
        "/demo/payments2/transfers",
        "/demo/nobody",
        "/sandbox/demo",
        "/demo//payments/me",
    ] {
        assert_eq!(ask(&router, "GET", path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_lets_nobody_in() {
    let request =
        http::Request::builder().uri("/demo/payments/transfers").header("authorization", "Bearer abc");
    let response = site().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

fn caller() -> Caller {
    Caller {
        credential_kind: CredentialKind::ApiKey,
        subject: "s".to_owned(),
        client_id: None,
        tenant: Some("t".to_owned()),
        environment: Some("e".to_owned()),
        scope: "a b".to_owned(),
        audience: vec!["aud".to_owned()],
        token_id: Some("j".to_owned()),
        expires_at: Some(1),
    }
}

#[test]
fn an_example_is_answered_with_the_caller_and_a_list_becomes_items() {
    let who = json!({"credential_kind": "api_key", "subject": "s", "client_id": null, "tenant": "t", "environment": "e", "scope": "a b"});
    let answer = |example| with_caller(example, &caller());
    assert_eq!(answer(Some(json!({"a": 1}))), json!({"a": 1, "caller": who}));
    assert_eq!(answer(Some(json!([1, 2]))), json!({"items": [1, 2], "caller": who}));
    assert_eq!(answer(Some(json!({"caller": "forged"}))), json!({"caller": who}));
    assert_eq!(answer(None), json!({"caller": who}));
}

async fn operated(document: &str, method: &str, path: &str) -> (StatusCode, Value) {
    let contract = Arc::new(Contract::from_openapi(document).unwrap());
    let request = http::Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = operate(State(contract), Extension(caller()), request).await;
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn an_operation_answers_its_own_example_with_its_own_status() {
    let document = r#"{"openapi": "3.1.0", "servers": [{"url": "http://x/base"}], "x-grantor-credential": ["client"],
        "paths": {"/a/{id}": {"post": {"responses": {"202": {"content": {"application/json": {"example": {"made": true}}}}}}},
                  "/a": {"get": {"responses": {"200": {"content": {"application/json": {"example": [7]}}}}}}}}"#;
    let (status, body) = operated(document, "POST", "/base/a/5?x=y").await;
    assert_eq!(
        (status, &body["made"], &body["caller"]["subject"]),
        (StatusCode::ACCEPTED, &json!(true), &json!("s"))
    );
    let (status, body) = operated(document, "GET", "/base/a").await;
    assert_eq!((status, &body["items"]), (StatusCode::OK, &json!([7])));
    assert_eq!(operated(document, "GET", "/base/b").await.0, StatusCode::NOT_FOUND);
}
