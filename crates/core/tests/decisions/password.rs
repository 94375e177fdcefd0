//! RFC 6749 4.3, legacy: off unless a profile says so, and never a way around what a sign-in would ask for.

use grantor_core::access::AccessStatus;
use grantor_core::client_metadata::Tenancy;
use grantor_core::decision::Write;
use grantor_core::env::UnixMillis;
use grantor_core::error::{OAuthError, Reason};
use grantor_core::grant::{ClaimsRequest, GrantState};
use grantor_core::lifetime::Lifetime;
use grantor_core::profile::{ClientAuthMethod, GrantType};
use grantor_core::tenant::Status;

use crate::facts::{NOW, refusal, refused, scopes};
use crate::people::{Attempt, Effect, effects, user};

/// A closed door, and what is said about it.
type Case = (&'static str, fn(&mut Attempt), OAuthError, Reason);

/// In the order of the checks.
const REFUSALS: [Case; 12] = [
    (
        "fapi2, though the profile names the grant",
        |a| a.world.payments_profile().fapi2 = true,
        OAuthError::UnsupportedGrantType,
        Reason::GrantNotInProfile,
    ),
    (
        "an app of all partners: nobody is asked for which tenant",
        |a| a.world.app.metadata.tenancy = Tenancy::Members,
        OAuthError::UnauthorizedClient,
        Reason::NoTenant,
    ),
    (
        "the API does not take the method",
        |a| a.world.payments_profile().client_auth = vec![ClientAuthMethod::ClientSecretPost],
        OAuthError::InvalidClient,
        Reason::AuthMethodNotAllowed,
    ),
    (
        "off in the profile",
        |a| a.world.payments_profile().grants = vec![GrantType::AuthorizationCode],
        OAuthError::UnsupportedGrantType,
        Reason::GrantNotInProfile,
    ),
    (
        "off for the app",
        |a| a.world.app.grants = vec![GrantType::AuthorizationCode],
        OAuthError::UnauthorizedClient,
        Reason::GrantNotForApp,
    ),
    (
        "the user suspended",
        |a| a.user.status = Status::Suspended,
        OAuthError::InvalidGrant,
        Reason::UserSuspended,
    ),
    ("the user closed", |a| a.user.status = Status::Closed, OAuthError::InvalidGrant, Reason::UserSuspended),
    ("the password of somebody else", |a| a.user = user(99), OAuthError::InvalidGrant, Reason::UserSuspended),
    (
        "terms to accept, with or without grace",
        |a| a.open_at(UnixMillis(0), 1_000_000_000_000),
        OAuthError::InvalidGrant,
        Reason::DocumentsOpen,
    ),
    ("no access", |a| a.world.accesses.clear(), OAuthError::AccessDenied, Reason::AccessMissing),
    (
        "the access suspended",
        |a| a.world.accesses[0].status = AccessStatus::Suspended,
        OAuthError::AccessDenied,
        Reason::AccessNotActive,
    ),
    (
        "a scope beyond the app",
        |a| a.request.scopes = Some(scopes("read not-in-app")),
        OAuthError::InvalidScope,
        Reason::ScopeNotAllowed,
    ),
];

#[test]
fn a_right_password_makes_a_grant_that_is_at_once_active() {
    let attempt = Attempt::password();
    let decision = attempt.sign_in();
    let (seen, grant) = decision.outcome.as_ref().unwrap();
    assert_eq!((seen.draft.claims.scope.as_str(), seen.refresh), ("read write", Some(1)));
    assert_eq!(effects(&decision, grant.id, attempt.now), [Effect::Insert]);
    let Some(Write::InsertGrant(stored, None)) = decision.writes.first() else { panic!("no code, no hash") };
    assert!(**stored == *grant);
    assert_eq!((grant.state, grant.generation, grant.epoch), (GrantState::Active, 1, 0));
    assert_eq!(
        (grant.app, grant.tenant, grant.user),
        (attempt.world.app.id, attempt.tenant.id, attempt.user.id)
    );
    assert_eq!((grant.api, grant.origin), (Some(attempt.world.apis[0].id), GrantType::Password));
    assert_eq!(grant.ends_at, NOW.plus_seconds(30 * 86_400), "a month after the log-in");
    assert_eq!((&grant.login.session, &grant.login.sid, &grant.login.nonce), (&None, &None, &None));
    assert_eq!(grant.login.claims, ClaimsRequest::default());
    assert_eq!(seen.draft.claims.gid, Some(grant.id));
    let [event] = &decision.events[..] else { panic!("exactly one event") };
    assert_eq!((event.action, event.detail["origin"].as_str()), ("grant.create", Some("password")));
}

#[test]
fn every_refusal_of_a_password_has_its_reason_and_changes_nothing() {
    for (name, change, error, reason) in REFUSALS {
        let mut attempt = Attempt::password();
        change(&mut attempt);
        let decision = attempt.sign_in();
        assert!(decision.writes.is_empty() && decision.events.is_empty(), "{name}");
        assert_eq!(refused(decision.outcome), refusal(error, reason), "{name}");
    }
}

#[test]
fn of_two_reasons_against_a_password_the_first_one_answers() {
    for (at, (name, change, error, reason)) in REFUSALS.iter().enumerate() {
        for (later, change_later, ..) in &REFUSALS[at + 1..] {
            let mut attempt = Attempt::password();
            change_later(&mut attempt);
            change(&mut attempt);
            let outcome = attempt.sign_in().outcome;
            assert_eq!(refused(outcome), refusal(*error, *reason), "{name} before {later}");
        }
    }
}

#[test]
fn open_documents_are_told_to_the_app_by_name() {
    let mut attempt = Attempt::password();
    attempt.open_at(NOW, 3_600);
    let denial = attempt.sign_in().outcome.err().unwrap();
    assert!(denial.told && denial.hint.is_some());
}

#[test]
fn what_is_asked_is_granted_if_all_of_it_is_allowed() {
    let granted = |scope: &str| {
        let mut attempt = Attempt::password();
        attempt.world.payments().server_scopes = scopes("production/payments");
        attempt.request.scopes = Some(scopes(scope));
        attempt.sign_in().outcome.map(|(seen, grant)| (seen.draft.claims.scope, grant.scopes.to_string()))
    };
    let pair = |token: &str, grant: &str| Ok((token.to_owned(), grant.to_owned()));
    assert_eq!(granted("read"), pair("production/payments read", "read"));
    assert_eq!(
        granted("read production/payments"),
        pair("production/payments read", "production/payments read")
    );
    assert_eq!(granted("openid read"), pair("openid production/payments read", "openid read"));
    for beyond in ["not-in-app", "not-in-access", "not-in-api", "view", "read view"] {
        assert_eq!(
            refused(granted(beyond)),
            refusal(OAuthError::InvalidScope, Reason::ScopeNotAllowed),
            "{beyond}"
        );
    }
}

#[test]
fn an_id_token_is_given_to_who_asks_for_openid() {
    assert!(Attempt::password().sign_in().outcome.unwrap().0.id_token.is_none());
    let mut attempt = Attempt::password();
    attempt.request.scopes = Some(scopes("openid read"));
    let claims = attempt.sign_in().outcome.unwrap().0.id_token.unwrap().claims;
    assert_eq!((claims.nonce, claims.sid, claims.at_hash), (None, None, None));
    assert_eq!((claims.aud.as_str(), claims.auth_time), ("acme", NOW.seconds()));
}

#[test]
fn without_refresh_the_grant_ends_with_its_last_token() {
    let changes: [fn(&mut Attempt); 2] = [
        |a| a.world.payments_profile().refresh.grants = vec![GrantType::AuthorizationCode],
        |a| a.world.app.grants = vec![GrantType::Password],
    ];
    for change in changes {
        let mut attempt = Attempt::password();
        attempt.world.accesses[0].user_token_lifetime = Lifetime::from_seconds(900);
        change(&mut attempt);
        let (seen, grant) = attempt.sign_in().outcome.unwrap();
        assert_eq!((seen.refresh, grant.generation), (None, 0));
        assert_eq!((seen.draft.expires_in, grant.ends_at), (900, NOW.plus_seconds(960)));
    }
}

#[test]
fn the_month_counts_from_the_log_in_and_a_log_in_of_last_month_gives_no_second_month() {
    let mut attempt = Attempt::password();
    attempt.evidence.auth_time = NOW.plus_seconds(-86_400);
    let (_, grant) = attempt.sign_in().outcome.unwrap();
    assert_eq!(grant.ends_at, NOW.plus_seconds(29 * 86_400));
    attempt.evidence.auth_time = NOW.plus_seconds(-30 * 86_400);
    let (seen, grant) = attempt.sign_in().outcome.unwrap();
    assert_eq!(grant.ends_at, NOW.plus_seconds(3_660), "room for one token and no more");
    assert_eq!(seen.draft.expires_in, 3_600);
}
