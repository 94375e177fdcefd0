//! RFC 7009 for refresh tokens: the Grant ends, and its access tokens with it (2.1).

use grantor_testkit::{Answer, Browser, Client, Door, Server, Tokens, basic};
use serde_json::json;

use super::{AFTER_GRACE, ALIVE, DEAD, endings, family, is_invalid_grant, newest_grant, verdicts};
use crate::code_flow::{App, PRODUCTION, form};
use crate::rfc6749_token::{refused, state};

async fn revoke(server: &Server, app: &App, fields: &[(&str, &str)]) -> Answer {
    let url = format!("{}/revoke", server.issuer(PRODUCTION));
    let Client { id, secret } = &app.client;
    if secret.is_empty() {
        let with_id = [fields, &[("client_id", id.as_str())]].concat();
        return server.post(&url, None, &form(&with_id)).await;
    }
    server.post(&url, Some(&basic(id, secret)), &form(fields)).await
}

/// 2.2: 200 and an empty body.
fn taken(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_given_back_ends_its_grant_and_every_access_token_of_it() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let other = family(&server, &app).await;
    let first = family(&server, &app).await;
    let second = Tokens::of(&app.refresh(&server, &first.refresh).await);
    for tokens in [&first, &second] {
        assert_eq!(verdicts(&server, &tokens.access).await, ALIVE);
    }
    taken(&revoke(&server, &app, &[("token", &second.refresh)]).await);
    for tokens in [&first, &second] {
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD, "on the next request");
        is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
    }
    let grant = newest_grant(&server).await;
    assert_eq!((&grant["state"], &grant["ended_reason"]), (&json!("ended"), &json!("revoked")));
    taken(&revoke(&server, &app, &[("token", &second.refresh)]).await);
    assert_eq!(endings(&server).await, ["revoked"], "twice is once");

    let server = server.restart().await;
    for tokens in [&first, &second] {
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD);
        is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
    }
    assert_eq!(verdicts(&server, &other.access).await, ALIVE, "another device of the same user");
    assert_eq!(app.refresh(&server, &other.refresh).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_refresh_token_given_back_ends_the_grant_as_well_and_a_hint_is_only_a_hint() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    for hint in ["refresh_token", "access_token", "nonsense", ""] {
        let first = family(&server, &app).await;
        let second = Tokens::of(&app.refresh(&server, &first.refresh).await);
        server.clock().pass(AFTER_GRACE);
        taken(&revoke(&server, &app, &[("token", &first.refresh), ("token_type_hint", hint)]).await);
        assert_eq!(verdicts(&server, &second.access).await, DEAD, "{hint}");
        is_invalid_grant(&app.refresh(&server, &second.refresh).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_given_back_leaves_the_refresh_token_and_its_siblings_alone() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let first = family(&server, &app).await;
    let second = Tokens::of(&app.refresh(&server, &first.refresh).await);
    taken(&revoke(&server, &app, &[("token", &first.access)]).await);
    assert_eq!(verdicts(&server, &first.access).await, DEAD);
    assert_eq!(verdicts(&server, &second.access).await, ALIVE);
    let third = Tokens::of(&app.refresh(&server, &second.refresh).await);
    assert_eq!(verdicts(&server, &third.access).await, ALIVE);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_secret_gives_its_own_tokens_back_and_nobody_else_s() {
    let server = Server::start().await;
    let public = async |client_id: &str| {
        let body = json!({ "client_id": client_id, "apis": [], "auth_method": "none" });
        App::of_api(&server, "payments", body).await.asking_for("openid offline_access")
    };
    let (app, other) = (public("phone").await, public("other").await);
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
    let userinfo = format!("{}/userinfo", server.issuer(PRODUCTION));
    for token in [&tokens.refresh, &tokens.access] {
        taken(&revoke(&server, &other, &[("token", token)]).await);
    }
    assert_eq!(server.get(&userinfo, Some(&tokens.access)).await.status, 200);
    let with_secret = [("token", tokens.refresh.as_str()), ("client_secret", "x")];
    refused(&revoke(&server, &app, &with_secret).await, 401, "invalid_client");
    assert_eq!(server.get(&userinfo, Some(&tokens.access)).await.status, 200);
    taken(&revoke(&server, &app, &[("token", &tokens.refresh)]).await);
    assert_eq!(server.get(&userinfo, Some(&tokens.access)).await.status, 401);
    is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn f08_the_refresh_token_of_another_app_is_answered_alike_and_left_alone() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = family(&server, &app).await;
    let sibling = App::new(&server, "sibling", json!({})).await;
    let before = state(&server).await;
    taken(&revoke(&server, &sibling, &[("token", &tokens.refresh)]).await);
    for nothing in
        ["unknown", "grt_rt_live_x", &tokens.refresh[1..], &tokens.refresh.replace("_live_", "_test_")]
    {
        taken(&revoke(&server, &app, &[("token", nothing)]).await);
    }
    let same = server.client_with("sandbox", "payments", "authorization_code");
    let url = format!("{}/revoke", server.issuer("sandbox"));
    let body = form(&[("token", &tokens.refresh)]);
    taken(&server.post(&url, Some(&basic(&same.id, &same.secret)), &body).await);
    let url = format!("{}/revoke", server.issuer(PRODUCTION));
    refused(&server.post(&url, None, &body).await, 401, "invalid_client");
    let named = form(&[("token", &tokens.refresh), ("client_id", &app.client.id)]);
    refused(&server.post(&url, None, &named).await, 401, "invalid_client");
    assert_eq!(state(&server).await, before);
    assert_eq!(verdicts(&server, &tokens.access).await, ALIVE);
    assert_eq!(app.refresh(&server, &tokens.refresh).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn f07_a_storage_error_is_503_and_the_grant_is_ended_by_the_next_try() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = family(&server, &app).await;
    let door = server.door().await;
    let (block, unblock) = match door {
        Door::Sqlite(_) => ("BEGIN IMMEDIATE", "ROLLBACK"),
        Door::Postgres(_) => (
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RAISE ''no space'' USING ERRCODE = ''disk_full''; END'; \
             CREATE TRIGGER full_disk BEFORE UPDATE ON grants EXECUTE FUNCTION full_disk()",
            "DROP TRIGGER full_disk ON grants",
        ),
    };
    door.run(block).await;
    let answer = revoke(&server, &app, &[("token", &tokens.refresh)]).await;
    refused(&answer, 503, "temporarily_unavailable");
    refused(&app.refresh(&server, &tokens.refresh).await, 503, "temporarily_unavailable");
    door.run(unblock).await;
    assert_eq!(verdicts(&server, &tokens.access).await, ALIVE, "what failed did not half happen");
    let refreshed = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    taken(&revoke(&server, &app, &[("token", &refreshed.refresh)]).await);
    assert_eq!(verdicts(&server, &refreshed.access).await, DEAD);
}
