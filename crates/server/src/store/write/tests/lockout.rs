use grantor_core::lockout::{FORGOTTEN_AFTER, Failures};
use tokio::task::JoinSet;

use super::*;

const ACCOUNT: [u8; 32] = [9; 32];

fn none() -> Failures {
    Failures::none(LIVE, ACCOUNT)
}

fn count(failures: Failures) -> Write {
    Write::CountFailure(Box::new(failures))
}

/// Looks and counts as a flow does: whoever loses the race looks again.
async fn fail_once(store: &Store, now: UnixMillis) {
    loop {
        let before = store.failures(LIVE, ACCOUNT).await.unwrap().unwrap_or_else(none);
        match store.commit(statements_of(&count(before.and_one(now)))).await {
            Ok(()) => return,
            Err(error) => assert_eq!(error, StoreError::Conflict),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_32_guesses_at_once_each_is_counted() {
    let world = World::new().await;
    let mut guesses = JoinSet::new();
    for _ in 0..32 {
        let store = world.store.clone();
        guesses.spawn(async move { fail_once(&store, NOW).await });
    }
    guesses.join_all().await;
    assert_eq!(world.store.failures(LIVE, ACCOUNT).await.unwrap().unwrap().count, 32);
}

#[tokio::test]
async fn a_count_comes_back_with_every_field_and_in_its_environment_only() {
    let world = World::new().await;
    let first = none().and_one(NOW);
    let second = Failures { blocked_until: NOW.plus_seconds(77), ..first.and_one(NOW.plus_seconds(1)) };
    for failures in [&first, &second] {
        world.put(count(failures.clone())).await;
        assert!(world.store.failures(LIVE, ACCOUNT).await.unwrap().as_ref() == Some(failures));
    }
    assert!(world.store.failures(TEST, ACCOUNT).await.unwrap().is_none());
    assert!(world.store.failures(LIVE, [8; 32]).await.unwrap().is_none());
}

#[tokio::test]
async fn of_guesses_that_looked_at_the_same_count_the_second_is_a_conflict() {
    let world = World::new().await;
    let first = none().and_one(NOW);
    let second = first.and_one(NOW);
    for failures in [first, second] {
        world.put(count(failures.clone())).await;
        assert_eq!(world.commit([count(failures)]).await, Err(StoreError::Conflict));
    }
}

#[tokio::test]
async fn a_count_that_was_forgotten_begins_again_once() {
    let world = World::new().await;
    let first = none().and_one(NOW);
    let old = first.and_one(NOW);
    for failures in [first, old.clone()] {
        world.put(count(failures)).await;
    }
    let almost = NOW.plus_seconds(FORGOTTEN_AFTER - 1);
    assert_eq!(world.commit([count(none().and_one(almost))]).await, Err(StoreError::Conflict));
    let again = old.and_one(NOW.plus_seconds(FORGOTTEN_AFTER));
    assert_eq!(again.count, 1);
    world.put(count(again.clone())).await;
    assert!(world.store.failures(LIVE, ACCOUNT).await.unwrap() == Some(again.clone()));
    assert_eq!(world.commit([count(again)]).await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn a_count_that_was_cleared_in_between_is_a_conflict_and_clearing_is_for_one_account() {
    let world = World::new().await;
    let first = none().and_one(NOW);
    let neighbour = Failures { account: [8; 32], ..first.clone() };
    world.put(count(first.clone())).await;
    world.put(count(neighbour)).await;
    world.put(Write::ClearFailures(LIVE, ACCOUNT)).await;
    world.put(Write::ClearFailures(LIVE, ACCOUNT)).await;
    assert!(world.store.failures(LIVE, ACCOUNT).await.unwrap().is_none());
    assert!(world.store.failures(LIVE, [8; 32]).await.unwrap().is_some());
    assert_eq!(world.commit([count(first.and_one(NOW))]).await, Err(StoreError::Conflict));
}
