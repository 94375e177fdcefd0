//! In which order a user is led, when a step is asked for again, and what `prompt=none` says instead.

use grantor_core::authorize::interaction::{Progress, Step, allowed};
use grantor_core::authorize::request::Prompt;
use grantor_core::client_metadata::Tenancy;
use grantor_core::env::UnixMillis;
use grantor_core::error::{OAuthError, Reason};
use grantor_core::id::{AppId, TenantId, UserId};
use grantor_core::profile::ClientAuthMethod;
use grantor_core::tenant::{Status, Tenant};
use grantor_core::user::Evidence;

use crate::facts::{NOW, refusal, refused, scopes};
use crate::people::{acceptance, document};
use crate::visit::Visit;

/// What comes next, in a word; or the error and its reason.
fn next(visit: &Visit) -> Result<String, (OAuthError, Reason)> {
    let step = |step: Step<'_>| match step {
        Step::Login => "login".to_owned(),
        Step::SignUp => "sign-up".to_owned(),
        Step::ChooseAccount => "account".to_owned(),
        Step::ChooseTenant(tenants) => {
            format!("tenant {}", tenants.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(" "))
        }
        Step::Documents(open) => {
            format!(
                "documents {}",
                open.iter().map(|o| o.version.number.to_string()).collect::<Vec<_>>().join(" ")
            )
        }
        Step::Consent(scopes) => format!("consent {scopes}"),
        Step::Done(done) => format!("done {}", done.scopes),
    };
    visit.next(|result| result.map(step).map_err(|denial| (denial.error, denial.reason)))
}

fn step(name: &str) -> Result<String, (OAuthError, Reason)> {
    Ok(name.to_owned())
}

/// The last word of a visit where nothing is left to do.
const DONE: &str = "done openid read write";

