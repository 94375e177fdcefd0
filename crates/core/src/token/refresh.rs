//! RFC 6749 6: ROTATION AND REUSE ARE DECIDED HERE.
//!
//! A genuine token of an older generation proves its own reuse and ends the Grant (RFC 9700 4.14.2), except the one before
//! the current within a short grace: an answer that was lost, which gets the identical successor and opens no second branch.
//! A generation ahead of the row means that the database is older than what was issued. A forged token proves nothing and
//! harms nobody.

use crate::access::Access;
use crate::api::Api;
use crate::client_auth::{AuthenticatedApp, Presented};
use crate::decision::{AuditEvent, Decision, Write};
use crate::document::{self, Open};
use crate::env::Env;
use crate::environment::Environment;
use crate::error::{Denial, OAuthError, Reason};
use crate::gate;
use crate::grant::{EndReason, GRACE_SECONDS, Grant, GrantState};
use crate::id_token::{self, Occasion};
use crate::issue::{Holder, Issue, is_refreshable, issue, live_scopes};
use crate::profile::{ClientAuthMethod, Rotation};
use crate::refresh_token::RefreshToken;
use crate::scope::ScopeSet;
use crate::secret::PepperRing;
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
    /// What the token says of itself.
    pub token: RefreshToken,
    /// The Grant that it names.
    pub grant: &'a Grant,
    /// The hash keys of the environment.
    pub peppers: &'a PepperRing,
    /// The Grant's API.
    pub api: &'a Api,
    /// Its tenant.
    pub tenant: &'a Tenant,
    /// That tenant's accesses.
    pub accesses: &'a [Access],
    /// Its user.
    pub user: &'a User,
    /// How the app knows the user.
    pub sub: &'a str,
    /// Its browser session, if that is still there.
    pub session: Option<&'a Session>,
    /// Where the user is a member; looked at for an app of all partners.
    pub memberships: &'a [Membership],
    /// What the user would have to accept at a sign-in now.
    pub open_documents: &'a [Open<'a>],
}

/// A refresh token that nobody has: unknown, misspelled, of another environment, or no refresh token at all.
pub const UNKNOWN: Denial = Denial::new(OAuthError::InvalidGrant, Reason::RefreshUnknown);

/// Decides a refresh. A refusal may end the Grant.
pub fn refresh<'a>(
    request: &TokenRequest,
    client: &AuthenticatedApp<'a>,
    facts: &Facts<'a>,
    env: &mut Env<'_>,
) -> Decision<Granted<'a>> {
    let (grant, app) = (facts.grant, client.app());
    if grant.environment != facts.environment.id || !facts.token.is_genuine(grant, facts.peppers) {
        return Decision::refuse(UNKNOWN);
    }
    let refuse = |reason| Decision::refuse(Denial::new(OAuthError::InvalidGrant, reason));
    if grant.app != app.id {
        return refuse(Reason::RefreshOfOtherApp);
    }
    if grant.state != GrantState::Active || env.now >= grant.ends_at {
        return refuse(Reason::GrantEnded);
    }
    let turn = match turn(facts, env) {
        Ok(turn) => turn,
        Err((why, reason)) => {
            let event = AuditEvent::new("grant.end", grant.id.to_string())
                .detail("reason", why.as_str())
                .detail("presented", facts.token.generation)
                .detail("current", grant.generation);
            return refuse(reason)
                .write(Write::EndGrant { grant: grant.id, reason: why, at: env.now })
                .event(event);
        }
    };
    match granted(request, client, facts, env) {
        Err(denial) => Decision::refuse(denial),
        Ok(mut granted) => match turn {
            Turn::Keep => {
                granted.refresh = Some(grant.generation);
                Decision::ok(granted)
            }
            Turn::Rotate => {
                granted.refresh = Some(grant.generation + 1);
                Decision::ok(granted).write(Write::AdvanceRefresh {
                    grant: grant.id,
                    from: grant.generation,
                    at: env.now,
                })
            }
        },
    }
}

/// What happens to the generation.
enum Turn {
    /// It rises.
    Rotate,
    /// It stays: the policy, or the grace of a lost answer.
    Keep,
}

