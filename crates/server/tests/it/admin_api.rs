//! The admin API: who may call it, how it refuses, what it never shows, and that every write leaves its trace.

mod bodies;
mod conditions;
mod document;
mod members;
mod once;
mod operators;
mod pages;
mod portal;
mod rights;
mod traces;
mod unstorable;

use grantor_server::http::admin::{Route, table};
use grantor_testkit::{Answer, Server};
use reqwest::Method;
use serde_json::{Value, json};

/// Every route: method and path below `/admin/v1`.
fn routes() -> Vec<(&'static str, &'static str)> {
    let named = |route: &Route| {
        let method = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|name| route.method == *name);
        (method.unwrap(), route.path)
    };
    table().routes().iter().map(named).collect()
}

fn filled(path: &str, ids: &Ids) -> String {
    path.replace("{environment}", "production")
        .replace("{tenant}", "acme")
        .replace("{api}", "payments")
        .replace("{client_id}", "acme-payments")
        .replace("{version}", "1")
        .replace("{user}", "admin@acme.example")
        .replace("{grant}", "gnt_0000000000000000")
        .replace("{key}", &ids.key)
        .replace("{case}", &ids.case)
        .replace("{incident}", &ids.incident)
        .replace("{document}", &ids.document)
        .replace("{webhook}", &ids.webhook)
        .replace("{message}", &ids.message)
        .replace("{operator}", &ids.operator)
}

/// What has an id that is made when the server starts.
struct Ids {
    key: String,
    document: String,
    webhook: String,
    message: String,
    case: String,
    operator: String,
    incident: String,
}

impl Ids {
    async fn of(server: &Server) -> Self {
        let documents = server.admin("GET", "/documents", json!({})).await.json();
        let document = documents["items"][0]["id"].as_str().unwrap().to_owned();
        let hooks = "/environments/production/webhooks";
        // Nobody listens there.
        let body = json!({ "tenant": "acme", "url": "http://127.0.0.1:9/", "events": ["key.expiring"] });
        let webhook = server.admin("POST", hooks, body).await.json()["id"].as_str().unwrap().to_owned();
        let tested = server.admin("POST", &format!("{hooks}/{webhook}/test"), json!({})).await.json();
        let message = tested["message"].as_str().unwrap().to_owned();
        let asked = json!({ "tenant": "acme", "kind": "other", "text": "A question." });
        let case = server.admin("POST", "/environments/production/cases", asked).await.json();
        let case = case["id"].as_str().unwrap().to_owned();
        let operators = server.admin("GET", "/operators", json!({})).await.json();
        let operator = operators["items"][0]["id"].as_str().unwrap().to_owned();
        let spilled = json!({ "tenant": "acme", "apis": ["payments"] });
        let spilled = server.new_app("production", spilled).await.secret;
        let incident = server.admin("POST", "/incidents", json!({ "value": spilled })).await.json();
        let incident = incident["id"].as_str().unwrap().to_owned();
        Self { key: key_id(server), document, webhook, message, case, operator, incident }
    }
}

/// The document, as it is committed.
fn document() -> Value {
    serde_json::from_str(include_str!("../../../../docs/admin-openapi.json")).unwrap()
}

