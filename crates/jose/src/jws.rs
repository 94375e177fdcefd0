//! Is this compact JWS genuine (RFC 7515 section 5.2)? The key comes from our set, the algorithm from the key.

use crate::MAX_TOKEN_LEN;
use crate::base64url::{base64url_decode, decode_into};
use crate::error::TokenError;
pub use crate::header::Header;
use crate::key_set::KeySet;

/// A token whose signature was verified. What the payload means is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The header.
    pub header: Header,
    /// The decoded payload.
    pub payload: Vec<u8>,
}

/// Verifies a compact JWS with the one key that its header names.
///
/// # Errors
/// [`TokenError::TooLong`], [`TokenError::Malformed`], [`TokenError::UnsupportedAlgorithm`],
/// [`TokenError::Critical`], [`TokenError::EmbeddedKey`], [`TokenError::UnknownKey`],
/// [`TokenError::BadSignature`].
pub fn verify(token: &str, keys: &KeySet) -> Result<Verified, TokenError> {
    if token.len() > MAX_TOKEN_LEN {
        return Err(TokenError::TooLong);
    }
    let parts = Parts::split(token)?;
    let header = Header::parse(&base64url_decode(parts.header)?)?;
    let key = keys.find(&header.kid, header.alg)?;
    let mut buffer = [0; SIGNATURE_BUFFER];
    let signature = decode_into(parts.signature, &mut buffer)?;
    key.verify_signature(parts.signed.as_bytes(), signature)?;
    // Decoded last: a forger does not get us to allocate for it.
    let payload = base64url_decode(parts.payload)?;
    Ok(Verified { header, payload })
}

/// Room for the signature of a 4096-bit RSA key, the longest of ours, rounded up to what the decoder asks for.
const SIGNATURE_BUFFER: usize = 516;

/// The three parts of a compact serialization (RFC 7515 section 7.1).
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// Header and payload with the dot between them: what is signed.
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        // Five parts would be a JWE (RFC 7516 section 3.1), which is not what was asked for.
        if header.is_empty() || payload.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(TokenError::Malformed);
        }
        Ok(Parts { header, payload, signature, signed })
    }
}
