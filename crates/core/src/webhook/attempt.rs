//! What follows an attempt: when there is another, when a message is given up, when a webhook is suspended.

use super::Webhook;
use super::delivery::{Attempt, Delivery, LOG_LENGTH, Outcome, State};
use super::write::WebhookWrite;
use crate::audit_event::AuditEvent;
use crate::decision::{Decision, Write};
use crate::env::{Env, UnixMillis};
use crate::tenant::Status;

/// The wait after each failed attempt, in seconds; after the last one a message is given up.
pub const WAITS: [i64; 7] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600];
/// A webhook is suspended when every attempt has failed for so long, in seconds.
pub const SUSPENDED_AFTER: i64 = 5 * 24 * 3600;

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
    let mut next = Delivery { attempts: from.saturating_add(1), log, next_at: None, ..delivery.clone() };
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
            let suspended = WebhookWrite::Switch { id: webhook.id, to: Status::Suspended, at: env.now };
            let mut event = AuditEvent::new("webhook.suspend", webhook.id.to_string())
                .within(webhook.environment)
                .detail("reason", reason);
            if let Some(tenant) = webhook.tenant {
                event = event.of_tenant(tenant);
            }
            decision.outcome = Ok(Then::Pause);
            decision.write(Write::Webhook(Box::new(suspended))).event(event)
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
