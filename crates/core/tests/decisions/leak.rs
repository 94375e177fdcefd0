//! What is done about a leaked credential: by its kind, by the policy, and never for one that is dead.

use grantor_core::claims::AccessClaims;
use grantor_core::comment::Comment;
use grantor_core::decision::{Concern, Write};
use grantor_core::env::UnixMillis;
use grantor_core::environment::OnLeak;
use grantor_core::grant::{EndReason, Grant, GrantState};
use grantor_core::id::{IncidentId, OperatorId};
use grantor_core::incident::{
    Course, Incident, LeakSource, LeakedKind, Measure, Place, Resolution, Sighting, course,
};
use grantor_core::introspect::Revoked;
use grantor_core::leak::{Leaked, Others, REASON, Response, respond};
use grantor_core::leak_trace::trace;
use grantor_core::tenant::Status;

use crate::facts::{NOW, World, plain};
use crate::people::Attempt;

fn claims(world: &World) -> AccessClaims {
    world.grant(&plain()).unwrap().claims
}

/// The Grant of the tests after its code was redeemed.
fn active() -> Grant {
    Grant { state: GrantState::Active, ..Attempt::code().grant }
}

fn measures(leaked: &Leaked<'_>, policy: OnLeak) -> Vec<Measure> {
    let response = respond(leaked, policy, NOW);
    assert!(response.alive);
    assert_eq!(response.measures.len(), response.writes.len(), "a measure is a write");
    for measure in &response.measures {
        let entry = trace(leaked, *measure).expect("a measure has an entry in the audit");
        assert_eq!(entry.detail["reason"], REASON, "{}", entry.action);
        let concerns = leaked.tenant().map_or(Concern::Nobody, Concern::Tenant);
        assert_eq!(entry.concerns, concerns, "{}", entry.action);
    }
    response.measures
}

fn is_dead(response: &Response) -> bool {
    !response.alive && response.measures.is_empty() && response.writes.is_empty()
}

#[test]
fn a_secret_ends_with_every_token_of_its_app() {
    let world = World::new();
    let leaked = Leaked::Secret(&world.app, &world.app.secrets[0]);
    assert_eq!(measures(&leaked, OnLeak::End), [Measure::SecretEnded, Measure::TokensEnded]);
    let writes = respond(&leaked, OnLeak::End, NOW).writes;
    let [Write::EndSecret { app, version: 1, at }, Write::EndAppTokens(epoch_of)] = &writes[..] else {
        panic!("the version ends, then the tokens")
    };
    assert_eq!((*app, *at, *epoch_of), (world.app.id, NOW, world.app.id));
    assert_eq!(
        measures(&leaked, OnLeak::Suspend),
        [Measure::SecretEnded, Measure::TokensEnded, Measure::AppSuspended]
    );
}

#[test]
fn under_record_nothing_is_stopped_but_an_operators_token() {
    let world = World::with_keys();
    let (key, claims, grant) = (world.key(), claims(&world), active());
    for leaked in [
        Leaked::Secret(&world.app, &world.app.secrets[0]),
        Leaked::Key(&key, &world.tenant),
        Leaked::AppToken(&world.app, &claims, Revoked::No),
        Leaked::UserToken(&world.app, &grant, &claims, Revoked::No),
        Leaked::RefreshToken(&world.app, &grant),
    ] {
        assert_eq!(measures(&leaked, OnLeak::Record), [], "{:?}", leaked.kind());
    }
    let operator = Leaked::Operator(OperatorId::from_bytes([9; 16]), Others::Some);
    for policy in OnLeak::ALL {
        assert_eq!(measures(&operator, policy), [Measure::OperatorEnded], "{policy:?}");
    }
}

#[test]
fn the_only_operator_is_kept_and_the_incident_says_so() {
    let only = Leaked::Operator(OperatorId::from_bytes([9; 16]), Others::None);
    for policy in OnLeak::ALL {
        let response = respond(&only, policy, NOW);
        assert!(response.alive && response.writes.is_empty(), "{policy:?}");
        assert_eq!(response.measures, [Measure::OperatorKept], "{policy:?}");
    }
    assert!(Measure::OperatorKept.sentence().contains("STILL WORKS"));
}

