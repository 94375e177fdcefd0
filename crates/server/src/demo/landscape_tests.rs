use std::collections::BTreeSet;

use grantor_core::gate_rule::Gate;
use grantor_core::profile::{ClientAuthMethod, GrantType, Rotation, TokenFormat};
use grantor_resource::CredentialKind;

use super::super::embedded::FILES;
use super::*;

fn landscape() -> Landscape {
    Landscape::read(FILES, "127.0.0.1:8080".parse().unwrap()).unwrap()
}

fn api<'a>(landscape: &'a Landscape, name: &str, environment: &str) -> &'a DemoApi {
    let mut apis = landscape.apis.iter();
    apis.find(|api| api.name.as_str() == name && api.environment.as_str() == environment).unwrap()
}

const FIRST: &str = r#"
    [[environment]]
    name = "one"
    issuer = "http://{listen}"
    stage = "live"
    scope_prefix = "p"
    [[environment]]
    name = "two"
    issuer = "http://{listen}/two"
    stage = "test"
    [[profile]]
    name = "any"
    token_paths = ["/t", "/old"]
    client_auth = ["client_secret_basic"]
    token_format = "jwt"
    grants = ["client_credentials"]
"#;

const SECOND: &str = r#"
    [[api]]
    name = "things"
    environments = ["one", "two"]
    profile = "any"
    audience = "urn:{environment}"
    url = "{issuer}/things"
    contract = "things.json"
    scope = [{ name = "{scope_prefix}.x" }]
"#;

const DOCUMENT: &str = r#"{"openapi": "3.1.0", "servers": [{"url": "https://elsewhere.example/base"}],
    "x-grantor-credential": ["client"], "paths": {"/a": {"get": {"security": [{"o": ["{scope_prefix}.x"]}]}}},
    "components": {"securitySchemes": {"o": {"type": "http", "scheme": "bearer"}}}}"#;

fn small(
    manifests: &'static [&'static str],
    documents: &'static [(&'static str, &'static str)],
) -> anyhow::Result<Landscape> {
    Landscape::read(&Files { manifests, documents }, "127.0.0.1:9".parse().unwrap())
}

#[test]
fn an_api_of_two_environments_becomes_two_with_a_document_for_each() {
    let landscape = small(&[FIRST, SECOND], &[("things.json", DOCUMENT)]).unwrap();
    let told: Vec<_> = landscape
        .apis
        .iter()
        .map(|api| {
            let scopes = api.contract.operations()[0].scopes.concat().concat();
            (
                api.audience.as_str(),
                api.base_url.as_str(),
                api.contract.base_path(),
                scopes,
                api.token_endpoint(),
            )
        })
        .collect();
    let one = (
        "urn:one",
        "http://127.0.0.1:9/things",
        "/things",
        "p.x".to_owned(),
        "http://127.0.0.1:9/t".to_owned(),
    );
    let two = (
        "urn:two",
        "http://127.0.0.1:9/two/things",
        "/two/things",
        "two.x".to_owned(),
        "http://127.0.0.1:9/two/t".to_owned(),
    );
    assert_eq!(told, [one, two]);
    for (entry, api) in landscape.manifest.apis.iter().zip(&landscape.apis) {
        assert_eq!(entry.environments, std::slice::from_ref(&api.environment));
        assert_eq!(entry.openapi.as_ref(), Some(&api.document), "what is enforced is what is applied");
        assert_eq!(
            (&entry.contract, entry.url.as_ref(), &entry.audience),
            (&None, Some(&api.base_url), &api.audience)
        );
        assert_eq!(
            entry.scopes[0].name.as_str(),
            "{scope_prefix}.x",
            "the server spells the scopes of a manifest"
        );
    }
}

#[test]
fn an_address_of_version_six_stands_in_brackets() {
    let files = Files { manifests: &[FIRST, SECOND], documents: &[("things.json", DOCUMENT)] };
    let landscape = Landscape::read(&files, "[::1]:9".parse().unwrap()).unwrap();
    assert_eq!(landscape.apis[1].issuer, "http://[::1]:9/two");
}

