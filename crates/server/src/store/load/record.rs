//! Reads of what was noted beside the decisions, and the look for the owner of a secret by its keyed hash.

use grantor_core::env::UnixMillis;
use grantor_core::id::{AppId, EnvironmentId, TenantId};
use grantor_core::request_log::{Entry, Owned, Subject};
use grantor_core::secret::SecretHash;
use grantor_core::usage::Span;

use super::secret_hash;
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&LOG, &NOTICES, &USAGE, &ISSUED, &USES, &KEY_USES, &SECRET_OWNER];

const LOG: Sql = Sql {
    name: "request_log",
    text: "SELECT at, door, status, error, reason, credential, address, request_id, api, grant_type, took, count \
           FROM request_log WHERE subject = $1 ORDER BY at DESC, sequence DESC",
};
const NOTICES: Sql = Sql {
    name: "notices",
    text: "SELECT kind, presented_in, belongs_to, first_seen_at, last_seen_at, count, address \
           FROM notices WHERE subject = $1 ORDER BY last_seen_at DESC LIMIT 200",
};
const USAGE: Sql = Sql {
    name: "usage",
    text: "SELECT starts, kind, count FROM usage_counts WHERE subject = $1 AND span = $2 AND starts >= $3 ORDER BY starts",
};
const ISSUED: Sql = Sql {
    name: "issued_since",
    text: "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM usage_counts \
           WHERE subject = $1 AND span = 'minute' AND kind = 'issued' AND starts >= $2",
};
const USES: Sql =
    Sql { name: "last_uses", text: "SELECT subject, version, at, address FROM last_uses WHERE subject = $1" };
const KEY_USES: Sql = Sql {
    name: "last_uses_of_keys",
    text: "SELECT u.subject, u.version, u.at, u.address FROM api_keys k JOIN last_uses u ON u.subject = k.id \
           WHERE k.environment_id = $1 AND k.id > $2 ORDER BY k.id LIMIT $3",
};
const SECRET_OWNER: Sql = Sql {
    name: "secret_owner",
    text: "SELECT a.id, a.tenant_id, s.pepper, s.mac FROM app_secrets s JOIN apps a ON a.id = s.app_id \
           WHERE a.environment_id = $1 AND s.mac = $2",
};

/// A request, as its owner reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// When it ended.
    pub at: UnixMillis,
    /// Where it went.
    pub door: String,
    /// The status of the answer.
    pub status: i64,
    /// The code that the caller was told.
    pub error: Option<String>,
    /// Why it was refused, by its name; `None` if it was not.
    pub reason: Option<String>,
    /// The last four characters of the credential.
    pub credential: Option<String>,
    /// From where.
    pub address: String,
    /// Its id.
    pub request_id: String,
    /// For which API.
    pub api: Option<String>,
    /// By which grant.
    pub grant: Option<String>,
    /// The class of the time that it took.
    pub took: String,
    /// How many like it.
    pub count: i64,
}

impl From<&Entry> for Logged {
    fn from(entry: &Entry) -> Self {
        let refusal = entry.outcome.refusal;
        Self {
            at: entry.at,
            door: entry.door.as_str().to_owned(),
            status: entry.outcome.status.into(),
            error: refusal.and_then(|refusal| refusal.error).map(|error| error.code().to_owned()),
            reason: refusal.map(|refusal| refusal.reason.name().to_owned()),
            credential: entry.credential.as_ref().map(|hint| hint.as_str().to_owned()),
            address: entry.address.to_string(),
            request_id: entry.request_id.clone(),
            api: entry.api.as_ref().map(ToString::to_string),
            grant: entry.grant.map(|grant| grant.as_str().to_owned()),
            took: entry.took.as_str().to_owned(),
            count: entry.count,
        }
    }
}

/// A notice, as its owner reads it.
#[derive(Debug, Clone)]
pub struct Noticed {
    /// What kind.
    pub kind: String,
    /// Where the credential came.
    pub presented_in: EnvironmentId,
    /// Where it belongs.
    pub belongs_to: EnvironmentId,
    /// When first on that day.
    pub first_seen_at: UnixMillis,
    /// When last on that day.
    pub last_seen_at: UnixMillis,
    /// How often on that day.
    pub count: i64,
    /// From where last.
    pub address: String,
}

/// One stored count.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The number of its span since 1970.
    pub starts: i64,
    /// Of what.
    pub kind: String,
    /// How many.
    pub count: i64,
}