#[test]
fn a_key_is_revoked_with_a_reason_and_suspends_its_tenant_where_the_policy_says_so() {
    let mut world = World::with_keys();
    let key = world.key();
    let writes = respond(&Leaked::Key(&key, &world.tenant), OnLeak::End, NOW).writes;
    let [Write::SetApiKeyStatus(change, Some(reason))] = &writes[..] else { panic!("one revocation") };
    assert_eq!((change.from, change.to, reason.is_empty()), (Status::Active, Status::Closed, false));
    let all = [Measure::KeyRevoked, Measure::TenantSuspended];
    assert_eq!(measures(&Leaked::Key(&key, &world.tenant), OnLeak::Suspend), all);
    world.tenant.status = Status::Suspended;
    assert_eq!(measures(&Leaked::Key(&key, &world.tenant), OnLeak::Suspend), [Measure::KeyRevoked]);
}

#[test]
fn an_apps_token_ends_with_its_siblings_and_a_users_with_its_grant_alone() {
    let world = World::new();
    let (claims, grant) = (claims(&world), active());
    let of_app = Leaked::AppToken(&world.app, &claims, Revoked::No);
    assert_eq!(measures(&of_app, OnLeak::End), [Measure::TokenRevoked, Measure::TokensEnded]);
    let of_user = Leaked::UserToken(&world.app, &grant, &claims, Revoked::No);
    for policy in [OnLeak::End, OnLeak::Suspend] {
        let done = measures(&of_user, policy);
        assert_eq!(
            done,
            [Measure::TokenRevoked, Measure::GrantEnded],
            "any user could report a token of theirs"
        );
    }
    let writes = respond(&of_user, OnLeak::End, NOW).writes;
    let ended = |write: &Write| matches!(write, Write::EndGrant { reason: EndReason::Leaked, .. });
    assert!(writes.iter().any(ended));
}

#[test]
fn refresh_tokens_and_codes_end_their_grant_and_suspend_nobody() {
    let world = World::new();
    let (grant, waiting) = (active(), Attempt::code().grant);
    for policy in [OnLeak::End, OnLeak::Suspend] {
        let refresh = Leaked::RefreshToken(&world.app, &grant);
        assert_eq!(measures(&refresh, policy), [Measure::GrantEnded]);
        assert_eq!(measures(&Leaked::Code(&world.app, &waiting), policy), [Measure::GrantEnded]);
    }
}

#[test]
fn what_is_dead_already_causes_nothing() {
    let world = World::with_keys();
    let good = claims(&world);
    let dead = |leaked: Leaked<'_>| is_dead(&respond(&leaked, OnLeak::Suspend, NOW));

    let mut app = world.app.clone();
    app.secrets[0].ended_at = Some(NOW);
    assert!(dead(Leaked::Secret(&app, &app.secrets[0])), "ended");
    app.secrets[0].ended_at = None;
    app.secrets[0].expires_at = Some(NOW);
    assert!(dead(Leaked::Secret(&app, &app.secrets[0])), "expired");
    app.secrets[0].expires_at = None;
    app.status = Status::Closed;
    assert!(dead(Leaked::Secret(&app, &app.secrets[0])), "of a closed app");

    for (status, expires_at) in [(Status::Closed, NOW.plus_seconds(9)), (Status::Active, NOW)] {
        let key = grantor_core::api_key::ApiKey { status, expires_at, ..world.key() };
        assert!(dead(Leaked::Key(&key, &world.tenant)));
    }

    let expired = AccessClaims { exp: NOW.seconds(), ..good.clone() };
    assert!(dead(Leaked::AppToken(&world.app, &expired, Revoked::No)));
    assert!(dead(Leaked::AppToken(&world.app, &good, Revoked::Yes)));
    let mut raised = world.app.clone();
    raised.epoch = good.rev.app + 1;
    assert!(dead(Leaked::AppToken(&raised, &good, Revoked::No)), "of an epoch of before");

    let over = Grant { state: GrantState::Ended, epoch: 1, ..active() };
    assert!(dead(Leaked::UserToken(&world.app, &over, &good, Revoked::No)));
    assert!(dead(Leaked::RefreshToken(&world.app, &over)));
    assert!(dead(Leaked::RefreshToken(&world.app, &Grant { ends_at: NOW, ..active() })));
    assert!(dead(Leaked::Code(&world.app, &active())), "redeemed");
    let mut late = Attempt::code().grant;
    late.code.as_mut().unwrap().expires_at = NOW;
    assert!(dead(Leaked::Code(&world.app, &late)));
}

