//! S004-14: the right credential in the wrong environment. Outside it is a bad credential like any other; its owner is told.

use grantor_core::secret::{Brand, CredentialType, Stage, spell};
use grantor_testkit::{Answer, Client, Server, basic};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{at, items};

const BOTH: [(&str, &str); 2] = [("production", "sandbox"), ("sandbox", "production")];

/// A credential that is spelled like a genuine one and is nobody's.
fn forged(kind: CredentialType, stage: &str) -> String {
    let stage = if stage == "sandbox" { Stage::Test } else { Stage::Live };
    spell(&Brand::default(), kind, stage, &"7".repeat(43))
}

/// An answer without what differs between any two answers.
fn comparable(answer: &Answer) -> (u16, HeaderMap, String) {
    let mut headers = answer.headers.clone();
    let id = answer.header("x-request-id").to_owned();
    for name in ["date", "x-request-id", "x-grantor-request-id"] {
        headers.remove(name);
    }
    (answer.status, headers, answer.text.replace(&id, "ID"))
}

async fn ask(server: &Server, environment: &str, api: &str, client: &Client) -> Answer {
    let url = server.token_endpoint(environment, api);
    if api == "payments" {
        let header = basic(&client.id, &client.secret);
        return server.post(&url, Some(&header), "grant_type=client_credentials").await;
    }
    let form =
        format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id, client.secret);
    server.post(&url, None, &form).await
}

