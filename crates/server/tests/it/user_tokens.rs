//! Access tokens of users at everybody who verifies them: good while everything behind them is, dead on the next request
//! after something is not (F10). What `assets` states about them (S002) stands beside.

mod s002_kinds;
mod s002_lifetime;
mod s002_scope_and_tid;

use grantor_testkit::{Browser, Server, Tokens};
use serde_json::{Value, json};

use crate::code_flow::{App, PRODUCTION, end_user};
use crate::refresh_token::{suspendable, switch};
use crate::rfc6749_token::refused;

const ALIVE: [bool; 4] = [true; 4];
const DEAD: [bool; 4] = [false; 4];

/// Introspection, forward-auth, the API behind its layer, and userinfo.
async fn verdicts(server: &Server, token: &str) -> [bool; 4] {
    let [introspected, forwarded, called] =
        server.verdicts(PRODUCTION, "payments", token, "/transfers").await;
    let userinfo = server.get(&format!("{}/userinfo", server.issuer(PRODUCTION)), Some(token)).await;
    if userinfo.status != 200 {
        assert_eq!(userinfo.status, 401, "{}", userinfo.text);
        assert!(userinfo.header("www-authenticate").contains("error=\"invalid_token\""));
    }
    [introspected, forwarded, called, userinfo.status == 200]
}

