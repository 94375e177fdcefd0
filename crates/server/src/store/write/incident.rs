//! Writes of incidents, and of the messages that reported them.

use grantor_core::comment::Comment;
use grantor_core::env::UnixMillis;
use grantor_core::id::EnvironmentId;
use grantor_core::incident::{Incident, IncidentWrite, Resolution};

use super::super::sql::{Sql, Statement};
use super::{any, json, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] =
    &[&RECORD_INCIDENT, &REOPEN_INCIDENT, &RESOLVE_INCIDENT, &REMEMBER_MESSAGE, &PRUNE_MESSAGES];

// The row of before keeps its id, its beginning and how it was closed; a place that was told is not lost to a silent sighting.
const RECORD_INCIDENT: Sql = Sql {
    name: "record_incident",
    text: "INSERT INTO incidents (id, subject, kind, environment_id, tenant_id, app_id, last_four, source, place, reporter, measures, sightings, first_seen_at, last_seen_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13) \
           ON CONFLICT (subject) DO UPDATE SET last_four = excluded.last_four, source = excluded.source, \
           place = COALESCE(excluded.place, incidents.place), reporter = excluded.reporter, measures = excluded.measures, \
           sightings = incidents.sightings + 1, last_seen_at = excluded.last_seen_at",
};
const REOPEN_INCIDENT: Sql = Sql {
    name: "reopen_incident",
    text: "UPDATE incidents SET resolved_by = NULL, resolved_at = NULL, comment = NULL WHERE id = $1",
};
const RESOLVE_INCIDENT: Sql = Sql {
    name: "resolve_incident",
    text: "UPDATE incidents SET resolved_by = $2, resolved_at = $3, comment = $4 WHERE id = $1 AND resolved_at IS NULL",
};
const REMEMBER_MESSAGE: Sql =
    Sql { name: "remember_leak_message", text: "INSERT INTO leak_messages (hash, at) VALUES ($1, $2)" };
const PRUNE_MESSAGES: Sql =
    Sql { name: "prune_leak_messages", text: "DELETE FROM leak_messages WHERE at < $1" };

/// A message is remembered so long, in seconds. What comes again later finds its credentials dead.
pub(super) const MESSAGES_KEPT: i64 = 90 * 24 * 3600;

pub(super) fn incident(write: &IncidentWrite) -> Statement {
    match write {
        IncidentWrite::Record(incident) => record(incident),
        IncidentWrite::Reopen(id) => one(&REOPEN_INCIDENT, vec![id.bytes().into()]),
        IncidentWrite::Resolve(id, Resolution { by, at, comment }) => {
            let comment = comment.as_ref().map(Comment::as_str);
            one(&RESOLVE_INCIDENT, vec![id.bytes().into(), by.as_str().into(), at.0.into(), comment.into()])
        }
        IncidentWrite::RememberMessage(hash, at) => one(&REMEMBER_MESSAGE, vec![(*hash).into(), at.0.into()]),
    }
}

fn record(incident: &Incident) -> Statement {
    one(
        &RECORD_INCIDENT,
        vec![
            incident.id.bytes().into(),
            incident.subject.as_str().into(),
            incident.kind.as_str().into(),
            incident.environment.map(EnvironmentId::bytes).into(),
            incident.tenant.map(|id| id.bytes()).into(),
            incident.app.map(|id| id.bytes()).into(),
            incident.last_four.as_str().into(),
            incident.sighting.source.as_str().into(),
            incident.sighting.place.as_ref().map(|place| place.as_str()).into(),
            incident.sighting.reporter.as_str().into(),
            json(&incident.measures),
            incident.first_seen_at.0.into(),
            incident.last_seen_at.0.into(),
        ],
    )
}

pub(super) fn prune_messages(before: UnixMillis) -> Statement {
    any(&PRUNE_MESSAGES, vec![before.0.into()])
}
