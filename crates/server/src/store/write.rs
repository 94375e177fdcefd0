//! From a write as data to guarded statements. Reading this file is reading everything that happens to the database.

use grantor_core::access::Access;
use grantor_core::api::Api;
use grantor_core::app::{App, SecretVersion};
use grantor_core::decision::{StoredKey, Write};
use grantor_core::env::UnixMillis;
use grantor_core::id::{AppId, EnvironmentId};
use grantor_core::tenant::Status;
use serde::Serialize;

use super::sql::{Expect, Sql, Statement, Value};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[
    &PUT_ENVIRONMENT,
    &PUT_PROFILE,
    &PUT_API,
    &INSERT_TENANT,
    &RENAME_TENANT,
    &TENANT_STATUS,
    &INSERT_ACCESS,
    &CHANGE_ACCESS,
    &ACCESS_STATUS,
    &INSERT_APP,
    &CHANGE_APP,
    &APP_STATUS,
    &END_APP_TOKENS,
    &INSERT_SECRET,
    &END_SECRET,
    &SCHEDULE_SECRET_END,
    &MARK_EXPOSED,
    &INSERT_API_KEY,
    &API_KEY_STATUS,
    &REVOKE_TOKEN,
    &INSERT_KEY,
    &ADVANCE_KEY,
    &ERASE_KEY,
    &INSERT_OPERATOR,
    &COUNT_ISSUED,
    &PUT_META,
    &PRUNE_REVOKED,
    &PRUNE_COUNTS,
    &INSERT_AUDIT,
];

