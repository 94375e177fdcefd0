//! Cases: what a tenant asks for is tracked until it is answered, and "done" about a key revokes it.

use grantor_testkit::{Answer, Server};
use serde_json::{Value, json};

const CASES: &str = "/environments/production/cases";

async fn post(server: &Server, path: &str, body: Value) -> Answer {
    server.admin("POST", path, body).await
}

async fn key(server: &Server) -> (String, String) {
    let body = json!({ "tenant": "acme", "apis": ["assets"], "name": "contractor" });
    let made = post(server, "/environments/production/keys", body).await.json();
    (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
}

fn asked(id: &str) -> Value {
    json!({ "tenant": "acme", "kind": "invalidate_key", "key": id, "text": "Our contractor has left." })
}

async fn is_active(server: &Server, key: &str) -> bool {
    server.introspect("production", "assets", key).await.json()["active"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_12_a_request_to_invalidate_a_key_is_tracked_until_it_is_done() {
    let server = Server::start().await;
    let (id, key) = key(&server).await;
    let opened = post(&server, CASES, asked(&id)).await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    let case = opened.json()["id"].as_str().unwrap().to_owned();
    assert_eq!((&opened.json()["state"], &opened.json()["key"]), (&json!("open"), &json!(id)));
    assert!(is_active(&server, &key).await, "asking is not doing");
    let twice = post(&server, CASES, asked(&id)).await;
    assert_eq!(twice.status, 409, "{}", twice.text);
    assert!(twice.text.contains("asks for the same"), "{}", twice.text);

    let answer = format!("{CASES}/{case}/answer");
    let done = post(&server, &answer, json!({ "state": "done", "text": "It no longer works." })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(!is_active(&server, &key).await, "done is done");
    let shown = server.admin("GET", &format!("{CASES}/{case}"), json!({})).await.json();
    assert_eq!((&shown["state"], &shown["answer"]), (&json!("done"), &json!("It no longer works.")));
    assert!(shown["closed_by"].as_str().unwrap().starts_with("operator:"), "{shown}");
    let row = server.admin("GET", &format!("/environments/production/keys/{id}"), json!({})).await.json();
    assert_eq!(row["status"], "revoked");
    assert!(row["revoked_reason"].as_str().unwrap().contains(&case), "{row}");
    let again = post(&server, &answer, json!({ "state": "declined", "text": "No." })).await;
    assert_eq!(again.status, 422, "{}", again.text);
    assert_eq!(post(&server, CASES, asked(&id)).await.status, 422, "the key is revoked already");
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_12_a_declined_request_leaves_the_key_and_may_be_made_again() {
    let server = Server::start().await;
    let (id, key) = key(&server).await;
    for _ in 0..2 {
        let case = post(&server, CASES, asked(&id)).await.json()["id"].as_str().unwrap().to_owned();
        let answer = json!({ "state": "declined", "text": "Your own administrator can revoke it." });
        assert_eq!(post(&server, &format!("{CASES}/{case}/answer"), answer).await.status, 200);
        assert!(is_active(&server, &key).await);
    }
    let listed = server.admin("GET", &format!("{CASES}?tenant=acme"), json!({})).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_asks_about_the_key_of_somebody_else_or_of_another_environment() {
    let server = Server::start().await;
    let (id, _) = key(&server).await;
    assert_eq!(post(&server, "/tenants", json!({ "name": "rival" })).await.status, 201);
    let mut foreign = asked(&id);
    foreign["tenant"] = "rival".into();
    assert_eq!(post(&server, CASES, foreign).await.status, 404);
    assert_eq!(post(&server, "/environments/sandbox/cases", asked(&id)).await.status, 404);
    assert_eq!(post(&server, CASES, asked("key_nonsense")).await.status, 404);
    let opened = post(&server, CASES, asked(&id)).await.json();
    let case = opened["id"].as_str().unwrap();
    let elsewhere = server.admin("GET", &format!("/environments/sandbox/cases/{case}"), json!({})).await;
    assert_eq!(elsewhere.status, 404);
    let listed = server.admin("GET", &format!("{CASES}?tenant=rival"), json!({})).await.json();
    assert_eq!(listed["items"], json!([]));
    for bad in [
        json!({ "tenant": "acme", "kind": "invalidate_key", "text": "x" }),
        json!({ "tenant": "acme", "kind": "other", "key": id, "text": "x" }),
        json!({ "tenant": "acme", "kind": "nonsense", "text": "x" }),
    ] {
        assert_eq!(post(&server, CASES, bad).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_15_each_api_says_which_flow_fits_and_which_is_off() {
    let server = Server::start().await;
    let at = |api: &'static str| {
        let path = format!("/environments/production/apis/{api}/recommendations");
        let server = &server;
        async move { server.admin("GET", &path, json!({})).await.json()["items"].as_array().unwrap().clone() }
    };
    let one = |items: &[Value], kind: &str| items.iter().find(|item| item["kind"] == kind).unwrap().clone();
    let payments = at("payments").await;
    let web = one(&payments, "web_app");
    assert_eq!(
        (&web["grant"], &web["available"], &web["pkce"]),
        (&json!("authorization_code"), &json!(true), &json!(true))
    );
    let machines = at("banking").await;
    let web = one(&machines, "web_app");
    assert_eq!(web["available"], false);
    assert!(web["off"].as_str().unwrap().contains("is off"), "{web}");
    assert_eq!(one(&machines, "server_program")["auth_method"], "client_secret_post");
    let missing = server.admin("GET", "/environments/production/apis/none/recommendations", json!({})).await;
    assert_eq!(missing.status, 404);
}
