//! How long a refresh token lives, and who gets one (S000-10 to S000-14, ASVS 10.4.8).

use grantor_testkit::{Answer, Browser, Client, Pkce, Server, Tokens};
use serde_json::{Value, json};

use super::{ALIVE, DEAD, family, is_invalid_grant, newest_grant, verdicts};
use crate::code_flow::{App, PRODUCTION, end_user};
use crate::rfc6749_token::refused;

/// 30 days.
const MONTH: i64 = 2_592_000;
const DAY: i64 = 86_400;

fn milliseconds(time: &Value) -> i64 {
    time.as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339").as_millisecond()
}

/// How the tokens of a user are had, and refreshed, by either grant.
enum Family {
    Code(App),
    Password(Client),
}

impl Family {
    fn both(server: &Server) -> [Self; 2] {
        [
            Self::Code(App::of_payments(server)),
            Self::Password(server.client_with(PRODUCTION, "payments", "password")),
        ]
    }

    async fn begin(&self, server: &Server) -> Tokens {
        match self {
            Self::Code(app) => family(server, app).await,
            Self::Password(client) => Tokens::of(&by_password(server, client).await),
        }
    }

    async fn refresh(&self, server: &Server, token: &str) -> Answer {
        match self {
            Self::Code(app) => app.refresh(server, token).await,
            Self::Password(client) => {
                let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
                server.token_request(PRODUCTION, "payments", client, &fields).await
            }
        }
    }
}

async fn by_password(server: &Server, client: &Client) -> Answer {
    let person = end_user(server);
    let fields = [
        ("grant_type", "password"),
        ("username", person.email.as_str()),
        ("password", person.password.as_str()),
        ("scope", "payments:read"),
    ];
    server.token_request(PRODUCTION, "payments", client, &fields).await
}

