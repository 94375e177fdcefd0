//! Reads for people: the newest entries of the audit.

use grantor_core::env::UnixMillis;

use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&AUDIT];

// The audit of the whole installation is for its operators.
const AUDIT: Sql = Sql {
    name: "audit_newest",
    text: "SELECT at, actor, action, target, detail, request_id, address FROM audit ORDER BY id DESC LIMIT $1",
};

/// An audit entry, as shown.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// When.
    pub at: UnixMillis,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// More, as JSON text.
    pub detail: String,
    /// The request.
    pub request_id: String,
    /// From where.
    pub address: String,
}

impl Store {
    /// The newest audit entries, newest first.
    pub async fn audit_newest(&self, limit: i64) -> Result<Vec<AuditEntry>, StoreError> {
        self.query(&AUDIT, vec![limit.into()]).await
    }
}

impl FromRow for AuditEntry {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            at: UnixMillis(row.int(0)?),
            actor: row.text(1)?.to_owned(),
            action: row.text(2)?.to_owned(),
            target: row.text(3)?.to_owned(),
            detail: row.text(4)?.to_owned(),
            request_id: row.text(5)?.to_owned(),
            address: row.text(6)?.to_owned(),
        })
    }
}
