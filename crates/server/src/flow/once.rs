//! What was answered to a request that is carried out once. The claim on its key stands in the unit of what it does
//! ([`crate::node::Once`]); its answer is kept right after it, sealed: it may hold a secret that is shown once.

use grantor_core::claimed_request::{ClaimedRequest, KEPT_SECONDS, KeptAnswer};
use grantor_core::decision::Write;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Fault;
use crate::clock::OsRandom;
use crate::node::{Actor, Node};

/// An answer, as kept.
#[derive(Serialize, Deserialize)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// What became of a request before.
pub enum Before {
    /// It did not come, or nothing came of it, or a day ago.
    Nothing,
    /// The key was used for another body.
    OtherBody,
    /// It was carried out; the answer is on its way, or lost.
    Unanswered,
    /// It was answered.
    Answered(Answered),
}

/// Looks for a request that came before.
///
/// # Errors
/// Storage trouble; an answer that does not open.
pub async fn before(node: &Node, claim: &ClaimedRequest) -> Result<Before, Fault> {
    let since = claim.at.plus_seconds(-KEPT_SECONDS).0;
    let Some(found) = node.store.claimed_request(claim.key, since).await? else { return Ok(Before::Nothing) };
    if found.body != claim.body {
        return Ok(Before::OtherBody);
    }
    let Some(sealed) = found.sealed else { return Ok(Before::Unanswered) };
    let plain = node.vault.open(&sealed, &place(claim)).map_err(|_| Fault::Internal)?;
    serde_json::from_slice(&plain).map(Before::Answered).map_err(|_| Fault::Internal)
}

/// Keeps the answer to a request that was carried out.
///
/// # Errors
/// Storage trouble: the same key is told that the answer was lost.
pub async fn keep(node: &Node, claim: &ClaimedRequest, answer: &Answered) -> Result<(), Fault> {
    let plain = Zeroizing::new(serde_json::to_vec(answer).map_err(|_| Fault::Internal)?);
    let sealed = node.vault.seal(&plain, &place(claim), &mut OsRandom::new()).map_err(|_| Fault::Internal)?;
    let write = Write::KeepAnswer(KeptAnswer { key: claim.key, sealed });
    node.commit(&Actor::system(), vec![write], Vec::new()).await
}

fn place(claim: &ClaimedRequest) -> String {
    let hex: String = claim.key.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("claimed_requests/{hex}")
}
