//! Writes of how accesses are opened, and of what is accepted in the name of tenants.

use grantor_core::contract::{Contract, FileHash};
use grantor_core::document::TenantAcceptance;
use grantor_core::id::{ApiId, TenantId};
use grantor_core::onboarding::{AccessMove, AccessStep};

use super::super::sql::{Sql, Statement};
use super::{any, json, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[&MOVE_ACCESS, &RECORD_CONTRACT, &NOTE_STEP, &ACCEPT_FOR_TENANT];

const MOVE_ACCESS: Sql = Sql {
    name: "move_access",
    text: "UPDATE accesses SET status = $4, epoch = epoch + $5 WHERE tenant_id = $1 AND api_id = $2 AND status = $3",
};
// A closed or refused access gets none.
const RECORD_CONTRACT: Sql = Sql {
    name: "record_contract",
    text: "UPDATE accesses SET contract = $3 \
           WHERE tenant_id = $1 AND api_id = $2 AND status IN ('applied', 'approved', 'suspended')",
};
const NOTE_STEP: Sql = Sql {
    name: "note_access_step",
    text: "INSERT INTO access_steps (id, tenant_id, api_id, step, at, actor, comment, evidence) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
};
const ACCEPT_FOR_TENANT: Sql = Sql {
    name: "accept_for_tenant",
    text: "INSERT INTO tenant_acceptances (tenant_id, document_id, version, hash, accepted_at, actor, address) \
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, document_id, version) DO NOTHING",
};

/// Leaving `approved` raises the epoch: tokens from before stay dead, also when it is resumed.
pub(super) fn move_access(change: &AccessMove) -> Statement {
    let raise = i64::from(change.from.is_open() && change.to != change.from);
    one(
        &MOVE_ACCESS,
        vec![
            change.tenant.bytes().into(),
            change.api.bytes().into(),
            change.from.as_str().into(),
            change.to.as_str().into(),
            raise.into(),
        ],
    )
}

pub(super) fn record_contract(tenant: TenantId, api: ApiId, contract: &Contract) -> Statement {
    one(&RECORD_CONTRACT, vec![tenant.bytes().into(), api.bytes().into(), json(contract)])
}

pub(super) fn note_step(step: &AccessStep) -> Statement {
    one(
        &NOTE_STEP,
        vec![
            step.id.bytes().into(),
            step.tenant.bytes().into(),
            step.api.bytes().into(),
            step.step.as_str().into(),
            step.at.0.into(),
            step.by.as_str().into(),
            step.comment.as_str().into(),
            step.evidence.as_ref().map(FileHash::as_str).into(),
        ],
    )
}

/// Accepting twice is once, and the first time counts: any number of rows.
pub(super) fn accept_for_tenant(acceptance: &TenantAcceptance) -> Statement {
    any(
        &ACCEPT_FOR_TENANT,
        vec![
            acceptance.tenant.bytes().into(),
            acceptance.document.bytes().into(),
            acceptance.version.into(),
            acceptance.hash.as_str().into(),
            acceptance.at.0.into(),
            acceptance.by.as_str().into(),
            acceptance.address.as_str().into(),
        ],
    )
}
