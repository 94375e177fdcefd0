//! An API key as a signed JWT: what it says, and to which row it belongs.
//!
//! The signature says that it is genuine; its row says whether it is good. A row that was narrowed, suspended or revoked
//! counts on the next call, whatever the claims say: they are for APIs that want to read them.

use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::api_key::ApiKey;
use crate::environment::Environment;
use crate::scope::Scope;

/// The claims of an API key (RFC 7519 4.1, and `scope`, `tid`, `env`, `rev` as in an access token).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyClaims {
    /// The issuer: the environment's.
    pub iss: String,
    /// Whom it stands for: its tenant's GUID.
    pub sub: String,
    /// The APIs that it was made for.
    pub aud: Vec<String>,
    /// The end that it was made with, in seconds. The row may have an earlier one.
    pub exp: i64,
    /// When it was made, in seconds.
    pub iat: i64,
    /// The id of its row.
    pub jti: String,
    /// The tenant's GUID.
    pub tid: String,
    /// The environment's name.
    pub env: String,
    /// The scopes that it was made with, space-delimited. The row may have fewer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The epoch of its row when it was signed.
    pub rev: KeyEpoch,
}

/// The epoch of a key's row (claim `rev`). Suspending raises it; a key that is resumed works again, so an older epoch is
/// no reason against it. One that the row has not reached was signed for another history of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEpoch {
    /// Of the key.
    pub key: i64,
}

/// What a new key says of itself. `apis` are those that it opens.
pub fn draft(key: &ApiKey, environment: &Environment, apis: &[&Api]) -> KeyClaims {
    KeyClaims {
        iss: environment.issuer.as_str().to_owned(),
        sub: key.tenant.to_string(),
        aud: apis.iter().map(|api| api.audience.clone()).collect(),
        exp: key.expires_at.seconds(),
        iat: key.created_at.seconds(),
        jti: key.id.to_string(),
        tid: key.tenant.to_string(),
        env: environment.name.to_string(),
        scope: key.scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" "),
        rev: KeyEpoch { key: key.epoch },
    }
}

impl KeyClaims {
    /// Whether genuine claims are those of this row. `kid` is the key that signed them: with another one that leaked, nobody
    /// makes keys for rows that it never signed.
    pub fn are_of(&self, key: &ApiKey, kid: &str, environment: &Environment) -> bool {
        key.signed_by.as_deref() == Some(kid)
            && self.jti == key.id.to_string()
            && self.tid == key.tenant.to_string()
            && self.iss == environment.issuer.as_str()
            && self.env == environment.name.as_str()
            && self.rev.key <= key.epoch
    }
}
