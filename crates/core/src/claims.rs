//! The claims of an access token: one type, two dresses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::app::App;
use crate::environment::Environment;
use crate::epoch::Epochs;
use crate::id::GrantId;
use crate::profile::ClaimSource;
use crate::tenant::Tenant;

/// What every access token says, signed or sealed (RFC 9068 2.2, and `tid`, `env`, `rev`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer: the environment's, never derived from a request.
    pub iss: String,
    /// Whom it stands for: the client id for an app, the user for a user.
    pub sub: String,
    /// The one API that it is for.
    pub aud: String,
    /// End of life, in seconds; no skew is granted.
    pub exp: i64,
    /// When it was issued, in seconds.
    pub iat: i64,
    /// Its id: 128 random bits, base64url.
    pub jti: String,
    /// The app that got it.
    pub client_id: String,
    /// Its scopes, space-delimited.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The tenant's GUID.
    pub tid: String,
    /// The environment's name.
    pub env: String,
    /// The epochs of its subjects.
    pub rev: Epochs,
    /// The Grant behind it, for a user's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<GrantId>,
    /// When the user acted (RFC 9068 2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// What the log-in reached (RFC 9068 2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
}

impl AccessClaims {
    /// Whether it stands for the app itself, not for a user.
    pub fn is_client(&self) -> bool {
        self.gid.is_none()
    }
}

/// The claims that the profile adds, with their values. The caller has no say in them.
pub fn server_claims(
    api: &Api,
    environment: &Environment,
    tenant: &Tenant,
    app: &App,
) -> BTreeMap<String, String> {
    let value = |source: &ClaimSource| match source {
        ClaimSource::TenantId => tenant.id.to_string(),
        ClaimSource::TenantName => tenant.name.to_string(),
        ClaimSource::EnvironmentName => environment.name.to_string(),
        ClaimSource::ClientId => app.client_id.to_string(),
    };
    api.profile.server_claims.iter().map(|(name, source)| (name.clone(), value(source))).collect()
}
