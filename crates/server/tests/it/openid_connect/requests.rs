//! OpenID Connect Core 3.1.2.1, 5.5 and 6: whom a request names, what it may ask of the log-in, and what is refused by name.

use grantor_testkit::{Browser, Pkce, Server};
use serde_json::json;

use super::{another_user, silently};
use crate::code_flow::{App, PRODUCTION, end_user, told};
use crate::rfc9068_at_jwt::part;

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_names_the_user_also_when_it_has_expired_or_was_made_for_another_app() {
    let server = Server::start().await;
    let (app, other_app) = (App::of_payments(&server), App::new(&server, "other", json!({})).await);
    let mut browser = Browser::new(&server);
    let own = app.tokens(&server, &mut browser, &[]).await.id;
    let of_other_app = other_app.tokens(&server, &mut browser, &[]).await.id;
    assert_eq!(silently(&server, &app, &mut browser, &[("id_token_hint", &own)]).await, "");
    assert_eq!(silently(&server, &app, &mut browser, &[("id_token_hint", &of_other_app)]).await, "");
    server.clock().pass(1_200);
    assert_eq!(
        silently(&server, &app, &mut browser, &[("id_token_hint", &own)]).await,
        "",
        "it expired after 600 seconds"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_a_user_is_answered_for_nobody_else() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let somebody = another_user(&server, "somebody@people.test").await;
    let mut browser = Browser::new(&server);
    let hint = app.tokens(&server, &mut browser, &[]).await.id;
    let sub = part(&hint, 1)["sub"].as_str().expect("text").to_owned();
    let by_claims = json!({ "id_token": { "sub": { "value": sub } } }).to_string();
    let by_userinfo = json!({ "userinfo": { "sub": { "value": sub, "essential": true } } }).to_string();
    for named in [("id_token_hint", hint.as_str()), ("claims", &by_claims), ("claims", &by_userinfo)] {
        // The right one is signed in.
        assert_eq!(silently(&server, &app, &mut browser, &[named]).await, "");
        // Nobody is.
        let mut empty = Browser::new(&server);
        assert_eq!(silently(&server, &app, &mut empty, &[named]).await, "login_required");
        // Another one is: the page, and no code if that other one signs in again.
        let mut others = Browser::new(&server);
        let url = app.url(&server, &Pkce::new_one(), &[]);
        server.sign_in(&mut others, &url, &somebody).await;
        assert_eq!(silently(&server, &app, &mut others, &[]).await, "");
        assert_eq!(silently(&server, &app, &mut others, &[named]).await, "login_required");
        others.visit(&app.url(&server, &Pkce::new_one(), &[named])).await;
        assert_eq!(others.page().path(), "/login");
        server.type_password(&mut others, &somebody).await;
        assert_eq!(others.must_reply().get("error"), "login_required");
        // The right one, in that browser.
        let pkce = Pkce::new_one();
        others.visit(&app.url(&server, &pkce, &[named])).await;
        server.type_password(&mut others, &end_user(&server)).await;
        let answer = app.redeem(&server, &(others.must_reply().code(), pkce)).await;
        assert_eq!(part(answer.json()["id_token"].as_str().expect("an ID token"), 1)["sub"], sub);
    }
    // Both ways at once must name the same one.
    let other = json!({ "id_token": { "sub": { "value": "usr_somebody" } } }).to_string();
    let answer = app.ask(&server, &[("id_token_hint", &hint), ("claims", &other)]).await;
    assert_eq!(told(&server, &app, &answer), "invalid_request");
    assert_eq!(silently(&server, &app, &mut browser, &[("claims", &other)]).await, "login_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_essential_acr_that_cannot_be_reached_is_an_error_and_a_wish_is_none() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let tokens = app.tokens(&server, &mut browser, &[]).await;
    let acr = part(&tokens.id, 1)["acr"].as_str().expect("text").to_owned();
    let unmet = "unmet_authentication_requirements";
    for (wanted, error) in [
        (json!({ "essential": true, "value": "urn:far:too:strong" }), unmet),
        (json!({ "essential": true, "values": ["urn:far:too:strong", "x"] }), unmet),
        (json!({ "essential": true, "value": acr }), ""),
        (json!({ "essential": true, "values": ["urn:far:too:strong", acr] }), ""),
        (json!({ "essential": true }), ""),
        (json!({ "value": "urn:far:too:strong" }), ""),
        (json!({ "essential": false, "value": "urn:far:too:strong" }), ""),
        (json!(null), ""),
    ] {
        let claims = json!({ "id_token": { "acr": wanted } }).to_string();
        assert_eq!(silently(&server, &app, &mut browser, &[("claims", &claims)]).await, error, "{claims}");
    }
    // Also by the pages: once it is known who it is, it is known that they cannot.
    let claims =
        json!({ "id_token": { "acr": { "essential": true, "value": "urn:far:too:strong" } } }).to_string();
    let mut browser = Browser::new(&server);
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("claims", &claims)])).await;
    if browser.reply().is_none() {
        server.type_password(&mut browser, &end_user(&server)).await;
    }
    assert_eq!(browser.must_reply().get("error"), unmet);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_other_dresses_are_refused_by_their_names_and_never_ignored() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let metadata = server
        .get(&format!("{}/.well-known/openid-configuration", server.issuer(PRODUCTION)), None)
        .await
        .json();
    assert_eq!(
        (&metadata["request_parameter_supported"], &metadata["request_uri_parameter_supported"]),
        (&json!(false), &json!(false))
    );
    for (name, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        for value in ["x", "eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im9wZW5pZCJ9.", "https://rp.test/request", "{}"] {
            let answer = app.ask(&server, &[(name, value)]).await;
            assert_eq!(told(&server, &app, &answer), error);
            let answer = app.ask(&server, &[(name, value), ("prompt", "none")]).await;
            assert_eq!(told(&server, &app, &answer), error);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_says_how_it_should_look_never_makes_an_error() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let tokens = app.tokens(&server, &mut browser, &[]).await;
    for (name, value) in [
        ("display", "popup"),
        ("display", "nonsense"),
        ("ui_locales", "de-CH de en"),
        ("ui_locales", "not_a_tag \u{1F600} x-"),
        ("claims_locales", "de"),
        ("acr_values", "urn:far:too:strong 1"),
        ("login_hint", "somebody@people.test"),
        ("login_hint", "no address at all"),
        ("login_hint", &"x".repeat(4_000)),
        ("tid", "not a tenant"),
        ("audience", "x"),
        ("utm_source", "newsletter"),
        ("id_token_hint", &tokens.id),
    ] {
        assert_eq!(silently(&server, &app, &mut browser, &[(name, value)]).await, "", "{name}={value}");
        let answer = app.ask(&server, &[(name, value)]).await;
        assert!(answer.header("location").starts_with("/login?i="), "{name}={value}");
    }
    let mut browser = Browser::new(&server);
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("login_hint", "somebody@people.test")])).await;
    assert_eq!(browser.page().attribute("login-email", "value"), Some("somebody@people.test"));
}
