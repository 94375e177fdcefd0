//! Accesses: applied for, decided, opened, stopped; with their gates and their history.

use std::sync::Arc;

use axum::extract::{Path, Query};
use grantor_core::access::{Access as AccessRow, AccessStatus, QuotaClass};
use grantor_core::api::Api;
use grantor_core::contract::{Contract, FileHash};
use grantor_core::gate::{is_active, report};
use grantor_core::id::{ApiId, TenantId};
use grantor_core::lifetime::Lifetime;
use grantor_core::onboarding::{AccessTerms, Step};
use grantor_core::permission::Right;
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::tenant::Tenant;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access_view::{Access, Reader};
use super::answer::{List, Made, Shown};
use super::body::Body;
use super::caller::Caller;
use super::page::{Page, Window};
use super::problem::Problem;
use super::schema::{AccessStatusText, QuotaText, ScopeText};
use super::table::Table;
use super::tenants;
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::access::{self, Known, Place};
use crate::moment::Moment;

pub(super) fn routes(table: &mut Table) {
    table.tag("Accesses", "What a tenant may do with an API: applied for, decided, opened, stopped.");
    table
        .get("/environments/{environment}/accesses", Right::ReadTenant, list)
        .says("List accesses", "Of all tenants or of one, of any status or of one.");
    table
        .post("/environments/{environment}/accesses", Right::ApplyForAccess, apply)
        .says("Apply for access", "To one API. After a refusal it may be applied for again.")
        .once();
    table
        .get("/environments/{environment}/accesses/{tenant}/{api}", Right::ReadTenant, show)
        .says("Show an access", "With its gates, what to do where one is closed, and its history.");
    table
        .get("/environments/{environment}/accesses/{tenant}/{api}/terms", Right::ReadTenant, terms)
        .says("Show the terms of an access", "As they are sent back to change them.");
    table
        .put("/environments/{environment}/accesses/{tenant}/{api}/terms", Right::ManagePartners, change_terms)
        .says("Change the terms of an access", "All of them: what is left out is unset.");
    table
        .post("/environments/{environment}/accesses/{tenant}/{api}/approve", Right::ManagePartners, approve)
        .says("Approve an application", "What is not named stays as it was applied for.");
    table
        .post("/environments/{environment}/accesses/{tenant}/{api}/refuse", Right::ManagePartners, refuse)
        .says("Refuse an application", "With a reason, which the tenant reads.");
    table
        .put(
            "/environments/{environment}/accesses/{tenant}/{api}/contract",
            Right::ManagePartners,
            record_contract,
        )
        .says("Record a contract", "That it was signed, with the hash of the file.");
    table
        .post("/environments/{environment}/accesses/{tenant}/{api}/suspend", Right::ManagePartners, suspend)
        .says(
            "Suspend an access",
            "The tenant's credentials are good for this API no more, from the next request.",
        );
    table
        .post("/environments/{environment}/accesses/{tenant}/{api}/resume", Right::ManagePartners, resume)
        .says("Resume an access", "Tokens from before stay dead.");
    table
        .post("/environments/{environment}/accesses/{tenant}/{api}/close", Right::ManagePartners, close)
        .says("Close an access", "For ever.");
}

/// An application.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Application {
    /// The tenant that applies, by name or GUID.
    tenant: String,
    /// The API, by name.
    api: String,
    /// What is asked for; else all that the API offers.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScopeText>>)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    comment: String,
}

/// An approval: what is not named stays as it was applied for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approval {
    #[serde(default)]
    comment: String,
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScopeText>>)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    #[schema(value_type = Option<QuotaText>)]
    quota: Option<QuotaClass>,
    /// Seconds.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315360000)]
    client_token_lifetime: Option<Lifetime>,
    /// Seconds.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315360000)]
    user_token_lifetime: Option<Lifetime>,
}

/// The terms of an access, whole: what is left out is unset.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AccessTerms)]
struct Terms {
    #[schema(value_type = Vec<ScopeText>)]
    scopes: Vec<Scope>,
    #[schema(value_type = QuotaText)]
    quota: QuotaClass,
    /// Seconds; `null` is what the profile says.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315360000)]
    client_token_lifetime: Option<Lifetime>,
    /// Seconds; `null` is what the profile says.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315360000)]
    user_token_lifetime: Option<Lifetime>,
}

impl Terms {
    fn of(access: &AccessRow) -> Self {
        Self {
            scopes: access.scopes.iter().cloned().collect(),
            quota: access.quota,
            client_token_lifetime: access.client_token_lifetime,
            user_token_lifetime: access.user_token_lifetime,
        }
    }
}

