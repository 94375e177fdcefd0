//! Writes of the audit: an entry in the unit of what it tells of; later its place in the chain, and the checkpoint.

use grantor_core::audit_chain::{Batch, Entry, Lease, Linked, SignedCheckpoint};
use grantor_core::id::EnvironmentId;

use super::super::sql::{Sql, Statement};
use super::installation::PUT_META_ONCE;
use super::{any, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] =
    &[&INSERT_AUDIT, &TAKE_LEASE, &RELEASE_LEASE, &LINK_AUDIT, &INSERT_CHECKPOINT];

/// The name in `meta` of the key that signs checkpoints, and the place for which it is sealed.
pub const AUDIT_KEY: &str = "audit_key";
/// The name of the lease of whoever links.
pub const AUDIT_LEASE: &str = "audit";

const INSERT_AUDIT: Sql = Sql {
    name: "insert_audit",
    text: "INSERT INTO audit (id, at, environment_id, actor, action, target, detail, request_id, address) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
};
// Free, one's own, or over.
const TAKE_LEASE: Sql = Sql {
    name: "take_lease",
    text: "INSERT INTO leases (name, holder, taken_at, expires_at) VALUES ($1, $2, $3, $4) \
           ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, taken_at = excluded.taken_at, \
           expires_at = excluded.expires_at \
           WHERE leases.holder = excluded.holder OR leases.expires_at <= excluded.taken_at",
};
const RELEASE_LEASE: Sql = Sql {
    name: "release_lease",
    text: "UPDATE leases SET expires_at = taken_at WHERE name = $1 AND holder = $2",
};
// A number that is taken is a duplicate, and undoes the unit: two that link at once cannot make a fork.
const LINK_AUDIT: Sql = Sql {
    name: "link_audit",
    text: "UPDATE audit SET number = $2, link = $3 WHERE id = $1 AND number IS NULL",
};
const INSERT_CHECKPOINT: Sql = Sql {
    name: "insert_checkpoint",
    text: "INSERT INTO audit_checkpoints (number, link, at, kid, jws) VALUES ($1, $2, $3, $4, $5)",
};

/// The statement of an entry.
pub fn audit(entry: Entry) -> Statement {
    let environment = entry.environment.map(EnvironmentId::bytes);
    one(
        &INSERT_AUDIT,
        vec![
            entry.id.into_bytes().into(),
            entry.at.0.into(),
            environment.into(),
            entry.actor.into(),
            entry.action.into(),
            entry.target.into(),
            entry.detail.into(),
            entry.request_id.into(),
            entry.address.into(),
        ],
    )
}

pub(super) fn insert_audit_key(sealed: &[u8]) -> Statement {
    one(&PUT_META_ONCE, vec![AUDIT_KEY.into(), sealed.into()])
}

pub(super) fn link_audit(batch: &Batch) -> Vec<Statement> {
    let mut unit = vec![take_lease(AUDIT_LEASE, &batch.lease)];
    unit.extend(batch.linked.iter().map(link));
    unit.push(insert_checkpoint(&batch.checkpoint));
    unit
}

pub(super) fn release_lease(holder: [u8; 16]) -> Statement {
    any(&RELEASE_LEASE, vec![AUDIT_LEASE.into(), holder.into()])
}

fn take_lease(name: &str, lease: &Lease) -> Statement {
    one(&TAKE_LEASE, vec![name.into(), lease.holder.into(), lease.at.0.into(), lease.until.0.into()])
}

fn link(linked: &Linked) -> Statement {
    one(
        &LINK_AUDIT,
        vec![linked.id.into_bytes().into(), linked.place.number.into(), linked.place.link.into()],
    )
}

fn insert_checkpoint(signed: &SignedCheckpoint) -> Statement {
    one(
        &INSERT_CHECKPOINT,
        vec![
            signed.checkpoint.head.number.into(),
            signed.checkpoint.head.link.into(),
            signed.checkpoint.at.0.into(),
            signed.kid.as_str().into(),
            signed.jws.as_str().into(),
        ],
    )
}
