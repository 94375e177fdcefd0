//! Is this credential good, here, now? Every reason against a token and against a key.

use std::sync::Arc;

use grantor_core::access::AccessStatus;
use grantor_core::api_key::ApiKey;
use grantor_core::claims::AccessClaims;
use grantor_core::env::UnixMillis;
use grantor_core::epoch::Epochs;
use grantor_core::error::Reason;
use grantor_core::id::{EnvironmentId, TenantId};
use grantor_core::introspect::{Revoked, Subjects, judge_key, judge_token};
use grantor_core::tenant::Status;

use crate::facts::{NOW, REPORTS, World, environment, plain};

/// A change of the facts after the credential was made, and the reason that it gives.
type Case = (&'static str, fn(&mut World), Reason);

fn judge(world: &World, claims: &AccessClaims) -> Result<(), Reason> {
    judge_token(claims, &world.subjects(0), &world.app, None, Revoked::No, NOW)
}

fn claims() -> AccessClaims {
    World::new().grant(&plain()).unwrap().claims
}

#[test]
fn a_fresh_token_is_good() {
    assert_eq!(judge(&World::new(), &claims()), Ok(()));
}

#[test]
fn n04_a_token_ends_at_the_exact_second_of_its_exp_without_skew() {
    let world = World::new();
    let draft = world.grant(&plain()).unwrap();
    let end = draft.claims.exp * 1_000;
    assert_eq!(world.judge(&draft, UnixMillis(end - 1)), Ok(()));
    assert_eq!(world.judge(&draft, UnixMillis(end)), Err(Reason::CredentialExpired));
    assert_eq!(world.judge(&draft, UnixMillis(end + 1)), Err(Reason::CredentialExpired));
}

#[test]
fn n03_a_clock_that_steps_to_and_fro_revives_nothing_that_has_an_end() {
    let world = World::new();
    for step in [-86_400, -3_600, 3_600, 86_400] {
        let made = NOW.plus_seconds(step);
        let draft = world.grant_at(&plain(), made, 1).unwrap();
        assert_eq!(world.judge(&draft, made.plus_seconds(3_600)), Err(Reason::CredentialExpired), "{step}");
        assert_eq!(world.judge(&draft, made.plus_seconds(3_599)), Ok(()), "{step}");
    }
}

#[test]
fn f05_f13_a_token_for_one_api_is_nothing_at_another() {
    let world = World::with_both_apis();
    let claims = claims();
    let verdict = judge_token(&claims, &world.subjects(1), &world.app, None, Revoked::No, NOW);
    assert_eq!(verdict, Err(Reason::WrongAudience));
    for near in [
        "https://payments.example/",
        "https://payments.example.evil",
        "HTTPS://payments.example",
        REPORTS,
        "",
    ] {
        let claims = AccessClaims { aud: near.to_owned(), ..claims.clone() };
        assert_eq!(judge(&world, &claims), Err(Reason::WrongAudience), "{near}");
    }
}

#[test]
fn f06_the_verdict_is_the_callers_own_not_the_tokens() {
    // One and the same claims, as a cache of verified claims would hand them out, asked for by four callers.
    let world = World::with_both_apis();
    let claims = claims();
    assert_eq!(judge_token(&claims, &world.subjects(0), &world.app, None, Revoked::No, NOW), Ok(()));
    assert_eq!(
        judge_token(&claims, &world.subjects(1), &world.app, None, Revoked::No, NOW),
        Err(Reason::WrongAudience)
    );
    let sandbox = environment(9, "sandbox");
    let elsewhere = Subjects { environment: &sandbox, ..world.subjects(0) };
    assert_eq!(
        judge_token(&claims, &elsewhere, &world.app, None, Revoked::No, NOW),
        Err(Reason::WrongEnvironment)
    );
    let mut other = world.clone();
    other.tenant.id = TenantId::from_bytes([99; 16]);
    assert_eq!(judge(&other, &claims), Err(Reason::UnknownCredential));
}

#[test]
fn f13_issuer_environment_name_and_environment_of_the_api_must_all_agree() {
    let world = World::new();
    let claims = claims();
    let wrong = Err(Reason::WrongEnvironment);
    assert_eq!(
        judge(&world, &AccessClaims { iss: "https://sandbox.bank.example".into(), ..claims.clone() }),
        wrong
    );
    assert_eq!(
        judge(&world, &AccessClaims { iss: "https://production.bank.example/".into(), ..claims.clone() }),
        wrong
    );
    assert_eq!(judge(&world, &AccessClaims { env: "sandbox".into(), ..claims.clone() }), wrong);
    let mut foreign = world.clone();
    foreign.payments().environment = EnvironmentId::from_bytes([9; 16]);
    assert_eq!(judge(&foreign, &claims), wrong);
}

#[test]
fn f13_a_token_that_names_another_tenant_or_app_is_unknown() {
    let world = World::new();
    let claims = claims();
    let unknown = Err(Reason::UnknownCredential);
    assert_eq!(
        judge(&world, &AccessClaims { tid: TenantId::from_bytes([99; 16]).to_string(), ..claims.clone() }),
        unknown
    );
    assert_eq!(judge(&world, &AccessClaims { tid: String::new(), ..claims.clone() }), unknown);
    assert_eq!(judge(&world, &AccessClaims { client_id: "Acme".into(), ..claims.clone() }), unknown);
    type Change = fn(&mut World);
    let moved: [Change; 2] = [
        |w| w.app.environment = EnvironmentId::from_bytes([9; 16]),
        |w| w.app.tenant = TenantId::from_bytes([99; 16]),
    ];
    for change in moved {
        let mut world = world.clone();
        change(&mut world);
        assert_eq!(judge(&world, &claims), unknown);
    }
}

#[test]
fn f15_a_revoked_token_is_inactive_at_once() {
    let world = World::new();
    let verdict = judge_token(&claims(), &world.subjects(0), &world.app, None, Revoked::Yes, NOW);
    assert_eq!(verdict, Err(Reason::CredentialRevoked));
}

#[test]
fn f10_a_suspended_or_closed_subject_kills_its_tokens() {
    let cases: [Case; 7] = [
        ("app suspended", |w| w.app.status = Status::Suspended, Reason::AppSuspended),
        ("app closed", |w| w.app.status = Status::Closed, Reason::AppSuspended),
        ("tenant suspended", |w| w.tenant.status = Status::Suspended, Reason::TenantSuspended),
        ("tenant closed", |w| w.tenant.status = Status::Closed, Reason::TenantSuspended),
        ("access suspended", |w| w.accesses[0].status = AccessStatus::Suspended, Reason::AccessNotActive),
        ("access closed", |w| w.accesses[0].status = AccessStatus::Closed, Reason::AccessNotActive),
        ("access gone", |w| drop(w.accesses.remove(0)), Reason::AccessMissing),
    ];
    for (name, change, reason) in cases {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(judge(&world, &claims()), Err(reason), "{name}");
    }
}

#[test]
fn f10_a_raised_epoch_of_any_subject_kills_its_tokens_for_good() {
    let cases: [Case; 3] = [
        ("tenant", |w| w.tenant.epoch += 1, Reason::EpochTooOld),
        ("access", |w| w.accesses[0].epoch += 1, Reason::EpochTooOld),
        ("app", |w| w.app.epoch += 1, Reason::EpochTooOld),
    ];
    for (name, change, reason) in cases {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(judge(&world, &claims()), Err(reason), "{name}: active again, and yet dead");
        let fresh = world.grant(&plain()).unwrap();
        assert_eq!(world.judge(&fresh, NOW), Ok(()), "{name}: a new one lives");
    }
}

#[test]
fn f10_the_epoch_of_the_access_to_another_api_does_not_count() {
    let mut world = World::with_both_apis();
    world.accesses[1].epoch = 9;
    assert_eq!(judge(&world, &claims()), Ok(()));
}

#[test]
fn f10_a_node_that_lags_behind_accepts_a_token_from_one_that_does_not() {
    let ahead = AccessClaims { rev: Epochs { ten: 4, acc: 4, app: 4, usr: 0, gnt: 0 }, ..claims() };
    assert_eq!(judge(&World::new(), &ahead), Ok(()));
}

#[test]
fn suspending_one_api_leaves_the_tokens_of_the_other() {
    let mut world = World::with_both_apis();
    world.accesses[1].status = AccessStatus::Suspended;
    assert_eq!(judge(&world, &claims()), Ok(()));
}

#[test]
fn of_two_reasons_the_first_in_order_is_given() {
    // Each change keeps those before it; the verdict must go backwards through the list.
    let mut world = World::new();
    let mut claims = claims();
    world.tenant.epoch = 1;
    assert_eq!(judge(&world, &claims), Err(Reason::EpochTooOld));
    world.accesses[0].status = AccessStatus::Suspended;
    assert_eq!(judge(&world, &claims), Err(Reason::AccessNotActive));
    world.tenant.status = Status::Suspended;
    assert_eq!(judge(&world, &claims), Err(Reason::TenantSuspended));
    world.app.status = Status::Suspended;
    assert_eq!(judge(&world, &claims), Err(Reason::AppSuspended));
    claims.tid = String::new();
    assert_eq!(judge(&world, &claims), Err(Reason::UnknownCredential));
    let with = |claims: &AccessClaims, now| {
        judge_token(claims, &world.subjects(0), &world.app, None, Revoked::Yes, now)
    };
    assert_eq!(with(&claims, NOW), Err(Reason::CredentialRevoked));
    assert_eq!(with(&claims, NOW.plus_seconds(3_600)), Err(Reason::CredentialExpired));
    claims.aud = REPORTS.to_owned();
    assert_eq!(with(&claims, NOW.plus_seconds(3_600)), Err(Reason::WrongAudience));
    claims.env = "sandbox".to_owned();
    assert_eq!(with(&claims, NOW.plus_seconds(3_600)), Err(Reason::WrongEnvironment));
}

#[test]
fn k10_a_good_key_is_good_at_each_of_its_apis() {
    let world = World::with_keys();
    let key = ApiKey { apis: world.apis.iter().map(|api| api.id).collect(), ..world.key() };
    assert_eq!((world.judge_key(&key, 0), world.judge_key(&key, 1)), (Ok(()), Ok(())));
}

#[test]
fn k10_a_key_ends_at_its_exact_millisecond() {
    let world = World::with_keys();
    let at = |millis| {
        judge_key(
            &ApiKey { expires_at: UnixMillis(NOW.0 + millis), ..world.key() },
            &world.subjects(0),
            None,
            NOW,
        )
    };
    assert_eq!(
        (at(1), at(0), at(-1)),
        (Ok(()), Err(Reason::CredentialExpired), Err(Reason::CredentialExpired))
    );
}

#[test]
fn k10_a_suspended_or_revoked_key_is_refused() {
    let world = World::with_keys();
    for status in [Status::Suspended, Status::Closed] {
        let key = ApiKey { status, ..world.key() };
        assert_eq!(world.judge_key(&key, 0), Err(Reason::CredentialRevoked), "{status:?}");
    }
}

#[test]
fn k10_a_key_of_another_environment_tenant_or_api_is_refused() {
    let mut world = World::with_keys();
    let key = world.key();
    let elsewhere = ApiKey { environment: EnvironmentId::from_bytes([9; 16]), ..key.clone() };
    assert_eq!(world.judge_key(&elsewhere, 0), Err(Reason::WrongEnvironment));
    let foreign = ApiKey { tenant: TenantId::from_bytes([99; 16]), ..key.clone() };
    assert_eq!(world.judge_key(&foreign, 0), Err(Reason::UnknownCredential));
    assert_eq!(world.judge_key(&key, 1), Err(Reason::WrongAudience), "tenant and access are good there");
    Arc::make_mut(&mut world.apis[0]).environment = EnvironmentId::from_bytes([9; 16]);
    assert_eq!(world.judge_key(&key, 0), Err(Reason::WrongEnvironment));
}

#[test]
fn k10_f10_a_key_dies_with_its_tenant_and_with_the_access() {
    let cases: [Case; 4] = [
        ("tenant suspended", |w| w.tenant.status = Status::Suspended, Reason::TenantSuspended),
        ("tenant closed", |w| w.tenant.status = Status::Closed, Reason::TenantSuspended),
        ("access suspended", |w| w.accesses[0].status = AccessStatus::Suspended, Reason::AccessNotActive),
        ("access gone", |w| drop(w.accesses.remove(0)), Reason::AccessMissing),
    ];
    for (name, change, reason) in cases {
        let mut world = World::with_keys();
        change(&mut world);
        assert_eq!(world.judge_key(&world.key(), 0), Err(reason), "{name}");
    }
}

#[test]
fn k10_of_two_reasons_against_a_key_the_first_in_order_is_given() {
    let mut world = World::with_keys();
    world.tenant.status = Status::Suspended;
    let mut key = ApiKey { apis: Vec::new(), ..world.key() };
    assert_eq!(world.judge_key(&key, 0), Err(Reason::WrongAudience));
    key.status = Status::Closed;
    assert_eq!(world.judge_key(&key, 0), Err(Reason::CredentialRevoked));
    key.expires_at = NOW;
    assert_eq!(world.judge_key(&key, 0), Err(Reason::CredentialExpired));
    key.tenant = TenantId::from_bytes([99; 16]);
    assert_eq!(world.judge_key(&key, 0), Err(Reason::UnknownCredential));
    key.environment = EnvironmentId::from_bytes([9; 16]);
    assert_eq!(world.judge_key(&key, 0), Err(Reason::WrongEnvironment));
}

#[test]
fn a_key_dies_when_its_api_takes_no_keys_any_more() {
    let world = World::new();
    assert_eq!(world.judge_key(&world.key(), 0), Err(Reason::WrongAudience));
}

#[test]
fn a_token_dies_when_its_api_is_taken_from_the_app() {
    let mut world = World::new();
    let claims = claims();
    assert_eq!(judge(&world, &claims), Ok(()));
    world.app.apis.clear();
    assert_eq!(judge(&world, &claims), Err(Reason::WrongAudience));
}
