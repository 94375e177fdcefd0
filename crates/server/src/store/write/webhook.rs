//! Writes of webhooks, their messages, and the deliveries of these.

use grantor_core::env::UnixMillis;
use grantor_core::id::{TenantId, WebhookId};
use grantor_core::tenant::Status;
use grantor_core::webhook::Webhook;
use grantor_core::webhook::delivery::{Delivery, KEPT_SECONDS};
use grantor_core::webhook::write::{Message, WebhookWrite};

use super::super::sql::{Sql, Statement, Value};
use super::installation::first_id_at;
use super::{any, json, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[
    &INSERT_WEBHOOK,
    &CHANGE_WEBHOOK,
    &CHANGE_WEBHOOK_AND_SECRET,
    &SUSPEND_WEBHOOK,
    &RESUME_WEBHOOK,
    &HOLD_DELIVERIES,
    &RELEASE_DELIVERIES,
    &ROLL_WEBHOOK,
    &DELETE_WEBHOOK,
    &DELETE_DELIVERIES,
    &INSERT_MESSAGE,
    &INSERT_DELIVERY,
    &RECORD_ATTEMPT,
    &WEBHOOK_FAILING,
    &WEBHOOK_RECOVERED,
    &RESEND,
    &PRUNE_DELIVERIES,
    &PRUNE_MESSAGES,
];

const INSERT_WEBHOOK: Sql = Sql {
    name: "insert_webhook",
    text: "INSERT INTO webhooks (id, environment_id, tenant_id, url, description, topics, status, version, secret, created_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
};
const CHANGE_WEBHOOK: Sql = Sql {
    name: "change_webhook",
    text: "UPDATE webhooks SET url = $3, description = $4, topics = $5, version = $2 + 1 WHERE id = $1 AND version = $2",
};
const CHANGE_WEBHOOK_AND_SECRET: Sql = Sql {
    name: "change_webhook_and_secret",
    text: "UPDATE webhooks SET url = $3, description = $4, topics = $5, version = $2 + 1, secret = $6, \
           previous_secret = NULL, previous_until = NULL WHERE id = $1 AND version = $2",
};
const SUSPEND_WEBHOOK: Sql = Sql {
    name: "suspend_webhook",
    text: "UPDATE webhooks SET status = 'suspended' WHERE id = $1 AND status = 'active'",
};
const RESUME_WEBHOOK: Sql = Sql {
    name: "resume_webhook",
    text: "UPDATE webhooks SET status = 'active', failing_since = NULL WHERE id = $1 AND status = 'suspended'",
};
const HOLD_DELIVERIES: Sql = Sql {
    name: "hold_deliveries",
    text: "UPDATE webhook_deliveries SET next_at = NULL WHERE webhook_id = $1 AND next_at IS NOT NULL",
};
const RELEASE_DELIVERIES: Sql = Sql {
    name: "release_deliveries",
    text: "UPDATE webhook_deliveries SET next_at = $2 WHERE webhook_id = $1 AND state = 'waiting'",
};
const ROLL_WEBHOOK: Sql = Sql {
    name: "roll_webhook",
    text: "UPDATE webhooks SET previous_secret = secret, previous_until = $4, secret = $3, version = $2 + 1 \
           WHERE id = $1 AND version = $2",
};
const DELETE_WEBHOOK: Sql = Sql { name: "delete_webhook", text: "DELETE FROM webhooks WHERE id = $1" };
const DELETE_DELIVERIES: Sql =
    Sql { name: "delete_deliveries", text: "DELETE FROM webhook_deliveries WHERE webhook_id = $1" };
const INSERT_MESSAGE: Sql = Sql {
    name: "insert_message",
    text: "INSERT INTO webhook_messages (id, event, body, at) VALUES ($1, $2, $3, $4)",
};
// From a row that is there and active: what the cache held a moment ago may be gone.
const INSERT_DELIVERY: Sql = Sql {
    name: "insert_delivery",
    text: "INSERT INTO webhook_deliveries (webhook_id, message_id, state, attempts, step, next_at, log) \
           SELECT id, $2, 'waiting', 0, 0, $3, '[]' FROM webhooks WHERE id = $1 AND status = 'active'",
};
// A webhook that was suspended during the attempt keeps what waits, but not as due.
const RECORD_ATTEMPT: Sql = Sql {
    name: "record_attempt",
    text: "UPDATE webhook_deliveries SET state = $4, attempts = $3 + 1, step = $5, log = $7, \
           next_at = CASE WHEN (SELECT status FROM webhooks WHERE id = $1) = 'active' THEN CAST($6 AS BIGINT) ELSE NULL END \
           WHERE webhook_id = $1 AND message_id = $2 AND attempts = $3",
};
const WEBHOOK_FAILING: Sql = Sql {
    name: "webhook_failing",
    text: "UPDATE webhooks SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL",
};
const WEBHOOK_RECOVERED: Sql = Sql {
    name: "webhook_recovered",
    text: "UPDATE webhooks SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL",
};
const RESEND: Sql = Sql {
    name: "resend",
    text: "UPDATE webhook_deliveries SET state = 'waiting', step = 0, next_at = $3 WHERE webhook_id = $1 AND message_id = $2",
};
const PRUNE_DELIVERIES: Sql =
    Sql { name: "prune_deliveries", text: "DELETE FROM webhook_deliveries WHERE message_id < $1" };
const PRUNE_MESSAGES: Sql =
    Sql { name: "prune_messages", text: "DELETE FROM webhook_messages WHERE id < $1" };

/// The guarded statements of a write.
pub(super) fn statements_of(write: &WebhookWrite) -> Vec<Statement> {
    match write {
        WebhookWrite::Insert(webhook, secret) => vec![insert(webhook, secret)],
        WebhookWrite::Change { to, secret } => vec![change(to, secret.as_deref())],
        WebhookWrite::Switch { id, to, at } => switch(*id, *to, *at),
        WebhookWrite::Roll { id, from, secret, previous_until } => {
            let params =
                vec![id.bytes().into(), (*from).into(), secret.as_slice().into(), previous_until.0.into()];
            vec![one(&ROLL_WEBHOOK, params)]
        }
        WebhookWrite::Delete(id) => {
            vec![
                one(&DELETE_WEBHOOK, vec![id.bytes().into()]),
                any(&DELETE_DELIVERIES, vec![id.bytes().into()]),
            ]
        }
        WebhookWrite::Enqueue(message, to) => enqueue(message, to),
        WebhookWrite::Record { webhook, from, to } => vec![record(*webhook, *from, to)],
        WebhookWrite::Failing(id, since) => {
            vec![any(&WEBHOOK_FAILING, vec![id.bytes().into(), since.0.into()])]
        }
        WebhookWrite::Recovered(id) => vec![any(&WEBHOOK_RECOVERED, vec![id.bytes().into()])],
        WebhookWrite::Resend { webhook, message, at } => {
            vec![one(&RESEND, vec![webhook.bytes().into(), message.bytes().into(), at.0.into()])]
        }
    }
}

/// Erases what is too old to be looked at or sent again.
pub(super) fn prune(now: UnixMillis) -> [Statement; 2] {
    let oldest = first_id_at(now.plus_seconds(-KEPT_SECONDS));
    [any(&PRUNE_DELIVERIES, vec![oldest.into()]), any(&PRUNE_MESSAGES, vec![oldest.into()])]
}

fn insert(webhook: &Webhook, secret: &[u8]) -> Statement {
    one(
        &INSERT_WEBHOOK,
        vec![
            webhook.id.bytes().into(),
            webhook.environment.bytes().into(),
            webhook.tenant.map(TenantId::bytes).into(),
            webhook.url.as_str().into(),
            webhook.description.as_str().into(),
            json(&webhook.topics),
            webhook.status.as_str().into(),
            webhook.version.into(),
            secret.into(),
            webhook.created_at.0.into(),
        ],
    )
}

fn change(to: &Webhook, secret: Option<&[u8]>) -> Statement {
    let mut params: Vec<Value> = vec![
        to.id.bytes().into(),
        (to.version - 1).into(),
        to.url.as_str().into(),
        to.description.as_str().into(),
        json(&to.topics),
    ];
    let Some(secret) = secret else { return one(&CHANGE_WEBHOOK, params) };
    params.push(secret.into());
    one(&CHANGE_WEBHOOK_AND_SECRET, params)
}

fn switch(id: WebhookId, to: Status, at: UnixMillis) -> Vec<Statement> {
    let id = || Value::from(id.bytes());
    if to.is_active() {
        return vec![one(&RESUME_WEBHOOK, vec![id()]), any(&RELEASE_DELIVERIES, vec![id(), at.0.into()])];
    }
    vec![one(&SUSPEND_WEBHOOK, vec![id()]), any(&HOLD_DELIVERIES, vec![id()])]
}

fn enqueue(message: &Message, to: &[WebhookId]) -> Vec<Statement> {
    let id = || Value::from(message.id.bytes());
    let params = vec![id(), message.event.as_str().into(), message.body.as_str().into(), message.at.0.into()];
    let deliveries = to
        .iter()
        .map(|webhook| any(&INSERT_DELIVERY, vec![webhook.bytes().into(), id(), message.at.0.into()]));
    [one(&INSERT_MESSAGE, params)].into_iter().chain(deliveries).collect()
}

/// Any number of rows: the webhook may have been deleted meanwhile, or another attempt was faster.
fn record(webhook: WebhookId, from: i64, to: &Delivery) -> Statement {
    any(
        &RECORD_ATTEMPT,
        vec![
            webhook.bytes().into(),
            to.message.bytes().into(),
            from.into(),
            to.state.as_str().into(),
            to.step.into(),
            to.next_at.map(|at| at.0).into(),
            json(&to.log),
        ],
    )
}
