//! Tenants, and what was accepted in their name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::extract::{Path, Query};
use grantor_core::document::{Document, TenantAcceptance as Accepted};
use grantor_core::id::TenantId;
use grantor_core::name::Name;
use grantor_core::permission::Right;
use grantor_core::tenant::Tenant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{List, Made, Shown, Told};
use super::body::{Body, Why};
use super::caller::Caller;
use super::page::{Page, Window};
use super::problem::Problem;
use super::table::Table;
use super::view;
use crate::flow::acceptance::{self, InTheNameOf};
use crate::flow::order::{Order, Switch};
use crate::flow::{Fault, access, tenant};
use crate::moment::Moment;

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
    table.post("/tenants/{tenant}/close", Right::ManagePartners, close).says(
        "Close a tenant",
        "For ever. Nothing of it opens anything again, and its name is never given again.",
    );
    table
        .get("/tenants/{tenant}/acceptances", Right::ReadTenant, acceptances)
        .says("List what a tenant has accepted", "By whom and when, and what is open now.");
    table
        .post("/tenants/{tenant}/acceptances", Right::AcceptDocuments, accept)
        .says("Accept a document in a tenant's name", "One version of it: what was read is what is accepted.")
        .once();
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

async fn suspend(
    caller: Caller,
    Path(name): Path<String>,
    Body(why): Body<Why>,
) -> Result<Shown<view::Tenant>, Problem> {
    switch(&caller, &name, why.order(Switch::Suspend)).await
}

async fn resume(
    caller: Caller,
    Path(name): Path<String>,
    Body(why): Body<Why>,
) -> Result<Shown<view::Tenant>, Problem> {
    switch(&caller, &name, why.order(Switch::Resume)).await
}

async fn close(
    caller: Caller,
    Path(name): Path<String>,
    Body(why): Body<Why>,
) -> Result<Shown<view::Tenant>, Problem> {
    switch(&caller, &name, why.order(Switch::Close)).await
}

async fn switch(caller: &Caller, name: &str, order: Order) -> Result<Shown<view::Tenant>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let found = find(caller, name).await?;
    tenant::switch(&granted.node, &granted.actor, &found, &order).await?;
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

/// A version that is accepted for a tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenantAcceptance {
    /// The document, by its kind or its id.
    document: String,
    /// The number of the version that was read.
    version: i64,
    /// How it is known, where it was accepted elsewhere: at most 500 characters.
    #[serde(default)]
    evidence: String,
}

/// That a version was accepted in a tenant's name.
#[derive(Serialize, ToSchema)]
struct TenantAcceptance {
    /// The kind of the document.
    document: Option<String>,
    document_id: String,
    version: i64,
    /// Of the texts that were accepted.
    sha256: String,
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Moment,
    /// Who, as the audit names them.
    accepted_by: String,
    address: String,
}

impl TenantAcceptance {
    fn of(document: Option<&Document>, row: &Accepted) -> Self {
        Self {
            document: document.map(|document| document.kind.to_string()),
            document_id: row.document.to_string(),
            version: row.version,
            sha256: row.hash.clone(),
            accepted_at: Moment(row.at),
            accepted_by: row.by.clone(),
            address: row.address.clone(),
        }
    }
}

/// A version that is to be accepted.
#[derive(Serialize, ToSchema)]
struct OpenDocument {
    /// The kind of the document.
    document: String,
    document_id: String,
    version: i64,
    /// Of its texts.
    sha256: String,
    /// The latest version that was accepted before, if any: only then the grace counts.
    accepted_before: Option<i64>,
    #[schema(value_type = String, format = DateTime)]
    grace_ends_at: Moment,
}

/// What a tenant has accepted and what not.
#[derive(Serialize, ToSchema)]
struct TenantAcceptances {
    items: Vec<TenantAcceptance>,
    open: Vec<OpenDocument>,
}

async fn acceptances(caller: Caller, Path(name): Path<String>) -> Result<Told<TenantAcceptances>, Problem> {
    let tenant = find(&caller, &name).await?;
    let node = &caller.node;
    let accepted = node.store.tenant_acceptances(tenant.id).await.map_err(Fault::from)?;
    let catalogue = node.catalogue_full();
    let terms = access::terms(&catalogue, &accepted, node);
    let document = |id| catalogue.documents.iter().find(|document| document.id == id);
    let items = accepted.iter().map(|row| TenantAcceptance::of(document(row.document), row)).collect();
    let open = terms.open(&tenant);
    let open = open.iter().map(|open| OpenDocument {
        document: open.document.kind.to_string(),
        document_id: open.document.id.to_string(),
        version: open.version.number,
        sha256: open.version.hash.clone(),
        accepted_before: open.accepted_before,
        grace_ends_at: Moment(open.version.effective_at.plus_seconds(open.version.grace_seconds)),
    });
    Ok(Told(TenantAcceptances { items, open: open.collect() }))
}

async fn accept(
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<NewTenantAcceptance>,
) -> Result<Made<TenantAcceptance>, Problem> {
    let tenant = find(&caller, &name).await?;
    let granted = caller.in_tenant(tenant.id, Right::AcceptDocuments)?;
    // What is accepted here counts in every environment.
    if !caller.node.catalogue_full().environments.iter().all(|state| caller.reaches(state)) {
        return Err(Problem::forbidden(
            "Sign in at a live environment to accept documents for your organisation.",
        ));
    }
    let call = InTheNameOf {
        tenant: &tenant,
        document: &body.document,
        version: body.version,
        evidence: &body.evidence,
        by: caller.maker(),
    };
    let (document, accepted) = acceptance::accept(&granted.node, &granted.actor, &call).await?;
    Ok(Made(TenantAcceptance::of(Some(&document), &accepted)))
}
