//! Where an answer may go, what it holds, and the Grant that stands behind a code.

use grantor_core::access::AccessStatus;
use grantor_core::authorize::interaction::Done;
use grantor_core::authorize::request::{AuthorizationRequest, ReplyTo, ResponseMode, Untrusted, reply_to};
use grantor_core::authorize::respond::{Facts, Reply, grant, remember};
use grantor_core::decision::{Decision, Write};
use grantor_core::env::Env;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use grantor_core::grant::{Grant, GrantState};
use grantor_core::profile::{GrantType, Profile};
use grantor_core::scope::ScopeSet;
use grantor_core::secret::{Brand, CredentialType, Secret, SecretHash, Spelling};
use grantor_core::tenant::Status;

use crate::facts::{NOW, Seeded, World, environment, peppers, refused, scopes};
use crate::people::{CALLBACK, CHALLENGE, evidence, session, user, world_with_users};
use crate::visit::request;

fn trusted(registered: &[&str], query: &str) -> Result<ReplyTo, Reason> {
    let mut app = world_with_users().app;
    app.metadata.redirect_uris = registered.iter().map(|uri| uri.parse().unwrap()).collect();
    let Ok(form) = Form::parse(query.as_bytes()) else { panic!("a form: {query}") };
    reply_to(&form, &app).map_err(|Untrusted(denial)| {
        assert_eq!(denial.error, OAuthError::InvalidRequest);
        denial.reason
    })
}

#[test]
fn an_answer_goes_to_a_registered_uri_as_it_was_requested() {
    let reply = trusted(&[CALLBACK, "https://rp.test/other"], "redirect_uri=https://rp.test/other").unwrap();
    assert_eq!((reply.redirect_uri.as_str(), reply.redirect_uri_sent), ("https://rp.test/other", true));
    assert_eq!((reply.mode, reply.state), (ResponseMode::Query, None));
    let native = trusted(&["http://127.0.0.1/cb"], "redirect_uri=http://127.0.0.1:5000/cb").unwrap();
    assert_eq!(native.redirect_uri, "http://127.0.0.1:5000/cb", "a07: with the port of the request");
}

#[test]
fn a01_a02_a03_a04_a06_a11_there_is_nobody_to_answer_to_at_any_other_uri() {
    for other in [
        "https://evil.test/cb",
        "https://rp.test.evil.test/cb",
        "https://rp.test@evil.test/cb",
        "https://rp.test/cb/",
        "https://rp.test/cb/../evil",
        "https://rp.test/cb?x=1",
        "https://RP.test/cb",
        "javascript:alert(1)",
        "x",
    ] {
        let query = format!("redirect_uri={other}&response_type=token&scope=%22");
        assert_eq!(trusted(&[CALLBACK], &query), Err(Reason::RedirectUriMismatch), "{other}");
    }
    assert_eq!(trusted(&[], &format!("redirect_uri={CALLBACK}")), Err(Reason::RedirectUriMismatch));
}

#[test]
fn the_redirect_uri_may_be_left_out_where_there_is_one_and_never_with_openid() {
    let reply = trusted(&[CALLBACK], "scope=read").unwrap();
    assert_eq!((reply.redirect_uri.as_str(), reply.redirect_uri_sent), (CALLBACK, false));
    assert!(trusted(&[CALLBACK], "scope=openid2").is_ok());
    assert!(trusted(&[CALLBACK], "redirect_uri=").is_ok(), "RFC 6749 3.1: without value is as if omitted");
    for (registered, query) in [
        (&[][..], ""),
        (&[CALLBACK, "https://rp.test/other"], ""),
        (&[CALLBACK], "scope=openid"),
        (&[CALLBACK], "scope=read%20openid"),
        (&[CALLBACK], "scope=openid&redirect_uri="),
    ] {
        assert_eq!(trusted(registered, query), Err(Reason::RedirectUriMissing), "{query}");
    }
}

#[test]
fn an_unknown_response_mode_is_answered_in_the_query() {
    let mode = |text: &str| trusted(&[CALLBACK], &format!("response_mode={text}")).unwrap().mode;
    assert_eq!(
        (mode("form_post"), mode("query"), mode("fragment")),
        (ResponseMode::FormPost, ResponseMode::Query, ResponseMode::Query)
    );
}

fn to(redirect_uri: &str, state: Option<&str>) -> ReplyTo {
    ReplyTo {
        redirect_uri: redirect_uri.to_owned(),
        redirect_uri_sent: true,
        mode: ResponseMode::Query,
        state: state.map(str::to_owned),
    }
}

