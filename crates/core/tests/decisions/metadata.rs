//! The discovery document says what is on, and nothing else (RFC 8414).

use std::sync::Arc;

use grantor_core::metadata::metadata;
use grantor_core::profile::{ClientAuthMethod, GrantType};
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
fn only_grants_that_are_built_are_named() {
    let mut world = World::new();
    world.payments_profile().grants = GrantType::ALL.to_vec();
    assert_eq!(document(&world)["grant_types_supported"], json!(["client_credentials"]));
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
fn a_public_app_gets_no_token_yet_so_none_is_not_promised() {
    let mut world = World::new();
    world.payments_profile().client_auth.push(ClientAuthMethod::None);
    for list in METHOD_LISTS {
        assert_eq!(document(&world)[list], json!(["client_secret_basic", "client_secret_post"]), "{list}");
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
