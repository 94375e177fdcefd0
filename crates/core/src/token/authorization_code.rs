//! RFC 6749 4.1.3: an app redeems a code. Once, by the app that got it, with what it was bound to.

use crate::access::Access;
use crate::api::Api;
use crate::client_auth::{AuthenticatedApp, Presented};
use crate::decision::{AuditEvent, Decision, Write};
use crate::env::{Env, UnixMillis};
use crate::environment::Environment;
use crate::error::{Denial, OAuthError, Reason};
use crate::gate;
use crate::grant::{CodeBinding, EndReason, Grant, GrantState};
use crate::id_token::{self, Occasion};
use crate::issue::{Holder, Issue, is_refreshable, issue, live_scopes};
use crate::pkce;
use crate::session::Session;
use crate::tenant::Tenant;
use crate::token::{Granted, TokenRequest, belongs, resource_fits, session_lives};
use crate::user::{Membership, User};

/// What the decision needs to know. All of it belongs to the Grant, not to the request.
pub struct Facts<'a> {
    /// Where.
    pub environment: &'a Environment,
    /// How the app has authenticated.
    pub presented: &'a Presented,
    /// The Grant that holds the code.
    pub grant: &'a Grant,
    /// Its API.
    pub api: &'a Api,
    /// Its tenant.
    pub tenant: &'a Tenant,
    /// That tenant's accesses.
    pub accesses: &'a [Access],
    /// Its user.
    pub user: &'a User,
    /// How the app knows the user.
    pub sub: &'a str,
    /// Where the user is a member; looked at for an app of all partners.
    pub memberships: &'a [Membership],
    /// The browser session of the log-in, if its row is still there.
    pub session: Option<&'a Session>,
}

/// A code that nobody has: unknown, pruned, or not a code at all.
pub const UNKNOWN: Denial = Denial::new(OAuthError::InvalidGrant, Reason::CodeUnknown);

/// Decides the redemption. A refusal may end the Grant: a replayed code ends what came of it (RFC 6749 4.1.2), a code that
/// its own app presents wrongly is burnt (RFC 9700 4.5). Another app's attempt changes nothing: nobody may end the log-in of
/// somebody else's user by guessing at codes.
pub fn redeem<'a>(
    request: &TokenRequest,
    client: &AuthenticatedApp<'a>,
    facts: &Facts<'a>,
    env: &mut Env<'_>,
) -> Decision<Granted<'a>> {
    let (grant, app) = (facts.grant, client.app());
    let refuse = |reason| Decision::refuse(Denial::new(OAuthError::InvalidGrant, reason));
    if grant.app != app.id || grant.environment != facts.environment.id {
        return refuse(Reason::CodeOfOtherApp);
    }
    let binding = match (grant.state, &grant.code) {
        (GrantState::Code, Some(binding)) => binding,
        (GrantState::Active, _) => return end(facts, EndReason::CodeReplayed, Reason::CodeReplayed, env),
        _ => return refuse(Reason::GrantEnded),
    };
    if env.now >= binding.expires_at {
        return refuse(Reason::CodeExpired);
    }
    if !redirect_uri_fits(request.redirect_uri.as_deref(), binding) {
        return end(facts, EndReason::CodeMisused, Reason::RedirectUriChanged, env);
    }
    // RFC 7636 4.6, RFC 9700 2.1.1: both or neither, so that stripping the challenge gains nothing.
    let proved = match (&binding.challenge, &request.code_verifier) {
        (Some(challenge), Some(verifier)) => pkce::verifies(verifier, challenge),
        (None, None) => true,
        _ => false,
    };
    if !proved {
        return end(facts, EndReason::CodeMisused, Reason::VerifierMismatch, env);
    }
    if let Err(denial) = may_use(request, client, facts, env.now) {
        return Decision::refuse(denial);
    }
    let access = match gate::for_user(facts.tenant, facts.accesses, facts.api) {
        Ok(access) => access,
        Err(denial) => return Decision::refuse(denial),
    };
    let generation = i64::from(is_refreshable(app, facts.api, grant.origin) && env.now < grant.ends_at);
    let holder = Holder::User { user: facts.user, sub: facts.sub, grant };
    let draft = issue(
        Issue {
            environment: facts.environment,
            api: facts.api,
            app,
            tenant: facts.tenant,
            access,
            scopes: live_scopes(&grant.scopes, app, access, facts.api),
            asked: None,
            holder,
        },
        env,
    );
    let id_token = grant.is_openid().then(|| {
        let parties = (facts.environment, app);
        id_token::draft(parties, (facts.user, facts.sub), grant, Occasion::First, env.now)
    });
    let event = AuditEvent::new("grant.redeem", grant.id.to_string())
        .detail("client_id", app.client_id.as_str())
        .detail("user", grant.user.to_string());
    Decision::ok(Granted { draft, access, refresh: (generation > 0).then_some(generation), id_token })
        .write(Write::RedeemCode { grant: grant.id, generation, at: env.now })
        .event(event)
}

/// RFC 6749 4.1.3: if the authorization request named the URI, the token request names the same one.
fn redirect_uri_fits(sent: Option<&str>, binding: &CodeBinding) -> bool {
    match sent {
        Some(sent) => sent == binding.redirect_uri,
        None => !binding.redirect_uri_sent,
    }
}

/// Whether app, API and user still go together.
fn may_use(
    request: &TokenRequest,
    client: &AuthenticatedApp<'_>,
    facts: &Facts<'_>,
    now: UnixMillis,
) -> Result<(), Denial> {
    super::grant_is_on(request.grant, client.app(), facts.api, facts.presented)?;
    resource_fits(request, facts.api)?;
    if !facts.user.status.is_active() || facts.user.id != facts.grant.user {
        return Err(Denial::new(OAuthError::InvalidGrant, Reason::UserSuspended));
    }
    // Who signed out, or left the tenant, in the minute since: the code was made from what was true before.
    belongs(client.app(), facts.memberships, facts.grant.tenant)?;
    session_lives(facts.grant, facts.session, now)
}

fn end<'a>(facts: &Facts<'_>, why: EndReason, reason: Reason, env: &Env<'_>) -> Decision<Granted<'a>> {
    let event = AuditEvent::new("grant.end", facts.grant.id.to_string()).detail("reason", why.as_str());
    Decision::refuse(Denial::new(OAuthError::InvalidGrant, reason))
        .write(Write::EndGrant { grant: facts.grant.id, reason: why, at: env.now })
        .event(event)
}
