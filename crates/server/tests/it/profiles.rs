//! Profiles are data: five in one process, a sixth by hand, and changes while requests flow.

mod refusals;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use grantor_testkit::{Answer, Client, Server, basic};
use serde_json::{Value, json};

use crate::rfc6749_token::{missing, refused, state};
use crate::rfc9068_at_jwt::{GOOD, part, verdicts};

const GRANT: &str = "grant_type=client_credentials";

/// An API that nobody has thought of: other paths, another algorithm, own scopes and claims, keys, a contract as text.
const LEDGER: &str = r#"
[[profile]]
name = "ledger"
title = "Written by hand"
token_paths = ["/ledger/v3/token", "/ledger/token"]
client_auth = ["client_secret_post"]
token_format = "jwt"
signing_alg = "EdDSA"
grants = ["client_credentials"]
server_scopes = ["{scope_prefix}.ledger"]
server_claims = { partner = "tenant.name", where = "environment.name" }
api_keys = "self_service"
lifetimes = { client_token = 120, api_key = 86400 }

[[api]]
name = "ledger"
title = "Ledger"
environments = ["production", "sandbox"]
profile = "ledger"
audience = "https://ledger.example/{environment}"
url = "https://ledger.example/v3"
openapi = '''
{"openapi": "3.1.0", "info": {"title": "Ledger", "version": "1"},
 "components": {"securitySchemes": {"oauth": {"type": "oauth2", "flows": {}}}},
 "paths": {"/entries": {
   "get": {"x-grantor-credential": ["client", "api_key"], "security": [{"oauth": ["ledger:read"]}], "responses": {}},
   "post": {"x-grantor-credential": ["client"], "security": [{"oauth": ["ledger:write"]}], "responses": {}}}}}
'''
scope = [{ name = "ledger:read", description = "See entries" }, { name = "ledger:write" }]

[[tenant]]
name = "books"
title = "Books & Co"

[[access]]
tenant = "books"
apis = ["ledger"]
environments = ["production", "sandbox"]

[[app]]
client_id = "books-app"
environments = ["production", "sandbox"]
tenant = "books"
apis = ["ledger"]

[[app]]
client_id = "ledger-api"
environments = ["production", "sandbox"]
tenant = "provider"
introspects = ["ledger"]
"#;

async fn dry_run(server: &Server, manifest: &str) -> Answer {
    let manifest = grantor_server::manifest::from_toml(manifest).expect("the manifest parses");
    server.admin("POST", "/apply", json!({ "manifest": manifest, "dry_run": true })).await
}

async fn secret_of(server: &Server, environment: &str, client_id: &str) -> Client {
    let path = format!("/environments/{environment}/apps/{client_id}/secrets");
    let answer = server.admin("POST", &path, json!({})).await;
    Client {
        id: client_id.to_owned(),
        secret: answer.json()["client_secret"].as_str().expect("a secret").to_owned(),
    }
}

fn actions(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let changes = answer.json()["changes"].as_array().expect("changes").clone();
    changes.iter().map(|change| change["action"].as_str().expect("an action").to_owned()).collect()
}

