//! What ends a credential, seen by all three checkers: time, alteration, suspension. And what happens if nobody knows.

use grantor_testkit::{Server, basic};
use serde_json::json;

use super::caller;
use crate::rfc6749_token::refused;
use crate::rfc9068_at_jwt::{BAD, GOOD, verdicts};

#[tokio::test(flavor = "multi_thread")]
async fn f09_a_truncated_extended_or_recased_opaque_token_is_inactive() {
    let server = Server::start().await;
    let token = server.token("production", "banking").await;
    assert_eq!(verdicts(&server, "production", "banking", &token).await, GOOD);
    let swapped: String = token
        .chars()
        .map(|letter| {
            if letter.is_ascii_lowercase() {
                letter.to_ascii_uppercase()
            } else {
                letter.to_ascii_lowercase()
            }
        })
        .collect();
    let (middle, last) = (token.len() / 2, token.len() - 1);
    let mut flipped = token.clone().into_bytes();
    flipped[middle] = if flipped[middle] == b'x' { b'y' } else { b'x' };
    for bad in [
        token[..last].to_owned(),
        token[..middle].to_owned(),
        token[1..].to_owned(),
        format!("{token}0"),
        format!("{token}{token}"),
        format!("{token}="),
        token.to_uppercase(),
        token.to_lowercase(),
        swapped,
        String::from_utf8(flipped).expect("ASCII"),
        token.replacen("live", "test", 1),
    ] {
        assert_eq!(verdicts(&server, "production", "banking", &bad).await, BAD);
    }
    let key = server.key("production", "assets");
    for bad in [key[..key.len() - 1].to_owned(), format!("{key}0"), key.to_uppercase(), key.to_lowercase()] {
        assert_eq!(verdicts(&server, "production", "assets", &bad).await, BAD);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_in_its_last_second_and_a_key_with_its_year() {
    let server = Server::start().await;
    let (jwt, sealed) =
        (server.token("production", "payments").await, server.token("production", "banking").await);
    server.clock().pass(3590);
    assert_eq!(verdicts(&server, "production", "payments", &jwt).await, GOOD);
    assert_eq!(verdicts(&server, "production", "banking", &sealed).await, GOOD);
    server.clock().pass(10);
    assert_eq!(verdicts(&server, "production", "payments", &jwt).await, BAD);
    assert_eq!(verdicts(&server, "production", "banking", &sealed).await, BAD);
    let key = server.key("production", "assets");
    server.clock().pass(31_536_000);
    assert_eq!(verdicts(&server, "production", "assets", &key).await, BAD);
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_every_kill_reaches_issued_tokens_and_resuming_revives_none() {
    let server = Server::start().await;
    for (kill, revive) in [
        ("/tenants/acme/suspend", Some("/tenants/acme/resume")),
        (
            "/environments/production/accesses/acme/payments/suspend",
            Some("/environments/production/accesses/acme/payments/resume"),
        ),
        (
            "/environments/production/apps/acme-payments/suspend",
            Some("/environments/production/apps/acme-payments/resume"),
        ),
        ("/environments/production/apps/acme-payments/tokens/end", None),
    ] {
        let token = server.token("production", "payments").await;
        assert_eq!(verdicts(&server, "production", "payments", &token).await, GOOD, "{kill}");
        let done = server.admin("POST", kill, json!({})).await;
        assert_eq!(done.status, 200, "{kill}: {}", done.text);
        assert_eq!(verdicts(&server, "production", "payments", &token).await, BAD, "{kill}");
        let Some(revive) = revive else { continue };
        assert_eq!(server.admin("POST", revive, json!({})).await.status, 200, "{revive}");
        assert_eq!(verdicts(&server, "production", "payments", &token).await, BAD, "{revive}");
        let fresh = server.token("production", "payments").await;
        assert_eq!(verdicts(&server, "production", "payments", &fresh).await, GOOD, "{revive}");
    }
    // The opaque dress and API keys die with the same subjects; an access to another API is no subject of theirs.
    let (sealed, key) = (server.token("production", "banking").await, server.key("production", "assets"));
    let kill = "/environments/production/accesses/acme/payments/suspend";
    assert_eq!(server.admin("POST", kill, json!({})).await.status, 200);
    assert_eq!(verdicts(&server, "production", "banking", &sealed).await, GOOD);
    assert_eq!(server.admin("POST", "/tenants/acme/suspend", json!({})).await.status, 200);
    assert_eq!(verdicts(&server, "production", "banking", &sealed).await, BAD);
    assert_eq!(verdicts(&server, "production", "assets", &key).await, BAD);
    assert_eq!(server.admin("POST", "/tenants/acme/resume", json!({})).await.status, 200);
    assert_eq!(verdicts(&server, "production", "banking", &sealed).await, BAD);
    assert_eq!(
        verdicts(&server, "production", "assets", &key).await,
        GOOD,
        "a key is not a token: it wakes up"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn n05_a_storage_error_is_never_active_and_never_inactive() {
    let server = Server::start().await;
    let (url, api) = caller(&server, "production", "assets");
    let header = basic(&api.id, &api.secret);
    let token = server.token("production", "assets").await;
    // The caller is known now; the key has not been asked for yet.
    assert_eq!(server.introspect("production", "assets", &token).await.json()["active"], true);
    let key = server.key("production", "assets");
    let door = server.door().await;
    door.run("ALTER TABLE api_keys RENAME TO api_keys_gone").await;
    let answer = server.post(&url, Some(&header), &format!("token={key}")).await;
    assert!(answer.status >= 500, "{}", answer.text);
    refused(
        &answer,
        answer.status,
        if answer.status == 503 { "temporarily_unavailable" } else { "server_error" },
    );
    let asked = server.forward_auth("production", "assets", Some(&key), "GET", "/assets").await;
    assert_eq!(asked.status, 403);
    assert_eq!(asked.header("x-grantor-subject"), "");
    let called = server.call("production", "assets", Some(&key), "GET", "/assets").await;
    assert!(called.status >= 500, "{}", called.status);
    // A client that has to be read first: no token for nobody, and no invalid_client either.
    door.run("ALTER TABLE apps RENAME TO apps_gone").await;
    let unread = server.client("production", "deals");
    let answer = server.request_token("production", "deals", &unread).await;
    assert!(answer.status >= 500, "{}", answer.text);
    door.run("ALTER TABLE apps_gone RENAME TO apps; ALTER TABLE api_keys_gone RENAME TO api_keys").await;
    assert_eq!(verdicts(&server, "production", "assets", &key).await, GOOD, "the error was not remembered");
    assert_eq!(server.request_token("production", "deals", &unread).await.status, 200);
}
