//! A Grant: one authorization of an app by a user, for its whole life. First it holds the code, then the refresh family,
//! until it is ended. Two devices of one user are two Grants.

use serde::{Deserialize, Serialize};

use crate::env::UnixMillis;
use crate::id::{ApiId, AppId, EnvironmentId, GrantId, SessionId, TenantId, UserId};
use crate::profile::GrantType;
use crate::scope::{Scope, ScopeSet};
use crate::user::Amr;
use crate::userinfo;

/// Seconds that a code may wait for its redemption (RFC 6749 4.1.2, FAPI 2.0 5.3.2.1).
pub const CODE_SECONDS: i64 = 60;

/// Seconds in which the refresh token before the current one still gives the identical successor: an answer that was lost.
pub const GRACE_SECONDS: i64 = 10;

/// What an app may do for a user. A plain row, changed only by guarded writes.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its row.
    pub id: GrantId,
    /// Where.
    pub environment: EnvironmentId,
    /// To whom.
    pub app: AppId,
    /// For which tenant the user signed in; claim `tid`.
    pub tenant: TenantId,
    /// Whose.
    pub user: UserId,
    /// For which API; `None` is the userinfo endpoint alone.
    pub api: Option<ApiId>,
    /// By which grant type it began: code or password.
    pub origin: GrantType,
    /// What was granted, the server's own scopes not among them. Never widens.
    pub scopes: ScopeSet,
    /// Where it stands.
    pub state: GrantState,
    /// Raised when it ends: access tokens from before are dead.
    pub epoch: i64,
    /// How many refresh tokens there have been; 0 is none.
    pub generation: i64,
    /// When the generation last rose.
    pub rotated_at: UnixMillis,
    /// Random bytes that are mixed into the tag of its refresh tokens, so that the key alone forges none.
    pub nonce: [u8; 16],
    /// When it ends, whatever is refreshed.
    pub ends_at: UnixMillis,
    /// What the code was made for.
    pub code: Option<CodeBinding>,
    /// Whom the ID token speaks of, and how they signed in.
    pub login: GrantLogin,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Why it ended.
    pub ended_reason: Option<EndReason>,
}

/// Where a Grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantState {
    /// The code waits.
    Code,
    /// Redeemed: tokens live.
    Active,
    /// Over. Nothing leads back.
    Ended,
}

impl GrantState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Code, Self::Active, Self::Ended];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }

    /// The state that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Why a Grant ended, as stored and audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// A code was redeemed twice (RFC 6749 4.1.2).
    CodeReplayed,
    /// A code was tried with a wrong verifier, redirect URI or by another app (RFC 9700 4.5).
    CodeMisused,
    /// An older refresh token came back (RFC 9700 4.14.2).
    RefreshReused,
    /// A refresh token was ahead of the row: the database is older than what was issued.
    RefreshAhead,
    /// The app gave its token back (RFC 7009).
    Revoked,
    /// The user withdrew the consent.
    ConsentWithdrawn,
    /// The browser session ended that it was to live no longer than (OpenID Connect Core 11).
    SessionEnded,
    /// Somebody of the provider's team ended it.
    ByOperator,
    /// The user's password was set anew.
    PasswordSet,
    /// The user is no longer a member of the tenant.
    MembershipEnded,
    /// One of its tokens, or its code, was seen where it must not be.
    Leaked,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::CodeReplayed,
        Self::CodeMisused,
        Self::RefreshReused,
        Self::RefreshAhead,
        Self::Revoked,
        Self::ConsentWithdrawn,
        Self::SessionEnded,
        Self::ByOperator,
        Self::PasswordSet,
        Self::MembershipEnded,
        Self::Leaked,
    ];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CodeReplayed => "code_replayed",
            Self::CodeMisused => "code_misused",
            Self::RefreshReused => "refresh_reused",
            Self::RefreshAhead => "refresh_ahead",
            Self::Revoked => "revoked",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::SessionEnded => "session_ended",
            Self::ByOperator => "by_operator",
            Self::PasswordSet => "password_set",
            Self::MembershipEnded => "membership_ended",
            Self::Leaked => "leaked",
        }
    }

    /// The reason that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// What a code is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeBinding {
    /// When it can no longer be redeemed, in unix milliseconds.
    pub expires_at: UnixMillis,
    /// Where it was sent.
    pub redirect_uri: String,
    /// Whether the request named that URI: then the token request must name it, too (RFC 6749 4.1.3).
    pub redirect_uri_sent: bool,
    /// The PKCE challenge (S256).
    pub challenge: Option<String>,
}

/// How the user signed in, for ID tokens and for the claims of access tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantLogin {
    /// When they acted.
    pub auth_time: UnixMillis,
    /// How.
    pub amr: Vec<Amr>,
    /// What that reaches.
    pub acr: String,
    /// In which browser session; `None` for a password grant.
    pub session: Option<SessionId>,
    /// What apps are told of that session.
    pub sid: Option<String>,
    /// The `nonce` of the request, for the first ID token.
    pub nonce: Option<String>,
    /// Claims that the request asked for by name (OpenID Connect Core 5.5).
    #[serde(default)]
    pub claims: ClaimsRequest,
}

/// The `claims` parameter, reduced to what this server can answer (OpenID Connect Core 5.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimsRequest {
    /// Names asked for at the userinfo endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<String>,
    /// Names asked for in the ID token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<String>,
}

impl ClaimsRequest {
    /// The scopes that cover these claims: what the user is asked for, and what must be granted for them to be told.
    pub fn scopes(&self) -> ScopeSet {
        let names = self.userinfo.iter().chain(&self.id_token);
        let scopes = names.filter_map(|name| userinfo::scope_of(name)).filter_map(Scope::parse);
        scopes.collect::<Vec<_>>().into()
    }

    /// What remains of it for a user who has allowed these scopes.
    #[must_use]
    pub fn within(&self, allowed: &ScopeSet) -> Self {
        let covered = |names: &[String]| {
            let is_covered =
                |name: &&String| userinfo::scope_of(name).is_some_and(|scope| allowed.has(scope));
            names.iter().filter(is_covered).cloned().collect()
        };
        Self { userinfo: covered(&self.userinfo), id_token: covered(&self.id_token) }
    }
}

impl Grant {
    /// Whether the user gets an ID token with it (OpenID Connect Core 3.1.2.1).
    pub fn is_openid(&self) -> bool {
        self.scopes.has("openid")
    }

    /// Whether it ends with the browser session: an OpenID Grant without `offline_access` (OpenID Connect Core 11).
    pub fn ends_with_session(&self) -> bool {
        self.is_openid() && !self.scopes.has("offline_access") && self.login.session.is_some()
    }
}

/// What a user has allowed an app, remembered so that they are asked once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub user: UserId,
    /// Whom.
    pub app: AppId,
    /// For which tenant.
    pub tenant: TenantId,
    /// What.
    pub scopes: ScopeSet,
    /// Since when.
    pub granted_at: UnixMillis,
}
