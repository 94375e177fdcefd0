//! Refresh tokens are bound to no key yet: DPoP is absent (C10, RFC 9449), so those of apps without a secret rotate, always
//! (RFC 9700 2.2.2).

use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_testkit::{Answer, Browser, Server, Tokens, basic};
use serde_json::{Value, json};

use super::{AFTER_GRACE, is_invalid_grant};
use crate::code_flow::{App, PRODUCTION, form};
use crate::rfc9068_at_jwt::part;

/// A key of an app, which proves that it holds it.
struct Key {
    pair: EcdsaKeyPair,
    jwk: Value,
}

impl Key {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let point = pair.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        Self { jwk: json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y }), pair }
    }

    /// RFC 7638: the members in the order of their names, as they are written above.
    fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.jwk.to_string().as_bytes()))
    }

    /// A proof as RFC 9449 4.2 wants it.
    #[expect(clippy::disallowed_methods, reason = "an app makes its proofs with randomness of its own")]
    fn proof(&self, server: &Server, method: &str, url: &str, token: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = encoded(json!({ "alg": "ES256", "jwk": self.jwk, "typ": "dpop+jwt" }));
        let claims = encoded(json!({
            "jti": COUNT.fetch_add(1, Ordering::Relaxed).to_string(),
            "htm": method,
            "htu": url,
            "iat": server.node().now().seconds(),
            "ath": URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes())),
        }));
        let input = format!("{header}.{claims}");
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes()).expect("a signature");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A token request of an app with a proof beside it.
async fn proving(server: &Server, app: &App, proof: &str, fields: &[(&str, &str)]) -> Answer {
    let id = [("client_id", app.client.id.as_str())];
    let secret = &app.client.secret;
    let request = server.http.post(server.token_endpoint(PRODUCTION, "payments")).header("dpop", proof);
    let request = match secret.as_str() {
        "" => request.body(form(&[fields, &id].concat())),
        _ => request.header("authorization", basic(&app.client.id, secret)).body(form(fields)),
    };
    server.send(request.header("content-type", "application/x-www-form-urlencoded")).await
}

/// Tokens that say of themselves what they are: whoever holds them has them.
fn bears_no_binding(answer: &Answer) -> Tokens {
    let tokens = Tokens::of(answer);
    assert_eq!(answer.json()["token_type"], "Bearer");
    assert!(answer.headers.get("dpop-nonce").is_none(), "{:?}", answer.headers);
    assert_eq!(part(&tokens.access, 1)["cnf"], Value::Null);
    tokens
}

async fn public(server: &Server, client_id: &str) -> App {
    let body = json!({ "client_id": client_id, "apis": [], "auth_method": "none" });
    App::of_api(server, "payments", body).await.asking_for("openid offline_access")
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_dpop_proof_or_thumbprint_binds_nothing_breaks_nothing_and_is_promised_nowhere() {
    let server = Server::start().await;
    let token_endpoint = server.token_endpoint(PRODUCTION, "payments");
    let userinfo = format!("{}/userinfo", server.issuer(PRODUCTION));
    for app in [public(&server, "phone").await, App::of_payments(&server)] {
        let (first, second) = (Key::new(), Key::new());
        let proof = |key: &Key| key.proof(&server, "POST", &token_endpoint, "");
        let thumbprint = first.thumbprint();
        let code = app.code(&server, &mut Browser::new(&server), &[("dpop_jkt", &thumbprint)]).await;
        let redemption = [
            ("grant_type", "authorization_code"),
            ("code", &code.0),
            ("redirect_uri", &app.redirect_uri),
            ("code_verifier", &code.1.verifier),
        ];
        // The key of the proof is not that of `dpop_jkt`: where a code is bound, this is refused (RFC 9449 10).
        let mut tokens = bears_no_binding(&proving(&server, &app, &proof(&second), &redemption).await);
        // The same key, another one, nonsense, nothing: where refresh tokens are bound, the first would do alone.
        for proof in [&*proof(&first), &*proof(&second), "e30.e30.e30", ""] {
            let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
            tokens = bears_no_binding(&proving(&server, &app, proof, &fields).await);
        }
        tokens = bears_no_binding(&app.refresh(&server, &tokens.refresh).await);
        // Presented as the bearer token that it is; the scheme of bound tokens is no way in (7.1).
        let proof = second.proof(&server, "GET", &userinfo, &tokens.access);
        for (scheme, status) in [("Bearer", 200), ("DPoP", 401)] {
            let authorization = format!("{scheme} {}", tokens.access);
            let request = server.http.get(&userinfo).header("authorization", authorization);
            let answer = server.send(request.header("dpop", &proof)).await;
            assert_eq!(answer.status, status, "{scheme}: {}", answer.text);
            assert!(!answer.header("www-authenticate").contains("DPoP"), "{:?}", answer.headers);
        }
        if !app.client.secret.is_empty() {
            let seen = server.introspect(PRODUCTION, "payments", &tokens.access).await.json();
            assert_eq!((&seen["token_type"], &seen["cnf"]), (&json!("Bearer"), &Value::Null), "{seen}");
        }
    }
    for environment in [PRODUCTION, "sandbox"] {
        for document in ["openid-configuration", "oauth-authorization-server"] {
            let url = format!("{}/.well-known/{document}", server.issuer(environment));
            let text = server.get(&url, None).await.text.to_ascii_lowercase();
            assert!(text.contains("token_endpoint") && !text.contains("dpop"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9700_2_2_2_without_a_secret_a_refresh_token_rotates_also_where_the_profile_says_never() {
    const NEVER: &str = "[[profile]]\nname = \"payments\"\ntoken_paths = [\"/oauth/token\"]\n\
        client_auth = [\"client_secret_basic\", \"none\"]\ntoken_format = \"jwt\"\ngrants = [\"authorization_code\"]\n\
        [profile.refresh]\ngrants = [\"authorization_code\"]\nrotation = \"never\"\n";
    let server = Server::start().await;
    let applied = server.apply(NEVER).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let with_secret = App::new(&server, "backend", json!({})).await;
    let tokens = with_secret.tokens(&server, &mut Browser::new(&server), &[]).await;
    let refreshed = Tokens::of(&with_secret.refresh(&server, &tokens.refresh).await);
    assert!(refreshed.refresh == tokens.refresh, "the profile is in force");

    let phone =
        App::of_api(&server, "payments", json!({ "client_id": "phone", "auth_method": "none" })).await;
    let first = phone.tokens(&server, &mut Browser::new(&server), &[]).await;
    let second = Tokens::of(&phone.refresh(&server, &first.refresh).await);
    assert!(second.refresh != first.refresh);
    server.clock().pass(AFTER_GRACE);
    is_invalid_grant(&phone.refresh(&server, &first.refresh).await);
    is_invalid_grant(&phone.refresh(&server, &second.refresh).await);
    assert_eq!(server.verdicts(PRODUCTION, "payments", &second.access, super::READ).await, super::DEAD);
}