#[test]
fn what_is_suspended_could_work_again_and_is_ended_too() {
    let mut world = World::with_keys();
    world.app.status = Status::Suspended;
    let secret = Leaked::Secret(&world.app, &world.app.secrets[0]);
    assert_eq!(measures(&secret, OnLeak::Suspend), [Measure::SecretEnded, Measure::TokensEnded]);
    let key = grantor_core::api_key::ApiKey { status: Status::Suspended, ..world.key() };
    assert_eq!(measures(&Leaked::Key(&key, &world.tenant), OnLeak::End), [Measure::KeyRevoked]);
    let mut later = world.app.clone();
    later.secrets[0].not_before = NOW.plus_seconds(9);
    assert!(!measures(&Leaked::Secret(&later, &later.secrets[0]), OnLeak::End).is_empty(), "begins later");
}

#[test]
fn an_incident_is_about_a_thing_and_tokens_of_an_app_are_one() {
    let world = World::with_keys();
    let (claims, grant, key) = (claims(&world), active(), world.key());
    let app = world.app.id;
    for (leaked, subject) in [
        (Leaked::Secret(&world.app, &world.app.secrets[0]), format!("secret:{app}/1")),
        (Leaked::Key(&key, &world.tenant), format!("key:{}", key.id)),
        (Leaked::AppToken(&world.app, &claims, Revoked::No), format!("access_token:{app}")),
        (Leaked::UserToken(&world.app, &grant, &claims, Revoked::No), format!("access_token:{app}")),
        (Leaked::RefreshToken(&world.app, &grant), format!("refresh_token:{app}")),
        (Leaked::Code(&world.app, &grant), format!("code:{app}")),
    ] {
        assert_eq!(leaked.subject(), subject);
        assert_eq!(leaked.tenant(), Some(world.tenant.id), "{subject}");
    }
}

fn seen(seconds_ago: i64, resolved: bool) -> Incident {
    let at = NOW.plus_seconds(-seconds_ago);
    let resolution = Resolution { by: "operator:a".to_owned(), at, comment: None };
    Incident {
        id: IncidentId::from_bytes([1; 16]),
        subject: String::new(),
        kind: LeakedKind::ApiKey,
        environment: None,
        tenant: None,
        app: None,
        last_four: String::new(),
        sighting: Sighting { source: LeakSource::Public, place: None, reporter: String::new() },
        measures: Vec::new(),
        sightings: 1,
        first_seen_at: UnixMillis(0),
        last_seen_at: at,
        resolution: resolved.then_some(resolution),
    }
}

#[test]
fn people_are_told_once_and_again_only_after_somebody_has_closed_it() {
    let measure = [Measure::TokenRevoked];
    for (known, alive, measures, expected) in [
        (None, true, &measure[..], Course::Open),
        (None, true, &[][..], Course::Open),
        (None, false, &[], Course::Nothing),
        (Some(seen(10, false)), true, &[], Course::Nothing),
        (Some(seen(60, false)), true, &[], Course::Count),
        (Some(seen(10, false)), true, &measure, Course::Count),
        (Some(seen(10, false)), true, &[Measure::OperatorKept], Course::Nothing),
        (Some(seen(60, false)), true, &[Measure::OperatorKept], Course::Count),
        (Some(seen(60, false)), false, &[], Course::Count),
        (Some(seen(10, false)), false, &[], Course::Nothing),
        (Some(seen(10, true)), true, &[], Course::Open),
        (Some(seen(60, true)), false, &[], Course::Count),
    ] {
        assert_eq!(course(known.as_ref(), alive, measures, NOW), expected, "{alive} {measures:?}");
    }
}

#[test]
fn a_place_is_text_of_bounded_length_without_control_characters() {
    let read = |text: &str| Place::read(text).map(|place| place.as_str().to_owned());
    assert_eq!(read(" https://a.example/x\r\ny\0 ").as_deref(), Some("https://a.example/xy"));
    assert_eq!(read(&"\u{e4}".repeat(2_000)).unwrap().chars().count(), 500);
    assert_eq!(read("\n\t "), None);
    assert!("x".parse::<Comment>().is_ok());
}

#[test]
fn every_word_is_read_back_as_it_is_stored() {
    for kind in LeakedKind::ALL {
        assert_eq!(LeakedKind::from_stored(kind.as_str()), Some(kind));
    }
    for source in LeakSource::ALL {
        assert_eq!(LeakSource::from_stored(source.as_str()), Some(source));
    }
    for policy in OnLeak::ALL {
        assert_eq!(OnLeak::from_stored(policy.as_str()), Some(policy));
        assert_eq!(serde_json::to_value(policy).unwrap(), policy.as_str());
    }
    assert_eq!(OnLeak::from_stored("none"), None);
    assert_eq!(OnLeak::default(), OnLeak::End);
}
