//! Limits: the throttle on failed client authentication, the quota of an app, and whose address counts.

use std::sync::Arc;

use grantor_server::clock::SystemClock;
use grantor_server::config::{Config, DatabaseUrl, DemoConfig, MasterKeySource};
use grantor_server::init::first_operator;
use grantor_server::password::Cost;
use grantor_server::store::load::audit::AuditFilter;
use grantor_testkit::{Answer, Client, Server, basic};
use serde_json::json;

const GUESSER: &str = "198.51.100.7";
const OWNER: &str = "203.0.113.9";

/// A form from an address behind the trusted proxy on loopback.
async fn from(server: &Server, address: &str, url: &str, client: &Client, form: &str) -> Answer {
    let request = server
        .http
        .post(url)
        .header("x-forwarded-for", address)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", basic(&client.id, &client.secret))
        .body(form.to_owned());
    server.send(request).await
}

async fn token_from(server: &Server, address: &str, client: &Client) -> Answer {
    let url = server.token_endpoint("production", "payments");
    from(server, address, &url, client, "grant_type=client_credentials").await
}

fn wrong(client: &Client) -> Client {
    Client { id: client.id.clone(), secret: "wrong".to_owned() }
}

/// Once throttled, a source has a small reserve; when that is gone even the right secret is not looked at. One attempt a
/// second comes back, so the right secret is tried behind a wrong one, several times.
async fn assert_right_guess_is_refused(server: &Server, address: impl Fn(u8) -> String, client: &Client) {
    for attempt in 0..30 {
        let address = address(attempt);
        token_from(server, &address, &wrong(client)).await;
        let right = token_from(server, &address, client).await;
        if right.status == 429 {
            return assert_throttled(&right);
        }
    }
    panic!("guessing goes on without end");
}

