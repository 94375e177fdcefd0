//! S002-13 and S002-14: a user token lives 48 hours, unless the tenant's access says otherwise.

use grantor_testkit::{Browser, Server, Tokens};
use serde_json::{Value, json};

use crate::code_flow::{App, PRODUCTION};
use crate::s000_payments::BOTH;

const DEFAULT: i64 = 48 * 3_600;

/// A partner beside the one of the demo, at `assets`.
fn neighbour(setting: &str) -> String {
    format!(
        "[[tenant]]\nname = \"neighbour\"\n\
         [[access]]\ntenant = \"neighbour\"\napis = [\"assets\"]\nenvironments = [\"production\"]\n\
         quota = \"unlimited\"\n{}{setting}\n",
        grantor_testkit::SIGNED
    )
}

async fn token_of(server: &Server, app: &App) -> (i64, String) {
    let code = app.code(server, &mut Browser::new(server), &[]).await;
    let answer = app.redeem(server, &code).await;
    let token = Tokens::of(&answer).access;
    let told = answer.json()["expires_in"].as_i64().expect("a number");
    let claims = Server::claims(&token);
    let time = |name: &str| claims[name].as_i64().expect("a time");
    assert_eq!(time("exp") - time("iat"), told, "what is told is what holds");
    (told, token)
}

async fn is_alive(server: &Server, environment: &str, token: &str) -> bool {
    let verdicts = server.verdicts(environment, "assets", token, "/me").await;
    assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "all verifiers agree: {verdicts:?}");
    verdicts[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_13_a_user_token_lives_48_hours_by_default() {
    let server = Server::start().await;
    for environment in BOTH {
        let token = server.user_token(environment, "assets").await.access;
        let claims = Server::claims(&token);
        let time = |name: &str| claims[name].as_i64().expect("a time");
        assert_eq!(time("exp") - time("iat"), DEFAULT);
        server.clock().pass(DEFAULT / 2);
        assert!(is_alive(&server, environment, &token).await);
        let left = time("exp") * 1000 - server.node().now().0;
        server.clock().pass_millis(left - 2_000);
        assert!(is_alive(&server, environment, &token).await, "in the last second but one");
        server.clock().pass(2);
        assert!(!is_alive(&server, environment, &token).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_14_the_lifetime_is_a_setting_of_the_tenant_that_changes_on_request() {
    let server = Server::start().await;
    assert_eq!(server.apply(&neighbour("")).await.status, 200);
    let integrated = async |tenant: &str| {
        let body = json!({ "client_id": format!("{tenant}-users"), "tenant": tenant });
        App::of_api(&server, "assets", body).await.asking_for("openid prod.teosapi")
    };
    server.accept_documents("neighbour").await;
    let (app, other) = (integrated("neighbour").await, integrated("acme").await);
    let (told, first) = token_of(&server, &app).await;
    assert_eq!(told, DEFAULT);
    let mut issued = vec![(DEFAULT, first)];
    for seconds in [7_200, 72 * 3_600, 600] {
        let changed = server.apply(&neighbour(&format!("user_token_lifetime = {seconds}"))).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let (told, token) = token_of(&server, &app).await;
        assert_eq!(told, seconds);
        issued.push((seconds, token));
        assert_eq!(token_of(&server, &other).await.0, DEFAULT, "another tenant's is its own");
        let of_app = server.request_token(PRODUCTION, "assets", &app.client).await;
        assert_eq!(of_app.json()["expires_in"], 3600, "the app's own tokens are not concerned");
    }
    let shown = server.admin("GET", "/environments/production/accesses", Value::Null).await.text;
    assert!(shown.contains("600"), "the operator sees it: {shown}");
    // What was issued keeps its word; each ends when it was told to.
    issued.sort_by_key(|(seconds, _)| *seconds);
    let mut passed = 0;
    for (seconds, token) in &issued {
        server.clock().pass(seconds - passed - 60);
        assert!(is_alive(&server, PRODUCTION, token).await, "{seconds}");
        server.clock().pass(60);
        assert!(!is_alive(&server, PRODUCTION, token).await, "{seconds}");
        passed = *seconds;
    }
    // The setting outlives a restart.
    let server = server.restart().await;
    assert_eq!(token_of(&server, &app).await.0, 600);
}
