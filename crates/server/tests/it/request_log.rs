//! The request log of apps and keys, their counts, and the last use of their credentials: what an owner reads.

mod counts;
mod wrong_environment;

use grantor_core::error::Reason;
use grantor_core::request_log::fix;
use grantor_server::jobs;
use grantor_testkit::{Answer, Client, Server, basic};
use serde_json::{Value, json};

/// Where an app of the landscape stands in the admin API.
fn at(environment: &str, client_id: &str) -> String {
    format!("/environments/{environment}/apps/{client_id}")
}

/// What a path of the admin API shows.
async fn read(server: &Server, path: &str) -> Value {
    let answer = server.admin("GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

/// The items of a log or of notices.
async fn items(server: &Server, path: &str) -> Vec<Value> {
    read(server, path).await["items"].as_array().expect("items").clone()
}

async fn token_from(server: &Server, address: &str, client: &Client, form: &str) -> Answer {
    let url = server.token_endpoint("production", "payments");
    let request = server
        .http
        .post(url)
        .header("x-forwarded-for", address)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", basic(&client.id, &client.secret))
        .body(form.to_owned());
    server.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_in_the_log_at_once_with_its_reason_its_fix_and_the_id_of_its_request() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let refused = token_from(
        &server,
        "203.0.113.9",
        &client,
        "grant_type=client_credentials&scope=no:such&resource=https%3A%2F%2Fno.example",
    )
    .await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let log = items(&server, &format!("{}/log?outcome=refused", at("production", &client.id))).await;
    let entry = &log[0];
    assert_eq!(entry["request_id"], refused.header("x-request-id"));
    assert_eq!(entry["error"], refused.error());
    assert_eq!(entry["status"], 400);
    assert_eq!(entry["endpoint"], "token");
    assert_eq!(entry["address"], "203.0.113.9");
    assert_eq!(entry["grant_type"], "client_credentials");
    let reason = entry["reason"].as_str().and_then(Reason::from_name).expect("a reason");
    assert_eq!(entry["fix"], fix(reason));
    // A good request stands there, too, with its API, and is left out if only refusals are asked for.
    assert_eq!(
        token_from(&server, "203.0.113.9", &client, "grant_type=client_credentials").await.status,
        200
    );
    let all = items(&server, &format!("{}/log", at("production", &client.id))).await;
    assert_eq!((&all[0]["outcome"], &all[0]["api"]), (&json!("ok"), &json!("payments")));
    let good = items(&server, &format!("{}/log?outcome=ok&limit=1", at("production", &client.id))).await;
    assert_eq!(good, all[..1]);
    assert!(!all.iter().any(|entry| entry.to_string().contains(&client.secret)));
    let other = format!("{}/log?outcome=x", at("production", &client.id));
    assert_eq!(server.admin("GET", &other, Value::Null).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_guesses_washes_nothing_away_and_has_a_quarter_of_the_slots() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let path = format!("{}/log?limit=1000", at("production", &client.id));
    let own =
        token_from(&server, "203.0.113.9", &client, "grant_type=client_credentials&scope=no:such").await;
    assert_eq!(own.status, 400);
    let guess = Client { secret: "wrong".to_owned(), ..client.clone() };
    for host in 1..=10 {
        token_from(&server, &format!("192.0.2.{host}"), &guess, "grant_type=client_credentials").await;
    }
    let log = items(&server, &path).await;
    assert_eq!(log.iter().filter(|entry| entry["reason"] == "secret_mismatch").count(), 10, "{log:#?}");
    for host in 1..=120 {
        let refused =
            token_from(&server, &format!("198.51.100.{host}"), &guess, "grant_type=client_credentials").await;
        assert!([401, 429].contains(&refused.status), "{}", refused.status);
        if host % 40 == 0 {
            jobs::flush(server.node()).await.unwrap();
        }
    }
    let log = items(&server, &path).await;
    let with = |wanted: &[&str]| {
        log.iter()
            .filter(|entry| entry["reason"].as_str().is_some_and(|reason| wanted.contains(&reason)))
            .count()
    };
    assert!(log.iter().any(|entry| entry["request_id"] == own.header("x-request-id")), "it is there still");
    assert_eq!(with(&["secret_mismatch", "too_many_failures"]), 50, "{log:#?}");
    // From one address they are one entry with a count.
    for _ in 0..6 {
        token_from(&server, "192.0.2.77", &guess, "grant_type=client_credentials").await;
    }
    let log = items(&server, &path).await;
    let from_one: Vec<_> = log.iter().filter(|entry| entry["address"] == "192.0.2.77").collect();
    let counted: i64 = from_one.iter().map(|entry| entry["count"].as_i64().unwrap()).sum();
    assert!(from_one.len() <= 2 && counted == 6, "{from_one:#?}");
    assert!(log.iter().all(|entry| entry["credential_ends_in"].is_null() || entry["outcome"] == "refused"));
    assert!(from_one[0]["credential_ends_in"].is_null(), "four letters of a guess would be too many");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_at_its_size_and_survives_a_restart() {
    let server = Server::start().await;
    // An app of its own, so that the start of the landscape is not in its log.
    let body = json!({ "tenant": "acme", "apis": ["payments"] });
    let client = server.new_app("production", body).await;
    let mut last = String::new();
    for host in 1..=130 {
        let form = "grant_type=client_credentials&scope=no:such";
        let refused = token_from(&server, &format!("198.51.100.{host}"), &client, form).await;
        assert_eq!(refused.status, 400);
        last = refused.header("x-request-id").to_owned();
        if host == 70 {
            jobs::flush(server.node()).await.unwrap();
        }
    }
    let path = format!("{}/log?limit=1000", at("production", &client.id));
    jobs::flush(server.node()).await.unwrap();
    let before = items(&server, &path).await;
    assert_eq!(before.len(), 100);
    assert_eq!(before[0]["request_id"], last.as_str(), "the newest first");
    assert_eq!(before[99]["address"], "198.51.100.31", "the oldest made room");
    let server = server.restart().await;
    assert_eq!(items(&server, &path).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_was_refused_is_in_the_log_of_a_trusted_app() {
    let server = Server::start().await;
    let body = json!({ "tenant": "acme", "apis": ["payments"], "grants": ["authorization_code"],
        "metadata": { "redirect_uris": ["https://rp.example/cb"] } });
    let client = server.new_app("production", body).await;
    let url = format!("{}/authorize?response_type=code&client_id={}", server.issuer("production"), client.id);
    let mismatch = server.get(&format!("{url}&redirect_uri=https%3A%2F%2Frp.example%2Fother"), None).await;
    assert_eq!(mismatch.status, 400);
    let no_pkce = server.get(&format!("{url}&redirect_uri=https%3A%2F%2Frp.example%2Fcb"), None).await;
    assert_eq!(no_pkce.status, 303);
    let log = items(&server, &format!("{}/log", at("production", &client.id))).await;
    let seen: Vec<_> =
        log.iter().map(|entry| (&entry["endpoint"], &entry["reason"], &entry["status"])).collect();
    let authorize = json!("authorize");
    assert_eq!(
        seen,
        [
            (&authorize, &json!("pkce_missing"), &json!(303)),
            (&authorize, &json!("redirect_uri_mismatch"), &json!(400))
        ]
    );
    assert_eq!(log[1]["request_id"], mismatch.header("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verdicts_about_a_key_are_in_its_own_log() {
    let server = Server::start().await;
    let key = server.key("production", "assets");
    let id = server.api("production", "assets")["api_keys"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/environments/production/keys/{id}");
    assert_eq!(server.introspect("production", "assets", &key).await.json()["active"], true);
    server.admin("POST", &format!("{path}/revoke"), json!({ "reason": "test" })).await;
    assert_eq!(server.introspect("production", "assets", &key).await.json(), json!({ "active": false }));
    let asked = server.forward_auth("production", "assets", Some(&key), "GET", "/keys/self").await;
    assert_eq!(asked.status, 401);
    let log = items(&server, &format!("{path}/log")).await;
    let seen: Vec<_> = log
        .iter()
        .take(3)
        .map(|entry| (entry["endpoint"].as_str().unwrap(), entry["reason"].as_str(), entry["error"].as_str()))
        .collect();
    let revoked = Some("credential_revoked");
    let expected = [
        ("forward_auth", revoked, Some("invalid_token")),
        ("introspect", revoked, None),
        ("introspect", None, None),
    ];
    assert_eq!(seen, expected, "{log:#?}");
    assert!(log.iter().all(|entry| !entry.to_string().contains(&key)));
    assert_eq!(log[0]["credential_ends_in"], &key[key.len() - 4..]);
}
