//! Accesses: suspended and resumed apart from their tenant. Their terms change by manifest.

use grantor_core::access::Access;
use grantor_core::decision::{AuditEvent, StatusChange, Write};

use super::Fault;
use super::tenant::Switch;
use crate::node::{Actor, Node};

/// Suspends or resumes one tenant's access to one API. Already being there is no error and no write.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn switch(node: &Node, actor: &Actor, access: &Access, switch: Switch) -> Result<(), Fault> {
    let (from, to) = switch.states();
    if access.status == to {
        return Ok(());
    }
    let action = match switch {
        Switch::Suspend => "access.suspend",
        Switch::Resume => "access.resume",
    };
    let event = AuditEvent::new(action, format!("{}/{}", access.tenant, access.api)).of_tenant(access.tenant);
    node.commit(
        actor,
        vec![Write::SetAccessStatus(StatusChange { id: (access.tenant, access.api), from, to })],
        vec![event],
    )
    .await
}
