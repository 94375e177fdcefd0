//! The audit for people, a page at a time, and the means to check it: the key and a checkpoint of now.

use ::http::StatusCode;
use axum::extract::Query;
use axum::response::Response;
use grantor_core::audit_chain::Entry;
use grantor_core::audit_export::Line;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::tenants::PAGE;
use super::{Admin, Problem, answer, view};
use crate::flow::{Fault, audit};
use crate::moment::Moment;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    actor: String,
    /// `app.create`, or `app` for everything of apps.
    #[serde(default)]
    action: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    since: Option<Moment>,
    #[serde(default)]
    until: Option<Moment>,
    #[serde(default)]
    after: Option<Uuid>,
    #[serde(default)]
    limit: Option<i64>,
}

/// A page, newest first. It may be empty and yet name a next one: a request looks at a bounded number of entries.
pub(super) async fn list(admin: Admin, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let environment = match &asked.environment {
        Some(name) => Some(admin.environment(name)?.environment.id),
        None => None,
    };
    let limit = asked.limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Problem::bad(format!("limit is a number from 1 to {PAGE}.")));
    }
    let filter = audit::AuditFilter {
        actor: asked.actor,
        action: asked.action.trim_end_matches('.').to_owned(),
        target: asked.target,
        environment,
        since: asked.since.map(|Moment(at)| at),
        until: asked.until.map(|Moment(at)| at),
        after: asked.after,
    };
    let page = admin.node.store.audit_page(&filter, limit).await.map_err(Fault::from)?;
    let items: Vec<Value> = page.entries.iter().map(|entry| shown(&admin, entry)).collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": page.next })))
}

/// Without number and link: they are given later, and an entry shall not look different then.
fn shown(admin: &Admin, entry: &Entry) -> Value {
    let detail: Value = serde_json::from_str(&entry.detail).unwrap_or(Value::Null);
    let catalogue = admin.node.catalogue();
    let environment = entry.environment.and_then(|id| catalogue.environment_by_id(id));
    json!({
        "id": entry.id,
        "at": view::time(entry.at),
        "environment": environment.map(|state| &state.environment.name),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "detail": detail,
        "request_id": entry.request_id,
        "address": entry.address,
    })
}

/// The public half of the key that signs checkpoints, as a JWK set (RFC 7517 5).
pub(super) async fn key(admin: Admin) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &audit::public_keys(&admin.node).await?))
}

/// Links what is not linked yet, and gives the last checkpoint. Kept elsewhere, it shows later that nothing was cut off.
pub(super) async fn checkpoint(admin: Admin) -> Result<Response, Problem> {
    match audit::checkpoint(&admin.node).await {
        Ok(Some(signed)) => Ok(answer(StatusCode::OK, &Line::checkpoint(signed))),
        Ok(None) => Err(Problem::not_found("The audit has no entry yet.")),
        Err(Fault::Conflict) => {
            Err(Problem::conflict("Another process links the audit at the moment. Try again in 20 seconds."))
        }
        Err(fault) => Err(fault.into()),
    }
}
