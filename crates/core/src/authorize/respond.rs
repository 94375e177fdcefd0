//! The answer to an authorization request: a code and the Grant behind it, or an error. Both carry `iss` (RFC 9207).

use crate::access::Access;
use crate::api::Api;
use crate::app::App;
use crate::authorize::interaction::Done;
use crate::authorize::request::{AuthorizationRequest, ReplyTo, ResponseMode};
use crate::decision::{AuditEvent, Decision, Write};
use crate::env::Env;
use crate::environment::{Environment, Issuer};
use crate::error::{Denial, OAuthError};
use crate::gate;
use crate::grant::{CODE_SECONDS, CodeBinding, Consent, Grant, GrantLogin, GrantState};
use crate::id::{GrantId, TenantId};
use crate::issue;
use crate::profile::GrantType;
use crate::scope::{Scope, ScopeSet};
use crate::secret::{Brand, CredentialType, PepperRing, Secret};
use crate::session::Session;
use crate::tenant::Tenant;

/// Parameters for a redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Where.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What, in order.
    pub parameters: Vec<(&'static str, String)>,
}

impl Reply {
    /// A code.
    pub fn code(to: &ReplyTo, code: &Secret, issuer: &Issuer) -> Self {
        Self::new(to, vec![("code", code.reveal().to_owned())], issuer)
    }

    /// A refusal (RFC 6749 4.1.2.1).
    pub fn error(to: &ReplyTo, denial: &Denial, issuer: &Issuer) -> Self {
        // A failed gate speaks of the app's tenant; here there is nobody who could authenticate better.
        let error = match denial.error {
            OAuthError::InvalidClient => OAuthError::AccessDenied,
            other => other,
        };
        let description = denial.hint.unwrap_or(error.description());
        let parameters =
            vec![("error", error.code().to_owned()), ("error_description", description.to_owned())];
        Self::new(to, parameters, issuer)
    }

    fn new(to: &ReplyTo, mut parameters: Vec<(&'static str, String)>, issuer: &Issuer) -> Self {
        // No state in, no state out.
        parameters.extend(to.state.clone().map(|state| ("state", state)));
        parameters.push(("iss", issuer.as_str().to_owned()));
        Self { redirect_uri: to.redirect_uri.clone(), mode: to.mode, parameters }
    }

    /// The URL of a redirect: the registered query stays (RFC 6749 3.1.2).
    pub fn location(&self) -> String {
        let mut url = self.redirect_uri.clone();
        let mut separator = match url.find('?') {
            None => '?',
            Some(at) if at + 1 == url.len() => '\0',
            Some(_) => '&',
        };
        for (name, value) in &self.parameters {
            if separator != '\0' {
                url.push(separator);
            }
            separator = '&';
            url.push_str(name);
            url.push('=');
            crate::form::encode_component(value, &mut url);
        }
        url
    }
}

/// What the answer needs to know.
pub struct Facts<'a> {
    /// Where.
    pub environment: &'a Environment,
    /// Who asks.
    pub app: &'a App,
    /// For which API.
    pub api: &'a Api,
    /// For which tenant.
    pub tenant: &'a Tenant,
    /// Its accesses.
    pub accesses: &'a [Access],
    /// The session in which the user is signed in.
    pub session: &'a Session,
    /// The hash keys of the environment.
    pub peppers: &'a PepperRing,
    /// The first part of every credential.
    pub brand: &'a Brand,
}

/// Grants what the user has allowed, and makes the code. The Grant is one row for its whole life.
pub fn grant(
    request: &AuthorizationRequest,
    done: &Done,
    facts: &Facts<'_>,
    env: &mut Env<'_>,
) -> Decision<Secret> {
    let access = match gate::for_user(facts.tenant, facts.accesses, facts.api) {
        Ok(access) => access,
        Err(denial) => return Decision::refuse(denial),
    };
    let code = Secret::generate(facts.brand, CredentialType::Code, facts.environment.stage, env);
    let hash = facts.peppers.hash(CredentialType::Code, code.reveal());
    let grant = Grant {
        id: GrantId::generate(env),
        environment: facts.environment.id,
        app: facts.app.id,
        tenant: facts.tenant.id,
        user: done.evidence.user,
        api: request.api,
        origin: GrantType::AuthorizationCode,
        // What was allowed for a claim alone widens no token.
        scopes: done.scopes.intersection(&request.scopes),
        state: GrantState::Code,
        epoch: 0,
        generation: 0,
        rotated_at: env.now,
        nonce: env.bytes(),
        ends_at: issue::grant_ends_at(
            facts.app,
            facts.api,
            access,
            (GrantType::AuthorizationCode, done.evidence.auth_time),
            env.now,
        ),
        code: Some(CodeBinding {
            expires_at: env.now.plus_seconds(CODE_SECONDS),
            redirect_uri: request.reply_to.redirect_uri.clone(),
            redirect_uri_sent: request.reply_to.redirect_uri_sent,
            challenge: request.challenge.clone(),
        }),
        login: GrantLogin {
            auth_time: done.evidence.auth_time,
            amr: done.evidence.amr.clone(),
            acr: done.evidence.acr().to_owned(),
            session: Some(facts.session.id),
            sid: Some(facts.session.sid.clone()),
            nonce: request.nonce.clone(),
            claims: request.claims.within(&done.scopes),
        },
        created_at: env.now,
        ended_reason: None,
    };
    let event = AuditEvent::new("grant.create", grant.id.to_string())
        .detail("client_id", facts.app.client_id.as_str())
        .detail("user", grant.user.to_string())
        .detail("tenant", grant.tenant.to_string())
        .detail("scope", grant.scopes.to_string());
    Decision::ok(code).write(Write::InsertGrant(Box::new(grant), Some(hash))).event(event)
}

/// What is remembered of the user's consent: what was allowed now, and what was allowed before for this tenant and not
/// asked for again. What was asked for and left out is taken back; what needs no consent is not remembered.
pub fn remember(
    (request, done): (&AuthorizationRequest, &Done),
    (app, tenant): (&App, TenantId),
    before: Option<&Consent>,
    server_scopes: &ScopeSet,
    env: &Env<'_>,
) -> Consent {
    let needs = |scope: &&Scope| !server_scopes.contains(scope);
    let now: ScopeSet = done.scopes.iter().filter(needs).cloned().collect::<Vec<_>>().into();
    let asked = request.permissions();
    let untouched = |before: &Consent| -> ScopeSet {
        before.scopes.iter().filter(|scope| !asked.contains(scope)).cloned().collect::<Vec<_>>().into()
    };
    Consent {
        user: done.evidence.user,
        app: app.id,
        tenant,
        scopes: before.map_or_else(|| now.clone(), |before| untouched(before).union(&now)),
        granted_at: env.now,
    }
}
