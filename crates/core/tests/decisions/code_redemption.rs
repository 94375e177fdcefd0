//! RFC 6749 4.1.3, rule by rule: which code is redeemed, which refusal burns it, and what the answer says.

use grantor_core::access::AccessStatus;
use grantor_core::client_metadata::Tenancy;
use grantor_core::env::UnixMillis;
use grantor_core::epoch::Epochs;
use grantor_core::error::{OAuthError, Reason};
use grantor_core::grant::{EndReason, GrantState};
use grantor_core::id::{AppId, EnvironmentId, TenantId};
use grantor_core::lifetime::Lifetime;
use grantor_core::profile::{ClientAuthMethod, GrantType};
use grantor_core::tenant::Status;
use grantor_core::token::authorization_code::UNKNOWN;
use grantor_jose::Algorithm;
use serde_json::json;

use crate::facts::{NOW, PAYMENTS, REPORTS, id_only, refusal, refused, scopes};
use crate::people::{
    Attempt, CALLBACK, CHALLENGE, Effect, OTHER_VERIFIER, Refusal, effects, ends, refuses, user,
};

const INVALID_GRANT: OAuthError = OAuthError::InvalidGrant;

/// In the order of the checks.
const REFUSALS: [Refusal; 26] = [
    refuses(
        "b03_of_another_app",
        |a| a.grant.app = AppId::from_bytes([99; 16]),
        INVALID_GRANT,
        Reason::CodeOfOtherApp,
    ),
    refuses(
        "of another environment",
        |a| a.grant.environment = EnvironmentId::from_bytes([9; 16]),
        INVALID_GRANT,
        Reason::CodeOfOtherApp,
    ),
    ends(
        "b01 redeemed before",
        |a| a.grant.state = GrantState::Active,
        Reason::CodeReplayed,
        EndReason::CodeReplayed,
    ),
    refuses("ended before", |a| a.grant.state = GrantState::Ended, INVALID_GRANT, Reason::GrantEnded),
    refuses("a Grant that never had a code", |a| a.grant.code = None, INVALID_GRANT, Reason::GrantEnded),
    refuses("b04 after a minute", |a| a.now = NOW.plus_seconds(60), INVALID_GRANT, Reason::CodeExpired),
    ends(
        "a12 another redirect URI",
        |a| a.request.redirect_uri = Some("https://rp.test/cb/".to_owned()),
        Reason::RedirectUriChanged,
        EndReason::CodeMisused,
    ),
    ends(
        "a12 the redirect URI left out",
        |a| a.request.redirect_uri = None,
        Reason::RedirectUriChanged,
        EndReason::CodeMisused,
    ),
    ends(
        "b06 no verifier",
        |a| a.request.code_verifier = None,
        Reason::VerifierMismatch,
        EndReason::CodeMisused,
    ),
    ends(
        "b07 a verifier where there was no challenge",
        |a| a.binding().challenge = None,
        Reason::VerifierMismatch,
        EndReason::CodeMisused,
    ),
    ends(
        "b09 another verifier",
        |a| a.request.code_verifier = Some(OTHER_VERIFIER.to_owned()),
        Reason::VerifierMismatch,
        EndReason::CodeMisused,
    ),
    ends(
        "b08 the challenge itself",
        |a| a.request.code_verifier = Some(CHALLENGE.to_owned()),
        Reason::VerifierMismatch,
        EndReason::CodeMisused,
    ),
    refuses(
        "the API does not take the method",
        |a| a.world.payments_profile().client_auth = vec![ClientAuthMethod::ClientSecretPost],
        OAuthError::InvalidClient,
        Reason::AuthMethodNotAllowed,
    ),
    refuses(
        "the API has the grant off",
        |a| a.world.payments_profile().grants = vec![GrantType::ClientCredentials],
        OAuthError::UnsupportedGrantType,
        Reason::GrantNotInProfile,
    ),
    refuses(
        "the app has the grant off",
        |a| a.world.app.grants = vec![GrantType::ClientCredentials],
        OAuthError::UnauthorizedClient,
        Reason::GrantNotForApp,
    ),
    refuses(
        "another resource",
        |a| a.request.resources = vec![PAYMENTS.to_owned(), REPORTS.to_owned()],
        OAuthError::InvalidTarget,
        Reason::ResourceNotAllowed,
    ),
    refuses(
        "the user suspended",
        |a| a.user.status = Status::Suspended,
        INVALID_GRANT,
        Reason::UserSuspended,
    ),
    refuses("the user closed", |a| a.user.status = Status::Closed, INVALID_GRANT, Reason::UserSuspended),
    refuses("another user", |a| a.user = user(99), INVALID_GRANT, Reason::UserSuspended),
    refuses(
        "for a tenant that the user has left since",
        |a| a.world.app.metadata.tenancy = Tenancy::Members,
        INVALID_GRANT,
        Reason::NoTenant,
    ),
    refuses(
        "an OpenID code whose user has signed out since",
        |a| {
            a.grant.scopes = scopes("openid read");
            a.session.as_mut().unwrap().ended_at = Some(NOW);
        },
        INVALID_GRANT,
        Reason::SessionEnded,
    ),
    refuses("no access", |a| a.world.accesses.clear(), OAuthError::AccessDenied, Reason::AccessMissing),
    refuses(
        "the access of another tenant",
        |a| a.world.accesses[0].tenant = TenantId::from_bytes([99; 16]),
        OAuthError::AccessDenied,
        Reason::AccessMissing,
    ),
    refuses(
        "the access of another API",
        |a| drop(a.world.accesses.remove(0)),
        OAuthError::AccessDenied,
        Reason::AccessMissing,
    ),
    refuses(
        "the access suspended",
        |a| a.world.accesses[0].status = AccessStatus::Suspended,
        OAuthError::AccessDenied,
        Reason::AccessNotActive,
    ),
    refuses(
        "the access closed",
        |a| a.world.accesses[0].status = AccessStatus::Closed,
        OAuthError::AccessDenied,
        Reason::AccessNotActive,
    ),
];