const PUT_ENVIRONMENT: Sql = Sql {
    name: "put_environment",
    text: "INSERT INTO environments (id, name, issuer, stage, scope_prefix) VALUES ($1, $2, $3, $4, $5) \
           ON CONFLICT (id) DO UPDATE SET issuer = excluded.issuer, stage = excluded.stage, scope_prefix = excluded.scope_prefix",
};
const PUT_PROFILE: Sql = Sql {
    name: "put_profile",
    text: "INSERT INTO profiles (name, document) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET document = excluded.document",
};
const PUT_API: Sql = Sql {
    name: "put_api",
    text: "INSERT INTO apis (id, environment_id, name, title, audience, scopes, profile, openapi) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
           ON CONFLICT (id) DO UPDATE SET title = excluded.title, audience = excluded.audience, scopes = excluded.scopes, \
           profile = excluded.profile, openapi = excluded.openapi",
};
const INSERT_TENANT: Sql = Sql {
    name: "insert_tenant",
    text: "INSERT INTO tenants (id, name, title, status, epoch, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
};
const RENAME_TENANT: Sql = Sql {
    name: "rename_tenant",
    text: "UPDATE tenants SET title = $2 WHERE id = $1",
};
const TENANT_STATUS: Sql = Sql {
    name: "tenant_status",
    text: "UPDATE tenants SET status = $3, epoch = epoch + $4 WHERE id = $1 AND status = $2",
};
const INSERT_ACCESS: Sql = Sql {
    name: "insert_access",
    text: "INSERT INTO accesses (tenant_id, api_id, status, epoch, scopes, client_token_lifetime, user_token_lifetime, quota, created_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
};
const CHANGE_ACCESS: Sql = Sql {
    name: "change_access",
    text: "UPDATE accesses SET scopes = $3, client_token_lifetime = $4, user_token_lifetime = $5, quota = $6 \
           WHERE tenant_id = $1 AND api_id = $2",
};
const ACCESS_STATUS: Sql = Sql {
    name: "access_status",
    text: "UPDATE accesses SET status = $4, epoch = epoch + $5 WHERE tenant_id = $1 AND api_id = $2 AND status = $3",
};
const INSERT_APP: Sql = Sql {
    name: "insert_app",
    text: "INSERT INTO apps (id, environment_id, tenant_id, client_id, skeleton, name, status, epoch, auth_method, grants, apis, scopes, introspects, exposed_at, created_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
};
const CHANGE_APP: Sql = Sql {
    name: "change_app",
    text: "UPDATE apps SET name = $3, auth_method = $4, grants = $5, apis = $6, scopes = $7, introspects = $8 \
           WHERE id = $1 AND environment_id = $2 AND status <> 'closed'",
};
const APP_STATUS: Sql = Sql {
    name: "app_status",
    text: "UPDATE apps SET status = $3, epoch = epoch + $4 WHERE id = $1 AND status = $2",
};
const END_APP_TOKENS: Sql = Sql {
    name: "end_app_tokens",
    text: "UPDATE apps SET epoch = epoch + 1 WHERE id = $1",
};
const INSERT_SECRET: Sql = Sql {
    name: "insert_secret",
    text: "INSERT INTO app_secrets (app_id, version, pepper, mac, last_four, not_before, expires_at, ended_at, created_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
};
const END_SECRET: Sql = Sql {
    name: "end_secret",
    text: "UPDATE app_secrets SET ended_at = $3 WHERE app_id = $1 AND version = $2 AND ended_at IS NULL",
};
const SCHEDULE_SECRET_END: Sql = Sql {
    name: "schedule_secret_end",
    text: "UPDATE app_secrets SET expires_at = CASE WHEN expires_at < $3 THEN expires_at ELSE $3 END WHERE app_id = $1 AND version = $2 AND ended_at IS NULL",
};
const MARK_EXPOSED: Sql = Sql {
    name: "mark_exposed",
    text: "UPDATE apps SET exposed_at = $2 WHERE id = $1",
};
const INSERT_API_KEY: Sql = Sql {
    name: "insert_api_key",
    text: "INSERT INTO api_keys (id, environment_id, tenant_id, name, pepper, mac, apis, scopes, status, epoch, last_four, created_at, expires_at, revoked_reason) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
};
const API_KEY_STATUS: Sql = Sql {
    name: "api_key_status",
    text: "UPDATE api_keys SET status = $3, epoch = epoch + $4, revoked_reason = $5 WHERE id = $1 AND status = $2",
};
const REVOKE_TOKEN: Sql = Sql {
    name: "revoke_token",
    text: "INSERT INTO revoked_tokens (environment_id, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT (environment_id, jti) DO NOTHING",
};
const INSERT_KEY: Sql = Sql {
    name: "insert_key",
    text: "INSERT INTO key_ring (environment_id, kid, usage, algorithm, state, public, sealed, created_at, activated_at, retires_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
};
const ADVANCE_KEY: Sql = Sql {
    name: "advance_key",
    text: "UPDATE key_ring SET state = $5, activated_at = COALESCE($6, activated_at), retires_at = COALESCE($7, retires_at) \
           WHERE environment_id = $1 AND usage = $2 AND kid = $3 AND state = $4",
};
const ERASE_KEY: Sql = Sql {
    name: "erase_key",
    text: "UPDATE key_ring SET state = $5, sealed = $6 WHERE environment_id = $1 AND usage = $2 AND kid = $3 AND state = $4",
};
const INSERT_OPERATOR: Sql = Sql {
    name: "insert_operator",
    text: "INSERT INTO operators (id, name, pepper, mac, created_at) VALUES ($1, $2, $3, $4, $5)",
};
const COUNT_ISSUED: Sql = Sql {
    name: "count_issued",
    text: "INSERT INTO issued_counts (app_id, minute, count) VALUES ($1, $2, $3) \
           ON CONFLICT (app_id, minute) DO UPDATE SET count = issued_counts.count + excluded.count",
};
/// Small values of the installation: the clock's mark, the master key's canary.
pub const PUT_META: Sql = Sql {
    name: "put_meta",
    text: "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};
const PRUNE_REVOKED: Sql = Sql {
    name: "prune_revoked",
    text: "DELETE FROM revoked_tokens WHERE expires_at < $1",
};
const PRUNE_COUNTS: Sql = Sql {
    name: "prune_counts",
    text: "DELETE FROM issued_counts WHERE minute < $1",
};
const INSERT_AUDIT: Sql = Sql {
    name: "insert_audit",
    text: "INSERT INTO audit (id, at, environment_id, actor, action, target, detail, request_id, address) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
};

/// Counts of issued tokens are kept for a week, by the minute.
const COUNTS_KEPT_MINUTES: i64 = 7 * 24 * 60;

/// One row of the audit.
pub struct AuditRow {
    /// A time-ordered id.
    pub id: [u8; 16],
    /// When.
    pub at: UnixMillis,
    /// Where, if it concerns one environment.
    pub environment: Option<EnvironmentId>,
    /// Who.
    pub actor: String,
    /// What, `noun.verb`.
    pub action: &'static str,
    /// To what.
    pub target: String,
    /// More, as JSON, without secrets.
    pub detail: String,
    /// The request's id.
    pub request_id: String,
    /// From where.
    pub address: String,
}

/// The statement of an audit row.
pub fn audit(row: AuditRow) -> Statement {
    let environment = row.environment.map(EnvironmentId::bytes);
    one(
        &INSERT_AUDIT,
        vec![
            row.id.into(),
            row.at.0.into(),
            environment.into(),
            row.actor.into(),
            row.action.into(),
            row.target.into(),
            row.detail.into(),
            row.request_id.into(),
            row.address.into(),
        ],
    )
}

/// The guarded statements of a write.
pub fn statements_of(write: &Write) -> Vec<Statement> {
    match write {
        Write::PutEnvironment(e) => {
            vec![one(
                &PUT_ENVIRONMENT,
                vec![
                    e.id.bytes().into(),
                    e.name.as_str().into(),
                    e.issuer.as_str().into(),
                    e.stage.as_str().into(),
                    e.scope_prefix.as_str().into(),
                ],
            )]
        }
        Write::PutProfile(profile) => vec![one(
            &PUT_PROFILE,
            vec![profile.name.as_str().into(), json(profile)],
        )],
        Write::PutApi(api) => vec![put_api(api)],
        Write::InsertTenant(t, at) => {
            vec![one(
                &INSERT_TENANT,
                vec![
                    t.id.bytes().into(),
                    t.name.as_str().into(),
                    t.title.as_str().into(),
                    t.status.as_str().into(),
                    t.epoch.into(),
                    at.0.into(),
                ],
            )]
        }
        Write::RenameTenant(id, title) => vec![one(
            &RENAME_TENANT,
            vec![id.bytes().into(), title.as_str().into()],
        )],
        Write::SetTenantStatus(c) => {
            vec![one(
                &TENANT_STATUS,
                vec![
                    c.id.bytes().into(),
                    c.from.as_str().into(),
                    c.to.as_str().into(),
                    raise(c.from).into(),
                ],
            )]
        }
        Write::InsertAccess(access, at) => vec![insert_access(access, *at)],
        Write::ChangeAccess(access) => vec![change_access(access)],
        Write::SetAccessStatus(c) => {
            let (tenant, api) = c.id;
            vec![one(
                &ACCESS_STATUS,
                vec![
                    tenant.bytes().into(),
                    api.bytes().into(),
                    c.from.as_str().into(),
                    c.to.as_str().into(),
                    raise(c.from).into(),
                ],
            )]
        }
        Write::InsertApp(app) => vec![insert_app(app)],
        Write::ChangeApp(app) => vec![change_app(app)],
        Write::SetAppStatus(c) => {
            vec![one(
                &APP_STATUS,
                vec![
                    c.id.bytes().into(),
                    c.from.as_str().into(),
                    c.to.as_str().into(),
                    raise(c.from).into(),
                ],
            )]
        }
        Write::EndAppTokens(id) => vec![one(&END_APP_TOKENS, vec![id.bytes().into()])],
        Write::InsertSecret(app, secret) => vec![insert_secret(*app, secret)],
        Write::EndSecret { app, version, at } => vec![one(
            &END_SECRET,
            vec![app.bytes().into(), (*version).into(), at.0.into()],
        )],
        Write::ScheduleSecretEnd { app, version, at } => {
            vec![one(
                &SCHEDULE_SECRET_END,
                vec![app.bytes().into(), (*version).into(), at.0.into()],
            )]
        }
        Write::MarkExposed(app, at) => vec![one(&MARK_EXPOSED, vec![app.bytes().into(), at.0.into()])],
        Write::InsertApiKey(key, hash) => vec![one(
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
            ],
        )],
        Write::SetApiKeyStatus(c, reason) => {
            vec![one(
                &API_KEY_STATUS,
                vec![
                    c.id.bytes().into(),
                    c.from.as_str().into(),
                    c.to.as_str().into(),
                    raise(c.from).into(),
                    reason.clone().into(),
                ],
            )]
        }
        Write::RevokeToken {
            environment,
            jti,
            expires_at,
        } => {
            // A token that is revoked twice stays revoked: any number of rows.
            vec![any(
                &REVOKE_TOKEN,
                vec![
                    environment.bytes().into(),
                    jti.as_str().into(),
                    (*expires_at).into(),
                ],
            )]
        }
        Write::InsertKey(key) => vec![insert_key(key)],
        Write::AdvanceKey { .. } => vec![advance_key(write)],
        Write::InsertOperator { id, name, hash, at } => {
            vec![one(
                &INSERT_OPERATOR,
                vec![
                    id.bytes().into(),
                    name.as_str().into(),
                    hash.pepper.into(),
                    hash.mac.into(),
                    at.0.into(),
                ],
            )]
        }
        Write::CountIssued { app, minute, count } => vec![one(
            &COUNT_ISSUED,
            vec![app.bytes().into(), (*minute).into(), (*count).into()],
        )],
        Write::MarkClock(at) => vec![one(
            &PUT_META,
            vec!["clock_mark".into(), at.0.to_be_bytes().into()],
        )],
        Write::Prune(now) => vec![
            // A minute of slack, so that no node with a slower clock forgets too early.
            any(&PRUNE_REVOKED, vec![(now.seconds() - 60).into()]),
            any(
                &PRUNE_COUNTS,
                vec![(now.seconds() / 60 - COUNTS_KEPT_MINUTES).into()],
            ),
        ],
    }
}

