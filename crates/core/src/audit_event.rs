//! What the audit will say of a decision, and whom it concerns.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value, json};

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

    /// Notes a field that changed, with what it was and what it is now; one that did not change is left out. Never for a
    /// secret, its hash or a token: the audit is read by many.
    #[must_use]
    pub fn change(mut self, field: &str, from: impl Serialize, to: impl Serialize) -> Self {
        // Our types hold nothing that JSON cannot say.
        let (from, to) =
            (serde_json::to_value(from).unwrap_or_default(), serde_json::to_value(to).unwrap_or_default());
        if from != to {
            let changes = self.detail.entry("changes").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(changes) = changes {
                changes.insert(field.to_owned(), json!({ "from": from, "to": to }));
            }
        }
        self
    }

    /// Notes each member in which two objects differ, as [`Self::change`] does.
    #[must_use]
    pub fn changes(self, from: &Value, to: &Value) -> Self {
        let (none, null) = (Map::new(), Value::Null);
        let (from, to) = (from.as_object().unwrap_or(&none), to.as_object().unwrap_or(&none));
        let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        let value = |map: &Map<String, Value>, name: &str| map.get(name).unwrap_or(&null).clone();
        names.into_iter().fold(self, |event, name| event.change(name, value(from, name), value(to, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noted_with_both_values_and_what_stayed_is_not() {
        let event = AuditEvent::new("app.change", "app_1")
            .change("name", "old", "new")
            .change("scopes", ["a"], ["a"])
            .change("lifetime", None::<i64>, Some(60));
        let expected = json!({ "changes": {
            "name": { "from": "old", "to": "new" },
            "lifetime": { "from": null, "to": 60 },
        } });
        assert_eq!(Value::Object(event.detail), expected);
    }

    #[test]
    fn of_two_objects_each_member_that_differs_is_noted() {
        let (from, to) = (json!({ "a": 1, "b": [2], "gone": 0 }), json!({ "a": 1, "b": [3], "new": 4 }));
        let event = AuditEvent::new("a.b", "c").changes(&from, &to);
        let expected = json!({
            "b": { "from": [2], "to": [3] },
            "gone": { "from": 0, "to": null },
            "new": { "from": null, "to": 4 },
        });
        assert_eq!(event.detail["changes"], expected);
    }

    #[test]
    fn an_event_without_a_change_has_no_changes() {
        assert!(AuditEvent::new("a.b", "c").change("x", 1, 1).detail.is_empty());
    }
}