async fn newest(server: &Server, path: &str) -> Value {
    items(server, &format!("{path}/log?outcome=refused&limit=1")).await.first().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_14_a_secret_of_another_environment_is_refused_like_any_bad_one_and_its_owner_reads_why() {
    let server = Server::start().await;
    for (here, there) in BOTH {
        for api in ["banking", "payments"] {
            let right = server.client(there, api);
            let wrong = Client { secret: forged(CredentialType::ClientSecret, there), ..right.clone() };
            let misplaced = ask(&server, here, api, &right).await;
            let bad = ask(&server, here, api, &wrong).await;
            assert_eq!(misplaced.status, 401);
            assert_eq!(comparable(&misplaced), comparable(&bad));

            let entry = newest(&server, &at(there, &right.id)).await;
            assert_eq!(entry["reason"], "secret_of_other_environment", "{api} {there}: {entry}");
            assert_eq!(entry["request_id"], misplaced.header("x-request-id"));
            assert!(entry["fix"].as_str().unwrap().contains("environment"));
            let notices = items(&server, &format!("{}/notices", at(there, &right.id))).await;
            // The apps of both environments have one client id here, so each reads of both ways.
            let of_this: Vec<_> = notices.iter().filter(|notice| notice["presented_in"] == here).collect();
            assert_eq!(of_this.len(), 1, "{notices:#?}");
            let shown = ["kind", "belongs_to", "count"].map(|name| &of_this[0][name]);
            assert_eq!(shown, [&json!("wrong_environment"), &json!(there), &json!(1)]);
            assert!(!of_this[0].to_string().contains(&right.secret));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_14_the_secret_of_one_environment_with_the_client_id_of_the_other_is_told_to_both() {
    let server = Server::start().await;
    let (here, there) = (server.client("production", "banking"), server.client("sandbox", "banking"));
    let mixed = Client { id: here.id.clone(), secret: there.secret.clone() };
    for _ in 0..3 {
        assert_eq!(ask(&server, "production", "banking", &mixed).await.status, 401);
    }
    for (environment, client) in [("production", &here), ("sandbox", &there)] {
        let path = at(environment, &client.id);
        let entry = newest(&server, &path).await;
        assert_eq!(entry["reason"], "secret_of_other_environment", "{environment}: {entry}");
        let notices = items(&server, &format!("{path}/notices")).await;
        assert_eq!((notices.len(), &notices[0]["count"]), (1, &json!(3)), "one a day, counted");
    }
    // On the next day there is another one.
    server.clock().pass(24 * 3600);
    ask(&server, "production", "banking", &mixed).await;
    let notices = items(&server, &format!("{}/notices", at("sandbox", &there.id))).await;
    assert_eq!(notices.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_14_a_stranger_s_app_of_the_same_client_id_is_told_nothing() {
    let server = Server::start().await;
    server.admin("POST", "/tenants", json!({ "name": "stranger", "title": "Stranger" })).await;
    let same = |tenant: &str| {
        json!({ "tenant": tenant, "client_id": "same-name",
        "metadata": { "redirect_uris": ["https://rp.example/cb"] } })
    };
    let ours = server.new_app("sandbox", same("acme")).await;
    server.new_app("production", same("stranger")).await;
    assert_eq!(ask(&server, "production", "banking", &ours).await.status, 401);
    let entry = newest(&server, &at("sandbox", "same-name")).await;
    assert_eq!(entry["reason"], "secret_of_other_environment");
    let theirs = newest(&server, &at("production", "same-name")).await;
    assert_eq!(theirs["reason"], "secret_mismatch", "a guess like any other");
    assert_eq!(
        items(&server, &format!("{}/notices", at("production", "same-name"))).await,
        Vec::<Value>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_14_keys_and_tokens_of_another_environment_are_bad_credentials_and_their_owners_read_why() {
    let server = Server::start().await;
    for (here, there) in BOTH {
        let key = server.key(there, "assets");
        let id = server.api(there, "assets")["api_keys"][0]["id"].as_str().unwrap().to_owned();
        let key_path = format!("/environments/{there}/keys/{id}");
        let opaque = (server.token(there, "banking").await, at(there, &server.client(there, "banking").id));
        let jwt = (server.token(there, "payments").await, at(there, &server.client(there, "payments").id));
        let forged_jwt = format!("{}x", &jwt.0[..jwt.0.len() - 6]);
        for (api, credential, bad, path) in [
            ("assets", key, forged(CredentialType::ApiKey, there), key_path),
            ("banking", opaque.0, forged(CredentialType::AccessToken, there), opaque.1),
            ("payments", jwt.0, forged_jwt, jwt.1),
        ] {
            let misplaced = server.introspect(here, api, &credential).await;
            assert_eq!(misplaced.json(), json!({ "active": false }));
            assert_eq!(comparable(&misplaced), comparable(&server.introspect(here, api, &bad).await));
            let entry = newest(&server, &path).await;
            assert_eq!(
                (&entry["endpoint"], &entry["reason"]),
                (&json!("introspect"), &json!("wrong_environment"))
            );
            let asked = server.forward_auth(here, api, Some(&credential), "GET", "/").await;
            let bad = server.forward_auth(here, api, Some(&bad), "GET", "/").await;
            assert_eq!(asked.status, 401);
            assert_eq!(comparable(&asked), comparable(&bad));
            let entry = newest(&server, &path).await;
            assert_eq!(entry["request_id"], asked.header("x-request-id"), "{api} {there}: {entry}");
            let notices = items(&server, &format!("{path}/notices")).await;
            assert_eq!((notices.len(), &notices[0]["presented_in"]), (1, &json!(here)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_14_no_request_asks_the_database_whether_a_secret_is_genuine_elsewhere() {
    let server = Server::start().await;
    let (here, there) = (server.client("production", "banking"), server.client("sandbox", "banking"));
    let mixed = Client { id: here.id.clone(), secret: there.secret };
    // Both apps are in the caches now.
    assert_eq!(ask(&server, "production", "banking", &here).await.status, 200);
    let before = ask(&server, "production", "banking", &mixed).await;
    let door = server.door().await;
    for table in ["app_secrets", "apps", "api_keys", "tenants"] {
        door.run(&format!("ALTER TABLE {table} RENAME TO hidden_{table}")).await;
    }
    // A request that asked any of them would be a fault. Whoever looks afterwards fails, and no answer shows it.
    let without = ask(&server, "production", "banking", &mixed).await;
    assert_eq!(comparable(&without), comparable(&before));
    for table in ["app_secrets", "apps", "api_keys", "tenants"] {
        door.run(&format!("ALTER TABLE hidden_{table} RENAME TO {table}")).await;
    }
}
