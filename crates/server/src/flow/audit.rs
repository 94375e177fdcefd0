//! The audit is linked and signed in batches, behind the acts that it tells of: an act pays for its entry alone. Of several
//! processes one does it, by a lease; that it is one is convenience, that there is one chain is guarded by the database.

use std::sync::Arc;

use grantor_core::audit_chain::{Batch, Checkpoint, GENESIS, Lease, SignedCheckpoint, link_all};
use grantor_core::decision::Write;
use grantor_jose::{Algorithm, JwkSet, KeySet, SigningKey};
use uuid::Uuid;

use super::Fault;
use crate::node::{Actor, Node};
pub use crate::store::load::audit::AuditFilter;
use crate::store::write::{AUDIT_KEY, AUDIT_LEASE};

/// Entries that are linked by one unit.
const BATCH: i64 = 200;
/// A lease lasts so long, in seconds. Who has died is replaced after it.
const LEASE_SECONDS: i64 = 20;

/// Whether everything is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// It is, up to what came meanwhile.
    All,
    /// Another process has the right to do it, or was quicker.
    Elsewhere,
}

/// Links what is not linked yet, batch by batch, each with a signed checkpoint. Does nothing while another process does it.
///
/// # Errors
/// Storage trouble; a chain whose end is not what was signed, or not what this process has seen: it is not gone on with.
pub async fn link(node: &Node) -> Result<Linked, Fault> {
    let mut seen = node.audit.turn().await;
    loop {
        // Whatever has no place, and not whatever is younger than the last one: a slow unit, or another node's clock, may
        // bring an entry that is older.
        let entries = node.store.audit_unlinked(Uuid::nil(), BATCH).await?;
        if entries.is_empty() {
            return Ok(Linked::All);
        }
        let now = node.now();
        let holder = node.audit.holder;
        let held = node.store.lease(AUDIT_LEASE).await?;
        if held.is_some_and(|lease| lease.excludes(holder, now)) {
            return Ok(Linked::Elsewhere);
        }
        let key = key(node).await?;
        let before = node.store.audit_last_checkpoint().await?;
        let head = match &before {
            Some(signed) => {
                signed.check(&keys(&key)).map_err(|why| broken(signed.checkpoint.head.number, &why))?;
                signed.checkpoint.head
            }
            None => GENESIS,
        };
        if head.number < *seen {
            return Err(broken(*seen, &"it was signed by this process, and is not there any more"));
        }
        let linked = link_all(head, &entries);
        let Some(last) = linked.last() else { return Ok(Linked::All) };
        let checkpoint = Checkpoint { head: last.place, at: now };
        let signed = checkpoint.sign(&key).map_err(|error| {
            tracing::error!(%error, "the audit could not be signed");
            Fault::Internal
        })?;
        let lease = Lease { holder, at: now, until: now.plus_seconds(LEASE_SECONDS) };
        let write = Write::LinkAudit(Box::new(Batch { lease, linked, checkpoint: signed }));
        match node.commit(&Actor::system(), vec![write], Vec::new()).await {
            Ok(()) if i64::try_from(entries.len()).is_ok_and(|count| count == BATCH) => {
                *seen = checkpoint.head.number;
            }
            Ok(()) => {
                *seen = checkpoint.head.number;
                return Ok(Linked::All);
            }
            Err(Fault::Conflict | Fault::Duplicate) => {
                // Another process was quicker; if none was, the chain itself is not as it was left.
                if node.store.audit_last_checkpoint().await? == before {
                    return Err(broken(head.number, &"its numbers are taken already"));
                }
                return Ok(Linked::Elsewhere);
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// Links once more, and lets another process do it from now on: whoever stops need not be waited for.
///
/// # Errors
/// As [`link`].
pub async fn stop(node: &Node) -> Result<(), Fault> {
    link(node).await?;
    node.commit(&Actor::system(), vec![Write::ReleaseAuditLease(node.audit.holder)], Vec::new()).await
}

fn broken(number: i64, why: &dyn std::fmt::Display) -> Fault {
    tracing::error!(number, %why, "the audit does not go on where it was signed; run grantor audit verify");
    Fault::Internal
}

/// Links everything and gives the last checkpoint. `None` while there is no entry at all.
///
/// # Errors
/// As [`link`]; [`Fault::Conflict`] while another process does it.
pub async fn checkpoint(node: &Node) -> Result<Option<SignedCheckpoint>, Fault> {
    match link(node).await? {
        Linked::All => Ok(node.store.audit_last_checkpoint().await?),
        Linked::Elsewhere => Err(Fault::Conflict),
    }
}

/// The public half of the key that signs checkpoints.
///
/// # Errors
/// As [`link`].
pub async fn public_keys(node: &Node) -> Result<JwkSet, Fault> {
    Ok(JwkSet { keys: vec![key(node).await?.public_jwk().clone()] })
}

fn keys(key: &SigningKey) -> KeySet {
    KeySet::from_jwks(&JwkSet { keys: vec![key.public_jwk().clone()] })
}

/// The key of the installation: made at first need, sealed like every other one.
async fn key(node: &Node) -> Result<Arc<SigningKey>, Fault> {
    node.audit.key.get_or_try_init(|| open_key(node)).await.cloned()
}

async fn open_key(node: &Node) -> Result<Arc<SigningKey>, Fault> {
    if node.store.meta(AUDIT_KEY).await?.is_none() {
        let made = SigningKey::generate(Algorithm::Es256).map_err(|error| unusable(&error))?;
        let sealed = node.decide(|env| node.vault.seal(made.as_bytes(), AUDIT_KEY, env.rng));
        let write = Write::InsertAuditKey(sealed.map_err(|error| unusable(&error))?);
        match node.commit(&Actor::system(), vec![write], Vec::new()).await {
            // Another process was quicker: its key is the one.
            Ok(()) | Err(Fault::Conflict) => {}
            Err(fault) => return Err(fault),
        }
    }
    let sealed = node.store.meta(AUDIT_KEY).await?.ok_or(Fault::Internal)?;
    let private = node.vault.open(&sealed, AUDIT_KEY).map_err(|error| unusable(&error))?;
    SigningKey::from_pkcs8(Algorithm::Es256, &private).map(Arc::new).map_err(|error| unusable(&error))
}

fn unusable(error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(%error, "the key of the audit cannot be used");
    Fault::Internal
}
