//! API keys.

use std::sync::Arc;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::Response;
use grantor_core::access::QuotaClass;
use grantor_core::address_list::AddressList;
use grantor_core::api::Api;
use grantor_core::api_key::ApiKey;
use grantor_core::api_key_change::{Narrowing, Rotation};
use grantor_core::id::ApiKeyId;
use grantor_core::lifetime::Lifetime;
use grantor_core::name::NameError;
use grantor_core::permission::Maker;
use grantor_core::scope::{Scope, ScopeSet};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tenants::{PAGE, Page};
use super::{Admin, Body, Problem, Why, activity, answer, tenants, view};
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::api_key::{self, KeyRequest};
use crate::flow::app::apis_by_name;
use crate::flow::tenant::{Order, Switch};
use crate::moment::Moment;

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
    #[serde(default)]
    addresses: Option<AddressList>,
    /// How many calls it may make; without it the API alone sets limits.
    #[serde(default)]
    quota: Option<QuotaClass>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotate {
    /// Seconds for which the old key works on; 0 ends it at once.
    overlap: i64,
    #[serde(default)]
    lifetime: Option<Lifetime>,
    #[serde(default)]
    apis: Option<Vec<String>>,
    #[serde(default)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    addresses: Option<AddressList>,
    #[serde(default)]
    quota: Option<QuotaClass>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Narrow {
    #[serde(default)]
    apis: Option<Vec<String>>,
    #[serde(default)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    addresses: Option<AddressList>,
    #[serde(default)]
    quota: Option<QuotaClass>,
    #[serde(default)]
    expires_at: Option<Moment>,
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
    let uses = activity::key_uses(&admin.node, state.environment.id, &keys).await?;
    let shown = shown.map(|key| {
        let mut shown = view::key(&state, key, &tenants[&key.tenant], now);
        uses.show_key(&mut shown, key.id);
        shown
    });
    let items: Vec<Value> = shown.collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": next })))
}

pub(super) async fn create(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<NewKey>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let tenant = tenants::find(&admin, &body.tenant).await?;
    let request = KeyRequest {
        name: body.name,
        apis: apis(&state, &body.apis)?,
        scopes: body.scopes.map(ScopeSet::from),
        lifetime: body.lifetime,
        addresses: body.addresses,
        quota: body.quota.unwrap_or(QuotaClass::Unlimited),
    };
    let (secret, key) =
        api_key::create(&admin.node, &admin.actor, Maker::Provider, (&state, &tenant), request).await?;
    let mut shown = view::key(&state, &key, tenant.name.as_str(), admin.node.now());
    shown["key"] = secret.reveal().into();
    Ok(answer(StatusCode::CREATED, &shown))
}

fn apis<'a>(state: &'a EnvironmentState, names: &[String]) -> Result<Vec<&'a Api>, Problem> {
    let found = apis_by_name(state, names).map_err(|name| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown_api",
            format!("There is no API {name} in this environment."),
        )
    })?;
    Ok(found.into_iter().map(AsRef::as_ref).collect())
}

pub(super) async fn rotate(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
    Body(body): Body<Rotate>,
) -> Result<Response, Problem> {
    let (state, old) = find(&admin, &environment, &id).await?;
    let tenant = admin.node.store.tenant(old.tenant).await.map_err(Fault::from)?.ok_or(Fault::Internal)?;
    let rotation = Rotation {
        narrowing: Narrowing {
            apis: body.apis.map(|names| apis(&state, &names)).transpose()?,
            scopes: body.scopes.map(ScopeSet::from),
            addresses: body.addresses,
            quota: body.quota,
            expires_at: None,
        },
        lifetime: body.lifetime,
        overlap: body.overlap,
    };
    let (secret, new) =
        api_key::rotate(&admin.node, &admin.actor, Maker::Provider, (&state, &tenant, &old), rotation)
            .await?;
    let now = admin.node.now();
    let (_, old) = find(&admin, &environment, &id).await?;
    let mut shown = view::key(&state, &new, tenant.name.as_str(), now);
    shown["key"] = secret.reveal().into();
    shown["replaces"] = view::key(&state, &old, tenant.name.as_str(), now);
    Ok(answer(StatusCode::CREATED, &shown))
}

pub(super) async fn narrow(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
    Body(body): Body<Narrow>,
) -> Result<Response, Problem> {
    let (state, key) = find(&admin, &environment, &id).await?;
    let wanted = Narrowing {
        apis: body.apis.map(|names| apis(&state, &names)).transpose()?,
        scopes: body.scopes.map(ScopeSet::from),
        addresses: body.addresses,
        quota: body.quota,
        expires_at: body.expires_at.map(|Moment(at)| at),
    };
    api_key::narrow(&admin.node, &admin.actor, &state, &key, &wanted).await?;
    again(&admin, &environment, &id).await
}

pub(super) async fn show(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    again(&admin, &environment, &id).await
}

pub(super) async fn find(
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
    let mut shown = view::key(&state, &key, &tenants[&key.tenant], admin.node.now());
    let uses = activity::key_uses(&admin.node, state.environment.id, std::slice::from_ref(&key)).await?;
    uses.show_key(&mut shown, key.id);
    Ok(answer(StatusCode::OK, &shown))
}
