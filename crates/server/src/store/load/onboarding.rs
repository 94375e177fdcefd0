//! The history of accesses, and what was accepted in the name of tenants.

use grantor_core::document::TenantAcceptance;
use grantor_core::env::UnixMillis;
use grantor_core::id::{AccessStepId, ApiId, DocumentId, TenantId};
use grantor_core::onboarding::{AccessStep, Step};

use super::{corrupt, parse};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&STEPS, &ACCEPTED];

// A tenant spans environments; the API names the environment.
const STEPS: Sql = Sql {
    name: "access_steps",
    text: "SELECT id, tenant_id, api_id, step, at, actor, comment, evidence FROM access_steps \
           WHERE tenant_id = $1 AND api_id = $2 ORDER BY id",
};
const ACCEPTED: Sql = Sql {
    name: "tenant_acceptances",
    text: "SELECT tenant_id, document_id, version, hash, accepted_at, actor, address FROM tenant_acceptances \
           WHERE tenant_id = $1 ORDER BY accepted_at, document_id, version",
};

impl Store {
    /// The history of an access, oldest first.
    pub async fn access_steps(&self, tenant: TenantId, api: ApiId) -> Result<Vec<AccessStep>, StoreError> {
        self.query(&STEPS, vec![tenant.bytes().into(), api.bytes().into()]).await
    }

    /// What was accepted in the name of a tenant, oldest first.
    pub async fn tenant_acceptances(&self, tenant: TenantId) -> Result<Vec<TenantAcceptance>, StoreError> {
        self.query(&ACCEPTED, vec![tenant.bytes().into()]).await
    }
}

impl FromRow for AccessStep {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let evidence = row.opt_text(7)?.map(|text| parse(text, "access_steps.evidence")).transpose()?;
        Ok(Self {
            id: AccessStepId::from_bytes(row.id(0)?),
            tenant: TenantId::from_bytes(row.id(1)?),
            api: ApiId::from_bytes(row.id(2)?),
            step: Step::from_stored(row.text(3)?).ok_or_else(|| corrupt("access_steps.step"))?,
            at: UnixMillis(row.int(4)?),
            by: row.text(5)?.to_owned(),
            comment: row.text(6)?.to_owned(),
            evidence,
        })
    }
}

impl FromRow for TenantAcceptance {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: TenantId::from_bytes(row.id(0)?),
            document: DocumentId::from_bytes(row.id(1)?),
            version: row.int(2)?,
            hash: row.text(3)?.to_owned(),
            at: UnixMillis(row.int(4)?),
            by: row.text(5)?.to_owned(),
            address: row.text(6)?.to_owned(),
        })
    }
}
