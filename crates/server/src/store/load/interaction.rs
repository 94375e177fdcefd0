//! Interactions, by the hash of the handle in the link.

use grantor_core::env::UnixMillis;
use grantor_core::id::{EnvironmentId, InteractionId};
use grantor_core::interaction::Interaction;

use super::{json, secret_hash};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&BY_HANDLE];

const BY_HANDLE: Sql = Sql {
    name: "interaction_by_handle",
    text: "SELECT id, environment_id, handle_pepper, handle_mac, browser_pepper, browser_mac, version, request, progress, created_at, expires_at \
           FROM interactions WHERE environment_id = $1 AND handle_mac = $2",
};

impl Store {
    /// An interaction by the keyed hash of its handle, late ones too. Whether it is this browser's is decided elsewhere.
    pub async fn interaction_by_handle(
        &self,
        environment: EnvironmentId,
        mac: [u8; 32],
    ) -> Result<Option<Interaction>, StoreError> {
        self.query_one(&BY_HANDLE, vec![environment.bytes().into(), mac.into()]).await
    }
}

impl FromRow for Interaction {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: InteractionId::from_bytes(row.id(0)?),
            environment: EnvironmentId::from_bytes(row.id(1)?),
            handle: secret_hash(row, 2)?,
            browser: secret_hash(row, 4)?,
            version: row.int(6)?,
            request: row.opt_text(7)?.map(|text| json(text, "interactions.request")).transpose()?,
            progress: json(row.text(8)?, "interactions.progress")?,
            created_at: UnixMillis(row.int(9)?),
            expires_at: UnixMillis(row.int(10)?),
        })
    }
}