async fn discovery(server: &Server) -> Value {
    server
        .get(&format!("{}/.well-known/oauth-authorization-server", server.issuer("production")), None)
        .await
        .json()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_profiles_live_in_one_process_in_two_environments() {
    let server = Server::start().await;
    for environment in ["production", "sandbox"] {
        for (api, path, jwt) in [
            ("payments", "/oauth/token", true),
            ("channel", "/oauth/v2/token", true),
            ("assets", "/oauth/token", true),
            ("deals", "/oauth/token", true),
            ("banking", "/token", false),
        ] {
            assert_eq!(
                server.token_endpoint(environment, api),
                format!("{}{path}", server.issuer(environment))
            );
            let token = server.token(environment, api).await;
            assert_eq!(token.matches('.').count() == 2, jwt, "{environment}/{api}");
            assert_eq!(verdicts(&server, environment, api, &token).await, GOOD, "{environment}/{api}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_of_authentication_is_that_of_the_chosen_api_on_every_path() {
    let server = Server::start().await;
    for (api, by_basic, by_body) in [
        ("payments", 200, 200),
        ("channel", 200, 401),
        ("assets", 200, 200),
        ("deals", 200, 401),
        ("banking", 401, 200),
    ] {
        let Client { id, secret } = server.client("production", api);
        for path in ["/oauth/token", "/oauth/v2/token", "/token"] {
            let url = format!("{}{path}", server.issuer("production"));
            let answer = server.post(&url, Some(&basic(&id, &secret)), GRANT).await;
            assert_eq!(answer.status, by_basic, "{api} {path} by header");
            let answer =
                server.post(&url, None, &format!("{GRANT}&client_id={id}&client_secret={secret}")).await;
            assert_eq!(answer.status, by_body, "{api} {path} by body");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sixth_profile_by_hand_works_in_all_its_parts() {
    let server = Server::start().await;
    let Client { id, secret } = {
        assert!(actions(&server.apply(LEDGER).await).iter().all(|action| action == "create"));
        secret_of(&server, "production", "books-app").await
    };
    let issuer = server.issuer("production");
    let form = format!("{GRANT}&client_id={id}&client_secret={secret}");
    for path in ["/ledger/v3/token", "/ledger/token", "/oauth/token"] {
        let answer = server.post(&format!("{issuer}{path}"), None, &form).await;
        assert_eq!((answer.status, answer.json()["expires_in"].as_i64()), (200, Some(120)), "{path}");
    }
    let answer = server.post(&format!("{issuer}/ledger/token"), Some(&basic(&id, &secret)), GRANT).await;
    refused(&answer, 401, "invalid_client");

    let answer = server.post(&format!("{issuer}/ledger/token"), None, &form).await;
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(claims["aud"], "https://ledger.example/production");
    assert_eq!(claims["scope"], "ledger:read ledger:write prod.ledger");
    assert_eq!((&claims["partner"], &claims["where"]), (&json!("books"), &json!("production")));
    let jwks = server.get(&format!("{issuer}/jwks"), None).await.json();
    let kids: Vec<&Value> = jwks["keys"].as_array().expect("keys").iter().map(|key| &key["kid"]).collect();
    assert!(kids.contains(&&header["kid"]) && kids.len() >= 2);

    let api = secret_of(&server, "production", "ledger-api").await;
    let url = format!("{issuer}/introspect");
    let seen = server.post(&url, Some(&basic(&api.id, &api.secret)), &format!("token={token}")).await;
    assert_eq!((&seen.json()["active"], &seen.json()["credential_kind"]), (&json!(true), &json!("client")));

    let body = json!({ "tenant": "books", "apis": ["ledger"] });
    let key = server.admin("POST", "/environments/production/keys", body).await.json();
    let key = key["key"].as_str().expect("a key").to_owned();
    for (credential, method, status) in
        [(&token, "GET", 200), (&token, "POST", 200), (&key, "GET", 200), (&key, "POST", 403)]
    {
        let request = server
            .http
            .get(format!("{issuer}/forward-auth/ledger"))
            .bearer_auth(credential)
            .header("x-forwarded-method", method)
            .header("x-forwarded-uri", "/v3/entries");
        assert_eq!(server.send(request).await.status, status, "{method}");
    }
    server.clock().pass(120);
    let seen = server.post(&url, Some(&basic(&api.id, &api.secret)), &format!("token={token}")).await;
    assert_eq!(seen.text, "{\"active\":false}");

    // The sandbox spells its own scope and has keys of its own.
    let client = secret_of(&server, "sandbox", "books-app").await;
    let form = format!("{GRANT}&client_id={}&client_secret={}", client.id, client.secret);
    let answer = server.post(&format!("{}/ledger/token", server.issuer("sandbox")), None, &form).await;
    let sandbox = answer.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(part(&sandbox, 1)["scope"], "ledger:read ledger:write test.ledger");
    assert!(!kids.contains(&&part(&sandbox, 0)["kid"]));
    assert!(discovery(&server).await["scopes_supported"].to_string().contains("prod.ledger"));
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_again_changes_nothing_and_a_dry_run_never_does() {
    let server = Server::start().await;
    let before = state(&server).await;
    let documents = discovery(&server).await;
    let shown = dry_run(&server, LEDGER).await;
    assert_eq!(shown.json()["dry_run"], true);
    assert!(actions(&shown).iter().all(|action| action == "create"));
    assert_eq!(state(&server).await, before);
    assert_eq!(discovery(&server).await, documents);
    let path = format!("{}/ledger/token", server.issuer("production"));
    missing(&server.post(&path, None, GRANT).await);

    let applied = server.apply(LEDGER).await;
    assert_eq!(applied.json()["dry_run"], false);
    assert_eq!(actions(&applied), actions(&shown));
    let before = state(&server).await;
    for again in [server.apply(LEDGER).await, dry_run(&server, LEDGER).await] {
        assert!(actions(&again).iter().all(|action| action == "unchanged"), "{}", again.text);
    }
    assert_eq!(state(&server).await, before);
    // What the demo was made from is as it was applied.
    for example in [
        include_str!("../../../../examples/profiles/payments.toml"),
        include_str!("../../../../examples/profiles/channel.toml"),
        include_str!("../../../../examples/profiles/assets.toml"),
        include_str!("../../../../examples/profiles/deals.toml"),
        include_str!("../../../../examples/profiles/banking.toml"),
    ] {
        assert_eq!(actions(&server.apply(example).await), ["unchanged"]);
    }
    assert_eq!(state(&server).await, before);

    // One difference is one line, with the field, what it was and what it becomes.
    let changed = LEDGER.replace("client_token = 120", "client_token = 121");
    let shown = dry_run(&server, &changed).await;
    let lines: Vec<Value> = shown.json()["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .filter(|line| line["action"] == "update")
        .cloned()
        .collect();
    assert_eq!(lines.len(), 1, "{}", shown.text);
    assert_eq!((&lines[0]["kind"], &lines[0]["name"]), (&json!("profile"), &json!("ledger")));
    assert_eq!(lines[0]["fields"].as_array().expect("fields").len(), 1);
    assert_eq!(lines[0]["fields"][0]["field"], "lifetimes");
    assert_eq!(lines[0]["fields"][0]["from"]["client_token"], 120);
    assert_eq!(lines[0]["fields"][0]["to"]["client_token"], 121);
    assert_eq!(state(&server).await, before);
}

fn payments(path: &str, auth: &str, format: &str, lifetime: u32) -> String {
    format!(
        "[[profile]]\nname = \"payments\"\ntoken_paths = [{path}]\nclient_auth = [{auth}]\ntoken_format = \"{format}\"\n\
         grants = [\"client_credentials\"]\n[profile.lifetimes]\nclient_token = {lifetime}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_changes_while_requests_flow_and_none_of_them_fails() {
    let server = Arc::new(Server::start().await);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (server, stop, done) = (server.clone(), stop.clone(), done.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    for api in ["payments", "deals"] {
                        let token = server.token("production", api).await;
                        let seen = server.introspect("production", api, &token).await;
                        assert_eq!(seen.json()["active"], true, "{}", seen.text);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let Client { id, secret } = server.client("production", "payments");
    let issuer = server.issuer("production");
    let (path, alias) = (format!("{issuer}/oauth/token"), format!("{issuer}/new/token"));
    let header = basic(&id, &secret);
    let in_body = format!("{GRANT}&client_id={id}&client_secret={secret}");
    let old = server.token("production", "payments").await;
    assert_eq!(old.matches('.').count(), 2);
    missing(&server.post(&alias, Some(&header), GRANT).await);

    // JWT -> opaque: the next token is sealed, and the ones from before stay good.
    let both = "\"client_secret_basic\", \"client_secret_post\"";
    assert_eq!(actions(&server.apply(&payments("\"/oauth/token\"", both, "opaque", 3600)).await), ["update"]);
    let sealed = server.token("production", "payments").await;
    assert_eq!(sealed.matches('.').count(), 0);
    for token in [&old, &sealed] {
        assert_eq!(verdicts(&server, "production", "payments", token).await, GOOD);
    }
    // The lifetime.
    assert_eq!(actions(&server.apply(&payments("\"/oauth/token\"", both, "jwt", 60)).await), ["update"]);
    let answer = server.post(&path, Some(&header), GRANT).await;
    assert_eq!(answer.json()["expires_in"].as_i64(), Some(60));
    let short = answer.json()["access_token"].as_str().expect("a token").to_owned();
    let claims = part(&short, 1);
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(60));
    // A new path beside the old one.
    assert_eq!(
        actions(&server.apply(&payments("\"/oauth/token\", \"/new/token\"", both, "jwt", 60)).await),
        ["update"]
    );
    assert_eq!(server.post(&alias, Some(&header), GRANT).await.status, 200);
    assert_eq!(server.post(&path, None, &in_body).await.status, 200);
    // Fewer ways of authentication.
    let header_only = "\"client_secret_basic\"";
    let narrowed = payments("\"/oauth/token\", \"/new/token\"", header_only, "jwt", 60);
    assert_eq!(actions(&server.apply(&narrowed).await), ["update"]);
    refused(&server.post(&path, None, &in_body).await, 401, "invalid_client");
    assert_eq!(server.post(&path, Some(&header), GRANT).await.status, 200);

    // Discovery names the union of what is on, and the canonical path of the first API.
    let before = discovery(&server).await;
    assert_eq!(
        before["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post"])
    );
    assert_eq!(before["token_endpoint"], path);
    let others = "[[profile]]\nname = \"assets\"\ntoken_paths = [\"/assets/token\", \"/oauth/token\"]\nclient_auth = [\"client_secret_basic\"]\ntoken_format = \"jwt\"\ngrants = [\"client_credentials\"]\n\
        [[profile]]\nname = \"banking\"\ntoken_paths = [\"/token\"]\nclient_auth = [\"client_secret_basic\"]\ntoken_format = \"opaque\"\ngrants = [\"client_credentials\"]\n";
    assert_eq!(actions(&server.apply(others).await), ["update", "update"]);
    let after = discovery(&server).await;
    assert_eq!(after["token_endpoint_auth_methods_supported"], json!(["client_secret_basic"]));
    assert_eq!(after["revocation_endpoint_auth_methods_supported"], json!(["client_secret_basic"]));
    assert_eq!(after["token_endpoint"], format!("{issuer}/assets/token"));
    assert!(!after["scopes_supported"].to_string().contains("null"));
    let banking = server.client("production", "banking");
    let by_header =
        server.post(&format!("{issuer}/token"), Some(&basic(&banking.id, &banking.secret)), GRANT).await;
    assert_eq!(by_header.status, 200);

    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.expect("no request has failed");
    }
    assert!(done.load(Ordering::Relaxed) >= 6, "the loop ran");
}
