//! Accesses: applied for, decided, opened, stopped; with their gates and their history.

use std::sync::Arc;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::Response;
use grantor_core::access::{AccessStatus, QuotaClass};
use grantor_core::api::Api;
use grantor_core::contract::{Contract, FileHash};
use grantor_core::gate::{is_active, report};
use grantor_core::lifetime::Lifetime;
use grantor_core::onboarding::{AccessTerms, Step};
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::tenant::Tenant;
use serde::Deserialize;
use serde_json::{Value, json};

use super::tenants::{PAGE, names};
use super::{Admin, Body, Problem, answer, tenants, view};
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::access::{self, Known, Place};
use crate::moment::Moment;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Apply {
    tenant: String,
    api: String,
    #[serde(default)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    comment: String,
}

/// An approval: what is not named stays as it was applied for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approve {
    #[serde(default)]
    comment: String,
    #[serde(default)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    quota: Option<QuotaClass>,
    #[serde(default)]
    client_token_lifetime: Option<Lifetime>,
    #[serde(default)]
    user_token_lifetime: Option<Lifetime>,
}

/// The terms of an access, whole: what is left out is unset.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terms {
    scopes: Vec<Scope>,
    quota: QuotaClass,
    #[serde(default)]
    client_token_lifetime: Option<Lifetime>,
    #[serde(default)]
    user_token_lifetime: Option<Lifetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    reason: String,
}

/// Why something is stopped or goes on: asked for, not demanded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remark {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    sha256: FileHash,
    signed_at: Moment,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    status: Option<AccessStatus>,
}

/// An access of the path, looked up.
struct Found {
    state: Arc<EnvironmentState>,
    tenant: Tenant,
    api: Arc<Api>,
}

impl Found {
    async fn look_up(admin: &Admin, (environment, tenant, api): (&str, &str, &str)) -> Result<Self, Problem> {
        let state = admin.environment(environment)?;
        let tenant = tenants::find(admin, tenant).await?;
        let missing = || Problem::not_found("There is no such API in this environment.");
        let api = state.api(api).ok_or_else(missing)?.clone();
        Ok(Self { state, tenant, api })
    }

    fn place(&self) -> Place<'_> {
        Place { state: &self.state, tenant: &self.tenant, api: &self.api }
    }

    async fn known(&self, admin: &Admin) -> Result<Known, Problem> {
        let known = access::find(&admin.node, &self.place()).await?;
        known.ok_or_else(|| Problem::not_found("The tenant has no access to this API and has not applied."))
    }

    /// The access as it stands now, whole.
    async fn shown(&self, admin: &Admin, status: StatusCode) -> Result<Response, Problem> {
        let known = self.known(admin).await?;
        let store = &admin.node.store;
        let accepted = store.tenant_acceptances(self.tenant.id).await.map_err(Fault::from)?;
        let steps = store.access_steps(self.tenant.id, self.api.id).await.map_err(Fault::from)?;
        let catalogue = admin.node.catalogue_full();
        let terms = access::terms(&catalogue, &accepted, &admin.node);
        let gates: Vec<Value> = report(&self.tenant, &known.access, &self.api, &terms)
            .into_iter()
            .map(|state| {
                let closed = state.holds == Some(false);
                json!({
                    "gate": state.gate, "on": state.on, "holds": state.holds,
                    "advice": closed.then(|| state.gate.advice()),
                })
            })
            .collect();
        let mut body = view::access(&self.state, &known.access, self.tenant.name.as_str());
        body["active"] = is_active(&self.tenant, &known.access, &self.api, &terms).into();
        body["gates"] = gates.into();
        body["history"] = steps.iter().map(view::access_step).collect();
        Ok(answer(status, &body))
    }
}

