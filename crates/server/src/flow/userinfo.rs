//! OpenID Connect Core 5.3: who the user of a token is. Every live user token of the environment with `openid` will do,
//! whatever API it is for.

use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::scope::ScopeSet;
use grantor_core::subject::subject;
use grantor_core::userinfo;
use grantor_jose::Type;
use serde_json::{Map, Value};

use super::verify::{Genuine, recognise};
use super::{Fault, FlowError};
use crate::catalogue::EnvironmentState;
use crate::node::Node;

/// The answer.
pub enum Userinfo {
    /// JSON.
    Plain(Map<String, Value>),
    /// A signed JWT, because the app is registered so (5.3.2).
    Signed(String),
}

/// Judges the token and says who its user is.
///
/// # Errors
/// `invalid_token`, `insufficient_scope`; storage trouble.
pub async fn userinfo(node: &Node, state: &EnvironmentState, token: &str) -> Result<Userinfo, FlowError> {
    let refuse = |reason| FlowError::Denied(Denial::new(OAuthError::InvalidToken, reason));
    let genuine = recognise(node, state, token).await?.map_err(refuse)?;
    let Genuine::Token(claims) = &genuine else { return Err(refuse(Reason::NotAUserToken)) };
    let api = state.api_by_audience(&claims.aud).ok_or_else(|| refuse(Reason::WrongAudience))?.clone();
    let granted = ScopeSet::parse(&claims.scope)?;
    let good = genuine.judge(node, state, &api, None).await?.map_err(refuse)?;
    let Some((app, grant, user)) = good.user() else {
        // An app's own token is good and reaches nobody (RFC 6750 3.1).
        return Err(Denial::new(OAuthError::InsufficientScope, Reason::NotAUserToken).into());
    };
    if !granted.has("openid") {
        return Err(Denial::new(OAuthError::InsufficientScope, Reason::ScopeNotAllowed).into());
    }
    let mut claims = userinfo::claims(user, &granted, &grant.login.claims.userinfo);
    claims.insert("sub".to_owned(), subject(user.id, app, &state.keys.pairwise).into());
    let Some(algorithm) = app.metadata.userinfo_signed_response_alg else {
        return Ok(Userinfo::Plain(claims));
    };
    claims.insert("iss".to_owned(), state.environment.issuer.as_str().into());
    claims.insert("aud".to_owned(), app.client_id.as_str().into());
    let signer = state.keys.signer(algorithm).ok_or(Fault::Internal)?;
    let payload = serde_json::to_vec(&claims).map_err(|_| Fault::Internal)?;
    Ok(Userinfo::Signed(signer.sign(Type::Jwt, &payload).map_err(|_| Fault::Internal)?))
}
