//! An independent implementation reads what we write, and we read what it writes. It shares no primitive with us.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use grantor_jose::{Algorithm, Type, jwt};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde_json::Value;

use super::forge::{AUDIENCE, ISSUER, claims, expect, keys_for, trusted};

fn theirs(alg: Algorithm) -> jsonwebtoken::Algorithm {
    match alg {
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Ps256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}

fn encoding_key(alg: Algorithm) -> EncodingKey {
    let body = STANDARD.encode(keys_for(alg).der.as_bytes());
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    let key = match alg {
        Algorithm::Rs256 | Algorithm::Ps256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
        Algorithm::Es256 => EncodingKey::from_ec_pem(pem.as_bytes()),
        Algorithm::EdDsa => EncodingKey::from_ed_pem(pem.as_bytes()),
    };
    key.unwrap()
}

fn they_verify(alg: Algorithm) {
    let key = &keys_for(alg).key;
    let token = key.sign(Type::AccessToken, claims(&[]).as_bytes()).unwrap();
    let jwk = serde_json::from_value(serde_json::to_value(key.public_jwk()).unwrap()).unwrap();
    let decoding = DecodingKey::from_jwk(&jwk).unwrap();
    let mut validation = Validation::new(theirs(alg));
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_exp = false;
    let data = jsonwebtoken::decode::<Value>(&token, &decoding, &validation).unwrap();
    assert_eq!(data.header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(data.header.kid.as_deref(), Some(key.kid()));
    assert_eq!(data.claims, serde_json::from_str::<Value>(&claims(&[])).unwrap());
}

fn we_verify(alg: Algorithm) {
    let mut header = Header::new(theirs(alg));
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(keys_for(alg).key.kid().to_owned());
    let payload: Value = serde_json::from_str(&claims(&[])).unwrap();
    let token = jsonwebtoken::encode(&header, &payload, &encoding_key(alg)).unwrap();
    let jwt = jwt::verify(&token, &trusted(), &expect(Type::AccessToken)).unwrap();
    assert_eq!(jwt.header().alg, alg);
    assert_eq!(jwt.claims::<Value>().unwrap(), payload);
}

#[test]
fn jsonwebtoken_verifies_our_rs256() {
    they_verify(Algorithm::Rs256);
}

#[test]
fn jsonwebtoken_verifies_our_ps256() {
    they_verify(Algorithm::Ps256);
}

#[test]
fn jsonwebtoken_verifies_our_es256() {
    they_verify(Algorithm::Es256);
}

#[test]
fn jsonwebtoken_verifies_our_eddsa() {
    they_verify(Algorithm::EdDsa);
}

#[test]
fn we_verify_rs256_of_jsonwebtoken() {
    we_verify(Algorithm::Rs256);
}

#[test]
fn we_verify_ps256_of_jsonwebtoken() {
    we_verify(Algorithm::Ps256);
}

#[test]
fn we_verify_es256_of_jsonwebtoken() {
    we_verify(Algorithm::Es256);
}

#[test]
fn we_verify_eddsa_of_jsonwebtoken() {
    we_verify(Algorithm::EdDsa);
}