async fn raw(server: &Server, method: &str, path: &str, bearer: Option<&str>, body: &str) -> Answer {
    let url = format!("{}{path}", server.contract()["operator"]["api_url"].as_str().unwrap());
    let mut request = server
        .http
        .request(Method::from_bytes(method.as_bytes()).unwrap(), url)
        .header("content-type", "application/json")
        .body(body.to_owned());
    if let Some(token) = bearer {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    server.send(request).await
}

fn operator(server: &Server) -> String {
    server.contract()["operator"]["api_token"].as_str().unwrap().to_owned()
}

fn key_id(server: &Server) -> String {
    server.api("production", "assets")["api_keys"][0]["id"].as_str().unwrap().to_owned()
}

fn assert_problem(answer: &Answer, what: &str) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}: {}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    let body = answer.json();
    assert_eq!(body["status"], answer.status, "{what}");
    for member in ["type", "title", "detail"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{what}: {member}");
    }
    assert!(body["type"].as_str().unwrap().starts_with("urn:grantor:problem:"));
    assert_eq!(body["request_id"], answer.header("x-request-id"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn k04_without_a_credential_every_route_is_401_before_anything_is_parsed() {
    let server = Server::start().await;
    let ids = Ids::of(&server).await;
    let mut cases: Vec<(&str, String)> =
        routes().into_iter().map(|(method, path)| (method, filled(path, &ids))).collect();
    // What does not exist is no different, nor is what cannot be read.
    cases.extend([
        ("GET", "/nothing".to_owned()),
        ("GET", String::new()),
        ("PATCH", "/tenants".to_owned()),
        ("GET", "/tenants?cursor=%zz&unknown=1".to_owned()),
        ("POST", "/environments/production/apps/acme-payments/secrets/abc/end".to_owned()),
        ("GET", "/environments/nowhere/apps".to_owned()),
    ]);
    for (method, path) in cases {
        for body in ["", "{}", "{\"malformed\":", "[[[["] {
            let answer = raw(&server, method, &path, None, body).await;
            assert_eq!(answer.status, 401, "{method} {path} {body}: {}", answer.text);
            assert_problem(&answer, &path);
            assert!(answer.header("www-authenticate").starts_with("Bearer "), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k02_no_credential_of_an_app_or_api_opens_the_admin_api() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let api = &server.api("production", "payments")["introspection"];
    let credentials = [
        server.token("production", "payments").await,
        server.token("production", "banking").await,
        server.key("production", "assets"),
        client.secret.clone(),
        api["client_secret"].as_str().unwrap().to_owned(),
        operator(&server).to_ascii_uppercase(),
        format!("{}x", operator(&server)),
    ];
    for credential in &credentials {
        let answer = raw(&server, "GET", "/tenants", Some(credential), "").await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        server.clock().pass(60);
    }
    let url = format!("{}/tenants", server.contract()["operator"]["api_url"].as_str().unwrap());
    for request in [
        server.http.get(&url).basic_auth(&client.id, Some(&client.secret)),
        server.http.get(&url).basic_auth("demo", Some(operator(&server))),
        server.http.get(format!("{url}?access_token={}", operator(&server))),
        server.http.get(&url).header("cookie", format!("token={}", operator(&server))),
    ] {
        assert_eq!(server.send(request).await.status, 401);
    }
    let good = raw(&server, "GET", "/tenants", Some(&operator(&server)), "").await;
    assert_eq!(good.status, 200);
    // The operator's token is no credential of an API, either.
    let seen = server.introspect("production", "payments", &operator(&server)).await;
    assert_eq!(seen.json(), json!({ "active": false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn i01_unknown_members_are_refused_and_nothing_is_written() {
    let server = Server::start().await;
    let key = key_id(&server);
    let app = "/environments/production/apps";
    let cases = [
        ("/tenants".to_owned(), json!({ "name": "evil", "status": "active" })),
        (app.to_owned(), json!({ "tenant": "acme", "apis": ["payments"], "trusted": true })),
        (app.to_owned(), json!({ "tenant": "acme", "apis": ["payments"], "tenant_id": "x" })),
        (app.to_owned(), json!({ "tenant": "acme", "apis": ["payments"], "client_secret": "chosen" })),
        (format!("{app}/acme-payments/secrets"), json!({ "secret": "chosen" })),
        (format!("{app}/acme-payments/secrets/1/end"), json!({ "force": true })),
        (
            "/environments/production/keys".to_owned(),
            json!({ "tenant": "acme", "apis": ["assets"], "key": "chosen" }),
        ),
        (format!("/environments/production/keys/{key}/revoke"), json!({ "reason": "x", "status": "active" })),
        ("/environments/production/signing-keys/rotate".to_owned(), json!({ "private": "x" })),
        (app.to_owned(), json!({ "tenant": "acme", "apis": ["payments"], "metadata": { "trusted": true } })),
        ("/environments/production/users".to_owned(), json!({ "email": "e@evil.test", "epoch": 9 })),
        (
            "/environments/production/webhooks".to_owned(),
            json!({ "url": "https://a.example/", "events": ["*"], "secret": "whsec_chosen" }),
        ),
        ("/documents".to_owned(), json!({ "kind": "evil", "version": { "texts": {}, "hash": "x" } })),
        ("/apply".to_owned(), json!({ "manifest": {}, "skip_checks": true })),
        ("/apply".to_owned(), json!({ "manifest": { "operator": [] } })),
        ("/apply".to_owned(), json!({ "manifest": { "tenant": [{ "name": "evil", "epoch": 9 }] } })),
    ];
    let audit = server.admin("GET", "/audit", json!({})).await.text;
    for (path, body) in cases {
        let answer = server.admin("POST", &path, body).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert_problem(&answer, &path);
    }
    assert_eq!(server.admin("GET", "/audit", json!({})).await.text, audit);
    assert_eq!(server.admin("GET", "/tenants/evil", json!({})).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn k03_no_read_shows_a_secret_a_hash_or_a_private_key() {
    let server = Server::start().await;
    let mut secrets = vec![operator(&server), server.key("production", "assets")];
    for api in ["payments", "channel", "assets", "deals", "banking"] {
        secrets.push(server.client("production", api).secret);
    }
    for role in ["tenant_admin", "end_user"] {
        secrets.push(server.person(role).password);
    }
    let ids = Ids::of(&server).await;
    for (method, path) in routes() {
        if method != "GET" {
            continue;
        }
        let path = filled(path, &ids);
        let answer = server.admin("GET", &path, json!({})).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        for secret in &secrets {
            assert!(!answer.text.contains(secret.as_str()), "{path} shows a secret");
        }
        for member in ["\"client_secret\"", "\"mac\"", "\"sealed\"", "\"pepper\":", "\"d\":", "$argon2"] {
            assert!(!answer.text.contains(member), "{path} has {member}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_a_client_id_is_taken_for_good_in_every_spelling() {
    let server = Server::start().await;
    let path = "/environments/production/apps";
    let body = |id: &str| json!({ "tenant": "acme", "apis": ["payments"], "client_id": id });
    let made = server.admin("POST", path, body("partner one")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["client_id"], "partner one");
    let taken = ["partner one", "Partner One", "partner%20one", "partner+one", "PARTNER%2520ONE"];
    let assert_taken = async || {
        for id in taken {
            let answer = server.admin("POST", path, body(id)).await;
            assert_eq!(answer.status, 409, "{id}: {}", answer.text);
            assert_problem(&answer, id);
        }
    };
    assert_taken().await;
    for bad in ["a:b", "a%3Ab", "", " a", "a\n", "usr_1", "grantor-admin", "https://a.example/x", "é"] {
        let answer = server.admin("POST", path, body(bad)).await;
        assert_eq!(answer.status, 400, "{bad:?}: {}", answer.text);
    }
    let elsewhere = server.admin("POST", "/environments/sandbox/apps", body("partner one")).await;
    assert_eq!(elsewhere.status, 201, "another environment has ids of its own");
    let deleted = server.admin("DELETE", &format!("{path}/partner%20one"), json!({})).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    let gone = server.admin("GET", &format!("{path}/partner%20one"), json!({})).await;
    assert_eq!(gone.status, 404);
    assert_taken().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem_with_the_id_of_its_request() {
    let server = Server::start().await;
    let token = operator(&server);
    let cases = [
        ("GET", "/nothing", "", 404),
        ("GET", "/tenants/nobody", "", 404),
        ("GET", "/environments/nowhere/apps", "", 404),
        ("GET", "/environments/production/apps/nobody", "", 404),
        ("GET", "/environments/production/keys/nokey", "", 404),
        ("GET", "/tenants?unknown=1", "", 400),
        ("POST", "/environments/production/apps/acme-payments/secrets/abc/end", "{}", 400),
        ("POST", "/tenants", "{", 400),
        ("POST", "/tenants", "{\"name\":\"acme\"}", 409),
        ("POST", "/environments/production/apps", "{\"tenant\":\"acme\",\"apis\":[\"nope\"]}", 422),
        ("POST", "/environments/production/apps", "{\"tenant\":\"acme\"}", 422),
    ];
    for (method, path, body, status) in cases {
        let answer = raw(&server, method, path, Some(&token), body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert_problem(&answer, path);
    }
    let request = server
        .http
        .post(format!("{}/tenants", server.contract()["operator"]["api_url"].as_str().unwrap()))
        .bearer_auth(&token)
        .header("content-type", "text/plain")
        .body("{}");
    let answer = server.send(request).await;
    assert_eq!(answer.status, 415);
    assert_problem(&answer, "media type");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_a_resource_does_not_take_is_405_and_told_which_it_takes() {
    let server = Server::start().await;
    let (token, ids) = (operator(&server), Ids::of(&server).await);
    let all = routes();
    for (_, path) in &all {
        let mut takes: Vec<&str> =
            all.iter().filter(|(_, other)| other == path).map(|(method, _)| *method).collect();
        if takes.contains(&"GET") {
            takes.push("HEAD");
        }
        let path = filled(path, &ids);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if takes.contains(&method) {
                continue;
            }
            let answer = raw(&server, method, &path, Some(&token), "").await;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            assert_problem(&answer, &path);
            let mut allowed: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
            allowed.sort_unstable();
            takes.sort_unstable();
            assert_eq!(allowed, takes, "{method} {path}");
        }
    }
}
