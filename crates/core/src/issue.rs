//! The one function that drafts access tokens. Every grant ends here.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_jose::Algorithm;

use crate::access::Access;
use crate::api::Api;
use crate::app::App;
use crate::claims::{AccessClaims, server_claims};
use crate::env::Env;
use crate::environment::Environment;
use crate::epoch::Epochs;
use crate::profile::TokenFormat;
use crate::scope::ScopeSet;
use crate::tenant::Tenant;

/// Everything that has been decided before a token is drafted.
pub struct Issue<'a> {
    /// By whom.
    pub environment: &'a Environment,
    /// For which API.
    pub api: &'a Api,
    /// To which app.
    pub app: &'a App,
    /// Of which tenant.
    pub tenant: &'a Tenant,
    /// By which access.
    pub access: &'a Access,
    /// With which scopes, the server's own not yet among them.
    pub scopes: ScopeSet,
    /// What was asked for, to tell the client where the answer differs.
    pub asked: Option<&'a ScopeSet>,
}

/// A token that is decided and not yet signed or sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDraft {
    /// The claims of both dresses.
    pub claims: AccessClaims,
    /// Claims that the profile adds to a JWT.
    pub added: BTreeMap<String, String>,
    /// Which dress.
    pub format: TokenFormat,
    /// What a JWT is signed with.
    pub algorithm: Algorithm,
    /// Seconds to live.
    pub expires_in: i64,
    /// The granted scopes, where they differ from those asked for (RFC 6749 5.1).
    pub scope: Option<String>,
}

/// Drafts an access token for an app (RFC 9068 2.2).
///
/// The life is the profile's unless the tenant's access says otherwise. The server's scopes are added here and nowhere else.
pub fn issue(issue: Issue<'_>, env: &mut Env<'_>) -> TokenDraft {
    let profile = &issue.api.profile;
    let granted = issue.scopes.union(&issue.api.server_scopes);
    let life = issue.access.client_token_lifetime.unwrap_or(profile.lifetimes.client_token).seconds();
    let iat = env.now.seconds();
    let client_id = issue.app.client_id.as_str();
    let differs = issue.asked.is_some_and(|asked| *asked != granted);
    let scope = granted.to_string();
    TokenDraft {
        scope: differs.then(|| scope.clone()),
        added: server_claims(issue.api, issue.environment, issue.tenant, issue.app),
        format: profile.token_format,
        algorithm: profile.signing_alg,
        expires_in: life,
        claims: AccessClaims {
            iss: issue.environment.issuer.as_str().to_owned(),
            sub: client_id.to_owned(),
            aud: issue.api.audience.clone(),
            exp: iat.saturating_add(life),
            iat,
            jti: URL_SAFE_NO_PAD.encode(env.bytes::<16>()),
            client_id: client_id.to_owned(),
            scope,
            tid: issue.tenant.id.to_string(),
            env: issue.environment.name.to_string(),
            rev: Epochs { ten: issue.tenant.epoch, acc: issue.access.epoch, app: issue.app.epoch },
        },
    }
}
