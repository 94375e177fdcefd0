//! How an access is opened, step by step.

use grantor_core::access::{Access, AccessStatus, QuotaClass};
use grantor_core::api::Api;
use grantor_core::contract::{Contract, FileHash};
use grantor_core::env::{Env, UnixMillis};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::gate_rule::{Gate, GateRule};
use grantor_core::onboarding::{
    AccessTerms, Application, Remark, Step, Taken, advance_access, apply, approve, record_contract,
};
use grantor_core::profile::Approval;
use grantor_core::scope::ScopeSet;
use grantor_core::tenant::Status;

use crate::facts::{NOW, Seeded, World, scopes};

fn by(name: &str) -> Remark {
    Remark { by: name.to_owned(), comment: String::new(), evidence: None }
}

fn env<T>(run: impl FnOnce(&mut Env<'_>) -> T) -> T {
    run(&mut Env { now: NOW, rng: &mut Seeded(1) })
}

/// An application of the tenant for the first API, with these scopes.
fn applied(
    world: &World,
    current: Option<&Access>,
    asked: Option<&ScopeSet>,
    rehearsals: &[&Api],
) -> Result<Taken, Denial> {
    let application = Application {
        tenant: &world.tenant,
        api: &world.apis[0],
        scopes: asked,
        rehearsals,
        accesses: &world.accesses,
    };
    env(|env| apply(&application, current, by("user:1"), env))
}

fn approved(world: &World, access: &Access, terms: AccessTerms) -> Result<Taken, Denial> {
    let application = Application {
        tenant: &world.tenant,
        api: &world.apis[0],
        scopes: None,
        rehearsals: &[],
        accesses: &world.accesses,
    };
    env(|env| approve(&application, access, terms, by("operator:o"), env))
}

fn at(world: &World, status: AccessStatus) -> Access {
    Access { status, ..world.accesses[0].clone() }
}

#[test]
fn every_step_leads_where_it_should_and_nowhere_else() {
    use AccessStatus::{Applied, Approved, Closed, Refused, Suspended};
    let none = None;
    let table = [
        (Step::Apply, [Some(Applied), none, Some(Applied), none, none, none]),
        (Step::Approve, [none, Some(Approved), none, none, none, none]),
        (Step::Refuse, [none, Some(Refused), none, none, none, none]),
        (Step::RecordContract, [none, Some(Applied), none, Some(Approved), Some(Suspended), none]),
        (Step::Suspend, [none, none, none, Some(Suspended), none, none]),
        (Step::Resume, [none, none, none, none, Some(Approved), none]),
        (Step::Close, [none, Some(Closed), Some(Closed), Some(Closed), Some(Closed), none]),
    ];
    let from = [None, Some(Applied), Some(Refused), Some(Approved), Some(Suspended), Some(Closed)];
    for (step, leads) in table {
        assert_eq!(from.map(|from| step.leads(from)), leads, "{step:?}");
    }
}

#[test]
fn an_application_is_a_new_access_that_opens_nothing() {
    let world = World::new();
    let taken = applied(&world, None, None, &[]).unwrap();
    assert_eq!((taken.from, taken.access.status), (None, AccessStatus::Applied));
    assert_eq!(taken.access.scopes, world.apis[0].scope_set());
    assert_eq!(taken.steps.len(), 1);
    assert_eq!((taken.steps[0].step, taken.steps[0].by.as_str()), (Step::Apply, "user:1"));
    assert_eq!(taken.steps[0].at, NOW);
}

#[test]
fn an_application_is_approved_at_once_only_where_the_profile_says_so() {
    let mut world = World::new();
    world.payments_profile().approval = Approval::Automatic;
    let taken = applied(&world, None, None, &[]).unwrap();
    assert_eq!(taken.access.status, AccessStatus::Approved);
    let steps: Vec<_> = taken.steps.iter().map(|step| (step.step, step.by.as_str())).collect();
    assert_eq!(steps, [(Step::Apply, "user:1"), (Step::Approve, "system")]);
}

#[test]
fn one_applies_again_after_a_refusal_and_at_no_other_time() {
    let world = World::new();
    for status in AccessStatus::ALL {
        let access = at(&world, status);
        let outcome = applied(&world, Some(&access), None, &[]);
        assert_eq!(outcome.is_ok(), status == AccessStatus::Refused, "{status:?}");
    }
}

#[test]
fn scopes_that_the_api_does_not_have_are_refused() {
    let world = World::new();
    let denial = applied(&world, None, Some(&scopes("read fly")), &[]).unwrap_err();
    assert_eq!(denial.error, OAuthError::InvalidScope);
    let access = at(&world, AccessStatus::Applied);
    let terms = AccessTerms { scopes: scopes("fly"), ..AccessTerms::from(&access) };
    assert_eq!(approved(&world, &access, terms).unwrap_err().error, OAuthError::InvalidScope);
}

#[test]
fn a_suspended_tenant_applies_for_nothing() {
    let mut world = World::new();
    world.tenant.status = Status::Suspended;
    assert_eq!(applied(&world, None, None, &[]).unwrap_err().reason, Reason::TenantSuspended);
}

#[test]
fn a_live_access_waits_for_an_active_one_in_a_test_environment_where_the_profile_demands_it() {
    let mut world = World::new();
    let rehearsal = world.apis[1].clone();
    assert!(applied(&world, None, None, &[&rehearsal]).is_ok(), "it is not demanded");
    world.payments_profile().gates = vec![GateRule::from(Gate::SandboxActive)];
    assert!(applied(&world, None, None, &[]).is_ok(), "an application in a test environment");
    assert!(applied(&world, None, None, &[&rehearsal]).is_ok(), "the test access is open");
    world.accesses[1].status = AccessStatus::Suspended;
    let denial = applied(&world, None, None, &[&rehearsal]).unwrap_err();
    assert_eq!(denial.gate, Some(Gate::SandboxActive));
}

#[test]
fn an_approval_settles_the_terms() {
    let world = World::new();
    let access = at(&world, AccessStatus::Applied);
    let terms = AccessTerms { scopes: scopes("read"), quota: QuotaClass::High, ..AccessTerms::from(&access) };
    let taken = approved(&world, &access, terms).unwrap();
    assert_eq!(taken.access.status, AccessStatus::Approved);
    assert_eq!((taken.access.scopes, taken.access.quota), (scopes("read"), QuotaClass::High));
}

#[test]
fn a_refusal_needs_a_reason() {
    let world = World::new();
    let access = at(&world, AccessStatus::Applied);
    let refuse = |comment: &str| {
        let remark = Remark { comment: comment.to_owned(), ..by("operator:o") };
        env(|env| advance_access(Step::Refuse, &access, remark, env))
    };
    assert!(refuse("  ").is_err());
    assert!(refuse(&"x".repeat(1_001)).is_err());
    assert!(refuse("a\u{7}").is_err());
    let taken = refuse("No licence").unwrap();
    assert_eq!(taken.access.status, AccessStatus::Refused);
    assert_eq!(taken.steps[0].comment, "No licence");
}

#[test]
fn a_contract_is_evidence_with_the_hash_of_its_file() {
    let world = World::new();
    let hash: FileHash = "AB".repeat(32).parse().unwrap();
    assert_eq!(hash.as_str(), "ab".repeat(32));
    assert!("ab".repeat(31).parse::<FileHash>().is_err());
    assert!(format!("{}zz", "ab".repeat(31)).parse::<FileHash>().is_err());
    let later = NOW.plus_seconds(1);
    assert!(Contract::record(hash.clone(), later, String::new(), NOW).is_err(), "signed in the future");
    assert!(Contract::record(hash.clone(), NOW, "a\nb".to_owned(), NOW).is_err());
    let contract = Contract::record(hash.clone(), UnixMillis(5), "2026-17".to_owned(), NOW).unwrap();
    let access = at(&world, AccessStatus::Approved);
    let taken = env(|env| record_contract(&access, contract.clone(), by("operator:o"), env)).unwrap();
    assert_eq!(taken.access.contract, Some(contract.clone()));
    assert_eq!(taken.steps[0].evidence, Some(hash));
    let closed = at(&world, AccessStatus::Closed);
    assert!(env(|env| record_contract(&closed, contract, by("operator:o"), env)).is_err());
}
