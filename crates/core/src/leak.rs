//! What is done about a credential that has leaked: by what it is, and by the environment's policy.
//!
//! Only a genuine credential comes here: whoever has not seen it can cause nothing. Whoever has seen it can cause what its
//! owner could: a user's token ends that user's Grant, never what the app has of others.

use crate::api_key::ApiKey;
use crate::app::{App, SecretVersion};
use crate::claims::AccessClaims;
use crate::decision::{StatusChange, Write};
use crate::env::UnixMillis;
use crate::environment::OnLeak;
use crate::grant::{EndReason, Grant, GrantState};
use crate::id::{AppId, OperatorId, TenantId};
use crate::incident::{LeakedKind, Measure};
use crate::introspect::Revoked;
use crate::tenant::{Status, Tenant};

/// Why a leaked credential was ended, as the partner and the audit read it.
pub const REASON: &str = "it was seen where it must not be";

/// A genuine credential that has leaked, with the facts about it.
pub enum Leaked<'a> {
    /// A version of an app's secret.
    Secret(&'a App, &'a SecretVersion),
    /// An API key, and its tenant.
    Key(&'a ApiKey, &'a Tenant),
    /// An access token of an app itself.
    AppToken(&'a App, &'a AccessClaims, Revoked),
    /// An access token of a user.
    UserToken(&'a App, &'a Grant, &'a AccessClaims, Revoked),
    /// A refresh token of a Grant.
    RefreshToken(&'a App, &'a Grant),
    /// The code of a Grant.
    Code(&'a App, &'a Grant),
    /// An operator's token.
    Operator(OperatorId, Others),
}

/// Whether anybody else could still run the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// There is another operator who may do everything, or this one may not either.
    Some,
    /// It is the only one who may do everything.
    None,
}

/// What was decided.
pub struct Response {
    /// Whether the credential could be used until now.
    pub alive: bool,
    /// What is done.
    pub measures: Vec<Measure>,
    /// The same, as writes.
    pub writes: Vec<Write>,
}

impl Leaked<'_> {
    /// What it is.
    pub fn kind(&self) -> LeakedKind {
        match self {
            Self::Secret(..) => LeakedKind::ClientSecret,
            Self::Key(..) => LeakedKind::ApiKey,
            Self::AppToken(..) | Self::UserToken(..) => LeakedKind::AccessToken,
            Self::RefreshToken(..) => LeakedKind::RefreshToken,
            Self::Code(..) => LeakedKind::Code,
            Self::Operator(..) => LeakedKind::OperatorToken,
        }
    }

    /// The one text that names what an incident is about; see [`crate::incident`].
    pub fn subject(&self) -> String {
        match self {
            Self::Secret(app, version) => format!("secret:{}/{}", app.id, version.version),
            Self::Key(key, _) => format!("key:{}", key.id),
            Self::Operator(id, _) => format!("operator:{id}"),
            Self::AppToken(app, ..)
            | Self::UserToken(app, ..)
            | Self::RefreshToken(app, _)
            | Self::Code(app, _) => format!("{}:{}", self.kind().as_str(), app.id),
        }
    }

    /// The app that it belongs to.
    pub fn app(&self) -> Option<&App> {
        match self {
            Self::Secret(app, _)
            | Self::AppToken(app, ..)
            | Self::UserToken(app, ..)
            | Self::RefreshToken(app, _)
            | Self::Code(app, _) => Some(app),
            Self::Key(..) | Self::Operator(..) => None,
        }
    }

    /// Whose it is.
    pub fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Key(key, _) => Some(key.tenant),
            _ => self.app().map(|app| app.tenant),
        }
    }

    /// Whether it can be used, or could be again after a resume.
    fn is_alive(&self, now: UnixMillis) -> bool {
        let unended = |claims: &AccessClaims, revoked: Revoked, app: &App| {
            claims.exp > now.seconds() && revoked == Revoked::No && claims.rev.app >= app.epoch
        };
        match self {
            Self::Secret(app, version) => {
                app.status != Status::Closed
                    && version.ended_at.is_none()
                    && version.expires_at.is_none_or(|end| now < end)
            }
            Self::Key(key, _) => key.status != Status::Closed && now < key.expires_at,
            Self::AppToken(app, claims, revoked) => unended(claims, *revoked, app),
            Self::UserToken(app, grant, claims, revoked) => {
                unended(claims, *revoked, app) && claims.rev.gnt >= grant.epoch
            }
            Self::RefreshToken(_, grant) => grant.state == GrantState::Active && now < grant.ends_at,
            Self::Code(_, grant) => {
                let waits = grant.code.as_ref().is_some_and(|code| now < code.expires_at);
                grant.state == GrantState::Code && waits
            }
            Self::Operator(..) => true,
        }
    }
}

