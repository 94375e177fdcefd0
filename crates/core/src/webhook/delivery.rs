//! A message on its way to one webhook: how an attempt ended, when there is another, when everything is given up.

use serde::{Deserialize, Serialize};

use super::Webhook;
use super::write::WebhookWrite;
use crate::decision::{AuditEvent, Decision, StatusChange, Write};
use crate::env::{Env, UnixMillis};
use crate::id::MessageId;
use crate::tenant::Status;

/// The wait after each failed attempt, in seconds; after the last one a message is given up.
pub const WAITS: [i64; 7] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];
/// Attempts that are remembered of one delivery, the newest.
pub const LOG_LENGTH: usize = 20;
/// A webhook is suspended when every attempt has failed for so long, in seconds.
pub const SUSPENDED_AFTER: i64 = 5 * 24 * 3600;
/// A message and its deliveries are kept so long, in seconds.
pub const KEPT_SECONDS: i64 = 30 * 24 * 3600;

/// How an attempt ended. No more than a class: what the other side says is nobody's business, not even ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It was taken.
    #[serde(rename = "2xx")]
    Taken,
    /// A redirect, which is never followed.
    #[serde(rename = "3xx")]
    Redirected,
    /// It was refused.
    #[serde(rename = "4xx")]
    Refused,
    /// 410: nobody wants messages there any more.
    #[serde(rename = "410")]
    Gone,
    /// The receiver failed, or answered what is no status.
    #[serde(rename = "5xx")]
    Failed,
    /// The host has no address that may be called, or none at all. Not told apart: it would say which names exist inside.
    #[serde(rename = "no_address")]
    NoAddress,
    /// Nobody listens there.
    #[serde(rename = "no_connection")]
    NoConnection,
    /// No TLS with a certificate that we trust.
    #[serde(rename = "no_tls")]
    NoTls,
    /// No answer in time.
    #[serde(rename = "too_slow")]
    TooSlow,
    /// The answer was too long.
    #[serde(rename = "too_long")]
    TooLong,
    /// The connection broke, or the answer was no HTTP.
    #[serde(rename = "no_answer")]
    NoAnswer,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 11] = [
        Self::Taken,
        Self::Redirected,
        Self::Refused,
        Self::Gone,
        Self::Failed,
        Self::NoAddress,
        Self::NoConnection,
        Self::NoTls,
        Self::TooSlow,
        Self::TooLong,
        Self::NoAnswer,
    ];

    /// The outcome of a status.
    pub fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Taken,
            300..=399 => Self::Redirected,
            410 => Self::Gone,
            400..=499 => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// Whether somebody answered: then other messages may fare better.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Taken | Self::Redirected | Self::Refused | Self::Gone | Self::Failed)
    }
}

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: UnixMillis,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub millis: i64,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// There will be an attempt, unless the webhook is suspended.
    Waiting,
    /// It was taken.
    Delivered,
    /// There is no further attempt, unless somebody asks for one.
    GivenUp,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::GivenUp];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    /// The state that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A message on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which message.
    pub message: MessageId,
    /// The name of its event.
    pub event: String,
    /// Where it stands.
    pub state: State,
    /// How often it was tried, ever.
    pub attempts: i64,
    /// Failures since it was last put on its way: the place in [`WAITS`].
    pub step: i64,
    /// When it is tried next.
    pub next_at: Option<UnixMillis>,
    /// The newest attempts, oldest first.
    pub log: Vec<Attempt>,
}

/// What the sender does after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Sends the next message.
    Next,
    /// Leaves the webhook alone for a while: nobody answers there, or it was suspended.
    Pause,
}

/// What follows an attempt: the delivery moves on, and a webhook that has failed for days is suspended.
pub fn after(webhook: &Webhook, delivery: &Delivery, attempt: Attempt, env: &mut Env<'_>) -> Decision<Then> {
    let mut log = delivery.log.clone();
    log.push(attempt);
    log.drain(..log.len().saturating_sub(LOG_LENGTH));
    let from = delivery.attempts;
    let mut next =
        Delivery { attempts: from.saturating_add(1), log, next_at: None, ..delivery.clone() };
    if attempt.outcome == Outcome::Taken {
        next.state = State::Delivered;
        let recorded = Decision::ok(Then::Next).write(moved(webhook, from, next));
        return match webhook.failing_since {
            None => recorded,
            Some(_) => recorded.write(Write::Webhook(Box::new(WebhookWrite::Recovered(webhook.id)))),
        };
    }
    next.step = delivery.step.saturating_add(1);
    next.next_at = wait_after(next.step, env).map(|millis| UnixMillis(env.now.0.saturating_add(millis)));
    next.state = if next.next_at.is_some() { State::Waiting } else { State::GivenUp };
    let then = if attempt.outcome.is_answer() { Then::Next } else { Then::Pause };
    let mut decision = Decision::ok(then).write(moved(webhook, from, next));
    if webhook.failing_since.is_none() {
        let since = WebhookWrite::Failing(webhook.id, attempt.at);
        decision = decision.write(Write::Webhook(Box::new(since)));
    }
    match end_of(webhook, attempt, env.now) {
        None => decision,
        Some(reason) => {
            let change = StatusChange { id: webhook.id, from: Status::Active, to: Status::Suspended };
            let mut event = AuditEvent::new("webhook.suspend", webhook.id.to_string())
                .within(webhook.environment)
                .detail("reason", reason);
            if let Some(tenant) = webhook.tenant {
                event = event.of_tenant(tenant);
            }
            decision.outcome = Ok(Then::Pause);
            decision.write(Write::Webhook(Box::new(WebhookWrite::Switch(change, env.now)))).event(event)
        }
    }
}

fn moved(webhook: &Webhook, from: i64, to: Delivery) -> Write {
    Write::Webhook(Box::new(WebhookWrite::Record { webhook: webhook.id, from, to }))
}

/// Why a webhook is suspended after a failure, if it is. Standard Webhooks: 410 asks for it.
fn end_of(webhook: &Webhook, attempt: Attempt, now: UnixMillis) -> Option<&'static str> {
    if attempt.outcome == Outcome::Gone {
        return Some("gone");
    }
    let since = webhook.failing_since?;
    (now >= since.plus_seconds(SUSPENDED_AFTER)).then_some("failing")
}

/// The wait after so many failures, in milliseconds, longer by up to a fifth: what failed together is not tried together.
fn wait_after(failures: i64, env: &mut Env<'_>) -> Option<i64> {
    let place = usize::try_from(failures.checked_sub(1)?).ok()?;
    let millis = WAITS.get(place)?.saturating_mul(1000);
    let [random] = env.bytes::<1>();
    Some(millis + millis / 5 * i64::from(random) / 255)
}

#[cfg(test)]
mod tests;
