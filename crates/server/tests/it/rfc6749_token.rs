//! RFC 6749, the part of client credentials: what the token endpoint takes, what it refuses, and in which words.

mod broken_requests;
mod scope_and_target;

use grantor_testkit::{Answer, Client, Server, basic};
use serde_json::{Value, json};

const GRANT: &str = "grant_type=client_credentials";

/// Checks that a refusal has exactly the form of RFC 6749 5.2 (J01), and carries the request's id.
pub(crate) fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (status, error), "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let body = answer.json();
    let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["error", "error_description", "request_id"]);
    let id = body["request_id"].as_str().expect("an id");
    assert_eq!(id, answer.header("x-request-id"));
    assert_eq!(id.len(), 16);
    // RFC 6749 5.2: %x20-21 / %x23-5B / %x5D-7E.
    let text = body["error_description"].as_str().expect("a description");
    let allowed = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\';
    assert!(!text.is_empty() && text.bytes().all(allowed), "{text}");
}

/// Nothing is there. On the demo's listener the site beside the server says so.
pub(crate) fn missing(answer: &Answer) {
    assert_eq!(answer.status, 404, "{}", answer.text);
    assert!(!answer.text.contains("token") && answer.header("location").is_empty());
}

/// What only a write could change: the audit (every write has its row there) and the apps.
pub(crate) async fn state(server: &Server) -> (Value, Value) {
    let audit = server.admin("GET", "/audit", Value::Null).await.json();
    assert!(audit["items"].is_array());
    let apps = server.admin("GET", "/environments/production/apps", Value::Null).await.json();
    assert!(apps["items"].is_array());
    (audit, apps)
}

async fn ask(server: &Server, form: &str) -> Answer {
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    server.post(&url, Some(&basic(&client.id, &client.secret)), form).await
}

