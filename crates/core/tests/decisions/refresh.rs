//! RFC 6749 6 and RFC 9700 4.14.2: which refresh token gives what, and which one ends its Grant.

use grantor_core::access::AccessStatus;
use grantor_core::client_metadata::Tenancy;
use grantor_core::document::Document;
use grantor_core::env::UnixMillis;
use grantor_core::error::{OAuthError, Reason};
use grantor_core::grant::{EndReason, GrantState};
use grantor_core::id::{AppId, EnvironmentId, GrantId};
use grantor_core::profile::{ClientAuthMethod, GrantType, Rotation};
use grantor_core::tenant::Status;
use grantor_core::token::refresh::UNKNOWN;

use crate::facts::{NOW, REPORTS, id_only, refusal, refused, scopes};
use crate::people::{
    Attempt, Effect, Refusal, acceptance, document, effects, ends, refuses, session, spelled, user,
};

const INVALID_GRANT: OAuthError = OAuthError::InvalidGrant;

/// In the order of the checks. The present token is the fifth, a day old.
const REFUSALS: [Refusal; 28] = [
    refuses(
        "of another environment",
        |a| a.grant.environment = EnvironmentId::from_bytes([9; 16]),
        INVALID_GRANT,
        Reason::RefreshUnknown,
    ),
    refuses(
        "the tag of another Grant",
        |a| {
            let mut other = a.grant.clone();
            other.id = GrantId::from_number(78);
            a.token = spelled(&other, 5);
            a.token.grant = a.grant.id;
        },
        INVALID_GRANT,
        Reason::RefreshUnknown,
    ),
    refuses(
        "the token of another Grant",
        |a| a.token.grant = GrantId::from_number(78),
        INVALID_GRANT,
        Reason::RefreshUnknown,
    ),
    refuses(
        "the tag of another generation, older",
        |a| a.token.generation -= 1,
        INVALID_GRANT,
        Reason::RefreshUnknown,
    ),
    refuses(
        "the tag of another generation, ahead",
        |a| a.token.generation += 1,
        INVALID_GRANT,
        Reason::RefreshUnknown,
    ),
    refuses(
        "made without the nonce of the row",
        |a| a.grant.nonce = [9; 16],
        INVALID_GRANT,
        Reason::RefreshUnknown,
    ),
    refuses(
        "c05 of another app",
        |a| a.grant.app = AppId::from_bytes([99; 16]),
        INVALID_GRANT,
        Reason::RefreshOfOtherApp,
    ),
    refuses("ended", |a| a.grant.state = GrantState::Ended, INVALID_GRANT, Reason::GrantEnded),
    refuses("not yet redeemed", |a| a.grant.state = GrantState::Code, INVALID_GRANT, Reason::GrantEnded),
    refuses("c09 at its end", |a| a.grant.ends_at = a.now, INVALID_GRANT, Reason::GrantEnded),
    ends(
        "ahead of the row",
        |a| a.token = spelled(&a.grant, 6),
        Reason::RefreshAhead,
        EndReason::RefreshAhead,
    ),
    ends(
        "c02 the one before, after the grace",
        |a| a.token = spelled(&a.grant, 4),
        Reason::RefreshReused,
        EndReason::RefreshReused,
    ),
    ends(
        "c02 the first of all",
        |a| a.token = spelled(&a.grant, 1),
        Reason::RefreshReused,
        EndReason::RefreshReused,
    ),
    refuses(
        "the profile refreshes no codes",
        |a| a.world.payments_profile().refresh.grants = vec![GrantType::Password],
        OAuthError::UnauthorizedClient,
        Reason::RefreshNotAllowed,
    ),
    refuses(
        "the app refreshes nothing",
        |a| a.world.app.grants.retain(|grant| *grant != GrantType::RefreshToken),
        OAuthError::UnauthorizedClient,
        Reason::RefreshNotAllowed,
    ),
    refuses(
        "the API does not take the method",
        |a| a.world.payments_profile().client_auth = vec![ClientAuthMethod::ClientSecretPost],
        OAuthError::InvalidClient,
        Reason::AuthMethodNotAllowed,
    ),
    refuses(
        "the API has the code grant off",
        |a| a.world.payments_profile().grants = vec![GrantType::Password],
        OAuthError::UnsupportedGrantType,
        Reason::GrantNotInProfile,
    ),
    refuses(
        "the app has the code grant off",
        |a| a.world.app.grants = vec![GrantType::RefreshToken],
        OAuthError::UnauthorizedClient,
        Reason::GrantNotForApp,
    ),
    refuses(
        "c08 the user suspended",
        |a| a.user.status = Status::Suspended,
        INVALID_GRANT,
        Reason::UserSuspended,
    ),
    refuses("c08 the user closed", |a| a.user.status = Status::Closed, INVALID_GRANT, Reason::UserSuspended),
    refuses("another user", |a| a.user = user(99), INVALID_GRANT, Reason::UserSuspended),
    refuses(
        "for a tenant that the user has left since",
        |a| a.world.app.metadata.tenancy = Tenancy::Members,
        INVALID_GRANT,
        Reason::NoTenant,
    ),
    refuses(
        "c08 terms published anew, without grace",
        |a| a.open_at(NOW, 0),
        INVALID_GRANT,
        Reason::DocumentsOpen,
    ),
    refuses(
        "c06 another resource",
        |a| a.request.resources = vec![REPORTS.to_owned()],
        OAuthError::InvalidTarget,
        Reason::ResourceNotAllowed,
    ),
    refuses(
        "the tenant suspended",
        |a| a.world.tenant.status = Status::Suspended,
        OAuthError::InvalidClient,
        Reason::TenantSuspended,
    ),
    refuses("no access", |a| a.world.accesses.clear(), OAuthError::AccessDenied, Reason::AccessMissing),
    refuses(
        "the access suspended",
        |a| a.world.accesses[0].status = AccessStatus::Suspended,
        OAuthError::AccessDenied,
        Reason::AccessNotActive,
    ),
    refuses(
        "c06 a wider scope",
        |a| a.request.scopes = Some(scopes("read not-in-app")),
        OAuthError::InvalidScope,
        Reason::ScopeNotAllowed,
    ),
];

