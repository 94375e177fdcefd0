//! The failures to sign in of one account.

use grantor_core::env::UnixMillis;
use grantor_core::id::EnvironmentId;
use grantor_core::lockout::Failures;

use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&FAILURES];

const FAILURES: Sql = Sql {
    name: "login_failures",
    text: "SELECT environment_id, account, count, blocked_until, last_at \
           FROM login_failures WHERE environment_id = $1 AND account = $2",
};

impl Store {
    /// The failures of an account, by its keyed hash; `None` if there are none.
    pub async fn failures(
        &self,
        environment: EnvironmentId,
        account: [u8; 32],
    ) -> Result<Option<Failures>, StoreError> {
        self.query_one(&FAILURES, vec![environment.bytes().into(), account.into()]).await
    }
}

impl FromRow for Failures {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            environment: EnvironmentId::from_bytes(row.id(0)?),
            account: row.fixed(1)?,
            count: row.int(2)?,
            blocked_until: UnixMillis(row.int(3)?),
            last_at: UnixMillis(row.int(4)?),
        })
    }
}
