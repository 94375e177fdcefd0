//! RFC 6749 4.4, rule by rule and in order.

use std::sync::Arc;

use grantor_core::access::AccessStatus;
use grantor_core::env::UnixMillis;
use grantor_core::epoch::Epochs;
use grantor_core::error::{OAuthError, Reason};
use grantor_core::form::Form;
use grantor_core::lifetime::Lifetime;
use grantor_core::profile::{ClaimSource, ClientAuthMethod, GrantType, TokenFormat};
use grantor_core::scope::ScopeSet;
use grantor_core::token::parse;

use crate::facts::{
    NOW, PAYMENTS, REPORTS, World, access, asking, basic, id_only, plain, post, refusal, refused, scopes,
    targeting,
};

/// One closed door, and what is said about it.
type Case = (&'static str, fn(&mut World), OAuthError, Reason);

/// In the order of the checks.
const REFUSALS: [Case; 7] = [
    (
        "the app has no API that knows the scope",
        |w| w.app.apis.clear(),
        OAuthError::InvalidScope,
        Reason::UnknownScope,
    ),
    (
        "the API does not take the method",
        |w| w.payments_profile().client_auth = vec![ClientAuthMethod::ClientSecretPost],
        OAuthError::InvalidClient,
        Reason::AuthMethodNotAllowed,
    ),
    (
        "the API has the grant off",
        |w| w.payments_profile().grants.clear(),
        OAuthError::UnsupportedGrantType,
        Reason::GrantNotInProfile,
    ),
    (
        "the app has the grant off",
        |w| w.app.grants.clear(),
        OAuthError::UnauthorizedClient,
        Reason::GrantNotForApp,
    ),
    ("no access", |w| w.accesses.clear(), OAuthError::AccessDenied, Reason::AccessMissing),
    (
        "access suspended",
        |w| w.accesses.iter_mut().for_each(|access| access.status = AccessStatus::Suspended),
        OAuthError::AccessDenied,
        Reason::AccessNotActive,
    ),
    (
        "the app has not the scope",
        |w| w.app.scopes = scopes("read"),
        OAuthError::InvalidScope,
        Reason::ScopeNotAllowed,
    ),
];

#[test]
fn the_open_door_is_open() {
    let draft = World::new().grant(&asking("write")).unwrap();
    assert_eq!(draft.claims.scope, "write");
}

#[test]
fn every_refusal_has_its_error_and_its_reason() {
    for (name, close, error, reason) in REFUSALS {
        let mut world = World::new();
        close(&mut world);
        assert_eq!(refused(world.grant(&asking("write"))), refusal(error, reason), "{name}");
    }
}

#[test]
fn of_two_closed_doors_the_first_one_answers() {
    for (first, (name, close, error, reason)) in REFUSALS.iter().enumerate() {
        for (later, close_later, ..) in &REFUSALS[first + 1..] {
            let mut world = World::new();
            close_later(&mut world);
            close(&mut world);
            assert_eq!(
                refused(world.grant(&asking("write"))),
                refusal(*error, *reason),
                "{name} before {later}"
            );
        }
    }
}

#[test]
fn a_public_app_never_gets_a_token_for_itself() {
    let mut world = World::new();
    world.app.auth_method = Some(ClientAuthMethod::None);
    let not_accepted = refusal(OAuthError::InvalidClient, Reason::AuthMethodNotAllowed);
    assert_eq!(refused(world.grant_by(&plain(), &id_only())), not_accepted);
    world.payments_profile().client_auth.push(ClientAuthMethod::None);
    let public = refusal(OAuthError::UnauthorizedClient, Reason::GrantNotForPublicClient);
    assert_eq!(refused(world.grant_by(&plain(), &id_only())), public);
}

#[test]
fn s000_04_basic_and_body_both_work_where_the_profile_takes_both() {
    let world = World::new();
    assert!(world.grant_by(&plain(), &basic()).is_ok());
    assert!(world.grant_by(&plain(), &post()).is_ok());
}

#[test]
fn an_app_that_narrows_its_method_is_held_to_it() {
    let mut world = World::new();
    world.app.auth_method = Some(ClientAuthMethod::ClientSecretPost);
    assert!(world.grant_by(&plain(), &post()).is_ok());
    let not_accepted = refusal(OAuthError::InvalidClient, Reason::AuthMethodNotAllowed);
    assert_eq!(refused(world.grant_by(&plain(), &basic())), not_accepted);
}

#[test]
fn the_method_is_that_of_the_chosen_api_not_of_any_api() {
    let mut world = World::with_both_apis();
    Arc::make_mut(&mut world.reports().profile).client_auth = vec![ClientAuthMethod::ClientSecretPost];
    assert!(world.grant(&targeting(&[PAYMENTS])).is_ok());
    let not_accepted = refusal(OAuthError::InvalidClient, Reason::AuthMethodNotAllowed);
    assert_eq!(refused(world.grant(&targeting(&[REPORTS]))), not_accepted);
}

#[test]
fn a_closed_access_is_as_shut_as_a_suspended_one() {
    let mut world = World::new();
    world.accesses[0].status = AccessStatus::Closed;
    assert_eq!(refused(world.grant(&plain())), refusal(OAuthError::AccessDenied, Reason::AccessNotActive));
}

#[test]
fn access_to_one_api_is_none_to_another() {
    let mut world = World::with_both_apis();
    world.accesses.retain(|access| access.api == world.apis[0].id);
    assert!(world.grant(&targeting(&[PAYMENTS])).is_ok());
    let missing = refusal(OAuthError::AccessDenied, Reason::AccessMissing);
    assert_eq!(refused(world.grant(&targeting(&[REPORTS]))), missing);
}

#[test]
fn f13_the_access_of_another_tenant_opens_nothing() {
    let mut world = World::new();
    let mut other = world.tenant.clone();
    other.id = grantor_core::id::TenantId::from_bytes([99; 16]);
    world.accesses = vec![access(&other, &world.apis[0], "read write")];
    assert_eq!(refused(world.grant(&plain())), refusal(OAuthError::AccessDenied, Reason::AccessMissing));
}

#[test]
fn s001_14_without_scope_the_app_gets_all_that_app_access_and_api_agree_on() {
    let draft = World::new().grant(&plain()).unwrap();
    assert_eq!(draft.claims.scope, "read write");
    assert_eq!(draft.scope, None, "nothing was asked, so nothing differs");
}

#[test]
fn a_request_may_narrow() {
    let draft = World::new().grant(&asking("read")).unwrap();
    assert_eq!((draft.claims.scope.as_str(), draft.scope), ("read", None));
}

#[test]
fn f12_a_scope_that_app_access_or_api_lacks_is_refused_and_not_dropped() {
    let world = World::new();
    let not_allowed = refusal(OAuthError::InvalidScope, Reason::ScopeNotAllowed);
    for text in ["not-in-app", "not-in-access", "read not-in-app", "read openid"] {
        assert_eq!(refused(world.grant(&asking(text))), not_allowed, "{text}");
    }
    assert_eq!(
        refused(world.grant(&asking("not-in-api"))),
        refusal(OAuthError::InvalidScope, Reason::UnknownScope)
    );
    let named =
        grantor_core::token::TokenRequest { scopes: Some(scopes("not-in-api")), ..targeting(&[PAYMENTS]) };
    assert_eq!(refused(world.grant(&named)), not_allowed, "also where the resource has chosen the API");
}

#[test]
fn scopes_of_the_server_are_added_though_nobody_asked_and_the_answer_says_so() {
    let mut world = World::new();
    world.payments().server_scopes = scopes("production/payments");
    let draft = world.grant(&asking("read")).unwrap();
    assert_eq!(draft.claims.scope, "production/payments read");
    assert_eq!(draft.scope.as_deref(), Some("production/payments read"), "RFC 6749 5.1: it differs");
}

#[test]
fn who_asks_for_the_scope_of_the_server_too_gets_what_was_asked() {
    let mut world = World::new();
    world.payments().server_scopes = scopes("production/payments");
    let draft = world.grant(&asking("read production/payments")).unwrap();
    assert_eq!((draft.claims.scope.as_str(), draft.scope), ("production/payments read", None));
    let draft = world.grant(&plain()).unwrap();
    assert_eq!((draft.claims.scope.as_str(), draft.scope), ("production/payments read write", None));
}

#[test]
fn order_and_doubles_of_the_scopes_are_no_difference() {
    let form = Form::parse(b"grant_type=client_credentials&scope=write+read+write").unwrap();
    let draft = World::new().grant(&parse(&form).unwrap()).unwrap();
    assert_eq!((draft.claims.scope.as_str(), draft.scope), ("read write", None));
}

#[test]
fn an_app_without_any_scope_gets_a_token_without_scope() {
    let mut world = World::new();
    world.app.scopes = ScopeSet::default();
    let draft = world.grant(&plain()).unwrap();
    assert_eq!(draft.claims.scope, "");
    let json = serde_json::to_value(&draft.claims).unwrap();
    assert!(json.get("scope").is_none(), "the claim is left out, not empty");
}

#[test]
fn s000_08_the_life_is_the_profiles_hour() {
    let draft = World::new().grant(&plain()).unwrap();
    assert_eq!((draft.expires_in, draft.claims.exp - draft.claims.iat), (3_600, 3_600));
}

#[test]
fn the_access_overrides_the_life_of_client_tokens_and_the_one_of_user_tokens_does_not_count() {
    let mut world = World::new();
    world.accesses[0].user_token_lifetime = Lifetime::from_seconds(7);
    assert_eq!(world.grant(&plain()).unwrap().expires_in, 3_600);
    world.accesses[0].client_token_lifetime = Lifetime::from_seconds(900);
    let draft = world.grant(&plain()).unwrap();
    assert_eq!((draft.expires_in, draft.claims.exp - draft.claims.iat), (900, 900));
}

#[test]
fn the_override_of_another_api_does_not_count() {
    let mut world = World::with_both_apis();
    world.accesses[1].client_token_lifetime = Lifetime::from_seconds(7);
    assert_eq!(world.grant(&targeting(&[PAYMENTS])).unwrap().expires_in, 3_600);
    assert_eq!(world.grant(&targeting(&[REPORTS])).unwrap().expires_in, 7);
}

#[test]
fn the_claims_are_complete_and_name_every_subject() {
    let claims = World::new().grant(&plain()).unwrap().claims;
    assert_eq!(claims.iss, "https://production.bank.example");
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("acme", "acme"));
    assert!(claims.is_client());
    assert_eq!(claims.aud, PAYMENTS);
    assert_eq!((claims.iat, claims.exp), (1_700_000_000, 1_700_003_600));
    assert_eq!(claims.tid, "02020202-0202-0202-0202-020202020202");
    assert_eq!(claims.env, "production");
    let json = serde_json::to_value(&claims).unwrap();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["aud", "client_id", "env", "exp", "iat", "iss", "jti", "rev", "scope", "sub", "tid"]);
    assert!(json["exp"].is_i64() && json["aud"].is_string() && json["rev"]["acc"].is_i64());
}

