//! How we sign. A key pair is one object, parsed once; its public half is derived, never an argument, so a
//! signature over the wrong public key cannot be asked for (RUSTSEC-2022-0093).

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use zeroize::Zeroizing;

use crate::MAX_TOKEN_LEN;
use crate::algorithm::Algorithm;
use crate::base64url::{append, base64url_encode, encoded_len};
use crate::error::{KeyError, SignError};
use crate::jwk::Jwk;
use crate::rsa_der::modulus_and_exponent;
use crate::typ::Type;
use crate::verifying_key::modulus_size;

/// A key pair that signs with one algorithm. Its id is the thumbprint of its public half (RFC 7638), so the
/// same key has the same id wherever it is loaded. There is no `Debug`.
pub struct SigningKey {
    pair: Pair,
    jwk: Jwk,
    kid: String,
    alg: Algorithm,
    /// The encoded header for each type, in the order of [`Type::ALL`], each with the dot that follows it.
    headers: [Box<str>; Type::ALL.len()],
    signature_len: usize,
}

/// A private key as unencrypted PKCS#8 DER (RFC 5958). Wiped from memory when dropped; no `Debug`, no `Clone`.
pub struct Pkcs8(Zeroizing<Vec<u8>>);

impl Pkcs8 {
    /// The DER bytes. Whoever stores them encrypts them first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl SigningKey {
    /// Makes a new private key with the library's own randomness. RSA keys have 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Generation`].
    pub fn generate(alg: Algorithm) -> Result<Pkcs8, KeyError> {
        let der = match alg {
            Algorithm::Rs256 | Algorithm::Ps256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .and_then(|pair| pair.as_der())
                .map(|der| der.as_ref().to_vec()),
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .and_then(|pair| pair.to_pkcs8v1())
                .map(|der| der.as_ref().to_vec()),
            // Version 1 of the format, because older readers do not know version 2.
            Algorithm::EdDsa => {
                Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map(|der| der.as_ref().to_vec())
            }
        };
        der.map(|der| Pkcs8(Zeroizing::new(der))).map_err(|_| KeyError::Generation)
    }

    /// Loads a private key.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is not a PKCS#8 key of this algorithm, or its halves do not belong
    /// together; [`KeyError::ModulusSize`] for RSA of more than 4096 bits; the library
    /// calls a key of less than 2048 bits malformed.
    pub fn from_pkcs8(alg: Algorithm, der: &[u8]) -> Result<SigningKey, KeyError> {
        let (pair, mut jwk) = match alg {
            Algorithm::Rs256 => rsa(der, &RSA_PKCS1_SHA256)?,
            Algorithm::Ps256 => rsa(der, &RSA_PSS_SHA256)?,
            Algorithm::Es256 => p256(der)?,
            Algorithm::EdDsa => ed25519(der)?,
        };
        let kid = jwk.thumbprint();
        jwk.kid = Some(kid.clone());
        jwk.alg = Some(alg.as_str().to_owned());
        jwk.usage = Some("sig".to_owned());
        let headers = Type::ALL.map(|typ| encode_header(alg, typ, &kid));
        let signature_len = pair.signature_len();
        Ok(SigningKey { pair, jwk, kid, alg, headers, signature_len })
    }

    /// The algorithm that this key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// The key's id: the thumbprint of its public half.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half, with `kid`, `alg` and `use` = `sig`, ready to be published.
    pub fn public_jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs a payload as a compact JWS (RFC 7515 section 5.1). The header holds `alg`, `typ` and `kid`.
    ///
    /// # Errors
    /// [`SignError::TooLong`] if the token would have more than [`MAX_TOKEN_LEN`] bytes, [`SignError::Failed`].
    pub fn sign(&self, typ: Type, payload: &[u8]) -> Result<String, SignError> {
        let header = &self.headers[typ as usize];
        // Checked before the encoded length is computed, which therefore cannot overflow.
        if payload.len() > MAX_TOKEN_LEN {
            return Err(SignError::TooLong);
        }
        let length = header.len() + encoded_len(payload.len()) + 1 + encoded_len(self.signature_len);
        if length > MAX_TOKEN_LEN {
            return Err(SignError::TooLong);
        }
        let mut token = String::with_capacity(length);
        token.push_str(header);
        append(payload, &mut token);
        let mut buffer = [0; MAX_SIGNATURE];
        let signature = &mut buffer[..self.signature_len];
        self.pair.sign(token.as_bytes(), signature)?;
        token.push('.');
        append(signature, &mut token);
        Ok(token)
    }
}

/// The signature of a 4096-bit RSA key, in bytes.
const MAX_SIGNATURE: usize = 512;

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    fn signature_len(&self) -> usize {
        match self {
            Pair::Rsa(pair, _) => pair.public_modulus_len(),
            Pair::P256(_) | Pair::Ed25519(_) => 64,
        }
    }

    /// Fills `signature`, which has exactly the right length.
    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<(), SignError> {
        let made = match self {
            Pair::Rsa(pair, encoding) => {
                return pair
                    .sign(*encoding, &ignored_randomness(), message, signature)
                    .map_err(|_| SignError::Failed);
            }
            Pair::P256(pair) => pair.sign(&ignored_randomness(), message),
            Pair::Ed25519(pair) => pair.try_sign(message),
        };
        let made = made.map_err(|_| SignError::Failed)?;
        if made.as_ref().len() != signature.len() {
            return Err(SignError::Failed);
        }
        signature.copy_from_slice(made.as_ref());
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the signature asks for a generator that the library ignores: nonce and salt come from inside"
)]
fn ignored_randomness() -> SystemRandom {
    SystemRandom::new()
}

fn encode_header(alg: Algorithm, typ: Type, kid: &str) -> Box<str> {
    // None of the three can hold a character that JSON would escape.
    let json = format!(r#"{{"alg":"{alg}","typ":"{}","kid":"{kid}"}}"#, typ.as_str());
    format!("{}.", base64url_encode(json)).into()
}

fn rsa(der: &[u8], encoding: &'static dyn RsaEncoding) -> Result<(Pair, Jwk), KeyError> {
    let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
    let (n, e) = modulus_and_exponent(pair.public_key().as_ref()).ok_or(KeyError::Malformed)?;
    modulus_size(n)?;
    let (n, e) = (base64url_encode(n), base64url_encode(e));
    let jwk = Jwk { kty: "RSA".to_owned(), n: Some(n), e: Some(e), ..Jwk::default() };
    Ok((Pair::Rsa(pair, encoding), jwk))
}

fn p256(der: &[u8]) -> Result<(Pair, Jwk), KeyError> {
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| KeyError::Malformed)?;
    // SEC 1 section 2.3.3: an uncompressed point is 0x04, x, y.
    let Some((0x04, point)) = pair.public_key().as_ref().split_first() else {
        return Err(KeyError::Malformed);
    };
    let (x, y) = point.split_at_checked(32).ok_or(KeyError::Malformed)?;
    let jwk = Jwk {
        kty: "EC".to_owned(),
        crv: Some("P-256".to_owned()),
        x: Some(base64url_encode(x)),
        y: Some(base64url_encode(y)),
        ..Jwk::default()
    };
    Ok((Pair::P256(pair), jwk))
}

fn ed25519(der: &[u8]) -> Result<(Pair, Jwk), KeyError> {
    let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
    let x = base64url_encode(pair.public_key());
    let (kty, crv) = ("OKP".to_owned(), Some("Ed25519".to_owned()));
    let jwk = Jwk { kty, crv, x: Some(x), ..Jwk::default() };
    Ok((Pair::Ed25519(pair), jwk))
}