/// Why an application is refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refusal {
    reason: String,
}

/// Why something is stopped or goes on: asked for, not demanded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Remark {
    #[serde(default)]
    reason: String,
}

/// A contract that was signed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Signed {
    /// Of its file, 64 hexadecimal digits.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    sha256: FileHash,
    #[schema(value_type = String, format = DateTime)]
    signed_at: Moment,
    /// Where it is kept.
    #[serde(default)]
    reference: String,
    #[serde(default)]
    comment: String,
}

/// Which accesses.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// Entries of one page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
    /// Only those of this tenant, by its name or GUID.
    #[serde(default)]
    tenant: Option<String>,
    /// Only those of this status.
    #[serde(default)]
    #[param(value_type = Option<AccessStatusText>, inline)]
    status: Option<AccessStatus>,
}

/// An access of the path, looked up.
struct Found {
    state: Arc<EnvironmentState>,
    tenant: Tenant,
    api: Arc<Api>,
}

impl Found {
    async fn look_up(
        caller: &Caller,
        (environment, tenant, api): (&str, &str, &str),
    ) -> Result<Self, Problem> {
        let state = caller.environment(environment)?;
        let tenant = tenants::find(caller, tenant).await?;
        let missing = || Problem::not_found("There is no such API in this environment.");
        let api = state.api(api).ok_or_else(missing)?.clone();
        Ok(Self { state, tenant, api })
    }

    fn place(&self) -> Place<'_> {
        Place { state: &self.state, tenant: &self.tenant, api: &self.api }
    }

    async fn known(&self, caller: &Caller) -> Result<Known, Problem> {
        let known = access::find(&caller.node, &self.place()).await?;
        known.ok_or_else(|| Problem::not_found("The tenant has no access to this API and has not applied."))
    }

    /// The access as it stands now, whole.
    async fn shown(&self, caller: &Caller) -> Result<Access, Problem> {
        let known = self.known(caller).await?;
        let store = &caller.node.store;
        let accepted = store.tenant_acceptances(self.tenant.id).await.map_err(Fault::from)?;
        let steps = store.access_steps(self.tenant.id, self.api.id).await.map_err(Fault::from)?;
        let catalogue = caller.node.catalogue_full();
        let terms = access::terms(&catalogue, &accepted, &caller.node);
        let gates = report(&self.tenant, &known.access, &self.api, &terms);
        let is_active = is_active(&self.tenant, &known.access, &self.api, &terms);
        let shown = Access::of(&self.state, &known.access, self.tenant.name.as_str());
        let reader = if caller.only().is_some() { Reader::Member } else { Reader::Team };
        Ok(shown.whole((is_active, gates), (&steps, reader)))
    }
}

async fn list(
    caller: Caller,
    Path(environment): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<List<Access>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::narrowed(&caller, filter.tenant.as_deref()).await?;
    let of = tenant.map_or_else(String::new, |tenant| tenant.to_string());
    let status = filter.status.map_or("", AccessStatus::as_str);
    let page = Page::of(filter.cursor.clone(), filter.limit);
    let window = Window::open(&caller, &page, &["accesses", &environment, &of, status])?;
    let after = match window.after.as_deref().map(<[u8; 32]>::try_from) {
        None => None,
        Some(Ok(bytes)) => {
            let (tenant, api) = bytes.split_at(16);
            let id = |half: &[u8]| <[u8; 16]>::try_from(half).map_err(|_| Fault::Internal);
            Some((TenantId::from_bytes(id(tenant)?), ApiId::from_bytes(id(api)?)))
        }
        Some(Err(_)) => return Err(Fault::Internal.into()),
    };
    let store = &caller.node.store;
    let rows = store.accesses_in(state.environment.id, (tenant, filter.status), after, window.rows()).await;
    let (rows, next) =
        window.cut(rows.map_err(Fault::from)?, |access| [access.tenant.bytes(), access.api.bytes()].concat());
    let names = tenants::names(&caller, rows.iter().map(|access| access.tenant)).await?;
    let items = rows.iter().map(|access| Access::of(&state, access, &names[&access.tenant])).collect();
    Ok(List { items, next })
}

