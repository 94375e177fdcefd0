//! Mode Local: which JWTs pass, and when keys are fetched.

use grantor_jose::{Algorithm, JwkSet, SigningKey, Type};
use grantor_resource::{KeySource, LocalOptions, Mode, ProtectLayer};
use serde_json::{Value, json};

use crate::fake_issuer::FakeIssuer;
use crate::protected_api::{AUDIENCE, Answer, Api, Hands, START, contract};

const JWKS: &str = "/jwks";

fn key() -> SigningKey {
    let der = SigningKey::generate(Algorithm::Es256).unwrap();
    SigningKey::from_pkcs8(Algorithm::Es256, der.as_bytes()).unwrap()
}

fn jwks(keys: &[&SigningKey]) -> JwkSet {
    JwkSet { keys: keys.iter().map(|key| key.public_jwk().clone()).collect() }
}

fn claims(issuer: &FakeIssuer) -> Value {
    json!({"iss": issuer.url, "sub": "user-1", "aud": AUDIENCE, "client_id": "app-1", "scope": "payments:read",
        "iat": START, "exp": START + 3600, "jti": "j-1", "tid": "tenant-1", "env": "production"})
}

fn token(key: &SigningKey, claims: &Value) -> String {
    key.sign(Type::AccessToken, claims.to_string().as_bytes()).unwrap()
}

struct Scene {
    issuer: FakeIssuer,
    api: Api,
    hands: Hands,
    key: SigningKey,
}

impl Scene {
    async fn start() -> Scene {
        let (issuer, key, hands) = (FakeIssuer::start().await, key(), Hands::new());
        issuer.jwks(&jwks(&[&key]));
        let options = LocalOptions::new(issuer.url.clone(), AUDIENCE);
        let layer = ProtectLayer::contract(contract(), Mode::Local(options)).unwrap();
        let api = Api::start(layer.clock(hands.clock())).await;
        Scene { issuer, api, hands, key }
    }

    async fn call(&self, token: &str) -> Answer {
        self.api.get("/transfers", token).await
    }
}

#[tokio::test]
async fn a_token_of_a_user_and_one_of_a_client_are_told_apart() {
    let scene = Scene::start().await;
    let user = token(&scene.key, &claims(&scene.issuer));
    let answer = scene.api.get("/me", &user).await;
    assert_eq!(answer.status, 200);
    for part in ["credential_kind: User", "\"user-1\"", "\"tenant-1\"", "\"production\"", "\"j-1\"", AUDIENCE]
    {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    let mut own = claims(&scene.issuer);
    own["sub"] = own["client_id"].clone();
    let client = token(&scene.key, &own);
    assert_eq!(scene.call(&client).await.status, 200);
    let answer = scene.api.get("/me", &client).await;
    assert_eq!((answer.status, answer.json()["sent"].as_str()), (403, Some("client")));
    assert_eq!(scene.issuer.times(JWKS), 1);
}

#[tokio::test]
async fn s001_03_one_altered_byte_anywhere_is_a_401() {
    let scene = Scene::start().await;
    let good = token(&scene.key, &claims(&scene.issuer));
    assert_eq!(scene.call(&good).await.status, 200);
    // Every seventh place; the last character of a part may hold unused bits, which the verifier refuses as well.
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).unwrap();
        let answer = scene.call(&altered).await;
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (401, Some("invalid_token")),
            "byte {at}"
        );
    }
}

#[tokio::test]
async fn f13_a_token_that_is_not_an_access_token_for_this_api_is_a_401() {
    let scene = Scene::start().await;
    let good = claims(&scene.issuer);
    for typ in Type::ALL {
        let signed = scene.key.sign(typ, good.to_string().as_bytes()).unwrap();
        let expected = if typ == Type::AccessToken { 200 } else { 401 };
        assert_eq!(scene.call(&signed).await.status, expected, "{typ:?}");
    }
    for (member, value) in [
        ("aud", json!("https://other")),
        ("aud", json!([])),
        ("iss", json!("https://other")),
        ("iss", json!(format!("{}/", scene.issuer.url))),
        ("exp", json!(START)),
        ("iat", json!(START + 61)),
        ("nbf", json!(START + 61)),
        ("client_id", json!("")),
        ("tid", json!(7)),
        ("cnf", json!({"jkt": "k"})),
    ] {
        let mut bad = good.clone();
        bad[member] = value.clone();
        assert_eq!(scene.call(&token(&scene.key, &bad)).await.status, 401, "{member} = {value}");
    }
    for (member, value) in
        [("aud", json!(["x", AUDIENCE])), ("exp", json!(START + 1)), ("iat", json!(START + 60))]
    {
        let mut fine = good.clone();
        fine[member] = value;
        assert_eq!(scene.call(&token(&scene.key, &fine)).await.status, 200, "{member}");
    }
}

