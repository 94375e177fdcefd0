//! Refresh tokens at the token endpoint (RFC 6749 6, RFC 9700 4.14): what a refresh gives, what it never gives, and what
//! follows when an old token comes back.

mod lifetime;
mod presented;
mod revocation;
mod unbound;
mod withdrawn;

pub(crate) use withdrawn::{suspendable, switch};

use grantor_testkit::{Answer, Browser, Pkce, Server, Tokens};
use serde_json::{Value, json};

use crate::code_flow::{App, PRODUCTION, end_user};
use crate::rfc6749_token::refused;

/// An operation of payments that takes a user's token.
const READ: &str = "/transfers";
const ALIVE: [bool; 3] = [true; 3];
const DEAD: [bool; 3] = [false; 3];
/// Longer than the grace for lost answers.
const AFTER_GRACE: i64 = 10;

/// Introspection, forward-auth, and the API behind its layer.
async fn verdicts(server: &Server, token: &str) -> [bool; 3] {
    server.verdicts(PRODUCTION, "payments", token, READ).await
}

fn is_invalid_grant(answer: &Answer) {
    refused(answer, 400, "invalid_grant");
}

async fn refresh_with(server: &Server, app: &App, token: &str, more: &[(&str, &str)]) -> Answer {
    let fields = [&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat();
    app.token(server, &fields).await
}

/// A family of payments' app: what came with the code.
async fn family(server: &Server, app: &App) -> Tokens {
    app.tokens(server, &mut Browser::new(server), &[]).await
}

/// The newest Grant of the demo's end user, as the provider's team sees it.
async fn newest_grant(server: &Server) -> Value {
    let path = format!("/environments/production/users/{}/grants", end_user(server).email);
    server.admin("GET", &path, Value::Null).await.json()["items"][0].clone()
}

/// What the audit says of ended Grants, newest first.
async fn endings(server: &Server) -> Vec<String> {
    let audit = server.admin("GET", "/audit", Value::Null).await.json();
    let rows = audit["items"].as_array().expect("rows").iter();
    let ended = rows.filter(|row| row["action"] == "grant.end");
    ended.map(|row| row["detail"]["reason"].as_str().unwrap_or("").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_15_a_refresh_gives_a_new_access_token_that_opens_the_api() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let first = family(&server, &app).await;
    server.clock().pass(600);
    let answer = app.refresh(&server, &first.refresh).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let body = answer.json();
    let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"]);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3600)));

    let second = Tokens::of(&answer);
    assert!(second.access != first.access && second.refresh != first.refresh, "both are new");
    assert_eq!(verdicts(&server, &second.access).await, ALIVE);
    let (old, new) = (Server::claims(&first.access), Server::claims(&second.access));
    for same in ["iss", "sub", "aud", "client_id", "tid", "env", "scope", "gid", "auth_time", "acr"] {
        assert_eq!(old[same], new[same], "{same}");
        assert!(!new[same].is_null(), "{same}");
    }
    assert_ne!(old["jti"], new["jti"]);
    assert!(new["iat"].as_i64() >= old["iat"].as_i64().map(|iat| iat + 600));
    assert_eq!(new["exp"].as_i64().zip(new["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(3600));
    // The new refresh token is as good as the first one was.
    let third = Tokens::of(&app.refresh(&server, &second.refresh).await);
    assert_eq!(verdicts(&server, &third.access).await, ALIVE);
}

#[tokio::test(flavor = "multi_thread")]
async fn c02_an_old_refresh_token_ends_its_family_and_no_other() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let other = family(&server, &app).await;
    let first = family(&server, &app).await;
    let second = Tokens::of(&app.refresh(&server, &first.refresh).await);
    server.clock().pass(AFTER_GRACE);
    let third = Tokens::of(&app.refresh(&server, &second.refresh).await);
    // Verifiers have seen all of them, so that a cache of verdicts would show.
    for tokens in [&first, &second, &third] {
        assert_eq!(verdicts(&server, &tokens.access).await, ALIVE);
    }
    is_invalid_grant(&app.refresh(&server, &first.refresh).await);
    for tokens in [&first, &second, &third] {
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD, "whoever holds the family is put out");
        is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
    }
    let grant = newest_grant(&server).await;
    assert_eq!((&grant["state"], &grant["ended_reason"]), (&json!("ended"), &json!("refresh_reused")));
    assert_eq!(endings(&server).await, ["refresh_reused"], "told once");
    assert_eq!(verdicts(&server, &other.access).await, ALIVE, "another device of the same user");
    assert_eq!(app.refresh(&server, &other.refresh).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn c02_the_one_before_ends_the_family_once_the_grace_is_over() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let first = family(&server, &app).await;
    let second = Tokens::of(&app.refresh(&server, &first.refresh).await);
    server.clock().pass(AFTER_GRACE);
    is_invalid_grant(&app.refresh(&server, &first.refresh).await);
    is_invalid_grant(&app.refresh(&server, &second.refresh).await);
    assert_eq!(verdicts(&server, &second.access).await, DEAD);
}

#[tokio::test(flavor = "multi_thread")]
async fn c03_an_old_refresh_token_is_still_refused_after_a_restart() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let first = family(&server, &app).await;
    let second = Tokens::of(&app.refresh(&server, &first.refresh).await);
    let third = Tokens::of(&app.refresh(&server, &second.refresh).await);
    let server = server.restart().await;
    assert_eq!(verdicts(&server, &third.access).await, ALIVE, "a restart ends nothing");
    // Nothing that a process remembers refuses it: the generation stands in the row.
    is_invalid_grant(&app.refresh(&server, &first.refresh).await);
    let server = server.restart().await;
    for tokens in [&first, &second, &third] {
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD);
        is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c06_nothing_wider_than_what_was_granted_comes_of_a_refresh() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = family(&server, &app).await;
    let of_other_api =
        server.api(PRODUCTION, "banking")["audience"].as_str().expect("an audience").to_owned();
    let own = server.api(PRODUCTION, "payments")["audience"].as_str().expect("an audience").to_owned();
    for scope in [
        // The app and its access allow it; this user was not asked.
        "payments:read payments:write",
        "payments:write",
        "openid address",
        "admin",
        "rates:read",
        "PAYMENTS:READ",
    ] {
        refused(
            &refresh_with(&server, &app, &tokens.refresh, &[("scope", scope)]).await,
            400,
            "invalid_scope",
        );
    }
    for target in [of_other_api.as_str(), "https://elsewhere.test", &format!("{own}/"), "no uri"] {
        let answer = refresh_with(&server, &app, &tokens.refresh, &[("resource", target)]).await;
        refused(&answer, 400, "invalid_target");
    }
    let both = [("resource", own.as_str()), ("resource", &of_other_api)];
    refused(&refresh_with(&server, &app, &tokens.refresh, &both).await, 400, "invalid_target");
    assert_eq!(newest_grant(&server).await["generation"], 1, "a refusal takes nothing");
    // What no specification of ours defines is ignored, and moves no audience.
    let more = [("resource", own.as_str()), ("audience", &of_other_api), ("aud", &of_other_api)];
    let answer = refresh_with(&server, &app, &tokens.refresh, &more).await;
    assert_eq!(Server::claims(&Tokens::of(&answer).access)["aud"], own);
}

#[tokio::test(flavor = "multi_thread")]
async fn c06_what_the_user_did_not_allow_is_not_had_by_a_refresh() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let (mut browser, pkce) = (Browser::new(&server), Pkce::new_one());
    browser.visit(&app.url(&server, &pkce, &[("scope", "openid payments:read payments:write")])).await;
    server.type_password(&mut browser, &end_user(&server)).await;
    browser.untick("consent-scope-payments:write");
    browser.submit("consent-approve").await;
    let code = browser.must_reply().code();
    let tokens = Tokens::of(&app.redeem(&server, &(code, pkce)).await);
    let asked = [("scope", "openid payments:read payments:write")];
    refused(&refresh_with(&server, &app, &tokens.refresh, &asked).await, 400, "invalid_scope");
    let refreshed = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    assert_eq!(Server::claims(&refreshed.access)["scope"], "openid payments:read");
    let written = server.call(PRODUCTION, "payments", Some(&refreshed.access), "POST", READ).await;
    assert_eq!((written.status, written.error().as_str()), (403, "insufficient_scope"));
}

/// RFC 6749 6: what is left out means what was granted at first, not the last narrowed list.
#[tokio::test(flavor = "multi_thread")]
async fn c06_a_narrowed_access_token_leaves_the_refresh_token_as_wide_as_it_was() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let first = family(&server, &app).await;
    let whole = Server::claims(&first.access)["scope"].clone();
    let narrow = [("scope", "payments:read")];
    let answer = refresh_with(&server, &app, &first.refresh, &narrow).await;
    assert_eq!(answer.json()["scope"], "payments:read");
    assert_eq!(answer.json()["id_token"], Value::Null, "openid was not asked for");
    let narrowed = Tokens::of(&answer);
    assert_eq!(Server::claims(&narrowed.access)["scope"], "payments:read");
    let who = server.get(&format!("{}/userinfo", server.issuer(PRODUCTION)), Some(&narrowed.access)).await;
    assert_eq!(who.status, 403, "the token itself is narrower: {}", who.text);
    let answer = app.refresh(&server, &narrowed.refresh).await;
    assert_eq!(Server::claims(&Tokens::of(&answer).access)["scope"], whole);
    assert_eq!(answer.json()["scope"], whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn c11_a_lost_answer_is_given_again_with_the_identical_successor() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let first = family(&server, &app).await;
    let lost = Tokens::of(&app.refresh(&server, &first.refresh).await);
    let again = Tokens::of(&app.refresh(&server, &first.refresh).await);
    assert!(again.refresh == lost.refresh, "no second branch");
    // Also for whoever asks after the server has been started anew.
    let server = server.restart().await;
    let third = Tokens::of(&app.refresh(&server, &first.refresh).await);
    assert!(third.refresh == lost.refresh);
    for tokens in [&lost, &again, &third] {
        assert_eq!(verdicts(&server, &tokens.access).await, ALIVE);
    }
    assert_eq!(newest_grant(&server).await["generation"], 2);
    // Once the successor is used the one before it is nobody's lost answer: it is not the one before any more.
    Tokens::of(&app.refresh(&server, &lost.refresh).await);
    is_invalid_grant(&app.refresh(&server, &first.refresh).await);
    is_invalid_grant(&app.refresh(&server, &lost.refresh).await);
    assert_eq!(verdicts(&server, &third.access).await, DEAD);
}

#[tokio::test(flavor = "multi_thread")]
async fn c11_the_grace_is_ten_seconds_from_the_rotation_and_using_it_adds_none() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let first = family(&server, &app).await;
    let second = Tokens::of(&app.refresh(&server, &first.refresh).await);
    // The clock runs on while the test works, so not nine.
    server.clock().pass(5);
    assert!(Tokens::of(&app.refresh(&server, &first.refresh).await).refresh == second.refresh);
    server.clock().pass(5);
    is_invalid_grant(&app.refresh(&server, &first.refresh).await);
    assert_eq!(endings(&server).await, ["refresh_reused"]);
}
