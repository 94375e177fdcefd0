//! RFC 9068: what a signed access token says, and that nothing else passes for one at any of the three checkers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_jose::jwt::Expectations;
use grantor_jose::{Algorithm, JwkSet, KeySet, SigningKey, Type, at_jwt};
use grantor_testkit::{Server, basic};
use serde_json::{Value, json};

/// What the three checkers say: introspection, forward-auth, and Grantor's own layer in front of the API.
pub(crate) async fn verdicts(server: &Server, environment: &str, api: &str, token: &str) -> (bool, u16, u16) {
    // The operation that an app may read: `assets` takes keys there, too.
    let examples = server.api(environment, api)["examples"].as_array().expect("examples");
    let example = examples
        .iter()
        .find(|one| {
            one["method"] == "GET"
                && one["accepts"].as_array().is_some_and(|kinds| kinds.contains(&json!("client")))
        })
        .expect("an operation for apps");
    let (method, path) = ("GET", example["path"].as_str().expect("text"));
    let introspected = server.introspect(environment, api, token).await;
    assert_eq!(introspected.status, 200, "{}", introspected.text);
    let active = introspected.json()["active"].as_bool().expect("active");
    if !active {
        assert_eq!(introspected.text, "{\"active\":false}");
    }
    let asked = server.forward_auth(environment, api, Some(token), method, path).await;
    let called = server.call(environment, api, Some(token), method, path).await;
    (active, asked.status, called.status)
}

/// All three say yes.
pub(crate) const GOOD: (bool, u16, u16) = (true, 200, 200);
/// All three say no.
pub(crate) const BAD: (bool, u16, u16) = (false, 401, 401);

/// Header or claims of a JWT, unchecked.
pub(crate) fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).expect("a part of a JWT");
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token signed with the environment's own key.
fn signed(server: &Server, environment: &str, typ: Type, claims: &Value) -> String {
    let catalogue = server.node().catalogue_full();
    let state = catalogue.environment(environment).expect("an environment");
    let signer = state.keys.signer(Algorithm::Es256).expect("an ES256 key");
    signer.sign(typ, claims.to_string().as_bytes()).expect("a signature")
}

