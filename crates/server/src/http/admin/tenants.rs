//! Tenants and their accesses.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::Response;
use grantor_core::id::TenantId;
use grantor_core::name::Name;
use grantor_core::tenant::Tenant;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Body, Problem, Why, answer, view};
use crate::flow::acceptance::{self, InTheNameOf};
use crate::flow::tenant::{Order, Switch};
use crate::flow::{Fault, tenant};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accept {
    document: String,
    version: i64,
    #[serde(default)]
    evidence: String,
}

/// What was accepted in the tenant's name, by whom and when, and what is open now.
pub(super) async fn acceptances(admin: Admin, Path(tenant): Path<String>) -> Result<Response, Problem> {
    let tenant = find(&admin, &tenant).await?;
    let accepted = admin.node.store.tenant_acceptances(tenant.id).await.map_err(Fault::from)?;
    let catalogue = admin.node.catalogue_full();
    let terms = crate::flow::access::terms(&catalogue, &accepted, &admin.node);
    let kind = |id| catalogue.documents.iter().find(|document| document.id == id);
    let items: Vec<Value> =
        accepted.iter().map(|known| view::tenant_acceptance(kind(known.document), known)).collect();
    let open: Vec<Value> = terms
        .open(&tenant)
        .iter()
        .map(|open| {
            json!({
                "document": open.document.kind, "document_id": open.document.id, "version": open.version.number,
                "sha256": open.version.hash, "accepted_before": open.accepted_before,
                "grace_ends_at": view::time(open.version.effective_at.plus_seconds(open.version.grace_seconds)),
            })
        })
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "open": open })))
}

pub(super) async fn accept(
    admin: Admin,
    Path(tenant): Path<String>,
    Body(body): Body<Accept>,
) -> Result<Response, Problem> {
    let tenant = find(&admin, &tenant).await?;
    let call = InTheNameOf {
        tenant: &tenant,
        document: &body.document,
        version: body.version,
        evidence: &body.evidence,
    };
    let (document, accepted) = acceptance::accept(&admin.node, &admin.actor, &call).await?;
    Ok(answer(StatusCode::CREATED, &view::tenant_acceptance(Some(&document), &accepted)))
}
