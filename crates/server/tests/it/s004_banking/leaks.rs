//! The part of S004 about leaks: where secrets and tokens never stand, and what stops them when they have leaked.

use std::path::Path;

use grantor_testkit::{Server, basic};
use serde_json::{Value, json};

use super::{GRANT, accounts, ask, contains, exposed_at, token_in};
use crate::s000_payments::{BOTH, Log, form};

#[tokio::test(flavor = "multi_thread")]
async fn s004_06_a_secret_in_a_query_string_is_flagged_and_audited_as_leaked() {
    let server = Server::start().await;
    for environment in BOTH {
        for id_in_query in [true, false] {
            // An app of its own for each case, because an app is marked once.
            let app = json!({ "tenant": "acme", "apis": ["banking"] });
            let app = server.new_app(environment, app).await;
            let id = format!("client_id={}", app.id);
            let (query, body) = if id_in_query {
                (format!("{id}&client_secret="), GRANT.to_owned())
            } else {
                ("client_secret=".to_owned(), format!("{id}&{GRANT}"))
            };
            let url = server.token_endpoint(environment, "banking");
            for wrong in ["wrong", &format!("{}x", app.secret), ""] {
                let refused = server.post(&format!("{url}?{query}{wrong}"), None, &body).await;
                assert_eq!(refused.status, 400);
            }
            assert_eq!(
                exposed_at(&server, environment, &app.id).await,
                Value::Null,
                "nobody can mark a stranger's app"
            );
            let refused = server.post(&format!("{url}?{query}{}", app.secret), None, &body).await;
            assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_request"));
            assert!(!refused.text.contains(&app.secret));
            assert!(exposed_at(&server, environment, &app.id).await.is_string());
            let audit = server.admin("GET", "/audit", Value::Null).await;
            let noted = audit.json()["items"].as_array().unwrap().iter().any(|entry| {
                entry["action"] == "app.secret_exposed" && entry["detail"]["client_id"] == app.id.as_str()
            });
            assert!(noted);
            assert!(!audit.text.contains(&app.secret));
            assert_eq!(
                ask(&server, environment, &app).await.status,
                401,
                "what has leaked has ended, as the environment's policy says"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_06_a_secret_in_the_query_of_a_get_is_a_leak_too() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "banking");
        let url = server.token_endpoint(environment, "banking");
        let get = async |secret: &str| {
            let url = format!("{url}?{GRANT}&client_id={}&client_secret={secret}", client.id);
            server.get(&url, None).await
        };
        assert_eq!(get("wrong").await.status, 405);
        assert_eq!(exposed_at(&server, environment, &client.id).await, Value::Null);
        let refused = get(&client.secret).await;
        assert_eq!((refused.status, refused.header("allow")), (405, "POST"));
        assert!(exposed_at(&server, environment, &client.id).await.is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_15_suspending_the_account_stops_all_tokens_at_once_and_is_reversible() {
    let server = Server::start().await;
    let (live, test) =
        (server.token("production", "banking").await, server.token("sandbox", "banking").await);
    let jwt = server.token("production", "payments").await;
    let key = server.key("production", "assets");
    let places = [
        ("production", "banking", &live, "/accounts"),
        ("sandbox", "banking", &test, "/accounts"),
        ("production", "payments", &jwt, "/transfers"),
        ("production", "assets", &key, "/assets"),
    ];
    for place in places {
        is_open(&server, place).await;
    }
    let suspended = server.admin("POST", "/tenants/acme/suspend", json!({})).await;
    assert_eq!((suspended.status, &suspended.json()["status"]), (200, &json!("suspended")));
    for place in places {
        is_closed(&server, place).await;
        let client = server.client(place.0, place.1);
        let refused = server.request_token(place.0, place.1, &client).await;
        assert_eq!((refused.status, refused.error().as_str()), (401, "invalid_client"));
    }
    assert_eq!(server.admin("POST", "/tenants/acme/resume", json!({})).await.status, 200);
    for place in &places[..3] {
        is_closed(&server, *place).await;
        let fresh = server.token(place.0, place.1).await;
        is_open(&server, (place.0, place.1, &fresh, place.3)).await;
    }
    is_open(&server, places[3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_15_suspending_one_app_stops_its_tokens_alone_and_survives_a_restart() {
    let server = Server::start().await;
    let token = server.token("production", "banking").await;
    let twin = server.token("sandbox", "banking").await;
    let at = "/environments/production/apps/acme-banking";
    let before = ("production", "banking", &token, "/accounts");
    is_open(&server, before).await;
    assert_eq!(server.admin("POST", &format!("{at}/suspend"), json!({})).await.status, 200);
    is_closed(&server, before).await;
    is_open(&server, ("sandbox", "banking", &twin, "/accounts")).await;
    let client = server.client("production", "banking");
    assert_eq!(ask(&server, "production", &client).await.status, 401);

    let resumed = server.admin("POST", &format!("{at}/resume"), json!({})).await;
    assert_eq!((resumed.status, &resumed.json()["status"]), (200, &json!("active")));
    is_closed(&server, before).await;
    let fresh = server.token("production", "banking").await;
    is_open(&server, ("production", "banking", &fresh, "/accounts")).await;
    let server = server.restart().await;
    let told = server.introspect("production", "banking", &token).await;
    assert_eq!(told.json(), json!({ "active": false }), "dead after a restart too");
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_16_client_credentials_outlive_their_tokens_by_years() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "banking");
        let token = token_in(&ask(&server, environment, &client).await);
        server.clock().pass(2 * 365 * 86_400);
        assert_eq!(accounts(&server, environment, Some(&token)).await.status, 401);
        let fresh = token_in(&ask(&server, environment, &client).await);
        assert_eq!(accounts(&server, environment, Some(&fresh)).await.status, 200);
    }
}

/// On one thread, so that the log of this server is this test's alone.
#[tokio::test]
async fn s004_17_the_id_stands_in_answers_and_logs_and_the_secret_in_none() {
    let log = Log::default();
    let _following = log.follow();
    let server = Server::start().await;
    let client = server.client("production", "banking");
    let url = server.token_endpoint("production", "banking");
    let right = form(&client, GRANT);
    let basic = basic(&client.id, &client.secret);
    let query = format!("{url}?client_id={}&client_secret={}", client.id, client.secret);
    let answers = [
        server.post(&url, None, &right).await,
        server.post(&url, Some(&basic), GRANT).await,
        server.post(&url, Some(&basic), &right).await,
        server.post(&url, None, &format!("{right}&client_secret=twice")).await,
        server.post(&url, None, &format!("{right}&scope=nonsense")).await,
        server.post(&query, None, GRANT).await,
        server.get(&query, None).await,
        server.admin("GET", "/environments/production/apps", Value::Null).await,
        server.admin("GET", "/environments/production/apps/acme-banking", Value::Null).await,
        server.admin("GET", "/audit", Value::Null).await,
    ];
    let statuses = answers.each_ref().map(|answer| answer.status);
    assert_eq!(statuses, [200, 401, 400, 400, 400, 400, 405, 200, 200, 200]);
    assert!(
        answers.iter().all(|answer| !answer.text.contains(&client.secret)),
        "no answer repeats the secret"
    );
    assert!(answers[7..].iter().all(|answer| answer.text.contains(&client.id)));
    assert!(log.holds(&client.id), "the log may name the app, and does");
    assert!(!log.holds(&client.secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_19_secrets_are_only_hashed_at_rest() {
    let server = Server::start_on_sqlite().await;
    let made = server.new_app("production", json!({ "tenant": "acme", "apis": ["banking"] })).await;
    let rotated =
        server.admin("POST", &format!("/environments/production/apps/{}/secrets", made.id), json!({})).await;
    let mut secrets = vec![made.secret.clone(), rotated.json()["client_secret"].as_str().unwrap().to_owned()];
    for environment in BOTH {
        secrets.push(server.client(environment, "banking").secret);
        secrets.push(server.key(environment, "assets"));
    }
    let files = database_files(server.folder());
    assert!(files.len() >= 2, "the database and its log");
    assert!(
        files.iter().any(|bytes| contains(bytes, made.id.as_bytes())),
        "the search looks where the app is kept"
    );
    for secret in &secrets {
        // Neither whole nor its random part.
        let tail = &secret[secret.len() - 20..];
        for bytes in &files {
            assert!(!contains(bytes, secret.as_bytes()) && !contains(bytes, tail.as_bytes()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_19_plain_http_is_refused_and_never_redirected() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "banking");
        let issuer = server.issuer(environment);
        let through = async |url: String, scheme: &str| {
            let request = server
                .http
                .post(url)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("x-forwarded-proto", scheme)
                .body(form(&client, GRANT));
            server.send(request).await
        };
        for path in ["/token", "/oauth/token", "/introspect", "/revoke"] {
            for scheme in ["http", "HTTP", "https, http", "ws"] {
                let refused = through(format!("{issuer}{path}"), scheme).await;
                assert_eq!(
                    (refused.status, refused.error().as_str()),
                    (400, "invalid_request"),
                    "{path} by {scheme}"
                );
                assert!(refused.json()["access_token"].is_null());
                assert!(!refused.headers.contains_key("location"), "{path} by {scheme}");
            }
        }
        assert_eq!(through(format!("{issuer}/token"), "https").await.status, 200);
    }
    let operator = &server.contract()["operator"];
    let request = server
        .http
        .get(format!("{}/tenants", operator["api_url"].as_str().unwrap()))
        .bearer_auth(operator["api_token"].as_str().unwrap())
        .header("x-forwarded-proto", "http");
    assert_eq!(server.send(request).await.status, 400, "the admin API likewise");
}

/// On one thread, so that the log of this server is this test's alone.
#[tokio::test]
async fn s004_20_tokens_in_url_queries_are_refused_and_never_logged() {
    let log = Log::default();
    let _following = log.follow();
    let server = Server::start().await;
    for environment in BOTH {
        let token = server.token(environment, "banking").await;
        let path = format!("/accounts?access_token={token}");
        for bearer in [None, Some(token.as_str())] {
            let refused = server.call(environment, "banking", bearer, "GET", &path).await;
            assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_request"));
            let asked = server.forward_auth(environment, "banking", bearer, "GET", &path).await;
            assert_eq!(asked.status, 401);
        }
        let caller = &server.api(environment, "banking")["introspection"];
        let text = |name: &str| caller[name].as_str().unwrap();
        let header = basic(text("client_id"), text("client_secret"));
        let issuer = server.issuer(environment);
        for path in ["introspect?token=", "revoke?token=", "introspect?access_token=", "token?access_token="]
        {
            let url = format!("{issuer}/{path}{token}");
            let refused = server.post(&url, Some(&header), "a=b").await;
            assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_request"), "{path}");
            assert!(!refused.text.contains(&token));
        }
        assert_eq!(
            accounts(&server, environment, Some(&token)).await.status,
            401,
            "it stood in a query, so it has leaked and has ended"
        );
        assert!(!log.holds(&token) && !log.holds(&token[token.len() - 20..]));
    }
    assert!(log.holds("credential_in_query"), "the log is that of this server: the refusals stand in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_21_tokens_are_not_persisted_and_a_lost_one_ends_by_itself() {
    let server = Server::start_on_sqlite().await;
    for environment in BOTH {
        let token = server.token(environment, "banking").await;
        let told = server.introspect(environment, "banking", &token).await.json();
        assert_eq!(told["active"], true);
        let id = told["jti"].as_str().unwrap().to_owned();
        for bytes in database_files(server.folder()) {
            assert!(!contains(&bytes, token.as_bytes()) && !contains(&bytes, id.as_bytes()));
        }
        server.clock().pass(3600);
        let told = server.introspect(environment, "banking", &token).await.json();
        assert_eq!(told, json!({ "active": false }), "nobody had to do anything");
    }
}

/// Environment, API, credential, and what may be read with it.
type Place<'a> = (&'a str, &'a str, &'a String, &'a str);

/// The API, introspection and forward-auth say yes.
async fn is_open(server: &Server, place: Place<'_>) {
    assert_eq!(verdicts(server, place).await, (200, true, 200), "{} {}", place.0, place.1);
}

/// The API, introspection and forward-auth say no, on the next request.
async fn is_closed(server: &Server, place: Place<'_>) {
    assert_eq!(verdicts(server, place).await, (401, false, 401), "{} {}", place.0, place.1);
}

async fn verdicts(server: &Server, (environment, api, credential, path): Place<'_>) -> (u16, bool, u16) {
    let called = server.call(environment, api, Some(credential), "GET", path).await;
    let told = server.introspect(environment, api, credential).await;
    let asked = server.forward_auth(environment, api, Some(credential), "GET", path).await;
    (called.status, told.json()["active"] == true, asked.status)
}

/// The bytes of the database, its write-ahead log and whatever else SQLite keeps beside it.
fn database_files(folder: &Path) -> Vec<Vec<u8>> {
    let data = std::fs::read_dir(folder.join("data")).expect("the demo's folder");
    let paths = data.map(|entry| entry.expect("a file of the demo").path());
    let of_database = paths.filter(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with("grantor.db"))
    });
    of_database.map(|path| std::fs::read(path).expect("a file of the database")).collect()
}
