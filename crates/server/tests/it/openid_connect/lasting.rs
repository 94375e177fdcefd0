//! OpenID Connect Core 11 and product rules: how long an app may go on without its user.
//!
//! Every code grant is refreshable where profile and app allow it. With `openid` and without `offline_access` that ends with
//! the browser session; with `offline_access`, or without `openid`, it lasts until the end of the profile.

use grantor_testkit::{Answer, Browser, Server, Tokens};
use serde_json::json;

use crate::code_flow::{App, SCOPE};

const ONLINE: &str = "openid payments:read";
const PLAIN: &str = "payments:read";
const MONTH: i64 = 2_592_000;

async fn sign_out(browser: &mut Browser) {
    browser.visit("/logout").await;
    browser.submit("logout-submit").await;
    assert_eq!(browser.page().path(), "/login");
}

fn has_ended(answer: &Answer) {
    assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_grant"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_what_was_given_without_offline_access_and_nothing_else() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    for (scope, lives) in [(ONLINE, false), (SCOPE, true), (PLAIN, true)] {
        let mut browser = Browser::new(&server);
        let tokens = app.tokens(&server, &mut browser, &[("scope", scope)]).await;
        let refreshed = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
        // A browser of the same user somewhere else is another session.
        let mut elsewhere = Browser::new(&server);
        app.code(&server, &mut elsewhere, &[]).await;
        sign_out(&mut elsewhere).await;
        let refreshed = Tokens::of(&app.refresh(&server, &refreshed.refresh).await);
        sign_out(&mut browser).await;
        let after = app.refresh(&server, &refreshed.refresh).await;
        if lives {
            assert_eq!(after.status, 200, "{scope}: {}", after.text);
        } else {
            has_ended(&after);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_offline_access_a_grant_ends_with_the_twelve_hours_of_its_session() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let mut online = app.tokens(&server, &mut browser, &[("scope", ONLINE)]).await;
    let mut offline = app.tokens(&server, &mut browser, &[("scope", SCOPE)]).await;
    // Nobody is at the browser: the session signs in no more after 30 minutes, and exists still.
    for _ in 0..11 {
        server.clock().pass(3_600);
        online = Tokens::of(&app.refresh(&server, &online.refresh).await);
        offline = Tokens::of(&app.refresh(&server, &offline.refresh).await);
    }
    server.clock().pass(3_600);
    has_ended(&app.refresh(&server, &online.refresh).await);
    offline = Tokens::of(&app.refresh(&server, &offline.refresh).await);
    server.clock().pass(MONTH - 12 * 3_600 - 60);
    offline = Tokens::of(&app.refresh(&server, &offline.refresh).await);
    server.clock().pass(60);
    has_ended(&app.refresh(&server, &offline.refresh).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_does_not_allow_offline_access_gives_none() {
    let server = Server::start().await;
    let app = App::new(&server, "rp", json!({})).await;
    let mut browser = Browser::new(&server);
    let pkce = grantor_testkit::Pkce::new_one();
    browser.visit(&app.url(&server, &pkce, &[])).await;
    server.type_password(&mut browser, &crate::code_flow::end_user(&server)).await;
    browser.untick("consent-scope-offline_access");
    browser.untick("consent-scope-email");
    browser.submit("consent-approve").await;
    let answer = app.redeem(&server, &(browser.must_reply().code(), pkce)).await;
    let tokens = Tokens::of(&answer);
    let granted: Vec<String> =
        answer.json()["scope"].as_str().expect("a scope").split(' ').map(str::to_owned).collect();
    assert!(!granted.iter().any(|scope| scope == "offline_access" || scope == "email"), "{granted:?}");
    assert!(
        granted.iter().any(|scope| scope == "openid") && granted.iter().any(|scope| scope == "payments:read")
    );
    assert_eq!(app.refresh(&server, &tokens.refresh).await.status, 200);
    let tokens = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    sign_out(&mut browser).await;
    has_ended(&app.refresh(&server, &tokens.refresh).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_or_a_profile_without_refresh_gets_no_refresh_token_whatever_is_asked_for() {
    let server = Server::start().await;
    let body = json!({ "client_id": "once", "grants": ["authorization_code"] });
    let app = App::of_api(&server, "payments", body).await;
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[("scope", SCOPE)]).await;
    assert_eq!(tokens.refresh, "");
    // The profile `assets` has no refresh.
    let assets = server.user_token("production", "assets").await;
    assert!(assets.refresh.is_empty() && !assets.id.is_empty());
}
