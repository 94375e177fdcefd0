//! Making keys and tokens.

use grantor_jose::{
    Algorithm, KeyError, MAX_TOKEN_LEN, SignError, SigningKey, Type, base64url_decode, base64url_encode,
};
use serde_json::{Value, json};

use super::forge::{key, keys_for};

fn part(token: &str, index: usize) -> Vec<u8> {
    base64url_decode(token.split('.').nth(index).unwrap()).unwrap()
}

#[test]
fn f14_the_header_names_algorithm_type_and_key_for_every_type() {
    for alg in Algorithm::ALL {
        for typ in Type::ALL {
            let key = &keys_for(alg).key;
            let token = key.sign(typ, b"{}").unwrap();
            let header: Value = serde_json::from_slice(&part(&token, 0)).unwrap();
            assert_eq!(header, json!({"alg": alg.as_str(), "typ": typ.as_str(), "kid": key.kid()}));
            assert_eq!(part(&token, 1), b"{}");
        }
    }
}

#[test]
fn the_output_is_allocated_once() {
    for alg in Algorithm::ALL {
        let token = keys_for(alg).key.sign(Type::AccessToken, &[b'x'; 1000]).unwrap();
        assert_eq!(token.len(), token.capacity(), "{alg}");
    }
}

#[test]
fn the_public_half_carries_its_thumbprint_its_algorithm_and_its_use() {
    for alg in Algorithm::ALL {
        let key = &keys_for(alg).key;
        assert_eq!(key.algorithm(), alg);
        assert_eq!(key.kid(), key.public_jwk().thumbprint());
        assert_eq!(key.public_jwk().kid(), Some(key.kid()));
        assert_eq!(key.public_jwk().algorithm(), Some(alg));
        let json = serde_json::to_value(key.public_jwk()).unwrap();
        assert_eq!(json["use"], "sig");
        assert_eq!(json["alg"], alg.as_str());
        let mut names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected: &[&str] = match alg {
            Algorithm::Rs256 | Algorithm::Ps256 => &["alg", "e", "kid", "kty", "n", "use"],
            Algorithm::Es256 => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            Algorithm::EdDsa => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        assert_eq!(names, expected);
    }
}

#[test]
fn a_generated_rsa_key_has_2048_bits_and_exponent_65537() {
    let json = serde_json::to_value(keys_for(Algorithm::Rs256).key.public_jwk()).unwrap();
    let n = base64url_decode(json["n"].as_str().unwrap()).unwrap();
    assert_eq!(n.len(), 256);
    assert!(n[0] >= 0x80);
    assert_eq!(json["e"], "AQAB");
}

#[test]
fn two_generated_keys_differ() {
    for alg in [Algorithm::Es256, Algorithm::EdDsa] {
        let other = SigningKey::generate(alg).unwrap();
        assert_ne!(other.as_bytes(), keys_for(alg).der.as_bytes());
    }
}

#[test]
fn a_key_loaded_twice_has_the_same_id() {
    for alg in Algorithm::ALL {
        let again = SigningKey::from_pkcs8(alg, keys_for(alg).der.as_bytes()).unwrap();
        assert_eq!(again.kid(), keys_for(alg).key.kid());
    }
}

#[test]
fn a_private_key_of_another_type_or_cut_short_is_refused() {
    for alg in Algorithm::ALL {
        for other in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
            let same = alg == other || (alg == Algorithm::Ps256 && other == Algorithm::Rs256);
            let loaded = SigningKey::from_pkcs8(alg, keys_for(other).der.as_bytes()).err();
            assert_eq!(loaded, (!same).then_some(KeyError::Malformed), "{other} as {alg}");
        }
        let der = keys_for(alg).der.as_bytes();
        for cut in [0, 1, der.len() / 2, der.len() - 1] {
            assert!(SigningKey::from_pkcs8(alg, &der[..cut]).is_err());
        }
    }
}

/// Made for this test only: the library would take seconds to generate a key this long.
const RSA_4104: &[u8] = include_bytes!("rsa_4104.der");
const RSA_1024: &[u8] = include_bytes!("rsa_1024.der");

#[test]
fn an_rsa_private_key_outside_2048_to_4096_bits_is_refused() {
    for alg in [Algorithm::Rs256, Algorithm::Ps256] {
        assert_eq!(SigningKey::from_pkcs8(alg, RSA_4104).err(), Some(KeyError::ModulusSize));
        // The library itself refuses short keys, before we see the modulus.
        assert_eq!(SigningKey::from_pkcs8(alg, RSA_1024).err(), Some(KeyError::Malformed));
    }
}

#[test]
fn d15_a_private_key_with_a_foreign_public_half_is_refused() {
    let own = keys_for(Algorithm::Es256).der.as_bytes();
    let foreign = SigningKey::generate(Algorithm::Es256).unwrap();
    let point = |der: &[u8]| der[der.len() - 64..].to_vec();
    let json = serde_json::to_value(keys_for(Algorithm::Es256).key.public_jwk()).unwrap();
    assert_eq!(base64url_encode(&point(own)[..32]), json["x"].as_str().unwrap());
    let mixed = [&own[..own.len() - 64], &point(foreign.as_bytes())[..]].concat();
    assert_eq!(SigningKey::from_pkcs8(Algorithm::Es256, &mixed).err(), Some(KeyError::Malformed));
}

#[test]
fn a_payload_that_would_make_the_token_too_long_is_not_signed() {
    let overhead = key().sign(Type::Jwt, b"").unwrap().len();
    let longest = (MAX_TOKEN_LEN - overhead) * 3 / 4;
    let token = key().sign(Type::Jwt, &vec![b'x'; longest]).unwrap();
    assert!(token.len() <= MAX_TOKEN_LEN);
    for length in [longest + 1, MAX_TOKEN_LEN, MAX_TOKEN_LEN + 1, 1 << 20] {
        assert_eq!(key().sign(Type::Jwt, &vec![b'x'; length]), Err(SignError::TooLong));
    }
}

#[test]
fn keys_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<SigningKey>();
    shared::<grantor_jose::VerifyingKey>();
    shared::<grantor_jose::KeySet>();
}
