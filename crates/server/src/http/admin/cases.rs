//! Cases: what tenants ask the provider's team for.

use std::sync::Arc;

use axum::extract::{Path, Query};
use grantor_core::case::Case as CaseRow;
use grantor_core::case_handling::Outcome;
use grantor_core::id::ApiKeyId;
use grantor_core::permission::Right;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{List, Made, Shown};
use super::body::Body;
use super::caller::Caller;
use super::page::{PageOfTenant, Window};
use super::problem::Problem;
use super::schema::{CaseStateText, OutcomeText};
use super::table::Table;
use super::tenants;
use crate::catalogue::EnvironmentState;
use crate::flow::case::{self, CaseRequest};
use crate::flow::{Fault, FlowError};
use crate::moment::Moment;

pub(super) fn routes(table: &mut Table) {
    table.tag("Cases", "What tenants ask the provider's team for, and what became of it.");
    table
        .get("/environments/{environment}/cases", Right::ReadTenant, list)
        .says("List cases", "In order of opening, of all tenants or of one.");
    table
        .post("/environments/{environment}/cases", Right::OpenCases, create)
        .says("Open a case", "There is one open case about a key at a time.")
        .once();
    table.get("/environments/{environment}/cases/{case}", Right::ReadTenant, show).says("Show a case", "");
    table.post("/environments/{environment}/cases/{case}/answer", Right::ManagePartners, answer).says(
        "Answer a case",
        "It is closed by that. A key that shall be invalidated is revoked with it, if it is done.",
    );
}

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCase {
    /// The tenant that asks, by name or GUID.
    tenant: String,
    kind: CaseKind,
    /// The key that shall be invalidated.
    #[serde(default)]
    key: Option<String>,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CaseKind {
    InvalidateKey,
    Other,
}

/// What became of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAnswer {
    #[schema(value_type = OutcomeText)]
    state: Outcome,
    text: String,
}

/// Something that a tenant asked for.
#[derive(Serialize, ToSchema)]
struct Case {
    id: String,
    environment: String,
    /// The tenant's short name.
    tenant: String,
    kind: &'static str,
    /// The key that it is about.
    key: Option<String>,
    text: String,
    #[schema(value_type = CaseStateText)]
    state: &'static str,
    /// Who, as the audit names them.
    opened_by: String,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Moment,
    closed_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Moment>,
    answer: Option<String>,
}

impl Case {
    fn of(state: &EnvironmentState, case: &CaseRow, tenant: &str) -> Self {
        Self {
            id: case.id.to_string(),
            environment: state.environment.name.to_string(),
            tenant: tenant.to_owned(),
            kind: case.subject.kind(),
            key: case.subject.key().map(|key| key.to_string()),
            text: case.text.clone(),
            state: case.state.as_str(),
            opened_by: case.opened_by.clone(),
            opened_at: Moment(case.opened_at),
            closed_by: case.closed_by.clone(),
            closed_at: case.closed_at.map(Moment),
            answer: case.answer.clone(),
        }
    }
}

async fn list(
    caller: Caller,
    Path(environment): Path<String>,
    Query(query): Query<PageOfTenant>,
) -> Result<List<Case>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::narrowed(&caller, query.tenant.as_deref()).await?;
    let of = tenant.map_or_else(String::new, |tenant| tenant.to_string());
    let window = Window::open(&caller, &query.page(), &["cases", &environment, &of])?;
    let (store, after) = (&caller.node.store, window.after_id()?);
    let rows = store.cases(state.environment.id, tenant, after, window.rows()).await.map_err(Fault::from)?;
    let (rows, next) = window.cut(rows, |case| case.id.bytes().to_vec());
    let names = tenants::names(&caller, rows.iter().map(|case| case.tenant)).await?;
    let items = rows.iter().map(|case| Case::of(&state, case, &names[&case.tenant])).collect();
    Ok(List { items, next })
}

async fn create(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<NewCase>,
) -> Result<Made<Case>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::find(&caller, &body.tenant).await?;
    let granted = caller.in_tenant(tenant.id, Right::OpenCases)?;
    let unknown = || Problem::not_found("There is no such key of this tenant in this environment.");
    let key: Option<ApiKeyId> = match (body.kind, &body.key) {
        (CaseKind::InvalidateKey, Some(id)) => Some(id.parse().map_err(|_| unknown())?),
        (CaseKind::InvalidateKey, None) => {
            return Err(Problem::bad("Name the key that shall be invalidated."));
        }
        (CaseKind::Other, None) => None,
        (CaseKind::Other, Some(_)) => {
            return Err(Problem::bad("A key is named in a case of the kind invalidate_key only."));
        }
    };
    let request = CaseRequest { key, text: body.text };
    let opened =
        case::open(&granted.node, &granted.actor, &state, &tenant, request).await.map_err(doubled)?;
    let opened = opened.ok_or_else(unknown)?;
    Ok(Made(Case::of(&state, &opened, tenant.name.as_str())))
}

fn doubled(error: FlowError) -> Problem {
    match error {
        FlowError::Fault(Fault::Duplicate) => Problem::conflict("An open case asks for the same already."),
        other => other.into(),
    }
}

type CasePath = Path<(String, String)>;

async fn show(caller: Caller, Path(path): CasePath) -> Result<Shown<Case>, Problem> {
    let (state, found) = find(&caller, &path).await?;
    shown(&caller, &state, &found).await
}

async fn answer(
    caller: Caller,
    Path(path): CasePath,
    Body(body): Body<NewAnswer>,
) -> Result<Shown<Case>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (state, found) = find(&caller, &path).await?;
    let closed = case::answer(&granted.node, &granted.actor, &state, &found, (body.state, body.text)).await?;
    shown(&caller, &state, &closed).await
}

/// A case, if it is there for the caller.
async fn find(
    caller: &Caller,
    (environment, id): &(String, String),
) -> Result<(Arc<EnvironmentState>, CaseRow), Problem> {
    let state = caller.environment(environment)?;
    let found = case::find(&caller.node, &state, id).await?.filter(|case| caller.sees(case.tenant));
    Ok((state, found.ok_or_else(|| Problem::not_found("There is no such case in this environment."))?))
}

async fn shown(caller: &Caller, state: &EnvironmentState, case: &CaseRow) -> Result<Shown<Case>, Problem> {
    let names = tenants::names(caller, [case.tenant].into_iter()).await?;
    Ok(Shown(Case::of(state, case, &names[&case.tenant])))
}
