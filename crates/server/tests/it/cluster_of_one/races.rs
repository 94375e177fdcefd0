//! Many at the same time: one winner each, and tokens without rows.

use std::collections::BTreeMap;

use grantor_testkit::{Server, basic};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Sends all at the same time; how often each status came back.
async fn at_once(requests: Vec<RequestBuilder>) -> BTreeMap<u16, usize> {
    let mut set = JoinSet::new();
    for request in requests {
        set.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let mut counts = BTreeMap::new();
    for status in set.join_all().await {
        *counts.entry(status).or_insert(0) += 1;
    }
    counts
}

fn admin_post(server: &Server, path: &str, body: &Value) -> RequestBuilder {
    let operator = &server.contract()["operator"];
    server
        .http
        .post(format!("{}{path}", operator["api_url"].as_str().unwrap()))
        .bearer_auth(operator["api_token"].as_str().unwrap())
        .json(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_secrets_made_at_once_at_most_ten_live() {
    let server = Server::start().await;
    let app = server.new_app("production", json!({ "tenant": "acme", "apis": ["payments"] })).await;
    let path = format!("/environments/production/apps/{}", app.id);
    for _ in 0..3 {
        let requests = (0..64).map(|_| admin_post(&server, &format!("{path}/secrets"), &json!({}))).collect();
        let counts = at_once(requests).await;
        assert!(
            counts.keys().all(|status| [201, 409, 422].contains(status)),
            "a clean answer each: {counts:?}"
        );
        let shown = server.admin("GET", &path, json!({})).await.json();
        let versions = shown["secrets"].as_array().unwrap();
        let living = versions.iter().filter(|version| version["status"] == "active").count();
        assert!(living <= 10, "{living}");
        let mut numbers: Vec<i64> =
            versions.iter().map(|version| version["version"].as_i64().unwrap()).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), versions.len(), "no number twice");
    }
    // One by one the limit is reached, and refused beyond.
    let mut last = 0;
    for _ in 0..10 {
        last = server.admin("POST", &format!("{path}/secrets"), json!({})).await.status;
    }
    assert_eq!(last, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_apps_with_one_client_id_exactly_one_is_made() {
    let server = Server::start().await;
    // The same id in another case is the same id.
    let requests = (0..64)
        .map(|number| {
            let id = if number % 2 == 0 { "Wanted-Id" } else { "wanted-id" };
            let body = json!({ "tenant": "acme", "apis": ["payments"], "client_id": id });
            admin_post(&server, "/environments/production/apps", &body)
        })
        .collect();
    let counts = at_once(requests).await;
    assert_eq!(counts, BTreeMap::from([(201, 1), (409, 63)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_suspensions_at_once_one_is_written_and_none_fails_uncleanly() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let requests = (0..64).map(|_| admin_post(&server, "/tenants/acme/suspend", &json!({}))).collect();
    let counts = at_once(requests).await;
    assert!(
        counts.keys().all(|status| [200, 409].contains(status)) && counts.contains_key(&200),
        "{counts:?}"
    );
    let tenant = server.admin("GET", "/tenants/acme", json!({})).await.json();
    assert_eq!(tenant["status"], "suspended");
    assert_eq!(tenant["epoch"], 1, "raised once");
    let verdicts = server.verdicts("production", "payments", &token, "/transfers").await;
    assert_eq!(verdicts, [false; 3]);
}

/// The rows of every table.
async fn row_counts(server: &Server) -> BTreeMap<String, i64> {
    let door = server.door().await;
    let mut counts = BTreeMap::new();
    for name in door.tables().await {
        let count = door.number(&format!("SELECT count(*) FROM {name}")).await;
        counts.insert(name, count);
    }
    counts
}

/// Issues tokens of a fresh app; the rows that there are more afterwards, and the sum of the counts.
async fn rows_of_issuing(tokens: usize) -> (BTreeMap<String, i64>, i64) {
    let mut server = Server::start().await;
    let app = server.new_app("production", json!({ "tenant": "acme", "apis": ["payments"] })).await;
    grantor_server::jobs::flush(server.node()).await.unwrap();
    // What was done before has its place in the audit: that is not of issuing.
    grantor_server::flow::audit::link(server.node()).await.unwrap();
    let before = row_counts(&server).await;
    let url = server.token_endpoint("production", "payments");
    let login = basic(&app.id, &app.secret);
    let mut set = JoinSet::new();
    for worker in 0..8 {
        let request = server
            .http
            .post(&url)
            .header("authorization", login.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let share = tokens / 8 + usize::from(worker < tokens % 8);
        set.spawn(async move {
            for _ in 0..share {
                let answer = request.try_clone().unwrap().send().await.unwrap();
                assert_eq!(answer.status(), 200);
                answer.bytes().await.unwrap();
            }
        });
    }
    set.join_all().await;
    server.stop().await;
    let after = row_counts(&server).await;
    let more = after
        .into_iter()
        .map(|(name, rows)| (name.clone(), rows - before[&name]))
        .filter(|(_, more)| *more != 0)
        .collect();
    let sum = format!(
        "SELECT coalesce(sum(count), 0) FROM usage_counts WHERE span = 'minute' AND kind = 'issued' \
         AND subject = (SELECT id FROM apps WHERE client_id = '{}')",
        app.id
    );
    (more, server.door().await.number(&sum).await)
}

/// Beside the count: the app's log, which is a ring, its head, and the last use of its secret.
fn assert_only_what_is_bounded(more: &BTreeMap<String, i64>) {
    assert_eq!(
        more.keys().collect::<Vec<_>>(),
        ["last_uses", "request_log", "request_log_heads", "usage_counts"],
        "{more:?}"
    );
    assert_eq!((more["last_uses"], more["request_log_heads"]), (1, 1), "{more:?}");
    assert!(more["request_log"] <= 50, "{more:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tokens_leave_one_count_per_app_and_minute_and_what_is_bounded() {
    let (more, counted) = rows_of_issuing(1_000).await;
    assert_eq!(counted, 1_000, "every token is counted");
    assert_only_what_is_bounded(&more);
    let minutes = more["usage_counts"];
    assert!((1..=5).contains(&minutes), "{minutes} rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_tokens_leave_one_count_per_app_and_minute_and_what_is_bounded() {
    if std::env::var_os("GRANTOR_FULL").is_none_or(|value| value != "1") {
        println!("not run: takes many minutes; set GRANTOR_FULL=1");
        return;
    }
    let (more, counted) = rows_of_issuing(1_000_000).await;
    println!("1,000,000 tokens: rows more per table {more:?}");
    assert_eq!(counted, 1_000_000);
    assert_only_what_is_bounded(&more);
}
