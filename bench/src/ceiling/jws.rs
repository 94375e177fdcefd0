//! Compact JWS of the ceilings: keys parsed once, header encoded once (RFC 7515 3.1, 7518 3, 8037).

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
    VerificationAlgorithm,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

use crate::clock;

/// The key id of every ceiling key.
const KID: &str = "bench-key-2026";

/// A signature algorithm of RFC 7518 or RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits.
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// The value of `alg` (RFC 7515 4.1.1).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

/// A signing key with its public half, both parsed.
pub(super) struct Keys {
    algorithm: Algorithm,
    signer: Signer,
    public: ParsedPublicKey,
    header: String,
    random: SystemRandom,
}

enum Signer {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

#[derive(Deserialize, Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

impl Keys {
    /// A fresh key pair.
    pub(super) fn generate(algorithm: Algorithm) -> Result<Self> {
        let failed = |_| anyhow!("cannot generate a key");
        let (signer, public) = match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
                let public = parsed(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())?;
                (Signer::Ecdsa(pair), public)
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                let public = parsed(&ED25519, pair.public_key().as_ref())?;
                (Signer::Ed25519(pair), public)
            }
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                let public = parsed(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())?;
                (Signer::Rsa(pair), public)
            }
        };
        let header = Header { alg: algorithm.name(), kid: KID, typ: "at+jwt" };
        let header = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        Ok(Self { algorithm, signer, public, header, random: clock::randomness() })
    }

    /// The generator of token ids.
    pub(super) fn random(&self) -> &SystemRandom {
        &self.random
    }

    /// Signs one payload.
    pub(super) fn sign(&self, payload: &[u8]) -> Option<String> {
        let mut token = String::with_capacity(self.header.len() + payload.len() * 4 / 3 + 360);
        token.push_str(&self.header);
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        match &self.signer {
            Signer::Ecdsa(pair) => {
                let signature = pair.sign(&self.random, token.as_bytes()).ok()?;
                append(&mut token, signature.as_ref());
            }
            Signer::Ed25519(pair) => {
                let signature = pair.sign(token.as_bytes());
                append(&mut token, signature.as_ref());
            }
            Signer::Rsa(pair) => {
                let mut signature = [0; 256];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, token.as_bytes(), &mut signature).ok()?;
                append(&mut token, &signature);
            }
        }
        Some(token)
    }

    /// The payload of a token with the right header, key and signature; nothing is remembered between two calls.
    pub(super) fn verify(&self, token: &str) -> Option<Vec<u8>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header = BASE64_URL_SAFE_NO_PAD.decode(header).ok()?;
        let header: Header<'_> = serde_json::from_slice(&header).ok()?;
        if header.alg != self.algorithm.name() || header.kid != KID || header.typ != "at+jwt" {
            return None;
        }
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.public.verify_sig(signed.as_bytes(), &signature).ok()?;
        BASE64_URL_SAFE_NO_PAD.decode(payload).ok()
    }
}

fn parsed(algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> Result<ParsedPublicKey> {
    ParsedPublicKey::new(algorithm, public).map_err(|_| anyhow!("the public key cannot be read"))
}

fn append(token: &mut String, signature: &[u8]) {
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, token);
}
