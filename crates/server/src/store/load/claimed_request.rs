//! Requests that were carried out under an `Idempotency-Key`.

use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&CLAIMED];

// A row that nobody has erased yet is too old all the same. The key holds the caller, and so the environment.
const CLAIMED: Sql = Sql {
    name: "claimed_request",
    text: "SELECT body, sealed FROM claimed_requests WHERE key = $1 AND claimed_at > $2",
};

/// A request that was carried out.
pub struct Claimed {
    /// Keyed hash of its body.
    pub body: [u8; 32],
    /// Its answer, sealed; `None` while it is on its way, and where it was lost.
    pub sealed: Option<Vec<u8>>,
}

impl Store {
    /// What became of a request, if it came after a moment (unix milliseconds).
    pub async fn claimed_request(&self, key: [u8; 32], after: i64) -> Result<Option<Claimed>, StoreError> {
        self.query_one(&CLAIMED, vec![key.into(), after.into()]).await
    }
}

impl FromRow for Claimed {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { body: row.fixed(0)?, sealed: row.opt_bytes(1)?.map(<[u8]>::to_vec) })
    }
}
