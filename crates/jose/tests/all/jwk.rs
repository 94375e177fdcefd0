//! Public keys: reading, writing, thumbprints, and which of them become verifying keys.

use grantor_jose::{Algorithm, Jwk, JwkSet, KeyError, VerifyingKey, base64url_decode, base64url_encode};
use serde_json::{Value, json};

use super::forge::keys_for;

fn public(alg: Algorithm) -> Value {
    serde_json::to_value(keys_for(alg).key.public_jwk()).unwrap()
}

fn jwk(value: &Value) -> Jwk {
    serde_json::from_value(value.clone()).unwrap()
}

fn changed(alg: Algorithm, name: &str, value: Value) -> Value {
    let mut jwk = public(alg);
    jwk[name] = value;
    jwk
}

fn refusal(value: &Value, alg: Algorithm) -> Option<KeyError> {
    VerifyingKey::from_jwk(&jwk(value), alg).err()
}

#[test]
fn a_jwk_with_a_private_member_is_refused_whatever_its_value() {
    for alg in Algorithm::ALL {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
            for value in [json!("AQAB"), json!(""), json!(null), json!([])] {
                let error = serde_json::from_value::<Jwk>(changed(alg, name, value)).unwrap_err();
                assert!(error.to_string().contains("private key material"), "{name}: {error}");
            }
        }
    }
    let escaped = r#"{"kty":"OKP","crv":"Ed25519","x":"","\u0064":""}"#;
    assert!(serde_json::from_str::<Jwk>(escaped).is_err());
}

#[test]
fn a_private_key_in_a_set_makes_the_set_an_error() {
    let set = json!({"keys": [public(Algorithm::Es256), {"kty": "oct", "k": "c2VjcmV0"}]});
    assert!(serde_json::from_value::<JwkSet>(set).is_err());
}