/// The row of authentication, which comes before all others.
const BY_AUTHENTICATION: &str = "the tenant suspended";

#[test]
fn the_present_token_gives_the_next_one() {
    let attempt = Attempt::refresh();
    let decision = attempt.exchange();
    let seen = decision.outcome.as_ref().unwrap();
    assert_eq!((seen.draft.claims.scope.as_str(), seen.refresh), ("read write", Some(6)));
    assert_eq!(effects(&decision, attempt.grant.id, attempt.now), [Effect::Advance { from: 5 }]);
    assert!(seen.id_token.is_none() && decision.events.is_empty(), "issuing is counted, not audited");
}

#[test]
fn c02_c05_c06_c08_c09_every_refusal_has_its_reason_and_its_writes() {
    for row in &REFUSALS {
        let mut attempt = Attempt::refresh();
        (row.change)(&mut attempt);
        row.check(&attempt, &attempt.exchange());
    }
}

#[test]
fn of_two_reasons_against_a_refresh_token_the_first_one_answers_and_writes() {
    let doors: Vec<_> = REFUSALS.iter().filter(|row| row.name != BY_AUTHENTICATION).collect();
    for (at, first) in doors.iter().enumerate() {
        // Rows with the same reason are one door: some of them cannot be shut together.
        for later in doors[at + 1..].iter().filter(|later| later.reason != first.reason) {
            let mut attempt = Attempt::refresh();
            (later.change)(&mut attempt);
            (first.change)(&mut attempt);
            first.check(&attempt, &attempt.exchange());
        }
    }
}

#[test]
fn c04_a_confidential_app_refreshes_by_its_secret_alone() {
    let attempt = Attempt { presented: id_only(), ..Attempt::refresh() };
    let missing = refusal(OAuthError::InvalidClient, Reason::MissingClientAuth);
    assert_eq!(refused(attempt.exchange().outcome), missing);
}

#[test]
fn c11_within_the_grace_the_one_before_gives_the_same_successor_and_changes_nothing() {
    for (millis, good) in [(0, true), (1, true), (9_999, true), (10_000, false), (10_001, false)] {
        let mut attempt = Attempt::refresh().presenting(4);
        attempt.grant.rotated_at = UnixMillis(attempt.now.0 - millis);
        let decision = attempt.exchange();
        let changes = effects(&decision, attempt.grant.id, attempt.now);
        if good {
            assert_eq!((decision.outcome.unwrap().refresh, changes), (Some(5), vec![]), "{millis}");
        } else {
            assert_eq!(changes, [Effect::End(EndReason::RefreshReused)], "{millis}");
        }
    }
}

#[test]
fn c11_the_grace_is_for_the_one_before_alone() {
    for generation in [3, 2, 1, 0, -1, i64::MIN] {
        let mut attempt = Attempt::refresh().presenting(generation);
        attempt.grant.rotated_at = attempt.now;
        let decision = attempt.exchange();
        let changes = effects(&decision, attempt.grant.id, attempt.now);
        assert_eq!(changes, [Effect::End(EndReason::RefreshReused)], "{generation}");
    }
    for generation in [6, 7, i64::MAX] {
        let mut attempt = Attempt::refresh().presenting(generation);
        attempt.grant.rotated_at = attempt.now;
        let decision = attempt.exchange();
        let changes = effects(&decision, attempt.grant.id, attempt.now);
        assert_eq!(changes, [Effect::End(EndReason::RefreshAhead)], "{generation}");
    }
}