#[test]
fn a_code_is_redeemed_by_its_app_with_what_it_was_bound_to() {
    let attempt = Attempt::code();
    let decision = attempt.redeem();
    let seen = decision.outcome.as_ref().unwrap();
    assert_eq!((seen.draft.claims.scope.as_str(), seen.refresh), ("read write", Some(1)));
    assert_eq!(effects(&decision, attempt.grant.id, attempt.now), [Effect::Redeem { generation: 1 }]);
    let [event] = &decision.events[..] else { panic!("exactly one event") };
    assert_eq!((event.action, event.target.as_str()), ("grant.redeem", "gnt_000000000000004d"));
    assert_eq!(event.detail.keys().collect::<Vec<_>>(), ["client_id", "user"], "and nothing secret");
}

#[test]
fn a12_b01_b03_b06_b07_b08_b09_every_refusal_has_its_reason_and_its_writes() {
    for row in &REFUSALS {
        let mut attempt = Attempt::code();
        (row.change)(&mut attempt);
        row.check(&attempt, &attempt.redeem());
    }
}

#[test]
fn of_two_reasons_against_a_code_the_first_one_answers_and_writes() {
    for (at, first) in REFUSALS.iter().enumerate() {
        // Rows with the same reason are one door: some of them cannot be shut together.
        for later in REFUSALS[at + 1..].iter().filter(|later| later.reason != first.reason) {
            let mut attempt = Attempt::code();
            (later.change)(&mut attempt);
            (first.change)(&mut attempt);
            first.check(&attempt, &attempt.redeem());
        }
    }
}

#[test]
fn b04_a_code_ends_at_its_exact_millisecond() {
    for (millis, good) in [(59_999, true), (60_000, false), (60_001, false)] {
        let attempt = Attempt { now: UnixMillis(NOW.0 + millis), ..Attempt::code() };
        assert_eq!(attempt.redeem().outcome.is_ok(), good, "{millis}");
    }
}

#[test]
fn b01_a_replay_ends_the_grant_also_after_the_minute_and_without_verifier() {
    let wrongs: [fn(&mut Attempt); 4] = [
        |a| a.now = NOW.plus_seconds(3_600),
        |a| a.request.code_verifier = None,
        |a| a.request.redirect_uri = None,
        |a| a.user.status = Status::Suspended,
    ];
    for wrong in wrongs {
        let mut attempt = Attempt::code();
        attempt.grant.state = GrantState::Active;
        wrong(&mut attempt);
        let decision = attempt.redeem();
        let expected = [Effect::End(EndReason::CodeReplayed)];
        assert_eq!(effects(&decision, attempt.grant.id, attempt.now), expected);
    }
}

#[test]
fn a_code_that_nobody_has_is_refused_like_any_other() {
    assert_eq!((UNKNOWN.error, UNKNOWN.reason), (INVALID_GRANT, Reason::CodeUnknown));
    let mut foreign = Attempt::code();
    foreign.grant.app = AppId::from_bytes([99; 16]);
    let denial = foreign.redeem().outcome.unwrap_err();
    assert_eq!(denial.description(), UNKNOWN.description(), "outside, nobody learns whose it is");
}

