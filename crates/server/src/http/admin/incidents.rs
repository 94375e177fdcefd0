//! Incidents: leaked credentials, and what was done about them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::extract::{Path, Query};
use grantor_core::comment::Comment;
use grantor_core::id::{AppId, IncidentId};
use grantor_core::incident::{Incident as IncidentRow, LeakSource, Measure, Place, Sighting};
use grantor_core::permission::Right;
use grantor_core::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{List, Made, Shown};
use super::body::Body;
use super::caller::Caller;
use super::page::{Page, Window};
use super::problem::Problem;
use super::schema::CommentText;
use super::table::Table;
use super::tenants;
use crate::flow::leak::{Report, Verdict, report};
use crate::flow::{Fault, incident};
use crate::moment::Moment;

pub(super) fn routes(table: &mut Table) {
    table.tag("Incidents", "Credentials that leaked, and what was done about them.");
    table.get("/incidents", Right::ReadInstallation, list).says("List incidents", "Newest first.");
    table
        .post("/incidents", Right::ManagePartners, create)
        .says(
            "Bring a credential that leaked",
            "What it was is told, and the policy of its environment is carried out. `/leaks` takes the same from anybody.",
        )
        .once();
    table.get("/incidents/{incident}", Right::ReadInstallation, show).says("Show an incident", "");
    table
        .post("/incidents/{incident}/resolve", Right::ManagePartners, resolve)
        .says("Resolve an incident", "Everything was done that is to be done.");
}

/// Which incidents.
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
    /// Only those that are `open`.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^open$")]
    state: Option<State>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
}

/// What is said of an incident that is over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Resolution {
    #[serde(default)]
    #[schema(value_type = Option<CommentText>)]
    comment: Option<Comment>,
}

/// Something that leaked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Leak {
    /// The secret, key or token itself. It is kept nowhere.
    #[schema(write_only)]
    value: String,
    /// Where it was found.
    #[serde(default)]
    url: Option<String>,
}

/// A leaked credential.
#[derive(Serialize, ToSchema)]
struct Incident {
    id: String,
    /// `open` or `resolved`.
    state: &'static str,
    /// What leaked: `secret`, `api_key` and so on.
    kind: &'static str,
    /// The id of it.
    subject: String,
    /// The environment's name; `null` is the installation.
    environment: Option<String>,
    /// The tenant's short name.
    tenant: Option<String>,
    client_id: Option<String>,
    last_four: String,
    /// Who brought it: `github`, `operator` and so on.
    source: &'static str,
    /// Where it was found.
    #[schema(value_type = Option<String>)]
    place: Option<Place>,
    /// The address that it was brought from.
    reporter: String,
    /// What was done.
    #[schema(value_type = Vec<String>)]
    measures: Vec<Measure>,
    /// How often it was seen.
    sightings: i64,
    #[schema(value_type = String, format = DateTime)]
    first_seen_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Moment,
    /// Who, as the audit names them.
    resolved_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Moment>,
    #[schema(value_type = Option<String>)]
    comment: Option<Comment>,
}

async fn list(caller: Caller, Query(asked): Query<Asked>) -> Result<List<Incident>, Problem> {
    let granted = caller.operator(Right::ReadInstallation)?;
    let page = Page::of(asked.cursor.clone(), asked.limit);
    let which = if asked.state.is_some() { "open" } else { "all" };
    let window = Window::open(&caller, &page, &["incidents", which])?;
    // Newest first: nothing stands behind the last id that could be.
    let before = if window.after.is_some() { window.after_id()? } else { [0xff; 16] };
    let store = &granted.node.store;
    let rows = match asked.state {
        None => store.incidents(before, window.rows()).await,
        Some(State::Open) => store.open_incidents(before, window.rows()).await,
    };
    let (rows, next) = window.cut(rows.map_err(Fault::from)?, |row| row.id.bytes().to_vec());
    Ok(List { items: shown(&caller, &rows).await?, next })
}

