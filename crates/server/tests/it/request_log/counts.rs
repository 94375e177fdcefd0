//! Counts by minute, hour and day; what they say; and the last use of credentials.

use grantor_core::id::ApiKeyId;
use grantor_core::record::Used;
use grantor_server::jobs;
use grantor_testkit::{Client, Server, basic};
use serde_json::{Value, json};

use super::{at, read};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

async fn fresh(server: &Server) -> Client {
    let body = json!({ "tenant": "acme", "apis": ["payments"] });
    server.new_app("production", body).await
}

async fn token(server: &Server, client: &Client, more: &str) -> Value {
    let url = server.token_endpoint("production", "payments");
    let form = format!("grant_type=client_credentials{more}");
    server.post(&url, Some(&basic(&client.id, &client.secret)), &form).await.json()
}

/// The sums of what a usage page shows.
async fn sums(server: &Server, path: &str, by: &str, limit: i64) -> (i64, i64, i64) {
    let shown = read(server, &format!("{path}/usage?by={by}&limit={limit}")).await;
    let items = shown["items"].as_array().unwrap();
    let sum = |name: &str| items.iter().map(|item| item[name].as_i64().unwrap()).sum();
    let refused = items.iter().filter_map(|item| item["refused"]["invalid_scope"].as_i64()).sum();
    (sum("issued"), sum("verified"), refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_seen_at_once_and_longer_spans_outlive_shorter_ones() {
    let server = Server::start().await;
    let client = fresh(&server).await;
    let path = at("production", &client.id);
    for _ in 0..3 {
        let issued = token(&server, &client, "").await;
        let issued = issued["access_token"].as_str().unwrap();
        server.introspect("production", "payments", issued).await;
        server.forward_auth("production", "payments", Some(issued), "GET", "/transfers").await;
    }
    token(&server, &client, "&scope=no:such").await;
    let expected = (3, 6, 1);
    for _ in 0..2 {
        for (by, limit) in [("minute", 10), ("hour", 2), ("day", 2)] {
            assert_eq!(sums(&server, &path, by, limit).await, expected, "{by}");
        }
        jobs::flush(server.node()).await.unwrap();
    }
    for (days, by_minute, by_hour, by_day) in [
        (1, expected, expected, expected),
        (3, (0, 0, 0), expected, expected),
        (61, (0, 0, 0), (0, 0, 0), expected),
    ] {
        server.clock().pass(days * DAY);
        jobs::upkeep(server.node()).await.unwrap();
        assert_eq!(sums(&server, &path, "minute", 2 * 24 * 60).await, by_minute, "{days} days later");
        assert_eq!(sums(&server, &path, "hour", 60 * 24).await, by_hour, "{days} days later");
        assert_eq!(sums(&server, &path, "day", 730).await, by_day, "{days} days later");
    }
    let server = server.restart().await;
    server.clock().pass(731 * DAY);
    jobs::upkeep(server.node()).await.unwrap();
    assert_eq!(server.door().await.number("SELECT COUNT(*) FROM usage_counts").await, 0, "bounded");
    for wrong in ["by=week", "by=day&limit=731", "limit=0"] {
        let refused = server.admin("GET", &format!("{path}/usage?{wrong}"), Value::Null).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
}

/// Memory must not follow the number of credentials that are used in a minute.
#[tokio::test(flavor = "multi_thread")]
async fn uses_wait_for_their_minute_unless_there_are_very_many() {
    let server = Server::start().await;
    let node = server.node();
    let note = |numbers: std::ops::Range<u128>| {
        let keys = numbers.map(|number| ApiKeyId::from_bytes(number.to_be_bytes()));
        keys.for_each(|key| node.activity.uses.note(Used::Key(key), node.now(), None));
    };
    let stored =
        async || server.door().await.number("SELECT COUNT(*) FROM last_uses WHERE version = 0").await;
    note(0..25_000);
    jobs::flush(node).await.unwrap();
    assert_eq!(stored().await, 0, "each would be written again and again");
    note(25_000..50_000);
    jobs::flush(node).await.unwrap();
    assert_eq!(stored().await, 50_000);
    assert_eq!(node.activity.uses.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_requests_a_token_per_call_is_told_so() {
    let server = Server::start().await;
    let client = fresh(&server).await;
    let grade = async || {
        let shown = read(&server, &format!("{}/usage", at("production", &client.id))).await;
        (shown["last_day"]["grade"].as_str().unwrap().to_owned(), shown["last_day"].clone())
    };
    assert_eq!(grade().await.0, "few");
    let mut last = String::new();
    for _ in 0..60 {
        last = token(&server, &client, "").await["access_token"].as_str().unwrap().to_owned();
    }
    let (unseen, shown) = grade().await;
    assert_eq!((unseen.as_str(), &shown["tokens_per_call"]), ("unseen", &Value::Null));
    for _ in 0..60 {
        server.introspect("production", "payments", &last).await;
    }
    let (grade, shown) = grade().await;
    assert_eq!(grade, "token_per_call");
    assert_eq!(shown["tokens_per_call"], 1.0);
    assert!(shown["advice"].as_str().unwrap().contains("expires_in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_a_secret_and_a_key_is_shown_before_and_after_it_is_written() {
    let server = Server::start().await;
    let client = fresh(&server).await;
    let path = at("production", &client.id);
    let secrets = async |server: &Server| read(server, &path).await["secrets"].clone();
    assert_eq!(secrets(&server).await[0]["last_used_at"], Value::Null);
    token(&server, &Client { secret: "wrong".to_owned(), ..client.clone() }, "").await;
    assert_eq!(secrets(&server).await[0]["last_used_at"], Value::Null, "a wrong one is no use");
    token(&server, &client, "").await;
    let used = secrets(&server).await;
    assert_eq!(used[0]["last_used_from"], "127.0.0.1");
    assert!(used[0]["last_used_at"].is_string());

    let id = server.api("production", "assets")["api_keys"][0]["id"].as_str().unwrap().to_owned();
    let key_path = format!("/environments/production/keys/{id}");
    let key = server.key("production", "assets");
    server.introspect("production", "assets", &key).await;
    let introspected = read(&server, &key_path).await;
    assert!(introspected["last_used_at"].is_string());
    assert_eq!(introspected["last_used_from"], Value::Null, "the API asked, and not the caller");
    let asked = server.forward_auth("production", "assets", Some(&key), "GET", "/keys/self").await;
    assert_eq!(asked.status, 200);
    let shown = read(&server, &key_path).await;
    assert_eq!(shown["last_used_from"], "127.0.0.1");

    jobs::upkeep(server.node()).await.unwrap();
    let server = server.restart().await;
    assert_eq!(secrets(&server).await, used);
    assert_eq!(read(&server, &key_path).await, shown);
    let list = read(&server, "/environments/production/keys").await;
    let listed = list["items"].as_array().unwrap().iter().find(|item| item["id"] == id.as_str()).unwrap();
    assert_eq!(listed["last_used_at"], shown["last_used_at"]);
    let usage = read(&server, &format!("{key_path}/usage?by=day")).await;
    assert_eq!(usage["items"][0]["verified"], 2);
}
