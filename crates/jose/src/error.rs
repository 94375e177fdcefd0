//! Why a token, a key or a signature was refused. No variant carries text of the token.

use thiserror::Error;

/// Why a token is refused. The list is closed, so that a caller can say something about each reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum TokenError {
    /// Not three non-empty base64url parts, or the header is not the JSON object that RFC 7515 section 4 asks
    /// for: duplicate member, missing `alg` or `kid`, `kid` too long.
    #[error("the token is malformed")]
    Malformed,
    /// Longer than [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN).
    #[error("the token is too long")]
    TooLong,
    /// `alg` is `none`, symmetric, unknown, or not the algorithm of the key that `kid` names (RFC 8725
    /// section 3.1).
    #[error("the signature algorithm is not accepted for this key")]
    UnsupportedAlgorithm,
    /// `kid` names no key that we hold.
    #[error("the key is unknown")]
    UnknownKey,
    /// The header has `crit` or `b64`: it asks for processing that we do not do (RFC 7515 section 4.1.11,
    /// RFC 7797).
    #[error("the header demands an extension that is not supported")]
    Critical,
    /// The header brings or points to its own key: `jwk`, `jku`, `x5u`, `x5c` (RFC 8725 section 3.10).
    #[error("the header brings its own key")]
    EmbeddedKey,
    /// `typ` is not the expected one (RFC 8725 section 3.11, RFC 9068 section 4).
    #[error("the token is of another type")]
    WrongType,
    /// The signature does not verify.
    #[error("the signature is wrong")]
    BadSignature,
    /// The payload is not a JSON object, or a claim is missing, doubled or of the wrong type.
    #[error("the claims are incomplete or of the wrong type")]
    BadClaims,
    /// `iss` is not the expected issuer, compared byte by byte (RFC 9068 section 4).
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud` does not contain the expected audience (RFC 7519 section 4.1.3).
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` is now or in the past (RFC 7519 section 4.1.4).
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is in the future by more than the allowed skew (RFC 7519 sections 4.1.5 and 4.1.6).
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum KeyError {
    /// The key material is not a key of the stated algorithm: wrong type or curve, bad encoding, point not on
    /// the curve, private and public half that do not belong together.
    #[error("the key is malformed or of another type")]
    Malformed,
    /// An RSA modulus outside 2048 to 4096 bits.
    #[error("the RSA modulus must have 2048 to 4096 bits")]
    ModulusSize,
    /// The JWK's own `alg` is another algorithm than the one asked for (RFC 7517 section 4.4).
    #[error("the key is meant for another algorithm")]
    AlgorithmMismatch,
    /// The JWK's `use` is not `sig` (RFC 7517 section 4.2).
    #[error("the key is not meant for signatures")]
    NotForSignatures,
    /// The JWK's `kid` is empty or longer than [`MAX_KID_LEN`](crate::MAX_KID_LEN): no token could name it.
    #[error("the key id is empty or too long")]
    Kid,
    /// The library could not generate a key.
    #[error("the key could not be generated")]
    Generation,
}

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum SignError {
    /// The token would be longer than [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN): we would refuse it ourselves.
    #[error("the token would be too long")]
    TooLong,
    /// The library could not sign.
    #[error("the signature could not be made")]
    Failed,
}
