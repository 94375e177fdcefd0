//! Tenants and their accesses.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::extract::{Path, Query};
use grantor_core::id::{ApiId, TenantId};
use grantor_core::name::Name;
use grantor_core::permission::Right;
use grantor_core::tenant::Tenant;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::{List, Made, Shown};
use super::body::Body;
use super::caller::Caller;
use super::page::{Page, PageOfTenant, Window};
use super::problem::Problem;
use super::table::Table;
use super::view;
use crate::catalogue::EnvironmentState;
use crate::flow::tenant::Switch;
use crate::flow::{Fault, access, tenant};

pub(super) fn routes(table: &mut Table) {
    table.tag("Tenants", "Partner organisations. A tenant spans environments.");
    table
        .get("/tenants", Right::ReadTenant, list)
        .says("List tenants", "In order of name. A member sees their own one.");
    table.post("/tenants", Right::ManagePartners, create).says("Make a tenant", "").once();
    table.get("/tenants/{tenant}", Right::ReadTenant, show).says("Show a tenant", "");
    table.post("/tenants/{tenant}/suspend", Right::ManagePartners, suspend).says(
        "Suspend a tenant",
        "Everything of it stops with the next request, in all environments: apps, keys, users' tokens for it.",
    );
    table
        .post("/tenants/{tenant}/resume", Right::ManagePartners, resume)
        .says("Resume a tenant", "Tokens from before stay dead.");
    table.tag("Accesses", "What a tenant may do with an API.");
    table
        .get("/environments/{environment}/accesses", Right::ReadTenant, accesses)
        .says("List accesses", "Of all tenants, or of one.");
    table
        .get("/environments/{environment}/accesses/{tenant}/{api}", Right::ReadTenant, show_access)
        .says("Show an access", "");
    table
        .post(
            "/environments/{environment}/accesses/{tenant}/{api}/suspend",
            Right::ManagePartners,
            suspend_access,
        )
        .says(
            "Suspend an access",
            "The tenant's credentials are good for this API no more, from the next request.",
        );
    table
        .post(
            "/environments/{environment}/accesses/{tenant}/{api}/resume",
            Right::ManagePartners,
            resume_access,
        )
        .says("Resume an access", "Tokens from before stay dead.");
}

/// A new tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// Its short name: 1 to 63 of `a-z 0-9 - _`.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$")]
    name: Name,
    /// Its name for people.
    #[serde(default)]
    title: String,
    /// Its GUID, where it has one elsewhere; else one is made.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uuid")]
    id: Option<TenantId>,
}

async fn list(caller: Caller, Query(page): Query<Page>) -> Result<List<view::Tenant>, Problem> {
    let window = Window::open(&caller, &page, &["tenants"])?;
    let (rows, next) = match caller.only() {
        Some(only) => {
            (caller.node.store.tenant(only).await.map_err(Fault::from)?.into_iter().collect(), None)
        }
        None => {
            let after = window.after_text()?;
            let rows = caller.node.store.tenants(&after, window.rows()).await.map_err(Fault::from)?;
            window.cut(rows, |tenant: &Tenant| tenant.name.as_str().into())
        }
    };
    Ok(List { items: rows.iter().map(view::Tenant::of).collect(), next })
}

async fn create(caller: Caller, Body(body): Body<NewTenant>) -> Result<Made<view::Tenant>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    if body.title.chars().count() > 200 || body.title.chars().any(char::is_control) {
        return Err(Problem::unfit(
            "malformed",
            "A title has at most 200 characters and no control characters.",
        ));
    }
    let made = tenant::create(&granted.node, &granted.actor, body.name, body.title, body.id).await?;
    Ok(Made(view::Tenant::of(&made)))
}

async fn show(caller: Caller, Path(name): Path<String>) -> Result<Shown<view::Tenant>, Problem> {
    Ok(Shown(view::Tenant::of(&find(&caller, &name).await?)))
}

async fn suspend(caller: Caller, Path(name): Path<String>) -> Result<Shown<view::Tenant>, Problem> {
    switch(&caller, &name, Switch::Suspend).await
}

async fn resume(caller: Caller, Path(name): Path<String>) -> Result<Shown<view::Tenant>, Problem> {
    switch(&caller, &name, Switch::Resume).await
}

async fn switch(caller: &Caller, name: &str, switch: Switch) -> Result<Shown<view::Tenant>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let found = find(caller, name).await?;
    tenant::switch(&granted.node, &granted.actor, &found, switch).await?;
    Ok(Shown(view::Tenant::of(&find(caller, name).await?)))
}

