//! The token endpoint: load, decide, seal the drafts, commit, answer. An access token is never stored; what a Grant goes
//! through is committed before anybody hears of it.

mod user;

use std::net::IpAddr;
use std::sync::Arc;

use grantor_core::client_auth::{AuthenticatedApp, Presented};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use grantor_core::id_token::{IdTokenDraft, at_hash};
use grantor_core::issue::TokenDraft;
use grantor_core::profile::{GrantType, TokenFormat};
use grantor_core::request_log::Door;
use grantor_core::token;
use grantor_core::token::Granted;
use grantor_core::token::client_credentials::{self, Facts};
use grantor_jose::Type;

use super::seen::{Place, Seen};
use super::{Fault, FlowError, client};
use crate::catalogue::EnvironmentState;
use crate::limits::Holder;
use crate::node::Node;

/// A token request, as it came in.
pub struct TokenCall<'a> {
    /// Where.
    pub state: &'a Arc<EnvironmentState>,
    /// At which token path, below the issuer.
    pub path: &'a str,
    /// The body.
    pub form: &'a Form,
    /// The credentials.
    pub presented: &'a Presented,
    /// From where.
    pub source: IpAddr,
    /// The request's id.
    pub request_id: &'a str,
}

/// Tokens, ready to be answered. No `Debug`.
pub struct IssuedToken {
    /// The access token.
    pub access_token: String,
    /// Seconds that it lives.
    pub expires_in: i64,
    /// The granted scopes, where they differ from those asked for.
    pub scope: Option<String>,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// The ID token.
    pub id_token: Option<String>,
}

/// Exchanges a grant for tokens.
///
/// # Errors
/// The OAuth error of the first rule that fails.
pub async fn exchange(node: &Node, call: &TokenCall<'_>) -> Result<IssuedToken, FlowError> {
    let place =
        Place { door: Door::Token, state: call.state, source: call.source, request_id: call.request_id };
    let mut seen = Seen::begin(node, place);
    let outcome = exchange_seen(node, call, &mut seen).await;
    seen.ended(node, call.presented, &outcome);
    outcome
}

async fn exchange_seen(
    node: &Node,
    call: &TokenCall<'_>,
    seen: &mut Seen<'_>,
) -> Result<IssuedToken, FlowError> {
    let facts = client::load(node, call.state, call.presented, call.source).await?;
    seen.names(facts.named());
    let client = facts.authenticate(node, call.state, call.presented, call.source)?;
    seen.proves(client.secret_version());
    let request = token::parse(call.form)?;
    seen.asks_for(request.grant);
    if request.grant.has_user() {
        let app = client.app();
        let own = app.apis.iter().filter_map(|id| call.state.api_by_id(*id)).map(Arc::as_ref);
        let alone = app.apis.is_empty().then_some(call.state.userinfo.as_ref());
        token::may_ask(request.grant, app, own.chain(alone))?;
    }
    match request.grant {
        GrantType::ClientCredentials => {
            let tenant = facts.tenant();
            let catalogue = node.catalogue();
            let facts = Facts {
                environment: &call.state.environment,
                apis: &call.state.apis,
                accesses: &tenant.accesses,
                terms: tenant.terms(&catalogue.documents, node.now()),
                path: call.path,
                presented: call.presented,
            };
            let granted = node.decide(|env| client_credentials::grant(&request, &client, &facts, env))?;
            seen.concerns(granted.access.api);
            within_quota(node, &client, &granted)?;
            let issued = seal(node, call.state, &granted.draft)?;
            count(node, &client);
            Ok(IssuedToken {
                access_token: issued,
                expires_in: granted.draft.expires_in,
                scope: granted.draft.scope,
                refresh_token: None,
                id_token: None,
            })
        }
        GrantType::AuthorizationCode => Box::pin(user::redeem(node, call, &client, &request)).await,
        GrantType::RefreshToken => Box::pin(user::refresh(node, call, &client, &request)).await,
        GrantType::Password => Box::pin(user::password(node, call, &client, &request, facts.tenant())).await,
    }
}

/// Takes one token from the quota of the access.
fn within_quota(node: &Node, client: &AuthenticatedApp<'_>, granted: &Granted<'_>) -> Result<(), FlowError> {
    node.limits.take(granted.access.quota, Holder::App(client.app().id)).map_err(|wait| {
        FlowError::Throttled(Denial::new(OAuthError::TemporarilyUnavailable, Reason::QuotaExceeded), wait)
    })
}

fn count(node: &Node, client: &AuthenticatedApp<'_>) {
    node.count_issued(client.app().id, node.now());
}

/// Signs or seals a draft.
fn seal(node: &Node, state: &EnvironmentState, draft: &TokenDraft) -> Result<String, Fault> {
    match draft.format {
        TokenFormat::Jwt => {
            let signer = state.keys.signer(draft.algorithm).ok_or(Fault::Internal)?;
            signer.sign(Type::AccessToken, &payload(draft)?).map_err(|_| Fault::Internal)
        }
        TokenFormat::Opaque => {
            node.count_sealed(state.environment.id);
            node.decide(|env| state.keys.seal.seal(&draft.claims, &node.brand, state.environment.stage, env))
                .ok_or(Fault::Internal)
        }
    }
}

/// Signs an ID token with the hash of the access token that goes with it.
fn sign_id_token(state: &EnvironmentState, draft: IdTokenDraft, access_token: &str) -> Result<String, Fault> {
    let signer = state.keys.signer(draft.algorithm).ok_or(Fault::Internal)?;
    let mut claims = draft.claims;
    claims.at_hash = Some(at_hash(access_token, draft.algorithm));
    let payload = serde_json::to_vec(&claims).map_err(|_| Fault::Internal)?;
    signer.sign(Type::Jwt, &payload).map_err(|_| Fault::Internal)
}

/// The claims as JSON, with the profile's own behind them.
fn payload(draft: &TokenDraft) -> Result<Vec<u8>, Fault> {
    let mut json = serde_json::to_vec(&draft.claims).map_err(|_| Fault::Internal)?;
    if !draft.added.is_empty() {
        let added = serde_json::to_vec(&draft.added).map_err(|_| Fault::Internal)?;
        json.pop();
        json.push(b',');
        json.extend_from_slice(&added[1..]);
    }
    Ok(json)
}
