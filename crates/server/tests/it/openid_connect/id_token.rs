//! OpenID Connect Core 2 and 3.1.3: what an ID token says, and who has signed it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_testkit::{Browser, Pkce, Server, Tokens};
use serde_json::{Value, json};

use crate::code_flow::{App, PRODUCTION, SCOPE};
use crate::rfc9068_at_jwt::part;

/// By the arithmetic of the library and nothing of ours (RFC 7518 3.3).
fn is_signed_by_rs256(token: &str, jwks: &Value) -> bool {
    let (input, signature) = token.rsplit_once('.').expect("a JWT has dots");
    let bytes = |text: &Value| URL_SAFE_NO_PAD.decode(text.as_str().expect("text")).expect("base64url");
    let header = part(token, 0);
    let keys = jwks["keys"].as_array().expect("a key set");
    let key = keys
        .iter()
        .find(|key| key["kid"] == header["kid"] && key["kty"] == "RSA")
        .expect("the key is published");
    let key = RsaPublicKeyComponents { n: bytes(&key["n"]), e: bytes(&key["e"]) };
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    key.verify(&RSA_PKCS1_2048_8192_SHA256, input.as_bytes(), &signature).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_is_signed_with_rs256_by_a_published_key_and_says_exactly_this() {
    let server = Server::start().await;
    for environment in ["production", "sandbox"] {
        let before = server.node().now().seconds();
        let tokens = server.user_token(environment, "payments").await;
        let after = server.node().now().seconds();
        let header = part(&tokens.id, 0);
        assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
        let jwks = server.get(&format!("{}/jwks", server.issuer(environment)), None).await.json();
        assert!(is_signed_by_rs256(&tokens.id, &jwks));
        let other = if environment == "production" { "sandbox" } else { "production" };
        let foreign = server.get(&format!("{}/jwks", server.issuer(other)), None).await.json();
        assert!(!foreign["keys"].as_array().expect("keys").iter().any(|key| key["kid"] == header["kid"]));

        let claims = part(&tokens.id, 1);
        let names: Vec<&String> = claims.as_object().expect("an object").keys().collect();
        let all = ["acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "nonce", "sid", "sub"];
        assert_eq!(names, all, "no azp, and nothing about the user that was not asked for here");
        assert_eq!(claims["iss"], server.issuer(environment));
        assert_eq!(claims["aud"], "acme-payments-web", "a plain string");
        let sub = claims["sub"].as_str().expect("text");
        assert!(sub.starts_with("usr_") && sub.is_ascii() && sub.len() <= 255, "{sub}");
        assert_eq!(claims["nonce"], "nonce-of-the-app");
        let seconds =
            |name: &str| claims[name].as_i64().unwrap_or_else(|| panic!("{name} is a whole number"));
        assert!(
            (before..=after).contains(&seconds("iat")) && (before..=after).contains(&seconds("auth_time"))
        );
        assert_eq!(seconds("exp") - seconds("iat"), 600);
        assert_eq!(claims["amr"], json!(["pwd"]));
        let metadata = server
            .get(&format!("{}/.well-known/openid-configuration", server.issuer(environment)), None)
            .await
            .json();
        assert!(metadata["acr_values_supported"].as_array().expect("a list").contains(&claims["acr"]));
        assert!(claims["sid"].as_str().is_some_and(|sid| sid.len() >= 16));
        // 3.1.3.6.
        let half = &digest(&SHA256, tokens.access.as_bytes()).as_ref()[..16].to_vec();
        assert_eq!(claims["at_hash"], URL_SAFE_NO_PAD.encode(half));

        // The access token speaks of the same log-in (RFC 9068 2.2.1).
        let access = Server::claims(&tokens.access);
        assert_eq!(part(&tokens.access, 0)["typ"], "at+jwt");
        for name in ["iss", "sub", "auth_time", "acr"] {
            assert_eq!(access[name], claims[name], "{name}");
        }
        assert_eq!(access["client_id"], "acme-payments-web");
        assert_eq!(access["aud"], server.api(environment, "payments")["audience"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nonce_is_copied_exactly_and_absent_where_none_was_sent() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let long = "n".repeat(64);
    for nonce in ["a b+c%20\"\\", "ü€", "0", &long] {
        let tokens = app.tokens(&server, &mut browser, &[("nonce", nonce)]).await;
        assert_eq!(part(&tokens.id, 1)["nonce"], nonce);
    }
    let tokens = app.tokens(&server, &mut browser, &[("nonce", "")]).await;
    assert!(part(&tokens.id, 1).get("nonce").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_openid_it_is_plain_oauth() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let code = app.code(&server, &mut Browser::new(&server), &[("scope", "payments:read")]).await;
    let answer = app.redeem(&server, &code).await;
    assert!(answer.json().get("id_token").is_none(), "{}", answer.text);
    let tokens = Tokens::of(&answer);
    let refreshed = app.refresh(&server, &tokens.refresh).await;
    assert!(refreshed.json().get("id_token").is_none() && refreshed.status == 200);
    let userinfo = server.get(&format!("{}/userinfo", server.issuer(PRODUCTION)), Some(&tokens.access)).await;
    assert_eq!((userinfo.status, userinfo.error().as_str()), (403, "insufficient_scope"));
    assert!(userinfo.header("www-authenticate").contains("scope=\"openid\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refreshed_id_token_speaks_of_the_first_log_in() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let first = app.tokens(&server, &mut Browser::new(&server), &[]).await;
    server.clock().pass(1_000);
    let second = Tokens::of(&app.refresh(&server, &first.refresh).await);
    let (first, second, access) = (part(&first.id, 1), part(&second.id, 1), second.access);
    for name in ["iss", "sub", "aud", "auth_time", "acr", "amr", "sid"] {
        assert_eq!(first[name], second[name], "{name}");
    }
    assert!(second.get("nonce").is_none(), "12.2: left out, or the first one");
    assert!(second["iat"].as_i64() >= first["iat"].as_i64().map(|at| at + 1_000));
    let half = &digest(&SHA256, access.as_bytes()).as_ref()[..16].to_vec();
    assert_eq!(second["at_hash"], URL_SAFE_NO_PAD.encode(half));
    assert_eq!(Server::claims(&access)["auth_time"], first["auth_time"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_chooses_another_algorithm_that_the_environment_has() {
    let server = Server::start().await;
    let metadata = server
        .get(&format!("{}/.well-known/openid-configuration", server.issuer(PRODUCTION)), None)
        .await
        .json();
    let on = metadata["id_token_signing_alg_values_supported"].as_array().expect("a list").clone();
    assert!(on.contains(&json!("RS256")) && !on.contains(&json!("none")));
    for algorithm in ["RS256", "ES256", "PS256", "EdDSA"] {
        let body = json!({ "tenant": "acme", "client_id": format!("by-{algorithm}"), "apis": ["payments"],
            "metadata": { "redirect_uris": [crate::code_flow::CALLBACK], "id_token_signed_response_alg": algorithm } });
        if !on.contains(&json!(algorithm)) {
            assert_eq!(server.admin("POST", "/environments/production/apps", body).await.status, 422);
            continue;
        }
        let app = App::of_api(&server, "payments", body).await;
        let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
        assert_eq!(part(&tokens.id, 0)["alg"], algorithm);
        assert!(part(&tokens.id, 0)["kid"].is_string());
    }
    for refused in ["none", "HS256", "RS1", ""] {
        let body = json!({ "tenant": "acme", "client_id": "bad", "apis": ["payments"],
            "metadata": { "redirect_uris": [crate::code_flow::CALLBACK], "id_token_signed_response_alg": refused } });
        assert_eq!(
            server.admin("POST", "/environments/production/apps", body).await.status,
            400,
            "{refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pairwise_subjects_belong_to_a_host_and_say_nothing_to_others() {
    let server = Server::start().await;
    let pairwise = |uri: &str| json!({ "subject_type": "pairwise", "redirect_uris": [uri] });
    let public = App::of_payments(&server);
    let one = App::new(&server, "one", pairwise("https://one.test/cb")).await;
    let sibling = App::new(&server, "sibling", pairwise("https://one.test:8443/other")).await;
    let two = App::new(&server, "two", pairwise("https://two.test/cb")).await;
    let mut subs = Vec::new();
    for app in [&public, &one, &sibling, &two] {
        let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
        let again = app.tokens(&server, &mut Browser::new(&server), &[("scope", "openid")]).await;
        let sub = part(&tokens.id, 1)["sub"].as_str().expect("text").to_owned();
        let said =
            server.get(&format!("{}/userinfo", server.issuer(PRODUCTION)), Some(&tokens.access)).await.json();
        // One subject in every place, and the same the next time.
        assert_eq!(said["sub"], sub);
        assert_eq!(part(&again.id, 1)["sub"], sub);
        assert_eq!(Server::claims(&tokens.access)["sub"], sub);
        let introspected = server.introspect(PRODUCTION, "payments", &tokens.access).await.json();
        assert_eq!(introspected["sub"], sub);
        assert!(sub.starts_with("usr_") && sub.len() <= 255);
        subs.push(sub);
    }
    assert_eq!(subs[1], subs[2], "8.1: one sector");
    assert!(subs[0] != subs[1] && subs[0] != subs[3] && subs[1] != subs[3]);
    let metadata = server
        .get(&format!("{}/.well-known/openid-configuration", server.issuer(PRODUCTION)), None)
        .await
        .json();
    assert_eq!(metadata["subject_types_supported"], json!(["public", "pairwise"]));
    // Two hosts make no sector.
    let mixed = json!({ "tenant": "acme", "client_id": "mixed", "apis": ["payments"],
        "metadata": { "subject_type": "pairwise", "redirect_uris": ["https://one.test/cb", "https://two.test/cb"] } });
    assert_eq!(server.admin("POST", "/environments/production/apps", mixed).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_asked_for_by_name_stand_where_they_were_asked_for() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let openid = "openid payments:read";
    let asked = json!({
        "userinfo": { "name": { "essential": true }, "nickname": null, "sub": null },
        "id_token": { "email": null, "email_verified": { "essential": true }, "auth_time": { "essential": true }, "http://unknown.test/claim": null },
        "unknown": 1
    });
    let tokens =
        app.tokens(&server, &mut browser, &[("scope", openid), ("claims", &asked.to_string())]).await;
    let claims = part(&tokens.id, 1);
    assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("user@people.example"), &json!(true)));
    assert!(claims.get("name").is_none() && claims["auth_time"].is_i64());
    let said =
        server.get(&format!("{}/userinfo", server.issuer(PRODUCTION)), Some(&tokens.access)).await.json();
    let names: Vec<&String> = said.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["name", "sub"], "what is unknown is left out, never null or empty");
    // Without the parameter, scopes put nothing into the ID token: that is what userinfo is for (5.4).
    let plain = app.tokens(&server, &mut browser, &[("scope", SCOPE)]).await;
    assert!(part(&plain.id, 1).get("email").is_none());
    for bad in [
        "x",
        "[]",
        "1",
        "null",
        "{\"userinfo\": []}",
        "{\"id_token\": 1}",
        "{\"userinfo\": {}, \"userinfo\": {}",
    ] {
        let answer = app.ask(&server, &[("claims", bad)]).await;
        assert_eq!(crate::code_flow::told(&server, &app, &answer), "invalid_request", "{bad}");
    }
    for let_be in ["{}", "{\"userinfo\": null}", "{\"userinfo\": {\"x\": {\"value\": 1}}}"] {
        let url = app.url(&server, &Pkce::new_one(), &[("claims", let_be)]);
        browser.visit(&url).await;
        assert!(!browser.must_reply().code().is_empty(), "{let_be}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_released_by_name_that_the_user_was_not_asked_for() {
    let server = Server::start().await;
    let app = App::new(&server, "curious", json!({})).await.asking_for("openid");
    let url = format!("{}/userinfo", server.issuer(PRODUCTION));
    let asked = json!({ "id_token": { "email": null }, "userinfo": { "name": null } }).to_string();
    let mut browser = Browser::new(&server);
    app.code(&server, &mut browser, &[]).await;
    // Allowed: who somebody is. Asked for by another name: their address.
    assert_eq!(super::silently(&server, &app, &mut browser, &[("claims", &asked)]).await, "consent_required");
    let pkce = Pkce::new_one();
    browser.visit(&app.url(&server, &pkce, &[("claims", &asked)])).await;
    let boxes = ["consent-scope-openid", "consent-scope-profile", "consent-scope-email"];
    assert_eq!(browser.page().ids("consent-scope-"), boxes);
    browser.untick("consent-scope-email");
    browser.submit("consent-approve").await;
    let answer = app.redeem(&server, &(browser.must_reply().code(), pkce)).await;
    let tokens = Tokens::of(&answer);
    assert!(part(&tokens.id, 1).get("email").is_none(), "not allowed, not told");
    let said = server.get(&url, Some(&tokens.access)).await.json();
    assert_eq!(said.as_object().expect("an object").keys().collect::<Vec<_>>(), ["name", "sub"]);
    // And what was allowed for a claim widens no token.
    assert_eq!(answer.json()["scope"], "openid");
    // Allowed now, it is remembered like a scope.
    let tokens = app.tokens(&server, &mut browser, &[("claims", &asked)]).await;
    assert_eq!(part(&tokens.id, 1)["email"], "user@people.example");
    assert_eq!(super::silently(&server, &app, &mut browser, &[("claims", &asked)]).await, "");
    // Without openid there is nothing to put it into, and nothing is asked.
    let mut plain = Browser::new(&server);
    let payments = App::new(&server, "plain", json!({})).await.asking_for("payments:read");
    plain.visit(&payments.url(&server, &Pkce::new_one(), &[("claims", &asked)])).await;
    server.type_password(&mut plain, &crate::code_flow::end_user(&server)).await;
    assert_eq!(plain.page().ids("consent-scope-"), ["consent-scope-payments:read"]);
}
