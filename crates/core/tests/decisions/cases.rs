//! Cases are opened once, answered once, and "done" about a key revokes it.

use grantor_core::api_key::ApiKey;
use grantor_core::case::{Case, CaseState, CaseSubject, CaseWrite};
use grantor_core::case_handling::{NewAnswer, NewCase, Outcome, answer, open};
use grantor_core::decision::{Decision, Write};
use grantor_core::env::Env;
use grantor_core::error::Denial;
use grantor_core::id::{ApiKeyId, TenantId};
use grantor_core::tenant::Status;

use crate::facts::{NOW, Seeded, World};

fn opened(world: &World, key: Option<&ApiKey>, text: &str) -> Result<Case, Denial> {
    let mut rng = Seeded(1);
    let new = NewCase {
        tenant: world.tenant.id,
        environment: world.environment.id,
        key,
        text: text.to_owned(),
        by: "user:ann",
    };
    open(new, &mut Env { now: NOW, rng: &mut rng })
}

fn answered(case: &Case, outcome: Outcome, text: &str, key: Option<&ApiKey>) -> Decision<Case> {
    answer(case, NewAnswer { outcome, text: text.to_owned(), by: "operator:bob", key }, NOW.plus_seconds(60))
}

fn revoked(decision: &Decision<Case>) -> Vec<ApiKeyId> {
    let revoked = |write: &Write| match write {
        Write::SetApiKeyStatus(change, Some(_)) if change.to == Status::Closed => Some(change.id),
        _ => None,
    };
    decision.writes.iter().filter_map(revoked).collect()
}

#[test]
fn s002_12_a_case_says_who_asks_for_what() {
    let world = World::with_keys();
    let key = world.key();
    let case = opened(&world, Some(&key), "  Our contractor has left.\nPlease hurry. ").unwrap();
    assert_eq!((case.subject, case.state), (CaseSubject::InvalidateKey(key.id), CaseState::Open));
    assert_eq!(case.text, "Our contractor has left.\nPlease hurry.");
    assert_eq!((case.opened_by.as_str(), case.opened_at), ("user:ann", NOW));
    assert_eq!(opened(&world, None, "Something else.").unwrap().subject, CaseSubject::Other);
    for bad in ["", "  ", "a\u{7}b", &"x".repeat(2_001)] {
        assert!(opened(&world, None, bad).is_err(), "{bad:?}");
    }
}

#[test]
fn s002_12_nobody_asks_about_a_strangers_key_or_one_that_is_gone() {
    let world = World::with_keys();
    let foreign = ApiKey { tenant: TenantId::from_bytes([9; 16]), ..world.key() };
    let elsewhere =
        ApiKey { environment: grantor_core::id::EnvironmentId::from_bytes([9; 16]), ..world.key() };
    let gone = ApiKey { status: Status::Closed, ..world.key() };
    for key in [foreign, elsewhere, gone] {
        assert!(opened(&world, Some(&key), "End it.").is_err());
    }
}

#[test]
fn s002_12_done_revokes_the_key_in_the_same_unit_and_declined_does_not() {
    let world = World::with_keys();
    let key = world.key();
    let case = opened(&world, Some(&key), "End it.").unwrap();
    let done = answered(&case, Outcome::Done, "It is ended.", Some(&key));
    assert_eq!(revoked(&done), [key.id]);
    let closed = done.outcome.unwrap();
    assert_eq!((closed.state, closed.closed_by.as_deref()), (CaseState::Done, Some("operator:bob")));
    assert!(done.writes.contains_close_of(&closed));
    let declined = answered(&case, Outcome::Declined, "You still need it.", Some(&key));
    assert!(revoked(&declined).is_empty() && declined.outcome.unwrap().state == CaseState::Declined);
}

trait Writes {
    fn contains_close_of(&self, case: &Case) -> bool;
}

impl Writes for Vec<Write> {
    fn contains_close_of(&self, case: &Case) -> bool {
        self.iter().any(|write| matches!(write, Write::Case(CaseWrite::Close(closed)) if **closed == *case))
    }
}

#[test]
fn a_key_that_was_revoked_meanwhile_or_is_another_one_is_left_alone() {
    let world = World::with_keys();
    let key = world.key();
    let case = opened(&world, Some(&key), "End it.").unwrap();
    let gone = ApiKey { status: Status::Closed, ..key.clone() };
    let other = ApiKey { id: ApiKeyId::from_bytes([99; 16]), ..key.clone() };
    for key in [&gone, &other] {
        assert!(revoked(&answered(&case, Outcome::Done, "Done.", Some(key))).is_empty());
    }
    let about_nothing = opened(&world, None, "Hello.").unwrap();
    assert!(revoked(&answered(&about_nothing, Outcome::Done, "Done.", Some(&key))).is_empty());
}

#[test]
fn a_case_is_answered_once_and_in_words() {
    let world = World::with_keys();
    let key = world.key();
    let case = opened(&world, Some(&key), "End it.").unwrap();
    assert!(answered(&case, Outcome::Done, " ", Some(&key)).outcome.is_err());
    let closed = answered(&case, Outcome::Declined, "No.", Some(&key)).outcome.unwrap();
    let again = answered(&closed, Outcome::Done, "Yes.", Some(&key));
    assert!(again.outcome.is_err() && again.writes.is_empty() && again.events.is_empty());
}