#[test]
fn what_is_missing_is_named_with_the_api() {
    let told = |result: anyhow::Result<Landscape>| format!("{:#}", result.err().unwrap());
    let missing_file = told(small(&[FIRST, SECOND], &[("others.json", DOCUMENT)]));
    assert!(
        missing_file.contains("API things in one") && missing_file.contains("things.json"),
        "{missing_file}"
    );
    assert!(told(small(&[SECOND], &[("things.json", DOCUMENT)])).contains("environment"));
    assert!(told(small(&[FIRST, SECOND], &[("things.json", "{")])).contains("not JSON"));
    assert!(told(small(&[FIRST, SECOND], &[("things.json", r#"{"openapi": "2.0"}"#)])).contains("/openapi"));
    assert!(told(small(&["[[apis]]"], &[])).contains("cannot be read"));
}

#[test]
fn every_embedded_profile_is_sound() {
    for profile in &landscape().manifest.profiles {
        assert_eq!(profile.check(), Ok(()), "{}", profile.name);
        assert!(!profile.title.is_empty(), "{}", profile.name);
    }
}

#[test]
fn the_environments_are_a_live_and_a_test_one_on_one_origin() {
    let told: Vec<_> = landscape()
        .manifest
        .environments
        .iter()
        .map(|environment| {
            (environment.name.to_string(), environment.issuer.to_string(), environment.stage.as_str())
        })
        .collect();
    let expected = [
        ("production", "http://127.0.0.1:8080", "live"),
        ("sandbox", "http://127.0.0.1:8080/sandbox", "test"),
    ];
    assert_eq!(told, expected.map(|(name, issuer, stage)| (name.to_owned(), issuer.to_owned(), stage)));
}

#[test]
fn every_api_stands_in_both_environments_under_demo() {
    let landscape = landscape();
    assert_eq!(landscape.apis.len(), 10);
    for name in ["payments", "channel", "assets", "deals", "banking"] {
        for (environment, base) in [("production", "/demo/"), ("sandbox", "/sandbox/demo/")] {
            let api = api(&landscape, name, environment);
            assert_eq!(api.contract.base_path(), format!("{base}{name}"));
            assert_eq!(api.base_url, format!("http://127.0.0.1:8080{base}{name}"));
            assert_eq!(api.audience, api.base_url);
        }
    }
}

#[test]
fn every_route_takes_exactly_the_credentials_of_the_product_page() {
    const C: CredentialKind = CredentialKind::Client;
    const U: CredentialKind = CredentialKind::User;
    const K: CredentialKind = CredentialKind::ApiKey;
    let expected: BTreeSet<(&str, &str, &str, Vec<CredentialKind>)> = BTreeSet::from([
        ("payments", "GET", "/transfers", vec![C, U]),
        ("payments", "POST", "/transfers", vec![C, U]),
        ("payments", "GET", "/me", vec![U]),
        ("channel", "GET", "/rates", vec![C]),
        ("assets", "GET", "/assets", vec![C, U, K]),
        ("assets", "GET", "/keys/self", vec![K]),
        ("assets", "GET", "/me", vec![U]),
        ("deals", "GET", "/deals", vec![C]),
        ("deals", "POST", "/deals", vec![C]),
        ("deals", "POST", "/deals/{id}/signature", vec![C]),
        ("deals", "GET", "/me", vec![U]),
        ("banking", "GET", "/accounts", vec![C]),
    ]);
    let landscape = landscape();
    for environment in ["production", "sandbox"] {
        let apis = landscape.apis.iter().filter(|api| api.environment.as_str() == environment);
        let found: BTreeSet<_> = apis
            .flat_map(|api| {
                let operations = api.contract.operations().iter();
                operations.map(|one| {
                    (api.name.as_str(), one.method.as_str(), one.path.as_str(), one.accepts.clone())
                })
            })
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn every_operation_needs_one_scope_of_its_api_and_has_an_example() {
    for api in &landscape().apis {
        let entries = landscape().manifest.apis;
        let entry = entries
            .iter()
            .find(|entry| entry.name == api.name && entry.environments[0] == api.environment)
            .unwrap();
        let prefix = if api.environment.as_str() == "production" { "prod" } else { "test" };
        let known: Vec<String> =
            entry.scopes.iter().map(|scope| scope.name.as_str().replace("{scope_prefix}", prefix)).collect();
        assert!(entry.scopes.iter().all(|scope| !scope.description.is_empty()), "{}", api.name);
        for operation in api.contract.operations() {
            let here = format!("{} {} {}", api.name, operation.method, operation.path);
            assert_eq!(operation.scopes.len(), 1, "{here}: no alternatives");
            assert_eq!(operation.scopes[0].len(), 1, "{here}");
            assert!(known.contains(&operation.scopes[0][0]), "{here}: {}", operation.scopes[0][0]);
            assert!(operation.example.as_ref().is_some_and(Value::is_object), "{here}");
            assert_eq!(operation.status, if operation.method == "POST" { 201 } else { 200 }, "{here}");
        }
    }
}

#[test]
fn s002_20_and_23_every_operation_of_assets_needs_the_scope_of_its_environment() {
    let landscape = landscape();
    for (environment, scope) in [("production", "prod.teosapi"), ("sandbox", "test.teosapi")] {
        let api = api(&landscape, "assets", environment);
        assert!(api.contract.operations().iter().all(|operation| operation.scopes == [[scope]]));
        assert_eq!(api.profile.server_scopes, ["{scope_prefix}.teosapi"]);
        assert!(!api.document.contains("{scope_prefix}"));
    }
}

#[test]
fn every_document_names_its_own_token_endpoint_and_address_and_documents_refusals() {
    for api in &landscape().apis {
        let document: Value = serde_json::from_str(&api.document).unwrap();
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        assert_eq!(text("/openapi"), "3.1.0");
        assert_eq!(text("/servers/0/url"), api.base_url);
        assert_eq!(
            text("/components/securitySchemes/oauth/flows/clientCredentials/tokenUrl"),
            api.token_endpoint()
        );
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for status in ["401", "403"] {
                    assert!(
                        operation["responses"][status].is_object(),
                        "{} {method} {path} {status}",
                        api.name
                    );
                }
            }
        }
    }
}

#[test]
fn every_document_is_there_in_english_and_german_with_its_text() {
    let documents = landscape().manifest.documents;
    assert_eq!(documents.len(), 2);
    for document in &documents {
        assert_eq!((&document.tenant, document.versions.len()), (&None, 1), "{}", document.kind);
        let texts = &document.versions[0].texts;
        assert_eq!(texts.keys().collect::<Vec<_>>(), ["de", "en"]);
        for text in texts.values() {
            assert!(text.body_file.is_none() && text.body.as_ref().is_some_and(|body| body.len() > 500));
        }
    }
}

/// A row of the reference table.
struct Row {
    name: &'static str,
    token_path: &'static str,
    client_auth: &'static [ClientAuthMethod],
    format: TokenFormat,
    user_token: i64,
    grants: &'static [GrantType],
    gates: &'static [Gate],
}

#[test]
fn the_profiles_say_what_the_reference_table_says() {
    use ClientAuthMethod::{ClientSecretBasic as Basic, ClientSecretPost as Post};
    use GrantType::{AuthorizationCode as Code, ClientCredentials as Client, Password};
    use TokenFormat::{Jwt, Opaque};
    let row = |name, token_path, client_auth, format, user_token, grants, gates| Row {
        name,
        token_path,
        client_auth,
        format,
        user_token,
        grants,
        gates,
    };
    let assets_gates = &[Gate::ContractSigned, Gate::TenantAdmin, Gate::DocumentsAccepted];
    let rows = [
        row("payments", "/oauth/token", &[Basic, Post], Jwt, 3600, &[Client, Code, Password], &[]),
        row("channel", "/oauth/v2/token", &[Basic], Jwt, 3600, &[Client], &[Gate::AccountApproved]),
        row("assets", "/oauth/token", &[Basic, Post], Jwt, 48 * 3600, &[Client, Code], assets_gates),
        row("deals", "/oauth/token", &[Basic], Jwt, 3600, &[Client], &[Gate::PartnerApproved]),
        row("banking", "/token", &[Post], Opaque, 3600, &[Client], &[]),
    ];
    let landscape = landscape();
    assert_eq!(landscape.manifest.profiles.len(), rows.len());
    for row in rows {
        let profile = &api(&landscape, row.name, "production").profile;
        let paths: Vec<_> = profile.token_paths.iter().map(|path| path.as_str()).collect();
        assert_eq!(paths, [row.token_path], "{}", row.name);
        assert_eq!(profile.client_auth, row.client_auth, "{}", row.name);
        assert_eq!(profile.token_format, row.format, "{}", row.name);
        assert_eq!(profile.signing_alg.as_str(), "ES256", "{}", row.name);
        assert_eq!(profile.lifetimes.client_token.seconds(), 3600, "{}", row.name);
        assert_eq!(profile.lifetimes.user_token.seconds(), row.user_token, "{}", row.name);
        assert_eq!(profile.grants, row.grants, "{}", row.name);
        let gates: Vec<Gate> = profile.gates.iter().map(|rule| rule.gate).collect();
        assert_eq!(gates, row.gates, "{}", row.name);
        assert!(!profile.fapi2, "{}", row.name);
    }
}

#[test]
fn refresh_and_keys_are_as_the_reference_table_says() {
    use GrantType::{AuthorizationCode as Code, Password};
    let landscape = landscape();
    let profile = |name| &api(&landscape, name, "production").profile;
    let payments = &profile("payments").refresh;
    assert_eq!((payments.grants.as_slice(), payments.rotation), (&[Code, Password][..], Rotation::Always));
    assert_eq!(payments.max_age.seconds(), 2_592_000, "S000-11: thirty days");
    assert_eq!(profile("deals").refresh.grants, [Code], "for a grant that is switched off");
    for never in ["channel", "assets", "banking"] {
        assert!(profile(never).refresh.grants.is_empty(), "{never}");
    }
    for name in ["payments", "channel", "deals", "banking"] {
        assert_eq!(profile(name).api_keys, grantor_core::profile::ApiKeyPolicy::Off, "{name}");
    }
    assert_eq!(profile("assets").api_keys, grantor_core::profile::ApiKeyPolicy::Provider, "S002-08");
    assert_eq!(profile("assets").lifetimes.api_key.seconds(), 365 * 86_400, "S002-07");
}

#[test]
fn every_api_has_an_unlimited_first_caller_for_machines_and_a_resource_server_that_calls_nothing() {
    let manifest = landscape().manifest;
    for api in &landscape().apis {
        let here = |app: &&crate::manifest::AppEntry| app.environments.contains(&api.environment);
        let callers: Vec<_> =
            manifest.apps.iter().filter(here).filter(|app| app.apis.contains(&api.name)).collect();
        let servers: Vec<_> =
            manifest.apps.iter().filter(here).filter(|app| app.introspects.contains(&api.name)).collect();
        assert_eq!(servers.len(), 1, "{} in {}", api.name, api.environment);
        // Other people's drivers take the first one for client_credentials.
        assert_eq!(callers[0].grants.as_deref(), Some(&[GrantType::ClientCredentials][..]));
        assert!(callers.iter().all(|app| app.tenant == callers[0].tenant));
        assert_ne!(callers[0].tenant, servers[0].tenant);
        assert!(servers[0].apis.is_empty());
        // The layer knows no other way.
        assert_eq!(servers[0].auth_method, Some(ClientAuthMethod::ClientSecretBasic));
        let access = manifest.accesses.iter().find(|access| {
            access.tenant == callers[0].tenant
                && access.apis.contains(&api.name)
                && access.environments.contains(&api.environment)
        });
        assert_eq!(access.map(|access| access.quota.as_str()), Some("unlimited"));
    }
}
