//! C08: whatever stood behind a refresh token and is taken away is missed at the next refresh.

use grantor_testkit::{Answer, Browser, Pkce, Server, Tokens};
use serde_json::{Value, json};

use super::{ALIVE, DEAD, endings, family, is_invalid_grant, verdicts};
use crate::code_flow::{App, end_user};
use crate::documents_accepted::publish;
use crate::rfc6749_token::refused;

/// What can be suspended and resumed behind a user's token of payments, and what a refresh is told meanwhile.
pub(crate) fn suspendable(server: &Server) -> [(String, u16, &'static str); 4] {
    [
        (format!("/environments/production/users/{}", end_user(server).email), 400, "invalid_grant"),
        ("/environments/production/apps/acme-payments-web".to_owned(), 401, "invalid_client"),
        ("/tenants/acme".to_owned(), 401, "invalid_client"),
        ("/environments/production/accesses/acme/payments".to_owned(), 400, "access_denied"),
    ]
}

pub(crate) async fn switch(server: &Server, path: &str, verb: &str) {
    let answer = server.admin("POST", &format!("{path}/{verb}"), json!({})).await;
    assert_eq!(answer.status, 200, "{path}/{verb}: {}", answer.text);
}

/// The app is told by name why, so that it can send its user to the sign-in.
fn is_for_documents(answer: &Answer) {
    let body = answer.json();
    assert_eq!((answer.status, &body["error"]), (400, &json!("invalid_grant")), "{}", answer.text);
    assert_eq!(body["reason"], "documents_open");
    let told = body["error_description"].as_str().expect("a description");
    assert!(told.contains("new version of the terms") && told.contains("sign in again"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_a_suspended_user_app_tenant_or_access_refreshes_nothing_until_it_is_resumed() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = family(&server, &app).await;
    let mut latest = tokens.refresh.clone();
    for (path, status, error) in suspendable(&server) {
        let before = Tokens::of(&app.refresh(&server, &latest).await);
        assert_eq!(verdicts(&server, &before.access).await, ALIVE, "{path}");
        switch(&server, &path, "suspend").await;
        for _ in 0..2 {
            refused(&app.refresh(&server, &before.refresh).await, status, error);
        }
        assert_eq!(verdicts(&server, &before.access).await, DEAD, "{path}");
        switch(&server, &path, "resume").await;
        assert_eq!(verdicts(&server, &before.access).await, DEAD, "{path}: resuming revives no access token");
        let after = Tokens::of(&app.refresh(&server, &before.refresh).await);
        assert_eq!(verdicts(&server, &after.access).await, ALIVE, "{path}: and the family lives on");
        latest = after.refresh;
    }
    assert_eq!(endings(&server).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_a_suspension_outlives_a_restart_and_so_does_the_family() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = family(&server, &app).await;
    let [(user, ..), ..] = suspendable(&server);
    switch(&server, &user, "suspend").await;
    let server = server.restart().await;
    is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
    switch(&server, &user, "resume").await;
    let server = server.restart().await;
    assert_eq!(verdicts(&server, &tokens.access).await, DEAD, "the epoch is on the disk");
    let after = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    assert_eq!(verdicts(&server, &after.access).await, ALIVE);
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_a_deleted_app_and_an_ended_grant_never_refresh_again() {
    let server = Server::start().await;
    let app = App::new(&server, "short-lived", json!({})).await;
    let tokens = family(&server, &app).await;
    let deleted = server.admin("DELETE", "/environments/production/apps/short-lived", Value::Null).await;
    assert!([200, 204].contains(&deleted.status), "{}", deleted.text);
    refused(&app.refresh(&server, &tokens.refresh).await, 401, "invalid_client");
    assert_eq!(verdicts(&server, &tokens.access).await, DEAD);

    let app = App::of_payments(&server);
    let (ended, other) = (family(&server, &app).await, family(&server, &app).await);
    let grants = format!("/environments/production/users/{}/grants", end_user(&server).email);
    let id = Server::claims(&ended.access)["gid"].as_str().expect("a Grant").to_owned();
    assert_eq!(server.admin("DELETE", &format!("{grants}/{id}"), Value::Null).await.status, 204);
    is_invalid_grant(&app.refresh(&server, &ended.refresh).await);
    assert_eq!(verdicts(&server, &ended.access).await, DEAD);
    assert_eq!(verdicts(&server, &other.access).await, ALIVE);
    assert_eq!(app.refresh(&server, &other.refresh).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_a_withdrawn_consent_ends_every_grant_of_the_app_and_is_asked_for_anew() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let other_app = App::new(&server, "other", json!({})).await;
    let mut browser = Browser::new(&server);
    let first = app.tokens(&server, &mut browser, &[]).await;
    let second = family(&server, &app).await;
    let of_other = other_app.tokens(&server, &mut browser, &[]).await;
    let user = format!("/environments/production/users/{}", end_user(&server).email);
    let path = format!("{user}/consents/{}", app.client.id);
    assert_eq!(server.admin("DELETE", &path, Value::Null).await.status, 204);
    for tokens in [&first, &second] {
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD);
        is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
    }
    assert_eq!(verdicts(&server, &of_other.access).await, ALIVE);
    assert_eq!(other_app.refresh(&server, &of_other.refresh).await.status, 200);
    // The user is signed in still, and nothing is remembered.
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "none")])).await;
    assert_eq!(browser.must_reply().get("error"), "consent_required");
    browser.visit(&app.url(&server, &Pkce::new_one(), &[])).await;
    assert_eq!(browser.page().path(), "/consent");
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_terms_published_anew_without_grace_are_missed_at_the_next_refresh() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let before = family(&server, &app).await;
    publish(&server, "terms", json!({})).await;
    is_for_documents(&app.refresh(&server, &before.refresh).await);
    assert_eq!(endings(&server).await, Vec::<String>::new());
    // The user reads and accepts; then both the new Grant and the old one go on.
    let mut browser = Browser::new(&server);
    let pkce = Pkce::new_one();
    browser.visit(&app.url(&server, &pkce, &[])).await;
    server.type_password(&mut browser, &end_user(&server)).await;
    assert_eq!(browser.page().path(), "/terms");
    is_for_documents(&app.refresh(&server, &before.refresh).await);
    let code = server.agree(&mut browser).await;
    let new = Tokens::of(&app.redeem(&server, &(code, pkce)).await);
    for tokens in [&new, &before] {
        let refreshed = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
        assert_eq!(verdicts(&server, &refreshed.access).await, ALIVE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_terms_published_anew_with_grace_are_missed_when_it_is_over_also_after_a_restart() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut tokens = family(&server, &app).await;
    publish(&server, "terms", json!({ "grace": "1h" })).await;
    // A sign-in asks at once: the grace is for what was granted before.
    let mut browser = Browser::new(&server);
    browser.visit(&app.url(&server, &Pkce::new_one(), &[])).await;
    server.type_password(&mut browser, &end_user(&server)).await;
    assert_eq!(browser.page().path(), "/terms");
    for wait in [0, 1_800, 1_740] {
        server.clock().pass(wait);
        tokens = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    }
    let server = server.restart().await;
    assert_eq!(verdicts(&server, &tokens.access).await, ALIVE);
    server.clock().pass(60);
    is_for_documents(&app.refresh(&server, &tokens.refresh).await);
    // A second version with a long grace does not lengthen that of the first.
    publish(&server, "terms", json!({ "grace": "30d" })).await;
    is_for_documents(&app.refresh(&server, &tokens.refresh).await);
}