fn without_id(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    (answer.status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_answer_has_exactly_its_members_and_may_not_be_stored() {
    let server = Server::start().await;
    for api in ["payments", "channel", "assets", "deals", "banking"] {
        let answer = server.request_token("production", api, &server.client("production", api)).await;
        assert_eq!(answer.status, 200, "{api}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("pragma"), "no-cache");
        assert!(!answer.header("x-request-id").is_empty());
        let body = answer.json();
        let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
        // RFC 6749 4.4.3: no refresh token. 3.3: no scope where it is what the default says.
        assert_eq!(names, ["access_token", "expires_in", "token_type"], "{api}");
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"].as_i64(), Some(3600));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_client_authentication_method_is_refused() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    let header = basic(&client.id, &client.secret);
    let in_body = format!("{GRANT}&client_id={}&client_secret={}", client.id, client.secret);
    let before = state(&server).await;
    refused(&server.post(&url, Some(&header), &in_body).await, 400, "invalid_request");
    for more in [
        "client_secret=",
        "client_assertion=e30.e30.e30",
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
    ] {
        let answer = server.post(&url, Some(&header), &format!("{GRANT}&{more}")).await;
        refused(&answer, 400, "invalid_request");
    }
    let answer = server.post(&url, None, &format!("{in_body}&client_assertion=e30.e30.e30")).await;
    refused(&answer, 400, "invalid_request");
    let twice = server
        .http
        .post(&url)
        .header("authorization", &header)
        .header("authorization", &header)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(GRANT);
    refused(&server.send(twice).await, 400, "invalid_request");
    // The same client id beside the header is no second method; another one is somebody else.
    let same = server.post(&url, Some(&header), &format!("{GRANT}&client_id={}", client.id)).await;
    assert_eq!(same.status, 200);
    let other = server.post(&url, Some(&header), &format!("{GRANT}&client_id=acme-deals")).await;
    refused(&other, 401, "invalid_client");
    assert_eq!(state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_is_form_decoded_and_also_taken_as_it_is() {
    let server = Server::start().await;
    let app = json!({ "tenant": "acme", "client_id": "Acme + 100% & co", "apis": ["payments"] });
    let client = server.new_app("production", app).await;
    let url = server.token_endpoint("production", "payments");
    let secret: String = client.secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for (id, secret) in [
        ("Acme+%2B+100%25+%26+co", secret.as_str()),
        ("Acme%20%2b%20100%25%20%26%20co", client.secret.as_str()),
        // Many clients do not encode; this reading cannot be decoded.
        ("Acme + 100% & co", client.secret.as_str()),
    ] {
        let answer = server.post(&url, Some(&basic(id, secret)), GRANT).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.text);
    }
    let wrong = server.post(&url, Some(&basic("Acme+++100%25+%26+co", &client.secret)), GRANT).await;
    refused(&wrong, 401, "invalid_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_client_is_401_with_a_challenge_only_where_the_header_was_used() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    let before = state(&server).await;
    for header in [
        basic(&client.id, "wrong"),
        basic(&client.id, ""),
        basic("nobody", &client.secret),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic !!!!".to_owned(),
        "Basic YWNtZQ==".to_owned(),
        "Basic YQA6Yg==".to_owned(),
        "Basic /////w==".to_owned(),
        format!("Bearer {}", client.secret),
        format!("DPoP {}", client.secret),
        "Digest username=\"acme\"".to_owned(),
    ] {
        let answer = server.post(&url, Some(&header), GRANT).await;
        refused(&answer, 401, "invalid_client");
        assert_eq!(
            answer.header("www-authenticate"),
            "Basic realm=\"grantor\", charset=\"UTF-8\"",
            "{header}"
        );
    }
    for form in [
        GRANT.to_owned(),
        format!("{GRANT}&client_id={}", client.id),
        format!("{GRANT}&client_id={}&client_secret=", client.id),
        format!("{GRANT}&client_id={}&client_secret=wrong", client.id),
        format!("{GRANT}&client_secret={}", client.secret),
        format!("{GRANT}&client_id=&client_secret={}", client.secret),
    ] {
        let answer = server.post(&url, None, &form).await;
        refused(&answer, 401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), "");
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_of_the_header_is_compared_without_case() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    for scheme in ["basic", "BASIC", "bAsIc"] {
        let header = basic(&client.id, &client.secret).replacen("Basic", scheme, 1);
        assert_eq!(server.post(&url, Some(&header), GRANT).await.status, 200, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_credential_gets_the_same_public_answer() {
    let server = Server::start().await;
    let url = server.token_endpoint("production", "payments");
    let good = server.client("production", "payments");
    let ask = |id: String, secret: String| {
        let (server, url) = (&server, &url);
        async move { server.post(url, Some(&basic(&id, &secret)), GRANT).await }
    };
    let short =
        json!({ "tenant": "acme", "client_id": "short-lived", "apis": ["payments"], "secret_lifetime": 60 });
    let short = server.new_app("production", short).await;
    let asleep = json!({ "tenant": "acme", "client_id": "asleep", "apis": ["payments"] });
    let asleep = server.new_app("production", asleep).await;
    let gone = json!({ "tenant": "acme", "client_id": "gone", "apis": ["payments"] });
    let gone = server.new_app("production", gone).await;
    for client in [&short, &asleep, &gone] {
        assert_eq!(ask(client.id.clone(), client.secret.clone()).await.status, 200);
    }
    let done = server.admin("POST", "/environments/production/apps/asleep/suspend", json!({})).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let done = server.admin("DELETE", "/environments/production/apps/gone", json!({})).await;
    assert!(done.status < 300, "{}", done.text);
    server.clock().pass(61);

    let unknown = ask("nobody".to_owned(), good.secret.clone()).await;
    refused(&unknown, 401, "invalid_client");
    let elsewhere = server.client("sandbox", "payments");
    let before = state(&server).await;
    for (why, Client { id, secret }) in [
        ("a wrong secret", Client { id: good.id.clone(), secret: format!("{}x", good.secret) }),
        ("an expired secret", short),
        ("a suspended app", asleep),
        ("a deleted app", gone),
        (
            "the secret of another app",
            Client { id: good.id.clone(), secret: server.client("production", "deals").secret },
        ),
        ("the wrong environment", elsewhere),
    ] {
        let answer = ask(id, secret).await;
        refused(&answer, 401, "invalid_client");
        assert_eq!(without_id(&answer), without_id(&unknown), "{why}");
        assert_eq!(answer.header("www-authenticate"), unknown.header("www-authenticate"), "{why}");
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn d13_a_secret_that_is_right_but_for_one_character_is_wrong_at_either_end() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    let flip = |place: usize| {
        let mut bytes = client.secret.clone().into_bytes();
        bytes[place] = if bytes[place] == b'a' { b'b' } else { b'a' };
        String::from_utf8(bytes).expect("ASCII")
    };
    let last = client.secret.len() - 1;
    for secret in [
        flip(last),
        flip(last - 10),
        client.secret[..last].to_owned(),
        format!("{}a", client.secret),
        client.secret.to_uppercase(),
    ] {
        refused(&server.post(&url, Some(&basic(&client.id, &secret)), GRANT).await, 401, "invalid_client");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_a_secret_is_throttled_and_says_for_how_long() {
    let server = Server::start().await;
    let url = server.token_endpoint("production", "payments");
    let mut last = None;
    for _ in 0..60 {
        let answer = server.post(&url, Some(&basic("acme-payments", "guess")), GRANT).await;
        if answer.status == 429 {
            last = Some(answer);
            break;
        }
        refused(&answer, 401, "invalid_client");
    }
    let answer = last.expect("sixty guesses are too many");
    refused(&answer, 429, "invalid_client");
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_token_ids_are_long_and_never_alike() {
    let server = Server::start().await;
    let secret = server.client("production", "payments").secret;
    // 32 random bytes and a checksum, in base 62.
    let random = secret.rsplit('_').next().expect("the last part");
    assert!(random.len() >= 43, "{} characters", random.len());
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        assert!(seen.insert(server.token("production", "payments").await));
        assert!(seen.insert(server.token("production", "banking").await));
    }
}
