use grantor_core::id::{MailId, SignupId};
use grantor_core::outbox::{Mail, MailKind};
use grantor_core::signup::Signup;

use super::*;

fn signup() -> Signup {
    Signup {
        id: SignupId::from_bytes([81; 16]),
        environment: LIVE,
        link: hash(1),
        browser: hash(2),
        email: "New@example.org".parse().unwrap(),
        name: Some("New".to_owned()),
        password: PasswordHash::new("$argon2id$new".to_owned()),
        created_at: NOW,
        expires_at: NOW.plus_seconds(86_400),
    }
}

fn mail(seed: u8, due: i64) -> Mail {
    let serde_json::Value::Object(values) = serde_json::json!({ "link": "https://x.example/?a=b", "n": 1 })
    else {
        unreachable!("an object")
    };
    Mail {
        id: MailId::from_bytes([seed; 16]),
        environment: if seed == 92 { TEST } else { LIVE },
        to: "New@example.org".parse().unwrap(),
        kind: MailKind::SignupLink,
        values,
        attempts: 0,
        next_at: NOW.plus_seconds(due),
    }
}

async fn with_mails(mails: impl IntoIterator<Item = Mail>) -> World {
    let world = World::new().await;
    world.commit(mails.into_iter().map(|mail| Write::Enqueue(Box::new(mail)))).await.unwrap();
    world
}

impl World {
    /// The first byte of the id, the attempts and the time of every mail that is due so many seconds from now.
    async fn due(&self, seconds: i64) -> Vec<(u8, i64, i64)> {
        let mails = self.store.due_mails(NOW.plus_seconds(seconds), 10).await.unwrap();
        let told = |mail: &Mail| (mail.id.bytes()[0], mail.attempts, mail.next_at.seconds() - NOW.seconds());
        mails.iter().map(told).collect()
    }
}

fn failed(seed: u8, attempts: i64, next: Option<i64>) -> Write {
    Write::MailFailed {
        id: MailId::from_bytes([seed; 16]),
        attempts,
        next_at: next.map(|seconds| NOW.plus_seconds(seconds)),
    }
}

#[tokio::test]
async fn a_sign_up_comes_back_with_every_field_by_its_link_and_works_once() {
    let world = World::new().await;
    world.put(Write::InsertSignup(Box::new(signup()))).await;
    let load =
        async |environment, seed| world.store.signup_by_link(environment, hash(seed).mac).await.unwrap();
    let (found, put) = (load(LIVE, 1).await.unwrap(), signup());
    assert_eq!((found.id, found.environment, &found.name), (put.id, put.environment, &put.name));
    assert!(is_same(&found.link, &put.link) && is_same(&found.browser, &put.browser));
    assert_eq!(found.email.as_str(), put.email.as_str());
    assert_eq!(found.password.as_str(), put.password.as_str());
    assert_eq!((found.created_at, found.expires_at), (put.created_at, put.expires_at));
    assert!(load(TEST, 1).await.is_none() && load(LIVE, 2).await.is_none());

    world.put(Write::EndSignup(put.id)).await;
    assert!(load(LIVE, 1).await.is_none());
    assert_eq!(world.commit([Write::EndSignup(put.id)]).await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn two_sign_ups_for_one_address_stand_side_by_side() {
    let world = World::new().await;
    world.put(Write::InsertSignup(Box::new(signup()))).await;
    let second = Signup { id: SignupId::from_bytes([82; 16]), link: hash(3), name: None, ..signup() };
    world.put(Write::InsertSignup(Box::new(second))).await;
    for (seed, name) in [(1, Some("New")), (3, None)] {
        let found = world.store.signup_by_link(LIVE, hash(seed).mac).await.unwrap().unwrap();
        assert_eq!(found.name.as_deref(), name);
    }
}

#[tokio::test]
async fn a_mail_comes_back_with_every_field_when_it_is_due() {
    let world = with_mails([mail(92, 30)]).await;
    assert!(world.due(29).await.is_empty());
    let found = world.store.due_mails(NOW.plus_seconds(30), 10).await.unwrap().remove(0);
    let put = mail(92, 30);
    assert_eq!((found.id, found.environment, found.kind), (put.id, put.environment, put.kind));
    assert_eq!((found.to.as_str(), found.values), (put.to.as_str(), put.values));
    assert_eq!((found.attempts, found.next_at), (put.attempts, put.next_at));
}

#[tokio::test]
async fn mails_of_all_environments_are_due_the_longest_overdue_first() {
    let world = with_mails([mail(91, 20), mail(92, 10), mail(93, 30)]).await;
    assert_eq!(world.due(20).await, [(92, 0, 10), (91, 0, 20)]);
    assert_eq!(world.store.due_mails(NOW.plus_seconds(99), 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_mail_that_was_handed_over_is_erased_also_if_two_nodes_did_it() {
    let world = with_mails([mail(91, 0), mail(93, 0)]).await;
    for _ in 0..2 {
        world.put(Write::MailSent(MailId::from_bytes([91; 16]))).await;
    }
    assert_eq!(world.due(0).await, [(93, 0, 0)]);
    world.put(failed(91, 1, Some(60))).await;
}

#[tokio::test]
async fn a_failed_mail_is_tried_later_and_a_slower_node_does_not_count_it_down() {
    let world = with_mails([mail(91, 0)]).await;
    world.put(failed(91, 1, Some(60))).await;
    assert!(world.due(59).await.is_empty());
    world.put(failed(91, 2, Some(120))).await;
    world.put(failed(91, 1, Some(60))).await;
    assert_eq!(world.due(120).await, [(91, 2, 120)]);
}

#[tokio::test]
async fn a_mail_that_was_given_up_is_never_due_and_its_content_is_gone() {
    let world = with_mails([mail(91, 0)]).await;
    assert_eq!(world.number(&ATTEMPTS_GIVEN_UP).await, Some(-1));
    world.put(failed(91, 8, None)).await;
    assert!(world.due(i64::from(i32::MAX)).await.is_empty());
    assert_eq!(world.number(&ATTEMPTS_GIVEN_UP).await, Some(8));
}
