//! What a profile may say. Shape is refused by the parser, sense by `check`.

use grantor_core::lifetime::Lifetime;
use grantor_core::profile::{ApiKeyPolicy, ClaimSource, Profile, RESERVED_CLAIMS, RefreshPolicy, Rotation};
use serde_json::{Value, json};

use crate::facts::{profile, profile_document};

/// The document with some members replaced; `null` takes a member out.
fn with(changes: Value) -> Value {
    let mut document = profile_document("/oauth/token");
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(document.as_object_mut().unwrap().remove(name)),
            value => document[name] = value.clone(),
        }
    }
    document
}

fn parse(document: Value) -> Result<Profile, String> {
    serde_json::from_value(document).map_err(|error| error.to_string())
}

/// The sentence of a refusal by `check`, for a document that parses.
fn check(changes: Value) -> Option<&'static str> {
    parse(with(changes)).unwrap().check().err().map(|error| error.0)
}

#[test]
fn the_smallest_profile_is_good_and_its_defaults_are_careful() {
    let profile = profile("/oauth/token");
    assert_eq!(profile.check(), Ok(()));
    assert_eq!(profile.signing_alg, grantor_jose::Algorithm::Es256);
    let hour = Lifetime::hours(1);
    assert_eq!((profile.lifetimes.client_token, profile.lifetimes.user_token), (hour, hour));
    assert_eq!(profile.lifetimes.api_key, Lifetime::hours(8_760));
    assert_eq!(profile.api_keys, ApiKeyPolicy::Off);
    assert_eq!(
        profile.refresh,
        RefreshPolicy { grants: Vec::new(), rotation: Rotation::Always, max_age: Lifetime::hours(720) }
    );
    assert!(
        profile.server_scopes.is_empty()
            && profile.server_claims.is_empty()
            && profile.gates.is_empty()
            && !profile.fapi2
    );
}

#[test]
fn a_profile_survives_being_stored() {
    let full = with(json!({
        "title": "All of it",
        "signing_alg": "RS256",
        "token_format": "opaque",
        "lifetimes": { "client_token": 900, "user_token": 172_800, "api_key": 60 },
        "grants": ["client_credentials", "password"],
        "refresh": { "grants": ["password"], "rotation": "never", "max_age": 86_400 },
        "server_scopes": ["{scope_prefix}/payments"],
        "server_claims": { "organisation": "tenant.name" },
        "gates": ["account_approved", "tenant_admin"],
        "api_keys": "self_service",
    }));
    let profile = parse(full).unwrap();
    assert_eq!(profile.server_claims["organisation"], ClaimSource::TenantName);
    assert_eq!(profile.check(), Ok(()));
    assert_eq!(parse(serde_json::to_value(&profile).unwrap()), Ok(profile));
}

#[test]
fn what_has_no_safe_default_must_be_stated() {
    for name in ["name", "token_paths", "client_auth", "token_format", "grants"] {
        let error = parse(with(json!({ name: null }))).unwrap_err();
        assert!(error.contains("missing field") && error.contains(name), "{error}");
    }
}

#[test]
fn i01_an_unknown_key_is_refused_at_every_depth() {
    let documents = [
        with(json!({ "lifetime": 60 })),
        with(json!({ "lifetimes": { "client_tokens": 60 } })),
        with(json!({ "refresh": { "rotate": "never" } })),
    ];
    for document in documents {
        let error = parse(document).unwrap_err();
        assert!(error.contains("unknown field"), "{error}");
    }
}

#[test]
fn an_unknown_value_is_refused_and_letter_case_counts() {
    let documents = [
        json!({ "client_auth": ["private_key_jwt"] }),
        json!({ "client_auth": ["Client_Secret_Basic"] }),
        json!({ "token_format": "JWT" }),
        json!({ "token_format": "random" }),
        json!({ "signing_alg": "none" }),
        json!({ "signing_alg": "HS256" }),
        json!({ "signing_alg": "es256" }),
        json!({ "grants": ["implicit"] }),
        json!({ "grants": ["urn:ietf:params:oauth:grant-type:token-exchange"] }),
        json!({ "gates": ["vip"] }),
        json!({ "api_keys": "on" }),
        json!({ "refresh": { "rotation": "sometimes" } }),
        json!({ "server_claims": { "organisation": "request.body" } }),
        json!({ "name": "Standard" }),
        json!({ "name": "" }),
    ];
    for changes in documents {
        assert!(parse(with(changes.clone())).is_err(), "{changes}");
    }
}

