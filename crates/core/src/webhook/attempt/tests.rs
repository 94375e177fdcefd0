use super::*;
use crate::audit_event::Concern;
use crate::env::Random;
use crate::id::{EnvironmentId, MessageId, TenantId, WebhookId};
use crate::webhook::Topics;

/// Gives the same byte for ever.
struct Constant(u8);

impl Random for Constant {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn webhook(failing_since: Option<UnixMillis>) -> Webhook {
    Webhook {
        id: WebhookId::from_bytes([1; 16]),
        environment: EnvironmentId::from_bytes([2; 16]),
        tenant: Some(TenantId::from_bytes([3; 16])),
        url: "https://hooks.example/".to_owned(),
        description: String::new(),
        topics: Topics::All,
        status: Status::Active,
        version: 1,
        failing_since,
        created_at: UnixMillis(0),
    }
}

fn delivery(step: i64) -> Delivery {
    Delivery {
        message: MessageId::from_bytes([4; 16]),
        event: "app.created".to_owned(),
        state: State::Waiting,
        attempts: step,
        step,
        next_at: Some(NOW),
        log: Vec::new(),
    }
}

struct Next {
    to: Delivery,
    then: Then,
    others: Vec<WebhookWrite>,
    events: Vec<AuditEvent>,
}

fn decided(webhook: &Webhook, delivery: &Delivery, outcome: Outcome, random: u8) -> Next {
    let mut rng = Constant(random);
    let mut env = Env { now: NOW, rng: &mut rng };
    let attempt = Attempt { at: NOW, outcome, millis: 12 };
    let decision = after(webhook, delivery, attempt, &mut env);
    let mut writes = decision.writes.into_iter().map(|write| match write {
        Write::Webhook(write) => *write,
        _ => panic!("another write"),
    });
    let Some(WebhookWrite::Record { from, to, .. }) = writes.next() else {
        panic!("an attempt is recorded first")
    };
    assert_eq!((from, to.attempts), (delivery.attempts, delivery.attempts + 1));
    Next { to, then: decision.outcome.unwrap(), others: writes.collect(), events: decision.events }
}

#[test]
fn the_waits_are_those_that_are_documented_and_a_fifth_longer_at_most() {
    let hours = |count: i64| count * 3_600_000;
    let waits = [5_000, 300_000, 1_800_000, hours(2), hours(5), hours(10), hours(10)];
    for (step, wait) in (0..).zip(waits) {
        for (random, longer) in [(0, 0), (255, wait / 5)] {
            let next = decided(&webhook(None), &delivery(step), Outcome::Failed, random);
            assert_eq!(next.to.next_at, Some(UnixMillis(NOW.0 + wait + longer)), "{step} {random}");
            assert_eq!((next.to.state, next.to.step), (State::Waiting, step + 1));
        }
    }
    let last = decided(&webhook(None), &delivery(7), Outcome::Failed, 0);
    assert_eq!((last.to.state, last.to.next_at), (State::GivenUp, None));
}

#[test]
fn whatever_is_no_2xx_is_a_failure() {
    for (status, outcome) in [
        (200, Outcome::Taken),
        (204, Outcome::Taken),
        (299, Outcome::Taken),
        (301, Outcome::Redirected),
        (404, Outcome::Refused),
        (410, Outcome::Gone),
        (500, Outcome::Failed),
        (101, Outcome::Failed),
        (999, Outcome::Failed),
    ] {
        assert_eq!(Outcome::of_status(status), outcome, "{status}");
    }
    for outcome in Outcome::ALL {
        let next = decided(&webhook(None), &delivery(0), outcome, 0);
        let taken = next.to.state == State::Delivered && next.to.next_at.is_none();
        assert_eq!(taken, outcome == Outcome::Taken, "{outcome:?}");
        assert_eq!(next.then == Then::Next, outcome.is_answer() && outcome != Outcome::Gone, "{outcome:?}");
        assert_eq!(next.to.log, [Attempt { at: NOW, outcome, millis: 12 }]);
    }
}

#[test]
fn only_the_newest_attempts_are_remembered() {
    let attempt = |millis| Attempt { at: UnixMillis(0), outcome: Outcome::Failed, millis };
    let before = Delivery { log: (100..120).map(attempt).collect(), attempts: 20, ..delivery(0) };
    let next = decided(&webhook(None), &before, Outcome::Taken, 0);
    assert_eq!(next.to.log.len(), LOG_LENGTH);
    assert_eq!((next.to.log[0].millis, next.to.log[19].millis), (101, 12));
}

#[test]
fn a_webhook_that_fails_for_days_is_suspended_with_a_trace_and_one_day_less_is_not() {
    let since = |seconds: i64| Some(NOW.plus_seconds(-seconds));
    let first = decided(&webhook(None), &delivery(0), Outcome::TooSlow, 0);
    assert!(matches!(first.others[..], [WebhookWrite::Failing(_, at)] if at == NOW));
    let early = decided(&webhook(since(SUSPENDED_AFTER - 1)), &delivery(0), Outcome::TooSlow, 0);
    assert!(early.others.is_empty() && early.events.is_empty());
    let due = decided(&webhook(since(SUSPENDED_AFTER)), &delivery(0), Outcome::Failed, 0);
    assert!(matches!(due.others[..], [WebhookWrite::Switch { to: Status::Suspended, at: NOW, .. }]));
    assert_eq!(due.then, Then::Pause);
    let event = &due.events[0];
    assert_eq!((event.action, &event.detail["reason"]), ("webhook.suspend", &"failing".into()));
    assert_eq!(event.concerns, Concern::Tenant(TenantId::from_bytes([3; 16])));
    let recovered = decided(&webhook(since(SUSPENDED_AFTER)), &delivery(3), Outcome::Taken, 0);
    assert!(matches!(recovered.others[..], [WebhookWrite::Recovered(_)]) && recovered.events.is_empty());
}

#[test]
fn a_receiver_that_is_gone_is_suspended_at_once() {
    let gone = decided(&webhook(None), &delivery(0), Outcome::Gone, 0);
    assert_eq!(gone.events[0].detail["reason"], "gone");
    assert!(gone.others.iter().any(|write| matches!(write, WebhookWrite::Switch { .. })));
}
