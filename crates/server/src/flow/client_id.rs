//! Whether a client id can be chosen. The same judgement is made when an app is made with it.

use grantor_core::client_id_choice::{Choice, judge, spelled};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::id::EnvironmentId;
use grantor_core::name::ClientId;

use super::{Fault, FlowError};
use crate::catalogue::EnvironmentState;
use crate::node::Node;

/// What is to be said about a text that somebody would like as a client id.
///
/// # Errors
/// Storage trouble.
pub async fn check(node: &Node, state: &EnvironmentState, text: &str) -> Result<Choice, Fault> {
    match spelled(text) {
        Ok(chosen) => choice(node, state.environment.id, chosen).await,
        Err(why) => Ok(Choice::NotAllowed(why)),
    }
}

/// Refuses a client id that cannot be had. That it is free is no promise: the store refuses the slower of two.
///
/// # Errors
/// `invalid_request` for one that can never be had, [`Fault::Duplicate`] for one that is or was taken, or looks like it.
pub async fn must_be_free(node: &Node, state: &EnvironmentState, chosen: &ClientId) -> Result<(), FlowError> {
    match choice(node, state.environment.id, chosen.clone()).await? {
        Choice::Available(_) => Ok(()),
        Choice::NotAllowed(why) => {
            Err(Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, why.0).into())
        }
        Choice::Taken | Choice::TakenOnce | Choice::LooksLikeAnother => Err(Fault::Duplicate.into()),
    }
}

/// The judgement about a client id in an environment, which may be one that a manifest is about to make.
///
/// # Errors
/// Storage trouble.
pub async fn choice(node: &Node, environment: EnvironmentId, chosen: ClientId) -> Result<Choice, Fault> {
    let alike = node.store.app_alike(environment, &chosen).await?;
    Ok(judge(chosen, alike.as_ref()))
}