fn code_for(redirect_uri: &str, state: Option<&str>) -> Reply {
    let issuer = environment(1, "production").issuer;
    Reply::code(&to(redirect_uri, state), &Secret::presented("the-code".to_owned()), &issuer)
}

#[test]
fn rfc9207_the_issuer_stands_last_in_every_answer() {
    let names = |reply: &Reply| reply.parameters.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert_eq!(names(&code_for(CALLBACK, Some("s"))), ["code", "state", "iss"]);
    assert_eq!(names(&code_for(CALLBACK, None)), ["code", "iss"], "no state in, no state out");
    let issuer = environment(1, "production").issuer;
    let denial = Denial::new(OAuthError::LoginRequired, Reason::InteractionNeeded);
    let error = Reply::error(&to(CALLBACK, Some("s")), &denial, &issuer);
    assert_eq!(names(&error), ["error", "error_description", "state", "iss"]);
    assert_eq!(error.parameters[0].1, "login_required");
    assert_eq!(error.parameters[3].1, "https://production.bank.example");
}

#[test]
fn the_registered_query_stays_and_the_answer_comes_behind_it() {
    let location = |uri: &str| code_for(uri, None).location();
    let answer = "code=the-code&iss=https%3A%2F%2Fproduction.bank.example";
    assert_eq!(location("https://rp.test/cb"), format!("https://rp.test/cb?{answer}"));
    assert_eq!(location("https://rp.test"), format!("https://rp.test?{answer}"));
    assert_eq!(location("https://rp.test/cb?"), format!("https://rp.test/cb?{answer}"));
    assert_eq!(location("https://rp.test/cb?a=1&b=%20"), format!("https://rp.test/cb?a=1&b=%20&{answer}"));
    assert_eq!(location("com.example.app:/cb"), format!("com.example.app:/cb?{answer}"));
}

#[test]
fn a15_the_state_comes_back_exactly_and_breaks_out_of_nothing() {
    for state in [
        "plain",
        "a b+c%20d",
        "&code=evil&iss=evil",
        "=#?/\\\"'<script>",
        "\r\nSet-Cookie: a=b",
        "\u{e9}\u{4e2d}\u{1f980}",
        &"s".repeat(2_000),
    ] {
        let location = code_for("https://rp.test/cb?a=1", Some(state)).location();
        assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
        let (_, query) = location.split_once('?').unwrap();
        let form = Form::parse(query.as_bytes()).unwrap();
        assert_eq!((form.get("state"), form.get("code")), (Some(state), Some("the-code")));
        assert_eq!((form.get("a"), form.get("iss")), (Some("1"), Some("https://production.bank.example")));
    }
}

#[test]
fn an_error_is_described_by_fixed_words_and_a_shut_tenant_is_no_failed_authentication() {
    let issuer = environment(1, "production").issuer;
    let error = |denial: Denial| {
        let reply = Reply::error(&to(CALLBACK, None), &denial, &issuer);
        (reply.parameters[0].1.clone(), reply.parameters[1].1.clone())
    };
    let (code, text) = error(Denial::new(OAuthError::InvalidClient, Reason::TenantSuspended));
    assert_eq!((code.as_str(), text.as_str()), ("access_denied", OAuthError::AccessDenied.description()));
    let (_, text) = error(Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, "Say it so."));
    assert_eq!(text, "Say it so.");
}

fn done() -> Done {
    let user = user(5);
    Done { evidence: evidence(&user), tenant: Some(World::new().tenant.id), scopes: scopes("openid read") }
}

fn granted(world: &World) -> Decision<Secret> {
    let session = session(&user(5));
    let facts = Facts {
        environment: &world.environment,
        app: &world.app,
        api: &world.apis[0],
        tenant: &world.tenant,
        accesses: &world.accesses,
        session: &session,
        peppers: &peppers(),
        brand: &Brand::default(),
    };
    let mut rng = Seeded(1);
    grant(&request(), &done(), &facts, &mut Env { now: NOW.plus_seconds(5), rng: &mut rng })
}

/// The one Grant that a decision makes, and the hash of its code.
fn inserted(decision: &Decision<Secret>) -> (&Grant, &SecretHash) {
    let [Write::InsertGrant(grant, Some(hash))] = &decision.writes[..] else {
        panic!("one Grant with a code")
    };
    (grant, hash)
}

