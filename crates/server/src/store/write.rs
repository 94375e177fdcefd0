//! From a write as data to guarded statements. Reading this folder is reading everything that happens to the database.

mod app;
mod credential;
mod installation;
mod partner;

use grantor_core::decision::Write;
use grantor_core::tenant::Status;
use serde::Serialize;

use super::sql::{Expect, Sql, Statement, Value};
pub use installation::{AuditRow, PUT_META, audit};

/// Every statement that writes, for the test that prepares it.
pub fn statements() -> Vec<&'static Sql> {
    [app::STATEMENTS, credential::STATEMENTS, installation::STATEMENTS, partner::STATEMENTS].concat()
}

/// The guarded statements of a write.
pub fn statements_of(write: &Write) -> Vec<Statement> {
    let statement = match write {
        Write::PutEnvironment(environment) => installation::put_environment(environment),
        Write::PutProfile(profile) => installation::put_profile(profile),
        Write::PutApi(api) => installation::put_api(api),
        Write::InsertTenant(tenant, at) => partner::insert_tenant(tenant, *at),
        Write::RenameTenant(id, title) => partner::rename_tenant(*id, title),
        Write::SetTenantStatus(change) => partner::tenant_status(change),
        Write::InsertAccess(access, at) => partner::insert_access(access, *at),
        Write::ChangeAccess(access) => partner::change_access(access),
        Write::SetAccessStatus(change) => partner::access_status(change),
        Write::InsertApp(app) => app::insert_app(app),
        Write::ChangeApp(app) => app::change_app(app),
        Write::SetAppStatus(change) => app::app_status(change),
        Write::EndAppTokens(id) => app::end_app_tokens(*id),
        Write::InsertSecret(app, secret) => app::insert_secret(*app, secret),
        Write::EndSecret { app, version, at } => app::end_secret(*app, *version, *at),
        Write::ScheduleSecretEnd { app, version, at } => app::schedule_secret_end(*app, *version, *at),
        Write::MarkExposed(app, at) => app::mark_exposed(*app, *at),
        Write::InsertApiKey(key, hash) => credential::insert_api_key(key, hash),
        Write::SetApiKeyStatus(change, reason) => credential::api_key_status(change, reason.as_deref()),
        Write::RevokeToken { environment, jti, expires_at } => {
            credential::revoke_token(*environment, jti, *expires_at)
        }
        Write::InsertKey(key) => credential::insert_key(key),
        Write::AdvanceKey(step) => credential::advance_key(step),
        Write::InsertOperator { id, name, hash, at } => credential::insert_operator(*id, name, hash, *at),
        Write::CountIssued { app, minute, count } => installation::count_issued(*app, *minute, *count),
        Write::CountSealed { environment, count } => credential::count_sealed(*environment, *count),
        Write::MarkClock(at) => installation::mark_clock(*at),
        Write::Prune(now) => return installation::prune(*now),
    };
    vec![statement]
}

/// Suspending and closing raise the epoch; resuming leaves it, so that tokens from before stay dead.
fn raise(from: Status) -> i64 {
    i64::from(from.is_active())
}

fn one(sql: &'static Sql, params: Vec<Value>) -> Statement {
    Statement { sql, params, expect: Expect::Rows(1) }
}

fn any(sql: &'static Sql, params: Vec<Value>) -> Statement {
    Statement { sql, params, expect: Expect::Any }
}

/// JSON text of a value of ours. Our types hold nothing that JSON cannot say.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_string(value).map_or(Value::Null, Value::Text)
}