/// Decides what is done.
pub fn respond(leaked: &Leaked<'_>, policy: OnLeak, now: UnixMillis) -> Response {
    let mut response = Response { alive: leaked.is_alive(now), measures: Vec::new(), writes: Vec::new() };
    if !response.alive {
        return response;
    }
    // An operator's token opens everything and belongs to no environment: no policy keeps it. But a report never locks the
    // installation's own people out: the only one stays, and the incident says so.
    if let Leaked::Operator(id, others) = leaked {
        match others {
            Others::Some => response.act(Measure::OperatorEnded, Write::EndOperator(*id, now)),
            Others::None => response.measures.push(Measure::OperatorKept),
        }
        return response;
    }
    if policy == OnLeak::Record {
        return response;
    }
    match leaked {
        Leaked::Secret(app, version) => {
            let end = Write::EndSecret { app: app.id, version: version.version, at: now };
            response.act(Measure::SecretEnded, end);
            response.end_tokens(app.id);
        }
        Leaked::Key(key, _) => {
            let change = StatusChange { id: key.id, from: key.status, to: Status::Closed };
            response.act(Measure::KeyRevoked, Write::SetApiKeyStatus(change, Some(REASON.to_owned())));
        }
        Leaked::AppToken(app, claims, _) => {
            response.revoke(app, claims);
            // Whoever wrote down one token of an app has written down its others.
            response.end_tokens(app.id);
        }
        Leaked::UserToken(app, grant, claims, _) => {
            response.revoke(app, claims);
            response.end_grant(grant, now);
        }
        Leaked::RefreshToken(_, grant) | Leaked::Code(_, grant) => response.end_grant(grant, now),
        Leaked::Operator(..) => {}
    }
    if policy == OnLeak::Suspend {
        response.suspend(leaked);
    }
    response
}

impl Response {
    fn act(&mut self, measure: Measure, write: Write) {
        self.measures.push(measure);
        self.writes.push(write);
    }

    fn end_tokens(&mut self, app: AppId) {
        self.act(Measure::TokensEnded, Write::EndAppTokens(app));
    }

    fn revoke(&mut self, app: &App, claims: &AccessClaims) {
        let (jti, expires_at) = (claims.jti.clone(), claims.exp);
        let revoke = Write::RevokeToken { environment: app.environment, jti, expires_at };
        self.act(Measure::TokenRevoked, revoke);
    }

    fn end_grant(&mut self, grant: &Grant, at: UnixMillis) {
        if grant.state != GrantState::Ended {
            let end = Write::EndGrant { grant: grant.id, reason: EndReason::Leaked, at };
            self.act(Measure::GrantEnded, end);
        }
    }

    /// Suspends who held it: an app for what is its own, a tenant for its key. Nobody is suspended for a user's token, which
    /// any user of the app could report.
    fn suspend(&mut self, leaked: &Leaked<'_>) {
        let (from, to) = (Status::Active, Status::Suspended);
        match leaked {
            Leaked::Secret(app, _) | Leaked::AppToken(app, ..) if app.status == from => {
                let change = StatusChange { id: app.id, from, to };
                self.act(Measure::AppSuspended, Write::SetAppStatus(change));
            }
            Leaked::Key(_, tenant) if tenant.status == from => {
                let change = StatusChange { id: tenant.id, from, to };
                self.act(Measure::TenantSuspended, Write::SetTenantStatus(change));
            }
            _ => {}
        }
    }
}