#[test]
fn a12_a_redirect_uri_that_was_not_sent_may_be_left_out_or_be_the_registered_one() {
    let sent = |redirect_uri: Option<&str>| {
        let mut attempt = Attempt::code();
        attempt.binding().redirect_uri_sent = false;
        attempt.request.redirect_uri = redirect_uri.map(str::to_owned);
        refused(attempt.redeem().outcome)
    };
    assert_eq!((sent(None), sent(Some(CALLBACK))), (None, None));
    let changed = refusal(INVALID_GRANT, Reason::RedirectUriChanged);
    assert_eq!(sent(Some("https://rp.test/other")), changed);
}

#[test]
fn a12_the_port_of_a_loopback_address_is_that_of_the_authorization_request() {
    let mut attempt = Attempt::code();
    attempt.world.app.metadata.redirect_uris = vec!["http://127.0.0.1/cb".parse().unwrap()];
    attempt.binding().redirect_uri = "http://127.0.0.1:5000/cb".to_owned();
    attempt.request.redirect_uri = Some("http://127.0.0.1:5001/cb".to_owned());
    let changed = refusal(INVALID_GRANT, Reason::RedirectUriChanged);
    assert_eq!(refused(attempt.redeem().outcome), changed);
    attempt.request.redirect_uri = Some("http://127.0.0.1:5000/cb".to_owned());
    assert!(attempt.redeem().outcome.is_ok());
}

#[test]
fn b07_without_challenge_and_without_verifier_a_confidential_app_gets_its_tokens() {
    let mut attempt = Attempt::code();
    attempt.binding().challenge = None;
    attempt.request.code_verifier = None;
    assert!(attempt.redeem().outcome.is_ok());
}

#[test]
fn b09_a_verifier_that_is_no_verifier_burns_the_code_though_its_hash_fits() {
    let mut attempt = Attempt::code();
    // S256 of 42 letters `a`: one too few (RFC 7636 4.1).
    attempt.binding().challenge = Some("elOGB_2quSlplZKfRRVlu7gULhhEEXMiqv0rPXawGv8".to_owned());
    attempt.request.code_verifier = Some("a".repeat(42));
    let decision = attempt.redeem();
    let expected = [Effect::End(EndReason::CodeMisused)];
    assert_eq!(effects(&decision, attempt.grant.id, attempt.now), expected);
}

#[test]
fn a_public_app_redeems_by_its_id_and_its_verifier() {
    let mut attempt = Attempt { presented: id_only(), ..Attempt::code() };
    attempt.world.app.auth_method = Some(ClientAuthMethod::None);
    let not_accepted = refusal(OAuthError::InvalidClient, Reason::AuthMethodNotAllowed);
    assert_eq!(refused(attempt.redeem().outcome), not_accepted);
    attempt.world.payments_profile().client_auth.push(ClientAuthMethod::None);
    assert!(attempt.redeem().outcome.is_ok());
    attempt.request.code_verifier = None;
    assert_eq!(refused(attempt.redeem().outcome), refusal(INVALID_GRANT, Reason::VerifierMismatch));
}

#[test]
fn the_tenant_that_the_user_signed_in_for_must_be_open_not_only_the_apps_own() {
    for status in [Status::Suspended, Status::Closed] {
        let mut attempt = Attempt::code();
        attempt.tenant.status = status;
        let decision = attempt.redeem();
        assert_eq!(decision.outcome.unwrap_err().reason, Reason::TenantSuspended, "{status:?}");
        assert!(decision.writes.is_empty());
    }
}

#[test]
fn the_resource_may_be_repeated_and_may_be_left_out() {
    for resources in [vec![], vec![PAYMENTS], vec![PAYMENTS, PAYMENTS]] {
        let mut attempt = Attempt::code();
        attempt.request.resources = resources.into_iter().map(str::to_owned).collect();
        assert_eq!(attempt.redeem().outcome.unwrap().draft.claims.aud, PAYMENTS);
    }
}

