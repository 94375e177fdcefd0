//! The audit for people, a page at a time, and the means to check it: the key and a checkpoint of now.

use axum::extract::Query;
use grantor_core::audit_chain::Entry;
use grantor_core::audit_export::Line;
use grantor_core::permission::Right;
use grantor_jose::JwkSet;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::answer::{List, Told};
use super::caller::Caller;
use super::page::{Page, Window};
use super::problem::Problem;
use super::table::Table;
use crate::flow::{Fault, audit};
use crate::moment::Moment;

pub(super) fn routes(table: &mut Table) {
    table.tag("Audit", "Who did what, in a chain that shows every change to it.");
    table.get("/audit", Right::ReadInstallation, list).says(
        "List the audit",
        "Newest first. A page may be empty and yet name a next one: a request looks at a bounded number of entries.",
    );
    table.get("/audit/key", Right::ReadInstallation, key).says(
        "Show the audit's key",
        "The public half of what signs checkpoints, as a JWK set (RFC 7517 5).",
    );
    table.post("/audit/checkpoint", Right::ReadInstallation, checkpoint).says(
        "Sign a checkpoint",
        "Links what is not linked yet. Kept elsewhere, it shows later that nothing was cut off.",
    );
    table.get("/audit/export", Right::ReadInstallation, super::audit_export::export).says(
        "Export the audit",
        "All of it, for `grantor audit verify`. An export without its last line broke off.",
    );
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// Entries of one page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
    /// Who, whole: `operator:NAME`.
    #[serde(default)]
    actor: Option<String>,
    /// `app.create`, or `app` for everything of apps.
    #[serde(default)]
    action: Option<String>,
    /// The id of what was acted on.
    #[serde(default)]
    target: Option<String>,
    /// The name of an environment.
    #[serde(default)]
    environment: Option<String>,
    /// From this moment on.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Moment>,
    /// Before this moment.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Moment>,
}

/// One entry of the audit. Without number and link: they are given later, and an entry shall not look different then.
#[derive(Serialize, ToSchema)]
struct AuditEntry {
    id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Moment,
    /// The name of the environment; `null` is the installation.
    environment: Option<String>,
    /// Who: `operator:NAME`, `member:USER`, `app:CLIENT_ID`, `system`.
    actor: String,
    /// What: `noun.verb`.
    action: String,
    /// The id of what was acted on.
    target: String,
    /// More, without secrets: before and after among it.
    #[schema(value_type = Object)]
    detail: Value,
    request_id: String,
    address: String,
}

async fn list(caller: Caller, Query(asked): Query<Asked>) -> Result<List<AuditEntry>, Problem> {
    let granted = caller.operator(Right::ReadInstallation)?;
    let environment = match &asked.environment {
        Some(name) => Some(caller.environment(name)?.environment.id),
        None => None,
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let moment = |at: Option<Moment>| at.map_or_else(String::new, |at| at.to_string());
    let question = [
        "audit".to_owned(),
        text(&asked.actor),
        text(&asked.action),
        text(&asked.target),
        text(&asked.environment),
        moment(asked.since),
        moment(asked.until),
    ];
    let question: Vec<&str> = question.iter().map(String::as_str).collect();
    let page = Page::of(asked.cursor.clone(), asked.limit);
    let window = Window::open(&caller, &page, &question)?;
    let after = match &window.after {
        None => None,
        Some(bytes) => Some(Uuid::from_slice(bytes).map_err(|_| Fault::Internal)?),
    };
    let filter = audit::AuditFilter {
        actor: text(&asked.actor),
        action: text(&asked.action).trim_end_matches('.').to_owned(),
        target: text(&asked.target),
        environment,
        since: asked.since.map(|Moment(at)| at),
        until: asked.until.map(|Moment(at)| at),
        after,
    };
    let page = granted.node.store.audit_page(&filter, window.limit()).await.map_err(Fault::from)?;
    let next = page.next.map(|id| window.cursor(id.as_bytes()));
    Ok(List { items: page.entries.iter().map(|entry| shown(&caller, entry)).collect(), next })
}

fn shown(caller: &Caller, entry: &Entry) -> AuditEntry {
    let catalogue = caller.node.catalogue();
    let environment = entry.environment.and_then(|id| catalogue.environment_by_id(id));
    AuditEntry {
        id: entry.id.to_string(),
        at: Moment(entry.at),
        environment: environment.map(|state| state.environment.name.to_string()),
        actor: entry.actor.clone(),
        action: entry.action.clone(),
        target: entry.target.clone(),
        detail: serde_json::from_str(&entry.detail).unwrap_or(Value::Null),
        request_id: entry.request_id.clone(),
        address: entry.address.clone(),
    }
}

/// A JWK set.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = JwkSet, value_type = Object)]
struct ShownKeys(JwkSet);

async fn key(caller: Caller) -> Result<Told<ShownKeys>, Problem> {
    let granted = caller.operator(Right::ReadInstallation)?;
    Ok(Told(ShownKeys(audit::public_keys(&granted.node).await?)))
}

/// A line of an export.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = AuditCheckpoint, value_type = Object)]
struct ShownLine(Line);

async fn checkpoint(caller: Caller) -> Result<Told<ShownLine>, Problem> {
    let granted = caller.operator(Right::ReadInstallation)?;
    match audit::checkpoint(&granted.node).await {
        Ok(Some(signed)) => Ok(Told(ShownLine(Line::checkpoint(signed)))),
        Ok(None) => Err(Problem::not_found("The audit has no entry yet.")),
        Err(Fault::Conflict) => {
            Err(Problem::conflict("Another process links the audit at the moment. Try again in 20 seconds."))
        }
        Err(fault) => Err(fault.into()),
    }
}
