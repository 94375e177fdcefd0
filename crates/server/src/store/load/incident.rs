//! Incidents, what has leaked by its hash, and who is told.

use grantor_core::env::UnixMillis;
use grantor_core::id::{AppId, EnvironmentId, IncidentId, TenantId};
use grantor_core::incident::{Incident, LeakSource, LeakedKind, Place, Resolution, Sighting};
use grantor_core::name::ClientId;
use grantor_core::user::User;

use super::user::user_columns;
use super::{corrupt, json, parse};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] =
    &[&INCIDENT, &BY_SUBJECT, &NEWEST, &NEWEST_OPEN, &OF_SECRET, &LEAK_MESSAGE, &ADMINS];

/// The columns of an incident, in the order that its [`FromRow`] reads.
macro_rules! columns {
    () => {
        "id, subject, kind, environment_id, tenant_id, app_id, last_four, source, place, reporter, measures, sightings, \
         first_seen_at, last_seen_at, resolved_by, resolved_at, comment"
    };
}

// Incidents are for the operators of the whole installation.
const INCIDENT: Sql =
    Sql { name: "incident", text: concat!("SELECT ", columns!(), " FROM incidents WHERE id = $1") };
const BY_SUBJECT: Sql = Sql {
    name: "incident_by_subject",
    text: concat!("SELECT ", columns!(), " FROM incidents WHERE subject = $1"),
};
const NEWEST: Sql = Sql {
    name: "incidents",
    text: concat!("SELECT ", columns!(), " FROM incidents WHERE id < $1 ORDER BY id DESC LIMIT $2"),
};
const NEWEST_OPEN: Sql = Sql {
    name: "open_incidents",
    text: concat!(
        "SELECT ",
        columns!(),
        " FROM incidents WHERE id < $1 AND resolved_at IS NULL ORDER BY id DESC LIMIT $2"
    ),
};
const OF_SECRET: Sql = Sql {
    name: "client_id_of_secret",
    text: "SELECT a.client_id FROM app_secrets s JOIN apps a ON a.id = s.app_id WHERE a.environment_id = $1 AND s.mac = $2",
};
const LEAK_MESSAGE: Sql = Sql { name: "leak_message", text: "SELECT at FROM leak_messages WHERE hash = $1" };
// The roles are JSON that we write: a list of words.
const ADMINS: Sql = Sql {
    name: "admins_of",
    text: concat!(
        "SELECT ",
        user_columns!(),
        " FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.environment_id = $1 AND m.tenant_id = $2 \
         AND u.status = 'active' AND u.email_verified_at IS NOT NULL \
         AND (m.roles LIKE '%\"owner\"%' OR m.roles LIKE '%\"admin\"%') ORDER BY u.created_at, u.id LIMIT $3"
    ),
};

impl Store {
    /// An incident.
    pub async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.query_one(&INCIDENT, vec![id.bytes().into()]).await
    }

    /// The incident about a subject.
    pub async fn incident_by_subject(&self, subject: &str) -> Result<Option<Incident>, StoreError> {
        self.query_one(&BY_SUBJECT, vec![subject.into()]).await
    }

    /// Incidents, newest first, before one.
    pub async fn incidents(&self, before: [u8; 16], limit: i64) -> Result<Vec<Incident>, StoreError> {
        self.query(&NEWEST, vec![before.into(), limit.into()]).await
    }

    /// Those of them that nobody has closed.
    pub async fn open_incidents(&self, before: [u8; 16], limit: i64) -> Result<Vec<Incident>, StoreError> {
        self.query(&NEWEST_OPEN, vec![before.into(), limit.into()]).await
    }

    /// The app whose secret has this keyed hash, whatever became of the secret.
    pub async fn client_id_of_secret(
        &self,
        environment: EnvironmentId,
        mac: [u8; 32],
    ) -> Result<Option<ClientId>, StoreError> {
        let rows: Vec<Row> = self.query(&OF_SECRET, vec![environment.bytes().into(), mac.into()]).await?;
        rows.first().map(|row| parse(row.text(0)?, "apps.client_id")).transpose()
    }

    /// Whether a message about leaks was worked off already.
    pub async fn knows_leak_message(&self, hash: [u8; 32]) -> Result<bool, StoreError> {
        let rows: Vec<Row> = self.query(&LEAK_MESSAGE, vec![hash.into()]).await?;
        Ok(!rows.is_empty())
    }

    /// The owners and admins of a tenant in an environment whose address is proved, the oldest accounts first.
    pub async fn admins_of(
        &self,
        environment: EnvironmentId,
        tenant: TenantId,
        limit: i64,
    ) -> Result<Vec<User>, StoreError> {
        self.query(&ADMINS, vec![environment.bytes().into(), tenant.bytes().into(), limit.into()]).await
    }
}

impl FromRow for Incident {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let source = LeakSource::from_stored(row.text(7)?).ok_or_else(|| corrupt("incidents.source"))?;
        let resolution = match (row.opt_text(14)?, row.opt_int(15)?) {
            (None, None) => None,
            (Some(by), Some(at)) => Some(Resolution {
                by: by.to_owned(),
                at: UnixMillis(at),
                comment: row.opt_text(16)?.map(|text| parse(text, "incidents.comment")).transpose()?,
            }),
            _ => return Err(corrupt("incidents.resolved_by")),
        };
        Ok(Self {
            id: IncidentId::from_bytes(row.id(0)?),
            subject: row.text(1)?.to_owned(),
            kind: LeakedKind::from_stored(row.text(2)?).ok_or_else(|| corrupt("incidents.kind"))?,
            environment: row.opt_id(3)?.map(EnvironmentId::from_bytes),
            tenant: row.opt_id(4)?.map(TenantId::from_bytes),
            app: row.opt_id(5)?.map(AppId::from_bytes),
            last_four: row.text(6)?.to_owned(),
            sighting: Sighting {
                source,
                place: row.opt_text(8)?.and_then(Place::read),
                reporter: row.text(9)?.to_owned(),
            },
            measures: json(row.text(10)?, "incidents.measures")?,
            sightings: row.int(11)?,
            first_seen_at: UnixMillis(row.int(12)?),
            last_seen_at: UnixMillis(row.int(13)?),
            resolution,
        })
    }
}