#[test]
fn there_is_a_refresh_token_only_where_profile_app_and_time_allow_one() {
    type Case = (&'static str, fn(&mut Attempt));
    let cases: [Case; 4] = [
        ("profile", |a| a.world.payments_profile().refresh.grants.clear()),
        ("other origin", |a| a.world.payments_profile().refresh.grants = vec![GrantType::Password]),
        ("app", |a| a.world.app.grants.retain(|grant| *grant != GrantType::RefreshToken)),
        ("end", |a| a.grant.ends_at = a.now),
    ];
    for (name, change) in cases {
        let mut attempt = Attempt::code();
        change(&mut attempt);
        let decision = attempt.redeem();
        assert_eq!(decision.outcome.as_ref().unwrap().refresh, None, "{name}");
        let expected = [Effect::Redeem { generation: 0 }];
        assert_eq!(effects(&decision, attempt.grant.id, attempt.now), expected, "{name}");
    }
}

#[test]
fn the_token_names_user_grant_and_log_in_and_carries_every_epoch() {
    let mut attempt = Attempt::code();
    (attempt.tenant.epoch, attempt.world.accesses[0].epoch, attempt.world.app.epoch) = (3, 5, 7);
    (attempt.user.epoch, attempt.grant.epoch) = (11, 13);
    attempt.sub = "usr_of-this-sector".to_owned();
    let draft = attempt.redeem().outcome.unwrap().draft;
    let claims = &draft.claims;
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("usr_of-this-sector", "acme"));
    assert_eq!((claims.gid, claims.is_client()), (Some(attempt.grant.id), false));
    assert_eq!(claims.auth_time, Some(NOW.seconds()), "RFC 9068 2.2.1");
    assert_eq!(claims.acr.as_deref(), Some("urn:grantor:acr:password"));
    assert_eq!(claims.rev, Epochs { ten: 3, acc: 5, app: 7, usr: 11, gnt: 13 });
    assert_eq!((draft.expires_in, claims.exp - claims.iat), (3_600, 3_600));
    assert_eq!(draft.scope.as_deref(), Some("read write"), "the browser carried the question: always told");
}

#[test]
fn the_access_overrides_the_life_of_user_tokens_and_the_grant_limits_it() {
    let mut attempt = Attempt::code();
    attempt.world.accesses[0].client_token_lifetime = Lifetime::from_seconds(7);
    assert_eq!(attempt.redeem().outcome.unwrap().draft.expires_in, 3_600);
    attempt.world.accesses[0].user_token_lifetime = Lifetime::from_seconds(172_800);
    assert_eq!(attempt.redeem().outcome.unwrap().draft.expires_in, 172_800);
    attempt.grant.ends_at = attempt.now.plus_seconds(90);
    assert_eq!(attempt.redeem().outcome.unwrap().draft.expires_in, 90, "no token outlives its Grant");
}

#[test]
fn f12_a_scope_that_was_withdrawn_since_is_not_in_the_token() {
    let withdrawn: [fn(&mut Attempt); 3] = [
        |a| a.world.app.scopes = scopes("read"),
        |a| a.world.accesses[0].scopes = scopes("read"),
        |a| a.world.payments().scopes.retain(|scope| scope.name.as_str() == "read"),
    ];
    for withdraw in withdrawn {
        let mut attempt = Attempt::code();
        withdraw(&mut attempt);
        assert_eq!(attempt.redeem().outcome.unwrap().draft.claims.scope, "read");
    }
}

#[test]
fn only_openid_gives_an_id_token() {
    assert!(Attempt::code().redeem().outcome.unwrap().id_token.is_none());
    let mut attempt = Attempt::code();
    attempt.grant.scopes = scopes("profile email read");
    assert!(attempt.redeem().outcome.unwrap().id_token.is_none());
}

#[test]
fn the_first_id_token_is_complete_and_not_yet_bound_to_an_access_token() {
    let mut attempt = Attempt::code();
    attempt.grant.scopes = scopes("openid read");
    let id_token = attempt.redeem().outcome.unwrap().id_token.unwrap();
    assert_eq!(id_token.algorithm, Algorithm::Rs256, "OpenID Connect Core 15.1");
    let expected = json!({
        "iss": "https://production.bank.example",
        "sub": attempt.user.id.to_string(),
        "aud": "acme",
        "exp": 1_700_000_610,
        "iat": 1_700_000_010,
        "auth_time": 1_700_000_000,
        "nonce": "n-0S6_WzA2Mj",
        "acr": "urn:grantor:acr:password",
        "amr": ["pwd"],
        "sid": "sid-of-the-browser",
    });
    assert_eq!(serde_json::to_value(&id_token.claims).unwrap(), expected);
}

#[test]
fn an_id_token_holds_what_was_asked_for_by_name_and_no_nonce_that_was_not_sent() {
    let mut attempt = Attempt::code();
    attempt.grant.scopes = scopes("openid email read");
    attempt.grant.login.nonce = None;
    attempt.grant.login.claims.id_token = vec!["name".to_owned()];
    attempt.world.app.metadata.id_token_signed_response_alg = Algorithm::Es256;
    let id_token = attempt.redeem().outcome.unwrap().id_token.unwrap();
    assert_eq!(id_token.algorithm, Algorithm::Es256);
    let claims = serde_json::to_value(&id_token.claims).unwrap();
    assert_eq!(claims["name"], "Ada");
    assert!(claims.get("nonce").is_none());
    assert!(
        claims.get("email").is_none(),
        "OpenID Connect Core 5.4: the scope speaks of the userinfo endpoint"
    );
}
