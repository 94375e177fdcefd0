//! Webhooks, what is due to them, and what has become of it.

use grantor_core::env::UnixMillis;
use grantor_core::id::{EnvironmentId, MessageId, TenantId, WebhookId};
use grantor_core::webhook::Webhook;
use grantor_core::webhook::delivery::{Delivery, State};
use grantor_core::webhook::secret::SealedSecrets;

use super::{corrupt, json, status};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[
    &ALL_WEBHOOKS,
    &WEBHOOKS,
    &WEBHOOK,
    &WEBHOOK_AND_SECRETS,
    &DUE_WEBHOOKS,
    &DUE_DELIVERIES,
    &DELIVERIES,
    &DELIVERY,
];

// Held whole, to know who hears of what; each says its environment.
const ALL_WEBHOOKS: Sql = Sql {
    name: "all_webhooks",
    text: "SELECT id, environment_id, tenant_id, url, description, topics, status, version, failing_since, created_at \
           FROM webhooks ORDER BY id",
};
const WEBHOOKS: Sql = Sql {
    name: "webhooks",
    text: "SELECT id, environment_id, tenant_id, url, description, topics, status, version, failing_since, created_at \
           FROM webhooks WHERE environment_id = $1 AND id > $2 ORDER BY id LIMIT $3",
};
const WEBHOOK: Sql = Sql {
    name: "webhook",
    text: "SELECT id, environment_id, tenant_id, url, description, topics, status, version, failing_since, created_at \
           FROM webhooks WHERE environment_id = $1 AND id = $2",
};
// One job sends for every environment; each webhook says its own.
const WEBHOOK_AND_SECRETS: Sql = Sql {
    name: "webhook_and_secrets",
    text: "SELECT id, environment_id, tenant_id, url, description, topics, status, version, failing_since, created_at, \
           secret, previous_secret, previous_until FROM webhooks WHERE id = $1 AND status = 'active'",
};
const DUE_WEBHOOKS: Sql = Sql {
    name: "due_webhooks",
    text: "SELECT webhook_id FROM webhook_deliveries WHERE next_at <= $1 \
           GROUP BY webhook_id ORDER BY MIN(next_at), webhook_id LIMIT $2",
};
const DUE_DELIVERIES: Sql = Sql {
    name: "due_deliveries",
    text: "SELECT d.message_id, m.event, d.state, d.attempts, d.step, d.next_at, d.log, m.at, m.body \
           FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id \
           WHERE d.webhook_id = $1 AND d.next_at <= $2 ORDER BY d.message_id LIMIT $3",
};
const DELIVERIES: Sql = Sql {
    name: "deliveries",
    text: "SELECT d.message_id, m.event, d.state, d.attempts, d.step, d.next_at, d.log, m.at \
           FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id \
           WHERE d.webhook_id = $1 AND d.message_id < $2 ORDER BY d.message_id DESC LIMIT $3",
};
const DELIVERY: Sql = Sql {
    name: "delivery",
    text: "SELECT d.message_id, m.event, d.state, d.attempts, d.step, d.next_at, d.log, m.at \
           FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id \
           WHERE d.webhook_id = $1 AND d.message_id = $2",
};

/// An active webhook with what signs for it.
pub struct Receiver {
    /// The webhook.
    pub webhook: Webhook,
    /// Its secrets.
    pub secrets: SealedSecrets,
}

/// A delivery, as shown.
#[derive(Debug, Clone)]
pub struct ListedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// When its message was made.
    pub at: UnixMillis,
}

/// A delivery that is due, with what is sent.
#[derive(Debug, Clone)]
pub struct DueDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The JSON text.
    pub body: String,
}

