//! Documents by the admin API: made, published anew, never changed; and acceptances that were given elsewhere.

use grantor_testkit::{Answer, Server};
use serde_json::{Value, json};

fn version(body: &str) -> Value {
    json!({ "texts": { "en": { "title": "House rules", "body": body } } })
}

async fn create(server: &Server, tenant: Option<&str>) -> Answer {
    let body = json!({ "kind": "rules", "tenant": tenant, "version": version("Be kind.") });
    server.admin("POST", "/documents", body).await
}

/// A document of the provider, by id.
async fn rules(server: &Server) -> String {
    let made = create(server, None).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn audit(server: &Server) -> String {
    server.admin("GET", "/audit", json!({})).await.text
}

fn assert_refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(words), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_made_listed_and_shown_with_its_texts() {
    let server = Server::start().await;
    let id = rules(&server).await;
    let list = server.admin("GET", "/documents", json!({})).await.json();
    let listed = list["items"].as_array().unwrap().iter().find(|document| document["id"] == *id).unwrap();
    assert_eq!((&listed["kind"], &listed["tenant"]), (&json!("rules"), &Value::Null));
    let first = &listed["versions"][0];
    assert_eq!((&first["number"], &first["grace_seconds"]), (&json!(1), &json!(0)));
    assert_eq!(first["languages"], json!(["en"]));
    assert_eq!(first["sha256"].as_str().unwrap().len(), 64);
    assert!(first.get("texts").is_none(), "texts are long");
    let shown = server.admin("GET", &format!("/documents/{id}"), json!({})).await.json();
    assert_eq!(shown["versions"][0]["texts"]["en"]["body"], "Be kind.");
    assert_refused(&server.admin("GET", "/documents/doc_0", json!({})).await, 404, "no such document");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_is_taken_once_by_the_provider_and_once_by_each_tenant() {
    let server = Server::start().await;
    rules(&server).await;
    assert_refused(&create(&server, None).await, 409, "Publish a version of it");
    let of_tenant = create(&server, Some("acme")).await;
    assert_eq!((of_tenant.status, of_tenant.json()["tenant"].clone()), (201, json!("acme")));
    assert_refused(&create(&server, Some("acme")).await, 409, "Publish a version of it");
    assert_refused(&create(&server, Some("nobody")).await, 404, "no such tenant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_version_never_changes() {
    let server = Server::start().await;
    let versions = format!("/documents/{}/versions", rules(&server).await);
    let publish = async |body: Value| server.admin("POST", &versions, body).await;
    let numbered = |number: i64, text: &str| {
        let mut body = version(text);
        body["number"] = number.into();
        body
    };
    assert_refused(&publish(numbered(1, "Be unkind.")).await, 422, "publish a new version");
    let before = audit(&server).await;
    let same = publish(numbered(1, "Be kind.")).await;
    assert_eq!((same.status, same.json()["versions"].as_array().unwrap().len()), (200, 1));
    assert_eq!(audit(&server).await, before, "what is there already leaves no trace");

    let mut second = version("Be kinder.");
    second["grace"] = json!("30d");
    second["effective_at"] = json!("2999-01-01T00:00:00Z");
    let published = publish(second).await;
    assert_eq!(published.status, 200, "{}", published.text);
    let latest = &published.json()["versions"][1];
    assert_eq!((&latest["number"], &latest["grace_seconds"]), (&json!(2), &json!(2_592_000)));
    assert_eq!(latest["effective_at"], "2999-01-01T00:00:00Z");
    assert_refused(&publish(version("Be kindest.")).await, 422, "in force before");
    assert_refused(&publish(json!({ "texts": {} })).await, 422, "languages");
    assert_refused(&publish(json!({ "texts": { "en": { "title": "", "body": "x" } } })).await, 422, "title");
    assert_eq!(publish(json!({ "texts": {}, "effective_at": "tomorrow" })).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_on_paper_is_recorded_once_with_its_evidence() {
    let server = Server::start().await;
    rules(&server).await;
    let email = server.person("end_user").email;
    let path = format!("/environments/production/users/{email}/acceptances");
    let body = |document: &str, version: i64, evidence: &str| json!({ "document": document, "tenant": "acme", "version": version, "evidence": evidence });
    let made = server.admin("POST", &path, body("rules", 1, "contract of 2026-01-31, page 7")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let acceptance = made.json();
    assert_eq!(
        (&acceptance["document"], &acceptance["tenant"], &acceptance["version"], &acceptance["address"]),
        (&json!("rules"), &json!("acme"), &json!(1), &Value::Null)
    );
    let told = audit(&server).await;
    assert!(told.contains("contract of 2026-01-31, page 7") && told.contains("on_behalf"));
    let again = server.admin("POST", &path, body("rules", 1, "another paper")).await;
    assert_eq!(again.json(), acceptance, "the first time counts");
    assert!(!audit(&server).await.contains("another paper"));
    let list = server.admin("GET", &path, json!({})).await.json();
    let ours = list["items"].as_array().unwrap().iter().filter(|item| item["document"] == "rules");
    assert_eq!(ours.count(), 1);

    assert_refused(
        &server.admin("POST", &path, body("rules", 2, "paper")).await,
        422,
        "no published version",
    );
    assert_refused(&server.admin("POST", &path, body("nothing", 1, "paper")).await, 422, "no such document");
    assert_refused(
        &server.admin("POST", &path, body("rules", 1, " ")).await,
        422,
        "how the acceptance is known",
    );
    let own = create(&server, Some("acme")).await.json()["id"].as_str().unwrap().to_owned();
    assert_refused(&server.admin("POST", &path, body("rules", 1, "paper")).await, 422, "name its id");
    let by_id = server.admin("POST", &path, body(&own, 1, "paper")).await;
    assert_eq!((by_id.status, by_id.json()["document_id"].clone()), (201, json!(own)));
}
