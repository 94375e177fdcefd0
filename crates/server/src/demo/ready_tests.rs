use serde_json::json;

use super::super::credentials::tests::fake;
use super::super::embedded::FILES;
use super::super::landscape::Landscape;
use super::super::people;
use super::*;

fn told() -> Value {
    let landscape = Landscape::read(FILES, "127.0.0.1:8080".parse().unwrap()).unwrap();
    let world = World {
        apis: fake(&landscape.manifest, landscape.apis),
        users: people::tests::fake(&landscape.manifest),
        manifest: landscape.manifest,
        api_url: "http://127.0.0.1:8080/admin/v1".to_owned(),
        operator_token: zeroize::Zeroizing::new("operator".to_owned()),
        folder: "/folder".into(),
        mails: "/folder/mail".into(),
        management: None,
    };
    contract(&world).unwrap()
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn api<'a>(told: &'a Value, name: &str, environment: &str) -> &'a Value {
    let apis = told["apis"].as_array().unwrap();
    apis.iter().find(|api| api["name"] == name && api["environment"] == environment).unwrap()
}

#[test]
fn it_is_one_line() {
    assert!(!told().to_string().contains('\n'));
}

#[test]
fn the_outer_members_are_those_of_the_product_page() {
    let mut told = told();
    assert_eq!(told["apis"].as_array().unwrap().len(), 10);
    told["apis"] = json!([]);
    let expected = json!({
        "ready": true,
        "environments": [
            {"name": "production", "issuer": "http://127.0.0.1:8080"},
            {"name": "sandbox", "issuer": "http://127.0.0.1:8080/sandbox"}],
        "operator": {"email": "operator@provider.example", "password": "", "api_token": "operator", "api_url": "http://127.0.0.1:8080/admin/v1"},
        "users": [
            {"role": "tenant_admin", "email": "admin@acme.example", "password": "password-of-admin@acme.example"},
            {"role": "end_user", "email": "user@people.example", "password": "password-of-user@people.example"}],
        "mail_dir": "/folder/mail",
        "apis": []});
    assert_eq!(told, expected);
}

#[test]
fn an_api_with_one_client_is_told_to_the_letter() {
    let told = told();
    let expected = json!({
        "name": "banking",
        "environment": "sandbox",
        "audience": "http://127.0.0.1:8080/sandbox/demo/banking",
        "token_endpoint": "http://127.0.0.1:8080/sandbox/token",
        "base_url": "http://127.0.0.1:8080/sandbox/demo/banking",
        "forward_auth_url": "http://127.0.0.1:8080/sandbox/forward-auth/banking",
        "introspection": {
            "endpoint": "http://127.0.0.1:8080/sandbox/introspect",
            "client_id": "banking-api",
            "client_secret": "secret-of-banking-api-in-sandbox"},
        "clients": [{
            "client_id": "acme-banking",
            "client_secret": "secret-of-acme-banking-in-sandbox",
            "token_endpoint_auth_method": "client_secret_post",
            "grant_types": ["client_credentials"],
            "redirect_uris": []}],
        "api_keys": [],
        "examples": [{"method": "GET", "path": "/accounts", "scope": "accounts:read", "accepts": ["client"]}]});
    assert_eq!(*api(&told, "banking", "sandbox"), expected);
}

#[test]
fn every_api_has_the_same_members_and_none_is_null() {
    let told = told();
    let expected = members(api(&told, "banking", "production"));
    for api in told["apis"].as_array().unwrap() {
        assert_eq!(members(api), expected);
        assert!(api.as_object().unwrap().values().all(|value| !value.is_null()));
    }
}

#[test]
fn the_first_method_of_the_profile_is_the_client_s() {
    let told = told();
    for (name, method) in [
        ("payments", "client_secret_basic"),
        ("channel", "client_secret_basic"),
        ("banking", "client_secret_post"),
    ] {
        assert_eq!(api(&told, name, "production")["clients"][0]["token_endpoint_auth_method"], method);
    }
    assert_eq!(api(&told, "channel", "production")["token_endpoint"], "http://127.0.0.1:8080/oauth/v2/token");
}

#[test]
fn apps_for_users_stand_behind_those_for_machines_and_tell_their_redirect_uris() {
    let told = told();
    let clients = |name: &str, environment: &str| {
        let list = api(&told, name, environment)["clients"].as_array().unwrap().iter();
        list.map(|client| (client["grant_types"].clone(), client["redirect_uris"].clone()))
            .collect::<Vec<_>>()
    };
    let machine = (json!(["client_credentials"]), json!([]));
    let uris = |issuer: &str| json!([format!("{issuer}/demo/callback"), "http://127.0.0.1/callback"]);
    for (environment, issuer) in
        [("production", "http://127.0.0.1:8080"), ("sandbox", "http://127.0.0.1:8080/sandbox")]
    {
        let by_code = (json!(["authorization_code", "refresh_token"]), uris(issuer));
        let by_password = (json!(["password", "refresh_token"]), json!([]));
        assert_eq!(clients("payments", environment), [machine.clone(), by_code, by_password]);
        let by_code = (json!(["authorization_code"]), uris(issuer));
        assert_eq!(clients("assets", environment), [machine.clone(), by_code]);
        assert_eq!(clients("channel", environment), std::slice::from_ref(&machine));
    }
}

#[test]
fn keys_stand_only_at_apis_that_have_them() {
    let told = told();
    assert_eq!(
        api(&told, "assets", "sandbox")["api_keys"],
        json!([{"id": "key_1", "key": "key-in-sandbox"}])
    );
    assert_eq!(api(&told, "payments", "sandbox")["api_keys"], json!([]));
}

#[test]
fn examples_spell_scopes_as_the_environment_does() {
    let told = told();
    for (environment, scope) in [("production", "prod.teosapi"), ("sandbox", "test.teosapi")] {
        let examples = &api(&told, "assets", environment)["examples"];
        let expected = json!([
            {"method": "GET", "path": "/assets", "scope": scope, "accepts": ["client", "user", "api_key"]},
            {"method": "GET", "path": "/keys/self", "scope": scope, "accepts": ["api_key"]},
            {"method": "GET", "path": "/me", "scope": scope, "accepts": ["user"]}]);
        assert_eq!(*examples, expected);
    }
}
