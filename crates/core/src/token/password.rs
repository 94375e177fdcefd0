//! RFC 6749 4.3, legacy: an app sends its user's password. Off unless a profile says so, never under FAPI, and never a way
//! around what a sign-in would ask for (RFC 9700 2.4 forbids it to new apps).

use crate::access::Access;
use crate::api::Api;
use crate::api::OPENID_SCOPES;
use crate::client_auth::{AuthenticatedApp, Presented};
use crate::client_metadata::Tenancy;
use crate::decision::{AuditEvent, Decision, Write};
use crate::document::Open;
use crate::env::Env;
use crate::environment::Environment;
use crate::error::{Denial, OAuthError, Reason};
use crate::gate;
use crate::grant::{ClaimsRequest, Grant, GrantLogin, GrantState};
use crate::id::GrantId;
use crate::id_token::{self, Occasion};
use crate::issue::{Holder, Issue, grant_ends_at, is_refreshable, issue};
use crate::profile::GrantType;
use crate::scope::{Scope, ScopeSet};
use crate::tenant::Tenant;
use crate::token::{Granted, TokenRequest, grant_is_on};
use crate::user::{Evidence, User};

/// What the decision needs to know.
pub struct Facts<'a> {
    /// Where.
    pub environment: &'a Environment,
    /// How the app has authenticated.
    pub presented: &'a Presented,
    /// The API of the request.
    pub api: &'a Api,
    /// The app's tenant.
    pub tenant: &'a Tenant,
    /// Its accesses.
    pub accesses: &'a [Access],
    /// The user whose password was right.
    pub user: &'a User,
    /// How the app knows the user.
    pub sub: &'a str,
    /// What the password has proved.
    pub evidence: &'a Evidence,
    /// What the user would have to accept at a sign-in now.
    pub open_documents: &'a [Open<'a>],
}

/// Whether the app may use this grant at that API at all: asked before a password is looked at.
///
/// # Errors
/// `unsupported_grant_type` or `unauthorized_client`.
pub fn is_on(client: &AuthenticatedApp<'_>, api: &Api, presented: &Presented) -> Result<(), Denial> {
    if api.profile.fapi2 {
        return Err(Denial::new(OAuthError::UnsupportedGrantType, Reason::GrantNotInProfile));
    }
    // Nobody would be asked for which of their tenants they sign in.
    if client.app().metadata.tenancy == Tenancy::Members {
        return Err(Denial::new(OAuthError::UnauthorizedClient, Reason::NoTenant));
    }
    grant_is_on(GrantType::Password, client.app(), api, presented)
}

/// Decides the grant for a user whose password was right.
pub fn grant<'a>(
    request: &TokenRequest,
    client: &AuthenticatedApp<'a>,
    facts: &Facts<'a>,
    env: &mut Env<'_>,
) -> Decision<(Granted<'a>, Grant)> {
    match granted(request, client, facts, env) {
        Err(denial) => Decision::refuse(denial),
        Ok((granted, grant)) => {
            let event = AuditEvent::new("grant.create", grant.id.to_string())
                .detail("client_id", client.app().client_id.as_str())
                .detail("user", grant.user.to_string())
                .detail("origin", "password");
            let write = Write::InsertGrant(Box::new(grant.clone()), None);
            Decision::ok((granted, grant)).write(write).event(event)
        }
    }
}

fn granted<'a>(
    request: &TokenRequest,
    client: &AuthenticatedApp<'a>,
    facts: &Facts<'a>,
    env: &mut Env<'_>,
) -> Result<(Granted<'a>, Grant), Denial> {
    let (app, api) = (client.app(), facts.api);
    is_on(client, api, facts.presented)?;
    if !facts.user.status.is_active() || facts.user.id != facts.evidence.user {
        return Err(Denial::new(OAuthError::InvalidGrant, Reason::UserSuspended));
    }
    if !facts.open_documents.is_empty() {
        return Err(Denial::telling(
            OAuthError::InvalidGrant,
            Reason::DocumentsOpen,
            "The user has terms or a data-protection policy to accept. Let them sign in through the browser once.",
        ));
    }
    let access = gate::for_user(facts.tenant, facts.accesses, api)?;
    let allowed = app.scopes.intersection(&access.scopes).intersection(&api.scope_set());
    let scopes = scopes(request.scopes.as_ref(), &allowed, &api.server_scopes)?;
    let refreshable = is_refreshable(app, api, GrantType::Password);
    let grant = Grant {
        id: GrantId::generate(env),
        environment: facts.environment.id,
        app: app.id,
        tenant: facts.tenant.id,
        user: facts.user.id,
        api: Some(api.id),
        origin: GrantType::Password,
        scopes: scopes.clone(),
        state: GrantState::Active,
        epoch: 0,
        generation: i64::from(refreshable),
        rotated_at: env.now,
        nonce: env.bytes(),
        ends_at: grant_ends_at(app, api, access, (GrantType::Password, facts.evidence.auth_time), env.now),
        code: None,
        login: GrantLogin {
            auth_time: facts.evidence.auth_time,
            amr: facts.evidence.amr.clone(),
            acr: facts.evidence.acr().to_owned(),
            session: None,
            sid: None,
            nonce: None,
            claims: ClaimsRequest::default(),
        },
        created_at: env.now,
        ended_reason: None,
    };
    let draft = issue(
        Issue {
            environment: facts.environment,
            api,
            app,
            tenant: facts.tenant,
            access,
            scopes,
            asked: None,
            holder: Holder::User { user: facts.user, sub: facts.sub, grant: &grant },
        },
        env,
    );
    let id_token = grant.is_openid().then(|| {
        let parties = (facts.environment, app);
        id_token::draft(parties, (facts.user, facts.sub), &grant, Occasion::First, env.now)
    });
    Ok((Granted { draft, access, refresh: refreshable.then_some(1), id_token }, grant))
}

/// What was asked for, if all of it is allowed; nothing asked is all that is allowed.
fn scopes(asked: Option<&ScopeSet>, allowed: &ScopeSet, added: &ScopeSet) -> Result<ScopeSet, Denial> {
    let Some(asked) = asked else { return Ok(allowed.clone()) };
    let is_openid = |scope: &Scope| OPENID_SCOPES.contains(&scope.as_str());
    let known = |scope: &Scope| is_openid(scope) || allowed.contains(scope) || added.contains(scope);
    if !asked.iter().all(known) {
        return Err(Denial::new(OAuthError::InvalidScope, Reason::ScopeNotAllowed));
    }
    Ok(asked.clone())
}