/// Suspending and closing raise the epoch; resuming leaves it, so that tokens from before stay dead.
fn raise(from: Status) -> i64 {
    i64::from(from.is_active())
}

fn one(sql: &'static Sql, params: Vec<Value>) -> Statement {
    Statement {
        sql,
        params,
        expect: Expect::Rows(1),
    }
}

fn any(sql: &'static Sql, params: Vec<Value>) -> Statement {
    Statement {
        sql,
        params,
        expect: Expect::Any,
    }
}

/// JSON text of a value of ours. Our types hold nothing that JSON cannot say.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_string(value).map_or(Value::Null, Value::Text)
}

fn put_api(api: &Api) -> Statement {
    let openapi = api.openapi.as_deref().map(str::to_owned);
    one(
        &PUT_API,
        vec![
            api.id.bytes().into(),
            api.environment.bytes().into(),
            api.name.as_str().into(),
            api.title.as_str().into(),
            api.audience.as_str().into(),
            json(&api.scopes),
            api.profile.name.as_str().into(),
            openapi.into(),
        ],
    )
}

fn insert_access(access: &Access, at: UnixMillis) -> Statement {
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
            at.0.into(),
        ],
    )
}

fn change_access(access: &Access) -> Statement {
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

fn insert_app(app: &App) -> Statement {
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
            app.exposed_at.map(|at| at.0).into(),
            app.created_at.0.into(),
        ],
    )
}

