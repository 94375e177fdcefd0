//! A forger who holds our key: tokens with any header and payload, genuinely signed, so that a refusal can only
//! come from the rule under test.

use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use grantor_jose::jwt::Expectations;
use grantor_jose::{Algorithm, Jwk, KeySet, Pkcs8, SigningKey, Type, VerifyingKey, base64url_encode};

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const ISSUER: &str = "https://id.example.com";
pub(super) const AUDIENCE: &str = "https://api.example.com";

/// One key pair per algorithm, made once: RSA generation takes its time.
pub(super) struct Keys {
    pub(super) der: Pkcs8,
    pub(super) key: SigningKey,
}

pub(super) fn keys_for(alg: Algorithm) -> &'static Keys {
    static KEYS: LazyLock<[Keys; 4]> = LazyLock::new(|| {
        Algorithm::ALL.map(|alg| {
            let der = SigningKey::generate(alg).unwrap();
            let key = SigningKey::from_pkcs8(alg, der.as_bytes()).unwrap();
            Keys { der, key }
        })
    });
    &KEYS[alg as usize]
}

/// The Ed25519 key with which [`forge`] signs.
pub(super) fn key() -> &'static SigningKey {
    &keys_for(Algorithm::EdDsa).key
}

/// What the verifier trusts: all four keys.
pub(super) fn trusted() -> KeySet {
    KeySet::new(Algorithm::ALL.map(|alg| verifying(keys_for(alg).key.public_jwk())).into())
}

pub(super) fn verifying(jwk: &Jwk) -> VerifyingKey {
    VerifyingKey::from_jwk(jwk, jwk.algorithm().unwrap()).unwrap()
}

/// Signs header and payload as they are, with the Ed25519 key.
pub(super) fn forge(header: &str, payload: impl AsRef<[u8]>) -> String {
    forge_raw(&base64url_encode(header), &base64url_encode(payload))
}

/// Signs two already encoded parts.
pub(super) fn forge_raw(header: &str, payload: &str) -> String {
    let pair = Ed25519KeyPair::from_pkcs8(keys_for(Algorithm::EdDsa).der.as_bytes()).unwrap();
    let signed = format!("{header}.{payload}");
    let signature = base64url_encode(pair.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// A header with a good `alg` and `kid`, and `more` members (which start with a comma).
pub(super) fn header(more: &str) -> String {
    format!(r#"{{"alg":"EdDSA","kid":"{}"{more}}}"#, key().kid())
}

/// A genuine token of this type with this payload.
pub(super) fn token(typ: Type, payload: &str) -> String {
    key().sign(typ, payload.as_bytes()).unwrap()
}

pub(super) fn expect(typ: Type) -> Expectations<'static> {
    Expectations { typ, issuer: ISSUER, audience: Some(AUDIENCE), now: NOW, skew: 5 }
}

/// Good claims of an access token, where `change` may replace or (with an empty value) remove one.
pub(super) fn claims(change: &[(&str, &str)]) -> String {
    let good = [
        ("iss", format!("{ISSUER:?}")),
        ("aud", format!("{AUDIENCE:?}")),
        ("sub", r#""user-1""#.to_owned()),
        ("client_id", r#""app-1""#.to_owned()),
        ("jti", r#""token-1""#.to_owned()),
        ("exp", (NOW + 60).to_string()),
        ("iat", (NOW - 60).to_string()),
    ];
    let mut members: Vec<(&str, String)> = good.into();
    for (name, value) in change {
        members.retain(|(member, _)| member != name);
        if !value.is_empty() {
            members.push((name, (*value).to_owned()));
        }
    }
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}
