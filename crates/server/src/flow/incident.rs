//! Incidents: closed by somebody who has looked into them.

use grantor_core::comment::Comment;
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::incident::{Incident, IncidentWrite, Resolution};

use super::Fault;
use crate::node::{Actor, Node};

/// Closes an incident. One that is closed stays as it is.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn resolve(
    node: &Node,
    actor: &Actor,
    incident: &Incident,
    comment: Option<Comment>,
) -> Result<(), Fault> {
    if incident.resolution.is_some() {
        return Ok(());
    }
    let event = AuditEvent::new("incident.resolve", incident.id.to_string());
    let event = match incident.tenant {
        Some(tenant) => event.of_tenant(tenant),
        None => event,
    };
    let event = event
        .detail("kind", incident.kind.as_str())
        .detail("subject", incident.subject.as_str())
        .detail("comment", comment.as_ref().map(Comment::as_str));
    let resolution = Resolution { by: actor.name.clone(), at: node.now(), comment };
    let write = Write::Incident(IncidentWrite::Resolve(incident.id, resolution));
    let actor = Actor { environment: incident.environment, ..actor.clone() };
    node.commit(&actor, vec![write], vec![event]).await
}