#[tokio::test]
async fn an_api_key_or_an_opaque_token_cannot_be_verified_locally() {
    let scene = Scene::start().await;
    for opaque in ["grt_key_abcdef", "grt_at_abcdef", "NgXCXRKcMz0Yjw==", "a.b.c", "a.b"] {
        assert_eq!(scene.call(opaque).await.status, 401, "{opaque}");
    }
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_at_most_once_in_30_seconds() {
    let scene = Scene::start().await;
    assert_eq!(scene.call(&token(&scene.key, &claims(&scene.issuer))).await.status, 200);
    let stranger = token(&key(), &claims(&scene.issuer));
    for _ in 0..3 {
        assert_eq!(scene.call(&stranger).await.status, 401);
    }
    assert_eq!(scene.issuer.times(JWKS), 2);
    let next = key();
    scene.issuer.jwks(&jwks(&[&scene.key, &next]));
    let rotated = token(&next, &claims(&scene.issuer));
    scene.hands.forward(29);
    assert_eq!(scene.call(&rotated).await.status, 401);
    assert_eq!(scene.issuer.times(JWKS), 2);
    scene.hands.forward(1);
    assert_eq!(scene.call(&rotated).await.status, 200);
    assert_eq!(scene.issuer.times(JWKS), 3);
}

#[tokio::test]
async fn the_last_good_keys_stay_in_use_while_the_issuer_is_in_trouble() {
    let scene = Scene::start().await;
    let good = token(&scene.key, &claims(&scene.issuer));
    assert_eq!(scene.call(&good).await.status, 200);
    let stranger = token(&key(), &claims(&scene.issuer));
    for wrong in [json!({"keys": []}), json!([]), json!("x")] {
        scene.issuer.jwks(&wrong);
        scene.hands.forward(30);
        assert_eq!(scene.call(&stranger).await.status, 401);
        assert_eq!(scene.call(&good).await.status, 200);
    }
    scene.issuer.status(500);
    scene.hands.forward(30);
    assert_eq!(scene.call(&stranger).await.status, 401);
    assert_eq!(scene.call(&good).await.status, 200);
    assert_eq!(scene.issuer.times(JWKS), 4);
    assert_eq!(scene.issuer.times("/.well-known/openid-configuration"), 5);
}

#[tokio::test]
async fn without_any_keys_nobody_can_say_so_it_is_a_503_until_they_come() {
    let scene = Scene::start().await;
    let good = token(&scene.key, &claims(&scene.issuer));
    scene.issuer.discovered_issuer("https://somebody.else");
    assert_eq!(scene.call(&good).await.status, 503);
    assert_eq!(scene.issuer.times(JWKS), 0);
    scene.issuer.discovered_issuer(&scene.issuer.url);
    assert_eq!(scene.call(&good).await.status, 503, "at most one attempt a second");
    assert_eq!(scene.issuer.asked().len(), 1);
    scene.hands.forward(1);
    assert_eq!(scene.call(&good).await.status, 200);
}

#[tokio::test]
async fn f14_a_withdrawn_key_ends_when_the_keys_have_become_old() {
    let scene = Scene::start().await;
    let good = token(&scene.key, &claims(&scene.issuer));
    assert_eq!(scene.call(&good).await.status, 200);
    scene.issuer.jwks(&jwks(&[&key()]));
    scene.hands.forward(299);
    assert_eq!(scene.call(&good).await.status, 200);
    assert_eq!(scene.issuer.times(JWKS), 1);
    scene.hands.forward(1);
    // The renewal runs beside the requests, so the first ones may still meet the old keys.
    for _ in 0..1_000 {
        if scene.call(&good).await.status == 401 {
            // The withdrawn key is an unknown one now, which may have been looked for once more.
            assert!((2..=3).contains(&scene.issuer.times(JWKS)));
            return;
        }
    }
    panic!("the withdrawn key is still in use");
}

#[tokio::test]
async fn keys_at_a_configured_address_need_no_discovery() {
    let (issuer, signer) = (FakeIssuer::start().await, key());
    issuer.jwks(&jwks(&[&signer]));
    let keys = KeySource::JwksUri(format!("{}/jwks", issuer.url));
    let options = LocalOptions { keys, ..LocalOptions::new(issuer.url.clone(), AUDIENCE) };
    let layer = ProtectLayer::contract(contract(), Mode::Local(options)).unwrap().clock(Hands::new().clock());
    let api = Api::start(layer).await;
    assert_eq!(api.get("/transfers", &token(&signer, &claims(&issuer))).await.status, 200);
    assert_eq!(issuer.asked().iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(), [JWKS]);
}
