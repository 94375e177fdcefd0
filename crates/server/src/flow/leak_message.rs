//! A signed message with leaked credentials, as GitHub's secret scanning sends it: worked off once, whatever is sent again.

use aws_lc_rs::digest::{SHA256, digest};
use grantor_core::decision::Write;
use grantor_core::incident::{IncidentWrite, LeakSource, Place, Sighting};
use grantor_core::secret::Secret;

use super::Fault;
use super::leak::{Report, Verdict, report};
use crate::node::{Actor, Node};

/// One credential of a message.
pub struct Exposed {
    /// The value.
    pub value: Secret,
    /// Where it was found.
    pub place: Option<Place>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// For each credential, whether it is one of ours.
    Labels(Vec<bool>),
    /// It was taken before.
    Replay,
}

/// Works a message off. It is remembered by the hash of what was signed, when all of it is done: a message that fell short is
/// taken again, and doing a part of it twice is doing it once. The signature would not do, because ECDSA has two for a message.
///
/// # Errors
/// Storage trouble: the message is to be sent again.
pub async fn take(node: &Node, signed: &[u8], exposed: &[Exposed], actor: &Actor) -> Result<Taken, Fault> {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, signed).as_ref());
    if node.store.knows_leak_message(hash).await? {
        return Ok(Taken::Replay);
    }
    let mut labels = Vec::with_capacity(exposed.len());
    for one in exposed {
        let sighting = Sighting {
            source: LeakSource::Github,
            place: one.place.clone(),
            reporter: actor.address.clone(),
        };
        let verdict = report(node, &Report { value: &one.value, sighting: &sighting, actor }).await?;
        labels.push(matches!(verdict, Verdict::Ours(_)));
    }
    let done = Write::Incident(IncidentWrite::RememberMessage(hash, node.now()));
    match node.commit(actor, vec![done], Vec::new()).await {
        Ok(()) => Ok(Taken::Labels(labels)),
        Err(Fault::Duplicate) => Ok(Taken::Replay),
        Err(fault) => Err(fault),
    }
}