/// A tenant by GUID or name, if it is there for the caller.
pub(super) async fn find(caller: &Caller, name: &str) -> Result<Tenant, Problem> {
    let found = tenant::find(&caller.node, name).await?;
    found
        .filter(|tenant| caller.sees(tenant.id))
        .ok_or_else(|| Problem::not_found("There is no such tenant."))
}

/// The tenant that a list is narrowed to: a member's own, or the one that an operator named.
pub(super) async fn narrowed(caller: &Caller, named: Option<&str>) -> Result<Option<TenantId>, Problem> {
    match named {
        Some(name) => Ok(Some(find(caller, name).await?.id)),
        None => Ok(caller.only()),
    }
}

/// The short names of tenants, by id: people read lists. A name never changes.
pub(super) async fn names(
    caller: &Caller,
    ids: impl Iterator<Item = TenantId>,
) -> Result<BTreeMap<TenantId, String>, Problem> {
    let mut names = BTreeMap::new();
    for id in ids {
        if let Entry::Vacant(place) = names.entry(id) {
            let facts = caller.node.cache.tenant(&caller.node.store, id).await.map_err(Fault::from)?;
            place.insert(facts.map_or_else(|| id.to_string(), |facts| facts.tenant.name.to_string()));
        }
    }
    Ok(names)
}

async fn accesses(
    caller: Caller,
    Path(environment): Path<String>,
    Query(query): Query<PageOfTenant>,
) -> Result<List<view::Access>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = narrowed(&caller, query.tenant.as_deref()).await?;
    let of = tenant.map_or_else(String::new, |tenant| tenant.to_string());
    let window = Window::open(&caller, &query.page(), &["accesses", &environment, &of])?;
    let after = match window.after.as_deref().map(<[u8; 32]>::try_from) {
        None => None,
        Some(Ok(bytes)) => {
            let (tenant, api) = bytes.split_at(16);
            let id = |half: &[u8]| <[u8; 16]>::try_from(half).map_err(|_| Fault::Internal);
            Some((TenantId::from_bytes(id(tenant)?), ApiId::from_bytes(id(api)?)))
        }
        Some(Err(_)) => return Err(Fault::Internal.into()),
    };
    let rows = caller
        .node
        .store
        .accesses_in(state.environment.id, tenant, after, window.rows())
        .await
        .map_err(Fault::from)?;
    let (rows, next) = window.cut(rows, |access| [access.tenant.bytes(), access.api.bytes()].concat());
    let names = names(&caller, rows.iter().map(|access| access.tenant)).await?;
    let items = rows.iter().map(|access| view::Access::of(&state, access, &names[&access.tenant])).collect();
    Ok(List { items, next })
}

type AccessPath = Path<(String, String, String)>;

async fn show_access(caller: Caller, Path(path): AccessPath) -> Result<Shown<view::Access>, Problem> {
    let (state, tenant, access) = find_access(&caller, &path).await?;
    Ok(Shown(view::Access::of(&state, &access, tenant.name.as_str())))
}

async fn suspend_access(caller: Caller, Path(path): AccessPath) -> Result<Shown<view::Access>, Problem> {
    switch_access(&caller, path, Switch::Suspend).await
}

async fn resume_access(caller: Caller, Path(path): AccessPath) -> Result<Shown<view::Access>, Problem> {
    switch_access(&caller, path, Switch::Resume).await
}

async fn find_access(
    caller: &Caller,
    (environment, tenant, api): &(String, String, String),
) -> Result<(std::sync::Arc<EnvironmentState>, Tenant, grantor_core::access::Access), Problem> {
    let state = caller.environment(environment)?;
    let tenant = find(caller, tenant).await?;
    let api =
        state.api(api).ok_or_else(|| Problem::not_found("There is no such API in this environment."))?.id;
    let rows = caller.node.store.accesses(tenant.id).await.map_err(Fault::from)?;
    let access = rows.into_iter().find(|access| access.api == api);
    Ok((state, tenant, access.ok_or_else(|| Problem::not_found("The tenant has no access to this API."))?))
}

async fn switch_access(
    caller: &Caller,
    path: (String, String, String),
    switch: Switch,
) -> Result<Shown<view::Access>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (state, _, found) = find_access(caller, &path).await?;
    access::switch(&granted.node, &granted.actor.within(state.environment.id), &found, switch).await?;
    let (state, tenant, now) = find_access(caller, &path).await?;
    Ok(Shown(view::Access::of(&state, &now, tenant.name.as_str())))
}
