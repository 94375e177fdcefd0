//! Which credential of ours a reported value is. Nothing is believed of it but its checksum, until hash, tag, seal or signature
//! have proved it.

use std::sync::Arc;

use grantor_core::api_key::ApiKey;
use grantor_core::app::App;
use grantor_core::grant::{Grant, GrantState};
use grantor_core::id::{AppId, OperatorId};
use grantor_core::introspect::Revoked;
use grantor_core::leak::{Leaked, Others};
use grantor_core::permission::OperatorRole;
use grantor_core::refresh_token::RefreshToken;
use grantor_core::request_log::Subject;
use grantor_core::secret::{CredentialType, Secret, Spelling};

use crate::cache::TenantFacts;
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::operator::StoredOperator;
use crate::flow::verify::{Genuine, TokenClaims, recognise};
use crate::node::Node;

/// A genuine credential, with the facts about it.
pub(super) enum Found {
    /// A version of a secret, by its index in the app.
    Secret { app: Arc<App>, index: usize },
    /// An API key.
    Key { key: Arc<ApiKey>, tenant: Arc<TenantFacts> },
    /// An access token; with its Grant if it is a user's.
    Token { app: Arc<App>, grant: Option<Grant>, claims: TokenClaims, revoked: Revoked },
    /// A refresh token.
    Refresh { app: App, grant: Grant },
    /// A code.
    Code { app: App, grant: Grant },
    /// An operator's token.
    Operator(OperatorId, Others),
}

impl Found {
    /// The same, for the decision.
    pub(super) fn leaked(&self) -> Leaked<'_> {
        match self {
            Self::Secret { app, index } => Leaked::Secret(app, &app.secrets[*index]),
            Self::Key { key, tenant } => Leaked::Key(key, &tenant.tenant),
            Self::Token { app, grant: None, claims, revoked } => Leaked::AppToken(app, claims, *revoked),
            Self::Token { app, grant: Some(grant), claims, revoked } => {
                Leaked::UserToken(app, grant, claims, *revoked)
            }
            Self::Refresh { app, grant } => Leaked::RefreshToken(app, grant),
            Self::Code { app, grant } => Leaked::Code(app, grant),
            Self::Operator(id, others) => Leaked::Operator(*id, *others),
        }
    }
}

/// The operator whose token this is.
pub(super) fn operator(node: &Node, value: &Secret) -> Option<Found> {
    let is_theirs = |hash| node.operator_pepper.verify(CredentialType::OperatorToken, value.reveal(), hash);
    let catalogue = node.catalogue();
    let found = catalogue.operators.iter().find(|operator| is_theirs(&operator.hash))?;
    let is_admin = |operator: &StoredOperator| operator.role == OperatorRole::Admin;
    let mut remaining = catalogue.operators.iter().filter(|operator| operator.id != found.id);
    let others = match is_admin(found) && !remaining.any(is_admin) {
        true => Others::None,
        false => Others::Some,
    };
    Some(Found::Operator(found.id, others))
}

/// The credential of an environment that this is.
pub(super) async fn credential(
    node: &Node,
    state: &EnvironmentState,
    value: &Secret,
) -> Result<Option<Found>, Fault> {
    let kind = match Spelling::parse(&node.brand, value.reveal()) {
        // A credential says itself in which kind of environment it was made.
        Some(spelling) if spelling.stage != state.environment.stage => return Ok(None),
        Some(spelling) => spelling.kind,
        // A signed token is spelled by nobody.
        None => CredentialType::AccessToken,
    };
    match kind {
        CredentialType::ClientSecret => secret(node, state, value).await,
        CredentialType::ApiKey | CredentialType::AccessToken => bearer(node, state, value).await,
        CredentialType::RefreshToken => refresh_token(node, state, value).await,
        CredentialType::Code => code(node, state, value).await,
        // Operators' tokens belong to no environment. The rest lives in one browser or one mail, and not for long.
        CredentialType::OperatorToken
        | CredentialType::Session
        | CredentialType::Browser
        | CredentialType::Interaction
        | CredentialType::FormProof
        | CredentialType::SignupLink
        | CredentialType::Device => Ok(None),
    }
}

async fn secret(node: &Node, state: &EnvironmentState, value: &Secret) -> Result<Option<Found>, Fault> {
    let (environment, peppers) = (state.environment.id, &state.keys.peppers);
    for hash in peppers.candidates(CredentialType::ClientSecret, value.reveal()) {
        for (owner, _) in node.store.secret_owners(environment, hash.mac).await? {
            let Subject::App(id) = owner.subject else { continue };
            // By its row alone an app comes without its secrets.
            let Some(named) = app_of(node, state, id).await? else { continue };
            let Some(app) = node.cache.app(&node.store, environment, named.client_id.as_str()).await? else {
                continue;
            };
            let matches = |hash| peppers.verify(CredentialType::ClientSecret, value.reveal(), hash);
            if let Some(index) = app.secrets.iter().position(|version| matches(&version.hash)) {
                return Ok(Some(Found::Secret { app, index }));
            }
        }
    }
    Ok(None)
}

async fn bearer(node: &Node, state: &EnvironmentState, value: &Secret) -> Result<Option<Found>, Fault> {
    let environment = state.environment.id;
    match recognise(node, state, value.reveal()).await? {
        Err(_) => Ok(None),
        Ok(Genuine::Key(key)) => {
            let tenant = node.cache.tenant(&node.store, key.tenant).await?.ok_or(Fault::Internal)?;
            Ok(Some(Found::Key { key, tenant }))
        }
        Ok(Genuine::Token(claims)) => {
            let Some(app) = node.cache.app(&node.store, environment, &claims.client_id).await? else {
                return Ok(None);
            };
            let is_revoked = node.cache.is_revoked(environment, &claims.jti);
            let revoked = if is_revoked { Revoked::Yes } else { Revoked::No };
            let grant = match claims.gid {
                None => None,
                Some(id) => match node.store.grant(environment, id).await? {
                    None => return Ok(None),
                    grant => grant,
                },
            };
            Ok(Some(Found::Token { app, grant, claims, revoked }))
        }
    }
}

async fn refresh_token(
    node: &Node,
    state: &EnvironmentState,
    value: &Secret,
) -> Result<Option<Found>, Fault> {
    let environment = &state.environment;
    let Some(token) = RefreshToken::parse(value.reveal(), &node.brand, environment.stage) else {
        return Ok(None);
    };
    let found = node.store.grant(environment.id, token.grant).await?;
    let Some(grant) = found.filter(|grant| token.is_genuine(grant, &state.keys.peppers)) else {
        return Ok(None);
    };
    Ok(app_of(node, state, grant.app).await?.map(|app| Found::Refresh { app, grant }))
}

/// A code that was redeemed opens nothing any more, and stands in the history of every browser that passed it on.
async fn code(node: &Node, state: &EnvironmentState, value: &Secret) -> Result<Option<Found>, Fault> {
    for hash in state.keys.peppers.candidates(CredentialType::Code, value.reveal()) {
        let found = node.store.grant_by_code(state.environment.id, hash.mac).await?;
        let Some(grant) = found.filter(|grant| grant.state == GrantState::Code) else { continue };
        return Ok(app_of(node, state, grant.app).await?.map(|app| Found::Code { app, grant }));
    }
    Ok(None)
}

async fn app_of(node: &Node, state: &EnvironmentState, id: AppId) -> Result<Option<App>, Fault> {
    Ok(node.store.app_by_id(state.environment.id, id).await?)
}