async fn tokens_of(server: &Server, app: &App) -> Tokens {
    let tokens = app.tokens(server, &mut Browser::new(server), &[]).await;
    assert_eq!(verdicts(server, &tokens.access).await, ALIVE, "every verifier has seen it once");
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_a_suspended_user_app_tenant_or_access_is_dead_at_once_and_its_tokens_stay_so() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    for (path, ..) in suspendable(&server) {
        let tokens = tokens_of(&server, &app).await;
        let sandbox = server.user_token("sandbox", "payments").await.access;
        switch(&server, &path, "suspend").await;
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD, "{path}");
        // A tenant spans environments; a user, an app and an access do not.
        let elsewhere = server.verdicts("sandbox", "payments", &sandbox, "/transfers").await;
        assert_eq!(elsewhere, [!path.starts_with("/tenants"); 3], "{path}");
        switch(&server, &path, "resume").await;
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD, "{path}: resuming revives no token");
        let refreshed = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
        assert_eq!(verdicts(&server, &refreshed.access).await, ALIVE, "{path}: refreshing works");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_what_was_suspended_and_resumed_before_a_restart_is_dead_after_it() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut dead = Vec::new();
    for (path, ..) in suspendable(&server) {
        let tokens = tokens_of(&server, &app).await;
        switch(&server, &path, "suspend").await;
        switch(&server, &path, "resume").await;
        dead.push((path, tokens));
    }
    let last = tokens_of(&server, &app).await;
    let server = server.restart().await;
    assert_eq!(verdicts(&server, &last.access).await, ALIVE, "a restart alone ends nothing");
    for (path, tokens) in dead {
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD, "{path}");
        assert_eq!(app.refresh(&server, &tokens.refresh).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_a_grant_a_consent_or_a_single_token_that_is_ended_is_dead_at_once_and_after_a_restart() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let user = format!("/environments/production/users/{}", end_user(&server).email);
    let survivor = tokens_of(&server, &App::new(&server, "survivor", json!({})).await).await;

    let by_grant = tokens_of(&server, &app).await;
    let id = Server::claims(&by_grant.access)["gid"].as_str().expect("a Grant").to_owned();
    assert_eq!(server.admin("DELETE", &format!("{user}/grants/{id}"), Value::Null).await.status, 204);
    assert_eq!(verdicts(&server, &by_grant.access).await, DEAD);

    // One token alone: what renews it lives on.
    let by_id = tokens_of(&server, &app).await;
    let body = json!({ "token": by_id.access });
    let revoked = server.admin("POST", "/environments/production/tokens/revoke", body).await;
    assert!([200, 204].contains(&revoked.status), "{}", revoked.text);
    assert_eq!(verdicts(&server, &by_id.access).await, DEAD);
    let renewed = Tokens::of(&app.refresh(&server, &by_id.refresh).await);
    assert_eq!(verdicts(&server, &renewed.access).await, ALIVE);

    let by_consent = tokens_of(&server, &app).await;
    let path = format!("{user}/consents/{}", app.client.id);
    assert_eq!(server.admin("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(verdicts(&server, &by_consent.access).await, DEAD);
    assert_eq!(
        verdicts(&server, &renewed.access).await,
        DEAD,
        "and everything else that the app has of this user"
    );

    // All tokens of an app, the app itself staying as it is.
    let by_app = tokens_of(&server, &app).await;
    let path = format!("/environments/production/apps/{}/tokens/end", app.client.id);
    assert_eq!(server.admin("POST", &path, json!({})).await.status, 200);
    assert_eq!(verdicts(&server, &by_app.access).await, DEAD);

    let server = server.restart().await;
    for tokens in [&by_grant, &by_id, &renewed, &by_consent, &by_app] {
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD);
    }
    assert_eq!(verdicts(&server, &survivor.access).await, ALIVE);
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_signing_out_ends_the_tokens_that_live_no_longer_than_the_session() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let online = app.tokens(&server, &mut browser, &[("scope", "openid payments:read")]).await;
    let renewed = Tokens::of(&app.refresh(&server, &online.refresh).await);
    let offline = app.tokens(&server, &mut browser, &[]).await;
    let mut elsewhere = Browser::new(&server);
    let of_other_session = app.tokens(&server, &mut elsewhere, &[("scope", "openid payments:read")]).await;
    let all = [&online, &renewed, &offline, &of_other_session];
    for tokens in all {
        assert_eq!(verdicts(&server, &tokens.access).await, ALIVE);
    }
    browser.visit("/logout").await;
    browser.submit("logout-submit").await;
    let check = async |server: &Server| {
        for tokens in [&online, &renewed] {
            assert_eq!(verdicts(server, &tokens.access).await, DEAD);
            refused(&app.refresh(server, &tokens.refresh).await, 400, "invalid_grant");
        }
        for tokens in [&offline, &of_other_session] {
            assert_eq!(verdicts(server, &tokens.access).await, ALIVE);
        }
    };
    check(&server).await;
    let server = server.restart().await;
    check(&server).await;
    assert_eq!(app.refresh(&server, &offline.refresh).await.status, 200);
}

/// OpenID Connect Core 5.3: userinfo takes the tokens of users of its environment, whatever API they are for, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_its_own_api_and_environment_only() {
    let server = Server::start().await;
    let payments = server.user_token(PRODUCTION, "payments").await.access;
    let assets = server.user_token(PRODUCTION, "assets").await.access;
    let sandbox = server.user_token("sandbox", "payments").await.access;
    for (token, environment, api) in [
        (&payments, PRODUCTION, "assets"),
        (&assets, PRODUCTION, "payments"),
        (&sandbox, PRODUCTION, "payments"),
    ] {
        assert_eq!(server.verdicts(environment, api, token, "/me").await, [false; 3], "{environment} {api}");
    }
    let userinfo = async |environment: &str, token: &str| {
        server.get(&format!("{}/userinfo", server.issuer(environment)), Some(token)).await.status
    };
    for token in [&payments, &assets] {
        assert_eq!((userinfo(PRODUCTION, token).await, userinfo("sandbox", token).await), (200, 401));
    }
    assert_eq!((userinfo(PRODUCTION, &sandbox).await, userinfo("sandbox", &sandbox).await), (401, 200));
    // What an API is told when it asks about a user.
    let told = server.introspect(PRODUCTION, "payments", &payments).await.json();
    let claims = Server::claims(&payments);
    for name in ["iss", "sub", "aud", "client_id", "scope", "tid", "exp", "iat", "jti", "auth_time", "acr"] {
        assert_eq!(told[name], claims[name], "{name}");
        assert!(!told[name].is_null(), "{name}");
    }
    let asked = server.forward_auth(PRODUCTION, "payments", Some(&payments), "GET", "/me").await;
    assert_eq!(
        (asked.status, asked.header("x-grantor-subject")),
        (200, claims["sub"].as_str().expect("text"))
    );
}
