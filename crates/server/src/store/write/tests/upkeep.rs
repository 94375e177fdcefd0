use grantor_core::authorize::interaction::Progress;
use grantor_core::env::{Env, Random};
use grantor_core::id::{InteractionId, MailId, SignupId};
use grantor_core::interaction::Interaction;
use grantor_core::lockout::Failures;
use grantor_core::outbox::{Mail, MailKind};
use grantor_core::signup::Signup;

use super::*;

const DAY: i64 = 24 * 3600;

/// The lowest randomness: the earliest id of its millisecond.
struct Zeros;

impl Random for Zeros {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// A unit of things that end or were last used at this moment; each has an id of its own by `seed`.
fn things(seed: u8, at: UnixMillis) -> Vec<Write> {
    let id = [seed; 16];
    let interaction = Interaction {
        id: InteractionId::from_bytes(id),
        environment: LIVE,
        handle: hash(seed),
        browser: hash(seed),
        version: 1,
        request: None,
        progress: Progress::default(),
        created_at: at,
        expires_at: at,
    };
    let signup = Signup {
        id: SignupId::from_bytes(id),
        environment: LIVE,
        link: hash(seed),
        browser: hash(seed),
        email: "new@example.org".parse().unwrap(),
        name: None,
        password: PasswordHash::new(String::new()),
        created_at: at,
        expires_at: at,
    };
    let session = Session { id: SessionId::from_bytes(id), ends_at: at, ..session() };
    vec![
        Write::InsertInteraction(Box::new(interaction)),
        Write::InsertSignup(Box::new(signup)),
        Write::InsertSession(session, hash(seed)),
        insert_grant(Grant { ends_at: at, ..grant(seed.into()) }),
        Write::CountFailure(Box::new(Failures::none(LIVE, [seed; 32]).and_one(at))),
    ]
}

impl World {
    /// What is still there of the things with this seed: interaction, sign-up, session, Grant, failures.
    async fn kept(&self, seed: u8) -> [bool; 5] {
        let (store, mac) = (&self.store, hash(seed).mac);
        [
            store.interaction_by_handle(LIVE, mac).await.unwrap().is_some(),
            store.signup_by_link(LIVE, mac).await.unwrap().is_some(),
            store.session_by_mac(LIVE, mac).await.unwrap().is_some(),
            store.grant_by_code(LIVE, mac).await.unwrap().is_some(),
            store.failures(LIVE, [seed; 32]).await.unwrap().is_some(),
        ]
    }
}

#[tokio::test]
async fn what_has_ended_is_erased_after_its_time_and_not_before() {
    let world = World::new().await;
    // A minute of slack comes on top, and a row is erased when its time is over, not on the point.
    let cases =
        [(1, 0), (2, 60), (3, 61), (4, DAY + 60), (5, DAY + 61), (6, 2 * DAY + 60), (7, 2 * DAY + 61)];
    for (seed, age) in cases {
        world.commit(things(seed, NOW.plus_seconds(-age))).await.unwrap();
    }
    world.put(Write::Prune(NOW)).await;
    let expected = [
        [true, true, true, true, true],
        [true, true, true, true, true],
        [false, false, true, true, true],
        [false, false, true, true, true],
        [false, false, false, true, false],
        [false, false, false, true, false],
        [false, false, false, false, false],
    ];
    for ((seed, age), expected) in cases.into_iter().zip(expected) {
        assert_eq!(world.kept(seed).await, expected, "{age} seconds after the end");
    }
}

#[tokio::test]
async fn a_mail_that_was_given_up_is_kept_for_a_week_and_one_that_waits_for_ever() {
    let world = World::new().await;
    for (age, given_up) in [(7 * DAY + 60, true), (7 * DAY + 61, true), (30 * DAY, false)] {
        let now = NOW.plus_seconds(-age);
        let id = MailId::generate(&mut Env { now, rng: &mut Zeros });
        let mail = Mail {
            id,
            environment: LIVE,
            to: "new@example.org".parse().unwrap(),
            kind: MailKind::SignupOfExisting,
            values: serde_json::Map::new(),
            attempts: 0,
            next_at: now,
        };
        world.put(Write::Enqueue(Box::new(mail))).await;
        if given_up {
            world.put(Write::MailFailed { id, attempts: 8, next_at: None }).await;
        }
    }
    world.put(Write::Prune(NOW)).await;
    assert_eq!(world.number(&MAILS).await, Some(2), "the one of a week, and the one that waits");
    assert_eq!(world.store.due_mails(NOW, 10).await.unwrap().len(), 1);
    world.put(Write::Prune(NOW.plus_seconds(1))).await;
    assert_eq!(world.number(&MAILS).await, Some(1));
}
