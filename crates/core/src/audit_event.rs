//! What the audit says of an event, and whom it concerns.

use serde_json::{Map, Value};

use crate::id::{EnvironmentId, TenantId};

/// One entry of the audit: who did what to what. The actor, the address and the request id are added by the flow.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// A stable name, `noun.verb`.
    pub action: &'static str,
    /// The id of what was acted on.
    pub target: String,
    /// More, without secrets.
    pub detail: Map<String, Value>,
    /// Whose webhooks hear of it.
    pub concerns: Concern,
    /// Where it happened, if the actor does not say it.
    pub environment: Option<EnvironmentId>,
}

/// Whom an event concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// No tenant in particular: the audit alone hears of it.
    Nobody,
    /// One tenant.
    Tenant(TenantId),
    /// Every tenant, as a document of the provider does.
    EveryTenant,
}

impl AuditEvent {
    /// An event without details, which concerns nobody yet.
    pub fn new(action: &'static str, target: impl Into<String>) -> Self {
        let detail = Map::new();
        Self { action, target: target.into(), detail, concerns: Concern::Nobody, environment: None }
    }

    /// Says which tenant it concerns.
    #[must_use]
    pub fn of_tenant(self, tenant: TenantId) -> Self {
        Self { concerns: Concern::Tenant(tenant), ..self }
    }

    /// Says that it concerns this tenant, or every one if it is none's.
    #[must_use]
    pub fn of_tenant_or_all(self, tenant: Option<TenantId>) -> Self {
        Self { concerns: tenant.map_or(Concern::EveryTenant, Concern::Tenant), ..self }
    }

    /// Says where it happened.
    #[must_use]
    pub fn within(self, environment: EnvironmentId) -> Self {
        Self { environment: Some(environment), ..self }
    }

    /// Adds a detail.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}
