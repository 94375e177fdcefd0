//! RFC 7009: an app gives a token back; nobody else's token is touched, and a storage error is never a success.

use grantor_testkit::{Answer, Client, Door, Server, basic};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rfc6749_token::{refused, state};
use crate::rfc9068_at_jwt::{BAD, GOOD, verdicts};

fn endpoint(server: &Server, environment: &str) -> String {
    format!("{}/revoke", server.issuer(environment))
}

async fn revoke(server: &Server, client: &Client, form: &str) -> Answer {
    let url = endpoint(server, "production");
    server.post(&url, Some(&basic(&client.id, &client.secret)), form).await
}

/// 2.2: 200 and an empty body.
fn taken(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn f15_a_revoked_token_is_refused_at_once_everywhere_and_after_a_restart() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let (token, other) =
        (server.token("production", "payments").await, server.token("production", "payments").await);
    // All three have seen it before, so that a cache of verdicts would show.
    assert_eq!(verdicts(&server, "production", "payments", &token).await, GOOD);
    taken(&revoke(&server, &client, &format!("token={token}")).await);
    assert_eq!(verdicts(&server, "production", "payments", &token).await, BAD);
    assert_eq!(verdicts(&server, "production", "payments", &other).await, GOOD);
    let rows = server.admin("GET", "/audit", Value::Null).await;
    assert_eq!(rows.json()["items"][0]["action"], "token.revoke");
    assert_eq!(rows.json()["items"][0]["actor"], "app:acme-payments");
    assert!(!rows.text.contains(&token));
    // The port of the issuer may be another one, so the row itself is looked at.
    let rows = server.node().store.revoked_tokens(0).await.expect("the rows");
    assert_eq!(rows.len(), 1);
    let server = server.restart().await;
    let rows = server.node().store.revoked_tokens(0).await.expect("the rows");
    assert!(server.node().cache.is_revoked(rows[0].environment, &rows[0].jti));
}

#[tokio::test(flavor = "multi_thread")]
async fn opaque_tokens_are_revoked_alike_and_each_method_of_the_token_endpoint_is_taken() {
    let server = Server::start().await;
    let url = endpoint(&server, "production");
    let token = server.token("production", "banking").await;
    let Client { id, secret } = server.client("production", "banking");
    // The profile takes the secret in the body only, here as at the token endpoint.
    let answer = server.post(&url, Some(&basic(&id, &secret)), &format!("token={token}")).await;
    refused(&answer, 401, "invalid_client");
    assert_eq!(verdicts(&server, "production", "banking", &token).await, GOOD);
    taken(&server.post(&url, None, &format!("token={token}&client_id={id}&client_secret={secret}")).await);
    assert_eq!(verdicts(&server, "production", "banking", &token).await, BAD);

    let token = server.token("production", "deals").await;
    let Client { id, secret } = server.client("production", "deals");
    let answer =
        server.post(&url, None, &format!("token={token}&client_id={id}&client_secret={secret}")).await;
    refused(&answer, 401, "invalid_client");
    assert_eq!(verdicts(&server, "production", "deals", &token).await, GOOD);
    taken(&server.post(&url, Some(&basic(&id, &secret)), &format!("token={token}")).await);
    assert_eq!(verdicts(&server, "production", "deals", &token).await, BAD);
}

