//! Webhooks over days and restarts: suspended, resumed, deleted, forgotten.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use grantor_core::webhook::event::KINDS;
use grantor_server::jobs;
use grantor_testkit::Server;
use serde_json::{Value, json};

use super::receiver::{Manner, Receiver};
use super::{PRODUCTION, Webhook, new_key, outcomes};

const DAY: i64 = 24 * 3600;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_for_days_is_suspended_with_a_trace_and_goes_on_where_it_stood() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Says(503)).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    new_key(&server).await;
    receiver.next().await;
    webhook.tried(&server, 1).await;
    assert!(webhook.shown(&server).await["failing_since"].is_string());
    let doctor = server.admin("GET", "/doctor", json!({})).await.text;
    assert!(doctor.contains("has failed since"), "{doctor}");
    server.clock().pass(5 * DAY + 60);
    receiver.next().await;
    webhook.tried(&server, 2).await;
    assert_eq!(webhook.shown(&server).await["status"], "suspended");
    let audit = server.admin("GET", "/audit", json!({})).await.json();
    let entry = audit["items"].as_array().unwrap().iter().find(|one| one["action"] == "webhook.suspend");
    let entry = entry.expect("the suspension is audited");
    assert_eq!((&entry["actor"], &entry["detail"]["reason"]), (&json!("system"), &json!("failing")));
    // Nothing leaves and nothing is kept for it while it is suspended.
    new_key(&server).await;
    server.clock().pass(DAY);
    assert!(receiver.hears_nothing().await);
    assert_eq!(webhook.deliveries(&server).await.len(), 1);
    let refused = webhook.post(&server, "test").await;
    assert!(refused.status == 422 && refused.text.contains("Resume it first"), "{}", refused.text);
    // What was on its way goes on after the resume.
    receiver.change(Manner::Takes);
    let body = json!({ "url": receiver.url(), "events": ["key.created"], "status": "active" });
    assert_eq!(server.admin("PUT", &webhook.path, body).await.status, 200);
    receiver.next().await;
    let settled = webhook.tried(&server, 3).await;
    assert_eq!(outcomes(&settled), ["5xx", "5xx", "2xx"]);
    let shown = webhook.shown(&server).await;
    assert_eq!((&shown["status"], &shown["failing_since"]), (&json!("active"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_says_gone_is_not_asked_again() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Says(410)).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    new_key(&server).await;
    receiver.next().await;
    webhook.tried(&server, 1).await;
    assert_eq!(webhook.shown(&server).await["status"], "suspended");
    server.clock().pass(DAY);
    assert!(receiver.hears_nothing().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_outlives_a_restart_and_leaves_after_it() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Says(500)).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["access.suspended"]).await;
    let access = "/environments/production/accesses/acme/assets";
    server.admin("POST", &format!("{access}/suspend"), json!({})).await;
    let id = receiver.next().await.header("webhook-id").to_owned();
    webhook.tried(&server, 1).await;
    server.clock().pass(6);
    receiver.next().await;
    // Now it waits for minutes, however slow this machine is.
    webhook.tried(&server, 2).await;
    receiver.change(Manner::Takes);
    server.admin("POST", &format!("{access}/resume"), json!({})).await;
    let server = server.restart().await;
    server.clock().pass(361);
    let again = receiver.next().await;
    assert_eq!(again.header("webhook-id"), id);
    assert!(again.is_signed_with(&webhook.secret));
    server.admin("POST", &format!("{access}/suspend"), json!({})).await;
    assert_eq!(receiver.next().await.event(), "access.suspended", "who hears of what was loaded again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_webhook_hears_nothing_and_a_change_never_fails_for_its_sake() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Says(500)).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    let vanished = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    new_key(&server).await;
    receiver.next().await;
    receiver.next().await;
    webhook.tried(&server, 1).await;
    assert_eq!(server.admin("DELETE", &webhook.path, json!({})).await.status, 204);
    assert_eq!(server.admin("GET", &webhook.path, json!({})).await.status, 404);
    // One is deleted behind the back of the memory, as another node would do it.
    let door = server.door().await;
    door.run("DELETE FROM webhooks").await;
    new_key(&server).await;
    server.clock().pass(DAY);
    assert!(receiver.hears_nothing().await);
    assert_eq!(server.admin("GET", &vanished.path, json!({})).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_forgotten_after_thirty_days() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Takes).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    new_key(&server).await;
    receiver.next().await;
    webhook.tried(&server, 1).await;
    server.clock().pass(30 * DAY - 60);
    jobs::upkeep(server.node()).await.unwrap();
    assert_eq!(webhook.deliveries(&server).await.len(), 1);
    server.clock().pass(120);
    jobs::upkeep(server.node()).await.unwrap();
    assert!(webhook.deliveries(&server).await.is_empty());
    assert_eq!(server.door().await.number("SELECT count(*) FROM webhook_messages").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_where_nobody_hears_of_it() {
    let server = Server::start().await;
    let receiver = Receiver::start(Manner::Takes).await;
    Webhook::new(&server, &receiver, Some("provider"), &["key.created"]).await;
    new_key(&server).await;
    assert_eq!(server.door().await.number("SELECT count(*) FROM webhook_messages").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_is_told_to_nobody() {
    let server = Server::start().await;
    let receiver = Receiver::start(Manner::Takes).await;
    Webhook::new(&server, &receiver, None, &["tenant.created"]).await;
    let taken = server.admin("POST", "/tenants", json!({ "name": "acme" })).await;
    assert_eq!(taken.status, 409);
    assert_eq!(server.door().await.number("SELECT count(*) FROM webhook_messages").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_one_is_told_to_look_again() {
    let server = Server::start().await;
    let receiver = Receiver::start(Manner::Takes).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["*"]).await;
    let roll = || webhook.post(&server, "roll");
    let (a, b, c, d) = tokio::join!(roll(), roll(), roll(), roll());
    let statuses: BTreeSet<u16> = [a, b, c, d].iter().map(|answer| answer.status).collect();
    assert!(statuses.is_subset(&BTreeSet::from([201, 409])) && statuses.contains(&201), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n01_the_secret_of_a_webhook_is_in_no_file_in_clear() {
    let server = Server::start_on_sqlite().await;
    let receiver = Receiver::start(Manner::Takes).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["*"]).await;
    webhook.post(&server, "roll").await;
    let text = webhook.secret.strip_prefix("whsec_").unwrap();
    let raw = STANDARD.decode(text).unwrap();
    let mut read = 0;
    for entry in std::fs::read_dir(server.folder().join("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let bytes = std::fs::read(path).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(&raw) && !holds(text.as_bytes()));
        read += bytes.len();
    }
    assert!(read > 100_000, "the database was read");
}

/// Audited actions that no webhook hears of: they concern users, sessions and the installation, not a tenant's own affairs.
const NOBODY_IS_TOLD: &[&str] = &[
    "consent.give",
    "consent.withdraw",
    "document.create",
    "grant.create",
    "grant.end",
    "grant.redeem",
    "interaction.decline",
    "operator.create",
    "operator.end",
    "session.create",
    "session.end",
    "signing_key.create",
    "signing_key.retire",
    "signing_key.rotate",
    "token.revoke",
    "user.close",
    "user.create",
    "user.login",
    "user.password_set",
    "user.resume",
    "user.suspend",
    "webhook.resend",
    "webhook.test",
];

#[test]
fn every_audited_action_has_an_event_or_is_one_that_nobody_is_told_of() {
    let mut actions = BTreeSet::new();
    for folder in ["src", "../core/src"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut actions);
    }
    assert!(actions.len() >= 40, "only {actions:?}");
    let told: BTreeSet<&str> = KINDS.iter().map(|kind| kind.action).collect();
    let undecided: Vec<_> = actions
        .iter()
        .filter(|action| !told.contains(action.as_str()) && !NOBODY_IS_TOLD.contains(&action.as_str()))
        .collect();
    assert!(undecided.is_empty(), "give them a row in core/src/webhook/event.rs or here: {undecided:?}");
    let both: Vec<_> = NOBODY_IS_TOLD.iter().filter(|action| told.contains(*action)).collect();
    assert!(both.is_empty(), "{both:?}");
}

/// Texts of the form `noun.verb` that begin an audit event, or are chosen for one.
fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        if !product.contains("AuditEvent") || path.ends_with("webhook/event.rs") {
            continue;
        }
        for begin in ["AuditEvent::new(\"", "event(\"", "=> \"", "{ \""] {
            for rest in product.split(begin).skip(1) {
                let name = rest.split('"').next().unwrap_or("");
                let is_word = |word: &str| {
                    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                };
                if let [noun, verb] = name.split('.').collect::<Vec<_>>()[..]
                    && is_word(noun)
                    && is_word(verb)
                {
                    found.insert(name.to_owned());
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_webhooks_shows_those_of_one_tenant() {
    let server = Server::start().await;
    let receiver = Receiver::start(Manner::Takes).await;
    for tenant in [Some("acme"), Some("provider"), None] {
        Webhook::new(&server, &receiver, tenant, &["key.expiring"]).await;
    }
    let names = async |query: &str| {
        let listed = server.admin("GET", &format!("{PRODUCTION}{query}"), json!({})).await.json();
        let items = listed["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["tenant"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["acme", "provider", "-"]);
    assert_eq!(names("?tenant=acme").await, ["acme"]);
    let beyond = server.admin("GET", "/environments/sandbox/webhooks", json!({})).await.json();
    assert_eq!(beyond["items"], json!([]));
}
