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
}

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
/// `invalid_client` for the caller; storage trouble.
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
        match genuine.judge(node, call.state, api).await? {
            Ok(good) => {
                seen.verified(node, &good, call.token);
                return Ok(Verdict::Active(good, api));
            }
            Err(unfit) => last = unfit,
        }
    }
    seen.unfit(node, last.whose, call.token, said(last.reason));
    Ok(Verdict::Inactive(last.reason))
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
