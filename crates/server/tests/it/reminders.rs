//! Reminders that a secret or key ends: 30, 7 and 1 days before, each once, also across a restart.

use grantor_server::jobs::upkeep;
use grantor_testkit::{Mail, Server};
use serde_json::{Value, json};

const DAY: i64 = 86_400;
const ADMIN: &str = "admin@acme.example";

/// Who signs in nowhere: only what ends counts.
async fn after(server: &Server, days: i64) {
    server.clock().pass(days * DAY);
    upkeep(server.node()).await.unwrap();
    // Twice, as the job does: what was sent is not due any more.
    upkeep(server.node()).await.unwrap();
}

/// What the audit says of reminders about something, as days, oldest first.
async fn reminded(server: &Server, action: &str, of: &str) -> Vec<i64> {
    let listed = server.admin("GET", "/audit?limit=200", json!({})).await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    let items = listed.json()["items"].as_array().unwrap().clone();
    let about = |item: &&Value| item["action"] == action && item.to_string().contains(of);
    let days = |item: &Value| match &item["detail"] {
        Value::String(text) => serde_json::from_str::<Value>(text).unwrap()["days"].as_i64().unwrap(),
        detail => detail["days"].as_i64().unwrap(),
    };
    items.iter().filter(about).map(days).rev().collect()
}

fn mails_about(server: &Server, what: &str) -> Vec<Mail> {
    let about = |mail: &Mail| mail.subject.contains("ends soon") && mail.text.contains(what);
    server.mails().into_iter().filter(about).collect()
}

async fn key(server: &Server, name: &str, lifetime: i64) -> String {
    let body = json!({ "tenant": "acme", "apis": ["assets"], "name": name, "lifetime": lifetime });
    let answer = server.admin("POST", "/environments/production/keys", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_threshold_is_told_once_also_across_a_restart() {
    let server = Server::start().await;
    let id = key(&server, "quarterly", 40 * DAY).await;
    let app =
        json!({ "tenant": "acme", "apis": ["payments"], "client_id": "ending", "secret_lifetime": 40 * DAY });
    server.new_app("production", app).await;
    after(&server, 9).await;
    assert!(reminded(&server, "key.expiring", &id).await.is_empty(), "31 days are left");
    after(&server, 2).await;
    assert_eq!(reminded(&server, "key.expiring", &id).await, [30]);
    assert_eq!(reminded(&server, "secret.expiring", "ending").await, [30]);
    let server = server.restart().await;
    after(&server, 0).await;
    assert_eq!(reminded(&server, "key.expiring", &id).await, [30], "not again after a restart");
    after(&server, 23).await;
    after(&server, 5).await;
    after(&server, 2).await;
    assert_eq!(reminded(&server, "key.expiring", &id).await, [30, 7, 1]);
    assert_eq!(reminded(&server, "secret.expiring", "ending").await, [30, 7, 1]);
    for _ in 0..500 {
        if mails_about(&server, "quarterly").len() + mails_about(&server, "ending").len() == 6 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for what in ["API key quarterly", "app ending"] {
        let mails = mails_about(&server, what);
        assert_eq!(mails.len(), 3, "{what}");
        assert!(mails.iter().all(|mail| mail.to == ADMIN), "administrators alone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_reminded_of_what_has_ended_or_lives_shortly() {
    let server = Server::start().await;
    let revoked = key(&server, "revoked", 40 * DAY).await;
    let path = format!("/environments/production/keys/{revoked}/revoke");
    assert_eq!(server.admin("POST", &path, json!({ "reason": "unused" })).await.status, 200);
    let short = key(&server, "short", 3_600).await;
    let app =
        json!({ "tenant": "acme", "apis": ["payments"], "client_id": "over", "secret_lifetime": 40 * DAY });
    server.new_app("production", app).await;
    let ended = "/environments/production/apps/over/secrets/1/end";
    assert_eq!(server.admin("POST", ended, json!({})).await.status, 200);
    after(&server, 11).await;
    after(&server, 28).await;
    for what in [&revoked, &short] {
        assert!(reminded(&server, "key.expiring", what).await.is_empty());
    }
    assert!(reminded(&server, "secret.expiring", "over").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_follows_an_end_that_moves() {
    let server = Server::start().await;
    let app = json!({ "tenant": "acme", "apis": ["payments"], "client_id": "moving" });
    server.new_app("production", app).await;
    let rotate = json!({ "end_others_after": 10 * DAY });
    let secrets = "/environments/production/apps/moving/secrets";
    assert_eq!(server.admin("POST", secrets, rotate).await.status, 201);
    after(&server, 4).await;
    assert_eq!(reminded(&server, "secret.expiring", "moving").await, [7], "the overlap ends");
    assert_eq!(server.admin("POST", &format!("{secrets}/2/cancel"), json!({})).await.status, 200);
    after(&server, 5).await;
    after(&server, 2).await;
    assert_eq!(reminded(&server, "secret.expiring", "moving").await, [7], "its end was lifted");
}