#[test]
fn a_code_is_256_random_bits_of_which_only_the_hash_is_kept() {
    let decision = granted(&world_with_users());
    let Ok(code) = &decision.outcome else { panic!("granted") };
    let spelling = Spelling::parse(&Brand::default(), code.reveal()).unwrap();
    assert_eq!(spelling.kind, CredentialType::Code);
    let (grant, hash) = inserted(&decision);
    assert!(peppers().verify(CredentialType::Code, code.reveal(), hash));
    for other in CredentialType::ALL.into_iter().filter(|kind| *kind != CredentialType::Code) {
        assert!(!peppers().verify(other, code.reveal(), hash), "b05: {}", other.as_str());
    }
    assert_eq!(decision.events.len(), 1);
    let audit = serde_json::to_string(&decision.events[0].detail).unwrap();
    assert!(!audit.contains(code.reveal()) && decision.events[0].target == grant.id.to_string());
}

#[test]
fn a_grant_begins_with_what_was_asked_allowed_and_proved() {
    let decision = granted(&world_with_users());
    let (grant, _) = inserted(&decision);
    assert_eq!((grant.state, grant.generation, grant.epoch), (GrantState::Code, 0, 0));
    assert_eq!((grant.origin, grant.scopes.clone()), (GrantType::AuthorizationCode, scopes("openid read")));
    assert_eq!((grant.api, grant.user), (request().api, user(5).id));
    assert_eq!(grant.ends_at, NOW.plus_seconds(30 * 86_400), "a month after the log-in, not after the code");
    let binding = grant.code.as_ref().unwrap();
    assert_eq!(binding.expires_at, NOW.plus_seconds(65));
    assert_eq!((binding.redirect_uri.as_str(), binding.redirect_uri_sent), (CALLBACK, true));
    assert_eq!(binding.challenge.as_deref(), Some(CHALLENGE));
    assert_eq!((grant.login.auth_time, grant.login.sid.as_deref()), (NOW, Some("sid-of-the-browser")));
    assert_eq!(grant.login.session, Some(session(&user(5)).id));
    assert!(grant.ends_with_session());
}

#[test]
fn a_grant_that_is_never_refreshed_lives_as_long_as_code_and_token() {
    let without: [fn(&mut Profile); 2] = [
        |profile| profile.refresh.grants.clear(),
        |profile| profile.refresh.grants = vec![GrantType::Password],
    ];
    for change in without {
        let mut world = world_with_users();
        change(world.payments_profile());
        assert_eq!(inserted(&granted(&world)).0.ends_at, NOW.plus_seconds(5 + 60 + 3_600));
    }
}

#[test]
fn a_shut_gate_makes_no_code() {
    type Case = (fn(&mut World), Reason);
    let shut: [Case; 4] = [
        (|world| world.tenant.status = Status::Suspended, Reason::TenantSuspended),
        (|world| world.accesses.clear(), Reason::AccessMissing),
        (|world| world.accesses[0].status = AccessStatus::Suspended, Reason::AccessNotActive),
        (|world| drop(world.accesses.remove(0)), Reason::AccessMissing),
    ];
    for (shut, reason) in shut {
        let mut world = world_with_users();
        shut(&mut world);
        let decision = granted(&world);
        assert!(decision.writes.is_empty() && decision.events.is_empty());
        assert_eq!(refused(decision.outcome).map(|(_, reason)| reason), Some(reason));
    }
}

#[test]
fn h06_consent_is_remembered_per_app_and_tenant_and_what_is_left_out_the_next_time_is_taken_back() {
    let world = world_with_users();
    let tenant = world.tenant.id;
    let mut rng = Seeded(1);
    let env = Env { now: NOW, rng: &mut rng };
    let asked = |names: &str| AuthorizationRequest { scopes: scopes(names), ..request() };
    let first = remember(
        (&asked("openid read write"), &done()),
        (&world.app, tenant),
        None,
        &ScopeSet::default(),
        &env,
    );
    assert_eq!((first.user, first.app, first.tenant), (user(5).id, world.app.id, tenant));
    assert_eq!((first.scopes.clone(), first.granted_at), (scopes("openid read"), NOW));
    let more = Done { scopes: scopes("production/payments write"), ..done() };
    let shown = asked("production/payments write");
    let second =
        remember((&shown, &more), (&world.app, tenant), Some(&first), &scopes("production/payments"), &env);
    assert_eq!(second.scopes, scopes("openid read write"));
    // What was asked for again and left out is taken back; what was not asked for stays.
    let less = Done { scopes: scopes("openid"), ..done() };
    let third = remember(
        (&asked("openid read"), &less),
        (&world.app, tenant),
        Some(&second),
        &ScopeSet::default(),
        &env,
    );
    assert_eq!(third.scopes, scopes("openid write"));
}
