//! ID tokens (OpenID Connect Core 2): what an app is told about the log-in.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_jose::Algorithm;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::env::UnixMillis;
use crate::environment::Environment;
use crate::grant::Grant;
use crate::scope::ScopeSet;
use crate::user::User;
use crate::userinfo;

/// Seconds that an ID token is good for: long enough to be looked at once.
pub const ID_TOKEN_SECONDS: i64 = 600;

/// The claims of an ID token, all but the hash of the access token that goes with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IdTokenClaims {
    /// The issuer.
    pub iss: String,
    /// The user, as this app knows them.
    pub sub: String,
    /// The app, and nobody else.
    pub aud: String,
    /// When it ends.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// When the user acted.
    pub auth_time: i64,
    /// The nonce of the request; in the first ID token only (12.2 allows to leave it out later).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// What the log-in reached.
    pub acr: String,
    /// How it was done (RFC 8176).
    pub amr: Vec<String>,
    /// The browser session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Half of the hash of the access token (3.1.3.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// Claims that the request asked for by name.
    #[serde(flatten)]
    pub asked: Map<String, Value>,
}

/// An ID token that is decided and not yet signed.
#[derive(Debug, Clone, PartialEq)]
pub struct IdTokenDraft {
    /// What it says.
    pub claims: IdTokenClaims,
    /// What it is signed with.
    pub algorithm: Algorithm,
}

/// Which ID token of a Grant: only the first repeats the nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The redemption of the code.
    First,
    /// A refresh.
    Refresh,
}

/// Drafts the ID token of a Grant.
pub fn draft(
    (environment, app): (&Environment, &App),
    (user, sub): (&User, &str),
    grant: &Grant,
    occasion: Occasion,
    now: UnixMillis,
) -> IdTokenDraft {
    let login = &grant.login;
    IdTokenDraft {
        algorithm: app.metadata.id_token_signed_response_alg,
        claims: IdTokenClaims {
            iss: environment.issuer.as_str().to_owned(),
            sub: sub.to_owned(),
            aud: app.client_id.as_str().to_owned(),
            exp: now.seconds().saturating_add(ID_TOKEN_SECONDS),
            iat: now.seconds(),
            auth_time: login.auth_time.seconds(),
            nonce: login.nonce.clone().filter(|_| occasion == Occasion::First),
            acr: login.acr.clone(),
            amr: login.amr.iter().map(ToString::to_string).collect(),
            sid: login.sid.clone(),
            at_hash: None,
            asked: userinfo::claims(user, &ScopeSet::default(), &login.claims.id_token),
        },
    }
}

/// The left half of the hash of an access token, base64url (OpenID Connect Core 3.1.3.6): the hash of the signature, SHA-256
/// for all but Ed25519, which has none in that table, and for which clients in the field expect SHA-512.
pub fn at_hash(access_token: &str, algorithm: Algorithm) -> String {
    let hash = match algorithm {
        Algorithm::EdDsa => &digest::SHA512,
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &digest::SHA256,
    };
    let digest = digest::digest(hash, access_token.as_bytes());
    let digest = digest.as_ref();
    URL_SAFE_NO_PAD.encode(&digest[..digest.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_specification_s_example() {
        // OpenID Connect Core appendix A.3 (id_token token), RS256.
        let hash = at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", Algorithm::Rs256);
        assert_eq!(hash, "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
