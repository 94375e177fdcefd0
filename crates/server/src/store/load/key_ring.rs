//! The key ring, sealed as it lies in the database.

use grantor_core::decision::StoredKey;
use grantor_core::env::UnixMillis;
use grantor_core::id::EnvironmentId;
use grantor_core::signing_key::{KeyState, KeyUse};

use super::corrupt;
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&RING];

const RING: Sql = Sql {
    name: "key_ring",
    text: "SELECT environment_id, kid, usage, algorithm, state, public, sealed, created_at, activated_at, retires_at, uses \
           FROM key_ring WHERE environment_id = $1 ORDER BY created_at, kid",
};

impl Store {
    /// Every key of an environment, oldest first, retired ones too (their private half is erased).
    pub async fn key_ring(&self, environment: EnvironmentId) -> Result<Vec<StoredKey>, StoreError> {
        self.query(&RING, vec![environment.bytes().into()]).await
    }
}

impl FromRow for StoredKey {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            environment: EnvironmentId::from_bytes(row.id(0)?),
            kid: row.text(1)?.to_owned(),
            usage: KeyUse::from_stored(row.text(2)?).ok_or_else(|| corrupt("key_ring.usage"))?,
            algorithm: row.text(3)?.to_owned(),
            state: KeyState::from_stored(row.text(4)?).ok_or_else(|| corrupt("key_ring.state"))?,
            public: row.opt_text(5)?.map(str::to_owned),
            sealed: row.bytes(6)?.to_vec(),
            created_at: UnixMillis(row.int(7)?),
            activated_at: row.opt_int(8)?.map(UnixMillis),
            retires_at: row.opt_int(9)?.map(UnixMillis),
            uses: row.int(10)?,
        })
    }
}
