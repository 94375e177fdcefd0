//! OpenID Connect Core 3.1.2.1: `prompt` and `max_age`, and that `prompt=none` never shows or changes anything (H04).

use grantor_testkit::{Browser, Pkce, Server};
use serde_json::{Value, json};

use super::silently;
use crate::code_flow::{App, PRODUCTION, end_user, told};
use crate::rfc9068_at_jwt::part;

/// Whether a request shows this page, in a browser as it is.
async fn leads_to(
    server: &Server,
    app: &App,
    browser: &mut Browser,
    changes: &[(&str, &str)],
    path: &str,
) -> bool {
    browser.visit(&app.url(server, &Pkce::new_one(), changes)).await;
    browser.reply().is_none() && browser.page().path() == path && browser.page().status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn h04_prompt_none_never_shows_a_page_and_never_makes_a_consent() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    assert_eq!(silently(&server, &app, &mut browser, &[]).await, "login_required");
    assert!(browser.cookies().is_empty(), "nor does it begin anything");

    // Signed in, and never asked about this app.
    let fresh = App::new(&server, "fresh", json!({})).await;
    app.code(&server, &mut browser, &[]).await;
    let user = format!("/environments/{PRODUCTION}/users/{}", end_user(&server).email);
    let known = |answer: Value| answer["items"].as_array().expect("items").len();
    let consents = known(server.admin("GET", &format!("{user}/consents"), Value::Null).await.json());
    let grants = known(server.admin("GET", &format!("{user}/grants"), Value::Null).await.json());
    for _ in 0..3 {
        assert_eq!(silently(&server, &fresh, &mut browser, &[]).await, "consent_required");
    }
    assert_eq!(known(server.admin("GET", &format!("{user}/consents"), Value::Null).await.json()), consents);
    assert_eq!(known(server.admin("GET", &format!("{user}/grants"), Value::Null).await.json()), grants);

    // Allowed once, and only what was allowed.
    fresh.code(&server, &mut browser, &[("scope", "openid payments:read")]).await;
    assert_eq!(silently(&server, &fresh, &mut browser, &[("scope", "openid payments:read")]).await, "");
    assert_eq!(silently(&server, &fresh, &mut browser, &[("scope", "openid")]).await, "");
    assert_eq!(
        silently(&server, &fresh, &mut browser, &[("scope", "openid payments:read payments:write")]).await,
        "consent_required"
    );
    assert_eq!(
        silently(&server, &fresh, &mut browser, &[("scope", "openid email payments:read")]).await,
        "consent_required"
    );

    // Withdrawn: asked again.
    let withdrawn = server.admin("DELETE", &format!("{user}/consents/fresh"), json!({})).await;
    assert!(withdrawn.status < 300, "{}", withdrawn.text);
    assert_eq!(
        silently(&server, &fresh, &mut browser, &[("scope", "openid payments:read")]).await,
        "consent_required"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h04_a_public_app_is_always_asked_about() {
    let server = Server::start().await;
    let body = json!({ "client_id": "public", "apis": [], "auth_method": "none" });
    let app = App::of_api(&server, "payments", body).await.asking_for("openid email");
    let mut browser = Browser::new(&server);
    for _ in 0..2 {
        app.code(&server, &mut browser, &[]).await;
        assert_eq!(silently(&server, &app, &mut browser, &[]).await, "consent_required");
        assert!(leads_to(&server, &app, &mut browser, &[], "/consent").await);
        assert!(browser.page().has("consent-warning"), "anybody can use its name, and the page says so");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_none_goes_with_no_other_value_and_unknown_values_are_let_be() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    for values in ["none login", "login none", "none consent", "none select_account", "none none", "none x"] {
        let answer = app.ask(&server, &[("prompt", values)]).await;
        assert_eq!(told(&server, &app, &answer), "invalid_request", "{values}");
    }
    let mut browser = Browser::new(&server);
    app.code(&server, &mut browser, &[]).await;
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "nonsense")])).await;
    assert!(!browser.must_reply().code().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_login_asks_for_the_password_again_and_the_new_log_in_counts() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let before = app.tokens(&server, &mut browser, &[]).await;
    let session = browser.cookie("grt_production").expect("a session").value.clone();
    server.clock().pass(300);
    let pkce = Pkce::new_one();
    for prompt in ["login", "login consent", "consent login"] {
        assert!(leads_to(&server, &app, &mut browser, &[("prompt", prompt)], "/login").await, "{prompt}");
    }
    browser.visit(&app.url(&server, &pkce, &[("prompt", "login")])).await;
    // Reloading or going back to the app does not help around it.
    let address = browser.page().url.to_string();
    browser.visit(&address).await;
    assert_eq!(browser.page().path(), "/login");
    let handle = address.split_once("?i=").expect("a handle").1.to_owned();
    for page in ["consent", "terms", "login/account"] {
        browser.visit(&format!("/{page}?i={handle}")).await;
        assert_eq!(browser.page().path(), "/login", "{page}");
    }
    server.type_password(&mut browser, &end_user(&server)).await;
    let code = (browser.must_reply().code(), pkce);
    let after = grantor_testkit::Tokens::of(&app.redeem(&server, &code).await);
    let auth_time = |token: &str| part(token, 1)["auth_time"].as_i64().expect("a number");
    assert!(auth_time(&after.id) >= auth_time(&before.id) + 300);
    assert_eq!(part(&after.id, 1)["sub"], part(&before.id, 1)["sub"]);
    assert_ne!(browser.cookie("grt_production").expect("a session").value, session, "G01: a new reference");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_consent_asks_again_though_everything_is_allowed() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    app.code(&server, &mut browser, &[]).await;
    assert_eq!(silently(&server, &app, &mut browser, &[]).await, "");
    assert!(leads_to(&server, &app, &mut browser, &[("prompt", "consent")], "/consent").await);
    browser.submit("consent-deny").await;
    assert_eq!(browser.must_reply().get("error"), "access_denied");
    assert_eq!(browser.must_reply().get("state"), "state of the app");
    assert!(leads_to(&server, &app, &mut browser, &[("prompt", "consent")], "/consent").await);
    browser.submit("consent-approve").await;
    assert!(!browser.must_reply().code().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_select_account_shows_who_is_signed_in_and_takes_another_user() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    assert!(
        leads_to(&server, &app, &mut browser, &[("prompt", "select_account")], "/login").await,
        "nobody to choose"
    );
    let first = app.tokens(&server, &mut browser, &[]).await;
    let select = [("prompt", "select_account")];
    assert!(leads_to(&server, &app, &mut browser, &select, "/login/account").await);
    assert!(browser.page().text().contains(&end_user(&server).email));
    browser.submit("account-continue").await;
    assert!(!browser.must_reply().code().is_empty());

    let pkce = Pkce::new_one();
    browser.visit(&app.url(&server, &pkce, &select)).await;
    browser.submit("account-other").await;
    assert_eq!(browser.page().path(), "/login");
    server.type_password(&mut browser, &server.person("tenant_admin")).await;
    let code = (server.agree(&mut browser).await, pkce);
    let second = grantor_testkit::Tokens::of(&app.redeem(&server, &code).await);
    assert_ne!(part(&first.id, 1)["sub"], part(&second.id, 1)["sub"]);
    assert_ne!(part(&first.id, 1)["sid"], part(&second.id, 1)["sid"]);
    assert_eq!(silently(&server, &app, &mut browser, &[("id_token_hint", &second.id)]).await, "");
    assert_eq!(
        silently(&server, &app, &mut browser, &[("id_token_hint", &first.id)]).await,
        "login_required"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_create_begins_with_the_sign_up_page_and_the_sign_in_page_is_one_link_away() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    assert!(leads_to(&server, &app, &mut browser, &[("prompt", "create")], "/signup").await);
    app.code(&server, &mut browser, &[]).await;
    assert!(
        leads_to(&server, &app, &mut browser, &[("prompt", "create")], "/signup").await,
        "somebody is signed in"
    );
    browser.follow("signup-login").await;
    assert_eq!(browser.page().path(), "/login");
    server.type_password(&mut browser, &end_user(&server)).await;
    assert!(!server.agree(&mut browser).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn max_age_counts_from_when_the_user_acted_and_zero_is_now() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let first = app.tokens(&server, &mut browser, &[]).await;
    let auth_time = |token: &str| part(token, 1)["auth_time"].as_i64().expect("a number");
    // 0 is now, however fresh the log-in is.
    assert_eq!(silently(&server, &app, &mut browser, &[("max_age", "0")]).await, "login_required");
    assert!(leads_to(&server, &app, &mut browser, &[("max_age", "0")], "/login").await);
    server.clock().pass(900);
    // Used meanwhile: a session that is alive is no newer log-in.
    assert_eq!(silently(&server, &app, &mut browser, &[]).await, "");
    server.clock().pass(90);
    assert_eq!(
        silently(&server, &app, &mut browser, &[("max_age", "1000")]).await,
        "",
        "990 seconds and some"
    );
    server.clock().pass(10);
    assert_eq!(
        silently(&server, &app, &mut browser, &[("max_age", "1000")]).await,
        "login_required",
        "1000 and some"
    );
    assert_eq!(silently(&server, &app, &mut browser, &[("max_age", "2000")]).await, "");
    let second = app.tokens(&server, &mut browser, &[("max_age", "2000")]).await;
    assert_eq!(auth_time(&second.id), auth_time(&first.id), "told as it is");
    // With 0 the password is asked for once, not in a circle.
    let third = app.tokens(&server, &mut browser, &[("max_age", "0")]).await;
    assert!(auth_time(&third.id) >= auth_time(&first.id) + 1_000);
    assert_eq!(silently(&server, &app, &mut browser, &[("max_age", "1000")]).await, "");
    for bad in ["-1", "+1", "1.5", "x", "1 ", "99999999999999999999", "0x10"] {
        let answer = app.ask(&server, &[("max_age", bad)]).await;
        assert_eq!(told(&server, &app, &answer), "invalid_request", "{bad}");
    }
    let far = silently(&server, &app, &mut browser, &[("max_age", "9223372036854775807")]).await;
    assert_eq!(far, "", "as far as a number reaches");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_s_default_max_age_counts_where_the_request_names_none() {
    let server = Server::start().await;
    let app = App::new(&server, "strict", json!({ "default_max_age": 100, "require_auth_time": true })).await;
    let mut browser = Browser::new(&server);
    let tokens = app.tokens(&server, &mut browser, &[]).await;
    assert!(part(&tokens.id, 1)["auth_time"].is_i64());
    assert_eq!(silently(&server, &app, &mut browser, &[]).await, "");
    server.clock().pass(100);
    assert_eq!(silently(&server, &app, &mut browser, &[]).await, "login_required");
    assert_eq!(silently(&server, &app, &mut browser, &[("max_age", "1000")]).await, "");
}
