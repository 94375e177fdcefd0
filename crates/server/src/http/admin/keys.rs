//! API keys.

use std::sync::Arc;

use axum::extract::{Path, Query};
use grantor_core::api_key::ApiKey;
use grantor_core::id::ApiKeyId;
use grantor_core::lifetime::Lifetime;
use grantor_core::permission::Right;
use grantor_core::profile::ApiKeyPolicy;
use grantor_core::scope::{Scope, ScopeSet};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{List, Made, Shown};
use super::body::Body;
use super::caller::{Caller, Granted};
use super::page::{PageOfTenant, Window};
use super::problem::Problem;
use super::table::Table;
use super::{tenants, view};
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::api_key::{self, KeyRequest};
use crate::flow::app::apis_by_name;
use crate::flow::tenant::Switch;

pub(super) fn routes(table: &mut Table) {
    table.tag("Keys", "API keys: long-lived credentials of a tenant in one environment.");
    table
        .get("/environments/{environment}/keys", Right::ReadTenant, list)
        .says("List keys", "In order of making, of all tenants or of one.");
    table
        .post("/environments/{environment}/keys", Right::ManageKeys, create)
        .says(
            "Make a key",
            "The answer shows it, once. A member makes keys where the API's profile lets tenants do so.",
        )
        .once();
    table.get("/environments/{environment}/keys/{key}", Right::ReadTenant, show).says("Show a key", "");
    table
        .post("/environments/{environment}/keys/{key}/revoke", Right::ManageKeys, revoke)
        .says("Revoke a key", "For ever, from the next request.");
    table
        .post("/environments/{environment}/keys/{key}/suspend", Right::ManageKeys, suspend)
        .says("Suspend a key", "It is refused from the next request.");
    table
        .post("/environments/{environment}/keys/{key}/resume", Right::ManagePartners, resume)
        .says("Resume a key", "For the provider's team: it may have had its reasons.");
}

/// A new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// The tenant whose it is, by name or GUID.
    tenant: String,
    /// Its name for people.
    #[serde(default)]
    name: String,
    /// The APIs that it opens, by name.
    apis: Vec<String>,
    /// What it may do there; else all that the tenant's accesses allow.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<Vec<Scope>>,
    /// Seconds that it lives; else what the profile says.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315360000)]
    lifetime: Option<Lifetime>,
}

/// Why a key is revoked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeKey {
    /// 1 to 500 characters: the partner will ask.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// A key as it was made.
#[derive(Serialize, ToSchema)]
struct CreatedKey {
    #[serde(flatten)]
    row: view::Key,
    /// The key: shown now, and never again.
    key: String,
}

async fn list(
    caller: Caller,
    Path(environment): Path<String>,
    Query(query): Query<PageOfTenant>,
) -> Result<List<view::Key>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::narrowed(&caller, query.tenant.as_deref()).await?;
    let of = tenant.map_or_else(String::new, |tenant| tenant.to_string());
    let window = Window::open(&caller, &query.page(), &["keys", &environment, &of])?;
    let (store, after) = (&caller.node.store, window.after_id()?);
    let rows =
        store.api_keys(state.environment.id, tenant, after, window.rows()).await.map_err(Fault::from)?;
    let (rows, next) = window.cut(rows, |key| key.id.bytes().to_vec());
    let names = tenants::names(&caller, rows.iter().map(|key| key.tenant)).await?;
    let now = caller.node.now();
    let items = rows.iter().map(|key| view::Key::of(&state, key, &names[&key.tenant], now)).collect();
    Ok(List { items, next })
}

async fn create(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<NewKey>,
) -> Result<Made<CreatedKey>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::find(&caller, &body.tenant).await?;
    let granted = caller.in_tenant(tenant.id, Right::ManageKeys)?;
    if body.name.chars().count() > 200 || body.name.chars().any(char::is_control) {
        return Err(Problem::unfit(
            "malformed",
            "A name has at most 200 characters and no control characters.",
        ));
    }
    let apis = apis_by_name(&state, &body.apis).map_err(|name| {
        Problem::unfit("unknown_api", format!("There is no API {name} in this environment."))
    })?;
    let by_tenants = |policy| policy == ApiKeyPolicy::SelfService;
    if caller.only().is_some() && !apis.iter().all(|api| by_tenants(api.profile.api_keys)) {
        return Err(Problem::forbidden(
            "Keys for this API are made by the provider's team. Ask them for one.",
        ));
    }
    let request = KeyRequest {
        name: body.name,
        apis: apis.iter().map(|api| api.as_ref()).collect(),
        scopes: body.scopes.map(ScopeSet::from),
        lifetime: body.lifetime,
    };
    let (secret, key) = api_key::create(&granted.node, &granted.actor, &state, &tenant, request).await?;
    let row = view::Key::of(&state, &key, tenant.name.as_str(), caller.node.now());
    Ok(Made(CreatedKey { row, key: secret.reveal().to_owned() }))
}

type KeyPath = Path<(String, String)>;

async fn show(caller: Caller, Path(path): KeyPath) -> Result<Shown<view::Key>, Problem> {
    again(&caller, &path).await
}

/// A key, if it is there for the caller.
async fn find(
    caller: &Caller,
    (environment, id): &(String, String),
) -> Result<(Arc<EnvironmentState>, ApiKey), Problem> {
    let state = caller.environment(environment)?;
    let missing = || Problem::not_found("There is no such key in this environment.");
    let id: ApiKeyId = id.parse().map_err(|_| missing())?;
    let key = caller.node.store.api_key(state.environment.id, id).await.map_err(Fault::from)?;
    Ok((state, key.filter(|key| caller.sees(key.tenant)).ok_or_else(missing)?))
}

async fn find_to_change(caller: &Caller, path: &(String, String)) -> Result<(ApiKey, Granted), Problem> {
    let (_, key) = find(caller, path).await?;
    let granted = caller.in_tenant(key.tenant, Right::ManageKeys)?;
    Ok((key, granted))
}

async fn revoke(
    caller: Caller,
    Path(path): KeyPath,
    Body(body): Body<RevokeKey>,
) -> Result<Shown<view::Key>, Problem> {
    let (key, granted) = find_to_change(&caller, &path).await?;
    if body.reason.trim().is_empty() || body.reason.chars().count() > 500 {
        return Err(Problem::bad("Give a reason of 1 to 500 characters: the partner will ask."));
    }
    api_key::revoke(&granted.node, &granted.actor, &key, body.reason).await?;
    again(&caller, &path).await
}

async fn suspend(caller: Caller, Path(path): KeyPath) -> Result<Shown<view::Key>, Problem> {
    let (key, granted) = find_to_change(&caller, &path).await?;
    api_key::switch(&granted.node, &granted.actor, &key, Switch::Suspend).await?;
    again(&caller, &path).await
}

async fn resume(caller: Caller, Path(path): KeyPath) -> Result<Shown<view::Key>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (_, key) = find(&caller, &path).await?;
    api_key::switch(&granted.node, &granted.actor, &key, Switch::Resume).await?;
    again(&caller, &path).await
}

async fn again(caller: &Caller, path: &(String, String)) -> Result<Shown<view::Key>, Problem> {
    let (state, key) = find(caller, path).await?;
    let names = tenants::names(caller, [key.tenant].into_iter()).await?;
    Ok(Shown(view::Key::of(&state, &key, &names[&key.tenant], caller.node.now())))
}
