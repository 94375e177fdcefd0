//! RFC 7662: an API asks about a credential. It sees only what is meant for it.

use std::net::IpAddr;
use std::sync::Arc;

use grantor_core::api::Api;
use grantor_core::client_auth::Presented;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::profile::ClientAuthMethod;
use grantor_core::request_log::{Door, Refusal};

use super::seen::{Place, Seen};
use super::verify::{Good, Unfit, recognise};
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
    /// The request's id.
    pub request_id: &'a str,
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
    let place =
        Place { door: Door::Introspect, state: call.state, source: call.source, request_id: call.request_id };
    let mut seen = Seen::begin(node, place);
    let mine = match caller(node, call, &mut seen).await {
        Ok(mine) => mine,
        Err(error) => {
            let refused: Result<(), _> = Err(error);
            seen.ended(node, call.presented, &refused);
            return refused.map(|()| Verdict::Inactive(Reason::MissingClientAuth));
        }
    };
    if mine.is_empty() {
        seen.told_nothing(node, Reason::NotAResourceServer);
        return Ok(Verdict::Inactive(Reason::NotAResourceServer));
    }
    // From here on it is about the credential, and its owner reads how it went.
    let mut seen = Seen::begin(node, place);
    let said = |reason| (200, Refusal { error: None, reason });
    let mut last = Unfit { reason: Reason::WrongAudience, whose: None };
    for api in mine {
        // Recognised once per API of the caller: one, for nearly every caller; the claims are cached.
        let genuine = match recognise(node, call.state, call.token).await? {
            Ok(genuine) => genuine,
            Err(reason) => {
                seen.unrecognised(node, call.token, said(reason));
                return Ok(Verdict::Inactive(reason));
            }
        };
        seen.concerns(api.id);
        match genuine.judge(node, call.state, api, call.client_address).await? {
            Ok(good) => {
                if let Err(wait) = good.take_quota(node) {
                    seen.unfit(node, good.owned(), call.token, spent());
                    return Err(FlowError::Throttled(QUOTA, wait));
                }
                seen.verified(node, &good, call.token);
                return Ok(Verdict::Active(good, api));
            }
            Err(unfit) => last = unfit,
        }
    }
    seen.unfit(node, last.whose, call.token, said(last.reason));
    Ok(Verdict::Inactive(last.reason))
}

/// What the owner reads of a key that has been used too often.
fn spent() -> (u16, Refusal) {
    (429, Refusal { error: Some(QUOTA.error), reason: QUOTA.reason })
}

/// The APIs of an authenticated caller.
async fn caller<'a>(
    node: &Node,
    call: &IntrospectCall<'a>,
    seen: &mut Seen<'_>,
) -> Result<Vec<&'a Arc<Api>>, FlowError> {
    let facts = client::load(node, call.state, call.presented, call.source).await?;
    seen.names(facts.named());
    let caller = facts.authenticate_anywhere(node, call.state, call.presented, call.source)?;
    seen.proves(caller.secret_version());
    // RFC 7662 2.1: whoever asks has proved who it is.
    if call.presented.method() == ClientAuthMethod::None {
        return Err(Denial::new(OAuthError::InvalidClient, Reason::MissingClientAuth).into());
    }
    Ok(caller.app().introspects.iter().filter_map(|id| call.state.api_by_id(*id)).collect())
}
