//! What a manifest may not say, each in the words that its author reads; nothing of it is applied.

use grantor_testkit::Server;
use serde_json::{Value, json};

use crate::rfc6749_token::state;

async fn all_of_it(server: &Server) -> (Value, Value, Value, Value) {
    let (audit, apps) = state(server).await;
    let profiles = server.admin("GET", "/profiles", Value::Null).await.json();
    let apis = server.admin("GET", "/environments/production/apis", Value::Null).await.json();
    (audit, apps, profiles, apis)
}

/// Applies a new tenant and, beside it, what must be refused: neither may be there afterwards.
async fn refused(server: &Server, manifest: &str, text: &str) {
    let manifest = format!("[[tenant]]\nname = \"newcomer\"\n{manifest}");
    let answer = server.apply(&manifest).await;
    assert_eq!(answer.status, 422, "{text}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let detail = answer.json()["detail"].as_str().expect("a detail").to_owned();
    assert!(detail.contains(text), "{detail}\nshould say\n{text}");
    assert_eq!(server.admin("GET", "/tenants/newcomer", Value::Null).await.status, 404, "{text}");
}

const PROFILE: &str = "[[profile]]\nname = \"p\"\ntoken_paths = [\"/p\"]\nclient_auth = [\"client_secret_basic\"]\ntoken_format = \"jwt\"\ngrants = [\"client_credentials\"]\n";

fn api(more: &str) -> String {
    format!("[[api]]\nname = \"x\"\nenvironments = [\"production\"]\n{more}\n")
}

fn app(more: &str) -> String {
    format!("[[app]]\nclient_id = \"x\"\nenvironments = [\"production\"]\ntenant = \"acme\"\n{more}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_are_refused_by_their_rule() {
    let server = Server::start().await;
    let before = all_of_it(&server).await;
    let issuer = server.issuer("production");
    let environment = |name: &str, issuer: &str, stage: &str, more: &str| {
        format!("[[environment]]\nname = \"{name}\"\nissuer = \"{issuer}\"\nstage = \"{stage}\"\n{more}\n")
    };
    for (manifest, text) in [
        (
            environment("new", "https://new.example", "live", "scope_prefix = 'a b'"),
            "environment new: scope_prefix holds characters that no scope may hold".to_owned(),
        ),
        (
            environment("new", &issuer, "live", ""),
            format!("environment new: the issuer {issuer} belongs to environment production"),
        ),
        (
            environment("production", &issuer, "test", ""),
            "environment production: live and test cannot be exchanged; credentials are spelled with it"
                .to_owned(),
        ),
    ] {
        refused(&server, &manifest, &text).await;
    }
    assert_eq!(all_of_it(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_refused_by_their_rule() {
    let server = Server::start().await;
    let before = all_of_it(&server).await;
    for (from, to, text) in [
        ("[\"/p\"]", "[]", "profile p: a profile needs at least one token path"),
        ("[\"client_secret_basic\"]", "[]", "profile p: a profile needs at least one method in client_auth"),
        (
            "[\"client_secret_basic\"]",
            "[\"none\"]",
            "profile p: client_credentials needs a client authentication method with a secret",
        ),
        (
            "[\"client_credentials\"]\n",
            "[\"client_credentials\", \"password\"]\nfapi2 = true\n",
            "profile p: fapi2 does not go with the password grant",
        ),
        (
            "[\"client_credentials\"]\n",
            "[\"client_credentials\"]\nrefresh = { grants = [\"client_credentials\"] }\n",
            "profile p: client_credentials never gets a refresh token",
        ),
        (
            "[\"client_credentials\"]\n",
            "[\"client_credentials\"]\nserver_claims = { tid = \"tenant.id\" }\n",
            "profile p: the claim tid is always the tenant's GUID and needs no entry",
        ),
        (
            "[\"client_credentials\"]\n",
            "[\"client_credentials\"]\nserver_claims = { sub = \"tenant.id\" }\n",
            "profile p: server_claims may not replace a registered claim",
        ),
    ] {
        assert!(PROFILE.contains(from));
        refused(&server, &PROFILE.replace(from, to), text).await;
    }
    // A profile that is in use, and one that comes with its first API.
    let bad_scope = PROFILE
        .replace("[\"client_credentials\"]\n", "[\"client_credentials\"]\nserver_scopes = [\"a b\"]\n");
    let in_use = bad_scope.replace("\"p\"", "\"payments\"");
    refused(&server, &in_use, "profile payments: server_scopes holds something that is no scope").await;
    let with_api = format!("{bad_scope}{}", api("profile = \"p\"\naudience = \"https://x.example\""));
    refused(&server, &with_api, "profile p: server_scopes holds something that is no scope").await;
    assert_eq!(all_of_it(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn apis_are_refused_by_their_rule() {
    let server = Server::start().await;
    let before = all_of_it(&server).await;
    let taken = server.api("production", "payments")["audience"].as_str().expect("text").to_owned();
    let good = "profile = \"payments\"\naudience = \"https://x.example\"\n";
    let here = "api x in production: ";
    for (more, text) in [
        (
            "profile = \"nothing\"\naudience = \"https://x.example\"".to_owned(),
            "there is no profile nothing; define it in a [[profile]] or apply its file first".to_owned(),
        ),
        (
            "profile = \"payments\"\naudience = \"x\"".to_owned(),
            "audience must be an absolute URI without fragment".to_owned(),
        ),
        (
            "profile = \"payments\"\naudience = \"x:y#z\"".to_owned(),
            "audience must be an absolute URI without fragment".to_owned(),
        ),
        (
            "profile = \"payments\"\naudience = \"x: y\"".to_owned(),
            "audience must be an absolute URI without fragment".to_owned(),
        ),
        (
            format!("profile = \"payments\"\naudience = \"x:{}\"", "y".repeat(511)),
            "audience must be an absolute URI without fragment".to_owned(),
        ),
        (
            format!("profile = \"payments\"\naudience = \"{taken}\""),
            "the audience belongs to API payments".to_owned(),
        ),
        (format!("{good}scope = [{{ name = \"{}\" }}]", "{issuer}".repeat(12)), " is not a scope".to_owned()),
        (
            format!("{good}scope = [{{ name = \"openid\" }}]"),
            "openid belongs to OpenID Connect, not to an API".to_owned(),
        ),
        (
            format!("{good}contract = \"x.json\""),
            "the contract file was not read; send it as openapi".to_owned(),
        ),
        (
            format!("{good}url = \"https://x.example\"\nopenapi = \"nonsense\""),
            "the contract is not JSON: ".to_owned(),
        ),
        (
            format!("{good}url = \"https://x.example\"\nopenapi = \"[]\""),
            "the contract is not a JSON object".to_owned(),
        ),
        (format!("{good}openapi = \"{{}}\""), "the contract cannot be used: ".to_owned()),
    ] {
        let text = if text.starts_with(' ') { text } else { format!("{here}{text}") };
        refused(&server, &api(&more), &text).await;
    }
    let elsewhere = "[[api]]\nname = \"x\"\nenvironments = [\"moon\"]\nprofile = \"payments\"\naudience = \"https://x.example\"\n";
    refused(&server, elsewhere, "there is no environment moon").await;
    assert_eq!(all_of_it(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_accesses_and_apps_are_refused_by_their_rule() {
    let server = Server::start().await;
    let gone = json!({ "tenant": "acme", "client_id": "gone", "apis": ["payments"] });
    server.new_app("production", gone).await;
    assert!(server.admin("DELETE", "/environments/production/apps/gone", json!({})).await.status < 300);
    let before = all_of_it(&server).await;
    let access = |more: &str| format!("[[access]]\nquota = \"unlimited\"\n{more}\n");
    let production = "environments = [\"production\"]";
    for (manifest, text) in [
        (
            "[[tenant]]\nname = \"acme\"\nid = \"00000000-0000-4000-8000-000000000000\"\n".to_owned(),
            "tenant acme: it has another GUID already",
        ),
        (
            access(&format!("tenant = \"nobody\"\napis = [\"payments\"]\n{production}")),
            "there is no tenant nobody",
        ),
        (
            access("tenant = \"acme\"\napis = [\"payments\"]\nenvironments = [\"moon\"]"),
            "there is no environment moon",
        ),
        (
            access(&format!("tenant = \"acme\"\napis = [\"nothing\"]\n{production}")),
            "there is no API nothing in environment production",
        ),
        (
            access(&format!("tenant = \"acme\"\napis = [\"payments\"]\n{production}\nscopes = [\"a b\"]")),
            "access of acme: not a scope",
        ),
        (
            access(&format!(
                "tenant = \"acme\"\napis = [\"payments\"]\n{production}\nscopes = [\"deals:read\"]"
            )),
            "access of acme: API payments has no scope deals:read",
        ),
        (
            app("apis = [\"payments\"]").replace("\"x\"", "\"gone\""),
            "app gone in production: this client id belonged to an app that was deleted; choose another",
        ),
        (
            app("apis = [\"payments\"]").replace("\"x\"", "\"payments-api\""),
            "app payments-api in production: it belongs to another tenant",
        ),
        (app("apis = [\"payments\"]").replace("\"acme\"", "\"nobody\""), "there is no tenant nobody"),
        (app("apis = [\"payments\"]").replace("\"production\"", "\"moon\""), "there is no environment moon"),
        (app("apis = [\"nothing\"]"), "there is no API nothing in environment production"),
        (app("apis = [\"payments\"]\nscopes = [\"a b\"]"), "app x: not a scope"),
        (
            app("apis = [\"payments\"]\nscopes = [\"deals:read\"]"),
            "app x in production: The tenant's access does not allow one of the scopes.",
        ),
        (
            app(""),
            "app x in production: An app needs at least one API that it calls or is, or redirect URIs to sign users in.",
        ),
        (
            app("apis = [\"payments\"]").replace("\"acme\"", "\"provider\""),
            "app x in production: Access to this API is not approved.",
        ),
        (
            app("apis = [\"deals\"]\ngrants = [\"refresh_token\"]"),
            "app x in production: None of the app's APIs has one of these grants on.",
        ),
        (
            app("apis = [\"payments\"]\nauth_method = \"none\"\ngrants = [\"client_credentials\"]"),
            "app x in production: An app without secret cannot use client_credentials",
        ),
        (
            app(&format!("apis = [\"payments\"]\nname = \"{}\"", "n".repeat(201))),
            "app x in production: An app's name has at most 200 characters",
        ),
    ] {
        refused(&server, &manifest, text).await;
    }
    assert_eq!(all_of_it(&server).await, before);
    // A GUID of somebody else is found by the database only: a conflict, and nothing is written.
    let acme = server.admin("GET", "/tenants/acme", Value::Null).await.json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let answer = server.apply(&format!("[[tenant]]\nname = \"twin\"\nid = \"{acme}\"\n")).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert_eq!(all_of_it(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn i01_an_unknown_key_is_refused_at_every_depth_and_nothing_is_applied() {
    let server = Server::start().await;
    let before = state(&server).await;
    let profile = json!({ "name": "p", "token_paths": ["/p"], "client_auth": ["client_secret_basic"], "token_format": "jwt", "grants": [] });
    let with = |at: &str, name: &str| {
        let mut profile = profile.clone();
        if at.is_empty() {
            profile[name] = json!(true);
        } else {
            profile[at] = json!({ name: 1 });
        }
        json!({ "manifest": { "profile": [profile] } })
    };
    for body in [
        with("", "trusted"),
        with("lifetimes", "clinet_token"),
        with("refresh", "rotate"),
        json!({ "manifest": { "profiles": [] } }),
        json!({ "manifest": {}, "force": true }),
        json!({ "manifest": { "tenant": [{ "name": "t", "status": "active" }] } }),
        json!({ "manifest": { "app": [{ "client_id": "a", "environments": [], "tenant": "acme", "client_secret": "x" }] } }),
        json!({ "manifest": { "access": [{ "tenant": "acme", "apis": [], "environments": [], "status": "active" }] } }),
        json!({ "manifest": { "environment": [{ "name": "e", "issuer": "https://e.example", "stage": "live", "key": "x" }] } }),
        json!({ "manifest": { "api": [{ "name": "a", "environments": [], "profile": "p", "audience": "a:b", "scope": [{ "name": "s", "secret": 1 }] }] } }),
    ] {
        let answer = server.admin("POST", "/apply", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(
            answer.json()["detail"].as_str().expect("a detail").contains("unknown field"),
            "{}",
            answer.text
        );
    }
    assert_eq!(state(&server).await, before);
    for toml in ["[[profiles]]", "[[profile]]\nnaem = \"x\"", "[environment]\nname = \"x\""] {
        assert!(grantor_server::manifest::from_toml(toml).is_err(), "{toml}");
    }
}
