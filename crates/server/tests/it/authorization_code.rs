//! A code: once, by the app that got it, within a minute, with what it was bound to (RFC 6749 4.1.3, RFC 9700 2.1.1, 4.5).

mod kinds;
mod pkce;

use std::sync::Arc;

use grantor_testkit::{Answer, Browser, Server, Tokens};
use serde_json::json;

use crate::code_flow::{App, PRODUCTION};
use crate::rfc6749_token::refused;

/// An operation of payments that takes a user's token.
const READ: &str = "/transfers";

async fn good(server: &Server, token: &str) -> [bool; 3] {
    server.verdicts(PRODUCTION, "payments", token, READ).await
}

fn is_invalid_grant(answer: &Answer) {
    refused(answer, 400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_has_exactly_its_members_and_may_not_be_stored() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let code = app.code(&server, &mut Browser::new(&server), &[]).await;
    let answer = app.redeem(&server, &code).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(answer.header("content-type"), "application/json");
    let body = answer.json();
    let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"]);
    assert_eq!((&body["token_type"], body["expires_in"].as_i64()), (&json!("Bearer"), Some(3600)));
    assert_eq!(good(&server, body["access_token"].as_str().expect("a token")).await, [true; 3]);
    // Codes hold 256 bits of randomness and none is like another.
    let other = app.code(&server, &mut Browser::new(&server), &[]).await;
    assert!(code.0.len() > 43 && code.0 != other.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn b01_a_code_used_twice_is_refused_and_ends_what_came_of_it() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let code = app.code(&server, &mut browser, &[]).await;
    let tokens = Tokens::of(&app.redeem(&server, &code).await);
    let refreshed = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    let other = app.tokens(&server, &mut browser, &[]).await;
    assert_eq!(good(&server, &tokens.access).await, [true; 3]);
    assert_eq!(good(&server, &refreshed.access).await, [true; 3]);
    is_invalid_grant(&app.redeem(&server, &code).await);
    // Every token from the first use, also those that a refresh has made of it; another log-in of the same user lives on.
    for token in [&tokens.access, &refreshed.access] {
        assert_eq!(good(&server, token).await, [false; 3]);
    }
    is_invalid_grant(&app.refresh(&server, &refreshed.refresh).await);
    is_invalid_grant(&app.redeem(&server, &code).await);
    assert_eq!(good(&server, &other.access).await, [true; 3]);
    assert_eq!(app.refresh(&server, &other.refresh).await.status, 200);
    let audit = server.admin("GET", "/audit", serde_json::Value::Null).await.json();
    let ended =
        |row: &serde_json::Value| row["action"] == "grant.end" && row["detail"]["reason"] == "code_replayed";
    assert!(audit["items"].as_array().expect("rows").iter().any(ended), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn b01_a_code_used_again_after_a_restart_is_refused_and_ends_what_came_of_it() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let code = app.code(&server, &mut Browser::new(&server), &[]).await;
    let tokens = Tokens::of(&app.redeem(&server, &code).await);
    let server = server.restart().await;
    assert_eq!(good(&server, &tokens.access).await, [true; 3]);
    is_invalid_grant(&app.redeem(&server, &code).await);
    assert_eq!(good(&server, &tokens.access).await, [false; 3]);
    is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
    let server = server.restart().await;
    assert_eq!(good(&server, &tokens.access).await, [false; 3]);
    is_invalid_grant(&app.redeem(&server, &code).await);
    is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn b02_of_64_parallel_redemptions_exactly_one_gives_tokens() {
    let server = Arc::new(Server::start().await);
    let app = Arc::new(App::of_payments(&server));
    let mut browser = Browser::new(&server);
    for _ in 0..3 {
        let code = Arc::new(app.code(&server, &mut browser, &[]).await);
        let racers: Vec<_> = (0..64)
            .map(|_| {
                let (server, app, code) = (server.clone(), app.clone(), code.clone());
                tokio::spawn(async move { app.redeem(&server, &code).await })
            })
            .collect();
        let mut won = Vec::new();
        for racer in racers {
            let answer = racer.await.expect("a racer");
            match answer.status {
                200 => won.push(Tokens::of(&answer)),
                _ => is_invalid_grant(&answer),
            }
        }
        assert_eq!(won.len(), 1);
        // The others were replays: what the winner got is revoked (RFC 6749 4.1.2), and nothing brings it back.
        assert_eq!(good(&server, &won[0].access).await, [false; 3]);
        is_invalid_grant(&app.refresh(&server, &won[0].refresh).await);
        is_invalid_grant(&app.redeem(&server, &code).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b03_the_code_of_another_app_is_refused_and_the_app_it_belongs_to_is_unharmed() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let uri = json!({ "redirect_uris": [app.redirect_uri] });
    let thief = App::new(&server, "thief", uri.clone()).await;
    let of_sandbox = json!({ "tenant": "acme", "client_id": "thief", "apis": ["payments"], "metadata": uri });
    let of_sandbox = server.new_app("sandbox", of_sandbox).await;
    let code = app.code(&server, &mut Browser::new(&server), &[]).await;
    // With everything that was stolen along with it, verifier and redirect URI included.
    is_invalid_grant(&thief.redeem(&server, &code).await);
    is_invalid_grant(&thief.redeem_with(&server, &code, &[("client_id", "thief")]).await);
    // Naming the victim changes nothing: who asks is who has authenticated.
    let named = thief.redeem_with(&server, &code, &[("client_id", &app.client.id)]).await;
    assert!(named.status == 400 || named.status == 401, "{}", named.text);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code.0),
        ("redirect_uri", &app.redirect_uri),
        ("code_verifier", &code.1.verifier),
    ];
    let elsewhere = server.token_request("sandbox", "payments", &of_sandbox, &fields).await;
    is_invalid_grant(&elsewhere);
    // Without authentication, and with a wrong secret.
    let url = server.token_endpoint(PRODUCTION, "payments");
    let body = crate::code_flow::form(&[&fields[..], &[("client_id", &app.client.id)]].concat());
    refused(&server.post(&url, None, &body).await, 401, "invalid_client");
    let body = crate::code_flow::form(
        &[&fields[..], &[("client_id", &app.client.id), ("client_secret", "wrong")]].concat(),
    );
    refused(&server.post(&url, None, &body).await, 401, "invalid_client");
    assert_eq!(app.redeem(&server, &code).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn b04_a_code_lives_sixty_seconds() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let code = app.code(&server, &mut browser, &[]).await;
    // The clock runs on while the test works, so not 59.
    server.clock().pass(45);
    assert_eq!(app.redeem(&server, &code).await.status, 200);
    let code = app.code(&server, &mut browser, &[]).await;
    server.clock().pass(60);
    is_invalid_grant(&app.redeem(&server, &code).await);
    is_invalid_grant(&app.redeem(&server, &code).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn b04_a_clock_that_steps_back_makes_no_code_live_again() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let codes = [app.code(&server, &mut browser, &[]).await, app.code(&server, &mut browser, &[]).await];
    server.clock().pass(60);
    server.clock().step_wall(-3600);
    is_invalid_grant(&app.redeem(&server, &codes[0]).await);
    // Also over a restart, which begins with what the wall says.
    let server = server.restart().await;
    is_invalid_grant(&app.redeem(&server, &codes[0]).await);
    is_invalid_grant(&app.redeem(&server, &codes[1]).await);
    // And a code from before the step is no older or younger than it is.
    let code = app.code(&server, &mut Browser::new(&server), &[]).await;
    server.clock().step_wall(-86_400);
    assert_eq!(app.redeem(&server, &code).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_waits_is_worth_no_more_than_app_tenant_access_and_user_are() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let user = format!("/environments/production/users/{}", server.person("end_user").email);
    for (path, status, error) in [
        ("/environments/production/apps/acme-payments-web", 401, "invalid_client"),
        ("/tenants/acme", 401, "invalid_client"),
        ("/environments/production/accesses/acme/payments", 400, "access_denied"),
        (user.as_str(), 400, "invalid_grant"),
    ] {
        let code = app.code(&server, &mut Browser::new(&server), &[]).await;
        let switched = server.admin("POST", &format!("{path}/suspend"), json!({})).await;
        assert_eq!(switched.status, 200, "{}", switched.text);
        let answer = app.redeem(&server, &code).await;
        assert_eq!((answer.status, answer.error().as_str()), (status, error), "{path}");
        assert_eq!(server.admin("POST", &format!("{path}/resume"), json!({})).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_fields_are_named_and_burn_nothing() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let code = app.code(&server, &mut Browser::new(&server), &[]).await;
    let answer = app.redeem_with(&server, &code, &[("code", "")]).await;
    refused(&answer, 400, "invalid_request");
    assert!(answer.json()["error_description"].as_str().is_some_and(|text| text.contains("code")));
    refused(&app.redeem_with(&server, &code, &[("grant_type", "")]).await, 400, "invalid_request");
    refused(
        &app.redeem_with(&server, &code, &[("grant_type", "Authorization_Code")]).await,
        400,
        "unsupported_grant_type",
    );
    assert_eq!(app.redeem(&server, &code).await.status, 200);
}
