//! Tenants and their accesses.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::Response;
use grantor_core::access::Access;
use grantor_core::id::TenantId;
use grantor_core::name::Name;
use grantor_core::tenant::Tenant;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Body, Problem, Why, answer, view};
use crate::flow::tenant::{Order, Switch};
use crate::flow::{access, tenant};

/// Most rows of one answer.
pub(super) const PAGE: i64 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) after: String,
    #[serde(default)]
    pub(super) tenant: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTenant {
    name: Name,
    #[serde(default)]
    title: String,
    #[serde(default)]
    id: Option<TenantId>,
}

pub(super) async fn list(admin: Admin, Query(page): Query<Page>) -> Result<Response, Problem> {
    let tenants = admin.node.store.tenants(&page.after, PAGE).await.map_err(crate::flow::Fault::from)?;
    let next = if tenants.len() as i64 == PAGE {
        tenants.last().map(|tenant| tenant.name.to_string())
    } else {
        None
    };
    let items: Vec<Value> = tenants.iter().map(view::tenant).collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": next })))
}

pub(super) async fn create(admin: Admin, Body(body): Body<NewTenant>) -> Result<Response, Problem> {
    let made = tenant::create(&admin.node, &admin.actor, body.name, body.title, body.id).await?;
    Ok(answer(StatusCode::CREATED, &view::tenant(&made)))
}

pub(super) async fn show(admin: Admin, Path(name): Path<String>) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &view::tenant(&find(&admin, &name).await?)))
}

pub(super) async fn suspend(
    admin: Admin,
    Path(name): Path<String>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch(&admin, &name, why.order(Switch::Suspend)).await
}

pub(super) async fn resume(
    admin: Admin,
    Path(name): Path<String>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch(&admin, &name, why.order(Switch::Resume)).await
}

pub(super) async fn close(
    admin: Admin,
    Path(name): Path<String>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch(&admin, &name, why.order(Switch::Close)).await
}

async fn switch(admin: &Admin, name: &str, order: Order) -> Result<Response, Problem> {
    let found = find(admin, name).await?;
    tenant::switch(&admin.node, &admin.actor, &found, &order).await?;
    Ok(answer(StatusCode::OK, &view::tenant(&find(admin, name).await?)))
}

/// A tenant by GUID or name.
pub(super) async fn find(admin: &Admin, name: &str) -> Result<Tenant, Problem> {
    tenant::find(&admin.node, name).await?.ok_or_else(|| Problem::not_found("There is no such tenant."))
}

/// The short names of tenants, by id: people read lists.
pub(super) async fn names(
    admin: &Admin,
    ids: impl Iterator<Item = TenantId>,
) -> Result<BTreeMap<TenantId, String>, Problem> {
    let mut names = BTreeMap::new();
    for id in ids {
        if let Entry::Vacant(place) = names.entry(id) {
            let tenant = admin.node.store.tenant(id).await.map_err(crate::flow::Fault::from)?;
            place.insert(tenant.map_or_else(|| id.to_string(), |tenant| tenant.name.to_string()));
        }
    }
    Ok(names)
}

pub(super) async fn accesses(admin: Admin, Path(environment): Path<String>) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let rows =
        admin.node.store.all_accesses(state.environment.id, PAGE).await.map_err(crate::flow::Fault::from)?;
    let tenants = names(&admin, rows.iter().map(|access| access.tenant)).await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|access| {
            let api = state.api_by_id(access.api).map(|api| api.name.to_string());
            json!({
                "tenant": tenants[&access.tenant], "api": api, "status": access.status, "epoch": access.epoch, "scopes": access.scopes, "quota": access.quota,
                "client_token_lifetime": access.client_token_lifetime, "user_token_lifetime": access.user_token_lifetime,
            })
        })
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

pub(super) async fn suspend_access(
    admin: Admin,
    Path(path): Path<(String, String, String)>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch_access(&admin, path, why.order(Switch::Suspend)).await
}

pub(super) async fn resume_access(
    admin: Admin,
    Path(path): Path<(String, String, String)>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch_access(&admin, path, why.order(Switch::Resume)).await
}

pub(super) async fn close_access(
    admin: Admin,
    Path(path): Path<(String, String, String)>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch_access(&admin, path, why.order(Switch::Close)).await
}

async fn switch_access(
    admin: &Admin,
    (environment, tenant, api): (String, String, String),
    order: Order,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let tenant = find(admin, &tenant).await?;
    let api =
        state.api(&api).ok_or_else(|| Problem::not_found("There is no such API in this environment."))?;
    let load = || async {
        let rows = admin.node.store.accesses(tenant.id).await.map_err(crate::flow::Fault::from)?;
        rows.into_iter()
            .find(|access| access.api == api.id)
            .ok_or_else(|| Problem::not_found("The tenant has no access to this API."))
    };
    let found: Access = load().await?;
    access::switch(&admin.node, &admin.actor, &found, api, &order).await?;
    let now: Access = load().await?;
    Ok(answer(
        StatusCode::OK,
        &json!({ "tenant": now.tenant, "api": api.name, "status": now.status, "epoch": now.epoch }),
    ))
}
