use grantor_core::id::{MessageId, WebhookId};
use grantor_core::webhook::delivery::{Attempt, Delivery, Outcome, State};
use grantor_core::webhook::write::{Message, WebhookWrite};
use grantor_core::webhook::{Topics, Webhook};

use super::*;

const HOOK: WebhookId = WebhookId::from_bytes([71; 16]);
const MESSAGE: MessageId = MessageId::from_bytes([72; 16]);

fn webhook() -> Webhook {
    Webhook {
        id: HOOK,
        environment: LIVE,
        tenant: Some(ACME),
        url: "https://hooks.example/".to_owned(),
        description: "pager".to_owned(),
        topics: Topics::All,
        status: Status::Active,
        version: 1,
        failing_since: None,
        created_at: NOW,
    }
}

fn write(write: WebhookWrite) -> Write {
    Write::Webhook(Box::new(write))
}

fn enqueue(seed: u8, to: &[WebhookId]) -> Write {
    let (id, body) = (MessageId::from_bytes([seed; 16]), "{}".to_owned());
    write(WebhookWrite::Enqueue(Message { id, event: "app.created".to_owned(), body, at: NOW }, to.to_vec()))
}

fn recorded(from: i64, state: State, next: Option<i64>) -> Write {
    let attempt = Attempt { at: NOW, outcome: Outcome::Failed, millis: 7 };
    let to = Delivery {
        message: MESSAGE,
        event: "app.created".to_owned(),
        state,
        attempts: from + 1,
        step: from + 1,
        next_at: next.map(|seconds| NOW.plus_seconds(seconds)),
        log: vec![attempt],
    };
    write(WebhookWrite::Record { webhook: HOOK, from, to })
}

fn switch(to: Status) -> Write {
    write(WebhookWrite::Switch { id: HOOK, to, at: NOW.plus_seconds(50) })
}

async fn with_message() -> World {
    let world = World::new().await;
    world.commit([write(WebhookWrite::Insert(webhook(), vec![1])), enqueue(72, &[HOOK])]).await.unwrap();
    world
}

impl World {
    /// State, attempts and time of the message.
    async fn delivery(&self) -> (State, i64, Option<i64>) {
        let found = self.store.delivery(HOOK, MESSAGE).await.unwrap().unwrap().delivery;
        (found.state, found.attempts, found.next_at.map(|at| at.seconds() - NOW.seconds()))
    }

    async fn messages_due_at(&self, seconds: i64) -> usize {
        self.store.due_webhooks(NOW.plus_seconds(seconds), 10).await.unwrap().len()
    }
}

#[tokio::test]
async fn a_webhook_comes_back_with_every_field() {
    let world = with_message().await;
    assert_eq!(world.store.webhook(LIVE, HOOK).await.unwrap(), Some(webhook()));
    assert_eq!(world.store.webhook(TEST, HOOK).await.unwrap(), None, "of another environment");
    assert_eq!(world.store.all_webhooks().await.unwrap(), [webhook()]);
    let due = world.store.due_deliveries(HOOK, NOW, 10).await.unwrap();
    assert_eq!((due.len(), due[0].body.as_str(), due[0].delivery.message), (1, "{}", MESSAGE));
}

#[tokio::test]
async fn of_two_attempts_that_overlap_the_word_of_the_first_stands() {
    let world = with_message().await;
    world.commit([recorded(0, State::Delivered, None)]).await.unwrap();
    world.commit([recorded(0, State::Waiting, Some(5))]).await.unwrap();
    assert_eq!(world.delivery().await, (State::Delivered, 1, None));
    world.commit([recorded(1, State::Waiting, Some(5))]).await.unwrap();
    assert_eq!(world.delivery().await, (State::Waiting, 2, Some(5)));
}

#[tokio::test]
async fn nothing_is_due_to_a_webhook_while_it_is_suspended_whatever_was_under_way() {
    let world = with_message().await;
    world.commit([switch(Status::Suspended)]).await.unwrap();
    assert_eq!((world.messages_due_at(9_999).await, world.delivery().await), (0, (State::Waiting, 0, None)));
    world.commit([recorded(0, State::Waiting, Some(5)), enqueue(73, &[HOOK])]).await.unwrap();
    assert_eq!((world.messages_due_at(9_999).await, world.delivery().await), (0, (State::Waiting, 1, None)));
    assert!(world.store.receiver(HOOK).await.unwrap().is_none());
    assert_eq!(world.commit([switch(Status::Suspended)]).await, Err(StoreError::Conflict));
    world.commit([switch(Status::Active)]).await.unwrap();
    assert_eq!(world.delivery().await, (State::Waiting, 1, Some(50)));
    assert_eq!(world.store.due_deliveries(HOOK, NOW.plus_seconds(50), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_to_a_webhook_that_is_gone_hurts_nobody() {
    let world = with_message().await;
    let gone = WebhookId::from_bytes([79; 16]);
    world.commit([enqueue(74, &[gone, HOOK])]).await.unwrap();
    assert_eq!(world.store.deliveries(HOOK, [0xff; 16], 10).await.unwrap().len(), 2);
    assert!(world.store.deliveries(gone, [0xff; 16], 10).await.unwrap().is_empty());
    world.commit([write(WebhookWrite::Delete(HOOK))]).await.unwrap();
    assert!(world.store.deliveries(HOOK, [0xff; 16], 10).await.unwrap().is_empty());
    world.commit([recorded(0, State::Waiting, Some(5))]).await.unwrap();
}

#[tokio::test]
async fn i09_a_change_with_a_new_secret_drops_both_of_before_and_one_without_keeps_them() {
    let world = with_message().await;
    let roll = WebhookWrite::Roll { id: HOOK, from: 1, secret: vec![2], previous_until: NOW.plus_seconds(9) };
    world.commit([write(roll.clone())]).await.unwrap();
    assert_eq!(world.commit([write(roll)]).await, Err(StoreError::Conflict), "the version has moved on");
    let secrets = async || {
        let found = world.store.receiver(HOOK).await.unwrap().unwrap().secrets;
        (found.current, found.previous.map(|(secret, _)| secret))
    };
    let change =
        |version, secret| write(WebhookWrite::Change { to: Webhook { version, ..webhook() }, secret });
    world.commit([change(3, None)]).await.unwrap();
    assert_eq!(secrets().await, (vec![2], Some(vec![1])));
    world.commit([change(4, Some(vec![3]))]).await.unwrap();
    assert_eq!(secrets().await, (vec![3], None));
    assert_eq!(world.commit([change(4, None)]).await, Err(StoreError::Conflict));
}
