//! Which public keys may verify, and with which algorithm. One key has one algorithm, so a header cannot choose.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents,
};

use crate::MAX_KID_LEN;
use crate::algorithm::Algorithm;
use crate::base64url::base64url_decode;
use crate::error::{KeyError, TokenError};
use crate::jwk::Jwk;

/// A public key, parsed once, for one algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: String,
    alg: Algorithm,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// Makes a key from its JWK. A JWK without `kid` gets its thumbprint as id.
    ///
    /// # Errors
    /// [`KeyError::AlgorithmMismatch`] or [`KeyError::NotForSignatures`] if the JWK says it is for something
    /// else, [`KeyError::Kid`], [`KeyError::ModulusSize`] for RSA outside 2048 to 4096 bits, and
    /// [`KeyError::Malformed`] if the members are not a key of this algorithm.
    pub fn from_jwk(jwk: &Jwk, alg: Algorithm) -> Result<VerifyingKey, KeyError> {
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(KeyError::NotForSignatures);
        }
        if jwk.alg.as_deref().is_some_and(|name| Algorithm::from_wire(name) != Some(alg)) {
            return Err(KeyError::AlgorithmMismatch);
        }
        let kid = jwk.kid.clone().unwrap_or_else(|| jwk.thumbprint());
        if kid.is_empty() || kid.len() > MAX_KID_LEN {
            return Err(KeyError::Kid);
        }
        let key = match alg {
            Algorithm::Rs256 => rsa(jwk, &RSA_PKCS1_2048_8192_SHA256)?,
            Algorithm::Ps256 => rsa(jwk, &RSA_PSS_2048_8192_SHA256)?,
            Algorithm::Es256 => p256(jwk)?,
            Algorithm::EdDsa => ed25519(jwk)?,
        };
        Ok(VerifyingKey { kid, alg, key })
    }

    /// The id by which a token's header names this key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The only algorithm that this key verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// Checks a bare signature over bytes. Tokens go through [`jws::verify`](crate::jws::verify), which also
    /// judges the header.
    ///
    /// # Errors
    /// [`TokenError::BadSignature`].
    pub fn verify_signature(&self, message: &[u8], signature: &[u8]) -> Result<(), TokenError> {
        self.key.verify_sig(message, signature).map_err(|_| TokenError::BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("kid", &self.kid).field("alg", &self.alg).finish_non_exhaustive()
    }
}

/// RFC 7518 section 6.3.1.
fn rsa(jwk: &Jwk, parameters: &'static RsaParameters) -> Result<ParsedPublicKey, KeyError> {
    let n = member(jwk, "RSA", &jwk.n)?;
    let e = member(jwk, "RSA", &jwk.e)?;
    modulus_size(&n)?;
    // An even modulus or exponent is no RSA key, exponent 1 makes every message its own signature, and an
    // exponent beyond 32 bits only buys a slow verification.
    let [.., last] = e[..] else {
        return Err(KeyError::Malformed);
    };
    if e.len() > 4 || e[0] == 0 || e == [1] || last % 2 == 0 || n.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(KeyError::Malformed);
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).map_err(|_| KeyError::Malformed)
}

/// 2048 to 4096 bits: below is too weak (RFC 7518 section 3.3), above costs us more than the sender.
pub(crate) fn modulus_size(n: &[u8]) -> Result<(), KeyError> {
    // RFC 7518 section 6.3.1.1: no leading zero byte.
    let first = *n.first().ok_or(KeyError::Malformed)?;
    if first == 0 {
        return Err(KeyError::Malformed);
    }
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    if (2048..=4096).contains(&bits) { Ok(()) } else { Err(KeyError::ModulusSize) }
}

/// RFC 7518 section 6.2.1: each coordinate has exactly 32 bytes. The library checks that the point is on the
/// curve.
fn p256(jwk: &Jwk) -> Result<ParsedPublicKey, KeyError> {
    curve(jwk, "P-256")?;
    let mut point = [0x04; 65];
    point[1..33].copy_from_slice(&coordinate(jwk, "EC", &jwk.x)?);
    point[33..].copy_from_slice(&coordinate(jwk, "EC", &jwk.y)?);
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyError::Malformed)
}

/// RFC 8037 section 2.
fn ed25519(jwk: &Jwk) -> Result<ParsedPublicKey, KeyError> {
    curve(jwk, "Ed25519")?;
    let x = coordinate(jwk, "OKP", &jwk.x)?;
    ParsedPublicKey::new(&ED25519, x).map_err(|_| KeyError::Malformed)
}

fn curve(jwk: &Jwk, expected: &str) -> Result<(), KeyError> {
    if jwk.crv.as_deref() == Some(expected) { Ok(()) } else { Err(KeyError::Malformed) }
}

fn coordinate(jwk: &Jwk, kty: &str, value: &Option<String>) -> Result<[u8; 32], KeyError> {
    member(jwk, kty, value)?.try_into().map_err(|_| KeyError::Malformed)
}

fn member(jwk: &Jwk, kty: &str, value: &Option<String>) -> Result<Vec<u8>, KeyError> {
    match value {
        Some(text) if jwk.kty == kty => base64url_decode(text).map_err(|_| KeyError::Malformed),
        _ => Err(KeyError::Malformed),
    }
}
