//! The discovery document says what is on, and nothing else (RFC 8414).

use std::sync::Arc;

use grantor_core::metadata::metadata;
use grantor_core::profile::{ClientAuthMethod, GrantType, Profile};
use serde_json::{Value, json};

use crate::facts::{World, scopes};

fn document(world: &World) -> Value {
    serde_json::to_value(metadata(&world.environment, &world.apis)).unwrap()
}

/// The lists that follow the profiles, which are about the apps that call an API.
const METHOD_LISTS: [&str; 2] =
    ["token_endpoint_auth_methods_supported", "revocation_endpoint_auth_methods_supported"];

#[test]
fn the_whole_document() {
    let methods = json!(["client_secret_basic", "client_secret_post"]);
    let expected = json!({
        "issuer": "https://production.bank.example",
        "token_endpoint": "https://production.bank.example/payments/token",
        "jwks_uri": "https://production.bank.example/jwks",
        "revocation_endpoint": "https://production.bank.example/revoke",
        "introspection_endpoint": "https://production.bank.example/introspect",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["none"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "scopes_supported": ["not-in-access", "not-in-app", "read", "view", "write"],
    });
    assert_eq!(document(&World::new()), expected);
}

/// RFC 8414 3.2: members without values are left out.
#[test]
fn nothing_is_null_or_an_empty_array_however_little_there_is() {
    let mut no_apis = World::new();
    no_apis.apis.clear();
    let mut bare = World::new();
    bare.apis.pop();
    bare.payments().scopes.clear();
    bare.payments_profile().grants.clear();
    let mut public = bare.clone();
    public.payments_profile().client_auth = vec![ClientAuthMethod::None];
    for world in [World::new(), no_apis, bare, public] {
        let document = document(&world);
        for (name, value) in document.as_object().unwrap() {
            assert!(!value.is_null() && *value != json!([]) && *value != json!(""), "{name} in {document}");
        }
        for required in ["issuer", "token_endpoint", "jwks_uri", "response_types_supported"] {
            assert!(document.get(required).is_some(), "{required} in {document}");
        }
        for list in METHOD_LISTS {
            assert!(document[list].is_array(), "{list} in {document}");
        }
    }
}

#[test]
fn refresh_is_named_where_some_grant_that_is_on_gives_refresh_tokens() {
    let grants = |change: fn(&mut Profile)| {
        let mut world = World::new();
        change(world.payments_profile());
        document(&world)["grant_types_supported"].clone()
    };
    let all: fn(&mut Profile) = |profile| profile.grants = GrantType::ALL.to_vec();
    assert_eq!(
        grants(all),
        json!(["authorization_code", "client_credentials", "password"]),
        "named, but none given"
    );
    let refreshed = grants(|profile| {
        profile.grants.push(GrantType::Password);
        profile.refresh.grants = vec![GrantType::Password];
    });
    assert_eq!(refreshed, json!(["client_credentials", "password", "refresh_token"]));
    let off = grants(|profile| profile.refresh.grants = vec![GrantType::AuthorizationCode]);
    assert_eq!(off, json!(["client_credentials"]), "refresh of a grant that is off");
}

/// Members that speak of users at the authorization endpoint.
const OF_SIGN_IN: [&str; 16] = [
    "acr_values_supported",
    "authorization_endpoint",
    "authorization_response_iss_parameter_supported",
    "claim_types_supported",
    "claims_parameter_supported",
    "claims_supported",
    "code_challenge_methods_supported",
    "id_token_signing_alg_values_supported",
    "prompt_values_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "response_modes_supported",
    "subject_types_supported",
    "userinfo_endpoint",
    "userinfo_signing_alg_values_supported",
    "response_types_supported",
];

#[test]
fn without_users_no_member_speaks_of_them() {
    let document = document(&World::new());
    for member in OF_SIGN_IN.iter().filter(|member| **member != "response_types_supported") {
        assert!(document.get(member).is_none(), "{member}");
    }
    assert_eq!(document["response_types_supported"], json!(["none"]));
    assert!(!document["scopes_supported"].as_array().unwrap().contains(&json!("openid")));
}

#[test]
fn with_the_code_grant_the_document_says_all_that_a_client_must_know() {
    let mut world = World::new();
    world.payments_profile().grants.push(GrantType::AuthorizationCode);
    world.payments_profile().refresh.grants = vec![GrantType::AuthorizationCode];
    let document = document(&world);
    let expected = json!({
        "acr_values_supported": ["urn:grantor:acr:password"],
        "authorization_endpoint": "https://production.bank.example/authorize",
        "authorization_response_iss_parameter_supported": true,
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": true,
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "response_modes_supported": ["query", "form_post"],
        "response_types_supported": ["code"],
        "scopes_supported": [
            "email", "not-in-access", "not-in-app", "offline_access", "openid", "profile", "read", "view", "write",
        ],
        "subject_types_supported": ["public", "pairwise"],
        "userinfo_endpoint": "https://production.bank.example/userinfo",
        "userinfo_signing_alg_values_supported": ["ES256", "RS256"],
    });
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(document[member], *value, "{member}");
    }
    for member in OF_SIGN_IN {
        assert!(document.get(member).is_some(), "{member}");
    }
}

