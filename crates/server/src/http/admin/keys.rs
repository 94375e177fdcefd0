//! API keys.

use std::sync::Arc;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::Response;
use grantor_core::api_key::ApiKey;
use grantor_core::id::ApiKeyId;
use grantor_core::lifetime::Lifetime;
use grantor_core::name::NameError;
use grantor_core::scope::{Scope, ScopeSet};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tenants::{PAGE, Page};
use super::{Admin, Body, Problem, Why, answer, tenants, view};
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::api_key::{self, KeyRequest};
use crate::flow::app::apis_by_name;
use crate::flow::tenant::{Order, Switch};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    tenant: String,
    #[serde(default)]
    name: String,
    apis: Vec<String>,
    #[serde(default)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    lifetime: Option<Lifetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    reason: String,
}

pub(super) async fn list(
    admin: Admin,
    Path(environment): Path<String>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let only = match &page.tenant {
        Some(name) => Some(tenants::find(&admin, name).await?.id),
        None => None,
    };
    let after = match page.after.as_str() {
        "" => [0; 16],
        id => id.parse::<ApiKeyId>().map_err(|_| Problem::bad("after is the id of a key."))?.bytes(),
    };
    let keys = admin.node.store.api_keys(state.environment.id, after, PAGE).await.map_err(Fault::from)?;
    let next = if keys.len() as i64 == PAGE { keys.last().map(|key| key.id.to_string()) } else { None };
    let now = admin.node.now();
    let shown = keys.iter().filter(|key| only.is_none_or(|tenant| key.tenant == tenant));
    let tenants = tenants::names(&admin, keys.iter().map(|key| key.tenant)).await?;
    let items: Vec<Value> = shown.map(|key| view::key(&state, key, &tenants[&key.tenant], now)).collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": next })))
}

pub(super) async fn create(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<NewKey>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let tenant = tenants::find(&admin, &body.tenant).await?;
    let apis = apis_by_name(&state, &body.apis).map_err(|name| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown_api",
            format!("There is no API {name} in this environment."),
        )
    })?;
    let request = KeyRequest {
        name: body.name,
        apis: apis.iter().map(|api| api.as_ref()).collect(),
        scopes: body.scopes.map(ScopeSet::from),
        lifetime: body.lifetime,
    };
    let (secret, key) = api_key::create(&admin.node, &admin.actor, &state, &tenant, request).await?;
    let mut shown = view::key(&state, &key, tenant.name.as_str(), admin.node.now());
    shown["key"] = secret.reveal().into();
    Ok(answer(StatusCode::CREATED, &shown))
}

pub(super) async fn show(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    again(&admin, &environment, &id).await
}

async fn find(
    admin: &Admin,
    environment: &str,
    id: &str,
) -> Result<(Arc<EnvironmentState>, ApiKey), Problem> {
    let state = admin.environment(environment)?;
    let missing = || Problem::not_found("There is no such key in this environment.");
    let id: ApiKeyId = id.parse().map_err(|_| missing())?;
    let key = admin.node.store.api_key(state.environment.id, id).await.map_err(Fault::from)?;
    Ok((state, key.ok_or_else(missing)?))
}

pub(super) async fn revoke(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
    Body(body): Body<Revoke>,
) -> Result<Response, Problem> {
    let reason = body.reason.parse();
    let reason =
        reason.map_err(|why: NameError| Problem::bad(format!("Say why, the partner will ask: {why}.")))?;
    switch(&admin, (environment, id), Order { switch: Switch::Close, why: Some(reason) }).await
}

pub(super) async fn suspend(
    admin: Admin,
    Path(path): Path<(String, String)>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch(&admin, path, why.order(Switch::Suspend)).await
}

pub(super) async fn resume(
    admin: Admin,
    Path(path): Path<(String, String)>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch(&admin, path, why.order(Switch::Resume)).await
}

async fn switch(
    admin: &Admin,
    (environment, id): (String, String),
    order: Order,
) -> Result<Response, Problem> {
    let (_, key) = find(admin, &environment, &id).await?;
    api_key::switch(&admin.node, &admin.actor, &key, &order).await?;
    again(admin, &environment, &id).await
}

async fn again(admin: &Admin, environment: &str, id: &str) -> Result<Response, Problem> {
    let (state, key) = find(admin, environment, id).await?;
    let tenants = tenants::names(admin, [key.tenant].into_iter()).await?;
    Ok(answer(StatusCode::OK, &view::key(&state, &key, &tenants[&key.tenant], admin.node.now())))
}
