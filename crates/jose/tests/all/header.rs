//! What a header may say. All tokens here are genuinely signed; only the header is at fault.

use grantor_jose::{Algorithm, TokenError, jws};

use super::forge::{forge, forge_raw, header, key, keys_for, trusted};

fn verdict(header: &str) -> Result<Vec<u8>, TokenError> {
    jws::verify(&forge(header, "payload"), &trusted()).map(|verified| verified.payload)
}

fn with_alg(alg: &str) -> String {
    format!(r#"{{"alg":"{alg}","kid":"{}"}}"#, key().kid())
}

#[test]
fn a_plain_header_passes_and_is_reported() {
    let verified = jws::verify(&forge(&header(r#","typ":"x""#), "payload"), &trusted()).unwrap();
    assert_eq!(verified.header.alg, Algorithm::EdDsa);
    assert_eq!(verified.header.kid, key().kid());
    assert_eq!(verified.header.typ.as_deref(), Some("x"));
    assert_eq!(verified.payload, b"payload");
}

#[test]
fn unknown_members_are_ignored() {
    assert!(verdict(&header(r#","cty":"JWT","x5t":"abc","foo":{"alg":"none","alg":1}"#)).is_ok());
}

#[test]
fn d04_alg_none_is_refused_in_every_letter_case() {
    for case in 0..16_u8 {
        let letter = |(i, c): (usize, char)| {
            if case >> i & 1 == 1 { c.to_ascii_uppercase() } else { c }
        };
        let none: String = "none".chars().enumerate().map(letter).collect();
        assert_eq!(verdict(&with_alg(&none)), Err(TokenError::UnsupportedAlgorithm), "{none}");
    }
}

#[test]
fn d04_alg_none_without_kid_and_without_signature_is_refused() {
    assert_eq!(verdict(r#"{"alg":"none"}"#), Err(TokenError::UnsupportedAlgorithm));
    let token = forge(&with_alg("none"), "payload");
    let unsigned = &token[..=token.rfind('.').unwrap()];
    assert_eq!(jws::verify(unsigned, &trusted()), Err(TokenError::Malformed));
}

#[test]
fn d04_a_symmetric_algorithm_keyed_with_the_public_key_is_refused() {
    use aws_lc_rs::hmac;
    for alg in [Algorithm::Rs256, Algorithm::EdDsa] {
        let key = &keys_for(alg).key;
        let public = serde_json::to_vec(key.public_jwk()).unwrap();
        for secret in [&public[..], b""] {
            let header = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, key.kid());
            let encode = |text: &str| grantor_jose::base64url_encode(text);
            let signed = format!("{}.{}", encode(&header), encode("payload"));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
            let token = format!("{signed}.{}", grantor_jose::base64url_encode(tag));
            assert_eq!(jws::verify(&token, &trusted()), Err(TokenError::UnsupportedAlgorithm));
        }
    }
}

#[test]
fn d04_an_algorithm_that_is_not_the_keys_own_is_refused() {
    for alg in ["RS256", "PS256", "ES256"] {
        assert_eq!(verdict(&with_alg(alg)), Err(TokenError::UnsupportedAlgorithm), "{alg}");
    }
}

#[test]
fn d04_an_rs256_key_does_not_verify_as_ps256() {
    let key = &keys_for(Algorithm::Rs256).key;
    let header = format!(r#"{{"alg":"PS256","kid":"{}"}}"#, key.kid());
    assert_eq!(verdict(&header), Err(TokenError::UnsupportedAlgorithm));
}

#[test]
fn an_algorithm_in_another_case_or_unknown_is_refused() {
    for alg in ["eddsa", "EDDSA", "ed25519", "EdDSA ", "Ed448", "ES512", ""] {
        assert_eq!(verdict(&with_alg(alg)), Err(TokenError::UnsupportedAlgorithm), "{alg}");
    }
}

#[test]
fn an_algorithm_that_is_missing_or_no_string_is_refused() {
    let kid = key().kid();
    for alg in ["", r#""alg":null,"#, r#""alg":["EdDSA"],"#, r#""alg":1,"#] {
        let header = format!(r#"{{{alg}"kid":"{kid}"}}"#);
        assert_eq!(verdict(&header), Err(TokenError::Malformed), "{header}");
    }
}

#[test]
fn the_rfc_9864_name_ed25519_is_accepted_for_an_ed25519_key() {
    let verified = jws::verify(&forge(&with_alg("Ed25519"), "payload"), &trusted()).unwrap();
    assert_eq!(verified.header.alg, Algorithm::EdDsa);
}

#[test]
fn the_rfc_9864_name_ed25519_is_refused_for_every_other_key() {
    for alg in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256] {
        let header = format!(r#"{{"alg":"Ed25519","kid":"{}"}}"#, keys_for(alg).key.kid());
        assert_eq!(verdict(&header), Err(TokenError::UnsupportedAlgorithm));
    }
}

#[test]
fn a_duplicate_member_is_refused_known_or_not_even_when_escaped() {
    let kid = key().kid();
    for more in [
        r#","alg":"EdDSA""#.to_owned(),
        r#","\u0061lg":"EdDSA""#.to_owned(),
        format!(r#","kid":"{kid}""#),
        r#","typ":"JWT","typ":"JWT""#.to_owned(),
        r#","foo":1,"foo":1"#.to_owned(),
        r#","foo":1,"bar":2,"f\u006fo":1"#.to_owned(),
    ] {
        assert_eq!(verdict(&header(&more)), Err(TokenError::Malformed), "{more}");
    }
}

#[test]
fn any_crit_is_refused_whatever_its_value() {
    for value in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null", r#""alg""#] {
        assert_eq!(verdict(&header(&format!(r#","crit":{value}"#))), Err(TokenError::Critical), "{value}");
    }
}

#[test]
fn b64_is_refused_also_without_crit() {
    for value in ["false", "true"] {
        assert_eq!(verdict(&header(&format!(r#","b64":{value}"#))), Err(TokenError::Critical), "{value}");
    }
}

#[test]
fn d05_a_key_or_the_address_of_a_key_in_the_header_is_refused() {
    let jwk = serde_json::to_string(key().public_jwk()).unwrap();
    for member in [
        format!(r#","jwk":{jwk}"#),
        r#","jwk":null"#.to_owned(),
        r#","jku":"https://evil.example/jwks""#.to_owned(),
        r#","x5u":"https://evil.example/cert""#.to_owned(),
        r#","x5c":["MIIB"]"#.to_owned(),
        r#","\u006aku":"https://evil.example/jwks""#.to_owned(),
    ] {
        assert_eq!(verdict(&header(&member)), Err(TokenError::EmbeddedKey), "{member}");
    }
}

#[test]
fn d05_a_kid_that_is_a_path_or_sql_is_only_an_unknown_key() {
    for kid in ["../../dev/null", "/proc/self/environ", "' OR 1=1 --", "x' UNION SELECT 'k", "*", "file:///k"]
    {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#);
        assert_eq!(verdict(&header), Err(TokenError::UnknownKey), "{kid}");
    }
}

#[test]
fn d05_a_kid_of_128_bytes_is_looked_up_and_a_longer_one_is_refused() {
    let header = |length| format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, "k".repeat(length));
    assert_eq!(verdict(&header(128)), Err(TokenError::UnknownKey));
    assert_eq!(verdict(&header(129)), Err(TokenError::Malformed));
    assert_eq!(verdict(&header(1 << 20)), Err(TokenError::TooLong));
}

#[test]
fn a_kid_is_required_and_must_be_a_non_empty_string() {
    for kid in ["", r#","kid":"""#, r#","kid":null"#, r#","kid":1"#] {
        let header = format!(r#"{{"alg":"EdDSA"{kid}}}"#);
        assert_eq!(verdict(&header), Err(TokenError::Malformed), "{header}");
    }
}

#[test]
fn a_typ_that_is_no_string_is_refused() {
    for typ in ["null", "1", r#"["at+jwt"]"#] {
        assert_eq!(verdict(&header(&format!(r#","typ":{typ}"#))), Err(TokenError::Malformed), "{typ}");
    }
}

#[test]
fn a_header_that_is_not_one_json_object_is_refused() {
    let good = header("");
    let kid = key().kid();
    for bad in [
        "",
        "null",
        "\"EdDSA\"",
        &format!(r#"["EdDSA","{kid}"]"#),
        &format!("{good}{good}"),
        &format!("\u{feff}{good}"),
        &good[..good.len() - 1],
    ] {
        assert_eq!(verdict(bad), Err(TokenError::Malformed), "{bad}");
    }
}

#[test]
fn a_header_in_loose_base64_is_refused() {
    let (good, payload) = (grantor_jose::base64url_encode(header(r#","typ":"~~~~""#)), "cGF5bG9hZA");
    assert!(jws::verify(&forge_raw(&good, payload), &trusted()).is_ok());
    for bad in [format!("{good}="), format!("{good}\n"), format!(" {good}")] {
        assert_eq!(jws::verify(&forge_raw(&bad, payload), &trusted()), Err(TokenError::Malformed));
    }
}

#[test]
fn a_header_with_a_thousand_members_is_judged_quickly_and_without_a_crash() {
    let many: String = (0..700).map(|i| format!(r#","{i}":0"#)).collect();
    assert!(verdict(&header(&many)).is_ok());
    assert_eq!(verdict(&header(&format!("{many},\"7\":0"))), Err(TokenError::Malformed));
    let deep = format!(r#","foo":{}{}"#, "[".repeat(2500), "]".repeat(2500));
    let _ = verdict(&header(&deep));
}