#[test]
fn the_password_grant_alone_opens_no_authorization_endpoint() {
    let mut world = World::new();
    world.payments_profile().grants = vec![GrantType::Password];
    let document = document(&world);
    for member in OF_SIGN_IN.iter().filter(|member| !member.starts_with("userinfo_e")) {
        let only_none = *member == "response_types_supported" && document[member] == json!(["none"]);
        assert!(only_none || document.get(member).is_none(), "{member}");
    }
    assert!(document.get("userinfo_endpoint").is_some());
}

#[test]
fn a_grant_that_is_switched_off_everywhere_disappears() {
    let mut world = World::new();
    world.payments_profile().grants.clear();
    assert_eq!(
        document(&world)["grant_types_supported"],
        json!(["client_credentials"]),
        "the other API has it on"
    );
    Arc::make_mut(&mut world.reports().profile).grants.clear();
    assert!(document(&world).get("grant_types_supported").is_none());
}

#[test]
fn a_method_that_is_switched_off_everywhere_disappears_from_every_list() {
    let mut world = World::new();
    world.payments_profile().client_auth = vec![ClientAuthMethod::ClientSecretPost];
    for list in METHOD_LISTS {
        assert_eq!(document(&world)[list], json!(["client_secret_basic", "client_secret_post"]), "{list}");
    }
    Arc::make_mut(&mut world.reports().profile).client_auth = vec![ClientAuthMethod::ClientSecretPost];
    for list in METHOD_LISTS {
        assert_eq!(document(&world)[list], json!(["client_secret_post"]), "{list}");
    }
}

#[test]
fn an_api_that_introspects_is_not_bound_by_the_methods_of_its_apps() {
    let mut world = World::new();
    for api in &mut world.apis {
        Arc::make_mut(&mut Arc::make_mut(api).profile).client_auth = vec![ClientAuthMethod::ClientSecretPost];
    }
    let list = &document(&world)["introspection_endpoint_auth_methods_supported"];
    assert_eq!(*list, json!(["client_secret_basic", "client_secret_post"]));
}

#[test]
fn without_the_code_grant_a_public_app_gets_no_token_so_none_is_not_promised() {
    let mut world = World::new();
    world.payments_profile().client_auth.push(ClientAuthMethod::None);
    for list in METHOD_LISTS {
        assert_eq!(document(&world)[list], json!(["client_secret_basic", "client_secret_post"]), "{list}");
    }
    world.payments_profile().grants.push(GrantType::AuthorizationCode);
    for list in METHOD_LISTS {
        assert_eq!(
            document(&world)[list],
            json!(["client_secret_basic", "client_secret_post", "none"]),
            "{list}"
        );
    }
}

#[test]
fn scopes_are_those_of_all_apis_once_each_and_go_with_their_api() {
    let mut world = World::new();
    world.reports().server_scopes = scopes("production/reports");
    world.apis.remove(0);
    assert_eq!(document(&world)["scopes_supported"], json!(["production/reports", "read", "view"]));
}

#[test]
fn the_token_endpoint_is_the_canonical_path_of_the_first_api_by_name() {
    let mut world = World::new();
    world.apis.reverse();
    assert_eq!(document(&world)["token_endpoint"], "https://production.bank.example/payments/token");
    world.apis.retain(|api| api.name.as_str() == "reports");
    assert_eq!(document(&world)["token_endpoint"], "https://production.bank.example/reports/token");
}

#[test]
fn i11_every_address_begins_with_the_configured_issuer_and_its_path() {
    let mut world = World::new();
    world.environment.issuer = "http://localhost:8080/sandbox".parse().unwrap();
    let document = document(&world);
    assert_eq!(document["issuer"], "http://localhost:8080/sandbox");
    for address in ["token_endpoint", "jwks_uri", "revocation_endpoint", "introspection_endpoint"] {
        assert!(
            document[address].as_str().is_some_and(|text| text.starts_with("http://localhost:8080/sandbox/")),
            "{address}"
        );
    }
}