async fn token_with(server: &Server, api: &str, more: &str) -> Value {
    let client = server.client("production", api);
    let answer = server
        .post(
            &server.token_endpoint("production", api),
            Some(&basic(&client.id, &client.secret)),
            &format!("grant_type=client_credentials{more}"),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    part(answer.json()["access_token"].as_str().expect("a token"), 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn f14_header_and_claims_are_complete_and_hold_nothing_more() {
    let server = Server::start().await;
    let now = server.node().now().seconds();
    for environment in ["production", "sandbox"] {
        let token = server.token(environment, "payments").await;
        let (header, claims) = (part(&token, 0), part(&token, 1));
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!(header["alg"], "ES256");
        let names: Vec<&String> = claims.as_object().expect("an object").keys().collect();
        // 6: no personal data. `tid`, `env` and `rev` are Grantor's own.
        assert_eq!(
            names,
            ["aud", "client_id", "env", "exp", "iat", "iss", "jti", "rev", "scope", "sub", "tid"]
        );
        assert_eq!(claims["iss"], server.issuer(environment));
        assert_eq!(claims["aud"], server.api(environment, "payments")["audience"]);
        assert_eq!(claims["client_id"], "acme-payments");
        assert_eq!(claims["sub"], "acme-payments");
        assert_eq!(claims["env"], environment);
        assert_eq!(claims["scope"], "payments:read payments:write");
        let (iat, exp) = (claims["iat"].as_i64().expect("iat"), claims["exp"].as_i64().expect("exp"));
        assert!((now..now + 60).contains(&iat));
        assert_eq!(exp - iat, 3600);
        // 128 random bits in base64url.
        assert_eq!(claims["jti"].as_str().expect("jti").len(), 22);
    }
    let other = part(&server.token("production", "payments").await, 1);
    assert_ne!(other["jti"], part(&server.token("production", "payments").await, 1)["jti"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn f14_the_published_key_of_the_environment_verifies_and_the_other_one_does_not_know_it() {
    let server = Server::start().await;
    for (own, foreign) in [("production", "sandbox"), ("sandbox", "production")] {
        let token = server.token(own, "payments").await;
        let kid = part(&token, 0)["kid"].as_str().expect("a kid").to_owned();
        let own_set = server.get(&format!("{}/jwks", server.issuer(own)), None).await;
        let foreign_set = server.get(&format!("{}/jwks", server.issuer(foreign)), None).await;
        assert!(own_set.text.contains(&kid) && !foreign_set.text.contains(&kid));
        let parsed =
            |text: &str| KeySet::from_jwks(&serde_json::from_str::<JwkSet>(text).expect("a key set"));
        let issuer = server.issuer(own);
        let audience = server.api(own, "payments")["audience"].as_str().expect("text").to_owned();
        let expect = Expectations {
            typ: Type::AccessToken,
            issuer: &issuer,
            audience: Some(&audience),
            now: server.node().now().seconds(),
            skew: 0,
        };
        let verify = |text: &str| at_jwt::verify(&token, &parsed(text), &expect).is_ok();
        assert!(verify(&own_set.text));
        assert!(!verify(&foreign_set.text));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audience_is_the_resource_or_the_apis_own_and_never_the_client_or_issuer() {
    let server = Server::start().await;
    let audience = server.api("production", "payments")["audience"].clone();
    assert_eq!(token_with(&server, "payments", "").await["aud"], audience);
    let resource = audience.as_str().expect("text").replace(':', "%3A").replace('/', "%2F");
    let asked = token_with(&server, "payments", &format!("&resource={resource}&resource={resource}")).await;
    assert_eq!(asked["aud"], audience);
    assert_ne!(asked["aud"], asked["iss"]);
    assert_ne!(asked["aud"], asked["client_id"]);
    assert!(asked["aud"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_of_the_token_is_the_granted_one() {
    let server = Server::start().await;
    assert_eq!(token_with(&server, "payments", "&scope=payments%3Aread").await["scope"], "payments:read");
    // What the server adds is there, asked for or not.
    assert_eq!(token_with(&server, "assets", "").await["scope"], "prod.teosapi");
}

#[tokio::test(flavor = "multi_thread")]
async fn d04_alg_none_and_symmetric_algorithms_pass_nowhere() {
    use aws_lc_rs::hmac;
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    assert_eq!(verdicts(&server, "production", "payments", &token).await, GOOD);
    let kid = part(&token, 0)["kid"].clone();
    let payload = token.split('.').nth(1).expect("claims");
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        for kid in [kid.clone(), Value::Null] {
            let header = encoded(&json!({ "typ": "at+jwt", "alg": alg, "kid": kid }));
            let signature = token.split('.').nth(2).expect("a signature");
            for forged in [format!("{header}.{payload}."), format!("{header}.{payload}.{signature}")] {
                assert_eq!(verdicts(&server, "production", "payments", &forged).await, BAD, "{alg}");
            }
        }
    }
    let jwks = server.get(&format!("{}/jwks", server.issuer("production")), None).await;
    let keys = jwks.json()["keys"].as_array().cloned().expect("keys");
    let key = keys.iter().find(|key| key["alg"] == "ES256").expect("an ES256 key");
    let point = [key["x"].as_str().expect("x"), key["y"].as_str().expect("y")]
        .map(|text| URL_SAFE_NO_PAD.decode(text).expect("base64url"))
        .concat();
    for secret in [jwks.text.as_bytes(), key.to_string().as_bytes(), &point, &[4u8][..], b""] {
        let header = encoded(&json!({ "typ": "at+jwt", "alg": "HS256", "kid": kid }));
        let text = format!("{header}.{payload}");
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        let forged = format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac));
        assert_eq!(verdicts(&server, "production", "payments", &forged).await, BAD);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d05_a_key_or_the_place_of_one_in_the_header_is_never_used() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let claims = part(&token, 1);
    let kid = part(&token, 0)["kid"].clone();
    // Properly signed, by a key that the token itself brings.
    let own = SigningKey::generate(Algorithm::Es256).expect("a key");
    let own = SigningKey::from_pkcs8(Algorithm::Es256, own.as_bytes()).expect("a key");
    let foreign = own.sign(Type::AccessToken, claims.to_string().as_bytes()).expect("a signature");
    assert_eq!(verdicts(&server, "production", "payments", &foreign).await, BAD);
    let (payload, signature) = (encoded(&claims), foreign.split('.').nth(2).expect("a signature"));
    let jwk = serde_json::to_value(own.public_jwk()).expect("a JWK");
    for extra in [
        json!({ "jwk": jwk, "kid": own.kid() }),
        json!({ "jwk": jwk, "kid": kid }),
        json!({ "jku": "http://127.0.0.1:9/jwks", "kid": own.kid() }),
        json!({ "x5u": "http://127.0.0.1:9/x", "kid": own.kid() }),
        json!({ "x5c": ["MIIB"], "kid": own.kid() }),
        json!({ "kid": "../../../../etc/passwd" }),
        json!({ "kid": "' OR 1=1 --" }),
        json!({ "kid": "x".repeat(2_000) }),
        json!({ "kid": kid, "crit": ["exp"] }),
        json!({ "kid": kid, "b64": false }),
    ] {
        let mut header = json!({ "typ": "at+jwt", "alg": "ES256" });
        let (Value::Object(header), Value::Object(extra)) = (&mut header, extra) else { panic!("objects") };
        header.extend(extra);
        let forged = format!("{}.{payload}.{signature}", encoded(&Value::Object(header.clone())));
        assert_eq!(verdicts(&server, "production", "payments", &forged).await, BAD, "{header:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_times_of_the_wrong_type_or_range_are_refused_though_the_signature_is_ours() {
    let server = Server::start().await;
    let claims = part(&server.token("production", "payments").await, 1);
    let with = |name: &str, value: Option<Value>| {
        let mut claims = claims.clone();
        claims["jti"] = format!("{name}-{value:?}").into();
        match value {
            Some(value) => claims[name] = value,
            None => {
                claims.as_object_mut().expect("an object").remove(name);
            }
        }
        signed(&server, "production", Type::AccessToken, &claims)
    };
    // The signer itself makes good ones, or nothing below would mean anything.
    let fine = with("scope", Some("payments:read".into()));
    assert_eq!(verdicts(&server, "production", "payments", &fine).await, GOOD);
    let now = server.node().now().seconds();
    let bad: Vec<Value> = vec![
        "9999999999".into(),
        Value::Null,
        (-1).into(),
        json!(1.5),
        json!(9.3e18),
        json!(9_223_372_036_854_775_808_u64),
        json!(true),
        json!([now + 60]),
    ];
    for name in ["exp", "iat", "nbf"] {
        for value in &bad {
            if name != "exp" && *value == json!(-1) {
                continue;
            }
            let token = with(name, Some(value.clone()));
            assert_eq!(verdicts(&server, "production", "payments", &token).await, BAD, "{name} {value}");
        }
    }
    for name in ["exp", "iat", "sub", "aud", "iss", "jti", "client_id", "tid", "env", "rev"] {
        assert_eq!(verdicts(&server, "production", "payments", &with(name, None)).await, BAD, "no {name}");
    }
    for (name, value) in [("exp", now - 1), ("nbf", now + 3600), ("iat", now + 3600)] {
        let token = with(name, Some(value.into()));
        assert_eq!(verdicts(&server, "production", "payments", &token).await, BAD, "{name} {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d09_no_other_kind_of_jwt_passes_as_an_access_token() {
    let server = Server::start().await;
    let claims = part(&server.token("production", "payments").await, 1);
    for typ in [
        Type::Jwt,
        Type::Introspection,
        Type::ClientAuthentication,
        Type::LogoutToken,
        Type::DpopProof,
        Type::RequestObject,
    ] {
        let mut claims = claims.clone();
        claims["jti"] = format!("{typ:?}").into();
        let token = signed(&server, "production", typ, &claims);
        assert_eq!(verdicts(&server, "production", "payments", &token).await, BAD, "{typ:?}");
    }
    // The reverse: an access token is no client assertion.
    let token = server.token("production", "payments").await;
    let form = format!(
        "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={token}"
    );
    let answer = server.post(&server.token_endpoint("production", "payments"), None, &form).await;
    crate::rfc6749_token::refused(&answer, 401, "invalid_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_issuer_audience_and_environment_are_compared_exactly() {
    let server = Server::start().await;
    let claims = part(&server.token("production", "payments").await, 1);
    let issuer = server.issuer("production");
    let sandbox = server.issuer("sandbox");
    for (name, value) in [
        ("iss", json!(format!("{issuer}/"))),
        ("iss", json!(sandbox)),
        ("iss", json!([issuer])),
        ("env", json!("sandbox")),
        ("aud", json!("acme-payments")),
        ("aud", json!(issuer)),
        ("aud", server.api("production", "deals")["audience"].clone()),
        ("tid", json!("00000000-0000-4000-8000-000000000000")),
        ("client_id", json!("provider")),
        ("client_id", json!("ACME-PAYMENTS")),
    ] {
        let mut changed = claims.clone();
        changed["jti"] = format!("{name}{value}").into();
        changed[name] = value.clone();
        let token = signed(&server, "production", Type::AccessToken, &changed);
        assert_eq!(verdicts(&server, "production", "payments", &token).await, BAD, "{name} {value}");
    }
    // A key of one environment signs nothing for the other, though issuer and audience are right.
    let foreign = signed(&server, "sandbox", Type::AccessToken, &claims);
    assert_eq!(verdicts(&server, "production", "payments", &foreign).await, BAD);
}
