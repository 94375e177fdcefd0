//! Tokens of users: a code is redeemed, a Grant refreshed, a password exchanged. Each loads by what was presented, decides,
//! seals before it commits (a signature that fails must not burn a refresh token), and decides again when somebody else was
//! faster: the second look sees what they did.

use std::sync::Arc;

use grantor_core::api::{self, Api, Target};
use grantor_core::client_auth::AuthenticatedApp;
use grantor_core::client_metadata::Tenancy;
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::document;
use grantor_core::document::Acceptance;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::grant::Grant;
use grantor_core::id::{TenantId, UserId};
use grantor_core::password::PresentedPassword;
use grantor_core::refresh_token::{RefreshToken, spell_refresh_token};
use grantor_core::secret::{CredentialType, Secret, Spelling};
use grantor_core::subject::subject;
use grantor_core::token::{Granted, TokenRequest, authorization_code, password, refresh};
use grantor_core::user::Membership;

use super::{IssuedToken, TokenCall, count, seal, sign_id_token, within_quota};
use crate::cache::TenantFacts;
use crate::flow::browser::{Browser, BrowserCall};
use crate::flow::{Fault, FlowError, sign_in};
use crate::node::{Actor, Node};

/// How often a decision is made anew before the answer is "not now".
const TRIES: usize = 3;

/// RFC 6749 4.1.3.
pub(super) async fn redeem(
    node: &Node,
    call: &TokenCall<'_>,
    client: &AuthenticatedApp<'_>,
    request: &TokenRequest,
) -> Result<IssuedToken, FlowError> {
    let state = call.state;
    let code = request.code.as_ref().map_or("", Secret::reveal);
    let spelled = Spelling::parse(&node.brand, code);
    if !spelled.is_some_and(|spelling| spelling.kind == CredentialType::Code) {
        return Err(authorization_code::UNKNOWN.into());
    }
    for _ in 0..TRIES {
        let mut found = None;
        for hash in state.keys.peppers.candidates(CredentialType::Code, code) {
            found = node.store.code_facts(state.environment.id, hash.mac).await?;
            if found.is_some() {
                break;
            }
        }
        let found = found.ok_or(authorization_code::UNKNOWN)?;
        let (api, tenant) = behind(node, call, &found.grant).await?;
        let sub = subject(found.user.id, client.app(), &state.keys.pairwise);
        let facts = authorization_code::Facts {
            environment: &state.environment,
            presented: call.presented,
            grant: &found.grant,
            api: &api,
            tenant: &tenant.tenant,
            accesses: &tenant.accesses,
            user: &found.user,
            sub: &sub,
            memberships: &memberships(node, client, found.user.id).await?,
            session: found.session.as_ref(),
        };
        let decision = node.decide(|env| authorization_code::redeem(request, client, &facts, env));
        let decided = Decided { outcome: decision.outcome, writes: decision.writes, events: decision.events };
        if let Some(answer) = conclude(node, call, client, decided, &found.grant).await? {
            return Ok(answer);
        }
    }
    Err(Fault::Conflict.into())
}

/// RFC 6749 6.
pub(super) async fn refresh(
    node: &Node,
    call: &TokenCall<'_>,
    client: &AuthenticatedApp<'_>,
    request: &TokenRequest,
) -> Result<IssuedToken, FlowError> {
    let state = call.state;
    let presented = request.refresh_token.as_ref().map_or("", Secret::reveal);
    let token =
        RefreshToken::parse(presented, &node.brand, state.environment.stage).ok_or(refresh::UNKNOWN)?;
    for _ in 0..TRIES {
        let found = node.store.refresh_facts(state.environment.id, token.grant).await?;
        let (found, accepted) = found.ok_or(refresh::UNKNOWN)?;
        let (api, tenant) = behind(node, call, &found.grant).await?;
        let sub = subject(found.user.id, client.app(), &state.keys.pairwise);
        let catalogue = node.catalogue_full();
        let open = document::open(&catalogue.documents, Some(found.grant.tenant), &accepted, node.now());
        let facts = refresh::Facts {
            environment: &state.environment,
            presented: call.presented,
            token,
            grant: &found.grant,
            peppers: &state.keys.peppers,
            api: &api,
            tenant: &tenant.tenant,
            accesses: &tenant.accesses,
            user: &found.user,
            sub: &sub,
            session: found.session.as_ref(),
            memberships: &memberships(node, client, found.user.id).await?,
            open_documents: &open,
        };
        let decision = node.decide(|env| refresh::refresh(request, client, &facts, env));
        if decision
            .events
            .iter()
            .any(|event| event.detail.get("reason").is_some_and(|why| why == "refresh_ahead"))
        {
            tracing::error!(
                grant = %found.grant.id,
                "a refresh token is ahead of the database: an older state was restored, or a write was lost"
            );
        }
        let decided = Decided { outcome: decision.outcome, writes: decision.writes, events: decision.events };
        if let Some(answer) = conclude(node, call, client, decided, &found.grant).await? {
            return Ok(answer);
        }
    }
    Err(Fault::Conflict.into())
}

