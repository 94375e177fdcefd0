//! Which audited actions become events of webhooks, under which name, and what of their details is told. The only place.
//!
//! A name is part of the interface: it is never changed and never given to something else.

use serde_json::{Map, Value};

use crate::audit_event::{AuditEvent, Concern};

/// An event that can be heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The action of the audit.
    pub action: &'static str,
    /// The name of the event.
    pub name: &'static str,
    /// The details that are told. Notes of the provider's team stand in the same audit and stay there.
    pub told: &'static [&'static str],
}

/// The event that a person asks for, to try a webhook.
pub const TEST: &str = "webhook.test";

/// What an app is called by its owner.
const APP: &[&str] = &["client_id"];

macro_rules! kinds {
    ($($action:literal => $name:literal, $told:expr;)*) => {
        /// Every event that follows an audited action.
        pub const KINDS: &[Kind] = &[$(Kind { action: $action, name: $name, told: $told }),*];
    };
}

kinds! {
    "tenant.create" => "tenant.created", &["name"];
    "tenant.suspend" => "tenant.suspended", &["name"];
    "tenant.resume" => "tenant.resumed", &["name"];
    "tenant.close" => "tenant.closed", &["name"];
    "access.apply" => "access.applied", &["api"];
    "access.approve" => "access.approved", &["api"];
    "access.refuse" => "access.refused", &["api", "reason"];
    "access.terms" => "access.terms_changed", &["api"];
    "access.contract" => "access.contract_recorded", &["api"];
    "access.suspend" => "access.suspended", &["api"];
    "access.resume" => "access.resumed", &["api"];
    "access.close" => "access.closed", &["api"];
    "app.create" => "app.created", APP;
    "app.change" => "app.changed", APP;
    "app.suspend" => "app.suspended", APP;
    "app.resume" => "app.resumed", APP;
    "app.delete" => "app.closed", APP;
    "app.tokens_end" => "app.tokens_ended", APP;
    "app.secret_create" => "secret.created", &["client_id", "version"];
    "app.secret_end" => "secret.ended", &["client_id", "version", "end_tokens"];
    "app.secret_exposed" => "secret.exposed", APP;
    "app.secret_schedule_end" => "secret.end_scheduled", &["client_id", "version", "at"];
    "app.secret_cancel" => "secret.rotation_cancelled", &["client_id", "version"];
    "secret.expiring" => "secret.expiring", &["client_id", "version", "expires_at", "days"];
    "key.create" => "key.created", &[];
    "key.rotate" => "key.rotated", &["successor", "old_ends_at"];
    "key.narrow" => "key.narrowed", &[];
    "key.suspend" => "key.suspended", &[];
    "key.resume" => "key.resumed", &[];
    "key.revoke" => "key.revoked", &["reason"];
    "key.expiring" => "key.expiring", &["expires_at", "days"];
    "case.open" => "case.opened", &["kind", "key"];
    "case.answer" => "case.answered", &["kind", "key", "state"];
    "incident.open" => "incident.opened", &["kind", "client_id", "last_four", "source", "measures"];
    "incident.seen" => "incident.seen_again", &["kind", "client_id", "last_four", "source", "measures"];
    "incident.resolve" => "incident.resolved", &["kind"];
    "membership.put" => "membership.changed", &["roles"];
    "membership.remove" => "membership.removed", &[];
    "document.publish" => "document.published", &["version", "sha256"];
    "document.accept_for_tenant" => "document.accepted_for_tenant", &["kind", "version", "sha256"];
    "document.accept" => "document.accepted", &["user", "version", "sha256"];
    "manifest.apply" => "manifest.applied", &["action", "fields"];
    "webhook.create" => "webhook.created", &["host"];
    "webhook.change" => "webhook.changed", &["host", "new_secret"];
    "webhook.suspend" => "webhook.suspended", &["reason"];
    "webhook.resume" => "webhook.resumed", &[];
    "webhook.roll" => "webhook.rolled", &[];
    "webhook.delete" => "webhook.deleted", &["host"];
}

/// The names of all events, for whoever chooses among them.
pub fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name).chain([TEST])
}

/// The event that follows an action; `None` where nobody is told.
pub fn kind_of(action: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.action == action)
}

impl Kind {
    /// What a message says beside its type and time: ids, and of the details those that may be told.
    pub fn data(&self, event: &AuditEvent, environment: Option<&str>) -> Map<String, Value> {
        let mut data = Map::new();
        let tenant = match event.concerns {
            Concern::Tenant(tenant) => Value::from(tenant.to_string()),
            Concern::Nobody | Concern::EveryTenant => Value::Null,
        };
        data.insert("tenant".to_owned(), tenant);
        data.insert("environment".to_owned(), environment.into());
        data.insert("subject".to_owned(), event.target.as_str().into());
        let told = event.detail.iter().filter(|(name, _)| self.told.contains(&name.as_str()));
        data.extend(told.map(|(name, value)| (name.clone(), value.clone())));
        data
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::id::TenantId;

    #[test]
    fn an_action_has_one_event_and_an_event_one_action() {
        let actions: HashSet<_> = KINDS.iter().map(|kind| kind.action).collect();
        let events: HashSet<_> = names().collect();
        assert_eq!((actions.len(), events.len()), (KINDS.len(), KINDS.len() + 1));
        let spelled = |name: &str| {
            name.split('.').count() == 2
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte))
        };
        assert!(names().all(spelled));
    }

    #[test]
    fn a_detail_that_is_not_named_stays_in_the_audit() {
        let event = AuditEvent::new("access.refuse", "t/a")
            .of_tenant(TenantId::from_bytes([7; 16]))
            .detail("reason", "no contract")
            .detail("comment", "do not trust them");
        let data = kind_of(event.action).unwrap().data(&event, Some("production"));
        let expected = serde_json::json!({
            "tenant": "07070707-0707-0707-0707-070707070707", "environment": "production", "subject": "t/a",
            "reason": "no contract",
        });
        assert_eq!(Value::Object(data), expected);
    }

    #[test]
    fn the_page_for_receivers_names_every_event() {
        let page = include_str!("../../../../docs/webhooks.md");
        let missing: Vec<_> = names().filter(|name| !page.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/webhooks.md lacks {missing:?}");
    }

    #[test]
    fn no_detail_that_is_told_takes_the_place_of_an_id() {
        for kind in KINDS {
            assert!(kind.told.iter().all(|name| !["tenant", "environment", "subject"].contains(name)));
        }
    }
}
