//! Mails that are due.

use grantor_core::env::UnixMillis;
use grantor_core::id::{EnvironmentId, MailId};
use grantor_core::outbox::{Mail, MailKind};

use super::{corrupt, json, parse};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&DUE];

// One job delivers for every environment; each mail says its own.
const DUE: Sql = Sql {
    name: "due_mails",
    text: "SELECT id, environment_id, recipient, kind, content, attempts, next_at \
           FROM outbox WHERE next_at <= $1 ORDER BY next_at, id LIMIT $2",
};

impl Store {
    /// The mails of all environments that are to be tried now, the longest overdue first. Those that were given up are not
    /// among them.
    pub async fn due_mails(&self, now: UnixMillis, limit: i64) -> Result<Vec<Mail>, StoreError> {
        self.query(&DUE, vec![now.0.into(), limit.into()]).await
    }
}

impl FromRow for Mail {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: MailId::from_bytes(row.id(0)?),
            environment: EnvironmentId::from_bytes(row.id(1)?),
            to: parse(row.text(2)?, "outbox.recipient")?,
            kind: MailKind::from_stored(row.text(3)?).ok_or_else(|| corrupt("outbox.kind"))?,
            values: json(row.text(4)?, "outbox.content")?,
            attempts: row.int(5)?,
            next_at: UnixMillis(row.int(6)?),
        })
    }
}
