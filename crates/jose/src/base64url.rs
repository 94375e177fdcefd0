//! base64url as RFC 7515 section 2 defines it: no padding, no line breaks, one text per byte string.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::TokenError;

/// Encodes bytes as base64url without padding (RFC 7515 section 2).
pub fn base64url_encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes base64url strictly: padding, whitespace, letters of the other alphabet and non-zero trailing bits
/// are refused, so that two texts never mean the same bytes.
///
/// # Errors
/// [`TokenError::Malformed`].
pub fn base64url_decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Malformed)
}

/// Appends the base64url form of `bytes` to `out`.
pub(crate) fn append(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

/// How long `bytes` bytes are in base64url. Callers bound the length long before it could overflow.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes / 3 * 4 + [0, 2, 3][bytes % 3]
}

/// Decodes into a buffer on the stack and gives back the part that was filled.
pub(crate) fn decode_into<'b>(text: &str, buffer: &'b mut [u8]) -> Result<&'b [u8], TokenError> {
    let len = URL_SAFE_NO_PAD.decode_slice(text, buffer).map_err(|_| TokenError::Malformed)?;
    Ok(&buffer[..len])
}
