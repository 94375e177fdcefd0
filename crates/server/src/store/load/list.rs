//! Reads for people: the counts of an app.

use grantor_core::id::AppId;

use crate::store::Store;
use crate::store::sql::{Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&ISSUED];

const ISSUED: Sql = Sql {
    name: "issued_since",
    text: "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM issued_counts WHERE app_id = $1 AND minute >= $2",
};

impl Store {
    /// Tokens issued to an app since a minute.
    pub async fn issued_since(&self, app: AppId, minute: i64) -> Result<i64, StoreError> {
        let rows: Vec<Row> = self.query(&ISSUED, vec![app.bytes().into(), minute.into()]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }
}
