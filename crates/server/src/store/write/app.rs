//! Writes of apps and the versions of their secrets.

use grantor_core::app::{App, SecretVersion};
use grantor_core::decision::StatusChange;
use grantor_core::env::UnixMillis;
use grantor_core::id::AppId;
use grantor_core::reminder;

use super::super::sql::{Sql, Statement};
use super::{any, json, one, raise};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[
    &INSERT_APP,
    &CHANGE_APP,
    &APP_STATUS,
    &END_APP_TOKENS,
    &MARK_EXPOSED,
    &INSERT_SECRET,
    &FORGET_SECRETS,
    &END_SECRET,
    &SCHEDULE_SECRET_END,
    &CHOOSE_SECRET_END,
    &LIFT_SECRET_END,
];

const INSERT_APP: Sql = Sql {
    name: "insert_app",
    text: "INSERT INTO apps (id, environment_id, tenant_id, client_id, skeleton, name, status, epoch, auth_method, grants, apis, scopes, introspects, metadata, exposed_at, created_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
};
const CHANGE_APP: Sql = Sql {
    name: "change_app",
    text: "UPDATE apps SET name = $3, auth_method = $4, grants = $5, apis = $6, scopes = $7, introspects = $8, metadata = $9 \
           WHERE id = $1 AND environment_id = $2 AND status <> 'closed'",
};
const APP_STATUS: Sql = Sql {
    name: "app_status",
    text: "UPDATE apps SET status = $3, epoch = epoch + $4 WHERE id = $1 AND status = $2",
};
const END_APP_TOKENS: Sql =
    Sql { name: "end_app_tokens", text: "UPDATE apps SET epoch = epoch + 1 WHERE id = $1" };
const MARK_EXPOSED: Sql = Sql { name: "mark_exposed", text: "UPDATE apps SET exposed_at = $2 WHERE id = $1" };
const INSERT_SECRET: Sql = Sql {
    name: "insert_secret",
    text: "INSERT INTO app_secrets (app_id, version, pepper, mac, last_four, not_before, expires_at, ended_at, created_at, remind_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
};
// Every token request reads the versions of an app. Whoever makes and ends them in a loop shall not make that dearer.
const FORGET_SECRETS: Sql = Sql {
    name: "forget_secrets",
    text: "DELETE FROM app_secrets WHERE app_id = $1 AND version <= $2 AND (ended_at <= $3 OR expires_at <= $3)",
};
/// How many of an app's versions stay, whatever became of them: the newest.
const KEPT_SECRETS: i64 = 50;
// What has ended has no reminder ahead: it would stand before the others in their index for ever.
const END_SECRET: Sql = Sql {
    name: "end_secret",
    text: "UPDATE app_secrets SET ended_at = $3, remind_at = NULL WHERE app_id = $1 AND version = $2 AND ended_at IS NULL",
};
// An end that comes earlier stays, with whoever has set it. Of the columns on the right the old values are meant.
const SCHEDULE_SECRET_END: Sql = Sql {
    name: "schedule_secret_end",
    text: "UPDATE app_secrets SET expires_at = CASE WHEN expires_at <= $3 THEN expires_at ELSE $3 END, \
           end_before = CASE WHEN expires_at <= $3 THEN end_before ELSE expires_at END, \
           end_set_by = CASE WHEN expires_at <= $3 THEN end_set_by ELSE $4 END, \
           remind_at = CASE WHEN expires_at <= $3 THEN remind_at ELSE $5 END \
           WHERE app_id = $1 AND version = $2 AND ended_at IS NULL",
};
// A person's choice: no rotation has set this end, so none that is cancelled lifts it.
const CHOOSE_SECRET_END: Sql = Sql {
    name: "choose_secret_end",
    text: "UPDATE app_secrets SET expires_at = $3, end_before = NULL, end_set_by = NULL, remind_at = $4 \
           WHERE app_id = $1 AND version = $2 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at >= $3)",
};
const LIFT_SECRET_END: Sql = Sql {
    name: "lift_secret_end",
    text: "UPDATE app_secrets SET expires_at = end_before, end_before = NULL, end_set_by = NULL, remind_at = $5 \
           WHERE app_id = $1 AND version = $2 AND end_set_by = $3 AND ended_at IS NULL AND expires_at > $4",
};

