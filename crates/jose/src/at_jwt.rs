//! Is this JWT an access token (RFC 9068)?

use serde::{Deserialize, Serialize};

use crate::error::TokenError;
use crate::jwt::{self, Expectations, VerifiedJwt};
use crate::key_set::KeySet;
use crate::registered::{Audience, present, seconds};
use crate::typ::Type;

/// The claims of an access token (RFC 9068 sections 2.2 and 2.2.3). More claims may stand beside them; the
/// caller reads them with [`VerifiedJwt::claims`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The user, or the client itself where no user is involved.
    pub sub: String,
    /// The API that the token is for.
    pub aud: Audience,
    /// When it ends, in seconds since 1970 UTC.
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
    /// When it was issued, in seconds since 1970 UTC.
    #[serde(deserialize_with = "seconds")]
    pub iat: i64,
    /// The token's own id.
    pub jti: String,
    /// The client that asked for it (RFC 8693 section 4.3).
    pub client_id: String,
    /// The granted scopes, separated by spaces (RFC 8693 section 4.2).
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Verifies an access token: type `at+jwt` whatever `expect.typ` says, everything that [`jwt::verify`] asks
/// for, and every claim that RFC 9068 section 2.2 requires, none of them empty.
///
/// # Errors
/// Those of [`jwt::verify`]; [`TokenError::BadClaims`] for a missing claim.
pub fn verify(
    token: &str,
    keys: &KeySet,
    expect: &Expectations<'_>,
) -> Result<(Claims, VerifiedJwt), TokenError> {
    let expect = Expectations { typ: Type::AccessToken, ..*expect };
    let jwt = jwt::verify(token, keys, &expect)?;
    let claims: Claims = jwt.claims()?;
    if [&claims.sub, &claims.jti, &claims.client_id].into_iter().any(String::is_empty) {
        return Err(TokenError::BadClaims);
    }
    Ok((claims, jwt))
}
