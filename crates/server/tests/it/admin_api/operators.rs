//! Operators: made with a role, ended at once, never the last one who may do everything.

use grantor_testkit::Server;
use serde_json::{Value, json};

use super::portal::ask;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_made_seen_without_the_token_and_ended_at_once() {
    let server = Server::start().await;
    let made = server.admin("POST", "/operators", json!({ "name": "night-shift", "role": "support" })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (token, id) = (made.json()["token"].as_str().unwrap().to_owned(), made.json()["id"].clone());
    let path = format!("/operators/{}", id.as_str().unwrap());
    assert_eq!(ask(&server, &token, "GET", "/tenants", Value::Null).await.status, 200);
    let listed = server.admin("GET", "/operators", Value::Null).await;
    assert!(listed.text.contains("night-shift") && !listed.text.contains(&token), "{}", listed.text);
    assert_eq!(server.admin("GET", &path, Value::Null).await.json()["role"], "support");
    assert_eq!(server.admin("DELETE", &path, json!({})).await.status, 204);
    assert_eq!(ask(&server, &token, "GET", "/tenants", Value::Null).await.status, 401);
    assert_eq!(server.admin("DELETE", &path, json!({})).await.status, 404);
    let again = server.admin("POST", "/operators", json!({ "name": "night-shift" })).await;
    assert_eq!(again.status, 409, "the audit names operators: {}", again.text);
    for bad in [
        json!({ "name": "Bad Name" }),
        json!({ "name": "x", "role": "root" }),
        json!({ "name": "x", "token": "t" }),
    ] {
        assert_eq!(server.admin("POST", "/operators", bad.clone()).await.status, 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_one_who_may_do_everything_stays_also_when_two_end_each_other_at_once() {
    let server = Server::start().await;
    let operators = server.admin("GET", "/operators", Value::Null).await.json();
    let first = format!("/operators/{}", operators["items"][0]["id"].as_str().unwrap());
    server.admin("POST", "/operators", json!({ "name": "reader", "role": "auditor" })).await;
    let refused = server.admin("DELETE", &first, json!({})).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("last operator"), "{}", refused.text);
    let made = server.admin("POST", "/operators", json!({ "name": "second" })).await.json();
    let token = made["token"].as_str().unwrap();
    let second = format!("/operators/{}", made["id"].as_str().unwrap());
    let (a, b) = tokio::join!(
        server.admin("DELETE", &second, json!({})),
        ask(&server, token, "DELETE", &first, json!({}))
    );
    let ended = [a.status, b.status].into_iter().filter(|status| *status == 204).count();
    assert_eq!(ended, 1, "{} {}", a.text, b.text);
}
