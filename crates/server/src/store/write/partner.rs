//! Writes of tenants and their accesses.

use grantor_core::access::Access;
use grantor_core::decision::StatusChange;
use grantor_core::env::UnixMillis;
use grantor_core::id::TenantId;
use grantor_core::tenant::Tenant;

use super::super::sql::{Sql, Statement, Value};
use super::{json, one, raise};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] =
    &[&INSERT_TENANT, &RENAME_TENANT, &TENANT_STATUS, &INSERT_ACCESS, &CHANGE_ACCESS];

const INSERT_TENANT: Sql = Sql {
    name: "insert_tenant",
    text: "INSERT INTO tenants (id, name, title, status, epoch, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
};
const RENAME_TENANT: Sql = Sql { name: "rename_tenant", text: "UPDATE tenants SET title = $2 WHERE id = $1" };
const TENANT_STATUS: Sql = Sql {
    name: "tenant_status",
    text: "UPDATE tenants SET status = $3, epoch = epoch + $4 WHERE id = $1 AND status = $2",
};
const INSERT_ACCESS: Sql = Sql {
    name: "insert_access",
    text: "INSERT INTO accesses (tenant_id, api_id, status, epoch, scopes, client_token_lifetime, user_token_lifetime, quota, contract, created_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
};
const CHANGE_ACCESS: Sql = Sql {
    name: "change_access",
    text: "UPDATE accesses SET scopes = $3, client_token_lifetime = $4, user_token_lifetime = $5, quota = $6 \
           WHERE tenant_id = $1 AND api_id = $2",
};

pub(super) fn insert_tenant(tenant: &Tenant, at: UnixMillis) -> Statement {
    one(
        &INSERT_TENANT,
        vec![
            tenant.id.bytes().into(),
            tenant.name.as_str().into(),
            tenant.title.as_str().into(),
            tenant.status.as_str().into(),
            tenant.epoch.into(),
            at.0.into(),
        ],
    )
}

pub(super) fn rename_tenant(id: TenantId, title: &str) -> Statement {
    one(&RENAME_TENANT, vec![id.bytes().into(), title.into()])
}

pub(super) fn tenant_status(change: &StatusChange<TenantId>) -> Statement {
    one(
        &TENANT_STATUS,
        vec![
            change.id.bytes().into(),
            change.from.as_str().into(),
            change.to.as_str().into(),
            raise(change.from).into(),
        ],
    )
}

pub(super) fn insert_access(access: &Access, at: UnixMillis) -> Statement {
    one(
        &INSERT_ACCESS,
        vec![
            access.tenant.bytes().into(),
            access.api.bytes().into(),
            access.status.as_str().into(),
            access.epoch.into(),
            json(&access.scopes),
            access.client_token_lifetime.map(|life| life.seconds()).into(),
            access.user_token_lifetime.map(|life| life.seconds()).into(),
            access.quota.as_str().into(),
            access.contract.as_ref().map_or(Value::Null, json),
            at.0.into(),
        ],
    )
}

pub(super) fn change_access(access: &Access) -> Statement {
    one(
        &CHANGE_ACCESS,
        vec![
            access.tenant.bytes().into(),
            access.api.bytes().into(),
            json(&access.scopes),
            access.client_token_lifetime.map(|life| life.seconds()).into(),
            access.user_token_lifetime.map(|life| life.seconds()).into(),
            access.quota.as_str().into(),
        ],
    )
}