fn change_app(app: &App) -> Statement {
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
        ],
    )
}

fn insert_secret(app: AppId, secret: &SecretVersion) -> Statement {
    one(
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
        ],
    )
}

fn insert_key(key: &StoredKey) -> Statement {
    one(
        &INSERT_KEY,
        vec![
            key.environment.bytes().into(),
            key.kid.as_str().into(),
            key.usage.as_str().into(),
            key.algorithm.as_str().into(),
            key.state.as_str().into(),
            key.public.clone().into(),
            key.sealed.clone().into(),
            key.created_at.0.into(),
            key.activated_at.map(|at| at.0).into(),
            key.retires_at.map(|at| at.0).into(),
        ],
    )
}

fn advance_key(write: &Write) -> Statement {
    use grantor_core::signing_key::KeyState;
    let Write::AdvanceKey {
        environment,
        kid,
        usage,
        from,
        to,
        at,
        retires_at,
    } = write
    else {
        return any(&PRUNE_COUNTS, vec![0i64.into()]);
    };
    let guard: Vec<Value> = vec![
        environment.bytes().into(),
        usage.as_str().into(),
        kid.as_str().into(),
        from.as_str().into(),
        to.as_str().into(),
    ];
    if *to == KeyState::Retired {
        // What no longer verifies is erased, not kept.
        return one(&ERASE_KEY, [guard, vec![Value::Bytes(Vec::new())]].concat());
    }
    let activated = (*to == KeyState::Active).then_some(at.0);
    one(
        &ADVANCE_KEY,
        [guard, vec![activated.into(), retires_at.map(|at| at.0).into()]].concat(),
    )
}
