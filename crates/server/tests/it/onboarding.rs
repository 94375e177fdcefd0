//! How partners come to their credentials: applications, approvals, contracts, and what stays shut until then.

use grantor_testkit::{Client, Server};
use serde_json::{Value, json};

const BOTH: [&str; 2] = ["production", "sandbox"];
const GRANT: &str = "grant_type=client_credentials";

async fn new_tenant(server: &Server, name: &str) {
    let made = server.admin("POST", "/tenants", json!({ "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

fn access(environment: &str, tenant: &str, api: &str) -> String {
    format!("/environments/{environment}/accesses/{tenant}/{api}")
}

async fn apply(server: &Server, environment: &str, tenant: &str, api: &str) -> u16 {
    let path = format!("/environments/{environment}/accesses");
    server.admin("POST", &path, json!({ "tenant": tenant, "api": api })).await.status
}

async fn approve(server: &Server, environment: &str, tenant: &str, api: &str) {
    assert_eq!(apply(server, environment, tenant, api).await, 201);
    let path = format!("{}/approve", access(environment, tenant, api));
    let approved = server.admin("POST", &path, json!({})).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
}

async fn sign(server: &Server, environment: &str, tenant: &str, api: &str) {
    let path = format!("{}/contract", access(environment, tenant, api));
    let body = json!({ "sha256": "cd".repeat(32), "signed_at": "2020-05-03T00:00:00Z", "reference": "17" });
    let signed = server.admin("PUT", &path, body).await;
    assert_eq!(signed.status, 200, "{}", signed.text);
}

/// Error, reason and gate of a token request.
async fn refused(server: &Server, environment: &str, api: &str, client: &Client) -> (u16, [Value; 3]) {
    let url = server.token_endpoint(environment, api);
    let answer = server.post(&url, Some(&grantor_testkit::basic(&client.id, &client.secret)), GRANT).await;
    let body = answer.json();
    (answer.status, [body["error"].clone(), body["reason"].clone(), body["gate"].clone()])
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_07_an_account_that_is_not_approved_creates_no_secret() {
    let server = Server::start().await;
    new_tenant(&server, "stranger").await;
    for environment in BOTH {
        let apps = format!("/environments/{environment}/apps");
        let app = json!({ "tenant": "stranger", "apis": ["channel"], "client_id": "stranger-channel" });
        let nothing = server.admin("POST", &apps, app.clone()).await;
        assert_eq!((nothing.status, nothing.json()["gate"].clone()), (403, json!("account_approved")));
        assert_eq!(apply(&server, environment, "stranger", "channel").await, 201);
        let waiting = server.admin("POST", &apps, app.clone()).await;
        assert_eq!((waiting.status, waiting.json()["gate"].clone()), (403, json!("account_approved")));
        let path = format!("{}/approve", access(environment, "stranger", "channel"));
        assert_eq!(server.admin("POST", &path, json!({})).await.status, 200);
        let made = server.admin("POST", &apps, app).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert!(made.json()["client_secret"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_07_a_closed_account_gets_no_new_secret_for_an_app_of_before() {
    let server = Server::start().await;
    new_tenant(&server, "stranger").await;
    approve(&server, "production", "stranger", "channel").await;
    let app = server.new_app("production", json!({ "tenant": "stranger", "apis": ["channel"] })).await;
    let secrets = format!("/environments/production/apps/{}/secrets", app.id);
    assert_eq!(server.admin("POST", &secrets, json!({})).await.status, 201);
    let path = format!("{}/close", access("production", "stranger", "channel"));
    assert_eq!(server.admin("POST", &path, json!({ "reason": "It is over" })).await.status, 200);
    assert_eq!(server.admin("POST", &secrets, json!({})).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_02_a_company_is_a_partner_before_oauth_works_for_its_app() {
    let server = Server::start().await;
    new_tenant(&server, "stranger").await;
    for environment in BOTH {
        let apps = format!("/environments/{environment}/apps");
        let app = json!({ "tenant": "stranger", "apis": ["deals"] });
        assert_eq!(apply(&server, environment, "stranger", "deals").await, 201);
        let early = server.admin("POST", &apps, app.clone()).await;
        assert_eq!((early.status, early.json()["gate"].clone()), (403, json!("partner_approved")));
        let place = access(environment, "stranger", "deals");
        let unreasoned = server.admin("POST", &format!("{place}/refuse"), json!({ "reason": " " })).await;
        assert_eq!(unreasoned.status, 422);
        let refused =
            server.admin("POST", &format!("{place}/refuse"), json!({ "reason": "No licence" })).await;
        assert_eq!((refused.status, refused.json()["status"].clone()), (200, json!("refused")));
        assert_eq!(server.admin("POST", &apps, app.clone()).await.status, 403);
        // Another try, and a yes.
        approve(&server, environment, "stranger", "deals").await;
        let client = server.new_app(environment, app).await;
        assert_eq!(self::refused(&server, environment, "deals", &client).await.0, 200);
        let shown = server.admin("GET", &place, json!({})).await.json();
        let steps: Vec<&str> =
            shown["history"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
        assert_eq!(steps, ["apply", "refuse", "apply", "approve"]);
        assert_eq!(shown["history"][1]["comment"], "No licence");
        assert_eq!(shown["active"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_10_no_key_and_no_token_before_the_contract_is_recorded() {
    let server = Server::start().await;
    new_tenant(&server, "stranger").await;
    for environment in BOTH {
        approve(&server, environment, "stranger", "assets").await;
        let keys = format!("/environments/{environment}/keys");
        let key = json!({ "tenant": "stranger", "apis": ["assets"] });
        let early = server.admin("POST", &keys, key.clone()).await;
        assert_eq!((early.status, early.json()["gate"].clone()), (403, json!("contract_signed")));
        let client = server.new_app(environment, json!({ "tenant": "stranger", "apis": ["assets"] })).await;
        let (status, told) = refused(&server, environment, "assets", &client).await;
        assert_eq!(status, 400);
        assert_eq!(told, [json!("access_denied"), json!("gate_closed"), json!("contract_signed")]);
        sign(&server, environment, "stranger", "assets").await;
        let (_, told) = refused(&server, environment, "assets", &client).await;
        assert_eq!(told[2], if environment == BOTH[0] { json!("documents_accepted") } else { Value::Null });
        if environment == BOTH[0] {
            server.accept_documents("stranger").await;
        }
        assert_eq!(refused(&server, environment, "assets", &client).await.0, 200);
        let made = server.admin("POST", &keys, key).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_for_one_api_and_environment_opens_no_other() {
    let server = Server::start().await;
    new_tenant(&server, "stranger").await;
    approve(&server, "sandbox", "stranger", "payments").await;
    let app = |api: &str| json!({ "tenant": "stranger", "apis": [api] });
    let made = server.admin("POST", "/environments/sandbox/apps", app("payments")).await;
    assert_eq!(made.status, 201);
    for (environment, api) in [("sandbox", "deals"), ("production", "payments")] {
        let path = format!("/environments/{environment}/apps");
        assert_eq!(server.admin("POST", &path, app(api)).await.status, 403, "{environment} {api}");
        let shown = server.admin("GET", &access(environment, "stranger", api), json!({})).await;
        assert_eq!(shown.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_may_demand_an_active_test_access_before_a_live_one() {
    let server = Server::start().await;
    let manifest = r#"
[[profile]]
name = "careful"
token_paths = ["/oauth/careful"]
client_auth = ["client_secret_basic"]
token_format = "jwt"
grants = ["client_credentials"]
gates = ["sandbox_active"]
[[api]]
name = "careful"
environments = ["production", "sandbox"]
profile = "careful"
audience = "{issuer}/careful"
scope = [{ name = "careful:read" }]
"#;
    assert_eq!(server.apply(manifest).await.status, 200);
    new_tenant(&server, "stranger").await;
    assert_eq!(apply(&server, "production", "stranger", "careful").await, 403);
    assert_eq!(apply(&server, "sandbox", "stranger", "careful").await, 201);
    assert_eq!(apply(&server, "production", "stranger", "careful").await, 403, "applied is not active");
    let path = format!("{}/approve", access("sandbox", "stranger", "careful"));
    assert_eq!(server.admin("POST", &path, json!({})).await.status, 200);
    assert_eq!(apply(&server, "production", "stranger", "careful").await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_of_the_terms_stops_tokens_after_its_grace_and_acceptance_restores_them() {
    let server = Server::start().await;
    let client = server.client("production", "assets");
    let token = async || refused(&server, "production", "assets", &client).await;
    assert_eq!(token().await.0, 200);
    let documents = server.admin("GET", "/documents", json!({})).await.json();
    let terms = documents["items"].as_array().unwrap().iter().find(|one| one["kind"] == "terms").unwrap();
    let version = json!({ "grace": 1, "texts": { "en": { "title": "Terms", "body": "Newer." } } });
    let path = format!("/documents/{}/versions", terms["id"].as_str().unwrap());
    let published = server.admin("POST", &path, version).await;
    assert_eq!(published.status, 200, "{}", published.text);
    assert_eq!(token().await.0, 200, "within its grace");
    server.clock().pass(2);
    let (status, told) = token().await;
    assert_eq!(status, 400);
    assert_eq!(told, [json!("access_denied"), json!("gate_closed"), json!("documents_accepted")]);
    server.accept_documents("acme").await;
    assert_eq!(token().await.0, 200);
    let history = server.admin("GET", "/tenants/acme/acceptances", json!({})).await.json();
    let last = history["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((last["document"].clone(), last["version"].clone()), (json!("terms"), json!(2)));
    assert_eq!(last["sha256"].as_str().unwrap().len(), 64);
    assert!(last["accepted_by"].as_str().unwrap().starts_with("operator:"));
    assert!(last["accepted_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_access_can_be_resumed_and_a_closed_one_cannot() {
    let server = Server::start().await;
    let place = access("production", "acme", "payments");
    let step = async |verb: &str, expected: u16| {
        let answer = server.admin("POST", &format!("{place}/{verb}"), json!({})).await;
        assert_eq!(answer.status, expected, "{verb}: {}", answer.text);
        answer.json()["status"].clone()
    };
    assert_eq!(step("suspend", 200).await, "suspended");
    assert_eq!(step("suspend", 200).await, "suspended");
    step("approve", 422).await;
    assert_eq!(step("resume", 200).await, "approved");
    assert_eq!(step("close", 200).await, "closed");
    step("resume", 422).await;
    step("suspend", 422).await;
    assert_eq!(apply(&server, "production", "acme", "payments").await, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_were_read_and_sent_back_change_nothing() {
    let server = Server::start().await;
    let path = format!("{}/terms", access("production", "acme", "payments"));
    let read = server.admin("GET", &path, json!({})).await.json();
    let sent = server.admin("PUT", &path, read.clone()).await;
    assert_eq!((sent.status, sent.json()), (200, read));
}
