//! `ETag` and `If-Match`; and security case I04: what is read and sent back unchanged changes nothing.

use grantor_server::http::admin::table;
use grantor_testkit::Server;
use serde_json::{Value, json};

use super::portal::with;
use super::{Ids, document, filled, operator};

const APP: &str = "/environments/production/apps/acme-payments";

async fn newest(server: &Server) -> Value {
    server.admin("GET", "/audit", json!({})).await.json()["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn i04_every_resource_that_can_be_put_takes_back_what_was_read_and_nothing_changes() {
    let server = Server::start().await;
    let ids = Ids::of(&server).await;
    let table = table();
    let is_read = |path: &str| table.routes().iter().any(|route| route.method == "GET" && route.path == path);
    let mut seen = 0;
    for route in table.routes().iter().filter(|route| route.method == "PUT" && is_read(route.path)) {
        let path = filled(route.path, &ids);
        let before = newest(&server).await;
        let read = server.admin("GET", &path, Value::Null).await;
        assert_eq!(read.status, 200, "{path}: {}", read.text);
        let put = server.admin("PUT", &path, read.json()).await;
        assert_eq!((put.status, put.json()), (200, read.json()), "{path}: {}", put.text);
        assert_eq!(put.header("etag"), read.header("etag"), "{path}");
        assert_eq!(newest(&server).await, before, "{path} was written");
        let mut more = read.json();
        more["trusted"] = json!(true);
        let refused = server.admin("PUT", &path, more).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.text);
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn i01_a_read_only_member_may_be_sent_back_and_not_otherwise() {
    let server = Server::start().await;
    let read = server.admin("GET", APP, Value::Null).await.json();
    for (member, value) in [
        ("status", json!("closed")),
        ("epoch", json!(0.5)),
        ("client_id", json!("other")),
        ("environment", json!("sandbox")),
        ("created_at", Value::Null),
        ("secrets", json!([])),
    ] {
        let mut body = read.clone();
        body[member] = value;
        let answer = server.admin("PUT", APP, body).await;
        assert_eq!(answer.status, 422, "{member}: {}", answer.text);
        assert!(answer.json()["detail"].as_str().unwrap().starts_with(member), "{}", answer.text);
    }
    let mut body = read.clone();
    body["tenant"] = json!("provider");
    assert_eq!(server.admin("PUT", APP, body).await.status, 422);
    assert_eq!(server.admin("GET", APP, Value::Null).await.json(), read);
    let path = "/environments/production/users/admin@acme.example/memberships/acme";
    let moved = server.admin("PUT", path, json!({ "roles": ["viewer"], "tenant": "provider" })).await;
    assert_eq!(moved.status, 422, "{}", moved.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_resource_has_a_tag_that_changes_when_it_does_and_a_stale_one_changes_nothing() {
    let server = Server::start().await;
    let token = operator(&server);
    let send = async |method: &str, path: &str, body: Value, tag: &str| {
        with(&server, &token, (method, path), body, &[("if-match", tag)]).await
    };
    let cases = [
        ("/tenants/acme", "/tenants/acme"),
        (APP, APP),
        (
            "/environments/production/users/admin@acme.example",
            "/environments/production/users/admin@acme.example",
        ),
        (
            "/environments/production/accesses/acme/payments",
            "/environments/production/accesses/acme/payments",
        ),
    ];
    for (path, verbs) in cases {
        let first = server.admin("GET", path, Value::Null).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 20, "{path}: {tag:?}");
        assert_eq!(server.admin("GET", path, Value::Null).await.header("etag"), tag);
        let stale = send("POST", &format!("{verbs}/suspend"), json!({}), "\"0123\"").await;
        assert_eq!(stale.status, 412, "{path}: {}", stale.text);
        let weak = send("POST", &format!("{verbs}/suspend"), json!({}), &format!("W/{tag}")).await;
        assert_eq!(weak.status, 412, "{path}: {}", weak.text);
        assert_eq!(server.admin("GET", path, Value::Null).await.text, first.text);
        let done = send("POST", &format!("{verbs}/suspend"), json!({}), &tag).await;
        assert_eq!(
            (done.status, &done.json()["status"]),
            (200, &json!("suspended")),
            "{path}: {}",
            done.text
        );
        assert_ne!(done.header("etag"), tag);
        assert_eq!(send("POST", &format!("{verbs}/resume"), json!({}), &tag).await.status, 412, "{path}");
        let resumed = send("POST", &format!("{verbs}/resume"), json!({}), done.header("etag")).await;
        assert_eq!(resumed.status, 200, "{path}: {}", resumed.text);
    }
    let nowhere = send("POST", "/environments/production/apps/nobody/suspend", json!({}), "*").await;
    assert_eq!(nowhere.status, 404, "{}", nowhere.text);
    let tagless = send("POST", "/environments/production/signing-keys/rotate", json!({}), "*").await;
    assert_eq!(tagless.status, 400, "{}", tagless.text);
    let deleted = send("DELETE", APP, json!({}), "\"0123\"").await;
    assert_eq!(deleted.status, 412, "{}", deleted.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_is_honoured_wherever_the_document_names_it_and_refused_elsewhere() {
    let server = Server::start().await;
    let (token, ids) = (operator(&server), Ids::of(&server).await);
    let document = document();
    let (mut honoured, mut refused) = (0, 0);
    for route in table().routes().iter().filter(|route| route.method != "GET") {
        let method = route.method.as_str();
        let operation = &document["paths"][route.path][method.to_ascii_lowercase()];
        let mut parameters = operation["parameters"].as_array().unwrap().iter();
        let is_named = parameters.any(|parameter| parameter["name"] == "If-Match");
        assert_eq!(is_named, operation["responses"]["412"].is_object(), "{method} {}", route.path);
        let path = filled(route.path, &ids);
        let stale = [("if-match", "\"0123\"")];
        let answer = with(&server, &token, (method, &path), json!({}), &stale).await;
        assert_eq!(answer.status, if is_named { 412 } else { 400 }, "{method} {path}: {}", answer.text);
        *if is_named { &mut honoured } else { &mut refused } += 1;
    }
    assert!(honoured > 30 && refused > 10, "{honoured} honoured, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_with_the_same_tag_one_is_made_and_without_one_the_last_stands() {
    let server = Server::start().await;
    let token = operator(&server);
    let read = server.admin("GET", APP, Value::Null).await;
    let put = async |n: usize| {
        let mut body = read.json();
        body["name"] = json!(format!("Name {n}"));
        with(&server, &token, ("PUT", APP), body, &[("if-match", read.header("etag"))]).await.status
    };
    let (a, b, c, d) = tokio::join!(put(1), put(2), put(3), put(4));
    let mut statuses = [a, b, c, d];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412]);
    let unconditional = with(&server, &token, ("PUT", APP), read.json(), &[]).await;
    assert_eq!(unconditional.status, 200, "{}", unconditional.text);
    assert_eq!(unconditional.json()["name"], read.json()["name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_on_by_itself_neither_moves_the_tag_nor_stands_in_the_way_of_a_change() {
    let server = Server::start().await;
    let new =
        json!({ "tenant": "acme", "apis": ["payments"], "client_id": "counted", "secret_lifetime": 3600 });
    let made = server.new_app("production", new).await;
    let path = "/environments/production/apps/counted";
    let read = server.admin("GET", path, Value::Null).await;
    assert_eq!(server.request_token("production", "payments", &made).await.status, 200);
    server.clock().pass(60);
    let later = server.admin("GET", path, Value::Null).await;
    assert_ne!(later.text, read.text, "the countdown goes on, and the secret was used");
    assert_eq!(later.header("etag"), read.header("etag"));
    let tag = [("if-match", read.header("etag"))];
    let same = with(&server, &operator(&server), ("PUT", path), read.json(), &tag).await;
    assert_eq!((same.status, same.header("etag")), (200, read.header("etag")), "{}", same.text);
}
