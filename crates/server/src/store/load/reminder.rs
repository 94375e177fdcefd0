//! Credentials whose owners are to be reminded that they end.

use grantor_core::credential_write::Reminded;
use grantor_core::env::UnixMillis;
use grantor_core::id::{ApiKeyId, AppId, EnvironmentId, TenantId};

use super::status;
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&KEYS, &SECRETS];

// One job reminds for every environment; each row says its own. Both read by an index that holds only what has a reminder
// ahead, so that a million keys cost nothing.
const KEYS: Sql = Sql {
    name: "due_key_reminders",
    text: "SELECT id, environment_id, tenant_id, name, last_four, status, expires_at, remind_at \
           FROM api_keys WHERE remind_at <= $1 ORDER BY remind_at, id LIMIT $2",
};
const SECRETS: Sql = Sql {
    name: "due_secret_reminders",
    text: "SELECT s.app_id, a.environment_id, a.tenant_id, a.client_id, s.last_four, a.status, s.expires_at, s.remind_at, s.version, s.ended_at \
           FROM app_secrets s JOIN apps a ON a.id = s.app_id WHERE s.remind_at <= $1 ORDER BY s.remind_at, s.app_id, s.version LIMIT $2",
};

/// A reminder that its row says is due.
#[derive(Debug, Clone)]
pub struct DueReminder {
    /// What ends.
    pub of: Reminded,
    /// Where.
    pub environment: EnvironmentId,
    /// Whose.
    pub tenant: TenantId,
    /// The name of the key, or the client id of the app.
    pub name: String,
    /// The last four characters, for people.
    pub last_four: String,
    /// Whether it, or its app, can still come to use.
    pub alive: bool,
    /// When it ends; `None` where the end was lifted.
    pub expires_at: Option<UnixMillis>,
    /// The moment that is due.
    pub remind_at: UnixMillis,
}

struct OfKey(DueReminder);
struct OfSecret(DueReminder);

impl Store {
    /// What is due by now in all environments, keys first, at most `limit` of each kind.
    pub async fn due_reminders(&self, now: UnixMillis, limit: i64) -> Result<Vec<DueReminder>, StoreError> {
        let keys: Vec<OfKey> = self.query(&KEYS, vec![now.0.into(), limit.into()]).await?;
        let secrets: Vec<OfSecret> = self.query(&SECRETS, vec![now.0.into(), limit.into()]).await?;
        Ok(keys
            .into_iter()
            .map(|OfKey(due)| due)
            .chain(secrets.into_iter().map(|OfSecret(due)| due))
            .collect())
    }
}

/// The columns that both statements give, in one order.
fn read(row: &Row, of: Reminded) -> Result<DueReminder, StoreError> {
    Ok(DueReminder {
        of,
        environment: EnvironmentId::from_bytes(row.id(1)?),
        tenant: TenantId::from_bytes(row.id(2)?),
        name: row.text(3)?.to_owned(),
        last_four: row.text(4)?.to_owned(),
        alive: status(row.text(5)?, "status")? != grantor_core::tenant::Status::Closed,
        expires_at: row.opt_int(6)?.map(UnixMillis),
        remind_at: UnixMillis(row.int(7)?),
    })
}

impl FromRow for OfKey {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(read(row, Reminded::Key(ApiKeyId::from_bytes(row.id(0)?)))?))
    }
}

impl FromRow for OfSecret {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let due = read(row, Reminded::Secret(AppId::from_bytes(row.id(0)?), row.int(8)?))?;
        Ok(Self(DueReminder { alive: due.alive && row.opt_int(9)?.is_none(), ..due }))
    }
}
