//! Keys that are JWTs: judged by their row, never taken for an access token, and verified as long as they live.

use grantor_jose::{SigningKey, Type};
use grantor_server::jobs::upkeep;
use grantor_testkit::Server;
use serde_json::{Value, json};

use super::{introspected, is_good, made, post, show};

/// The profile of the demo, with signed keys of this life.
async fn with_signed_keys(server: &Server, lifetime: &str) {
    let profile = include_str!("../../../../../examples/profiles/assets.toml")
        .replace("api_keys = \"provider\"", "api_keys = \"provider\"\napi_key_format = \"jwt\"")
        .replace("api_key = 31536000", &format!("api_key = {lifetime}"));
    let applied = server.apply(&profile).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
}

fn header(token: &str) -> Value {
    let first = token.split('.').next().unwrap();
    serde_json::from_slice(&grantor_jose::base64url_decode(first).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_key_says_what_it_is_and_its_row_says_whether_it_is_good() {
    let server = Server::start().await;
    let (_, opaque) = made(&server, json!({})).await;
    with_signed_keys(&server, "31536000").await;
    let (id, key) = made(&server, json!({})).await;
    assert_eq!(header(&key)["typ"], "grantor-key+jwt");
    let claims = Server::claims(&key);
    assert_eq!((&claims["jti"], &claims["iss"]), (&json!(id), &json!(server.issuer("production"))));
    assert_eq!(claims["aud"], json!([server.api("production", "assets")["audience"]]));
    assert_eq!(
        (show(&server, &id).await["format"].as_str(), claims["rev"]["key"].as_i64()),
        (Some("jwt"), Some(0))
    );
    assert!(is_good(&server, &key).await);
    assert!(is_good(&server, &opaque).await, "keys from before keep their form");
    let seen = introspected(&server, &key, "").await.json();
    assert_eq!((&seen["credential_kind"], &seen["jti"]), (&json!("api_key"), &json!(id)));

    let soon = server.node().now().plus_seconds(3_600);
    let narrower = json!({ "expires_at": grantor_server::moment::Moment(soon).to_string() });
    assert_eq!(post(&server, &id, "narrow", narrower).await.status, 200);
    let exp = introspected(&server, &key, "").await.json()["exp"].as_i64().unwrap();
    assert_eq!(exp, soon.seconds(), "the row, not the claims");
    post(&server, &id, "suspend", json!({})).await;
    assert!(!is_good(&server, &key).await);
    post(&server, &id, "resume", json!({})).await;
    assert!(is_good(&server, &key).await, "like an opaque one");
    post(&server, &id, "revoke", json!({ "reason": "leaked" })).await;
    assert!(!is_good(&server, &key).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_a_signed_key_is_no_access_token_and_an_access_token_is_no_key() {
    let server = Server::start().await;
    with_signed_keys(&server, "31536000").await;
    let (_, key) = made(&server, json!({})).await;
    let parts: Vec<&str> = key.split('.').collect();
    let token = server.token("production", "assets").await;
    let of_token: Vec<&str> = token.split('.').collect();
    let mixed = [
        format!("{}.{}.{}", of_token[0], parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], of_token[1], of_token[2]),
        format!("{}.{}.{}", parts[0], parts[1], of_token[2]),
        key[..key.len() - 1].to_owned(),
    ];
    for forged in mixed {
        assert!(!is_good(&server, &forged).await);
    }
    let kind = |answer: grantor_testkit::Answer| answer.json()["credential_kind"].clone();
    assert_eq!(kind(introspected(&server, &key, "").await), "api_key");
    assert_eq!(kind(introspected(&server, &token, "").await), "client");
    let userinfo = server.get(&format!("{}/userinfo", server.issuer("production")), Some(&key)).await;
    assert_eq!(userinfo.status, 401, "{}", userinfo.text);
    let app = server.client("production", "assets");
    let form = format!("token={key}");
    let url = format!("{}/revoke", server.issuer("production"));
    let revoked = server.post(&url, Some(&grantor_testkit::basic(&app.id, &app.secret)), &form).await;
    assert_eq!(revoked.error(), "unsupported_token_type", "a key is revoked by its id");
    assert!(is_good(&server, &key).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_claims_that_nobody_was_given_are_no_key_though_the_signature_is_good() {
    let server = Server::start().await;
    with_signed_keys(&server, "31536000").await;
    let (id, key) = made(&server, json!({})).await;
    let state = server.node().catalogue().environment("production").unwrap().clone();
    let signer: &SigningKey = state.keys.signer(grantor_jose::Algorithm::Es256).unwrap();
    let mut claims = Server::claims(&key);
    claims["exp"] = (claims["exp"].as_i64().unwrap() + 1).into();
    let sign = |typ, claims: &Value| signer.sign(typ, claims.to_string().as_bytes()).unwrap();
    for typ in Type::ALL {
        assert!(!is_good(&server, &sign(typ, &claims)).await, "{typ:?}");
    }
    assert!(!is_good(&server, &sign(Type::AccessToken, &Server::claims(&key))).await);
    assert!(is_good(&server, &key).await, "{id}");
    // The same claims once more, with another signature: it is not the text that was given out.
    assert!(!is_good(&server, &sign(Type::ApiKey, &Server::claims(&key))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_stays_until_the_last_api_key_that_it_signed_has_ended() {
    let server = Server::start().await;
    with_signed_keys(&server, "8640000").await;
    let (_, key) = made(&server, json!({})).await;
    let (short, _) = made(&server, json!({ "lifetime": 60 })).await;
    let kid = header(&key)["kid"].as_str().unwrap().to_owned();
    let rotate = "/environments/production/signing-keys/rotate";
    assert_eq!(server.admin("POST", rotate, json!({ "now": true })).await.status, 200);
    let (_, newer) = made(&server, json!({})).await;
    assert_ne!(header(&newer)["kid"].as_str().unwrap(), kid);
    for _ in 0..3 {
        server.clock().pass(30 * 86_400);
        upkeep(server.node()).await.unwrap();
        assert!(is_good(&server, &key).await, "longer than any token lives");
    }
    let server = server.restart().await;
    assert!(is_good(&server, &key).await, "also for a process that never saw it");
    server.clock().pass(11 * 86_400);
    upkeep(server.node()).await.unwrap();
    assert!(!is_good(&server, &key).await, "it has ended");
    let jwks = server.get(&format!("{}/jwks", server.issuer("production")), None).await;
    assert!(!jwks.text.contains(&kid), "and its signing key is gone: {short}");
}
