//! Writes of API keys, of the ends of credentials that live on, and of reminders of them.

use grantor_core::api_key::ApiKey;
use grantor_core::api_key_change::Narrowed;
use grantor_core::credential_write::{CredentialWrite, Reminded};
use grantor_core::decision::StatusChange;
use grantor_core::env::UnixMillis;
use grantor_core::id::ApiKeyId;
use grantor_core::reminder;
use grantor_core::secret::SecretHash;

use super::super::sql::{Sql, Statement, Value};
use super::{app, json, one, raise};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[
    &INSERT_API_KEY,
    &API_KEY_STATUS,
    &NARROW_API_KEY,
    &REPLACE_API_KEY,
    &NOTE_KEY_REMINDER,
    &NOTE_SECRET_REMINDER,
];

const INSERT_API_KEY: Sql = Sql {
    name: "insert_api_key",
    text: "INSERT INTO api_keys (id, environment_id, tenant_id, name, pepper, mac, apis, scopes, status, epoch, last_four, created_at, expires_at, revoked_reason, addresses, quota, signed_by, revision, remind_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
};
// A revoked key has no reminder ahead: it would stand before the others in their index for ever.
const API_KEY_STATUS: Sql = Sql {
    name: "api_key_status",
    text: "UPDATE api_keys SET status = $3, epoch = epoch + $4, revoked_reason = $5, \
           remind_at = CASE WHEN $3 = 'closed' THEN NULL ELSE remind_at END WHERE id = $1 AND status = $2",
};
const NARROW_API_KEY: Sql = Sql {
    name: "narrow_api_key",
    text: "UPDATE api_keys SET apis = $3, scopes = $4, addresses = $5, quota = $6, expires_at = $7, remind_at = $8, revision = revision + 1 \
           WHERE id = $1 AND revision = $2 AND status <> 'closed' AND expires_at >= $7",
};
const REPLACE_API_KEY: Sql = Sql {
    name: "replace_api_key",
    text: "UPDATE api_keys SET expires_at = $3, replaced_by = $4, remind_at = $5, revision = revision + 1 \
           WHERE id = $1 AND revision = $2 AND status = 'active' AND replaced_by IS NULL AND expires_at >= $3",
};
const NOTE_KEY_REMINDER: Sql = Sql {
    name: "note_key_reminder",
    text: "UPDATE api_keys SET remind_at = $3 WHERE id = $1 AND remind_at = $2",
};
const NOTE_SECRET_REMINDER: Sql = Sql {
    name: "note_secret_reminder",
    text: "UPDATE app_secrets SET remind_at = $4 WHERE app_id = $1 AND version = $2 AND remind_at = $3",
};

pub(super) fn insert_api_key(key: &ApiKey, hash: &SecretHash) -> Statement {
    one(
        &INSERT_API_KEY,
        vec![
            key.id.bytes().into(),
            key.environment.bytes().into(),
            key.tenant.bytes().into(),
            key.name.as_str().into(),
            hash.pepper.into(),
            hash.mac.into(),
            json(&key.apis),
            json(&key.scopes),
            key.status.as_str().into(),
            key.epoch.into(),
            key.last_four.as_str().into(),
            key.created_at.0.into(),
            key.expires_at.0.into(),
            key.revoked_reason.clone().into(),
            optional_json(key.addresses.as_ref()),
            key.quota.as_str().into(),
            key.signed_by.clone().into(),
            key.revision.into(),
            reminder::next_after(key.created_at, Some(key.expires_at)).map(|at| at.0).into(),
        ],
    )
}

pub(super) fn api_key_status(change: &StatusChange<ApiKeyId>, reason: Option<&str>) -> Statement {
    one(
        &API_KEY_STATUS,
        vec![
            change.id.bytes().into(),
            change.from.as_str().into(),
            change.to.as_str().into(),
            raise(change.from).into(),
            reason.into(),
        ],
    )
}

/// The statement of a change of a credential that lives on.
pub(super) fn change_credential(write: &CredentialWrite) -> Statement {
    match write {
        CredentialWrite::LiftSecretEnd { app, version, by, at, remind_at } => {
            app::lift_secret_end((*app, *version), *by, *at, *remind_at)
        }
        CredentialWrite::NarrowApiKey { id, from, to, remind_at } => {
            narrow_api_key(*id, *from, to, *remind_at)
        }
        CredentialWrite::ReplaceApiKey { id, from, by, at, remind_at } => {
            replace_api_key(*id, *from, *by, (*at, *remind_at))
        }
        CredentialWrite::NoteReminder { of, from, next } => note_reminder(*of, *from, *next),
    }
}

fn narrow_api_key(id: ApiKeyId, from: i64, to: &Narrowed, remind_at: Option<UnixMillis>) -> Statement {
    one(
        &NARROW_API_KEY,
        vec![
            id.bytes().into(),
            from.into(),
            json(&to.apis),
            json(&to.scopes),
            optional_json(to.addresses.as_ref()),
            to.quota.as_str().into(),
            to.expires_at.0.into(),
            remind_at.map(|at| at.0).into(),
        ],
    )
}

fn replace_api_key(
    id: ApiKeyId,
    from: i64,
    by: ApiKeyId,
    (at, remind_at): (UnixMillis, Option<UnixMillis>),
) -> Statement {
    one(
        &REPLACE_API_KEY,
        vec![id.bytes().into(), from.into(), at.0.into(), by.bytes().into(), remind_at.map(|at| at.0).into()],
    )
}

fn note_reminder(of: Reminded, from: UnixMillis, next: Option<UnixMillis>) -> Statement {
    let next = next.map(|at| at.0).into();
    match of {
        Reminded::Key(id) => one(&NOTE_KEY_REMINDER, vec![id.bytes().into(), from.0.into(), next]),
        Reminded::Secret(app, version) => {
            one(&NOTE_SECRET_REMINDER, vec![app.bytes().into(), version.into(), from.0.into(), next])
        }
    }
}

fn optional_json(value: Option<&impl serde::Serialize>) -> Value {
    value.map_or(Value::Null, json)
}
