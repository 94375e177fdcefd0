//! From an audited event to a message for webhooks: written in the same unit, if somebody hears of it.

use grantor_core::decision::{AuditEvent, Write};
use grantor_core::env::UnixMillis;
use grantor_core::id::MessageId;
use grantor_core::webhook::event;
use grantor_core::webhook::write::{Message, WebhookWrite};
use serde_json::{Map, Value, json};

use super::{Actor, Node};
use crate::moment::Moment;

/// The JSON text of a message (Standard Webhooks, "Payload structure").
pub(crate) fn body(event: &str, at: UnixMillis, data: Map<String, Value>) -> String {
    json!({ "type": event, "timestamp": Moment(at).to_string(), "data": data }).to_string()
}

impl Node {
    /// The message of an event, for those who hear of it; `None` if it is nobody's. Asks the memory alone.
    pub(super) fn message(&self, event: &AuditEvent, actor: &Actor) -> Option<Write> {
        let kind = event::kind_of(event.action)?;
        let environment = event.environment.or(actor.environment);
        let to = self.subscriptions.load().hearing(kind.name, event.concerns, environment);
        if to.is_empty() {
            return None;
        }
        let catalogue = self.catalogue();
        let place = environment.and_then(|id| catalogue.environment_by_id(id));
        let data = kind.data(event, place.map(|state| state.environment.name.as_str()));
        let (id, at) = self.decide(|env| (MessageId::generate(env), env.now));
        let message = Message { id, event: kind.name.to_owned(), body: body(kind.name, at, data), at };
        Some(Write::Webhook(Box::new(WebhookWrite::Enqueue(message, to))))
    }
}