#[tokio::test(flavor = "multi_thread")]
async fn f08_the_token_of_another_client_is_answered_alike_and_left_alone() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let sibling = json!({ "tenant": "acme", "client_id": "sibling", "apis": ["payments"] });
    let sibling = server.new_app("production", sibling).await;
    let public = json!({ "tenant": "acme", "client_id": "public", "apis": ["payments"], "auth_method": "none", "grants": [] });
    server.new_app("production", public).await;
    let introspector = &server.api("production", "payments")["introspection"];
    let introspector = Client {
        id: introspector["client_id"].as_str().expect("text").to_owned(),
        secret: introspector["client_secret"].as_str().expect("text").to_owned(),
    };
    let before = state(&server).await;
    for thief in [&sibling, &server.client("production", "deals"), &introspector] {
        taken(&revoke(&server, thief, &format!("token={token}")).await);
    }
    // An app of the same id in another environment.
    let same = server.client("sandbox", "payments");
    let answer = server
        .post(&endpoint(&server, "sandbox"), Some(&basic(&same.id, &same.secret)), &format!("token={token}"))
        .await;
    taken(&answer);
    // A public client has no way to authenticate here yet: refused, not ignored.
    let url = endpoint(&server, "production");
    for form in [format!("token={token}&client_id=public"), format!("token={token}&client_id=acme-payments")]
    {
        refused(&server.post(&url, None, &form).await, 401, "invalid_client");
    }
    assert_eq!(state(&server).await, before);
    assert_eq!(verdicts(&server, "production", "payments", &token).await, GOOD);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_hint_does_not_stop_the_search() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    for hint in ["refresh_token", "access_token", "nonsense", ""] {
        let token = server.token("production", "payments").await;
        taken(&revoke(&server, &client, &format!("token={token}&token_type_hint={hint}")).await);
        assert_eq!(verdicts(&server, "production", "payments", &token).await, BAD, "{hint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_expired_and_revoked_tokens_are_200_and_write_nothing() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let old = server.token("production", "payments").await;
    server.clock().pass(3601);
    let twice = server.token("production", "payments").await;
    taken(&revoke(&server, &client, &format!("token={twice}")).await);
    let before = server.node().store.revoked_tokens(0).await.expect("the rows").len();
    for token in [&old, &twice, "unknown", "e30.e30.e30", "%20", "grt_at_live_short"] {
        taken(&revoke(&server, &client, &format!("token={token}")).await);
    }
    let after = server.node().store.revoked_tokens(0).await.expect("the rows").len();
    assert_eq!((before, after), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_revoked_here_is_unsupported_token_type_known_or_not() {
    let server = Server::start().await;
    let client = server.client("production", "assets");
    let key = server.key("production", "assets");
    let foreign = server.key("sandbox", "assets");
    let before = state(&server).await;
    let answer = revoke(&server, &client, &format!("token={key}")).await;
    refused(&answer, 400, "unsupported_token_type");
    for token in [&foreign, &client.secret] {
        let other = revoke(&server, &client, &format!("token={token}")).await;
        refused(&other, 400, "unsupported_token_type");
        assert_eq!(other.json()["error_description"], answer.json()["error_description"]);
    }
    assert_eq!(state(&server).await, before);
    assert_eq!(verdicts(&server, "production", "assets", &key).await, GOOD);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_is_refused_and_revokes_nothing() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = endpoint(&server, "production");
    let token = server.token("production", "payments").await;
    let header = basic(&client.id, &client.secret);
    let before = state(&server).await;
    for form in ["", "token=", "token_type_hint=access_token"] {
        refused(&revoke(&server, &client, form).await, 400, "invalid_request");
    }
    refused(&revoke(&server, &client, &format!("token={token}&token={token}")).await, 400, "invalid_request");
    refused(&server.post(&url, None, &format!("token={token}")).await, 401, "invalid_client");
    let wrong = Client { id: client.id.clone(), secret: "wrong".to_owned() };
    let answer = revoke(&server, &wrong, &format!("token={token}")).await;
    refused(&answer, 401, "invalid_client");
    assert!(answer.header("www-authenticate").starts_with("Basic "));
    let two = format!("token={token}&client_id={}&client_secret={}", client.id, client.secret);
    refused(&server.post(&url, Some(&header), &two).await, 400, "invalid_request");
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let request = server
            .http
            .request(Method::from_bytes(method.as_bytes()).expect("a method"), &url)
            .header("authorization", &header);
        let answer = server.send(request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
    let json = server.http.post(&url).header("authorization", &header).json(&json!({ "token": token }));
    refused(&server.send(json).await, 400, "invalid_request");
    assert_eq!(state(&server).await, before);
    assert_eq!(verdicts(&server, "production", "payments", &token).await, GOOD);
    // What stands in a query has leaked, which is another matter.
    let query = format!("{url}?token={token}");
    refused(&server.post(&query, Some(&header), "").await, 400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn f07_a_storage_error_is_503_never_200_and_the_token_is_revoked_by_the_next_try() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let token = server.token("production", "payments").await;
    let door = server.door().await;
    let (block, unblock) = match door {
        Door::Sqlite(_) => ("BEGIN IMMEDIATE", "ROLLBACK"),
        Door::Postgres(_) => (
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RAISE ''no space'' USING ERRCODE = ''disk_full''; END'; \
             CREATE TRIGGER full_disk BEFORE INSERT ON revoked_tokens EXECUTE FUNCTION full_disk()",
            "DROP TRIGGER full_disk ON revoked_tokens",
        ),
    };
    door.run(block).await;
    let answer = revoke(&server, &client, &format!("token={token}")).await;
    refused(&answer, 503, "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    assert_eq!(
        verdicts(&server, "production", "payments", &token).await,
        GOOD,
        "what failed did not half happen"
    );
    door.run(unblock).await;
    taken(&revoke(&server, &client, &format!("token={token}")).await);
    assert_eq!(verdicts(&server, "production", "payments", &token).await, BAD);
}

/// 2.3 suggests CORS; without public browser clients nothing is opened to foreign pages.
#[tokio::test(flavor = "multi_thread")]
async fn j03_scripts_of_other_sites_may_ask_without_cookies_and_nobody_is_reflected() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    for url in [
        endpoint(&server, "production"),
        format!("{}/introspect", server.issuer("production")),
        server.token_endpoint("production", "payments"),
    ] {
        for method in [Method::OPTIONS, Method::POST] {
            let request = server
                .http
                .request(method, &url)
                .header("origin", "https://evil.example")
                .header("access-control-request-method", "POST")
                .header("authorization", basic(&client.id, &client.secret))
                .header("content-type", "application/x-www-form-urlencoded")
                .body("grant_type=client_credentials&token=x");
            let answer = server.send(request).await;
            // Apps in browsers redeem their codes; an API that introspects is no browser.
            let allowed = if url.ends_with("/introspect") { "" } else { "*" };
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{url}");
            assert_eq!(answer.header("access-control-allow-credentials"), "", "{url}");
        }
    }
}
