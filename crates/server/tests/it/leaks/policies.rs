//! What an environment's `on_leak` changes.

use grantor_testkit::{Server, TEAM};
use serde_json::{Value, json};

use super::{app, bring, incident, is_active, leak_mail, token, works};

/// A server whose production has a policy.
async fn with_policy(policy: &str) -> Server {
    let server = Server::start().await;
    let manifest = format!(
        "[[environment]]\nname = \"production\"\nissuer = \"{}\"\nstage = \"live\"\non_leak = \"{policy}\"\n",
        server.issuer("production")
    );
    let applied = server.apply(&manifest).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn record_stops_nothing_and_opens_a_closed_incident_again() {
    let server = with_policy("record").await;
    let client = app(&server).await;
    let issued = token(&server, &client).await;
    bring(&server, &client.secret).await;
    let seen = incident(&server, "secret:", 1).await;
    assert_eq!(seen["measures"], json!([]));
    assert!(works(&server, &client).await && is_active(&server, "payments", &issued).await);
    assert!(leak_mail(&server, TEAM).await.text.contains("it works on until you replace it"));
    let shown =
        server.admin("GET", &format!("/environments/production/apps/{}", client.id), Value::Null).await;
    assert!(shown.json()["exposed_at"].is_string(), "the app is marked all the same");

    bring(&server, &client.secret).await;
    incident(&server, "secret:", 2).await;
    assert_eq!(server.mails().iter().filter(|mail| mail.to == TEAM).count(), 1, "seen again wakes nobody");
    let path = format!("/incidents/{}/resolve", seen["id"].as_str().unwrap());
    assert_eq!(server.admin("POST", &path, json!({})).await.json()["state"], "resolved");
    bring(&server, &client.secret).await;
    assert_eq!(incident(&server, "secret:", 3).await["state"], "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn suspend_stops_the_app_besides_and_a_resume_lets_it_go_on_with_a_new_secret() {
    let server = with_policy("suspend").await;
    let client = app(&server).await;
    bring(&server, &client.secret).await;
    let seen = incident(&server, "secret:", 1).await;
    assert_eq!(seen["measures"], json!(["secret_ended", "tokens_ended", "app_suspended"]));
    let path = format!("/environments/production/apps/{}", client.id);
    let made = server.admin("POST", &format!("{path}/secrets"), json!({})).await.json();
    let renewed = grantor_testkit::Client {
        secret: made["client_secret"].as_str().unwrap().to_owned(),
        ..client.clone()
    };
    assert!(!works(&server, &renewed).await, "suspended");
    assert_eq!(server.admin("POST", &format!("{path}/resume"), json!({})).await.status, 200);
    assert!(works(&server, &renewed).await && !works(&server, &client).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn suspend_stops_the_tenant_of_a_key_and_nobody_for_a_users_token() {
    let server = with_policy("suspend").await;
    let user = server.user_token("production", "payments").await;
    bring(&server, &user.access).await;
    assert_eq!(
        incident(&server, "access_token:", 1).await["measures"],
        json!(["token_revoked", "grant_ended"])
    );
    let status = async || server.admin("GET", "/tenants/acme", Value::Null).await.json()["status"].clone();
    assert_eq!(status().await, "active");
    bring(&server, &server.key("production", "assets")).await;
    assert_eq!(incident(&server, "key:", 1).await["measures"], json!(["key_revoked", "tenant_suspended"]));
    assert_eq!(status().await, "suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_shown_stays_when_it_is_not_mentioned_and_must_be_one() {
    let server = with_policy("record").await;
    let entry = format!(
        "[[environment]]\nname = \"production\"\nissuer = \"{}\"\nstage = \"live\"\n",
        server.issuer("production")
    );
    assert_eq!(server.apply(&entry).await.status, 200);
    let shown = server.admin("GET", "/environments", Value::Null).await.json();
    let all = shown["items"].as_array().unwrap();
    let of = |name: &str| all.iter().find(|entry| entry["name"] == name).unwrap()["on_leak"].clone();
    assert_eq!((of("production"), of("sandbox")), (json!("record"), json!("end")));
    assert!(grantor_server::manifest::from_toml(&format!("{entry}on_leak = \"ignore\"\n")).is_err());
}
