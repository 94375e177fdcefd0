//! Operators: who may do what in the whole installation, each by a token of their own.

use axum::extract::{Path, Query};
use grantor_core::id::OperatorId;
use grantor_core::name::Name;
use grantor_core::permission::{OperatorRole, Right};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Gone, List, Made, Shown};
use super::body::Body;
use super::caller::Caller;
use super::page::{Page, Window};
use super::problem::Problem;
use super::schema::OperatorRoleText;
use super::table::Table;
use crate::flow::Fault;
use crate::flow::operator::{self, EndError, StoredOperator};
use crate::moment::Moment;

pub(super) fn routes(table: &mut Table) {
    table.tag("Operators", "The provider's team, and programs of theirs.");
    table
        .get("/operators", Right::ReadInstallation, list)
        .says("List operators", "In order of name, without those who have ended.");
    table
        .post("/operators", Right::ManageOperators, create)
        .says("Make an operator", "The answer shows the token, once. A name is never given again: the audit tells by it who did what.")
        .once();
    table.get("/operators/{operator}", Right::ReadInstallation, show).says("Show an operator", "");
    table.delete("/operators/{operator}", Right::ManageOperators, end).says(
        "End an operator",
        "The token opens nothing from the next request. The last one who may do everything cannot be ended.",
    );
}

/// A new operator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOperator {
    /// 1 to 63 of `a-z 0-9 - _`.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$")]
    name: Name,
    /// What for; everything, if it is not said.
    #[serde(default)]
    #[schema(value_type = OperatorRoleText)]
    role: OperatorRole,
}

/// Somebody of the provider's team, or a program of theirs.
#[derive(Serialize, ToSchema)]
struct Operator {
    id: String,
    name: String,
    #[schema(value_type = OperatorRoleText)]
    role: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
}

/// An operator as they were made.
#[derive(Serialize, ToSchema)]
struct CreatedOperator {
    #[serde(flatten)]
    operator: Operator,
    /// The token: shown now, and never again.
    token: String,
}

impl Operator {
    fn of(operator: &StoredOperator) -> Self {
        Self {
            id: operator.id.to_string(),
            name: operator.name.clone(),
            role: operator.role.as_str(),
            created_at: Moment(operator.created_at),
        }
    }
}

async fn list(caller: Caller, Query(page): Query<Page>) -> Result<List<Operator>, Problem> {
    caller.operator(Right::ReadInstallation)?;
    let window = Window::open(&caller, &page, &["operators"])?;
    let catalogue = caller.node.catalogue_full();
    Ok(window.of_whole(&catalogue.operators, |operator| operator.name.as_str().into(), Operator::of))
}

async fn create(caller: Caller, Body(body): Body<NewOperator>) -> Result<Made<CreatedOperator>, Problem> {
    let granted = caller.operator(Right::ManageOperators)?;
    let made = operator::create(&granted.node, &granted.actor, &body.name, body.role).await;
    let (token, made) = made.map_err(|fault| match fault {
        Fault::Duplicate => {
            Problem::conflict("This name is taken, or was taken once: the audit names operators.")
        }
        other => other.into(),
    })?;
    Ok(Made(CreatedOperator { operator: Operator::of(&made), token: token.reveal().to_owned() }))
}

fn find(caller: &Caller, id: &str) -> Result<StoredOperator, Problem> {
    let missing = || Problem::not_found("There is no such operator.");
    let id: OperatorId = id.parse().map_err(|_| missing())?;
    let catalogue = caller.node.catalogue();
    catalogue.operators.iter().find(|operator| operator.id == id).cloned().ok_or_else(missing)
}

async fn show(caller: Caller, Path(id): Path<String>) -> Result<Shown<Operator>, Problem> {
    caller.operator(Right::ReadInstallation)?;
    Ok(Shown(Operator::of(&find(&caller, &id)?)))
}

async fn end(caller: Caller, Path(id): Path<String>) -> Result<Gone, Problem> {
    let granted = caller.operator(Right::ManageOperators)?;
    let found = find(&caller, &id)?;
    operator::end(&granted.node, &granted.actor, &found).await.map_err(|error| match error {
        EndError::LastAdmin => {
            Problem::conflict("This is the last operator who may do everything. Make another one first.")
        }
        EndError::Fault(fault) => fault.into(),
    })?;
    Ok(Gone)
}
