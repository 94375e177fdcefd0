//! How things are shown: names instead of row ids, times as RFC 3339, never a secret.

use grantor_core::access::Access;
use grantor_core::api_key::ApiKey;
use grantor_core::app::{App, SecretVersion};
use grantor_core::decision::StoredKey;
use grantor_core::document::{Acceptance, Document, DocumentVersion, TenantAcceptance};
use grantor_core::env::UnixMillis;
use grantor_core::grant::{Consent, Grant};
use grantor_core::id::ApiId;
use grantor_core::onboarding::AccessStep;
use grantor_core::profile::ApiKeyFormat;
use grantor_core::secret_version::seconds_left;
use grantor_core::tenant::Tenant;
use grantor_core::user::{Membership, User};
use serde_json::{Value, json};

use crate::catalogue::EnvironmentState;
use crate::moment::Moment;

/// A moment as RFC 3339 in UTC.
pub(super) fn time(at: UnixMillis) -> String {
    Moment(at).to_string()
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

/// An access. Its gates and its history are shown with it alone.
pub(super) fn access(state: &EnvironmentState, access: &Access, tenant: &str) -> Value {
    let api = state.api_by_id(access.api).map(|api| api.name.to_string());
    let contract = access.contract.as_ref().map(|contract| {
        json!({ "sha256": contract.sha256, "signed_at": time(contract.signed_at), "reference": contract.reference })
    });
    json!({
        "environment": state.environment.name,
        "tenant": tenant,
        "api": api,
        "status": access.status,
        "epoch": access.epoch,
        "scopes": access.scopes,
        "quota": access.quota,
        "client_token_lifetime": access.client_token_lifetime,
        "user_token_lifetime": access.user_token_lifetime,
        "contract": contract,
    })
}

/// The terms of an access, as they are sent back to change them.
pub(super) fn access_terms(access: &Access) -> Value {
    json!({
        "scopes": access.scopes,
        "quota": access.quota,
        "client_token_lifetime": access.client_token_lifetime,
        "user_token_lifetime": access.user_token_lifetime,
    })
}

/// A step in the history of an access.
pub(super) fn access_step(step: &AccessStep) -> Value {
    json!({
        "step": step.step.as_str(),
        "at": time(step.at),
        "by": step.by,
        "comment": step.comment,
        "sha256": step.evidence,
    })
}

/// That a version was accepted in a tenant's name.
pub(super) fn tenant_acceptance(document: Option<&Document>, acceptance: &TenantAcceptance) -> Value {
    json!({
        "document": document.map(|document| &document.kind),
        "document_id": acceptance.document,
        "version": acceptance.version,
        "sha256": acceptance.hash,
        "accepted_at": time(acceptance.at),
        "accepted_by": acceptance.by,
        "address": acceptance.address,
    })
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
        "metadata": app.metadata,
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
        "seconds_left": seconds_left(version, now),
        "replaced_by": version.end_set_by,
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
        "format": if key.signed_by.is_some() { ApiKeyFormat::Jwt } else { ApiKeyFormat::Opaque },
        "addresses": key.addresses,
        "quota": key.quota,
        "replaced_by": key.replaced_by,
        "seconds_left": (status == "active" || status == "suspended")
            .then(|| (key.expires_at.0 - now.0).div_euclid(1_000)),
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

/// A user. Of the password no more than whether there is one.
pub(super) fn user(state: &EnvironmentState, user: &User) -> Value {
    json!({
        "id": user.id,
        "environment": state.environment.name,
        "email": user.email,
        "email_verified_at": maybe(user.email_verified_at),
        "name": user.name,
        "status": user.status,
        "epoch": user.epoch,
        "has_password": user.password.is_some(),
        "created_at": time(user.created_at),
        "updated_at": time(user.updated_at),
    })
}

/// A membership of a user.
pub(super) fn membership(membership: &Membership, tenant: &str) -> Value {
    json!({ "tenant": tenant, "roles": membership.roles })
}

/// What a user has allowed an app.
pub(super) fn consent(consent: &Consent, client_id: &str, tenant: &str) -> Value {
    json!({
        "client_id": client_id,
        "tenant": tenant,
        "scopes": consent.scopes,
        "granted_at": time(consent.granted_at),
    })
}

/// A Grant of a user.
pub(super) fn grant(state: &EnvironmentState, grant: &Grant, client_id: &str, tenant: &str) -> Value {
    let api = grant.api.and_then(|id| state.api_by_id(id)).map(|api| api.name.as_str());
    json!({
        "id": grant.id,
        "client_id": client_id,
        "tenant": tenant,
        "api": api,
        "origin": grant.origin,
        "scopes": grant.scopes,
        "state": grant.state.as_str(),
        "generation": grant.generation,
        "auth_time": time(grant.login.auth_time),
        "created_at": time(grant.created_at),
        "ends_at": time(grant.ends_at),
        "ended_reason": grant.ended_reason.map(|reason| reason.as_str()),
    })
}

/// A document and its versions, without their texts.
pub(super) fn document(document: &Document, tenant: Option<&str>) -> Value {
    let version = |version: &DocumentVersion| {
        json!({
            "number": version.number,
            "effective_at": time(version.effective_at),
            "grace_seconds": version.grace_seconds,
            "languages": version.texts.keys().collect::<Vec<_>>(),
            "sha256": version.hash,
        })
    };
    let versions: Vec<Value> = document.versions.iter().map(version).collect();
    json!({ "id": document.id, "kind": document.kind, "tenant": tenant, "versions": versions })
}

/// That a user accepted a version, for a tenant or for none. No address: recorded on their behalf.
pub(super) fn acceptance(document: &Document, acceptance: &Acceptance, tenant: Option<&str>) -> Value {
    json!({
        "document": document.kind,
        "document_id": document.id,
        "tenant": tenant,
        "version": acceptance.version,
        "sha256": acceptance.hash,
        "accepted_at": time(acceptance.at),
        "address": (!acceptance.address.is_empty()).then_some(&acceptance.address),
    })
}