/// A stored last use.
#[derive(Debug, Clone)]
pub struct StoredUse {
    /// The id of the app or key.
    pub subject: [u8; 16],
    /// Of the secret; 0 for a key.
    pub version: i64,
    /// When.
    pub at: UnixMillis,
    /// From where, if the caller was seen.
    pub address: Option<String>,
}

/// Whose a stored secret is.
struct SecretOwner {
    owner: Owned,
    hash: SecretHash,
}

impl Store {
    /// The log of a subject, newest first. No more rows than its rings have slots.
    pub async fn request_log(&self, subject: Subject) -> Result<Vec<Logged>, StoreError> {
        self.query(&LOG, vec![subject.bytes().into()]).await
    }

    /// The newest notices of a subject, newest first.
    pub async fn notices(&self, subject: Subject) -> Result<Vec<Noticed>, StoreError> {
        self.query(&NOTICES, vec![subject.bytes().into()]).await
    }

    /// Counts of a subject by a span, from one on, in order.
    pub async fn usage(&self, subject: Subject, span: Span, since: i64) -> Result<Vec<Counted>, StoreError> {
        self.query(&USAGE, vec![subject.bytes().into(), span.as_str().into(), since.into()]).await
    }

    /// Tokens issued to an app since a minute.
    pub async fn issued_since(&self, app: AppId, minute: i64) -> Result<i64, StoreError> {
        let rows: Vec<Row> = self.query(&ISSUED, vec![app.bytes().into(), minute.into()]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The last uses of a subject's credentials.
    pub async fn last_uses(&self, subject: Subject) -> Result<Vec<StoredUse>, StoreError> {
        self.query(&USES, vec![subject.bytes().into()]).await
    }

    /// The last uses of keys in order of making, after one.
    pub async fn last_uses_of_keys(
        &self,
        environment: EnvironmentId,
        after: [u8; 16],
        limit: i64,
    ) -> Result<Vec<StoredUse>, StoreError> {
        self.query(&KEY_USES, vec![environment.bytes().into(), after.into(), limit.into()]).await
    }

    /// The apps of an environment with a secret of this keyed hash, each with the hash as it is stored. The caller compares.
    pub async fn secret_owners(
        &self,
        environment: EnvironmentId,
        mac: [u8; 32],
    ) -> Result<Vec<(Owned, SecretHash)>, StoreError> {
        let found: Vec<SecretOwner> =
            self.query(&SECRET_OWNER, vec![environment.bytes().into(), mac.into()]).await?;
        Ok(found.into_iter().map(|found| (found.owner, found.hash)).collect())
    }
}

impl FromRow for Logged {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let maybe = |index| Ok::<_, StoreError>(row.opt_text(index)?.map(str::to_owned));
        Ok(Self {
            at: UnixMillis(row.int(0)?),
            door: row.text(1)?.to_owned(),
            status: row.int(2)?,
            error: maybe(3)?,
            reason: maybe(4)?,
            credential: maybe(5)?,
            address: row.text(6)?.to_owned(),
            request_id: row.text(7)?.to_owned(),
            api: maybe(8)?,
            grant: maybe(9)?,
            took: row.text(10)?.to_owned(),
            count: row.int(11)?,
        })
    }
}

impl FromRow for Noticed {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            kind: row.text(0)?.to_owned(),
            presented_in: EnvironmentId::from_bytes(row.id(1)?),
            belongs_to: EnvironmentId::from_bytes(row.id(2)?),
            first_seen_at: UnixMillis(row.int(3)?),
            last_seen_at: UnixMillis(row.int(4)?),
            count: row.int(5)?,
            address: row.text(6)?.to_owned(),
        })
    }
}

impl FromRow for Counted {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { starts: row.int(0)?, kind: row.text(1)?.to_owned(), count: row.int(2)? })
    }
}

impl FromRow for StoredUse {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            subject: row.id(0)?,
            version: row.int(1)?,
            at: UnixMillis(row.int(2)?),
            address: row.opt_text(3)?.map(str::to_owned),
        })
    }
}

impl FromRow for SecretOwner {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let subject = Subject::App(AppId::from_bytes(row.id(0)?));
        let owner = Owned { subject, tenant: TenantId::from_bytes(row.id(1)?) };
        Ok(Self { owner, hash: secret_hash(row, 2)? })
    }
}
