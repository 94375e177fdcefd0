//! `Idempotency-Key`: what is asked for twice is made once and answered alike.

use grantor_server::http::admin::table;
use grantor_testkit::{Answer, Server};
use serde_json::{Value, json};

use super::operator;
use super::portal::with;

const APPS: &str = "/environments/production/apps";

async fn post(server: &Server, path: &str, body: Value, key: &str) -> Answer {
    with(server, &operator(server), ("POST", path), body, &[("idempotency-key", key)]).await
}

async fn count(server: &Server, path: &str) -> usize {
    let list = server.admin("GET", &format!("{path}?limit=200"), Value::Null).await.json();
    list["items"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_makes_one_thing_and_shows_the_same_secret_again() {
    let server = Server::start().await;
    let app = json!({ "tenant": "acme", "apis": ["payments"] });
    let key = json!({ "tenant": "acme", "apis": ["assets"] });
    let cases = [
        (APPS, app, 201),
        ("/environments/production/keys", key, 201),
        ("/tenants", json!({ "name": "third" }), 201),
        ("/operators", json!({ "name": "second" }), 201),
        (
            "/environments/production/users",
            json!({ "email": "a@people.test", "generate_password": true }),
            201,
        ),
    ];
    for (path, body, status) in cases {
        let before = count(&server, path).await;
        let first = post(&server, path, body.clone(), "one").await;
        assert_eq!(first.status, status, "{path}: {}", first.text);
        let second = post(&server, path, body.clone(), "one").await;
        assert_eq!((second.status, &second.text), (status, &first.text), "{path}");
        assert_eq!(second.header("idempotency-replayed"), "true");
        assert_eq!(second.header("cache-control"), "no-store");
        assert_ne!(second.header("x-request-id"), first.header("x-request-id"));
        assert_eq!(count(&server, path).await, before + 1, "{path}");
    }
    let rotated = post(&server, &format!("{APPS}/acme-payments/secrets"), json!({}), "s").await;
    let again = post(&server, &format!("{APPS}/acme-payments/secrets"), json!({}), "s").await;
    assert_eq!(rotated.json()["client_secret"], again.json()["client_secret"]);
    let other = post(&server, &format!("{APPS}/acme-payments/secrets"), json!({}), "t").await;
    assert_ne!(rotated.json()["client_secret"], other.json()["client_secret"], "another key, another secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_again_is_answered_alike_also_when_the_tag_has_moved_since() {
    let server = Server::start().await;
    let app = format!("{APPS}/acme-payments");
    let tag = server.admin("GET", &app, Value::Null).await.header("etag").to_owned();
    let headers = [("idempotency-key", "one"), ("if-match", tag.as_str())];
    let path = format!("{app}/secrets");
    let token = operator(&server);
    let first = with(&server, &token, ("POST", &path), json!({}), &headers).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let again = with(&server, &token, ("POST", &path), json!({}), &headers).await;
    assert_eq!((again.status, again.text), (201, first.text));
    let other = [("idempotency-key", "two"), ("if-match", tag.as_str())];
    assert_eq!(with(&server, &token, ("POST", &path), json!({}), &other).await.status, 412);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_body_one_path_and_one_caller_and_refusals_are_not_kept() {
    let server = Server::start().await;
    let body = |name: &str| json!({ "name": name });
    assert_eq!(post(&server, "/tenants", body("third"), "k").await.status, 201);
    let reused = post(&server, "/tenants", body("fourth"), "k").await;
    assert_eq!((reused.status, &reused.json()["type"]), (422, &json!("urn:grantor:problem:key_reused")));
    assert_eq!(post(&server, "/operators", body("third"), "k").await.status, 201, "another path");
    let helper = server.admin("POST", "/operators", body("helper")).await.json()["token"].clone();
    let by_other = with(
        &server,
        helper.as_str().unwrap(),
        ("POST", "/tenants"),
        body("third"),
        &[("idempotency-key", "k")],
    )
    .await;
    assert_eq!(by_other.status, 409, "another caller is not told what the first one was: {}", by_other.text);
    assert_eq!(post(&server, "/tenants", body("third"), "new").await.status, 409, "taken");
    assert_eq!(post(&server, "/tenants", body("fifth"), "new").await.status, 201, "a refusal keeps nothing");
    for bad in ["", &"x".repeat(201)] {
        assert_eq!(post(&server, "/tenants", body("sixth"), bad).await.status, 400, "{bad:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_carried_out() {
    let server = Server::start().await;
    let before = count(&server, APPS).await;
    let body = json!({ "tenant": "acme", "apis": ["payments"] });
    let tries: Vec<_> = (0..8).map(|_| post(&server, APPS, body.clone(), "race")).collect();
    let mut made = Vec::new();
    for answer in join_all(tries).await {
        match answer.status {
            201 => made.push(answer.json()["client_secret"].clone()),
            409 => assert_eq!(answer.header("retry-after"), "1", "{}", answer.text),
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert!(!made.is_empty() && made.iter().all(|secret| *secret == made[0]));
    assert_eq!(count(&server, APPS).await, before + 1);
}

/// All of them at once.
async fn join_all<F: Future<Output = Answer>>(tries: Vec<F>) -> Vec<Answer> {
    let mut tries: Vec<_> = tries.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        tries.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                done.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if tries.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_sealed_over_a_restart_and_for_a_day() {
    let server = Server::start_on_sqlite().await;
    let body = json!({ "tenant": "acme", "apis": ["payments"] });
    let first = post(&server, APPS, body.clone(), "day").await;
    let secret = first.json()["client_secret"].as_str().unwrap().to_owned();
    let server = server.restart().await;
    assert_eq!(post(&server, APPS, body.clone(), "day").await.text, first.text);
    for entry in std::fs::read_dir(server.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found || path.extension().is_none(), "{} holds the secret", path.display());
        }
    }
    server.clock().pass(24 * 3600 - 60);
    assert_eq!(post(&server, APPS, body.clone(), "day").await.text, first.text);
    server.clock().pass(61);
    let later = post(&server, APPS, body, "day").await;
    assert_eq!(later.status, 201);
    assert_ne!(later.text, first.text, "a new request");
}

#[test]
fn every_post_that_makes_something_takes_a_key() {
    let creates = |path: &str| table().routes().iter().any(|route| route.path == path && route.creates());
    for path in [
        "/tenants",
        "/operators",
        "/documents",
        "/environments/{environment}/apps",
        "/environments/{environment}/keys",
        "/environments/{environment}/users",
        "/environments/{environment}/apps/{client_id}/secrets",
    ] {
        assert!(creates(path), "{path}");
    }
}
