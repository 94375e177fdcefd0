//! What an authorization request may say (RFC 6749 4.1.1, RFC 7636, RFC 8707, OpenID Connect Core 3.1.2.1).

use grantor_core::authorize::request::{AuthorizationRequest, Facts, Prompt, parse, reply_to};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::{Form, encode_component};
use grantor_core::profile::{ClientAuthMethod, GrantType};

use crate::facts::{PAYMENTS, REPORTS, World, refusal, scopes};
use crate::people::{CALLBACK, CHALLENGE, userinfo, world_with_users};

/// A request with PKCE for `openid read`, with some parameters changed, added or, by an empty text, taken away.
fn query(changes: &[(&str, &str)]) -> String {
    let mut parameters = vec![
        ("client_id", "acme"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    parameters.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    parameters.extend_from_slice(changes);
    let mut text = String::new();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(name);
        text.push('=');
        encode_component(value, &mut text);
        text.push('&');
    }
    text
}

fn read(
    world: &World,
    query: &str,
    hinted_sub: Option<Option<String>>,
) -> Result<AuthorizationRequest, Denial> {
    let form = Form::parse(query.as_bytes())?;
    let reply_to = reply_to(&form, &world.app).expect("app and redirect URI are good");
    parse(&form, reply_to, &Facts { app: &world.app, apis: &world.apis, userinfo: &userinfo(), hinted_sub })
}

fn parsed_in(world: &World, changes: &[(&str, &str)]) -> Result<AuthorizationRequest, Denial> {
    read(world, &query(changes), None)
}

fn parsed(changes: &[(&str, &str)]) -> AuthorizationRequest {
    parsed_in(&world_with_users(), changes).unwrap()
}

fn denied(changes: &[(&str, &str)]) -> Option<(OAuthError, Reason)> {
    denied_in(&world_with_users(), changes)
}

fn denied_in(world: &World, changes: &[(&str, &str)]) -> Option<(OAuthError, Reason)> {
    parsed_in(world, changes).err().map(|denial| (denial.error, denial.reason))
}

#[test]
fn a_plain_request_is_read_as_it_stands() {
    let world = world_with_users();
    let request = parsed(&[("nonce", "n"), ("login_hint", "ada@example.org"), ("state", "s")]);
    assert_eq!((request.client_id.as_str(), request.api), ("acme", Some(world.apis[0].id)));
    assert_eq!((request.scopes, request.challenge.as_deref()), (scopes("openid read"), Some(CHALLENGE)));
    assert_eq!(
        (request.nonce.as_deref(), request.login_hint.as_deref()),
        (Some("n"), Some("ada@example.org"))
    );
    assert_eq!((request.prompt, request.max_age, request.expected_sub), (Prompt::default(), None, None));
    assert_eq!((request.unmet_acr, request.tenant_hint), (false, None));
    assert_eq!(
        (request.reply_to.redirect_uri.as_str(), request.reply_to.state.as_deref()),
        (CALLBACK, Some("s"))
    );
}

#[test]
fn a10_a_parameter_that_stands_twice_is_refused_and_resource_is_not() {
    let world = world_with_users();
    for (name, value) in
        [("client_id", "acme"), ("redirect_uri", CALLBACK), ("scope", "openid"), ("unknown", "1")]
    {
        let twice = format!("{}{name}={value}&{name}={value}", query(&[(name, "")]));
        let reason = Form::parse(twice.as_bytes()).err().map(|denial| denial.reason);
        assert_eq!(reason, Some(Reason::DuplicateParameter), "{name}");
    }
    let twice = format!("{}resource={PAYMENTS}&resource={PAYMENTS}", query(&[]));
    assert_eq!(read(&world, &twice, None).unwrap().api, Some(world.apis[0].id));
}

#[test]
fn unknown_parameters_and_wishes_that_are_not_granted_cause_no_errors() {
    let request = parsed(&[
        ("unknown", "1"),
        ("display", "wap"),
        ("acr_values", "urn:other:gold"),
        ("claims_locales", "fr"),
        ("ui_locales", "de-CH en x \u{e9}\u{e9} a_b"),
        ("tid", "no tenant"),
        ("prompt", "something new"),
    ]);
    assert_eq!((request.ui_locales, request.tenant_hint), (vec!["de-CH".to_owned(), "en".to_owned()], None));
    assert_eq!((request.prompt, request.unmet_acr), (Prompt::default(), false));
    let long = "x".repeat(255);
    assert_eq!(parsed(&[("login_hint", &long)]).login_hint, None);
    assert_eq!(parsed(&[("login_hint", &long[1..])]).login_hint.as_deref(), Some(&long[1..]));
    let many = "aa ".repeat(9);
    assert_eq!(parsed(&[("ui_locales", &many)]).ui_locales.len(), 8);
}

#[test]
fn b11_only_the_code_exists() {
    assert_eq!(denied(&[("response_type", "")]), refusal(OAuthError::InvalidRequest, Reason::Malformed));
    let other = refusal(OAuthError::UnsupportedResponseType, Reason::ResponseTypeNotSupported);
    for text in ["token", "id_token", "code id_token", "code token", "none", "CODE", "code code"] {
        assert_eq!(denied(&[("response_type", text)]), other, "{text}");
    }
}

#[test]
fn an_unknown_response_mode_is_an_error_and_a_fragment_is_unknown() {
    let unknown = refusal(OAuthError::InvalidRequest, Reason::ParameterNotSupported);
    for mode in ["fragment", "web_message", "query.jwt", "Query"] {
        assert_eq!(denied(&[("response_mode", mode)]), unknown, "{mode}");
    }
    assert_eq!(
        (denied(&[("response_mode", "query")]), denied(&[("response_mode", "form_post")])),
        (None, None)
    );
}

#[test]
fn request_objects_and_registration_are_refused_by_name_and_never_ignored() {
    for (name, error) in [
        ("request", OAuthError::RequestNotSupported),
        ("request_uri", OAuthError::RequestUriNotSupported),
        ("registration", OAuthError::RegistrationNotSupported),
    ] {
        assert_eq!(denied(&[(name, "x")]), refusal(error, Reason::ParameterNotSupported), "{name}");
        let empty = format!("{}{name}=", query(&[]));
        let outcome = read(&world_with_users(), &empty, None);
        assert!(outcome.is_ok(), "RFC 6749 3.1: {name} without value is as if omitted");
    }
}

#[test]
fn b08_pkce_is_s256_and_is_said_so() {
    let missing = refusal(OAuthError::InvalidRequest, Reason::PkceMissing);
    let longer = format!("{CHALLENGE}=");
    let cases: [(&str, &[(&str, &str)]); 8] = [
        ("plain", &[("code_challenge_method", "plain")]),
        ("method left out", &[("code_challenge_method", "")]),
        ("s256 in small letters", &[("code_challenge_method", "s256")]),
        ("S512", &[("code_challenge_method", "S512")]),
        ("padded", &[("code_challenge", &longer)]),
        ("short", &[("code_challenge", "abc")]),
        ("method without challenge", &[("code_challenge", "")]),
        ("none of both", &[("code_challenge", ""), ("code_challenge_method", "")]),
    ];
    for (name, changes) in cases {
        assert_eq!(denied(changes), missing, "{name}");
    }
}

#[test]
fn b07_pkce_may_be_left_out_only_by_a_confidential_app_that_says_so() {
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let mut world = world_with_users();
    world.app.metadata.require_pkce = false;
    assert_eq!(parsed_in(&world, &without).unwrap().challenge, None);
    let half = [("code_challenge", "")];
    assert_eq!(denied_in(&world, &half), refusal(OAuthError::InvalidRequest, Reason::PkceMissing));
    world.app.auth_method = Some(ClientAuthMethod::None);
    assert_eq!(denied_in(&world, &without), refusal(OAuthError::InvalidRequest, Reason::PkceMissing));
}

#[test]
fn prompts_add_up_and_none_stands_alone() {
    let prompt = |text: &str| parsed(&[("prompt", text)]).prompt;
    assert!(prompt("none").none);
    let both = prompt("login  consent");
    assert!(both.login && both.consent && !both.none && !both.create && !both.select_account);
    assert!(prompt("select_account").select_account && prompt("create").create);
    assert_eq!(prompt("LOGIN"), Prompt::default(), "letter case counts");
    for text in ["none login", "consent none", "none none", "none something"] {
        assert_eq!(
            denied(&[("prompt", text)]),
            refusal(OAuthError::InvalidRequest, Reason::Malformed),
            "{text}"
        );
    }
}

#[test]
fn max_age_is_a_plain_number_else_the_apps_own() {
    let mut world = world_with_users();
    let max_age = |world: &World, text: &str| parsed_in(world, &[("max_age", text)]).unwrap().max_age;
    assert_eq!(
        (max_age(&world, "0"), max_age(&world, "3600"), max_age(&world, "")),
        (Some(0), Some(3_600), None)
    );
    world.app.metadata.default_max_age = Some(77);
    assert_eq!((max_age(&world, ""), max_age(&world, "5")), (Some(77), Some(5)));
    for text in ["-1", "+5", "1.5", "x", " 5", "99999999999999999999"] {
        assert_eq!(
            denied(&[("max_age", text)]),
            refusal(OAuthError::InvalidRequest, Reason::Malformed),
            "{text}"
        );
    }
}

#[test]
fn scopes_are_those_that_the_app_may_have_at_the_api() {
    let mut world = world_with_users();
    world.payments().server_scopes = scopes("production/payments");
    let granted = |text: &str| parsed_in(&world, &[("scope", text)]).unwrap().scopes;
    assert_eq!(granted("read openid read"), scopes("openid read"));
    assert_eq!(granted("production/payments"), scopes("production/payments"));
    assert_eq!(
        granted(""),
        scopes("not-in-access production/payments read write"),
        "all, when nothing was asked"
    );
    for (text, reason) in [("not-in-app", Reason::ScopeNotAllowed), ("not-in-api", Reason::UnknownScope)] {
        let changes = [("scope", text)];
        assert_eq!(denied_in(&world, &changes), refusal(OAuthError::InvalidScope, reason), "{text}");
    }
    for text in [" ", "a\"b"] {
        let changes = [("scope", text)];
        assert_eq!(
            denied_in(&world, &changes),
            refusal(OAuthError::InvalidScope, Reason::MalformedScope),
            "{text:?}"
        );
    }
}

#[test]
fn without_openid_the_other_scopes_of_openid_mean_nothing() {
    assert_eq!(parsed(&[("scope", "profile email offline_access read")]).scopes, scopes("read"));
    let with = "address email offline_access openid phone profile read";
    assert_eq!(parsed(&[("scope", with)]).scopes, scopes(with));
}

#[test]
fn a_resource_is_one_of_the_apps_apis_or_an_error() {
    let not_allowed = refusal(OAuthError::InvalidTarget, Reason::ResourceNotAllowed);
    assert_eq!(denied(&[("resource", REPORTS)]), not_allowed);
    for text in
        ["https://unknown.example", "payments", "https://payments.example/", "https://payments.example#f"]
    {
        let unknown = refusal(OAuthError::InvalidTarget, Reason::UnknownResource);
        assert_eq!(denied(&[("resource", text)]), unknown, "{text}");
    }
    let mut world = world_with_users();
    world.app.apis.push(world.apis[1].id);
    assert_eq!(
        denied_in(&world, &[("scope", "openid")]),
        refusal(OAuthError::InvalidTarget, Reason::NoApi),
        "two APIs and no word about which"
    );
    let named = [("scope", "openid"), ("resource", PAYMENTS)];
    assert_eq!(parsed_in(&world, &named).unwrap().api, Some(world.apis[0].id));
    let by_scope = [("scope", "openid write")];
    assert_eq!(parsed_in(&world, &by_scope).unwrap().api, Some(world.apis[0].id));
}

#[test]
fn an_app_without_apis_learns_who_the_user_is_and_nothing_else() {
    let mut world = world_with_users();
    world.app.apis.clear();
    let request = parsed_in(&world, &[("scope", "openid email")]).unwrap();
    assert_eq!((request.api, request.scopes), (None, scopes("email openid")));
    let not_allowed = refusal(OAuthError::InvalidTarget, Reason::ResourceNotAllowed);
    assert_eq!(denied_in(&world, &[("scope", "openid"), ("resource", PAYMENTS)]), not_allowed);
    let beyond = refusal(OAuthError::InvalidScope, Reason::ScopeNotAllowed);
    assert_eq!(denied_in(&world, &[("scope", "openid read")]), beyond);
}

#[test]
fn the_code_grant_must_be_on_at_the_api_and_for_the_app() {
    let mut world = world_with_users();
    world.app.grants.retain(|grant| *grant != GrantType::AuthorizationCode);
    let for_app = refusal(OAuthError::UnauthorizedClient, Reason::GrantNotForApp);
    assert_eq!(denied_in(&world, &[]), for_app);
    let mut world = world_with_users();
    world.payments_profile().grants.retain(|grant| *grant != GrantType::AuthorizationCode);
    let in_profile = refusal(OAuthError::UnauthorizedClient, Reason::GrantNotInProfile);
    assert_eq!(denied_in(&world, &[]), in_profile);
}

#[test]
fn the_claims_parameter_is_read_for_what_this_server_can_say() {
    let claims = r#"{"userinfo":{"email":null,"address":{"essential":true}},"id_token":{"name":null,"shoe_size":null}}"#;
    let request = parsed(&[("claims", claims)]);
    assert_eq!(
        (request.claims.userinfo, request.claims.id_token),
        (vec!["email".to_owned()], vec!["name".to_owned()])
    );
    assert_eq!((request.expected_sub, request.unmet_acr), (None, false));
    for text in ["x", "[]", r#"{"userinfo":[]}"#, r#"{"id_token":"x"}"#, "{"] {
        assert_eq!(
            denied(&[("claims", text)]),
            refusal(OAuthError::InvalidRequest, Reason::Malformed),
            "{text}"
        );
    }
    assert!(parsed_in(&world_with_users(), &[("claims", r#"{"other":{}}"#)]).is_ok());
}

#[test]
fn only_an_essential_acr_that_no_value_can_meet_is_unmet() {
    let unmet =
        |member: &str| parsed(&[("claims", &format!(r#"{{"id_token":{{"acr":{member}}}}}"#))]).unmet_acr;
    assert!(unmet(r#"{"essential":true,"value":"urn:other:gold"}"#));
    assert!(unmet(r#"{"essential":true,"values":["urn:other:gold","urn:other:silver"]}"#));
    assert!(!unmet(r#"{"essential":true,"values":["urn:other:gold","urn:grantor:acr:password"]}"#));
    assert!(!unmet(r#"{"essential":true,"value":"urn:grantor:acr:password"}"#));
    assert!(!unmet(r#"{"essential":false,"value":"urn:other:gold"}"#));
    assert!(!unmet(r#"{"value":"urn:other:gold"}"#));
    assert!(!unmet(r#"{"essential":true}"#), "any will do");
    assert!(!unmet("null"));
}

#[test]
fn hint_and_claims_name_the_user_and_must_name_the_same_one() {
    let by_claims = r#"{"id_token":{"sub":{"value":"usr_1"}}}"#;
    let expected = |hint: Option<Option<&str>>, claims: &str| {
        let hint = hint.map(|hint| hint.map(str::to_owned));
        let request = read(&world_with_users(), &query(&[("claims", claims)]), hint);
        request.map(|request| request.expected_sub).map_err(|denial| (denial.error, denial.reason))
    };
    let malformed = Err((OAuthError::InvalidRequest, Reason::Malformed));
    let first = Ok(Some("usr_1".to_owned()));
    assert_eq!(expected(None, ""), Ok(None));
    assert_eq!(expected(None, by_claims), first);
    assert_eq!(expected(None, r#"{"userinfo":{"sub":{"value":"usr_1"}}}"#), first);
    assert_eq!(expected(Some(Some("usr_1")), ""), first);
    assert_eq!(expected(Some(Some("usr_1")), by_claims), first);
    assert_eq!(expected(Some(Some("usr_2")), by_claims), malformed);
    assert_eq!(expected(Some(None), ""), malformed, "a hint that is not ours");
    assert_eq!(expected(Some(None), by_claims), malformed);
}

#[test]
fn a_request_survives_being_stored() {
    let request = parsed(&[
        ("claims", r#"{"id_token":{"name":null,"sub":{"value":"usr_1"}}}"#),
        ("prompt", "login consent"),
        ("max_age", "60"),
        ("state", "a \u{e9} b"),
        ("tid", "02020202-0202-0202-0202-020202020202"),
    ]);
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&stored).unwrap(), request);
}
