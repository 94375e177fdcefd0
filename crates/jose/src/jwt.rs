//! Is this JWT meant for us, and of its time (RFC 7519 section 7.2, RFC 8725)?

use serde::de::DeserializeOwned;

use crate::error::TokenError;
use crate::header::Header;
use crate::jws;
use crate::key_set::KeySet;
pub use crate::registered::{Audience, Registered};
use crate::typ::Type;

/// What a token must say to pass.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// The kind of token.
    pub typ: Type,
    /// The issuer, compared byte by byte.
    pub issuer: &'a str,
    /// Who must be in `aud`; `None` leaves the audience to the caller.
    pub audience: Option<&'a str>,
    /// The present, in seconds since 1970 UTC.
    pub now: i64,
    /// How many seconds `nbf` and `iat` may lie in the future, because clocks differ. `exp` gets none.
    pub skew: i64,
}

/// A JWT that passed: signature, type, issuer, audience, time.
#[derive(Clone, Debug)]
pub struct VerifiedJwt {
    header: Header,
    registered: Registered,
    payload: Vec<u8>,
}

/// Verifies a JWT.
///
/// # Errors
/// Those of [`jws::verify`], then in this order [`TokenError::WrongType`], [`TokenError::BadClaims`],
/// [`TokenError::WrongIssuer`], [`TokenError::WrongAudience`], [`TokenError::Expired`],
/// [`TokenError::NotYetValid`].
pub fn verify(token: &str, keys: &KeySet, expect: &Expectations<'_>) -> Result<VerifiedJwt, TokenError> {
    let jws::Verified { header, payload } = jws::verify(token, keys)?;
    // RFC 8725 section 3.11: the type comes before the claims, whose names other kinds of token share.
    if !expect.typ.accepts(header.typ.as_deref()) {
        return Err(TokenError::WrongType);
    }
    let registered = registered(&payload)?;
    judge(&registered, expect)?;
    Ok(VerifiedJwt { header, registered, payload })
}

impl VerifiedJwt {
    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The registered claims.
    pub fn registered(&self) -> &Registered {
        &self.registered
    }

    /// All claims, as the caller's own type. A derived struct refuses doubled members; a map does not.
    ///
    /// # Errors
    /// [`TokenError::BadClaims`] if they do not fit the type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, TokenError> {
        serde_json::from_slice(&self.payload).map_err(|_| TokenError::BadClaims)
    }
}

fn registered(payload: &[u8]) -> Result<Registered, TokenError> {
    // A derived struct would also be read from a JSON array, member by position. RFC 7519 section 7.2 step 10
    // demands an object.
    if payload.trim_ascii_start().first() != Some(&b'{') {
        return Err(TokenError::BadClaims);
    }
    serde_json::from_slice(payload).map_err(|_| TokenError::BadClaims)
}

fn judge(claims: &Registered, expect: &Expectations<'_>) -> Result<(), TokenError> {
    if claims.iss != expect.issuer {
        return Err(TokenError::WrongIssuer);
    }
    if expect.audience.is_some_and(|audience| !claims.aud.contains(audience)) {
        return Err(TokenError::WrongAudience);
    }
    // RFC 7519 section 4.1.4: on or after `exp` it is over.
    if expect.now >= claims.exp {
        return Err(TokenError::Expired);
    }
    let latest = expect.now.saturating_add(expect.skew);
    if [claims.nbf, claims.iat].into_iter().flatten().any(|start| start > latest) {
        return Err(TokenError::NotYetValid);
    }
    Ok(())
}