#[test]
fn f10_the_epochs_of_all_subjects_are_copied_each_to_its_place() {
    let mut world = World::new();
    (world.tenant.epoch, world.accesses[0].epoch, world.app.epoch) = (3, 5, 7);
    world.accesses[1].epoch = 11;
    assert_eq!(world.grant(&plain()).unwrap().claims.rev, Epochs { ten: 3, acc: 5, app: 7, usr: 0, gnt: 0 });
}

#[test]
fn a_jti_has_128_random_bits_and_differs_from_token_to_token() {
    let world = World::new();
    let jti = |seed| world.grant_at(&plain(), NOW, seed).unwrap().claims.jti;
    assert_eq!(jti(1).len(), 22, "base64url of 16 bytes, unpadded");
    assert_ne!(jti(1), jti(2));
    assert_eq!(jti(1), jti(1), "and comes from Env alone");
}

#[test]
fn format_algorithm_and_added_claims_are_the_profiles() {
    let mut world = World::new();
    let claims = [
        ("organisation", ClaimSource::TenantName),
        ("organisation_id", ClaimSource::TenantId),
        ("stage", ClaimSource::EnvironmentName),
        ("azp", ClaimSource::ClientId),
    ];
    world.payments_profile().server_claims =
        claims.into_iter().map(|(name, source)| (name.to_owned(), source)).collect();
    world.payments_profile().token_format = TokenFormat::Opaque;
    world.payments_profile().signing_alg = grantor_jose::Algorithm::Rs256;
    let draft = world.grant(&plain()).unwrap();
    assert_eq!((draft.format, draft.algorithm), (TokenFormat::Opaque, grantor_jose::Algorithm::Rs256));
    let added: Vec<(&str, &str)> =
        draft.added.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("azp", "acme"),
        ("organisation", "acme-corp"),
        ("organisation_id", "02020202-0202-0202-0202-020202020202"),
        ("stage", "production"),
    ];
    assert_eq!(added, expected);
}

