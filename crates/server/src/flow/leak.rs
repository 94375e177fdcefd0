//! The intake of leaks: whoever presents a credential of ours that they should not have seen ends it, as the environment's policy
//! says. One way for everything that was seen: in a query string, at the public address, by GitHub, by an operator.

mod find;
mod tell;

use grantor_core::decision::{AuditEvent, Write};
use grantor_core::environment::OnLeak;
use grantor_core::id::IncidentId;
use grantor_core::incident::{Course, Incident, IncidentWrite, Measure, Sighting, course};
use grantor_core::leak::respond;
use grantor_core::leak_trace::trace;
use grantor_core::secret::{CredentialType, Secret, Spelling};

use self::find::Found;
use super::Fault;
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node};

/// Tries when the facts change under our hands.
const TRIES: usize = 4;

/// What somebody says has leaked.
pub struct Report<'a> {
    /// The value. Not said to be ours.
    pub value: &'a Secret,
    /// How it was seen.
    pub sighting: &'a Sighting,
    /// Who says so, for the audit.
    pub actor: &'a Actor,
}

/// What it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No credential of this installation.
    Unknown,
    /// A credential of ours; with its incident, unless it was dead and had none.
    Ours(Option<IncidentId>),
}

/// Takes a report, wherever the credential belongs. The spelling and its checksum come before any look-up.
///
/// # Errors
/// Storage trouble: nothing may have been done, and the report is to be repeated.
pub async fn report(node: &Node, report: &Report<'_>) -> Result<Verdict, Fault> {
    let spelling = Spelling::parse(&node.brand, report.value.reveal());
    if spelling.is_some_and(|spelling| spelling.kind == CredentialType::OperatorToken) {
        return match find::operator(node, report.value) {
            Some(found) => match act(node, None, &found, report).await {
                // Somebody else has ended it just now.
                Err(Fault::Conflict) => Ok(Verdict::Ours(None)),
                done => done,
            },
            None => Ok(Verdict::Unknown),
        };
    }
    // Held for all of it: an environment that is made meanwhile has no credential yet.
    let catalogue = node.catalogue_full();
    for state in &catalogue.environments {
        match report_in(node, state, report).await? {
            Verdict::Unknown => {}
            known => return Ok(known),
        }
    }
    Ok(Verdict::Unknown)
}

/// Takes a report about a credential of one environment. Operators' tokens are of none.
///
/// # Errors
/// As for [`report`].
pub async fn report_in(node: &Node, state: &EnvironmentState, report: &Report<'_>) -> Result<Verdict, Fault> {
    for _ in 1..TRIES {
        let Some(found) = find::credential(node, state, report.value).await? else {
            return Ok(Verdict::Unknown);
        };
        match act(node, Some(state), &found, report).await {
            // Somebody was quicker: what is left to do is seen with their change.
            Err(Fault::Conflict) => {}
            done => return done,
        }
    }
    Err(Fault::Unavailable)
}

async fn act(
    node: &Node,
    state: Option<&EnvironmentState>,
    found: &Found,
    report: &Report<'_>,
) -> Result<Verdict, Fault> {
    let leaked = found.leaked();
    let policy = state.map_or(OnLeak::End, |state| state.environment.on_leak);
    let now = node.now();
    let response = respond(&leaked, policy, now);
    let subject = leaked.subject();
    let known = node.store.incident_by_subject(&subject).await?;
    let course = course(known.as_ref(), response.alive, &response.measures, now);
    if course == Course::Nothing {
        return Ok(Verdict::Ours(known.map(|incident| incident.id)));
    }
    let mut measures = known.as_ref().map(|incident| incident.measures.clone()).unwrap_or_default();
    for measure in &response.measures {
        if !measures.contains(measure) {
            measures.push(*measure);
        }
    }
    let incident = Incident {
        id: known.as_ref().map_or_else(|| node.decide(IncidentId::generate), |incident| incident.id),
        subject,
        kind: leaked.kind(),
        environment: state.map(|state| state.environment.id),
        tenant: leaked.tenant(),
        app: leaked.app().map(|app| app.id),
        last_four: report.value.last_four().to_owned(),
        sighting: report.sighting.clone(),
        measures,
        sightings: 1,
        first_seen_at: now,
        last_seen_at: now,
        resolution: None,
    };
    let client_id = leaked.app().map(|app| app.client_id.as_str());
    tracing::warn!(
        incident = %incident.id,
        kind = incident.kind.as_str(),
        source = incident.sighting.source.as_str(),
        client_id,
        measures = response.measures.len(),
        "a credential of this installation was seen where it must not be"
    );
    match response.measures[..] {
        [Measure::OperatorKept] => {
            tracing::error!(incident = %incident.id, "the token of the only operator has leaked and still works: make another operator and report it again");
        }
        [Measure::OperatorEnded] => {
            tracing::error!(incident = %incident.id, "an operator's token has leaked and ends now: look for its traces in the audit");
        }
        _ => {}
    }
    let mut events = vec![event(&incident, &response.measures, course, client_id)];
    events.extend(response.measures.iter().filter_map(|measure| trace(&leaked, *measure)));
    let mut writes = response.writes;
    if let Some(app) = leaked.app() {
        writes.push(Write::MarkExposed(app.id, now));
        if matches!(found, Found::Secret { .. }) {
            let exposed = AuditEvent::new("app.secret_exposed", app.id.to_string())
                .of_tenant(app.tenant)
                .detail("client_id", app.client_id.as_str());
            events.push(exposed);
        }
    }
    if course == Course::Open {
        writes.extend(tell::mails(node, state, &leaked, &incident, &response.measures).await?);
        if known.is_some() {
            writes.push(Write::Incident(IncidentWrite::Reopen(incident.id)));
        }
    }
    let id = incident.id;
    writes.push(Write::Incident(IncidentWrite::Record(Box::new(incident))));
    let actor = match state {
        Some(state) => report.actor.within(state.environment.id),
        None => report.actor.clone(),
    };
    node.commit(&actor, writes, events).await?;
    node.wake_mail();
    Ok(Verdict::Ours(Some(id)))
}

fn event(incident: &Incident, measures: &[Measure], course: Course, client_id: Option<&str>) -> AuditEvent {
    let action = if course == Course::Open { "incident.open" } else { "incident.seen" };
    let place = incident.sighting.place.as_ref().map(|place| place.as_str());
    let event = AuditEvent::new(action, incident.id.to_string());
    let event = match incident.tenant {
        Some(tenant) => event.of_tenant(tenant),
        None => event,
    };
    event
        .detail("kind", incident.kind.as_str())
        .detail("subject", incident.subject.as_str())
        .detail("client_id", client_id)
        .detail("last_four", incident.last_four.as_str())
        .detail("source", incident.sighting.source.as_str())
        .detail("place", place)
        .detail("measures", serde_json::json!(measures))
}
