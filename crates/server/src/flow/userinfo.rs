//! OpenID Connect Core 5.3: who the user of a token is. Every live user token of the environment with `openid` will do,
//! whatever API it is for.

use std::net::IpAddr;

use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::request_log::{Door, Refusal};
use grantor_core::scope::ScopeSet;
use grantor_core::subject::subject;
use grantor_core::userinfo;
use grantor_jose::Type;
use serde_json::{Map, Value};

use super::seen::{Place, Seen};
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

/// A question with a token.
pub struct UserinfoCall<'a> {
    /// Where.
    pub state: &'a EnvironmentState,
    /// From where.
    pub source: IpAddr,
    /// The token.
    pub token: &'a str,
    /// The request's id.
    pub request_id: &'a str,
}

/// Judges the token and says who its user is.
///
/// # Errors
/// `invalid_token`, `insufficient_scope`; storage trouble.
pub async fn userinfo(node: &Node, call: &UserinfoCall<'_>) -> Result<Userinfo, FlowError> {
    let state = call.state;
    let place = Place { door: Door::Userinfo, state, source: call.source, request_id: call.request_id };
    let mut seen = Seen::begin(node, place);
    let refuse = |reason| Denial::new(OAuthError::InvalidToken, reason);
    let said = |denial: Denial| {
        (denial.error.status(), Refusal { error: Some(denial.error), reason: denial.reason })
    };
    let genuine = match recognise(node, state, call.token).await? {
        Ok(genuine) => genuine,
        Err(reason) => {
            let denial = refuse(reason);
            seen.unrecognised(node, call.token, said(denial));
            return Err(denial.into());
        }
    };
    let Genuine::Token(claims) = &genuine else {
        let denial = refuse(Reason::NotAUserToken);
        seen.unfit(node, genuine.key_owner(), call.token, said(denial));
        return Err(denial.into());
    };
    let api = state.api_by_audience(&claims.aud).ok_or_else(|| refuse(Reason::WrongAudience))?.clone();
    let granted = ScopeSet::parse(&claims.scope)?;
    seen.concerns(api.id);
    let good = match genuine.judge(node, state, &api, None).await? {
        Ok(good) => good,
        Err(unfit) => {
            let denial = refuse(unfit.reason);
            seen.unfit(node, unfit.whose, call.token, said(denial));
            return Err(denial.into());
        }
    };
    // An app's own token is good and reaches nobody (RFC 6750 3.1).
    let short = match good.user() {
        None => Some(Reason::NotAUserToken),
        Some(_) if !granted.has("openid") => Some(Reason::ScopeNotAllowed),
        Some(_) => None,
    };
    if let Some(reason) = short {
        let denial = Denial::new(OAuthError::InsufficientScope, reason);
        seen.unfit(node, good.owned(), call.token, said(denial));
        return Err(denial.into());
    }
    seen.verified(node, &good, call.token);
    let Some((app, grant, user)) = good.user() else { return Err(Fault::Internal.into()) };
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