#[test]
fn n03_no_clock_makes_a_token_live_longer_than_its_life() {
    let world = World::new();
    for now in [0, 1, 999, 1_000, 1_700_000_000_999, NOW.0 - 86_400_000, NOW.0 + 86_400_000] {
        let draft = world.grant_at(&plain(), UnixMillis(now), 1).unwrap();
        assert!(draft.claims.exp * 1_000 <= now + 3_600_000, "{now}");
        assert!(draft.claims.exp * 1_000 > now + 3_599_000, "{now}");
    }
}

#[test]
fn grants_that_are_not_built_are_refused_when_the_request_is_parsed() {
    let error = |body: &str| refused(parse(&Form::parse(body.as_bytes()).unwrap()));
    let unsupported = refusal(OAuthError::UnsupportedGrantType, Reason::UnknownGrantType);
    for name in [
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "CLIENT_CREDENTIALS",
        "client_credentials+",
    ] {
        assert_eq!(error(&format!("grant_type={name}")), unsupported, "{name}");
    }
    let missing = refusal(OAuthError::InvalidRequest, Reason::MissingGrantType);
    assert_eq!(error(""), missing);
    assert_eq!(error("grant_type="), missing);
}

#[test]
fn a_grant_without_its_credential_is_refused_when_the_request_is_parsed() {
    let error = |body: &str| parse(&Form::parse(body.as_bytes()).unwrap()).err();
    for body in [
        "grant_type=authorization_code",
        "grant_type=authorization_code&code=&redirect_uri=https://rp.test/cb",
        "grant_type=refresh_token&code=x",
        "grant_type=refresh_token&refresh_token=",
        "grant_type=password",
        "grant_type=password&username=ada",
        "grant_type=password&password=secret",
        "grant_type=password&username=ada&password=",
    ] {
        let denial = error(body).unwrap();
        assert_eq!((denial.error, denial.reason), (OAuthError::InvalidRequest, Reason::Malformed), "{body}");
        assert!(denial.hint.is_some_and(|hint| hint.contains("missing")), "{body}");
    }
}