pub(super) fn insert_app(app: &App) -> Statement {
    one(
        &INSERT_APP,
        vec![
            app.id.bytes().into(),
            app.environment.bytes().into(),
            app.tenant.bytes().into(),
            app.client_id.as_str().into(),
            app.client_id.skeleton().into(),
            app.name.as_str().into(),
            app.status.as_str().into(),
            app.epoch.into(),
            app.auth_method.map(|method| method.as_str()).into(),
            json(&app.grants),
            json(&app.apis),
            json(&app.scopes),
            json(&app.introspects),
            json(&app.metadata),
            app.exposed_at.map(|at| at.0).into(),
            app.created_at.0.into(),
        ],
    )
}

pub(super) fn change_app(app: &App) -> Statement {
    one(
        &CHANGE_APP,
        vec![
            app.id.bytes().into(),
            app.environment.bytes().into(),
            app.name.as_str().into(),
            app.auth_method.map(|method| method.as_str()).into(),
            json(&app.grants),
            json(&app.apis),
            json(&app.scopes),
            json(&app.introspects),
            json(&app.metadata),
        ],
    )
}

pub(super) fn app_status(change: &StatusChange<AppId>) -> Statement {
    one(
        &APP_STATUS,
        vec![
            change.id.bytes().into(),
            change.from.as_str().into(),
            change.to.as_str().into(),
            raise(change.from).into(),
        ],
    )
}

pub(super) fn end_app_tokens(id: AppId) -> Statement {
    one(&END_APP_TOKENS, vec![id.bytes().into()])
}

pub(super) fn mark_exposed(app: AppId, at: UnixMillis) -> Statement {
    one(&MARK_EXPOSED, vec![app.bytes().into(), at.0.into()])
}

/// A new version, and the end of the memory of those that ended long before it.
pub(super) fn insert_secret(app: AppId, secret: &SecretVersion) -> Vec<Statement> {
    let inserted = one(
        &INSERT_SECRET,
        vec![
            app.bytes().into(),
            secret.version.into(),
            secret.hash.pepper.into(),
            secret.hash.mac.into(),
            secret.last_four.as_str().into(),
            secret.not_before.0.into(),
            secret.expires_at.map(|at| at.0).into(),
            secret.ended_at.map(|at| at.0).into(),
            secret.created_at.0.into(),
            reminder::next_after(secret.created_at, secret.expires_at).map(|at| at.0).into(),
        ],
    );
    let oldest = secret.version.saturating_sub(KEPT_SECRETS);
    let forgotten = any(&FORGET_SECRETS, vec![app.bytes().into(), oldest.into(), secret.created_at.0.into()]);
    vec![inserted, forgotten]
}

pub(super) fn end_secret(app: AppId, version: i64, at: UnixMillis) -> Statement {
    one(&END_SECRET, vec![app.bytes().into(), version.into(), at.0.into()])
}

pub(super) fn schedule_secret_end(
    (app, version): (AppId, i64),
    at: UnixMillis,
    by: Option<i64>,
    remind_at: Option<UnixMillis>,
) -> Statement {
    let remind_at = remind_at.map(|at| at.0).into();
    let mut params = vec![app.bytes().into(), version.into(), at.0.into()];
    match by {
        None => {
            params.push(remind_at);
            one(&CHOOSE_SECRET_END, params)
        }
        Some(by) => {
            params.extend([by.into(), remind_at]);
            one(&SCHEDULE_SECRET_END, params)
        }
    }
}

pub(super) fn lift_secret_end(
    (app, version): (AppId, i64),
    by: i64,
    at: UnixMillis,
    remind_at: Option<UnixMillis>,
) -> Statement {
    let remind_at = remind_at.map(|at| at.0).into();
    one(&LIFT_SECRET_END, vec![app.bytes().into(), version.into(), by.into(), at.0.into(), remind_at])
}
