//! Tenants: made, suspended, resumed. Suspending reaches every credential of the tenant on the next request.

use grantor_core::comment::Comment;
use grantor_core::decision::{AuditEvent, StatusChange, Write};
use grantor_core::id::TenantId;
use grantor_core::name::Name;
use grantor_core::tenant::{Status, Tenant};

use super::Fault;
use super::deed::Deed;
use super::order::{Order, Switch};
use crate::node::{Actor, Node};

/// Makes a tenant.
///
/// # Errors
/// [`Fault::Duplicate`] if the name or GUID is taken.
pub async fn create(
    node: &Node,
    actor: &Actor,
    name: Name,
    title: String,
    id: Option<TenantId>,
) -> Result<Tenant, Fault> {
    let tenant = node.decide(|env| Tenant {
        id: id.unwrap_or_else(|| TenantId::generate(env)),
        title: if title.is_empty() { name.to_string() } else { title },
        name,
        status: Status::Active,
        epoch: 0,
    });
    let event = AuditEvent::new("tenant.create", tenant.id.to_string())
        .of_tenant(tenant.id)
        .detail("name", tenant.name.as_str());
    node.commit(actor, vec![Write::InsertTenant(tenant.clone(), node.now())], vec![event]).await?;
    Ok(tenant)
}

/// Finds a tenant by GUID or short name.
///
/// # Errors
/// Storage trouble.
pub async fn find(node: &Node, id_or_name: &str) -> Result<Option<Tenant>, Fault> {
    if let Ok(id) = id_or_name.parse::<TenantId>() {
        return Ok(node.store.tenant(id).await?);
    }
    match id_or_name.parse::<Name>() {
        Ok(name) => Ok(node.store.tenant_by_name(&name).await?),
        Err(_) => Ok(None),
    }
}

/// Suspends, resumes or closes a tenant, and tells those who answer for it. Already being there is no error and no write.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn switch(node: &Node, actor: &Actor, tenant: &Tenant, order: &Order) -> Result<(), Fault> {
    let (from, to) = order.switch.states(tenant.status);
    if tenant.status == to {
        return Ok(());
    }
    let action = match order.switch {
        Switch::Suspend => "tenant.suspend",
        Switch::Resume => "tenant.resume",
        Switch::Close => "tenant.close",
    };
    let event = AuditEvent::new(action, tenant.id.to_string())
        .of_tenant(tenant.id)
        .detail("name", tenant.name.as_str())
        .change("status", from, to);
    let deed = Deed {
        tenant: tenant.id,
        environment: None,
        thing: format!("the organisation {}", tenant.title),
        past: order.switch.past(),
        effect: order.switch.effect(),
        why: order.why.as_ref().map(Comment::as_str),
    };
    let mut writes = vec![Write::SetTenantStatus(StatusChange { id: tenant.id, from, to })];
    writes.extend(deed.notices(node).await?);
    node.commit(actor, writes, vec![order.reason(event)]).await?;
    node.wake_mail();
    Ok(())
}
