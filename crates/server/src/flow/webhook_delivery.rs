//! Messages leave for webhooks. Each webhook has a lane of its own: a receiver that is slow or dead delays nobody else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use grantor_core::id::WebhookId;
use grantor_core::webhook::Webhook;
use grantor_core::webhook::attempt::{Then, after};
use grantor_core::webhook::delivery::{Attempt, Outcome};
use grantor_core::webhook::secret::{SealedSecrets, SigningSecret};
use tokio::task::{Id, JoinSet};

use super::Fault;
use super::webhook::place;
use crate::node::{Actor, Node};
use crate::remote::Failure;
use crate::store::load::webhook::DueDelivery;

/// What is due is looked for so often, beside what is said to be due.
const TICK: Duration = Duration::from_secs(1);
/// Webhooks that are served at the same time.
const LANES: usize = 16;
/// Messages that one lane sends before it gives way to a webhook that waits.
const BATCH: i64 = 20;

/// Sends what is due, for ever. What is cut off is sent again: a message may arrive twice, under the same id.
pub async fn run(node: &Arc<Node>) {
    let mut dispatcher = Dispatcher::default();
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = ticks.tick() => dispatcher.resting.clear(),
            () = node.webhooks_wait.notified() => {}
            Some(ended) = dispatcher.lanes.join_next_with_id() => dispatcher.note(ended),
        }
        if let Err(fault) = dispatcher.start(node).await {
            tracing::warn!(%fault, "messages to webhooks were not sent and will be tried again");
        }
    }
}

/// The lanes that are in use.
#[derive(Default)]
struct Dispatcher {
    lanes: JoinSet<Then>,
    busy: HashMap<Id, WebhookId>,
    /// Left alone until the next tick.
    resting: HashSet<WebhookId>,
}

impl Dispatcher {
    async fn start(&mut self, node: &Arc<Node>) -> Result<(), Fault> {
        if self.busy.len() >= LANES || !node.has_webhooks() {
            return Ok(());
        }
        let taken: HashSet<WebhookId> = self.busy.values().chain(&self.resting).copied().collect();
        let limit = i64::try_from(LANES + taken.len()).unwrap_or(i64::MAX);
        let due = node.store.due_webhooks(node.now(), limit).await?;
        let free = LANES - self.busy.len();
        for id in due.into_iter().filter(|id| !taken.contains(id)).take(free) {
            let node = Arc::clone(node);
            let lane = self.lanes.spawn(async move {
                serve(&node, id).await.unwrap_or_else(|fault| {
                    tracing::warn!(%fault, webhook = %id, "messages to a webhook will be tried again");
                    Then::Pause
                })
            });
            self.busy.insert(lane.id(), id);
        }
        Ok(())
    }

    fn note(&mut self, ended: Result<(Id, Then), tokio::task::JoinError>) {
        let (lane, then) = ended.unwrap_or_else(|error| (error.id(), Then::Pause));
        let Some(webhook) = self.busy.remove(&lane) else { return };
        if then == Then::Pause {
            self.resting.insert(webhook);
        }
    }
}

/// Sends what is due to one webhook, the oldest message first.
async fn serve(node: &Node, id: WebhookId) -> Result<Then, Fault> {
    let Some(receiver) = node.store.receiver(id).await? else { return Ok(Then::Pause) };
    let mut webhook = receiver.webhook;
    for due in node.store.due_deliveries(id, node.now(), BATCH).await? {
        let attempt = attempt(node, &webhook, &receiver.secrets, &due).await?;
        let decision = node.decide(|env| after(&webhook, &due.delivery, attempt, env));
        let actor = Actor::system().within(webhook.environment);
        node.commit(&actor, decision.writes, decision.events).await?;
        if decision.outcome.unwrap_or(Then::Pause) == Then::Pause {
            return Ok(Then::Pause);
        }
        webhook.failing_since = match attempt.outcome {
            Outcome::Taken => None,
            _ => webhook.failing_since.or(Some(attempt.at)),
        };
    }
    Ok(Then::Next)
}

async fn attempt(
    node: &Node,
    webhook: &Webhook,
    secrets: &SealedSecrets,
    due: &DueDelivery,
) -> Result<Attempt, Fault> {
    let at = node.now();
    let outcome = match node.remote.target(&webhook.url) {
        // The rules may have changed since it was named.
        Err(_) => Outcome::NoAddress,
        Ok(target) => {
            let message = due.delivery.message;
            let mut signatures = Vec::new();
            for sealed in secrets.signing(at) {
                let opened = node.vault.open(sealed, &place(webhook.id)).ok();
                let secret = opened.and_then(SigningSecret::from_bytes).ok_or(Fault::Internal)?;
                signatures.push(secret.sign(message, at, &due.body));
            }
            let headers = [
                ("webhook-id", message.to_string()),
                ("webhook-timestamp", at.seconds().to_string()),
                ("webhook-signature", signatures.join(" ")),
            ];
            match node.remote.post(&target, &headers, due.body.clone()).await {
                Ok(answer) => Outcome::of_status(answer.status),
                Err(failure) => {
                    tracing::info!(webhook = %webhook.id, %message, why = %failure, "a message was not taken");
                    outcome_of(failure)
                }
            }
        }
    };
    Ok(Attempt { at, outcome, millis: node.now().0.saturating_sub(at.0) })
}

fn outcome_of(failure: Failure) -> Outcome {
    match failure {
        Failure::Forbidden | Failure::Unresolved => Outcome::NoAddress,
        Failure::Unreachable => Outcome::NoConnection,
        Failure::Tls => Outcome::NoTls,
        Failure::Slow => Outcome::TooSlow,
        Failure::Long => Outcome::TooLong,
        Failure::Broken => Outcome::NoAnswer,
    }
}
