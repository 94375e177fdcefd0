//! What the page behind the profile `payments` states (S000), in both environments where it makes a difference.

use std::io;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_testkit::{Client, Server, basic};
use serde_json::{Value, json};

/// Both environments of the demo.
pub(crate) const BOTH: [&str; 2] = ["production", "sandbox"];

#[tokio::test(flavor = "multi_thread")]
async fn s000_01_the_access_token_is_a_jwt_that_the_published_keys_verify() {
    let server = Server::start().await;
    let [live, test] = [keys_of(&server, "production").await, keys_of(&server, "sandbox").await];
    for (environment, own, other) in [("production", &live, &test), ("sandbox", &test, &live)] {
        let token = server.token(environment, "payments").await;
        assert!(is_signed_by(&token, own), "{environment}");
        assert!(!is_signed_by(&token, other), "environments share no signing key");
        let claims = Server::claims(&token);
        assert_eq!(claims["iss"], server.issuer(environment));
        assert_eq!(claims["aud"], server.api(environment, "payments")["audience"]);
        assert_eq!(claims["scope"], "payments:read payments:write");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_03_posting_to_oauth_token_issues_the_token() {
    let server = Server::start().await;
    for environment in BOTH {
        let url = format!("{}/oauth/token", server.issuer(environment));
        assert_eq!(server.token_endpoint(environment, "payments"), url);
        let client = server.client(environment, "payments");
        let answer = server.post(&url, None, &form(&client, "grant_type=client_credentials")).await;
        assert_eq!(answer.status, 200);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let called = server.call(environment, "payments", Some(&token), "GET", "/transfers").await;
        assert_eq!(called.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_04_id_and_secret_authenticate_in_the_header_and_in_the_body() {
    let server = Server::start().await;
    for environment in BOTH {
        let url = server.token_endpoint(environment, "payments");
        let right = server.client(environment, "payments");
        let wrong = Client { secret: format!("{}x", right.secret), ..right.clone() };
        for (client, status) in [(&right, 200), (&wrong, 401)] {
            let header = basic(&client.id, &client.secret);
            let by_header = server.post(&url, Some(&header), "grant_type=client_credentials").await;
            let by_body = server.post(&url, None, &form(client, "grant_type=client_credentials")).await;
            assert_eq!((by_header.status, by_body.status), (status, status));
        }
        let id_alone = format!("grant_type=client_credentials&client_id={}", right.id);
        let answer = server.post(&url, None, &id_alone).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (401, "invalid_client"),
            "the secret is no ornament"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_05_the_answer_is_a_json_object_whose_access_token_is_the_jwt() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let answer = server.request_token("production", "payments", &client).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert!(body.is_object());
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(Server::claims(token)["client_id"], client.id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_06_the_api_takes_the_token_as_bearer_on_every_later_request() {
    let server = Server::start().await;
    for environment in BOTH {
        let token = server.token(environment, "payments").await;
        for (method, status) in [("GET", 200), ("POST", 201), ("GET", 200)] {
            let answer = server.call(environment, "payments", Some(&token), method, "/transfers").await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.json()["caller"]["client_id"], "acme-payments");
            assert_eq!(answer.json()["caller"]["environment"], environment);
        }
        let without = server.call(environment, "payments", None, "GET", "/transfers").await;
        assert_eq!(without.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_08_the_access_token_expires_one_hour_after_issue() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let body = server.request_token("production", "payments", &client).await.json();
    assert_eq!(body["expires_in"], 3600);
    let token = body["access_token"].as_str().unwrap();
    let claims = Server::claims(token);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    let call = || server.call("production", "payments", Some(token), "GET", "/transfers");
    // Half a minute is left for a slow machine.
    server.clock().pass(3570);
    assert_eq!(call().await.status, 200);
    server.clock().pass(30);
    assert_eq!(call().await.status, 401);
    let told = server.introspect("production", "payments", token).await;
    assert_eq!(told.json(), json!({ "active": false }));
    let asked = server.forward_auth("production", "payments", Some(token), "GET", "/transfers").await;
    assert_eq!(asked.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_10_a_second_token_before_the_end_of_the_first_leaves_both_valid() {
    let server = Server::start().await;
    let first = server.token("production", "payments").await;
    server.clock().pass(1800);
    let second = server.token("production", "payments").await;
    assert_ne!(Server::claims(&first)["jti"], Server::claims(&second)["jti"]);
    let statuses = async || {
        let mut found = Vec::new();
        for token in [&first, &second] {
            let answer = server.call("production", "payments", Some(token), "GET", "/transfers").await;
            found.push(answer.status);
        }
        found
    };
    assert_eq!(statuses().await, [200, 200]);
    server.clock().pass(1800);
    assert_eq!(statuses().await, [401, 200], "each ends at its own hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_14_client_credentials_give_no_refresh_token_and_cannot_refresh() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "payments");
        let body = server.request_token(environment, "payments", &client).await.json();
        assert!(body.get("refresh_token").is_none());
        let access_token = body["access_token"].as_str().unwrap();
        for refresh_token in [access_token, "made-up"] {
            let request = format!("grant_type=refresh_token&refresh_token={refresh_token}");
            let url = server.token_endpoint(environment, "payments");
            let answer = server.post(&url, None, &form(&client, &request)).await;
            assert_eq!(answer.status, 400);
            let refused = ["unsupported_grant_type", "unauthorized_client"];
            assert!(refused.contains(&answer.error().as_str()), "{}", answer.error());
            assert!(answer.json().get("access_token").is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_16_the_same_paths_work_under_the_base_url_of_each_environment() {
    let server = Server::start().await;
    let [live, test] = BOTH.map(|environment| server.issuer(environment));
    assert_ne!(live, test);
    let mut paths = Vec::new();
    for environment in BOTH {
        let issuer = server.issuer(environment);
        let api = server.api(environment, "payments");
        let below = |url: &Value| url.as_str().unwrap().strip_prefix(&issuer).unwrap().to_owned();
        paths.push((below(&api["token_endpoint"]), below(&api["base_url"])));
    }
    assert_eq!(paths[0], paths[1]);
    let (live, test) =
        (server.token("production", "payments").await, server.token("sandbox", "payments").await);
    for (environment, own, other) in [("production", &live, &test), ("sandbox", &test, &live)] {
        let own = server.call(environment, "payments", Some(own), "GET", "/transfers").await;
        let other = server.call(environment, "payments", Some(other), "GET", "/transfers").await;
        assert_eq!((own.status, other.status), (200, 401), "{environment}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_17_an_operator_makes_a_partner_and_hands_its_credentials_over() {
    let server = Server::start().await;
    let made = server.admin("POST", "/tenants", json!({ "name": "newco", "title": "New Company" })).await;
    assert_eq!(made.status, 201);
    let opened = server
        .apply("[[access]]\ntenant = \"newco\"\napis = [\"payments\"]\nenvironments = [\"production\", \"sandbox\"]\n")
        .await;
    assert_eq!(opened.status, 200, "{}", opened.text);
    for environment in BOTH {
        let client = server.new_app(environment, json!({ "tenant": "newco", "apis": ["payments"] })).await;
        let answer = server.request_token(environment, "payments", &client).await;
        assert_eq!(answer.status, 200);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let called = server.call(environment, "payments", Some(&token), "GET", "/transfers").await;
        assert_eq!(called.json()["caller"]["client_id"], client.id.as_str());
        assert_eq!(called.json()["caller"]["tenant"], made.json()["id"]);
    }
}

/// On one thread, so that the log of this server is this test's alone.
#[tokio::test]
async fn s000_18_the_secret_is_shown_once_and_never_again_nor_logged() {
    let log = Log::default();
    let _following = log.follow();
    let server = Server::start().await;
    let at = "/environments/production/apps";
    let app = json!({ "tenant": "acme", "apis": ["payments"], "client_id": "shown-once" });
    let first = server.new_app("production", app).await;
    let rotated = server.admin("POST", &format!("{at}/shown-once/secrets"), json!({})).await;
    assert_eq!(rotated.status, 201);
    let second = rotated.json()["client_secret"].as_str().unwrap().to_owned();
    assert!(!rotated.text.contains(&first.secret), "rotation shows the new one only");
    for secret in [&first.secret, &second] {
        let client = Client { secret: secret.clone(), ..first.clone() };
        assert_eq!(server.request_token("production", "payments", &client).await.status, 200);
        let url = server.token_endpoint("production", "payments");
        let refused = server.post(&url, None, &form(&client, "grant_type=nonsense")).await;
        assert_eq!(refused.status, 400);
    }
    for path in [&format!("{at}/shown-once"), at, "/audit"] {
        let read = server.admin("GET", path, Value::Null).await;
        assert_eq!(read.status, 200);
        assert!(read.text.contains("shown-once"), "{path}");
        let shows = |secret: &String| read.text.contains(secret.as_str());
        assert!(!shows(&first.secret) && !shows(&second), "{path}");
    }
    assert!(log.holds("unknown_grant_type"), "the log is that of this server: the refusal stands in it");
    assert!(!log.holds(&first.secret) && !log.holds(&second));
}

/// A form with the credentials in front.
pub(crate) fn form(client: &Client, rest: &str) -> String {
    format!("client_id={}&client_secret={}&{rest}", client.id, client.secret)
}

async fn keys_of(server: &Server, environment: &str) -> Value {
    let url = format!("{}/jwks", server.issuer(environment));
    server.get(&url, None).await.json()
}

/// Verifies by the curve arithmetic of the library and nothing of ours (RFC 7515 5.2, RFC 7518 3.4).
fn is_signed_by(token: &str, jwks: &Value) -> bool {
    let (input, signature) = token.rsplit_once('.').expect("a JWT has dots");
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let head = input.split('.').next().unwrap_or("");
    let header: Value = serde_json::from_slice(&decode(head)).expect("a JWT's header is JSON");
    assert_eq!(header["alg"], "ES256");
    let keys = jwks["keys"].as_array().expect("a key set");
    let Some(key) = keys.iter().find(|key| key["kid"] == header["kid"]) else {
        return false;
    };
    let point: Vec<u8> = [
        vec![4],
        decode(key["x"].as_str().expect("x is text")),
        decode(key["y"].as_str().expect("y is text")),
    ]
    .concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(input.as_bytes(), &decode(signature))
        .is_ok()
}

/// What the server of a test logs, at the most talkative level. For tests on one thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Logs this thread into here until the guard is dropped.
    pub(crate) fn follow(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("trace")
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// Whether a text stands in it.
    pub(crate) fn holds(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.0.lock().expect("no test panics while it writes")).contains(text)
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics while it writes").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