#[test]
fn the_error_about_a_private_key_does_not_show_it() {
    let error = serde_json::from_str::<Jwk>(r#"{"kty":"OKP","d":"SECRETSECRET"}"#).unwrap_err();
    assert!(!error.to_string().contains("SECRET"));
}

#[test]
fn a_duplicate_or_mistyped_member_or_a_missing_kty_is_an_error() {
    for bad in [
        r#"{"kty":"OKP","crv":"Ed25519","x":"a","x":"a"}"#,
        r#"{"kty":"OKP","kty":"OKP"}"#,
        r#"{"kty":"OKP","kid":1}"#,
        r#"{"kty":null}"#,
        r#"{"crv":"Ed25519"}"#,
        r#"["OKP"]"#,
    ] {
        assert!(serde_json::from_str::<Jwk>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_jwk_keeps_its_members_and_ignores_others() {
    let value = changed(Algorithm::Es256, "x5t#S256", json!("abc"));
    let read = jwk(&value);
    assert_eq!(serde_json::to_value(&read).unwrap(), public(Algorithm::Es256));
    assert_eq!(read.kid(), Some(keys_for(Algorithm::Es256).key.kid()));
}

#[test]
fn the_thumbprint_covers_the_required_members_only() {
    for alg in Algorithm::ALL {
        let thumbprint = jwk(&public(alg)).thumbprint();
        for name in ["kid", "alg", "use"] {
            assert_eq!(jwk(&changed(alg, name, json!("other"))).thumbprint(), thumbprint);
        }
    }
    let ed = jwk(&public(Algorithm::EdDsa)).thumbprint();
    assert_eq!(jwk(&changed(Algorithm::EdDsa, "y", json!("AA"))).thumbprint(), ed);
    for (alg, names) in [
        (Algorithm::Rs256, &["n", "e"][..]),
        (Algorithm::Es256, &["crv", "x", "y"]),
        (Algorithm::EdDsa, &["crv", "x"]),
    ] {
        for name in names {
            let other = jwk(&changed(alg, name, json!("other"))).thumbprint();
            assert_ne!(other, jwk(&public(alg)).thumbprint(), "{name}");
        }
    }
}

#[test]
fn a_value_with_quotes_cannot_imitate_another_keys_thumbprint() {
    let honest = json!({"kty": "OKP", "crv": "Ed25519", "x": "abc"});
    let tricky = json!({"kty": "OKP\",\"x\":\"abc", "crv": "Ed25519"});
    assert_ne!(jwk(&honest).thumbprint(), jwk(&tricky).thumbprint());
}

#[test]
fn the_algorithm_is_the_jwks_own_or_the_only_possible_one() {
    let algorithm = |value: Value| jwk(&value).algorithm();
    assert_eq!(algorithm(json!({"kty": "EC", "crv": "P-256"})), Some(Algorithm::Es256));
    assert_eq!(algorithm(json!({"kty": "OKP", "crv": "Ed25519"})), Some(Algorithm::EdDsa));
    assert_eq!(algorithm(json!({"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519"})), Some(Algorithm::EdDsa));
    assert_eq!(algorithm(json!({"kty": "RSA", "alg": "PS256"})), Some(Algorithm::Ps256));
    for none in [
        json!({"kty": "RSA"}),
        json!({"kty": "RSA", "alg": "RS512"}),
        json!({"kty": "EC", "crv": "P-384"}),
        json!({"kty": "OKP", "crv": "X25519"}),
        json!({"kty": "EC", "crv": "P-256", "alg": "ECDH-ES"}),
    ] {
        assert_eq!(algorithm(none.clone()), None, "{none}");
    }
}

#[test]
fn a_key_serves_no_algorithm_but_its_own() {
    for alg in Algorithm::ALL {
        for other in Algorithm::ALL {
            let expected = (alg != other).then_some(KeyError::AlgorithmMismatch);
            assert_eq!(refusal(&public(alg), other), expected, "{alg} as {other}");
        }
    }
}

#[test]
fn without_alg_the_type_of_the_key_still_decides() {
    let family = |alg| u8::from(alg == Algorithm::Es256) + 2 * u8::from(alg == Algorithm::EdDsa);
    for alg in Algorithm::ALL {
        let mut key = public(alg);
        key.as_object_mut().unwrap().remove("alg");
        for other in Algorithm::ALL {
            let fits = family(alg) == family(other);
            assert_eq!(refusal(&key, other), (!fits).then_some(KeyError::Malformed), "{alg} as {other}");
        }
    }
}

#[test]
fn a_key_for_encryption_is_refused() {
    for usage in ["enc", "", "SIG"] {
        let key = changed(Algorithm::Es256, "use", json!(usage));
        assert_eq!(refusal(&key, Algorithm::Es256), Some(KeyError::NotForSignatures), "{usage}");
    }
}

#[test]
fn a_kid_that_no_token_may_name_is_refused_and_a_missing_one_becomes_the_thumbprint() {
    for kid in [String::new(), "k".repeat(129)] {
        let key = changed(Algorithm::Es256, "kid", json!(kid));
        assert_eq!(refusal(&key, Algorithm::Es256), Some(KeyError::Kid));
    }
    let mut key = public(Algorithm::Es256);
    key.as_object_mut().unwrap().remove("kid");
    let key = VerifyingKey::from_jwk(&jwk(&key), Algorithm::Es256).unwrap();
    assert_eq!(key.kid(), keys_for(Algorithm::Es256).key.kid());
}

/// A modulus of exactly this many bits, odd. Whether it is a product of primes nobody can tell.
fn modulus(bits: usize) -> String {
    let mut n = vec![0xff; bits.div_ceil(8)];
    n[0] = 0xff >> (n.len() * 8 - bits);
    base64url_encode(n)
}

#[test]
fn an_rsa_modulus_outside_2048_to_4096_bits_is_refused() {
    for alg in [Algorithm::Rs256, Algorithm::Ps256] {
        for (bits, expected) in [
            (512, Some(KeyError::ModulusSize)),
            (1024, Some(KeyError::ModulusSize)),
            (2047, Some(KeyError::ModulusSize)),
            (2048, None),
            (3072, None),
            (4096, None),
            (4097, Some(KeyError::ModulusSize)),
            (8192, Some(KeyError::ModulusSize)),
        ] {
            assert_eq!(refusal(&changed(alg, "n", json!(modulus(bits))), alg), expected, "{bits}");
        }
    }
}

#[test]
fn an_rsa_key_with_a_weak_or_strange_exponent_or_modulus_is_refused() {
    for e in [&[][..], &[0], &[1], &[2], &[0, 1, 0, 1], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
        let key = changed(Algorithm::Rs256, "e", json!(base64url_encode(e)));
        assert_eq!(refusal(&key, Algorithm::Rs256), Some(KeyError::Malformed), "{e:?}");
    }
    let n = base64url_decode(public(Algorithm::Rs256)["n"].as_str().unwrap()).unwrap();
    let mut even = n.clone();
    even[255] &= 0xfe;
    for n in [even, [&[0], &n[..]].concat(), vec![]] {
        let key = changed(Algorithm::Rs256, "n", json!(base64url_encode(n)));
        assert_eq!(refusal(&key, Algorithm::Rs256), Some(KeyError::Malformed));
    }
}

#[test]
fn a_point_off_the_curve_or_a_coordinate_of_another_length_is_refused() {
    let y = base64url_decode(public(Algorithm::Es256)["y"].as_str().unwrap()).unwrap();
    let mut off = y.clone();
    off[31] ^= 1;
    for y in [off, y[..31].to_vec(), [&[0], &y[..]].concat(), vec![0; 32], vec![0xff; 32], vec![]] {
        let key = changed(Algorithm::Es256, "y", json!(base64url_encode(y)));
        assert_eq!(refusal(&key, Algorithm::Es256), Some(KeyError::Malformed));
    }
    for length in [0, 31, 33, 44] {
        let key = changed(Algorithm::EdDsa, "x", json!(base64url_encode(vec![1; length])));
        assert_eq!(refusal(&key, Algorithm::EdDsa), Some(KeyError::Malformed), "{length}");
    }
}

#[test]
fn another_curve_or_loose_base64_is_refused() {
    for (alg, name, value) in [
        (Algorithm::Es256, "crv", json!("P-384")),
        (Algorithm::Es256, "crv", json!("secp256k1")),
        (Algorithm::Es256, "kty", json!("OKP")),
        (Algorithm::EdDsa, "crv", json!("Ed448")),
        (Algorithm::EdDsa, "kty", json!("EC")),
        (Algorithm::Rs256, "e", json!("AQAB==")),
        (Algorithm::Rs256, "kty", json!("oct")),
    ] {
        assert_eq!(refusal(&changed(alg, name, value), alg), Some(KeyError::Malformed), "{name}");
    }
}