fn turn(facts: &Facts<'_>, env: &Env<'_>) -> Result<Turn, (EndReason, Reason)> {
    let (presented, current) = (facts.token.generation, facts.grant.generation);
    let profile = &facts.api.profile;
    // Whoever proves nothing must not hold a token that stays: without rotation no theft would ever show (RFC 9700 2.2.2).
    let proves_nothing = facts.presented.method() == ClientAuthMethod::None;
    let rotates = proves_nothing || profile.refresh.rotation == Rotation::Always;
    // A grace is for lost answers of rotating tokens; under FAPI nothing rotates (FAPI 2.0 5.3.2.1).
    let grace = rotates && !profile.fapi2 && env.now < facts.grant.rotated_at.plus_seconds(GRACE_SECONDS);
    if presented > current {
        return Err((EndReason::RefreshAhead, Reason::RefreshAhead));
    }
    if presented == current {
        return Ok(if rotates { Turn::Rotate } else { Turn::Keep });
    }
    // Generation 1 came with the code and replaced none.
    if current > 1 && presented + 1 == current && grace {
        return Ok(Turn::Keep);
    }
    Err((EndReason::RefreshReused, Reason::RefreshReused))
}

/// The tokens, if everything behind the Grant still holds.
fn granted<'a>(
    request: &TokenRequest,
    client: &AuthenticatedApp<'a>,
    facts: &Facts<'a>,
    env: &mut Env<'_>,
) -> Result<Granted<'a>, Denial> {
    let (grant, app) = (facts.grant, client.app());
    let refuse = |reason| Err(Denial::new(OAuthError::InvalidGrant, reason));
    if !is_refreshable(app, facts.api, grant.origin) {
        return Err(Denial::new(OAuthError::UnauthorizedClient, Reason::RefreshNotAllowed));
    }
    super::grant_is_on(grant.origin, app, facts.api, facts.presented)?;
    if !facts.user.status.is_active() || facts.user.id != grant.user {
        return refuse(Reason::UserSuspended);
    }
    belongs(app, facts.memberships, grant.tenant)?;
    session_lives(grant, facts.session, env.now)?;
    if !document::within_grace(facts.open_documents, env.now) {
        return Err(Denial::telling(
            OAuthError::InvalidGrant,
            Reason::DocumentsOpen,
            "There is a new version of the terms or of the data-protection policy. Let the user sign in again to accept it.",
        ));
    }
    resource_fits(request, facts.api)?;
    let access = gate::for_refresh(facts.tenant, facts.accesses, facts.api)?;
    let live = live_scopes(&grant.scopes, app, access, facts.api);
    // What the server adds is in every token and in every answer: an app may repeat what it was told.
    let granted = grant.scopes.union(&facts.api.server_scopes);
    let scopes = narrow(request.scopes.as_ref(), &live, &granted)?;
    let with_id_token = scopes.has("openid");
    let draft = issue(
        Issue {
            environment: facts.environment,
            api: facts.api,
            app,
            tenant: facts.tenant,
            access,
            scopes,
            asked: None,
            holder: Holder::User { user: facts.user, sub: facts.sub, grant },
        },
        env,
    );
    let id_token = with_id_token.then(|| {
        let parties = (facts.environment, app);
        id_token::draft(parties, (facts.user, facts.sub), grant, Occasion::Refresh, env.now)
    });
    Ok(Granted { draft, access, refresh: None, id_token })
}

/// RFC 6749 6: never more than was granted; what is left out means all of it, not the last narrowed list. A scope that was
/// granted and since withdrawn by the provider is dropped, not refused.
fn narrow(asked: Option<&ScopeSet>, live: &ScopeSet, granted: &ScopeSet) -> Result<ScopeSet, Denial> {
    match asked {
        None => Ok(live.clone()),
        Some(asked) if asked.is_subset(granted) => Ok(asked.intersection(live)),
        Some(_) => Err(Denial::new(OAuthError::InvalidScope, Reason::ScopeNotAllowed)),
    }
}
