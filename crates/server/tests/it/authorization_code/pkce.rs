//! RFC 7636 4.5 and 4.6 at the token endpoint, with the guard against a downgrade of RFC 9700 2.1.1.

use grantor_testkit::{Browser, Pkce, Server};
use serde_json::json;

use super::is_invalid_grant;
use crate::code_flow::App;

#[tokio::test(flavor = "multi_thread")]
async fn b06_a_code_with_a_challenge_is_worth_nothing_without_its_verifier() {
    let server = Server::start().await;
    // A confidential app with its right secret, and one without.
    for app in [App::of_payments(&server), public(&server, "public").await] {
        let mut browser = Browser::new(&server);
        for verifier in ["", " "] {
            let code = app.code(&server, &mut browser, &[]).await;
            is_invalid_grant(&app.redeem_with(&server, &code, &[("code_verifier", verifier)]).await);
            is_invalid_grant(&app.redeem(&server, &code).await);
        }
        let code = app.code(&server, &mut browser, &[]).await;
        let empty = [
            ("grant_type", "authorization_code"),
            ("code", &code.0),
            ("redirect_uri", &app.redirect_uri),
            ("code_verifier", ""),
        ];
        is_invalid_grant(&app.token(&server, &empty).await);
    }
}

/// An app without a secret, which asks for nothing but who somebody is.
async fn public(server: &Server, client_id: &str) -> App {
    let body = json!({ "client_id": client_id, "apis": [], "auth_method": "none" });
    App::of_api(server, "payments", body).await.asking_for("openid offline_access")
}

#[tokio::test(flavor = "multi_thread")]
async fn b07_a_verifier_for_a_code_without_challenge_is_refused() {
    let server = Server::start().await;
    let app = App::new(&server, "without", json!({ "require_pkce": false })).await;
    let stripped = [("code_challenge", ""), ("code_challenge_method", "")];
    let mut browser = Browser::new(&server);
    let code = app.code(&server, &mut browser, &stripped).await;
    // What a victim's app would do after somebody has taken the challenge out of its request.
    is_invalid_grant(&app.redeem(&server, &code).await);
    is_invalid_grant(&app.redeem_with(&server, &code, &[("code_verifier", "")]).await);
    let code = app.code(&server, &mut browser, &stripped).await;
    assert_eq!(app.redeem_with(&server, &code, &[("code_verifier", "")]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn b08_the_challenge_itself_is_no_verifier() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    // The method cannot be lost or changed at the token endpoint: there is but one.
    for more in [("code_challenge_method", "plain"), ("code_challenge_method", "")] {
        let code = app.code(&server, &mut browser, &[]).await;
        let challenge = code.1.challenge.clone();
        is_invalid_grant(&app.redeem_with(&server, &code, &[("code_verifier", &challenge), more]).await);
    }
    // A challenge that somebody sends along does not replace the stored one.
    let code = app.code(&server, &mut browser, &[]).await;
    let other = Pkce::new_one();
    let swapped = [("code_verifier", other.verifier.as_str()), ("code_challenge", &other.challenge)];
    is_invalid_grant(&app.redeem_with(&server, &code, &swapped).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn b09_a_wrong_or_malformed_verifier_is_refused_and_burns_the_code() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let right = |text: &str| pair(text);
    // Malformed though their hash is the challenge.
    for malformed in [
        "a".repeat(42),
        "a".repeat(129),
        format!("{}+", "a".repeat(42)),
        format!("{}/", "a".repeat(42)),
        format!("{}=", "a".repeat(42)),
        format!("{} ", "a".repeat(42)),
        format!("{}ä", "a".repeat(42)),
        format!("{}\n", "a".repeat(43)),
    ] {
        let pkce = right(&malformed);
        let challenge = pkce.challenge.clone();
        let (code, _) = app.code(&server, &mut browser, &[("code_challenge", &challenge)]).await;
        is_invalid_grant(&app.redeem(&server, &(code, pkce)).await);
    }
    for (length, symbol) in [(43, "a"), (128, "Z"), (64, "~"), (64, "-"), (64, "."), (64, "_"), (64, "0")] {
        let pkce = right(&symbol.repeat(length));
        let challenge = pkce.challenge.clone();
        let (code, _) = app.code(&server, &mut browser, &[("code_challenge", &challenge)]).await;
        assert_eq!(app.redeem(&server, &(code, pkce)).await.status, 200, "{length} {symbol}");
    }
    let code = app.code(&server, &mut browser, &[]).await;
    let wrong = [("code_verifier", "b".repeat(64))];
    let wrong = [("code_verifier", wrong[0].1.as_str())];
    is_invalid_grant(&app.redeem_with(&server, &code, &wrong).await);
    is_invalid_grant(&app.redeem(&server, &code).await);
}

/// A verifier of the test's choice with its challenge.
fn pair(verifier: &str) -> Pkce {
    use base64::Engine as _;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash.as_ref());
    Pkce { verifier: verifier.to_owned(), challenge }
}
