//! The one function that drafts access tokens. Every grant ends here.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_jose::Algorithm;

use crate::access::Access;
use crate::api::{Api, OPENID_SCOPES};
use crate::app::App;
use crate::claims::{AccessClaims, server_claims};
use crate::env::{Env, UnixMillis};
use crate::environment::Environment;
use crate::epoch::Epochs;
use crate::grant::{CODE_SECONDS, Grant};
use crate::lifetime::Lifetime;
use crate::profile::{GrantType, TokenFormat};
use crate::scope::{Scope, ScopeSet};
use crate::tenant::Tenant;
use crate::user::User;

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
    /// Whom it stands for.
    pub holder: Holder<'a>,
}

/// Whom a token stands for.
#[derive(Clone, Copy)]
pub enum Holder<'a> {
    /// The app itself.
    App,
    /// A user, by a Grant.
    User {
        /// The user.
        user: &'a User,
        /// How this app knows them.
        sub: &'a str,
        /// The Grant.
        grant: &'a Grant,
    },
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
    /// The granted scopes, where they differ from those asked for (RFC 6749 5.1); always with a user, whose browser carried
    /// the question.
    pub scope: Option<String>,
}

/// Drafts an access token (RFC 9068 2.2).
///
/// The life is the profile's unless the tenant's access says otherwise, and never longer than the Grant's. The server's
/// scopes are added here and nowhere else.
pub fn issue(issue: Issue<'_>, env: &mut Env<'_>) -> TokenDraft {
    let profile = &issue.api.profile;
    let granted = issue.scopes.union(&issue.api.server_scopes);
    let iat = env.now.seconds();
    let client_id = issue.app.client_id.as_str();
    let scope = granted.to_string();
    let (sub, user, grant, life) = match issue.holder {
        Holder::App => (client_id, None, None, client_token_lifetime(issue.api, issue.access).seconds()),
        Holder::User { user, sub, grant } => {
            let left = grant.ends_at.seconds().saturating_sub(iat).max(0);
            let life = user_token_lifetime(issue.api, issue.access).seconds().min(left);
            (sub, Some(user), Some(grant), life)
        }
    };
    let differs = grant.is_some() || issue.asked.is_some_and(|asked| *asked != granted);
    TokenDraft {
        scope: differs.then(|| scope.clone()),
        added: server_claims(issue.api, issue.environment, issue.tenant, issue.app),
        format: profile.token_format,
        algorithm: profile.signing_alg,
        expires_in: life,
        claims: AccessClaims {
            iss: issue.environment.issuer.as_str().to_owned(),
            sub: sub.to_owned(),
            aud: issue.api.audience.clone(),
            exp: iat.saturating_add(life),
            iat,
            jti: URL_SAFE_NO_PAD.encode(env.bytes::<16>()),
            client_id: client_id.to_owned(),
            scope,
            tid: issue.tenant.id.to_string(),
            env: issue.environment.name.to_string(),
            rev: Epochs {
                ten: issue.tenant.epoch,
                acc: issue.access.epoch,
                app: issue.app.epoch,
                usr: user.map_or(0, |user| user.epoch),
                gnt: grant.map_or(0, |grant| grant.epoch),
            },
            gid: grant.map(|grant| grant.id),
            auth_time: grant.map(|grant| grant.login.auth_time.seconds()),
            acr: grant.map(|grant| grant.login.acr.clone()),
        },
    }
}

/// Which of a Grant's scopes count now: those that app and access still allow. OpenID scopes belong to no API.
pub fn live_scopes(granted: &ScopeSet, app: &App, access: &Access, api: &Api) -> ScopeSet {
    let allowed = app.scopes.intersection(&access.scopes).intersection(&api.scope_set());
    let counts = |scope: &&Scope| {
        OPENID_SCOPES.contains(&scope.as_str())
            || allowed.contains(scope)
            || api.server_scopes.contains(scope)
    };
    granted.iter().filter(counts).cloned().collect::<Vec<_>>().into()
}

/// Whether a Grant of this origin gets refresh tokens: the API's profile and the app both say so. RFC 6749 4.4.3 keeps
/// apps without users out.
pub fn is_refreshable(app: &App, api: &Api, origin: GrantType) -> bool {
    api.profile.refresh.grants.contains(&origin) && app.grants.contains(&GrantType::RefreshToken)
}

/// When a Grant ends: so long after the *first* authentication; a Grant that is never refreshed, with its last token.
pub fn grant_ends_at(
    app: &App,
    api: &Api,
    access: &Access,
    (origin, auth_time): (GrantType, UnixMillis),
    now: UnixMillis,
) -> UnixMillis {
    let month = auth_time.plus_seconds(api.profile.refresh.max_age.seconds());
    if is_refreshable(app, api, origin) && month > now {
        return month;
    }
    now.plus_seconds(CODE_SECONDS + user_token_lifetime(api, access).seconds())
}

fn client_token_lifetime(api: &Api, access: &Access) -> Lifetime {
    access.client_token_lifetime.unwrap_or(api.profile.lifetimes.client_token)
}

fn user_token_lifetime(api: &Api, access: &Access) -> Lifetime {
    access.user_token_lifetime.unwrap_or(api.profile.lifetimes.user_token)
}