#[test]
fn c11_the_first_token_came_with_the_code_and_has_none_before_it() {
    let mut attempt = Attempt::refresh().presenting(0);
    attempt.grant.generation = 1;
    attempt.grant.rotated_at = attempt.now;
    let decision = attempt.exchange();
    let changes = effects(&decision, attempt.grant.id, attempt.now);
    assert_eq!(changes, [Effect::End(EndReason::RefreshReused)]);
}

#[test]
fn c11_there_is_no_grace_under_fapi() {
    let mut attempt = Attempt::refresh().presenting(4);
    attempt.grant.rotated_at = attempt.now;
    attempt.world.payments_profile().fapi2 = true;
    let decision = attempt.exchange();
    let changes = effects(&decision, attempt.grant.id, attempt.now);
    assert_eq!(changes, [Effect::End(EndReason::RefreshReused)]);
}

#[test]
fn without_rotation_the_token_stays_and_nothing_is_written() {
    let mut attempt = Attempt::refresh();
    attempt.world.payments_profile().refresh.rotation = Rotation::Never;
    let decision = attempt.exchange();
    assert!(decision.writes.is_empty());
    assert_eq!(decision.outcome.unwrap().refresh, Some(5));
    let mut attempt = attempt.presenting(4);
    attempt.grant.rotated_at = attempt.now;
    let decision = attempt.exchange();
    let changes = effects(&decision, attempt.grant.id, attempt.now);
    assert_eq!(
        changes,
        [Effect::End(EndReason::RefreshReused)],
        "from when it still rotated: no lost answer"
    );
}

#[test]
fn rfc9700_2_2_2_an_app_that_proves_nothing_rotates_whatever_the_profile_says() {
    let mut attempt = Attempt { presented: id_only(), ..Attempt::refresh() };
    attempt.world.app.auth_method = Some(ClientAuthMethod::None);
    let profile = attempt.world.payments_profile();
    profile.client_auth.push(ClientAuthMethod::None);
    profile.refresh.rotation = Rotation::Never;
    assert_eq!(attempt.exchange().outcome.unwrap().refresh, Some(6));
}

#[test]
fn a_reuse_ends_the_grant_whatever_else_is_shut() {
    for row in REFUSALS.iter().skip_while(|row| row.ends.is_none()).filter(|row| row.ends.is_none()) {
        if row.name == BY_AUTHENTICATION {
            continue;
        }
        let mut attempt = Attempt::refresh();
        (row.change)(&mut attempt);
        attempt.token = spelled(&attempt.grant, 2);
        let decision = attempt.exchange();
        let changes = effects(&decision, attempt.grant.id, attempt.now);
        assert_eq!(changes, [Effect::End(EndReason::RefreshReused)], "{}", row.name);
    }
}

#[test]
fn the_audit_of_an_end_says_which_token_came_and_which_was_expected() {
    let attempt = Attempt::refresh().presenting(2);
    let decision = attempt.exchange();
    let detail = &decision.events[0].detail;
    assert_eq!((&detail["presented"], &detail["current"]), (&2.into(), &5.into()));
    assert_eq!(detail.keys().collect::<Vec<_>>(), ["current", "presented", "reason"]);
}

#[test]
fn c09_no_rotation_moves_the_end_and_the_last_millisecond_still_counts() {
    let mut attempt = Attempt::refresh();
    for (millis, good) in [(1, true), (0, false), (-1, false)] {
        attempt.grant.ends_at = UnixMillis(attempt.now.0 + millis);
        let decision = attempt.exchange();
        assert_eq!(decision.outcome.is_ok(), good, "{millis}");
        if let Ok(seen) = decision.outcome {
            assert!(seen.draft.claims.exp <= attempt.grant.ends_at.seconds(), "no token outlives its Grant");
        }
    }
}