async fn show(caller: Caller, Path(id): Path<String>) -> Result<Shown<Incident>, Problem> {
    caller.operator(Right::ReadInstallation)?;
    again(&caller, &id).await
}

async fn resolve(
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<Resolution>,
) -> Result<Shown<Incident>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let found = find(&caller, &id).await?;
    incident::resolve(&granted.node, &granted.actor, &found, body.comment).await?;
    again(&caller, &id).await
}

/// An operator brings what has leaked, and hears what it was.
async fn create(caller: Caller, Body(body): Body<Leak>) -> Result<Made<Incident>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let value = Secret::presented(body.value.trim().to_owned());
    let sighting = Sighting {
        source: LeakSource::Operator,
        place: body.url.as_deref().and_then(Place::read),
        reporter: granted.actor.address.clone(),
    };
    let brought = Report { value: &value, sighting: &sighting, actor: &granted.actor };
    match report(&granted.node, &brought).await? {
        Verdict::Unknown => {
            Err(Problem::not_found("This is no credential of this installation, or one that is long gone."))
        }
        Verdict::Ours(None) => Err(Problem::conflict("It had ended before. There was nothing left to do.")),
        Verdict::Ours(Some(id)) => {
            let Shown(found) = again(&caller, &id.to_string()).await?;
            Ok(Made(found))
        }
    }
}

async fn find(caller: &Caller, id: &str) -> Result<IncidentRow, Problem> {
    let missing = || Problem::not_found("There is no such incident.");
    let id: IncidentId = id.parse().map_err(|_| missing())?;
    caller.node.store.incident(id).await.map_err(Fault::from)?.ok_or_else(missing)
}

async fn again(caller: &Caller, id: &str) -> Result<Shown<Incident>, Problem> {
    let found = find(caller, id).await?;
    let mut shown = shown(caller, std::slice::from_ref(&found)).await?;
    Ok(Shown(shown.remove(0)))
}

async fn shown(caller: &Caller, incidents: &[IncidentRow]) -> Result<Vec<Incident>, Problem> {
    let catalogue = caller.node.catalogue_full();
    let tenants = tenants::names(caller, incidents.iter().filter_map(|incident| incident.tenant)).await?;
    let mut apps: BTreeMap<AppId, Option<String>> = BTreeMap::new();
    for incident in incidents {
        let (Some(environment), Some(id)) = (incident.environment, incident.app) else { continue };
        if let Entry::Vacant(place) = apps.entry(id) {
            let app = caller.node.store.app_by_id(environment, id).await.map_err(Fault::from)?;
            place.insert(app.map(|app| app.client_id.to_string()));
        }
    }
    let one = |incident: &IncidentRow| {
        let state = incident.environment.and_then(|id| catalogue.environment_by_id(id));
        let resolution = incident.resolution.as_ref();
        Incident {
            id: incident.id.to_string(),
            state: incident.state(),
            kind: incident.kind.as_str(),
            subject: incident.subject.clone(),
            environment: state.map(|state| state.environment.name.to_string()),
            tenant: incident.tenant.and_then(|id| tenants.get(&id).cloned()),
            client_id: incident.app.and_then(|id| apps.get(&id).cloned().flatten()),
            last_four: incident.last_four.clone(),
            source: incident.sighting.source.as_str(),
            place: incident.sighting.place.clone(),
            reporter: incident.sighting.reporter.clone(),
            measures: incident.measures.clone(),
            sightings: incident.sightings,
            first_seen_at: Moment(incident.first_seen_at),
            last_seen_at: Moment(incident.last_seen_at),
            resolved_by: resolution.map(|resolution| resolution.by.clone()),
            resolved_at: resolution.map(|resolution| Moment(resolution.at)),
            comment: resolution.and_then(|resolution| resolution.comment.clone()),
        }
    };
    Ok(incidents.iter().map(one).collect())
}
