//! Cases of tenants.

use grantor_core::case::{Case, CaseState, CaseSubject};
use grantor_core::env::UnixMillis;
use grantor_core::id::{ApiKeyId, CaseId, EnvironmentId, TenantId};

use super::corrupt;
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&BY_ID, &LIST, &OF_TENANT];

/// The columns of a case, in the order that they are read.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, environment_id, tenant_id, kind, key_id, text, state, opened_by, opened_at, closed_by, closed_at, answer \
             FROM cases WHERE environment_id = $1 AND ",
            $rest
        )
    };
}

const BY_ID: Sql = Sql { name: "case_by_id", text: select!("id = $2") };
const LIST: Sql = Sql { name: "cases", text: select!("id > $2 ORDER BY id LIMIT $3") };
const OF_TENANT: Sql =
    Sql { name: "cases_of_tenant", text: select!("tenant_id = $2 AND id > $3 ORDER BY id LIMIT $4") };

impl Store {
    /// A case by its id, in its environment.
    pub async fn case(&self, environment: EnvironmentId, id: CaseId) -> Result<Option<Case>, StoreError> {
        self.query_one(&BY_ID, vec![environment.bytes().into(), id.bytes().into()]).await
    }

    /// Cases in the order in which they were opened, after one; of all tenants, or of one.
    pub async fn cases(
        &self,
        environment: EnvironmentId,
        tenant: Option<TenantId>,
        after: [u8; 16],
        limit: i64,
    ) -> Result<Vec<Case>, StoreError> {
        let environment = environment.bytes().into();
        match tenant {
            None => self.query(&LIST, vec![environment, after.into(), limit.into()]).await,
            Some(tenant) => {
                let params = vec![environment, tenant.bytes().into(), after.into(), limit.into()];
                self.query(&OF_TENANT, params).await
            }
        }
    }
}

impl FromRow for Case {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let key = row.opt_bytes(4)?.map(|_| row.id(4)).transpose()?.map(ApiKeyId::from_bytes);
        let subject = match (row.text(3)?, key) {
            ("invalidate_key", Some(key)) => CaseSubject::InvalidateKey(key),
            ("other", None) => CaseSubject::Other,
            _ => return Err(corrupt("cases.kind")),
        };
        Ok(Self {
            id: CaseId::from_bytes(row.id(0)?),
            environment: EnvironmentId::from_bytes(row.id(1)?),
            tenant: TenantId::from_bytes(row.id(2)?),
            subject,
            text: row.text(5)?.to_owned(),
            state: CaseState::from_stored(row.text(6)?).ok_or_else(|| corrupt("cases.state"))?,
            opened_by: row.text(7)?.to_owned(),
            opened_at: UnixMillis(row.int(8)?),
            closed_by: row.opt_text(9)?.map(str::to_owned),
            closed_at: row.opt_int(10)?.map(UnixMillis),
            answer: row.opt_text(11)?.map(str::to_owned),
        })
    }
}
