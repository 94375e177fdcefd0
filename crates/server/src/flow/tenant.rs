//! Tenants: made, suspended, resumed. Suspending reaches every credential of the tenant on the next request.

use grantor_core::decision::{AuditEvent, StatusChange, Write};
use grantor_core::id::TenantId;
use grantor_core::name::Name;
use grantor_core::tenant::{Status, Tenant};

use super::Fault;
use crate::node::{Actor, Node};

/// A status that an operator may set. `Closed` is for keys and apps, by verbs of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Stop everything, reversibly.
    Suspend,
    /// Let it act again. Tokens from before stay dead.
    Resume,
}

impl Switch {
    /// The status from which and to which it leads.
    pub fn states(self) -> (Status, Status) {
        match self {
            Self::Suspend => (Status::Active, Status::Suspended),
            Self::Resume => (Status::Suspended, Status::Active),
        }
    }

    /// The verb in audit names.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }
}

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

/// Suspends or resumes a tenant. Already being there is no error and no write.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn switch(node: &Node, actor: &Actor, tenant: &Tenant, switch: Switch) -> Result<(), Fault> {
    let (from, to) = switch.states();
    if tenant.status == to {
        return Ok(());
    }
    let action = match switch {
        Switch::Suspend => "tenant.suspend",
        Switch::Resume => "tenant.resume",
    };
    let event = AuditEvent::new(action, tenant.id.to_string())
        .of_tenant(tenant.id)
        .detail("name", tenant.name.as_str())
        .change("status", from, to);
    node.commit(actor, vec![Write::SetTenantStatus(StatusChange { id: tenant.id, from, to })], vec![event])
        .await
}
