//! What somebody leaves behind in a browser, and what others withdraw meanwhile: none of it may open a door later.

use grantor_testkit::{Browser, Pkce, Server, Tokens};
use serde_json::json;
use tokio::task::JoinSet;

use crate::code_flow::{App, CALLBACK, PRODUCTION, form, refused_here};
use crate::documents_accepted::publish;
use crate::forms::{Hidden, at_login, cookies, get, leads_nowhere, new_user, signed_in, who};

#[tokio::test(flavor = "multi_thread")]
async fn g15_signing_out_after_half_an_hour_still_ends_what_hangs_on_the_session() {
    let server = Server::start().await;
    let app = App::new(&server, "portal", json!({})).await.asking_for("openid payments:read");
    let mut browser = Browser::new(&server);
    let tokens = app.tokens(&server, &mut browser, &[]).await;
    browser.visit("/logout").await;
    server.clock().pass(31 * 60);
    let next = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    browser.submit("logout-submit").await;
    assert_eq!(app.refresh(&server, &next.refresh).await.error(), "invalid_grant");
    // The same where another person signs in after the first has gone away.
    let tokens = app.tokens(&server, &mut browser, &[]).await;
    server.clock().pass(31 * 60);
    let other = new_user(&server, Some("nine green bicycles")).await;
    browser.visit("/login").await;
    server.type_password(&mut browser, &other).await;
    assert_eq!(who(&mut browser).await, other.email);
    assert_eq!(app.refresh(&server, &tokens.refresh).await.error(), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn g15_a_password_that_was_typed_and_left_is_worth_nothing_once_somebody_else_has_signed_in() {
    let server = Server::start().await;
    let (left, next) = (
        new_user(&server, Some("nine green bicycles")).await,
        new_user(&server, Some("four yellow boats")).await,
    );
    // The first one has a document to read, and stops there with the password typed.
    publish(&server, "terms", json!({})).await;
    let mut browser = at_login(&server).await;
    server.type_password(&mut browser, &left).await;
    assert_eq!(browser.page().path(), "/terms");
    let waiting = Hidden::of(browser.page());
    let handle = waiting.get("i").to_owned();
    browser.visit("/login").await;
    server.type_password(&mut browser, &next).await;
    browser.tick("terms-accept-terms");
    browser.submit("terms-submit").await;
    assert_eq!(who(&mut browser).await, next.email);
    let answer = get(&server, &format!("/terms?i={handle}"), &cookies(&browser), &[]).await;
    assert!(!answer.text.contains(&left.email) && answer.status != 200, "{} {}", answer.status, answer.text);
    assert_eq!(who(&mut browser).await, next.email, "nobody became the one who left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_a_redirect_uri_or_an_app_that_is_withdrawn_gets_nothing_of_a_sign_in_that_waits() {
    let server = Server::start().await;
    let app = App::new(&server, "portal", json!({})).await.asking_for("openid payments:read");
    let person = server.person("end_user");
    let path = format!("/environments/{PRODUCTION}/apps/portal");
    let at = |uri: &str| json!({ "tenant": "acme", "client_id": "portal", "apis": ["payments"], "metadata": { "redirect_uris": [uri] } });
    for (withdraw, restore) in [
        (("PUT", path.clone(), at("https://rp.test/other")), ("PUT", path.clone(), at(CALLBACK))),
        (("POST", format!("{path}/suspend"), json!({})), ("POST", format!("{path}/resume"), json!({}))),
    ] {
        let mut browser = Browser::new(&server);
        browser.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "consent")])).await;
        server.type_password(&mut browser, &person).await;
        assert_eq!(browser.page().path(), "/consent");
        let form = Hidden::of(browser.page()).with("decision", "approve").and("scope", "payments:read");
        let done = server.admin(withdraw.0, &withdraw.1, withdraw.2).await;
        assert_eq!(done.status, 200, "{}", done.text);
        leads_nowhere(&form.send(&server, &cookies(&browser)).await, 400);
        let done = server.admin(restore.0, &restore.1, restore.2).await;
        assert_eq!(done.status, 200, "{}", done.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h06_what_is_left_out_the_second_time_is_not_silently_allowed_again() {
    let server = Server::start().await;
    let app = App::new(&server, "portal", json!({})).await.asking_for("openid email payments:read");
    let mut browser = Browser::new(&server);
    app.tokens(&server, &mut browser, &[]).await;
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "none")])).await;
    assert!(!browser.must_reply().code().is_empty(), "remembered");
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "consent")])).await;
    browser.untick("consent-scope-payments:read");
    browser.submit("consent-approve").await;
    assert!(!browser.must_reply().code().is_empty());
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "none")])).await;
    assert_eq!(browser.must_reply().get("error"), "consent_required");
    browser
        .visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "none"), ("scope", "openid email")]))
        .await;
    assert!(!browser.must_reply().code().is_empty(), "what was allowed is remembered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_posted_authorization_request_is_not_moved_into_an_address() {
    let server = Server::start().await;
    let app = App::new(&server, "portal", json!({})).await;
    let url = app.url(&server, &Pkce::new_one(), &[("client_secret", "not-for-here")]);
    let (endpoint, query) = url.split_once('?').expect("a query");
    let post = server.http.post(endpoint).header("content-type", "application/x-www-form-urlencoded");
    let answer = server.send(post.body(query.to_owned())).await;
    refused_here(&answer);
    assert!(!format!("{:?} {}", answer.headers, answer.text).contains("not-for-here"));
    let good = app.url(&server, &Pkce::new_one(), &[]);
    let (endpoint, query) = good.split_once('?').expect("a query");
    let post = server.http.post(endpoint).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(server.send(post.body(query.to_owned())).await.status, 303, "without it, it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_one_user_may_sign_in_many_times_at_once_with_the_right_password() {
    let server = Server::start().await;
    let (app, person) = (server.client_with(PRODUCTION, "payments", "password"), server.person("end_user"));
    let fields = [("grant_type", "password"), ("username", &*person.email), ("password", &*person.password)];
    let url = server.token_endpoint(PRODUCTION, "payments");
    let request = server
        .http
        .post(url)
        .header("authorization", grantor_testkit::basic(&app.id, &app.secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(&fields));
    let mut all = JoinSet::new();
    for _ in 0..16 {
        let request = request.try_clone().expect("a body in memory");
        all.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
    }
    assert_eq!(all.join_all().await, [200; 16]);
    // And once more after four failures, each of which still counts until then.
    for _ in 0..4 {
        let wrong = [("grant_type", "password"), ("username", &*person.email), ("password", "wrong horse")];
        assert_eq!(server.token_request(PRODUCTION, "payments", &app, &wrong).await.status, 400);
    }
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let request = request.try_clone().expect("a body in memory");
        all.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
    }
    assert_eq!(all.join_all().await, [200; 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_begun_sign_ins_from_one_place_is_asked_to_wait() {
    let server = Server::start().await;
    let app = App::new(&server, "portal", json!({})).await;
    let signed_in_already = signed_in(&server, &server.person("end_user")).await;
    let mut refused = None;
    for number in 0_i64..400 {
        let answer = app.ask(&server, &[]).await;
        if answer.status == 429 {
            refused = Some(number);
            break;
        }
        assert_eq!(answer.status, 303, "{}", answer.text);
    }
    let refused = refused.expect("in the end one has to wait");
    assert!(refused >= 250, "{refused}");
    let rows = "SELECT COUNT(*) FROM interactions";
    assert!(server.door().await.number(rows).await <= refused + 2, "nothing is kept of who has to wait");
    // Who is signed in and has allowed the app begins nothing that is kept.
    let mut browser = signed_in_already;
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "none")])).await;
    assert_eq!(browser.must_reply().get("error"), "consent_required");
}
