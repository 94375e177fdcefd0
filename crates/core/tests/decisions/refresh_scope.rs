//! RFC 6749 6 and RFC 8707 2.2: what a refresh may ask for, of what was granted.

use grantor_core::error::{OAuthError, Reason};

use crate::facts::{PAYMENTS, REPORTS, refusal, refused, scopes};
use crate::people::Attempt;

#[test]
fn c06_a_refresh_may_narrow_and_the_next_one_has_everything_again() {
    let mut attempt = Attempt::refresh();
    attempt.request.scopes = Some(scopes("read"));
    let decision = attempt.exchange();
    let seen = decision.outcome.as_ref().unwrap();
    assert_eq!((seen.draft.claims.scope.as_str(), seen.refresh), ("read", Some(6)));
    attempt.request.scopes = None;
    assert_eq!(attempt.exchange().outcome.unwrap().draft.claims.scope, "read write");
}

#[test]
fn f12_a_scope_that_was_withdrawn_since_is_dropped_also_when_it_is_asked_for() {
    let mut attempt = Attempt::refresh();
    attempt.world.accesses[0].scopes = scopes("read");
    assert_eq!(attempt.exchange().outcome.unwrap().draft.claims.scope, "read");
    attempt.request.scopes = Some(scopes("read write"));
    let draft = attempt.exchange().outcome.unwrap().draft;
    assert_eq!(
        (draft.claims.scope.as_str(), draft.scope.as_deref()),
        ("read", Some("read")),
        "and the app is told"
    );
}

#[test]
fn c06_a_scope_that_app_and_access_allow_and_the_user_did_not_grant_is_refused() {
    let mut attempt = Attempt::refresh();
    attempt.grant.scopes = scopes("read");
    attempt.request.scopes = Some(scopes("read write"));
    let decision = attempt.exchange();
    assert!(decision.writes.is_empty());
    assert_eq!(refused(decision.outcome), refusal(OAuthError::InvalidScope, Reason::ScopeNotAllowed));
}

#[test]
fn a_client_may_ask_for_exactly_what_it_was_told_that_it_has() {
    let mut attempt = Attempt::refresh();
    attempt.world.payments().server_scopes = scopes("production/payments");
    let told = attempt.exchange().outcome.unwrap().draft.scope.unwrap();
    assert_eq!(told, "production/payments read write");
    attempt.request.scopes = Some(scopes(&told));
    assert_eq!(attempt.exchange().outcome.unwrap().draft.claims.scope, told);
}

#[test]
fn c06_the_resource_of_the_grant_may_be_named_again() {
    let mut attempt = Attempt::refresh();
    attempt.request.resources = vec![PAYMENTS.to_owned()];
    assert_eq!(attempt.exchange().outcome.unwrap().draft.claims.aud, PAYMENTS);
    attempt.request.resources.push(REPORTS.to_owned());
    assert_eq!(
        refused(attempt.exchange().outcome),
        refusal(OAuthError::InvalidTarget, Reason::ResourceNotAllowed)
    );
}
