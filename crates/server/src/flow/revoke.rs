//! RFC 7009: an app gives a token back. A storage error is never a success.

use std::net::IpAddr;

use grantor_core::app::App;
use grantor_core::claims::AccessClaims;
use grantor_core::client_auth::Presented;
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::grant::{EndReason, GrantState};
use grantor_core::refresh_token::RefreshToken;
use grantor_core::request_log::Door;
use grantor_core::revoke;
use grantor_core::secret::{CredentialType, Spelling};

use super::seen::{Place, Seen};
use super::verify::{Genuine, recognise};
use super::{Fault, FlowError, client};
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node};

/// A revocation request.
pub struct RevokeCall<'a> {
    /// Where.
    pub state: &'a EnvironmentState,
    /// The caller's credentials.
    pub presented: &'a Presented,
    /// From where.
    pub source: IpAddr,
    /// The token.
    pub token: &'a str,
    /// The request's id.
    pub request_id: &'a str,
}

/// Revokes a token of the caller. Unknown, foreign and ended tokens give the same answer and change nothing.
///
/// # Errors
/// `invalid_client`; `unsupported_token_type` for anything spelled like an API key or secret, genuine or not; storage trouble.
pub async fn revoke(node: &Node, call: &RevokeCall<'_>) -> Result<(), FlowError> {
    let place =
        Place { door: Door::Revoke, state: call.state, source: call.source, request_id: call.request_id };
    let mut seen = Seen::begin(node, place);
    let outcome = revoke_seen(node, call, &mut seen).await;
    seen.ended(node, call.presented, &outcome);
    outcome
}

async fn revoke_seen(node: &Node, call: &RevokeCall<'_>, seen: &mut Seen<'_>) -> Result<(), FlowError> {
    let facts = client::load(node, call.state, call.presented, call.source).await?;
    seen.names(facts.named());
    let caller = facts.authenticate_anywhere(node, call.state, call.presented, call.source)?;
    seen.proves(caller.secret_version());
    if let Some(token) = RefreshToken::parse(call.token, &node.brand, call.state.environment.stage) {
        return refresh_token(node, call, caller.app(), &token).await;
    }
    let spelled = Spelling::parse(&node.brand, call.token).map(|spelling| spelling.kind);
    // A refresh token that comes here is of another environment, or damaged: unknown, not of a type that is not supported.
    let tokens = [CredentialType::AccessToken, CredentialType::RefreshToken];
    if spelled.is_some_and(|kind| !tokens.contains(&kind)) {
        return Err(Denial::new(OAuthError::UnsupportedTokenType, Reason::NoSuchKeyType).into());
    }
    let genuine = recognise(node, call.state, call.token).await?;
    if matches!(genuine, Ok(Genuine::Key(_))) {
        return Err(Denial::new(OAuthError::UnsupportedTokenType, Reason::NoSuchKeyType).into());
    }
    let claims = match &genuine {
        Ok(Genuine::Token(claims)) => Some(&**claims),
        _ => None,
    };
    if claims.is_some_and(|claims| node.cache.is_revoked(call.state.environment.id, &claims.jti)) {
        // Revoked already: the same answer, and nothing to write.
        return Ok(());
    }
    let decision = revoke::revoke(claims, caller.app(), &call.state.environment, node.now());
    let actor = Actor {
        name: format!("app:{}", caller.app().client_id),
        address: call.source.to_string(),
        request_id: call.request_id.to_owned(),
        environment: Some(call.state.environment.id),
    };
    node.commit(&actor, decision.writes, decision.events).await?;
    Ok(decision.outcome?)
}

/// Ends the Grant of a refresh token, and so its access tokens (RFC 7009 2.1). A forged token proves nothing; one of an older
/// generation is genuine and does the same.
async fn refresh_token(
    node: &Node,
    call: &RevokeCall<'_>,
    caller: &App,
    token: &RefreshToken,
) -> Result<(), FlowError> {
    let environment = call.state.environment.id;
    let Some(grant) = node.store.grant(environment, token.grant).await? else { return Ok(()) };
    let own = grant.app == caller.id && token.is_genuine(&grant, &call.state.keys.peppers);
    if !own || grant.state == GrantState::Ended {
        return Ok(());
    }
    let write = Write::EndGrant { grant: grant.id, reason: EndReason::Revoked, at: node.now() };
    let event =
        AuditEvent::new("grant.end", grant.id.to_string()).detail("reason", EndReason::Revoked.as_str());
    let actor = Actor {
        name: format!("app:{}", caller.client_id),
        address: call.source.to_string(),
        request_id: call.request_id.to_owned(),
        environment: Some(environment),
    };
    Ok(node.commit(&actor, vec![write], vec![event]).await?)
}

/// Revokes a token on an operator's word, whoever's it is.
///
/// # Errors
/// Storage trouble.
pub async fn by_operator(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    claims: &AccessClaims,
) -> Result<(), Fault> {
    let write = Write::RevokeToken {
        environment: state.environment.id,
        jti: claims.jti.clone(),
        expires_at: claims.exp,
    };
    let event =
        AuditEvent::new("token.revoke", claims.jti.clone()).detail("client_id", claims.client_id.as_str());
    node.commit(&actor.within(state.environment.id), vec![write], vec![event]).await
}
