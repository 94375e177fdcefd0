//! Incidents: leaked credentials, and what was done about them.

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::Response;
use grantor_core::comment::Comment;
use grantor_core::id::IncidentId;
use grantor_core::incident::{Incident, LeakSource, Place, Sighting};
use grantor_core::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::tenants::PAGE;
use super::{Admin, Body, Problem, answer, tenants, view};
use crate::flow::leak::{Report, Verdict, report};
use crate::flow::{Fault, incident};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// The id of the last one that was seen.
    #[serde(default)]
    after: Option<IncidentId>,
    #[serde(default)]
    state: Option<State>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resolve {
    #[serde(default)]
    comment: Option<Comment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leak {
    value: String,
    #[serde(default)]
    url: Option<String>,
}

pub(super) async fn list(admin: Admin, Query(page): Query<Page>) -> Result<Response, Problem> {
    let before = page.after.map_or([0xff; 16], IncidentId::bytes);
    let store = &admin.node.store;
    let rows = match page.state {
        None => store.incidents(before, PAGE).await,
        Some(State::Open) => store.open_incidents(before, PAGE).await,
    };
    let rows = rows.map_err(Fault::from)?;
    let next = if rows.len() as i64 == PAGE { rows.last().map(|row| row.id.to_string()) } else { None };
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(shown(&admin, row).await?);
    }
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": next })))
}

pub(super) async fn show(admin: Admin, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = find(&admin, &id).await?;
    Ok(answer(StatusCode::OK, &shown(&admin, &found).await?))
}

pub(super) async fn resolve(
    admin: Admin,
    Path(id): Path<String>,
    Body(body): Body<Resolve>,
) -> Result<Response, Problem> {
    let found = find(&admin, &id).await?;
    incident::resolve(&admin.node, &admin.actor, &found, body.comment).await?;
    let now = find(&admin, &id).await?;
    Ok(answer(StatusCode::OK, &shown(&admin, &now).await?))
}

/// An operator brings what has leaked, and hears what it was.
pub(super) async fn create(admin: Admin, Body(body): Body<Leak>) -> Result<Response, Problem> {
    let value = Secret::presented(body.value.trim().to_owned());
    let sighting = Sighting {
        source: LeakSource::Operator,
        place: body.url.as_deref().and_then(Place::read),
        reporter: admin.actor.address.clone(),
    };
    let brought = Report { value: &value, sighting: &sighting, actor: &admin.actor };
    match report(&admin.node, &brought).await? {
        Verdict::Unknown => {
            Err(Problem::not_found("This is no credential of this installation, or one that is long gone."))
        }
        Verdict::Ours(None) => Err(Problem::conflict("It had ended before. There was nothing left to do.")),
        Verdict::Ours(Some(id)) => {
            let found = find(&admin, &id.to_string()).await?;
            Ok(answer(StatusCode::CREATED, &shown(&admin, &found).await?))
        }
    }
}

async fn find(admin: &Admin, id: &str) -> Result<Incident, Problem> {
    let missing = || Problem::not_found("There is no such incident.");
    let id: IncidentId = id.parse().map_err(|_| missing())?;
    admin.node.store.incident(id).await.map_err(Fault::from)?.ok_or_else(missing)
}

async fn shown(admin: &Admin, incident: &Incident) -> Result<Value, Problem> {
    let catalogue = admin.node.catalogue_full();
    let state = incident.environment.and_then(|id| catalogue.environment_by_id(id));
    let tenant = match incident.tenant {
        Some(id) => tenants::names(admin, [id].into_iter()).await?.remove(&id),
        None => None,
    };
    let app = match (state, incident.app) {
        (Some(state), Some(id)) => {
            admin.node.store.app_by_id(state.environment.id, id).await.map_err(Fault::from)?
        }
        _ => None,
    };
    let resolution = incident.resolution.as_ref();
    Ok(json!({
        "id": incident.id,
        "state": incident.state(),
        "kind": incident.kind.as_str(),
        "subject": incident.subject,
        "environment": state.map(|state| &state.environment.name),
        "tenant": tenant,
        "client_id": app.map(|app| app.client_id),
        "last_four": incident.last_four,
        "source": incident.sighting.source.as_str(),
        "place": incident.sighting.place,
        "reporter": incident.sighting.reporter,
        "measures": incident.measures,
        "sightings": incident.sightings,
        "first_seen_at": view::time(incident.first_seen_at),
        "last_seen_at": view::time(incident.last_seen_at),
        "resolved_by": resolution.map(|resolution| &resolution.by),
        "resolved_at": resolution.map(|resolution| view::time(resolution.at)),
        "comment": resolution.and_then(|resolution| resolution.comment.as_ref()),
    }))
}
