//! Which key a `kid` means, and which published keys are used.

use grantor_jose::{Algorithm, Jwk, JwkSet, KeySet, TokenError, Type, jws};
use serde_json::{Value, json};

use super::forge::{forge, keys_for, trusted, verifying};

fn set(keys: Value) -> KeySet {
    KeySet::from_jwks(&serde_json::from_value::<JwkSet>(json!({ "keys": keys })).unwrap())
}

fn public(alg: Algorithm, change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Value {
    let mut value = serde_json::to_value(keys_for(alg).key.public_jwk()).unwrap();
    change(value.as_object_mut().unwrap());
    value
}

#[test]
fn keys_are_found_by_their_exact_id() {
    let keys = trusted();
    assert_eq!(keys.len(), 4);
    assert!(!keys.is_empty());
    for alg in Algorithm::ALL {
        let kid = keys_for(alg).key.kid();
        assert_eq!(keys.get(kid).unwrap().algorithm(), alg);
        assert_eq!(keys.get(kid).unwrap().kid(), kid);
        assert!(keys.get(&kid[1..]).is_none());
        assert!(keys.get(&format!("{kid}0")).is_none());
    }
    assert!(keys.get("").is_none());
    assert_eq!(keys.iter().count(), 4);
    assert!(KeySet::default().is_empty());
}

#[test]
fn a_published_set_gives_its_usable_keys_and_leaves_out_the_rest() {
    let keys = set(json!([
        public(Algorithm::Rs256, |_| ()),
        public(Algorithm::Es256, |_| ()),
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "post-quantum"},
        {"kty": "XYZ", "kid": "unknown"},
        {"kty": "EC", "crv": "P-256", "kid": "empty"},
        public(Algorithm::Es256, |key| { key.insert("use".into(), json!("enc")); key.insert("kid".into(), json!("enc")); }),
        public(Algorithm::Rs256, |key| { key.insert("alg".into(), json!("RSA-OAEP")); key.insert("kid".into(), json!("oaep")); }),
    ]));
    assert_eq!(keys.len(), 2);
    for absent in ["post-quantum", "unknown", "empty", "enc", "oaep"] {
        assert!(keys.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn without_alg_ec_and_ed25519_keys_are_used_and_rsa_keys_are_left_out() {
    let bare = |alg| public(alg, |key| drop(key.remove("alg")));
    let keys = set(json!([bare(Algorithm::Rs256), bare(Algorithm::Es256), bare(Algorithm::EdDsa)]));
    assert_eq!(keys.len(), 2);
    assert_eq!(keys.get(keys_for(Algorithm::Es256).key.kid()).unwrap().algorithm(), Algorithm::Es256);
    assert_eq!(keys.get(keys_for(Algorithm::EdDsa).key.kid()).unwrap().algorithm(), Algorithm::EdDsa);
}

#[test]
fn where_two_keys_share_an_id_the_algorithm_chooses() {
    let named = |alg| {
        let value = public(alg, |key| drop(key.insert("kid".into(), json!("same"))));
        verifying(&serde_json::from_value::<Jwk>(value).unwrap())
    };
    let header = r#"{"alg":"EdDSA","kid":"same"}"#;
    let keys = KeySet::new(vec![named(Algorithm::Es256), named(Algorithm::EdDsa)]);
    assert!(jws::verify(&forge(header, "payload"), &keys).is_ok());
    assert_eq!(keys.get("same").unwrap().algorithm(), Algorithm::Es256);
    let keys = KeySet::new(vec![named(Algorithm::Es256), named(Algorithm::Rs256)]);
    assert_eq!(jws::verify(&forge(header, "payload"), &keys), Err(TokenError::UnsupportedAlgorithm));
}

#[test]
fn our_own_published_set_verifies_our_tokens() {
    let keys = Algorithm::ALL.map(|alg| keys_for(alg).key.public_jwk().clone()).into();
    let published = serde_json::to_string(&JwkSet { keys }).unwrap();
    let keys = KeySet::from_jwks(&serde_json::from_str(&published).unwrap());
    for alg in Algorithm::ALL {
        let token = keys_for(alg).key.sign(Type::AccessToken, b"{}").unwrap();
        assert!(jws::verify(&token, &keys).is_ok(), "{alg}");
    }
}