async fn apply(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<Application>,
) -> Result<Made<Access>, Problem> {
    let found = Found::look_up(&caller, (&environment, &body.tenant, &body.api)).await?;
    let granted = caller.in_tenant(found.tenant.id, Right::ApplyForAccess)?;
    let scopes = body.scopes.map(ScopeSet::from);
    access::apply(&granted.node, &granted.actor, &found.place(), scopes.as_ref(), body.comment).await?;
    Ok(Made(found.shown(&caller).await?))
}

type AccessPath = Path<(String, String, String)>;

/// The access of a path, if it is there for the caller.
async fn find(
    caller: &Caller,
    (environment, tenant, api): &(String, String, String),
) -> Result<(Found, Known), Problem> {
    let found = Found::look_up(caller, (environment, tenant, api)).await?;
    let known = found.known(caller).await?;
    Ok((found, known))
}

async fn show(caller: Caller, Path(path): AccessPath) -> Result<Shown<Access>, Problem> {
    let (found, _) = find(&caller, &path).await?;
    Ok(Shown(found.shown(&caller).await?))
}

async fn terms(caller: Caller, Path(path): AccessPath) -> Result<Shown<Terms>, Problem> {
    let (_, known) = find(&caller, &path).await?;
    Ok(Shown(Terms::of(&known.access)))
}

async fn change_terms(
    caller: Caller,
    Path(path): AccessPath,
    Body(body): Body<Terms>,
) -> Result<Shown<Terms>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (found, known) = find(&caller, &path).await?;
    let terms = AccessTerms {
        scopes: body.scopes.into(),
        quota: body.quota,
        client_token_lifetime: body.client_token_lifetime,
        user_token_lifetime: body.user_token_lifetime,
    };
    let at = (&found.place(), &known);
    let access = access::change_terms(&granted.node, &granted.actor, at, terms).await?;
    Ok(Shown(Terms::of(&access)))
}

async fn approve(
    caller: Caller,
    Path(path): AccessPath,
    Body(body): Body<Approval>,
) -> Result<Shown<Access>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (found, known) = find(&caller, &path).await?;
    let asked = AccessTerms::from(&known.access);
    let terms = AccessTerms {
        scopes: body.scopes.map_or(asked.scopes, ScopeSet::from),
        quota: body.quota.unwrap_or(asked.quota),
        client_token_lifetime: body.client_token_lifetime.or(asked.client_token_lifetime),
        user_token_lifetime: body.user_token_lifetime.or(asked.user_token_lifetime),
    };
    let at = (&found.place(), &known);
    access::approve(&granted.node, &granted.actor, at, terms, body.comment).await?;
    Ok(Shown(found.shown(&caller).await?))
}

async fn record_contract(
    caller: Caller,
    Path(path): AccessPath,
    Body(body): Body<Signed>,
) -> Result<Shown<Access>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (found, known) = find(&caller, &path).await?;
    let contract = Contract { sha256: body.sha256, signed_at: body.signed_at.0, reference: body.reference };
    let at = (&found.place(), &known);
    access::record_contract(&granted.node, &granted.actor, at, contract, body.comment).await?;
    Ok(Shown(found.shown(&caller).await?))
}

async fn refuse(
    caller: Caller,
    Path(path): AccessPath,
    Body(body): Body<Refusal>,
) -> Result<Shown<Access>, Problem> {
    advance(&caller, &path, Step::Refuse, body.reason).await
}

async fn suspend(
    caller: Caller,
    Path(path): AccessPath,
    Body(body): Body<Remark>,
) -> Result<Shown<Access>, Problem> {
    advance(&caller, &path, Step::Suspend, body.reason).await
}

async fn resume(
    caller: Caller,
    Path(path): AccessPath,
    Body(body): Body<Remark>,
) -> Result<Shown<Access>, Problem> {
    advance(&caller, &path, Step::Resume, body.reason).await
}

async fn close(
    caller: Caller,
    Path(path): AccessPath,
    Body(body): Body<Remark>,
) -> Result<Shown<Access>, Problem> {
    advance(&caller, &path, Step::Close, body.reason).await
}

async fn advance(
    caller: &Caller,
    path: &(String, String, String),
    step: Step,
    reason: String,
) -> Result<Shown<Access>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (found, known) = find(caller, path).await?;
    // Being there already is no error: whoever stops something twice in a hurry is right both times.
    let is_there = matches!(step, Step::Suspend | Step::Resume | Step::Close)
        && Some(known.access.status) == step.goal();
    if !is_there {
        access::advance(&granted.node, &granted.actor, (&found.place(), &known), step, reason).await?;
    }
    Ok(Shown(found.shown(caller).await?))
}