impl Store {
    /// Every webhook of every environment.
    pub async fn all_webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.query(&ALL_WEBHOOKS, vec![]).await
    }

    /// Webhooks of an environment in order of id, after one.
    pub async fn webhooks(
        &self,
        environment: EnvironmentId,
        after: [u8; 16],
        limit: i64,
    ) -> Result<Vec<Webhook>, StoreError> {
        self.query(&WEBHOOKS, vec![environment.bytes().into(), after.into(), limit.into()]).await
    }

    /// A webhook of an environment.
    pub async fn webhook(
        &self,
        environment: EnvironmentId,
        id: WebhookId,
    ) -> Result<Option<Webhook>, StoreError> {
        self.query_one(&WEBHOOK, vec![environment.bytes().into(), id.bytes().into()]).await
    }

    /// A webhook as the sender needs it; `None` if it is gone or suspended.
    pub async fn receiver(&self, id: WebhookId) -> Result<Option<Receiver>, StoreError> {
        self.query_one(&WEBHOOK_AND_SECRETS, vec![id.bytes().into()]).await
    }

    /// The webhooks to which something is due, the longest overdue first.
    pub async fn due_webhooks(&self, now: UnixMillis, limit: i64) -> Result<Vec<WebhookId>, StoreError> {
        let rows: Vec<Row> = self.query(&DUE_WEBHOOKS, vec![now.0.into(), limit.into()]).await?;
        rows.iter().map(|row| row.id(0).map(WebhookId::from_bytes)).collect()
    }

    /// What is due to one webhook, the oldest message first.
    pub async fn due_deliveries(
        &self,
        webhook: WebhookId,
        now: UnixMillis,
        limit: i64,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        self.query(&DUE_DELIVERIES, vec![webhook.bytes().into(), now.0.into(), limit.into()]).await
    }

    /// The deliveries to a webhook, the newest message first, before one.
    pub async fn deliveries(
        &self,
        webhook: WebhookId,
        before: [u8; 16],
        limit: i64,
    ) -> Result<Vec<ListedDelivery>, StoreError> {
        self.query(&DELIVERIES, vec![webhook.bytes().into(), before.into(), limit.into()]).await
    }

    /// The delivery of one message to a webhook.
    pub async fn delivery(
        &self,
        webhook: WebhookId,
        message: MessageId,
    ) -> Result<Option<ListedDelivery>, StoreError> {
        self.query_one(&DELIVERY, vec![webhook.bytes().into(), message.bytes().into()]).await
    }
}

impl FromRow for Webhook {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: WebhookId::from_bytes(row.id(0)?),
            environment: EnvironmentId::from_bytes(row.id(1)?),
            tenant: row.opt_id(2)?.map(TenantId::from_bytes),
            url: row.text(3)?.to_owned(),
            description: row.text(4)?.to_owned(),
            topics: json(row.text(5)?, "webhooks.topics")?,
            status: status(row.text(6)?, "webhooks.status")?,
            version: row.int(7)?,
            failing_since: row.opt_int(8)?.map(UnixMillis),
            created_at: UnixMillis(row.int(9)?),
        })
    }
}

impl FromRow for Receiver {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let previous = row.opt_bytes(11)?.map(<[u8]>::to_vec).zip(row.opt_int(12)?.map(UnixMillis));
        Ok(Self {
            webhook: Webhook::from_row(row)?,
            secrets: SealedSecrets { current: row.bytes(10)?.to_vec(), previous },
        })
    }
}

impl FromRow for ListedDelivery {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let state = State::from_stored(row.text(2)?).ok_or_else(|| corrupt("webhook_deliveries.state"))?;
        let delivery = Delivery {
            message: MessageId::from_bytes(row.id(0)?),
            event: row.text(1)?.to_owned(),
            state,
            attempts: row.int(3)?,
            step: row.int(4)?,
            next_at: row.opt_int(5)?.map(UnixMillis),
            log: json(row.text(6)?, "webhook_deliveries.log")?,
        };
        Ok(Self { delivery, at: UnixMillis(row.int(7)?) })
    }
}

impl FromRow for DueDelivery {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { delivery: ListedDelivery::from_row(row)?.delivery, body: row.text(8)?.to_owned() })
    }
}
