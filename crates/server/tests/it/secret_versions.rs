//! The versions of an app's secret: begun later, ended by plan, and a rotation taken back. And the client id's own check.

use grantor_testkit::{Answer, Client, Server};
use serde_json::{Value, json};

const APPS: &str = "/environments/production/apps";

async fn app(server: &Server) -> Client {
    server
        .new_app("production", json!({ "tenant": "acme", "apis": ["payments"], "client_id": "turning" }))
        .await
}

async fn rotate(server: &Server, body: Value) -> (i64, Client) {
    let answer = server.admin("POST", &format!("{APPS}/turning/secrets"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let secret = answer.json()["client_secret"].as_str().unwrap().to_owned();
    (answer.json()["version"].as_i64().unwrap(), Client { id: "turning".to_owned(), secret })
}

async fn act(server: &Server, version: i64, verb: &str, body: Value) -> Answer {
    server.admin("POST", &format!("{APPS}/turning/secrets/{version}/{verb}"), body).await
}

async fn versions(server: &Server) -> Vec<Value> {
    let answer = server.admin("GET", &format!("{APPS}/turning/secrets"), json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"].as_array().unwrap().clone()
}

async fn works(server: &Server, client: &Client) -> bool {
    match server.request_token("production", "payments", client).await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_an_overlap_counts_down_and_ends_at_the_set_time() {
    let server = Server::start().await;
    let old = app(&server).await;
    let (version, new) = rotate(&server, json!({ "end_others_after": 3_600 })).await;
    let shown = versions(&server).await;
    assert_eq!(shown[0]["replaced_by"], version);
    assert!((3_590..=3_600).contains(&shown[0]["seconds_left"].as_i64().unwrap()), "{}", shown[0]);
    assert_eq!(shown[1]["seconds_left"], Value::Null);
    assert!(!shown.iter().any(|one| one.to_string().contains(&new.secret)));
    assert!(works(&server, &old).await && works(&server, &new).await);
    server.clock().pass(3_601);
    assert!(!works(&server, &old).await && works(&server, &new).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_taken_back_while_its_overlap_lasts() {
    let server = Server::start().await;
    let old = app(&server).await;
    let (version, new) = rotate(&server, json!({ "end_others_after": 3_600 })).await;
    let cancelled = act(&server, version, "cancel", json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text);
    assert!(works(&server, &old).await && !works(&server, &new).await);
    server.clock().pass(7_200);
    assert!(works(&server, &old).await, "its end is lifted");
    assert_eq!(act(&server, version, "cancel", json!({})).await.status, 422, "once");

    let (version, newer) = rotate(&server, json!({ "end_others_after": 3_600 })).await;
    server.clock().pass(3_601);
    assert_eq!(act(&server, version, "cancel", json!({})).await.status, 422, "the overlap is over");
    assert!(!works(&server, &old).await && works(&server, &newer).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_ended_by_hand_never_comes_back() {
    let server = Server::start().await;
    let old = app(&server).await;
    let (version, new) = rotate(&server, json!({ "end_others_after": 3_600 })).await;
    assert_eq!(act(&server, 1, "end", json!({})).await.status, 200);
    assert_eq!(act(&server, version, "cancel", json!({})).await.status, 422);
    assert!(!works(&server, &old).await && works(&server, &new).await, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_a_person_chose_stays_when_the_rotation_is_taken_back() {
    let server = Server::start().await;
    let old = app(&server).await;
    let (version, _) = rotate(&server, json!({ "end_others_after": 3_600 })).await;
    assert_eq!(act(&server, 1, "schedule-end", json!({ "after": 7_200 })).await.status, 422, "never later");
    assert_eq!(act(&server, 1, "schedule-end", json!({ "after": 1_800 })).await.status, 200);
    assert_eq!(act(&server, 1, "schedule-end", json!({ "after": -1 })).await.status, 400);
    assert_eq!(act(&server, 7, "schedule-end", json!({ "after": 1 })).await.status, 404);
    assert_eq!(act(&server, version, "cancel", json!({})).await.status, 422);
    server.clock().pass(1_801);
    assert!(!works(&server, &old).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_begins_later_and_the_old_ones_never_end_before_it() {
    let server = Server::start().await;
    let old = app(&server).await;
    let tomorrow = grantor_server::moment::Moment(server.node().now().plus_seconds(86_400)).to_string();
    let gap = json!({ "not_before": tomorrow, "end_others_after": 3_600 });
    let refused = server.admin("POST", &format!("{APPS}/turning/secrets"), gap).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("before the new one begins"), "{}", refused.text);
    let (_, new) = rotate(&server, json!({ "not_before": tomorrow, "end_others_after": 90_000 })).await;
    assert!(works(&server, &old).await && !works(&server, &new).await);
    server.clock().pass(86_401);
    assert!(works(&server, &old).await && works(&server, &new).await);
    server.clock().pass(3_600);
    assert!(!works(&server, &old).await && works(&server, &new).await);
}

async fn verdict(server: &Server, text: &str) -> String {
    let mut url = reqwest::Url::parse("http://a.test/").unwrap();
    url.path_segments_mut().unwrap().extend(["environments", "production", "client-ids", text]);
    let answer = server.admin("GET", url.path(), json!({})).await;
    assert_eq!(answer.status, 200, "{text:?}: {}", answer.text);
    let body = answer.json();
    assert_eq!(body["available"], body["verdict"] == "available");
    assert!(!body["detail"].as_str().unwrap().is_empty());
    body["verdict"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_of_a_client_id_says_what_making_the_app_will_say() {
    let server = Server::start().await;
    app(&server).await;
    let gone = json!({ "tenant": "acme", "apis": ["payments"], "client_id": "gone" });
    server.new_app("production", gone).await;
    assert_eq!(server.admin("DELETE", &format!("{APPS}/gone"), json!({})).await.status, 204);
    for (text, expected, made) in [
        ("turning", "taken", 409),
        ("Turning", "looks_like_another", 409),
        ("gone", "taken_once", 409),
        ("a:b", "not_allowed", 400),
        ("usr_1", "not_allowed", 400),
        ("gr4nt0r", "not_allowed", 422),
        ("u5r_1", "not_allowed", 422),
        ("fresh", "available", 201),
        ("fresh", "taken", 409),
    ] {
        assert_eq!(verdict(&server, text).await, expected, "{text}");
        let body = json!({ "tenant": "acme", "apis": ["payments"], "client_id": text });
        let answer = server.admin("POST", APPS, body).await;
        assert_eq!(answer.status, made, "{text}: {}", answer.text);
    }
    let elsewhere = server.admin("GET", "/environments/sandbox/client-ids/turning", json!({})).await;
    assert_eq!(elsewhere.json()["verdict"], "available", "each environment has its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_ended_long_ago_are_forgotten_and_one_that_lives_never_is() {
    let server = Server::start().await;
    let first = app(&server).await;
    let mut last = 1;
    for _ in 0..70 {
        let (version, _) = rotate(&server, json!({})).await;
        assert_eq!(version, last + 1, "a number is never used twice");
        assert_eq!(act(&server, version, "end", json!({})).await.status, 200);
        last = version;
    }
    let kept: Vec<i64> =
        versions(&server).await.iter().map(|version| version["version"].as_i64().unwrap()).collect();
    let newest = last - 49..=last;
    assert_eq!(kept, [1].into_iter().chain(newest).collect::<Vec<_>>());
    assert!(works(&server, &first).await);
}
