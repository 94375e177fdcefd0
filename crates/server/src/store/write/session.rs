//! Writes of browser sessions and of interactions.

use grantor_core::authorize::interaction::Progress;
use grantor_core::env::UnixMillis;
use grantor_core::grant::EndReason;
use grantor_core::id::{InteractionId, SessionId};
use grantor_core::interaction::Interaction;
use grantor_core::secret::SecretHash;
use grantor_core::session::Session;

use super::super::sql::{Sql, Statement};
use super::{any, json, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[
    &INSERT_SESSION,
    &RENEW_SESSION,
    &TOUCH_SESSION,
    &END_SESSION,
    &END_GRANTS_OF_SESSION,
    &INSERT_INTERACTION,
    &ADVANCE_INTERACTION,
    &END_INTERACTION,
];

const INSERT_SESSION: Sql = Sql {
    name: "insert_session",
    text: "INSERT INTO sessions (id, environment_id, pepper, mac, user_id, user_epoch, sid, auth_time, amr, seen_at, ends_at, ended_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
};
// An ended session is not woken up, and a session changes its user never. `sid` stays: apps know it.
const RENEW_SESSION: Sql = Sql {
    name: "renew_session",
    text: "UPDATE sessions SET pepper = $3, mac = $4, user_epoch = $5, auth_time = $6, amr = $7, seen_at = $8, ends_at = $9 \
           WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
};
const TOUCH_SESSION: Sql = Sql {
    name: "touch_session",
    text: "UPDATE sessions SET seen_at = $2 WHERE id = $1 AND ended_at IS NULL AND seen_at < $2",
};
const END_SESSION: Sql =
    Sql { name: "end_session", text: "UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL" };
const END_GRANTS_OF_SESSION: Sql = Sql {
    name: "end_grants_of_session",
    text: "UPDATE grants SET state = 'ended', epoch = epoch + 1, ended_at = $2, ended_reason = $3 \
           WHERE session_id = $1 AND with_session = 1 AND state <> 'ended'",
};
const INSERT_INTERACTION: Sql = Sql {
    name: "insert_interaction",
    text: "INSERT INTO interactions (id, environment_id, handle_pepper, handle_mac, browser_pepper, browser_mac, version, request, progress, created_at, expires_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
};
const ADVANCE_INTERACTION: Sql = Sql {
    name: "advance_interaction",
    text: "UPDATE interactions SET version = version + 1, progress = $3, browser_pepper = $4, browser_mac = $5 \
           WHERE id = $1 AND version = $2",
};
const END_INTERACTION: Sql =
    Sql { name: "end_interaction", text: "DELETE FROM interactions WHERE id = $1 AND version = $2" };

pub(super) fn insert_session(session: &Session, cookie: &SecretHash) -> Statement {
    one(
        &INSERT_SESSION,
        vec![
            session.id.bytes().into(),
            session.environment.bytes().into(),
            cookie.pepper.into(),
            cookie.mac.into(),
            session.user.bytes().into(),
            session.epoch.into(),
            session.sid.as_str().into(),
            session.auth_time.0.into(),
            json(&session.amr),
            session.seen_at.0.into(),
            session.ends_at.0.into(),
            session.ended_at.map(|at| at.0).into(),
        ],
    )
}

pub(super) fn renew_session(session: &Session, cookie: &SecretHash) -> Statement {
    one(
        &RENEW_SESSION,
        vec![
            session.id.bytes().into(),
            session.user.bytes().into(),
            cookie.pepper.into(),
            cookie.mac.into(),
            session.epoch.into(),
            session.auth_time.0.into(),
            json(&session.amr),
            session.seen_at.0.into(),
            session.ends_at.0.into(),
        ],
    )
}

/// A session that has ended, or was seen later already, stays as it is: any number of rows.
pub(super) fn touch_session(id: SessionId, at: UnixMillis) -> Statement {
    any(&TOUCH_SESSION, vec![id.bytes().into(), at.0.into()])
}

/// The session, and every Grant that lives no longer than it (OpenID Connect Core 11). Signing out twice is once: any
/// number of rows.
pub(super) fn end_session(id: SessionId, at: UnixMillis) -> Vec<Statement> {
    let reason = EndReason::SessionEnded.as_str();
    vec![
        any(&END_SESSION, vec![id.bytes().into(), at.0.into()]),
        any(&END_GRANTS_OF_SESSION, vec![id.bytes().into(), at.0.into(), reason.into()]),
    ]
}

pub(super) fn insert_interaction(interaction: &Interaction) -> Statement {
    one(
        &INSERT_INTERACTION,
        vec![
            interaction.id.bytes().into(),
            interaction.environment.bytes().into(),
            interaction.handle.pepper.into(),
            interaction.handle.mac.into(),
            interaction.browser.pepper.into(),
            interaction.browser.mac.into(),
            interaction.version.into(),
            interaction.request.as_ref().map(json).into(),
            json(&interaction.progress),
            interaction.created_at.0.into(),
            interaction.expires_at.0.into(),
        ],
    )
}

pub(super) fn advance_interaction(
    id: InteractionId,
    from: i64,
    progress: &Progress,
    browser: &SecretHash,
) -> Statement {
    one(
        &ADVANCE_INTERACTION,
        vec![id.bytes().into(), from.into(), json(progress), browser.pepper.into(), browser.mac.into()],
    )
}

pub(super) fn end_interaction(id: InteractionId, from: i64) -> Statement {
    one(&END_INTERACTION, vec![id.bytes().into(), from.into()])
}