fn assert_throttled(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.text);
    let wait: u64 = answer.header("retry-after").parse().expect("Retry-After in seconds");
    assert!((1..=120).contains(&wait), "{wait}");
    assert_eq!(answer.error(), "invalid_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn d14_failures_are_counted_per_app_over_all_three_endpoints_together() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let issuer = server.issuer("production");
    let bad = wrong(&client);
    let endpoints = [
        (server.token_endpoint("production", "payments"), "grant_type=client_credentials"),
        (format!("{issuer}/introspect"), "token=x"),
        (format!("{issuer}/revoke"), "token=x"),
    ];
    let mut failures = 0;
    let throttled = loop {
        let (url, form) = &endpoints[failures % 3];
        let answer = from(&server, GUESSER, url, &bad, form).await;
        if answer.status == 429 {
            break answer;
        }
        assert_eq!(answer.status, 401, "{}", answer.text);
        failures += 1;
        assert!(failures < 30, "nobody counts the three endpoints together");
    };
    assert!(failures >= 20, "{failures} failures are too few: a burst of 20 is allowed");
    assert_throttled(&throttled);

    assert_right_guess_is_refused(&server, |_| GUESSER.to_owned(), &client).await;

    let elsewhere = token_from(&server, OWNER, &client).await;
    assert_eq!(elsewhere.status, 200, "the owner is not locked out: {}", elsewhere.text);
    let other = server.client("production", "assets");
    let url = server.token_endpoint("production", "assets");
    let neighbour = from(&server, GUESSER, &url, &other, "grant_type=client_credentials").await;
    assert_eq!(neighbour.status, 200, "another app at the same source is not");

    server.clock().pass(300);
    let after = token_from(&server, GUESSER, &client).await;
    assert_eq!(after.status, 200, "time heals: {}", after.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_per_source_over_all_apps() {
    let server = Server::start().await;
    let mut failures = 0;
    let throttled = loop {
        let unknown = Client { id: format!("unknown-{failures}"), secret: "wrong".to_owned() };
        let answer = token_from(&server, GUESSER, &unknown).await;
        if answer.status == 429 {
            break answer;
        }
        assert_eq!(answer.status, 401);
        failures += 1;
        assert!(failures < 400, "a source may try apps for ever");
    };
    assert!(failures >= 50, "{failures}");
    assert_throttled(&throttled);
    let unknown = Client { id: "unknown-again".to_owned(), secret: "wrong".to_owned() };
    let elsewhere = token_from(&server, OWNER, &unknown).await;
    assert_eq!(elsewhere.status, 401, "another source has a count of its own");
    let owner = server.client("production", "payments");
    assert_eq!(token_from(&server, OWNER, &owner).await.status, 200, "and so has everybody there");
}

#[tokio::test(flavor = "multi_thread")]
async fn good_secrets_cost_nothing_of_the_throttle() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    for _ in 0..100 {
        assert_eq!(token_from(&server, GUESSER, &client).await.status, 200);
    }
    assert_eq!(token_from(&server, GUESSER, &wrong(&client)).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_of_the_trial_class_gets_429_beyond_its_burst_and_an_unlimited_one_never() {
    let server = Server::start().await;
    let applied = server
        .apply(
            "[[tenant]]\nname = \"guest\"\n\
             [[access]]\ntenant = \"guest\"\napis = [\"payments\"]\nenvironments = [\"production\"]\nquota = \"trial\"\n",
        )
        .await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let guest = server.new_app("production", json!({ "tenant": "guest", "apis": ["payments"] })).await;
    let mut issued = 0;
    let refused = loop {
        let answer = server.request_token("production", "payments", &guest).await;
        if answer.status == 429 {
            break answer;
        }
        assert_eq!(answer.status, 200, "{}", answer.text);
        issued += 1;
        assert!(issued < 200, "the trial class has no limit");
    };
    assert!(issued >= 20, "{issued}: the burst is 20");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(refused.error(), "temporarily_unavailable");
    assert!(refused.json()["access_token"].is_null());

    let partner = server.client("production", "payments");
    for _ in 0..300 {
        let answer = server.request_token("production", "payments", &partner).await;
        assert_eq!(answer.status, 200, "unlimited, and not charged for others");
    }
    server.clock().pass(10);
    let again = server.request_token("production", "payments", &guest).await;
    assert_eq!(again.status, 200, "the bucket fills");
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_a_forwarded_address_from_an_untrusted_peer_changes_neither_limit_nor_audit() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_demo(DemoConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        management: None,
        database: DatabaseUrl::Sqlite(folder.path().join("a.db")),
        master_key: MasterKeySource::File(folder.path().join("master.key")),
        trusted_proxies: vec![],
        mail_folder: folder.path().join("mail"),
        password_cost: Cost::FLOOR,
    });
    let running = grantor_server::serve::start_at(&config, None, Arc::new(SystemClock::new())).await.unwrap();
    let operator = first_operator(&running.node, "tester").await.unwrap().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/admin/v1/tenants", running.address);
    let made = http
        .post(&url)
        .bearer_auth(&operator)
        .header("x-forwarded-for", OWNER)
        .json(&json!({ "name": "acme" }));
    assert_eq!(made.send().await.unwrap().status(), 201);
    let audit = running.node.store.audit_page(&AuditFilter::default(), 1).await.unwrap().entries;
    assert_eq!(audit[0].action, "tenant.create");
    assert_eq!(audit[0].address, "127.0.0.1", "the audit names the peer");

    let attempt = async |token: &str, number: u8| {
        let guess =
            http.get(&url).bearer_auth(token).header("x-forwarded-for", format!("198.51.100.{number}"));
        guess.send().await.unwrap().status().as_u16()
    };
    for number in 0..40 {
        attempt("wrong", number).await;
    }
    let mut refused = false;
    for number in 40..100 {
        attempt("wrong", number).await;
        refused |= attempt(&operator, number).await == 429;
    }
    assert!(refused, "a new address in a header is no new source");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_behind_a_trusted_proxy_the_rightmost_foreign_address_counts() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let bad = wrong(&client);
    // What stands left of the proxy's own entry is the caller's invention.
    for number in 0..40 {
        let chain = format!("192.0.2.{number}, {GUESSER}");
        token_from(&server, &chain, &bad).await;
    }
    assert_right_guess_is_refused(&server, |attempt| format!("192.0.2.{attempt}, {GUESSER}"), &client).await;
    assert_eq!(token_from(&server, OWNER, &client).await.status, 200);
    let garbage = token_from(&server, "not an address", &client).await;
    assert_eq!(garbage.status, 400, "not knowing is not \"local\"");
}
