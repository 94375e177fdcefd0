//! RFC 7662: an API asks about a credential. It sees only what is meant for it.

use std::net::IpAddr;
use std::sync::Arc;

use grantor_core::api::Api;
use grantor_core::client_auth::Presented;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::profile::ClientAuthMethod;

use super::verify::{Good, recognise};
use super::{FlowError, client};
use crate::catalogue::EnvironmentState;
use crate::node::Node;

/// A question about a credential.
pub struct IntrospectCall<'a> {
    /// Where.
    pub state: &'a EnvironmentState,
    /// The caller's credentials.
    pub presented: &'a Presented,
    /// From where.
    pub source: IpAddr,
    /// The credential in question.
    pub token: &'a str,
    /// The address that it is used from, if the caller says so. Believed, because the caller has proved which API it is.
    pub client_address: Option<IpAddr>,
}

/// The answer about a key that is good and has been used too often. Not "inactive": the API would tell its caller that the
/// key is dead.
const QUOTA: Denial = Denial::hinted(
    OAuthError::TemporarilyUnavailable,
    Reason::QuotaExceeded,
    "The quota of this key is used up. Try again after the time given in Retry-After.",
);

/// The verdict for one caller.
pub enum Verdict<'a> {
    /// Good, for this API of the caller's.
    Active(Good, &'a Arc<Api>),
    /// Anything else; the reason is for the log.
    Inactive(Reason),
}

/// Authenticates the caller and judges the credential for it.
///
/// # Errors
/// `invalid_client` for the caller; a key that is good and has used up its quota; storage trouble.
pub async fn introspect<'a>(node: &Node, call: &IntrospectCall<'a>) -> Result<Verdict<'a>, FlowError> {
    let facts = client::load(node, call.state, call.presented, call.source).await?;
    let caller = facts.authenticate_anywhere(node, call.state, call.presented, call.source)?;
    // RFC 7662 2.1: whoever asks has proved who it is.
    if call.presented.method() == ClientAuthMethod::None {
        return Err(Denial::new(OAuthError::InvalidClient, Reason::MissingClientAuth).into());
    }
    let mine: Vec<&Arc<Api>> =
        caller.app().introspects.iter().filter_map(|id| call.state.api_by_id(*id)).collect();
    if mine.is_empty() {
        return Ok(Verdict::Inactive(Reason::NotAResourceServer));
    }
    let mut last = Reason::WrongAudience;
    for api in mine {
        // Recognised once per API of the caller: one, for nearly every caller; the claims are cached.
        let genuine = match recognise(node, call.state, call.token).await? {
            Ok(genuine) => genuine,
            Err(reason) => return Ok(Verdict::Inactive(reason)),
        };
        match genuine.judge(node, call.state, api, call.client_address).await? {
            Ok(good) => {
                good.take_quota(node).map_err(|wait| FlowError::Throttled(QUOTA, wait))?;
                return Ok(Verdict::Active(good, api));
            }
            Err(reason) => last = reason,
        }
    }
    Ok(Verdict::Inactive(last))
}