/// A step, what makes it necessary, and the error where no page may be shown.
type Row = (&'static str, fn(&mut Visit), OAuthError);

/// In the order in which a user is led.
const STEPS: [Row; 5] = [
    ("login", |v| v.session = None, OAuthError::LoginRequired),
    ("account", |v| v.asked().prompt.select_account = true, OAuthError::AccountSelectionRequired),
    ("tenant acme-corp other", two_tenants, OAuthError::InteractionRequired),
    (
        "documents 1",
        |v| v.documents = vec![document(20, "terms", &[(1, NOW, 0)])],
        OAuthError::InteractionRequired,
    ),
    ("consent openid read write", |v| v.consents.clear(), OAuthError::ConsentRequired),
];

fn two_tenants(visit: &mut Visit) {
    visit.app.metadata.tenancy = Tenancy::Members;
    let own = visit.tenants.remove(0);
    visit.member_of(&own);
    visit.member_of(&other());
}

fn other() -> Tenant {
    let name = "other".parse().expect("a name");
    Tenant {
        id: TenantId::from_bytes([99; 16]),
        name,
        title: String::new(),
        status: Status::Active,
        epoch: 0,
    }
}

#[test]
fn who_has_done_everything_is_answered() {
    let visit = Visit::done();
    assert_eq!(next(&visit), step(DONE));
    visit.next(|result| {
        let Ok(Step::Done(done)) = result else { panic!("nothing is left to do") };
        assert_eq!(done.tenant, Some(visit.tenants[0].id));
        assert_eq!(Some(&done.evidence), visit.session.as_ref());
    });
}

#[test]
fn every_step_is_asked_for_by_its_page_and_refused_by_its_error_without_pages() {
    for (name, need, error) in STEPS {
        let mut visit = Visit::done();
        need(&mut visit);
        assert_eq!(next(&visit), step(name));
        visit.asked().prompt.none = true;
        assert_eq!(next(&visit), Err((error, Reason::InteractionNeeded)), "{name}");
    }
}

#[test]
fn of_two_steps_the_first_one_comes_first() {
    for (at, (name, need, error)) in STEPS.iter().enumerate() {
        for (later, need_later, _) in &STEPS[at + 1..] {
            let mut visit = Visit::done();
            need_later(&mut visit);
            need(&mut visit);
            assert_eq!(next(&visit), step(name), "{name} before {later}");
            visit.asked().prompt.none = true;
            assert_eq!(next(&visit), Err((*error, Reason::InteractionNeeded)), "{name} before {later}");
        }
    }
}

#[test]
fn a_user_is_led_through_all_steps_once() {
    let mut visit = Visit::done();
    for (_, need, _) in STEPS {
        need(&mut visit);
    }
    assert_eq!(next(&visit), step("login"));
    visit.session = Some(crate::people::evidence(&visit.user));
    assert_eq!(next(&visit), step("account"));
    visit.progress.account_chosen = true;
    assert_eq!(next(&visit), step("tenant acme-corp other"));
    visit.progress.tenant = Some(other().id);
    assert_eq!(next(&visit), step("documents 1"));
    visit.acceptances = vec![acceptance(&visit.user, Some(other().id), &visit.documents[0], 1)];
    assert_eq!(next(&visit), step("consent openid read write"));
    visit.progress.consented = Some(scopes("openid read"));
    assert_eq!(next(&visit), step("done openid read"));
    visit.next(|result| {
        assert!(matches!(result, Ok(Step::Done(done)) if done.tenant == Some(other().id)));
    });
}

#[test]
fn a_session_of_somebody_suspended_or_of_before_a_suspension_signs_nobody_in() {
    let changes: [fn(&mut Visit); 4] = [
        |v| v.user.status = Status::Suspended,
        |v| v.user.status = Status::Closed,
        |v| v.user.epoch += 1,
        |v| v.session.as_mut().unwrap().user = UserId::from_bytes([99; 16]),
    ];
    for change in changes {
        let mut visit = Visit::done();
        change(&mut visit);
        assert_eq!(next(&visit), step("login"));
        visit.asked().prompt.none = true;
        assert_eq!(next(&visit), Err((OAuthError::LoginRequired, Reason::InteractionNeeded)));
    }
}

#[test]
fn prompt_login_is_met_by_a_log_in_of_this_interaction_alone() {
    let mut visit = Visit::done();
    visit.asked().prompt.login = true;
    assert_eq!(next(&visit), step("login"), "though the session is a minute old");
    visit.log_in();
    assert_eq!(next(&visit), step(DONE));
    visit.user.epoch += 1;
    assert_eq!(next(&visit), step("login"), "suspended in between");
}

#[test]
fn prompt_create_begins_with_a_sign_up_also_for_somebody_signed_in() {
    let mut visit = Visit::done();
    visit.asked().prompt.create = true;
    assert_eq!(next(&visit), step("sign-up"));
    visit.session = None;
    assert_eq!(next(&visit), step("sign-up"));
    visit.log_in();
    assert_eq!(next(&visit), step(DONE));
}

#[test]
fn prompt_select_account_is_met_by_a_choice_or_by_a_log_in() {
    let mut visit = Visit::done();
    visit.asked().prompt.select_account = true;
    assert_eq!(next(&visit), step("account"));
    visit.progress.account_chosen = true;
    assert_eq!(next(&visit), step(DONE));
    visit.progress = Progress::default();
    visit.log_in();
    assert_eq!(next(&visit), step(DONE));
}

#[test]
fn who_wants_another_account_logs_in_whatever_session_there_is() {
    let mut visit = Visit::done();
    visit.progress.other_account = true;
    assert_eq!(next(&visit), step("login"));
    visit.log_in();
    assert_eq!(next(&visit), step(DONE));
}

#[test]
fn max_age_counts_from_when_the_user_acted_and_its_last_millisecond_is_too_late() {
    for (max_age, millis, good) in [
        (60, 59_999, true),
        (60, 60_000, false),
        (60, 60_001, false),
        (1, 999, true),
        (1, 1_000, false),
        (0, 0, false),
        (0, 1, false),
        (i64::MAX, 10_000_000, true),
    ] {
        let mut visit = Visit { now: UnixMillis(NOW.0 + millis), ..Visit::done() };
        visit.asked().max_age = Some(max_age);
        assert_eq!(next(&visit), step(if good { DONE } else { "login" }), "{max_age} after {millis}");
        visit.log_in();
        assert_eq!(next(&visit), step(DONE), "a log-in for this request is young enough: {max_age}");
    }
}

#[test]
fn a_request_for_one_user_is_answered_for_nobody_else() {
    let mut visit = Visit::done();
    let myself = visit.user.id.to_string();
    visit.asked().expected_sub = Some(myself);
    assert_eq!(next(&visit), step(DONE));
    visit.asked().expected_sub = Some("usr_somebody-else".to_owned());
    assert_eq!(next(&visit), step("login"), "the right one may still come");
    visit.log_in();
    let wrong = Err((OAuthError::LoginRequired, Reason::OtherUserExpected));
    assert_eq!(next(&visit), wrong, "asking again would go round in circles");
    visit.progress = Progress::default();
    visit.asked().prompt = Prompt { none: true, ..Prompt::default() };
    assert_eq!(next(&visit), Err((OAuthError::LoginRequired, Reason::InteractionNeeded)));
}

#[test]
fn an_essential_acr_that_cannot_be_reached_ends_the_request_after_the_log_in() {
    let unmet = Err((OAuthError::UnmetAuthenticationRequirements, Reason::InteractionNeeded));
    let mut visit = Visit::done();
    visit.asked().unmet_acr = true;
    assert_eq!(next(&visit), unmet);
    visit.session = None;
    assert_eq!(next(&visit), step("login"));
    visit.log_in();
    assert_eq!(next(&visit), unmet);
}

#[test]
fn h04_a_public_app_is_asked_for_every_time() {
    let mut visit = Visit::done();
    visit.app.auth_method = Some(ClientAuthMethod::None);
    assert_eq!(next(&visit), step("consent openid read write"));
    visit.asked().prompt.none = true;
    assert_eq!(next(&visit), Err((OAuthError::ConsentRequired, Reason::InteractionNeeded)));
    visit.progress.consented = Some(scopes("openid read write"));
    assert_eq!(next(&visit), step(DONE));
    visit.app.auth_method = Some(ClientAuthMethod::ClientSecretPost);
    visit.progress.consented = None;
    assert_eq!(next(&visit), step(DONE), "a confidential one is remembered");
}

#[test]
fn prompt_consent_asks_again_and_is_met_by_the_answer() {
    let mut visit = Visit::done();
    visit.asked().prompt.consent = true;
    assert_eq!(next(&visit), step("consent openid read write"));
    visit.progress.consented = Some(scopes("openid"));
    assert_eq!(next(&visit), step("done openid"));
}

#[test]
fn a_remembered_consent_covers_what_it_holds_and_nothing_more() {
    let with = |asked: &str, remembered: &[&str]| {
        let mut visit = Visit::done();
        visit.asked().scopes = scopes(asked);
        let consent = visit.consents.remove(0);
        let remembered = remembered.iter().map(|text| scopes(text));
        visit.consents =
            remembered.map(|scopes| grantor_core::grant::Consent { scopes, ..consent.clone() }).collect();
        next(&visit)
    };
    assert_eq!(with("openid read", &["openid read write"]), step("done openid read"));
    assert_eq!(with("openid read write", &["openid read"]), step("consent openid read write"));
    assert_eq!(with("openid offline_access", &["openid"]), step("consent offline_access openid"));
    assert_eq!(with("openid", &[]), step("consent openid"));
    assert_eq!(
        with("read write", &["read", "write"]),
        step("consent read write"),
        "no one consent holds both"
    );
}

#[test]
fn the_consent_for_another_app_or_tenant_covers_nothing() {
    let changes: [fn(&mut Visit); 2] =
        [|v| v.consents[0].app = AppId::from_bytes([99; 16]), |v| v.consents[0].tenant = other().id];
    for change in changes {
        let mut visit = Visit::done();
        change(&mut visit);
        assert_eq!(next(&visit), step("consent openid read write"));
    }
}

#[test]
fn scopes_that_the_server_adds_need_no_consent() {
    let mut visit = Visit::done();
    visit.asked().scopes = scopes("openid production/payments read");
    assert_eq!(next(&visit), step("consent openid production/payments read"));
    visit.server_scopes = scopes("production/payments");
    assert_eq!(next(&visit), step("done openid production/payments read"));
}

#[test]
fn h06_a_version_that_takes_effect_after_the_consent_is_asked_for_before_the_answer() {
    let mut visit = Visit::done();
    visit.log_in();
    visit.progress.consented = Some(scopes("openid read"));
    visit.documents =
        vec![document(20, "terms", &[(1, UnixMillis(0), 0), (2, visit.now.plus_seconds(1), 3_600)])];
    visit.acceptances = vec![acceptance(&visit.user, Some(visit.tenants[0].id), &visit.documents[0], 1)];
    assert_eq!(next(&visit), step("done openid read"));
    visit.now = visit.now.plus_seconds(1);
    assert_eq!(next(&visit), step("documents 2"), "grace is for what was granted, not for signing in");
    visit.acceptances.push(acceptance(&visit.user, Some(visit.tenants[0].id), &visit.documents[0], 2));
    assert_eq!(next(&visit), step("done openid read"), "and what was allowed stays allowed");
}

#[test]
fn an_app_of_its_own_tenant_asks_nobody_for_a_tenant_and_needs_no_membership() {
    let mut visit = Visit::done();
    visit.tenants.push(other());
    visit.asked().tenant_hint = Some(other().id);
    visit.progress.tenant = Some(other().id);
    visit.next(|result| {
        assert!(matches!(result, Ok(Step::Done(done)) if done.tenant == Some(TenantId::from_bytes([2; 16]))));
    });
    visit.tenants.remove(0);
    assert_eq!(next(&visit), Err((OAuthError::AccessDenied, Reason::NoTenant)), "its own is closed");
}

#[test]
fn an_app_for_members_takes_the_one_tenant_asks_for_two_and_refuses_at_none() {
    let mut visit = Visit::done();
    visit.app.metadata.tenancy = Tenancy::Members;
    assert_eq!(
        next(&visit),
        Err((OAuthError::AccessDenied, Reason::NoTenant)),
        "the app's own counts for nothing"
    );
    visit.member_of(&other());
    visit.consents[0].tenant = other().id;
    visit.next(|result| {
        assert!(matches!(result, Ok(Step::Done(done)) if done.tenant == Some(other().id)));
    });
    let own = visit.tenants.remove(0);
    visit.member_of(&own);
    assert_eq!(next(&visit), step("tenant other acme-corp"));
}

#[test]
fn a_tenant_is_chosen_by_the_user_else_by_the_hint_and_never_from_outside_the_memberships() {
    let with = |hint: Option<TenantId>, chosen: Option<TenantId>, change: fn(&mut Visit)| {
        let mut visit = Visit::done();
        two_tenants(&mut visit);
        visit.asked().tenant_hint = hint;
        visit.progress.tenant = chosen;
        visit.progress.consented = Some(scopes("openid"));
        change(&mut visit);
        visit.next(|result| match result {
            Ok(Step::Done(done)) => done.tenant,
            Ok(Step::ChooseTenant(_)) => None,
            other => panic!("{other:?}"),
        })
    };
    let (acme, other, foreign) =
        (TenantId::from_bytes([2; 16]), TenantId::from_bytes([99; 16]), TenantId::from_bytes([77; 16]));
    let nothing: fn(&mut Visit) = |_| ();
    assert_eq!(with(None, None, nothing), None);
    assert_eq!(with(Some(other), None, nothing), Some(other));
    assert_eq!(with(Some(acme), None, nothing), Some(acme));
    assert_eq!(with(Some(acme), Some(other), nothing), Some(other), "the user has the last word");
    assert_eq!(with(Some(foreign), None, nothing), None, "a hint at a stranger's tenant chooses nothing");
    assert_eq!(with(None, Some(foreign), nothing), None);
    assert_eq!(with(Some(acme), Some(foreign), nothing), None);
    let inactive: fn(&mut Visit) = |v| v.tenants[1].status = Status::Suspended;
    assert_eq!(with(Some(other), None, inactive), Some(acme), "one is left, and it is not the hinted one");
    let unlisted: fn(&mut Visit) = |v| drop(v.tenants.pop());
    assert_eq!(with(None, None, unlisted), Some(acme), "without access there is one less");
}

#[test]
fn a_sign_in_without_request_ends_after_the_documents_and_grants_nothing() {
    let mut visit = Visit { request: None, ..Visit::done() };
    visit.session = None;
    assert_eq!(next(&visit), step("login"));
    visit.log_in();
    visit.documents = vec![document(20, "terms", &[(1, NOW, 0)])];
    assert_eq!(next(&visit), step("documents 1"));
    visit.acceptances = vec![acceptance(&visit.user, None, &visit.documents[0], 1)];
    assert_eq!(next(&visit), step("done "));
    visit.next(|result| assert!(matches!(result, Ok(Step::Done(done)) if done.tenant.is_none())));
}

#[test]
fn the_answer_speaks_of_the_log_in_of_this_interaction_where_there_is_one() {
    let mut visit = Visit::done();
    visit.log_in();
    let expected = Evidence { auth_time: visit.now, ..crate::people::evidence(&visit.user) };
    visit.next(|result| assert!(matches!(result, Ok(Step::Done(done)) if done.evidence == expected)));
}

#[test]
fn h02_only_what_was_asked_for_can_be_allowed_and_what_is_required_stays() {
    let remains = |requested: &str, ticked: &str, required: &str| {
        allowed(&scopes(requested), &scopes(ticked), &scopes(required)).map(|scopes| scopes.to_string())
    };
    let is = |text: &str| Ok(text.to_owned());
    assert_eq!(remains("openid read write", "openid read", ""), is("openid read"));
    assert_eq!(
        remains("openid read", "read write admin", ""),
        is("openid read"),
        "no form field adds a scope"
    );
    assert_eq!(remains("openid read", "", ""), is("openid"));
    assert_eq!(remains("read write", "", "write"), is("write"));
    assert_eq!(remains("read", "", "write"), Err(consent_denied()), "required, but never asked for");
    assert_eq!(remains("", "", ""), is(""));
    let denied = refused(remains("read write", "", ""));
    assert_eq!(denied, refusal(OAuthError::AccessDenied, Reason::ConsentDenied));
}

fn consent_denied() -> grantor_core::error::Denial {
    grantor_core::error::Denial::new(OAuthError::AccessDenied, Reason::ConsentDenied)
}

#[test]
fn a_claim_that_is_asked_for_by_name_is_asked_of_the_user_as_the_scope_that_covers_it() {
    let mut visit = Visit::done();
    visit.asked().claims.id_token = vec!["email_verified".to_owned()];
    assert_eq!(
        next(&visit),
        step("consent email openid read write"),
        "what was allowed before covers no e-mail"
    );
    visit.asked().prompt.none = true;
    assert_eq!(next(&visit), Err((OAuthError::ConsentRequired, Reason::InteractionNeeded)));
    visit.consents[0].scopes = scopes("email openid read write");
    assert_eq!(next(&visit), step("done email openid read write"));
}
