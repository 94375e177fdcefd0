//! The compact form and the signature.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use grantor_jose::{
    Algorithm, KeySet, MAX_TOKEN_LEN, TokenError, Type, base64url_decode, base64url_encode, jws,
};

use super::forge::{forge_raw, header, key, keys_for, token, trusted, verifying};

#[test]
fn every_algorithm_verifies_its_own_signature_and_no_changed_one() {
    for alg in Algorithm::ALL {
        let token = keys_for(alg).key.sign(Type::Jwt, b"payload").unwrap();
        assert_eq!(jws::verify(&token, &trusted()).unwrap().payload, b"payload", "{alg}");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let genuine = base64url_decode(signature).unwrap();
        for at in [0, genuine.len() / 2, genuine.len() - 1] {
            let mut changed = genuine.clone();
            changed[at] ^= 1;
            let token = format!("{signed}.{}", base64url_encode(changed));
            assert_eq!(jws::verify(&token, &trusted()), Err(TokenError::BadSignature), "{alg}");
        }
    }
}

#[test]
fn a_changed_payload_or_header_breaks_the_signature() {
    for alg in Algorithm::ALL {
        let token = keys_for(alg).key.sign(Type::Jwt, b"payload").unwrap();
        let [head, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        let other_payload = format!("{head}.{}.{signature}", base64url_encode("Payload"));
        assert_eq!(jws::verify(&other_payload, &trusted()), Err(TokenError::BadSignature));
        let json = String::from_utf8(base64url_decode(head).unwrap()).unwrap().replace("JWT", "at+jwt");
        let other_type = format!("{}.{}.{signature}", base64url_encode(json), base64url_encode("payload"));
        assert_eq!(jws::verify(&other_type, &trusted()), Err(TokenError::BadSignature));
    }
}

#[test]
fn a_signature_that_is_short_long_or_zero_is_refused() {
    for alg in Algorithm::ALL {
        let token = keys_for(alg).key.sign(Type::Jwt, b"payload").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let genuine = base64url_decode(signature).unwrap();
        let short = genuine[..genuine.len() - 1].to_vec();
        let long = [&genuine[..], &[0]].concat();
        let padded = [&[0], &genuine[..]].concat();
        for bad in [short, long, padded, vec![0; genuine.len()], vec![0], vec![0xff; 512]] {
            let token = format!("{signed}.{}", base64url_encode(bad));
            assert_eq!(jws::verify(&token, &trusted()), Err(TokenError::BadSignature), "{alg}");
        }
        let huge = format!("{signed}.{}", base64url_encode([0xff; 600]));
        assert_eq!(jws::verify(&huge, &trusted()), Err(TokenError::Malformed));
    }
}

#[test]
fn an_es256_signature_in_der_form_is_refused() {
    let keys = keys_for(Algorithm::Es256);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, keys.der.as_bytes()).unwrap();
    let token = keys.key.sign(Type::Jwt, b"payload").unwrap();
    let signed = &token[..token.rfind('.').unwrap()];
    let der = pair.sign_digest(&digest(&SHA256, signed.as_bytes())).unwrap();
    let token = format!("{signed}.{}", base64url_encode(der));
    assert_eq!(jws::verify(&token, &trusted()), Err(TokenError::BadSignature));
}

#[test]
fn a_signature_by_another_key_with_our_kid_is_refused() {
    let der = grantor_jose::SigningKey::generate(Algorithm::EdDsa).unwrap();
    let thief = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(der.as_bytes()).unwrap();
    let signed = format!("{}.{}", base64url_encode(header("")), base64url_encode("payload"));
    let token = format!("{signed}.{}", base64url_encode(thief.sign(signed.as_bytes())));
    assert_eq!(jws::verify(&token, &trusted()), Err(TokenError::BadSignature));
}

#[test]
fn f14_a_key_of_another_environment_is_unknown() {
    let der = grantor_jose::SigningKey::generate(Algorithm::Es256).unwrap();
    let test = grantor_jose::SigningKey::from_pkcs8(Algorithm::Es256, der.as_bytes()).unwrap();
    let token = test.sign(Type::AccessToken, b"{}").unwrap();
    assert_eq!(jws::verify(&token, &trusted()), Err(TokenError::UnknownKey));
    let own = KeySet::new(vec![verifying(test.public_jwk())]);
    assert!(jws::verify(&token, &own).is_ok());
    assert_eq!(jws::verify(&token, &KeySet::default()), Err(TokenError::UnknownKey));
}

#[test]
fn a_token_has_exactly_three_parts_and_none_is_empty() {
    let token = token(Type::Jwt, "{}");
    let [head, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        head.to_owned(),
        format!("{head}.{payload}"),
        format!("{head}.{payload}."),
        format!("{head}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{head}.{payload}.{payload}.{payload}.{signature}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{token}="),
        format!("{token}é"),
    ] {
        assert_eq!(jws::verify(&bad, &trusted()), Err(TokenError::Malformed), "{bad}");
    }
    // A part that is empty although the signature covers it.
    assert_eq!(jws::verify(&forge_raw(head, ""), &trusted()), Err(TokenError::Malformed));
}

#[test]
fn a_signature_has_only_one_spelling() {
    let token = keys_for(Algorithm::Es256).key.sign(Type::Jwt, b"{}").unwrap();
    // 64 bytes end with a letter of which four bits are unused; setting one of them changes no byte.
    let last = token.chars().next_back().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let index = alphabet.find(last).unwrap();
    assert_eq!(index % 16, 0);
    let twin = format!("{}{}", &token[..token.len() - 1], &alphabet[index + 1..=index + 1]);
    assert_eq!(jws::verify(&twin, &trusted()), Err(TokenError::Malformed));
}

#[test]
fn a_payload_in_loose_base64_is_refused_though_it_is_signed() {
    let head = base64url_encode(header(""));
    for bad in ["e30=", "e31", "e3 0", "e30\n", "-_+/"] {
        assert_eq!(jws::verify(&forge_raw(&head, bad), &trusted()), Err(TokenError::Malformed), "{bad}");
    }
}

#[test]
fn a_token_of_8_kib_passes_and_one_byte_more_is_too_long() {
    let overhead = token(Type::Jwt, "").len();
    // Base64 grows in steps of 4, 2, 3 letters per byte: find the payload that fills the limit best.
    let longest =
        (0..).take_while(|&n| overhead + (n * 4_usize).div_ceil(3) <= MAX_TOKEN_LEN).last().unwrap();
    let token = key().sign(Type::Jwt, &vec![b'x'; longest]).unwrap();
    assert!(token.len() > MAX_TOKEN_LEN - 4);
    assert!(jws::verify(&token, &trusted()).is_ok());
    let filled = format!("{token}{}", "A".repeat(MAX_TOKEN_LEN - token.len()));
    assert_ne!(jws::verify(&filled, &trusted()), Err(TokenError::TooLong));
    assert_eq!(jws::verify(&format!("{filled}A"), &trusted()), Err(TokenError::TooLong));
    assert_eq!(jws::verify(&"a.b.c".repeat(10_000), &trusted()), Err(TokenError::TooLong));
}

#[test]
fn base64url_is_strict_in_both_directions() {
    assert_eq!(base64url_encode([0xfb, 0xff]), "-_8");
    assert_eq!(base64url_decode("-_8").unwrap(), [0xfb, 0xff]);
    for bad in ["-_8=", "-_9", "+/8", "-_ 8", "-_8\n", "A", "-_8é"] {
        assert_eq!(base64url_decode(bad), Err(TokenError::Malformed), "{bad}");
    }
}
