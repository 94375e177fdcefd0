//! Cases: what tenants ask the provider's team for.

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::Response;
use grantor_core::case::{Case, Outcome};
use grantor_core::id::{ApiKeyId, CaseId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tenants::{PAGE, Page};
use super::view::time;
use super::{Admin, Body, Problem, answer, tenants};
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::case::{self, CaseRequest};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCase {
    tenant: String,
    kind: Kind,
    #[serde(default)]
    key: Option<String>,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    InvalidateKey,
    Other,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAnswer {
    state: Outcome,
    text: String,
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
        id => id.parse::<CaseId>().map_err(|_| Problem::bad("after is the id of a case."))?.bytes(),
    };
    let cases = admin.node.store.cases(state.environment.id, only, after, PAGE).await.map_err(Fault::from)?;
    let next = if cases.len() as i64 == PAGE { cases.last().map(|case| case.id.to_string()) } else { None };
    let tenants = tenants::names(&admin, cases.iter().map(|case| case.tenant)).await?;
    let items: Vec<Value> = cases.iter().map(|case| view(&state, case, &tenants[&case.tenant])).collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": next })))
}

pub(super) async fn create(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<NewCase>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let tenant = tenants::find(&admin, &body.tenant).await?;
    let unknown = || Problem::not_found("There is no such key of this tenant in this environment.");
    let key: Option<ApiKeyId> = match (body.kind, &body.key) {
        (Kind::InvalidateKey, Some(id)) => Some(id.parse().map_err(|_| unknown())?),
        (Kind::InvalidateKey, None) => return Err(Problem::bad("Name the key that shall be invalidated.")),
        (Kind::Other, None) => None,
        (Kind::Other, Some(_)) => {
            return Err(Problem::bad("A key is named in a case of the kind invalidate_key only."));
        }
    };
    let request = CaseRequest { key, text: body.text };
    let opened = case::open(&admin.node, &admin.actor, &state, &tenant, request).await.map_err(doubled)?;
    let opened = opened.ok_or_else(unknown)?;
    Ok(answer(StatusCode::CREATED, &view(&state, &opened, tenant.name.as_str())))
}

fn doubled(error: crate::flow::FlowError) -> Problem {
    match error {
        crate::flow::FlowError::Fault(Fault::Duplicate) => {
            Problem::conflict("An open case asks for the same already.")
        }
        other => other.into(),
    }
}

pub(super) async fn show(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let found = find(&admin, &state, &id).await?;
    shown(&admin, &state, &found).await
}

pub(super) async fn answer_one(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
    Body(body): Body<NewAnswer>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let found = find(&admin, &state, &id).await?;
    let closed = case::answer(&admin.node, &admin.actor, &state, &found, (body.state, body.text)).await?;
    shown(&admin, &state, &closed).await
}

async fn find(admin: &Admin, state: &EnvironmentState, id: &str) -> Result<Case, Problem> {
    let found = case::find(&admin.node, state, id).await?;
    found.ok_or_else(|| Problem::not_found("There is no such case in this environment."))
}

async fn shown(admin: &Admin, state: &EnvironmentState, case: &Case) -> Result<Response, Problem> {
    let tenants = tenants::names(admin, [case.tenant].into_iter()).await?;
    Ok(answer(StatusCode::OK, &view(state, case, &tenants[&case.tenant])))
}

fn view(state: &EnvironmentState, case: &Case, tenant: &str) -> Value {
    json!({
        "id": case.id,
        "environment": state.environment.name,
        "tenant": tenant,
        "kind": case.subject.kind(),
        "key": case.subject.key(),
        "text": case.text,
        "state": case.state,
        "opened_by": case.opened_by,
        "opened_at": time(case.opened_at),
        "closed_by": case.closed_by,
        "closed_at": case.closed_at.map(time),
        "answer": case.answer,
    })
}