/// RFC 6749 4.3.
pub(super) async fn password(
    node: &Node,
    call: &TokenCall<'_>,
    client: &AuthenticatedApp<'_>,
    request: &TokenRequest,
    tenant: &TenantFacts,
) -> Result<IssuedToken, FlowError> {
    let state = call.state;
    let target = Target { resources: &request.resources, scopes: request.scopes.as_ref(), path: call.path };
    let api = api::choose(&target, client.app(), &state.apis)?;
    // Before the password is looked at: a grant that is off is no way to guess at passwords.
    password::is_on(client, api, call.presented)?;
    let Some((name, typed)) = &request.user else {
        return Err(Denial::new(OAuthError::InvalidRequest, Reason::Malformed).into());
    };
    let browser =
        BrowserCall { state, browser: &Browser::default(), source: call.source, request_id: call.request_id };
    let typed = PresentedPassword::new(typed.reveal().as_bytes().to_vec());
    let (user, evidence) = sign_in::check(node, &browser, name, &typed).await?;
    let sub = subject(user.id, client.app(), &state.keys.pairwise);
    let catalogue = node.catalogue_full();
    let accepted = accepted(node, user.id).await?;
    let open = document::open(&catalogue.documents, Some(tenant.tenant.id), &accepted, node.now());
    let facts = password::Facts {
        environment: &state.environment,
        presented: call.presented,
        api,
        tenant: &tenant.tenant,
        accesses: &tenant.accesses,
        user: &user,
        sub: &sub,
        evidence: &evidence,
        open_documents: &open,
    };
    for _ in 0..TRIES {
        let decision = node.decide(|env| password::grant(request, client, &facts, env));
        let (granted, grant) = match decision.outcome {
            Ok((granted, grant)) => (Ok(granted), grant),
            Err(denial) => return Err(denial.into()),
        };
        let decided = Decided { outcome: granted, writes: decision.writes, events: decision.events };
        match conclude(node, call, client, decided, &grant).await {
            Ok(Some(answer)) => return Ok(answer),
            // The id was taken within the same millisecond: another one is made.
            Ok(None) | Err(FlowError::Fault(Fault::Duplicate)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Fault::Conflict.into())
}

struct Decided<'a> {
    outcome: Result<Granted<'a>, Denial>,
    writes: Vec<Write>,
    events: Vec<AuditEvent>,
}

/// Seals, commits, answers. `None`: somebody else was faster, decide again.
async fn conclude(
    node: &Node,
    call: &TokenCall<'_>,
    client: &AuthenticatedApp<'_>,
    decided: Decided<'_>,
    grant: &Grant,
) -> Result<Option<IssuedToken>, FlowError> {
    let answer = match decided.outcome {
        Err(denial) => Err(denial),
        Ok(granted) => {
            within_quota(node, client, &granted)?;
            Ok(sealed(node, call, granted, grant)?)
        }
    };
    let actor = Actor {
        name: format!("app:{}", client.app().client_id),
        address: call.source.to_string(),
        request_id: call.request_id.to_owned(),
        environment: Some(call.state.environment.id),
        once: None,
    };
    match node.commit(&actor, decided.writes, decided.events).await {
        Ok(()) => {}
        Err(Fault::Conflict) => return Ok(None),
        Err(fault) => return Err(fault.into()),
    }
    let answer = answer?;
    count(node, client);
    Ok(Some(answer))
}

fn sealed(
    node: &Node,
    call: &TokenCall<'_>,
    granted: Granted<'_>,
    grant: &Grant,
) -> Result<IssuedToken, Fault> {
    let state = call.state;
    let access_token = seal(node, state, &granted.draft)?;
    let id_token = granted.id_token.map(|draft| sign_id_token(state, draft, &access_token)).transpose()?;
    let spelling = (&node.brand, state.environment.stage);
    let refresh_token = granted.refresh.map(|generation| {
        spell_refresh_token(grant, generation, &state.keys.peppers, spelling).reveal().to_owned()
    });
    Ok(IssuedToken {
        access_token,
        expires_in: granted.draft.expires_in,
        scope: granted.draft.scope,
        refresh_token,
        id_token,
    })
}

/// API and tenant of a Grant, as they are now. An API that has gone opens nothing.
async fn behind(
    node: &Node,
    call: &TokenCall<'_>,
    grant: &Grant,
) -> Result<(Arc<Api>, Arc<TenantFacts>), FlowError> {
    let gone = || Denial::new(OAuthError::InvalidGrant, Reason::GrantEnded);
    let api = match grant.api {
        None => &call.state.userinfo,
        Some(id) => call.state.api_by_id(id).ok_or_else(gone)?,
    };
    let tenant: TenantId = grant.tenant;
    let facts = node.cache.tenant(&node.store, tenant).await?.ok_or_else(gone)?;
    Ok((api.clone(), facts))
}

/// Where a user is a member; asked for an app of all partners only.
async fn memberships(
    node: &Node,
    client: &AuthenticatedApp<'_>,
    user: UserId,
) -> Result<Vec<Membership>, FlowError> {
    match client.app().metadata.tenancy {
        Tenancy::Own => Ok(Vec::new()),
        Tenancy::Members => Ok(node.store.memberships(user).await?),
    }
}

/// What a user has accepted; not asked for where there is nothing to accept.
async fn accepted(node: &Node, user: UserId) -> Result<Vec<Acceptance>, FlowError> {
    if node.catalogue().documents.is_empty() {
        return Ok(Vec::new());
    }
    Ok(node.store.acceptances(user).await?)
}
