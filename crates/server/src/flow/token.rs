//! The token endpoint: load the app, decide, seal the draft. Nothing is committed: an access token is never stored.

use std::net::IpAddr;

use grantor_core::client_auth::Presented;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use grantor_core::issue::TokenDraft;
use grantor_core::profile::{GrantType, TokenFormat};
use grantor_core::token;
use grantor_core::token::client_credentials::{self, Facts};
use grantor_jose::Type;

use super::{Fault, FlowError, client};
use crate::catalogue::EnvironmentState;
use crate::node::Node;

/// A token request, as it came in.
pub struct TokenCall<'a> {
    /// Where.
    pub state: &'a EnvironmentState,
    /// At which token path, below the issuer.
    pub path: &'a str,
    /// The body.
    pub form: &'a Form,
    /// The credentials.
    pub presented: &'a Presented,
    /// From where.
    pub source: IpAddr,
}

/// A token, ready to be answered.
pub struct IssuedToken {
    /// The token.
    pub access_token: String,
    /// Seconds to live.
    pub expires_in: i64,
    /// The granted scopes, where they differ from those asked for.
    pub scope: Option<String>,
}

/// Exchanges a grant for a token.
///
/// # Errors
/// The OAuth error of the first rule that fails.
pub async fn exchange(node: &Node, call: &TokenCall<'_>) -> Result<IssuedToken, FlowError> {
    let facts = client::load(node, call.state, call.presented, call.source).await?;
    let client = facts.authenticate(node, call.state, call.presented, call.source)?;
    let request = token::parse(call.form)?;
    let granted = match request.grant {
        GrantType::ClientCredentials => {
            let tenant = facts.tenant();
            let facts = Facts {
                environment: &call.state.environment,
                apis: &call.state.apis,
                accesses: &tenant.accesses,
                path: call.path,
                presented: call.presented,
            };
            node.decide(|env| client_credentials::grant(&request, &client, &facts, env))?
        }
        // `token::parse` has refused what does not exist yet.
        GrantType::AuthorizationCode | GrantType::RefreshToken | GrantType::Password => {
            return Err(Denial::new(OAuthError::UnsupportedGrantType, Reason::UnknownGrantType).into());
        }
    };
    let app = client.app().id;
    node.limits.take(granted.access.quota, app).map_err(|wait| {
        FlowError::Throttled(Denial::new(OAuthError::TemporarilyUnavailable, Reason::QuotaExceeded), wait)
    })?;
    let access_token = seal(node, call.state, &granted.draft)?;
    node.count_issued(app, node.now());
    Ok(IssuedToken { access_token, expires_in: granted.draft.expires_in, scope: granted.draft.scope })
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