pub(super) async fn list(
    admin: Admin,
    Path(environment): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let only = match &filter.tenant {
        Some(name) => Some(tenants::find(&admin, name).await?.id),
        None => None,
    };
    let rows = admin.node.store.all_accesses(state.environment.id, PAGE).await.map_err(Fault::from)?;
    let tenants = names(&admin, rows.iter().map(|access| access.tenant)).await?;
    let items: Vec<Value> = rows
        .iter()
        .filter(|access| only.is_none_or(|tenant| access.tenant == tenant))
        .filter(|access| filter.status.is_none_or(|status| access.status == status))
        .map(|access| view::access(&state, access, &tenants[&access.tenant]))
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

pub(super) async fn apply(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<Apply>,
) -> Result<Response, Problem> {
    let found = Found::look_up(&admin, (&environment, &body.tenant, &body.api)).await?;
    let scopes = body.scopes.map(ScopeSet::from);
    access::apply(&admin.node, &admin.actor, &found.place(), scopes.as_ref(), body.comment).await?;
    found.shown(&admin, StatusCode::CREATED).await
}

pub(super) async fn show(
    admin: Admin,
    Path((environment, tenant, api)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let found = Found::look_up(&admin, (&environment, &tenant, &api)).await?;
    found.shown(&admin, StatusCode::OK).await
}

pub(super) async fn approve(
    admin: Admin,
    Path((environment, tenant, api)): Path<(String, String, String)>,
    Body(body): Body<Approve>,
) -> Result<Response, Problem> {
    let found = Found::look_up(&admin, (&environment, &tenant, &api)).await?;
    let known = found.known(&admin).await?;
    let asked = AccessTerms::from(&known.access);
    let terms = AccessTerms {
        scopes: body.scopes.map_or(asked.scopes, ScopeSet::from),
        quota: body.quota.unwrap_or(asked.quota),
        client_token_lifetime: body.client_token_lifetime.or(asked.client_token_lifetime),
        user_token_lifetime: body.user_token_lifetime.or(asked.user_token_lifetime),
    };
    let at = (&found.place(), &known);
    access::approve(&admin.node, &admin.actor, at, terms, body.comment).await?;
    found.shown(&admin, StatusCode::OK).await
}

pub(super) async fn terms(
    admin: Admin,
    Path((environment, tenant, api)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let found = Found::look_up(&admin, (&environment, &tenant, &api)).await?;
    let known = found.known(&admin).await?;
    Ok(answer(StatusCode::OK, &view::access_terms(&known.access)))
}

pub(super) async fn change_terms(
    admin: Admin,
    Path((environment, tenant, api)): Path<(String, String, String)>,
    Body(body): Body<Terms>,
) -> Result<Response, Problem> {
    let found = Found::look_up(&admin, (&environment, &tenant, &api)).await?;
    let known = found.known(&admin).await?;
    let terms = AccessTerms {
        scopes: body.scopes.into(),
        quota: body.quota,
        client_token_lifetime: body.client_token_lifetime,
        user_token_lifetime: body.user_token_lifetime,
    };
    let at = (&found.place(), &known);
    let access = access::change_terms(&admin.node, &admin.actor, at, terms).await?;
    Ok(answer(StatusCode::OK, &view::access_terms(&access)))
}

pub(super) async fn refuse(
    admin: Admin,
    Path(path): Path<(String, String, String)>,
    Body(body): Body<Reason>,
) -> Result<Response, Problem> {
    advance(&admin, path, Step::Refuse, body.reason).await
}

pub(super) async fn suspend(
    admin: Admin,
    Path(path): Path<(String, String, String)>,
    Body(body): Body<Remark>,
) -> Result<Response, Problem> {
    advance(&admin, path, Step::Suspend, body.reason).await
}

pub(super) async fn resume(
    admin: Admin,
    Path(path): Path<(String, String, String)>,
    Body(body): Body<Remark>,
) -> Result<Response, Problem> {
    advance(&admin, path, Step::Resume, body.reason).await
}

pub(super) async fn close(
    admin: Admin,
    Path(path): Path<(String, String, String)>,
    Body(body): Body<Remark>,
) -> Result<Response, Problem> {
    advance(&admin, path, Step::Close, body.reason).await
}

async fn advance(
    admin: &Admin,
    (environment, tenant, api): (String, String, String),
    step: Step,
    reason: String,
) -> Result<Response, Problem> {
    let found = Found::look_up(admin, (&environment, &tenant, &api)).await?;
    let known = found.known(admin).await?;
    // Being there already is no error: whoever stops something twice in a hurry is right both times.
    let is_there = matches!(step, Step::Suspend | Step::Resume | Step::Close)
        && Some(known.access.status) == step.goal();
    if !is_there {
        access::advance(&admin.node, &admin.actor, (&found.place(), &known), step, reason).await?;
    }
    found.shown(admin, StatusCode::OK).await
}

pub(super) async fn record_contract(
    admin: Admin,
    Path((environment, tenant, api)): Path<(String, String, String)>,
    Body(body): Body<Signed>,
) -> Result<Response, Problem> {
    let found = Found::look_up(&admin, (&environment, &tenant, &api)).await?;
    let known = found.known(&admin).await?;
    let contract = Contract { sha256: body.sha256, signed_at: body.signed_at.0, reference: body.reference };
    let at = (&found.place(), &known);
    access::record_contract(&admin.node, &admin.actor, at, contract, body.comment).await?;
    found.shown(&admin, StatusCode::OK).await
}
