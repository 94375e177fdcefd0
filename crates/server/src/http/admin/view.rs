//! How things are shown: names instead of row ids, times as RFC 3339, never a secret.

use grantor_core::api_key::ApiKey;
use grantor_core::app::{App, SecretVersion};
use grantor_core::decision::StoredKey;
use grantor_core::env::UnixMillis;
use grantor_core::id::ApiId;
use grantor_core::tenant::Tenant;
use serde_json::{Value, json};

use crate::catalogue::EnvironmentState;

/// A moment as RFC 3339 in UTC.
pub(super) fn time(at: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at.0).map(|moment| moment.to_string()).unwrap_or_default()
}

fn maybe(at: Option<UnixMillis>) -> Value {
    at.map_or(Value::Null, |at| time(at).into())
}

fn names(state: &EnvironmentState, ids: &[ApiId]) -> Vec<String> {
    ids.iter().filter_map(|id| state.api_by_id(*id)).map(|api| api.name.to_string()).collect()
}

/// A tenant.
pub(super) fn tenant(tenant: &Tenant) -> Value {
    json!({ "id": tenant.id, "name": tenant.name, "title": tenant.title, "status": tenant.status, "epoch": tenant.epoch })
}

/// An app without its secrets.
pub(super) fn app(state: &EnvironmentState, app: &App, tenant: &str) -> Value {
    json!({
        "client_id": app.client_id,
        "environment": state.environment.name,
        "tenant": tenant,
        "name": app.name,
        "status": app.status,
        "epoch": app.epoch,
        "auth_method": app.auth_method,
        "grants": app.grants,
        "apis": names(state, &app.apis),
        "introspects": names(state, &app.introspects),
        "scopes": app.scopes,
        "exposed_at": maybe(app.exposed_at),
        "created_at": time(app.created_at),
    })
}

/// A version of a secret: what a person needs to tell it from another.
pub(super) fn secret(version: &SecretVersion, now: UnixMillis) -> Value {
    let status = match version {
        version if version.ended_at.is_some() => "ended",
        version if version.expires_at.is_some_and(|end| end <= now) => "expired",
        version if version.not_before > now => "not yet",
        _ => "active",
    };
    json!({
        "version": version.version,
        "last_four": version.last_four,
        "status": status,
        "not_before": time(version.not_before),
        "expires_at": maybe(version.expires_at),
        "ended_at": maybe(version.ended_at),
        "created_at": time(version.created_at),
    })
}

/// An API key's row.
pub(super) fn key(state: &EnvironmentState, key: &ApiKey, tenant: &str, now: UnixMillis) -> Value {
    let status = match key.status.as_str() {
        "closed" => "revoked",
        "active" if key.expires_at <= now => "expired",
        other => other,
    };
    json!({
        "id": key.id,
        "environment": state.environment.name,
        "tenant": tenant,
        "name": key.name,
        "apis": names(state, &key.apis),
        "scopes": key.scopes,
        "status": status,
        "last_four": key.last_four,
        "created_at": time(key.created_at),
        "expires_at": time(key.expires_at),
        "revoked_reason": key.revoked_reason,
    })
}

/// A key of the ring.
pub(super) fn ring_key(key: &StoredKey) -> Value {
    json!({
        "kid": key.kid,
        "use": key.usage,
        "algorithm": key.algorithm,
        "state": key.state,
        "created_at": time(key.created_at),
        "activated_at": maybe(key.activated_at),
        "retires_at": maybe(key.retires_at),
    })
}
