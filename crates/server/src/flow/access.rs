//! Accesses: suspended and resumed apart from their tenant. Their terms change by manifest.

use grantor_core::access::Access;
use grantor_core::api::Api;
use grantor_core::decision::{AuditEvent, StatusChange, Write};

use super::Fault;
use super::notice::Deed;
use super::tenant::{Order, Switch};
use crate::node::{Actor, Node};

/// Suspends, resumes or closes one tenant's access to one API, and tells those who answer for it. Already being there is no error and no write.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn switch(
    node: &Node,
    actor: &Actor,
    access: &Access,
    api: &Api,
    order: &Order,
) -> Result<(), Fault> {
    let (from, to) = order.switch.states(access.status);
    if access.status == to {
        return Ok(());
    }
    let action = match order.switch {
        Switch::Suspend => "access.suspend",
        Switch::Resume => "access.resume",
        Switch::Close => "access.close",
    };
    let event = AuditEvent::new(action, format!("{}/{}", access.tenant, access.api));
    let deed = Deed::of(order, access.tenant, api.environment, format!("the access to {}", api.title));
    let mut writes = vec![Write::SetAccessStatus(StatusChange { id: (access.tenant, access.api), from, to })];
    writes.extend(deed.notices(node).await?);
    node.commit(&actor.within(api.environment), writes, vec![order.reason(event)]).await?;
    node.wake_mail();
    Ok(())
}