#[test]
fn a_life_is_a_second_to_ten_years() {
    let life = |seconds: Value| parse(with(json!({ "lifetimes": { "client_token": seconds } })));
    for bad in
        [json!(0), json!(-1), json!(315_360_001), json!(i64::MAX), json!(1.5), json!("60"), json!(u64::MAX)]
    {
        assert!(life(bad.clone()).is_err(), "{bad}");
    }
    for good in [1, 315_360_000] {
        assert_eq!(life(json!(good)).unwrap().lifetimes.client_token.seconds(), good);
    }
}

#[test]
fn a_token_path_is_plain_and_does_not_hide_the_servers_own() {
    let path = |text: &str| parse(with(json!({ "token_paths": [text] })));
    for bad in [
        "",
        "/",
        "oauth/token",
        "//oauth",
        "/oauth/",
        "/oauth//token",
        "/oauth/../admin",
        "/./token",
        "/oauth/tok en",
        "/oauth/%74oken",
        "/oauth/token?x",
        "/oauth/token#x",
        "/oauth/{x}",
        "/oauth\\token",
        "https://a.example/token",
        "/jwks",
        "/introspect",
        "/revoke",
        "/admin/token",
        "/.well-known/token",
        "/livez",
    ] {
        assert!(path(bad).is_err(), "{bad}");
    }
    for good in ["/oauth/token", "/token", "/oauth/v2/token", "/a~b/-c_d.e", "/administration/token"] {
        assert_eq!(path(good).unwrap().token_paths[0].as_str(), good);
    }
    assert!(
        path(&format!("/{}", "x".repeat(127))).is_ok() && path(&format!("/{}", "x".repeat(128))).is_err()
    );
}

#[test]
fn a_profile_without_token_path_or_method_is_refused() {
    assert!(check(json!({ "token_paths": [] })).is_some_and(|why| why.contains("token path")));
    assert!(check(json!({ "client_auth": [] })).is_some_and(|why| why.contains("client_auth")));
}

#[test]
fn client_credentials_need_a_method_with_a_secret() {
    let only_public = json!({ "client_auth": ["none"] });
    assert!(check(only_public).is_some_and(|why| why.contains("RFC 6749 4.4")));
    assert_eq!(check(json!({ "client_auth": ["none", "client_secret_post"] })), None);
    assert_eq!(check(json!({ "client_auth": ["none"], "grants": ["authorization_code"] })), None);
}

#[test]
fn s000_14_client_credentials_never_get_a_refresh_token() {
    let refresh = |grants: Value| check(json!({ "refresh": { "grants": grants } }));
    assert!(refresh(json!(["client_credentials"])).is_some_and(|why| why.contains("RFC 6749 4.4.3")));
    assert!(refresh(json!(["password", "client_credentials"])).is_some());
    assert_eq!(refresh(json!(["password"])), None);
}

#[test]
fn fapi2_does_not_go_with_passwords() {
    assert!(check(json!({ "fapi2": true, "grants": ["password"] })).is_some_and(|why| why.contains("fapi2")));
    assert_eq!(check(json!({ "fapi2": false, "grants": ["password"] })), None);
    assert_eq!(check(json!({ "fapi2": true, "grants": ["authorization_code"] })), None);
}

#[test]
fn no_rule_sets_a_claim_of_the_server() {
    for name in RESERVED_CLAIMS {
        let claims = json!({ "server_claims": { "aaa": "tenant.name", name: "tenant.name" } });
        assert!(check(claims).is_some(), "{name}");
    }
    assert!(
        check(json!({ "server_claims": { "tid": "tenant.id" } })).is_some_and(|why| why.contains("GUID")),
        "tid has its own sentence"
    );
    assert_eq!(
        check(json!({ "server_claims": { "Tid": "tenant.id", "organisation": "tenant.name" } })),
        None
    );
}

#[test]
fn every_claim_of_an_access_token_is_reserved() {
    let draft = crate::facts::World::new().grant(&crate::facts::plain()).unwrap();
    let json = serde_json::to_value(&draft.claims).unwrap();
    for name in json.as_object().unwrap().keys() {
        assert!(RESERVED_CLAIMS.contains(&name.as_str()), "{name}");
    }
}