#[test]
fn c08_an_openid_grant_ends_with_its_browser_session() {
    let with = |scope: &str, change: fn(&mut Attempt)| {
        let mut attempt = Attempt::refresh();
        attempt.grant.scopes = scopes(scope);
        change(&mut attempt);
        let decision = attempt.exchange();
        assert_eq!(
            decision.outcome.is_ok(),
            !decision.writes.is_empty(),
            "a session is no reason to end a Grant"
        );
        refused(decision.outcome)
    };
    let ended = refusal(INVALID_GRANT, Reason::SessionEnded);
    let alive: fn(&mut Attempt) = |a| a.session.as_mut().unwrap().ends_at = UnixMillis(a.now.0 + 1);
    let gone: [fn(&mut Attempt); 3] = [
        |a| a.session = None,
        |a| a.session.as_mut().unwrap().ends_at = a.now,
        |a| {
            alive_until_tomorrow(a);
            a.session.as_mut().unwrap().ended_at = Some(NOW);
        },
    ];
    assert_eq!(with("openid read", alive), None);
    for gone in gone {
        assert_eq!(with("openid read", gone), ended);
        assert_eq!(with("openid offline_access read", gone), None, "OpenID Connect Core 11");
        assert_eq!(with("offline_access read", gone), None);
        assert_eq!(with("read", gone), None, "without openid there is no session to speak of");
    }
    let idle: fn(&mut Attempt) = |a| {
        alive_until_tomorrow(a);
        a.session.as_mut().unwrap().seen_at = UnixMillis(0);
    };
    assert_eq!(with("openid read", idle), None, "idle is not ended");
}

fn alive_until_tomorrow(attempt: &mut Attempt) {
    let ends_at = attempt.now.plus_seconds(86_400);
    attempt.session = Some(grantor_core::session::Session { ends_at, ..session(&attempt.user) });
}

#[test]
fn an_openid_grant_by_password_has_no_session_to_end_with() {
    let mut attempt = Attempt::refresh();
    attempt.grant.scopes = scopes("openid read");
    attempt.grant.origin = GrantType::Password;
    attempt.grant.login.session = None;
    attempt.session = None;
    assert!(attempt.exchange().outcome.is_ok());
}

#[test]
fn c08_a_new_version_of_the_terms_may_wait_as_long_as_its_grace() {
    for (millis, good) in [(3_599_999, true), (3_600_000, false)] {
        let mut attempt = Attempt::refresh();
        attempt.open_at(UnixMillis(attempt.now.0 - millis), 3_600);
        let decision = attempt.exchange();
        assert_eq!(decision.outcome.is_ok(), good, "{millis}");
        if let Err(denial) = decision.outcome {
            assert_eq!(
                (denial.reason, denial.told),
                (Reason::DocumentsOpen, true),
                "the app may say what to do"
            );
            assert!(decision.writes.is_empty(), "accepting mends it");
        }
    }
}

#[test]
fn c08_what_was_never_accepted_has_no_grace() {
    let mut attempt = Attempt::refresh();
    attempt.documents = vec![document(20, "terms", &[(1, NOW, 1_000_000)])];
    assert_eq!(refused(attempt.exchange().outcome), refusal(INVALID_GRANT, Reason::DocumentsOpen));
    let accepted: Vec<_> =
        attempt.documents.iter().map(|terms: &Document| acceptance(&attempt.user, None, terms, 1)).collect();
    attempt.acceptances = accepted;
    let elsewhere = refused(attempt.exchange().outcome);
    assert_eq!(
        elsewhere,
        refusal(INVALID_GRANT, Reason::DocumentsOpen),
        "accepted for no tenant, not for this one"
    );
}

#[test]
fn a_refreshed_id_token_is_of_the_same_log_in_and_repeats_no_nonce() {
    let mut attempt = Attempt::refresh();
    attempt.grant.scopes = scopes("openid offline_access read");
    let seen = attempt.exchange().outcome.unwrap();
    let id_token = seen.id_token.unwrap().claims;
    assert_eq!((id_token.auth_time, id_token.iat), (NOW.seconds(), NOW.seconds() + 86_400), "12.2");
    assert_eq!((id_token.nonce, id_token.sub, id_token.aud.as_str()), (None, attempt.sub.clone(), "acme"));
    assert_eq!(seen.draft.claims.auth_time, Some(NOW.seconds()), "RFC 9068 2.2.1: unchanged on refresh");
    attempt.request.scopes = Some(scopes("read"));
    assert!(attempt.exchange().outcome.unwrap().id_token.is_none(), "narrowed away");
}

#[test]
fn suspending_and_resuming_the_app_leaves_the_grant_and_kills_its_access_tokens() {
    let mut attempt = Attempt::refresh();
    attempt.world.app.epoch += 1;
    let seen = attempt.exchange().outcome.unwrap();
    assert_eq!(seen.draft.claims.rev.app, 1, "the new token has the new epoch");
}

#[test]
fn outside_a_forged_a_foreign_and_a_reused_token_look_alike() {
    let texts = ["c05 of another app", "c02 the first of all", "ended", "made without the nonce of the row"];
    for row in REFUSALS.iter().filter(|row| texts.contains(&row.name)) {
        let mut attempt = Attempt::refresh();
        (row.change)(&mut attempt);
        let denial = attempt.exchange().outcome.unwrap_err();
        assert_eq!(
            (denial.error, denial.description(), denial.told),
            (INVALID_GRANT, UNKNOWN.description(), false)
        );
    }
}