#[test]
fn a_parsed_request_holds_the_credential_of_its_grant_as_it_was_sent() {
    let request = |body: &str| parse(&Form::parse(body.as_bytes()).unwrap()).unwrap();
    let code =
        request("grant_type=authorization_code&code=a%2Bb&redirect_uri=https://rp.test/cb&code_verifier=v");
    assert_eq!(code.grant, GrantType::AuthorizationCode);
    assert_eq!(code.code.unwrap().reveal(), "a+b");
    assert_eq!(code.redirect_uri.as_deref(), Some("https://rp.test/cb"));
    assert_eq!(code.code_verifier.as_deref(), Some("v"));
    let refresh = request("grant_type=refresh_token&refresh_token=r&scope=read");
    assert_eq!((refresh.refresh_token.unwrap().reveal(), refresh.scopes), ("r", Some(scopes("read"))));
    let password = request("grant_type=password&username=ada%40example.org&password=+p%20");
    let (name, secret) = password.user.unwrap();
    assert_eq!((name.as_str(), secret.reveal()), ("ada@example.org", " p "), "nothing is trimmed");
}

#[test]
fn a_parsed_request_holds_scopes_and_every_resource() {
    let body = b"grant_type=client_credentials&scope=b+a&resource=https://a.example&resource=urn:b&unknown=1";
    let request = parse(&Form::parse(body).unwrap()).unwrap();
    assert_eq!(request.grant, GrantType::ClientCredentials);
    assert_eq!(request.scopes, Some(scopes("a b")));
    assert_eq!(request.resources, ["https://a.example", "urn:b"]);
    let request = parse(&Form::parse(b"grant_type=client_credentials&scope=&resource=").unwrap()).unwrap();
    assert!(
        request.scopes.is_none() && request.resources.is_empty(),
        "RFC 6749 3.1: without value is as if omitted"
    );
}

#[test]
fn malformed_scopes_and_resources_are_refused_when_the_request_is_parsed() {
    let error = |rest: &str| {
        refused(parse(&Form::parse(format!("grant_type=client_credentials&{rest}").as_bytes()).unwrap()))
    };
    for bad in ["scope=a%22b", "scope=a%09b", "scope=%C3%A9", "scope=+", "scope=%20%20"] {
        assert_eq!(error(bad), refusal(OAuthError::InvalidScope, Reason::MalformedScope), "{bad}");
    }
    for bad in ["payments", ":x", "https://a.example/%23f", "/x", "a%20b:c"] {
        let unknown = refusal(OAuthError::InvalidTarget, Reason::UnknownResource);
        assert_eq!(error(&format!("resource={bad}")), unknown, "{bad}");
    }
}
