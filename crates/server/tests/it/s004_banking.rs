//! What the page behind the profile `banking` states (S004), in both environments where it makes a difference.

mod leaks;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_testkit::{Answer, Client, Server, basic};
use serde_json::{Value, json};

use crate::s000_payments::{BOTH, form};

const GRANT: &str = "grant_type=client_credentials";

#[tokio::test(flavor = "multi_thread")]
async fn s004_01_s004_03_s004_09_client_credentials_at_token_give_a_bearer_token_for_the_api() {
    let server = Server::start().await;
    for environment in BOTH {
        let url = format!("{}/token", server.issuer(environment));
        assert_eq!(server.token_endpoint(environment, "banking"), url);
        let client = server.client(environment, "banking");
        let answer = server.post(&url, None, &form(&client, GRANT)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["token_type"], "Bearer");
        let token = token_in(&answer);
        for _ in 0..2 {
            let called = accounts(&server, environment, Some(&token)).await;
            assert_eq!(called.status, 200);
            assert_eq!(called.json()["caller"]["client_id"], client.id.as_str());
        }
        assert_eq!(accounts(&server, environment, None).await.status, 401);
        for grant in ["", "grant_type=password&username=u&password=p"] {
            assert_eq!(server.post(&url, None, &form(&client, grant)).await.status, 400, "{grant}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_02_credentials_are_provided_by_the_operator_during_onboarding() {
    let server = Server::start().await;
    server.admin("POST", "/tenants", json!({ "name": "newbank" })).await;
    let access = "[[access]]\ntenant = \"newbank\"\napis = [\"banking\"]\nenvironments = [\"production\", \"sandbox\"]\n";
    assert_eq!(server.apply(access).await.status, 200);
    for environment in BOTH {
        let client = server.new_app(environment, json!({ "tenant": "newbank", "apis": ["banking"] })).await;
        assert_eq!(ask(&server, environment, &client).await.status, 200, "what was handed over works");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_04_s004_05_all_fields_stand_in_the_form_and_the_answer_is_json() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "banking");
        let url = server.token_endpoint(environment, "banking");
        // In any order, with the page's own headers.
        let body = format!("client_id={}&{GRANT}&client_secret={}", client.id, client.secret);
        let request = server
            .http
            .post(&url)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.clone());
        let answer = server.send(request).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").starts_with("application/json"));
        assert!(answer.json()["access_token"].is_string());
        for missing in ["client_id", "client_secret", "grant_type"] {
            let fields: Vec<&str> =
                body.split('&').filter(|field| !field.starts_with(&format!("{missing}="))).collect();
            let refused = server.post(&url, None, &fields.join("&")).await;
            let expected = if missing == "grant_type" { 400 } else { 401 };
            assert_eq!(refused.status, expected, "without {missing}");
            assert!(refused.header("content-type").starts_with("application/json"));
        }
        let request = server.http.post(&url).header("content-type", "application/json").body(body);
        assert_eq!(server.send(request).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_06_the_secret_is_taken_from_the_body_only() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "banking");
        let url = server.token_endpoint(environment, "banking");
        assert_eq!(ask(&server, environment, &client).await.status, 200);
        let header = basic(&client.id, &client.secret);
        let refused = server.post(&url, Some(&header), GRANT).await;
        assert_eq!((refused.status, refused.error().as_str()), (401, "invalid_client"));
        assert!(refused.header("www-authenticate").starts_with("Basic realm="));
        assert_eq!(exposed_at(&server, environment, &client.id).await, Value::Null, "Basic is no leak");

        let query = format!("{url}?client_id={}&client_secret={}", client.id, client.secret);
        for (url, body) in [(query.as_str(), GRANT), (query.as_str(), &form(&client, GRANT))] {
            let refused = server.post(url, None, body).await;
            assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_request"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_07_s004_08_the_token_is_url_safe_without_dots_and_reveals_nothing() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "banking");
        let (first, second) =
            (server.token(environment, "banking").await, server.token(environment, "banking").await);
        assert_ne!(first, second);
        let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        assert!(first.len() >= 32 && first.bytes().all(url_safe), "so it holds no dots either");
        let known = server.introspect(environment, "banking", &first).await.json();
        assert_eq!(known["active"], true, "an API learns by introspection what the token means");
        assert_eq!(known["client_id"], client.id.as_str());
        assert_eq!(known["scope"], "accounts:read");
        // Every alignment: the sealed part begins somewhere behind a spelling that is no Base64.
        for from in 0..first.len() - 4 {
            let tail = &first[from..];
            let tail = &tail[..tail.len() - tail.len() % 4];
            let bytes = URL_SAFE_NO_PAD.decode(tail).unwrap_or_default();
            for secret in ["client_id", "scope", "jti", "tid", "sub"] {
                let Some(text) = known[secret].as_str() else {
                    continue;
                };
                assert!(!contains(&bytes, text.as_bytes()), "{secret} can be read");
            }
        }
        let other = server.introspect(environment, "payments", &first).await;
        assert_eq!(other.json(), json!({ "active": false }), "only the API that it is for learns it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_10_s004_11_after_one_hour_the_api_answers_401_until_the_client_authenticates_again() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "banking");
        let answer = ask(&server, environment, &client).await;
        assert_eq!(answer.json()["expires_in"], 3600);
        let token = token_in(&answer);
        // Half a minute is left for a slow machine.
        server.clock().pass(3570);
        assert_eq!(accounts(&server, environment, Some(&token)).await.status, 200);
        server.clock().pass(30);
        for _ in 0..2 {
            assert_eq!(accounts(&server, environment, Some(&token)).await.status, 401);
        }
        let fresh = server.token(environment, "banking").await;
        assert_eq!(accounts(&server, environment, Some(&fresh)).await.status, 200);
        assert_eq!(accounts(&server, environment, Some(&token)).await.status, 401, "the old one stays dead");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_12_there_is_no_refresh_token_and_renewal_is_a_new_token_call() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "banking");
        let url = server.token_endpoint(environment, "banking");
        let answer = ask(&server, environment, &client).await;
        assert!(answer.json().get("refresh_token").is_none());
        let body = form(&client, &format!("grant_type=refresh_token&refresh_token={}", token_in(&answer)));
        let refused = server.post(&url, None, &body).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "unsupported_grant_type"));
        let renewed = ask(&server, environment, &client).await;
        assert_ne!(token_in(&renewed), token_in(&answer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_13_a_pair_of_one_environment_fails_in_the_other() {
    let server = Server::start().await;
    for (here, there) in [("production", "sandbox"), ("sandbox", "production")] {
        let foreign = server.client(there, "banking");
        let own = server.client(here, "banking");
        assert_ne!(own.secret, foreign.secret);
        let refused = ask(&server, here, &foreign).await;
        assert_eq!((refused.status, refused.error().as_str()), (401, "invalid_client"));
        let made_up = Client { secret: "wrong".to_owned(), ..own.clone() };
        let wrong = ask(&server, here, &made_up).await;
        assert_eq!(refused.json()["error_description"], wrong.json()["error_description"]);
        assert_eq!(ask(&server, there, &foreign).await.status, 200);
        let token = server.token(there, "banking").await;
        assert_eq!(accounts(&server, here, Some(&token)).await.status, 401);
    }
}

async fn accounts(server: &Server, environment: &str, bearer: Option<&str>) -> Answer {
    server.call(environment, "banking", bearer, "GET", "/accounts").await
}

async fn ask(server: &Server, environment: &str, client: &Client) -> Answer {
    let url = server.token_endpoint(environment, "banking");
    server.post(&url, None, &form(client, GRANT)).await
}

fn token_in(answer: &Answer) -> String {
    answer.json()["access_token"].as_str().expect("an access token").to_owned()
}

async fn exposed_at(server: &Server, environment: &str, client_id: &str) -> Value {
    let path = format!("/environments/{environment}/apps/{client_id}");
    let shown = server.admin("GET", &path, Value::Null).await;
    assert_eq!(shown.status, 200);
    shown.json()["exposed_at"].clone()
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
