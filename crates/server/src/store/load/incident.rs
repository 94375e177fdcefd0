//! Incidents, and the messages that reported them.

use grantor_core::env::UnixMillis;
use grantor_core::id::{AppId, EnvironmentId, IncidentId, TenantId};
use grantor_core::incident::{Incident, LeakSource, LeakedKind, Place, Resolution, Sighting};

use super::{corrupt, json, parse};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&INCIDENT, &BY_SUBJECT, &NEWEST, &NEWEST_OPEN, &LEAK_MESSAGE];

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
const LEAK_MESSAGE: Sql = Sql { name: "leak_message", text: "SELECT at FROM leak_messages WHERE hash = $1" };
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

    /// Whether a message about leaks was worked off already.
    pub async fn knows_leak_message(&self, hash: [u8; 32]) -> Result<bool, StoreError> {
        let rows: Vec<Row> = self.query(&LEAK_MESSAGE, vec![hash.into()]).await?;
        Ok(!rows.is_empty())
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