/// Moves the clock to so many milliseconds before the newest Grant ends.
fn move_to(server: &Server, grant: &Value, before_end: i64) {
    let left = milliseconds(&grant["ends_at"]) - server.node().now().0;
    server.clock().pass_millis(left - before_end);
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_11_a_token_is_refreshed_up_to_thirty_days_after_the_first_authentication_and_no_longer() {
    let server = Server::start().await;
    for way in Family::both(&server) {
        let mut tokens = way.begin(&server).await;
        let signed_in = milliseconds(&newest_grant(&server).await["auth_time"]);
        let mut last = server.node().now().0;
        // Each rotation on the way would move the end if anything could.
        for _ in 0..3 {
            server.clock().pass(9 * DAY);
            tokens = Tokens::of(&way.refresh(&server, &tokens.refresh).await);
            assert_eq!(verdicts(&server, &tokens.access).await, ALIVE);
            assert!(server.node().now().0 - last >= 9 * DAY * 1000);
            last = server.node().now().0;
        }
        let grant = newest_grant(&server).await;
        assert_eq!(milliseconds(&grant["ends_at"]) - signed_in, MONTH * 1000);
        assert_eq!(milliseconds(&grant["auth_time"]), signed_in, "a refresh is no authentication");

        // 2,591,999 seconds after the authentication.
        move_to(&server, &grant, 1000);
        tokens = Tokens::of(&way.refresh(&server, &tokens.refresh).await);
        let exp = Server::claims(&tokens.access)["exp"].as_i64().expect("a time");
        assert!(exp * 1000 <= signed_in + MONTH * 1000, "no access token outlives the month");
        // 2,592,000.
        move_to(&server, &grant, 0);
        is_invalid_grant(&way.refresh(&server, &tokens.refresh).await);
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_12_after_the_month_the_refresh_is_refused_and_the_whole_flow_starts_again() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let tokens = app.tokens(&server, &mut browser, &[]).await;
    let first = newest_grant(&server).await;
    server.clock().pass(MONTH);
    let answer = app.refresh(&server, &tokens.refresh).await;
    is_invalid_grant(&answer);
    is_invalid_grant(&app.refresh(&server, &tokens.refresh).await);
    // Nothing of the first authentication opens anything: the password is asked for.
    let silent = app.url(&server, &Pkce::new_one(), &[("prompt", "none")]);
    browser.visit(&silent).await;
    assert_eq!(browser.must_reply().get("error"), "login_required");
    let pkce = Pkce::new_one();
    browser.visit(&app.url(&server, &pkce, &[])).await;
    assert!(browser.page().has("login-password"), "at {}", browser.page().path());
    server.type_password(&mut browser, &end_user(&server)).await;
    let code = server.agree(&mut browser).await;
    let tokens = Tokens::of(&app.redeem(&server, &(code, pkce)).await);
    let second = newest_grant(&server).await;
    assert!(milliseconds(&second["auth_time"]) - milliseconds(&first["auth_time"]) >= MONTH * 1000);
    // And it has a month of its own.
    server.clock().pass(MONTH - 60);
    assert_eq!(app.refresh(&server, &tokens.refresh).await.status, 200);
}

/// The month begins when the user acted, not when an app asked.
#[tokio::test(flavor = "multi_thread")]
async fn s000_11_an_app_that_asks_later_in_the_same_session_gets_no_later_end() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    app.tokens(&server, &mut browser, &[]).await;
    let first = newest_grant(&server).await;
    server.clock().pass(20 * 60);
    app.tokens(&server, &mut browser, &[]).await;
    let second = newest_grant(&server).await;
    assert_ne!(first["id"], second["id"]);
    assert_eq!((&second["auth_time"], &second["ends_at"]), (&first["auth_time"], &first["ends_at"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn c09_a_thousand_rotations_do_not_move_the_end() {
    let server = Server::start().await;
    let app = App::of_payments(&server).asking_for("payments:read");
    let mut tokens = family(&server, &app).await;
    let ends_at = newest_grant(&server).await["ends_at"].clone();
    for _ in 0..1_000 {
        server.clock().pass(MONTH / 1_000 - 2);
        tokens = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    }
    let grant = newest_grant(&server).await;
    assert_eq!((&grant["generation"], &grant["ends_at"]), (&json!(1_001), &ends_at));
    move_to(&server, &grant, 1000);
    let last = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    move_to(&server, &grant, 0);
    is_invalid_grant(&app.refresh(&server, &last.refresh).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_10_a_renewed_token_and_the_one_before_it_are_both_valid_until_their_own_ends() {
    let server = Server::start().await;
    for way in Family::both(&server) {
        let old = way.begin(&server).await;
        server.clock().pass(1_800);
        let new = Tokens::of(&way.refresh(&server, &old.refresh).await);
        for token in [&old.access, &new.access] {
            assert_eq!(verdicts(&server, token).await, ALIVE);
        }
        server.clock().pass(1_800);
        assert_eq!(verdicts(&server, &old.access).await, DEAD);
        assert_eq!(verdicts(&server, &new.access).await, ALIVE);
        server.clock().pass(1_800);
        assert_eq!(verdicts(&server, &new.access).await, DEAD);
        // The access token has ended, what renews it has not.
        let next = Tokens::of(&way.refresh(&server, &new.refresh).await);
        assert_eq!(verdicts(&server, &next.access).await, ALIVE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_13_only_password_and_authorization_code_give_refresh_tokens() {
    let server = Server::start().await;
    for way in Family::both(&server) {
        let tokens = way.begin(&server).await;
        assert!(!tokens.refresh.is_empty());
        assert_eq!(way.refresh(&server, &tokens.refresh).await.status, 200);
    }
    // An app that may do all of it gets none for itself, here or at any other API.
    let grants = ["client_credentials", "authorization_code", "password", "refresh_token"];
    let everything =
        App::of_api(&server, "payments", json!({ "client_id": "everything", "grants": grants })).await;
    for fields in
        [&[][..], &[("scope", "payments:read")], &[("refresh_token", "please"), ("access_type", "offline")]]
    {
        let fields = [&[("grant_type", "client_credentials")], fields].concat();
        let answer = everything.token(&server, &fields).await;
        assert_eq!((answer.status, answer.json().get("refresh_token")), (200, None), "{}", answer.text);
    }
    // `offline_access` is a scope of people.
    let fields = [("grant_type", "client_credentials"), ("scope", "payments:read offline_access")];
    refused(&everything.token(&server, &fields).await, 400, "invalid_scope");
    for api in ["payments", "channel", "assets", "deals", "banking"] {
        let answer = server.request_token(PRODUCTION, api, &server.client(PRODUCTION, api)).await;
        assert_eq!((answer.status, answer.json().get("refresh_token")), (200, None), "{api}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_14_an_app_of_client_credentials_cannot_refresh_whatever_it_sends() {
    let server = Server::start().await;
    let of_user = family(&server, &App::of_payments(&server)).await;
    let client = server.client(PRODUCTION, "payments");
    let own = server.token(PRODUCTION, "payments").await;
    for token in [own.as_str(), &client.secret, "x", &of_user.refresh] {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let answer = server.token_request(PRODUCTION, "payments", &client, &fields).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(
            ["invalid_grant", "unauthorized_client"].contains(&answer.error().as_str()),
            "{}",
            answer.text
        );
    }
    assert_eq!(verdicts(&server, &of_user.access).await, ALIVE);
}
