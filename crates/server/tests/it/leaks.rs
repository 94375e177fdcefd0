//! The intake of leaks: what stops when a credential is brought to us, what does not, and who hears of it.

mod github;
mod operators;
mod policies;
mod queries;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::secret::{Brand, CredentialType, Spelling, Stage, spell};
use grantor_testkit::{Answer, Client, Mail, Server, TEAM};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// Longest wait for a job to look.
const PATIENCE: u32 = 500;

fn address(server: &Server) -> String {
    format!("http://{}/leaks", server.address())
}

/// Brings something to the public address. Each time from another place: the throttle is a test of its own.
async fn bring(server: &Server, value: &str) -> Answer {
    server.clock().pass(60);
    let request = server.http.post(address(server)).json(&json!({ "value": value }));
    server.send(request).await
}

async fn incidents(server: &Server) -> Vec<Value> {
    let answer = server.admin("GET", "/incidents", Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"].as_array().expect("a list").clone()
}

/// The incident about something, as soon as it was seen so often.
async fn incident(server: &Server, subject: &str, sightings: i64) -> Value {
    for _ in 0..PATIENCE {
        let all = incidents(server).await;
        let found = all.into_iter().find(|incident| {
            incident["subject"].as_str().is_some_and(|known| known.starts_with(subject))
                && incident["sightings"] == sightings
        });
        if let Some(found) = found {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no incident about {subject}, seen {sightings} times: {:?}", incidents(server).await)
}

/// Whether an app gets a token.
async fn works(server: &Server, client: &Client) -> bool {
    match server.request_token("production", "payments", client).await.status {
        200 => true,
        401 => false,
        other => panic!("the token endpoint answered {other}"),
    }
}

async fn is_active(server: &Server, api: &str, token: &str) -> bool {
    server.introspect("production", api, token).await.json()["active"] == true
}

async fn app(server: &Server) -> Client {
    server.new_app("production", json!({ "tenant": "acme", "apis": ["payments"] })).await
}

async fn token(server: &Server, client: &Client) -> String {
    let answer = server.request_token("production", "payments", client).await;
    answer.json()["access_token"].as_str().expect("an access token").to_owned()
}

/// The mail about a leak, among the others that somebody gets.
async fn leak_mail(server: &Server, to: &str) -> Mail {
    for _ in 0..PATIENCE {
        let mut mails = server.mails().into_iter();
        if let Some(mail) = mails.rfind(|mail| mail.to == to && mail.subject.contains("leaked credential")) {
            return mail;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no mail to {to} about a leak")
}

/// The last four characters.
fn tail(value: &str) -> &str {
    &value[value.len() - 4..]
}

async fn audited(server: &Server, action: &str) -> Vec<Value> {
    let audit = server.admin("GET", "/audit", Value::Null).await.json();
    let entries = audit["items"].as_array().expect("a list").iter();
    entries.filter(|entry| entry["action"] == action).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_brings_a_live_secret_ends_it_and_the_tokens_that_it_gave() {
    let server = Server::start().await;
    let (client, other) = (app(&server).await, app(&server).await);
    let (own, foreign) = (token(&server, &client).await, token(&server, &other).await);
    let brought = bring(&server, &format!("  {}\n", client.secret)).await;
    assert_eq!((brought.status, brought.text.as_str()), (202, "{\"received\":true}"));
    let seen = incident(&server, "secret:", 1).await;
    assert!(!works(&server, &client).await && !is_active(&server, "payments", &own).await);
    assert!(
        works(&server, &other).await && is_active(&server, "payments", &foreign).await,
        "of others nothing ends"
    );

    assert_eq!(seen["kind"], "secret");
    assert_eq!(
        (&seen["state"], &seen["source"], &seen["tenant"]),
        (&json!("open"), &json!("public"), &json!("acme"))
    );
    assert_eq!((&seen["client_id"], &seen["environment"]), (&json!(client.id), &json!("production")));
    assert_eq!(seen["last_four"], tail(&client.secret));
    assert_eq!(seen["measures"], json!(["secret_ended", "tokens_ended"]));
    assert_eq!(seen["reporter"], "127.0.0.1");
    let [ended] = &audited(&server, "app.secret_end").await[..] else { panic!("one entry") };
    assert_eq!(ended["detail"]["reason"], "it was seen where it must not be");
    let [opened] = &audited(&server, "incident.open").await[..] else { panic!("one entry") };
    assert_eq!((&opened["target"], &opened["detail"]["client_id"]), (&seen["id"], &json!(client.id)));

    let admin = server.person("tenant_admin").email;
    for to in [admin.as_str(), TEAM] {
        let mail = leak_mail(&server, to).await;
        assert!(mail.subject.contains("leaked credential"), "{}", mail.subject);
        for needed in
            [tail(&client.secret), client.id.as_str(), "no longer authenticates", "Make a new secret"]
        {
            assert!(mail.text.contains(needed), "{needed}: {}", mail.text);
        }
        assert!(!mail.text.contains(&client.secret[..client.secret.len() - 4]));
    }
    let again = server
        .admin("POST", &format!("/environments/production/apps/{}/secrets", client.id), json!({}))
        .await;
    let renewed = Client { secret: again.json()["client_secret"].as_str().unwrap().to_owned(), ..client };
    assert!(works(&server, &renewed).await, "the app goes on with a new secret");
}

/// An answer without what differs from request to request.
fn public(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let shown = |headers: &HeaderMap| {
        let mut all: Vec<_> = headers
            .iter()
            .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        all.sort();
        all
    };
    (answer.status, answer.text.clone(), shown(&answer.headers))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_the_same_for_live_dead_and_foreign_values_and_for_junk() {
    let server = Server::start().await;
    let client = app(&server).await;
    let key = server.key("production", "assets");
    let mut altered = client.secret.clone();
    altered.replace_range(20..21, if &altered[20..21] == "a" { "b" } else { "a" });
    let mut answers = Vec::new();
    for value in [
        &client.secret,
        &client.secret,
        &key,
        &altered,
        "junk",
        "eyJh.eyJi.c2ln",
        "\u{1f4a9}",
        &"x".repeat(8_000),
    ] {
        answers.push(public(&bring(&server, value).await));
    }
    server.clock().pass(60);
    answers
        .push(public(&server.post(&address(&server), None, "value=junk&url=https%3A%2F%2Fa.example").await));
    let text =
        server.http.post(address(&server)).header("content-type", "text/plain; charset=utf-8").body("junk");
    answers.push(public(&server.send(text).await));
    assert_eq!(answers[0].0, 202);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    incident(&server, "secret:", 2).await;
    incident(&server, "key:", 1).await;
    assert_eq!(incidents(&server).await.len(), 2, "what is not ours makes no incident");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_json_or_plain_text_bring_a_value_and_nothing_else_does() {
    let server = Server::start().await;
    let post = |media: &'static str, body: String| {
        server.clock().pass(60);
        server.http.post(address(&server)).header("content-type", media).body(body)
    };
    for (number, media) in
        ["application/x-www-form-urlencoded", "application/json", "text/plain"].iter().enumerate()
    {
        let client = app(&server).await;
        let body = match number {
            0 => format!("url=https%3A%2F%2Fpaste.example%2F1&value={}", client.secret),
            1 => json!({ "value": client.secret, "url": "https://paste.example/1" }).to_string(),
            _ => client.secret.clone(),
        };
        assert_eq!(server.send(post(media, body)).await.status, 202, "{media}");
        let seen = loop {
            let all = incidents(&server).await;
            if let Some(seen) = all.iter().find(|seen| seen["client_id"] == client.id.as_str()) {
                break seen.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert_eq!(seen["place"], if number < 2 { json!("https://paste.example/1") } else { Value::Null });
        assert!(!works(&server, &client).await, "{media}");
    }
    for (media, body) in [
        ("application/json", "{\"value\":1}"),
        ("application/json", "{\"value\":\"a\",\"more\":1}"),
        ("application/json", "value"),
        ("application/x-www-form-urlencoded", "secret=a"),
        ("application/x-www-form-urlencoded", "value=a&value=b"),
        ("text/plain", " \n"),
        ("multipart/form-data", "value"),
    ] {
        let refused = server.send(post(media, body.to_owned())).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_request"), "{media}: {body}");
    }
    assert_eq!(server.send(post("text/plain", "x".repeat(8 * 1024 + 1))).await.status, 413);
    let refused = server.get(&address(&server), None).await;
    assert_eq!((refused.status, refused.header("allow")), (405, "POST"));
    let plain = post("text/plain", "x".to_owned()).header("x-forwarded-proto", "http");
    assert_eq!(server.send(plain).await.status, 400, "a secret never travels in clear");
    assert_eq!(server.get(&format!("{}/other", address(&server)), None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_place_brings_three_at_once_and_others_are_heard_meanwhile() {
    let server = Server::start().await;
    let from = |source: &'static str| {
        let request = server.http.post(address(&server)).header("x-forwarded-for", source).body("junk");
        server.send(request)
    };
    for _ in 0..3 {
        assert_eq!(from("203.0.113.1").await.status, 202);
    }
    let refused = from("203.0.113.1").await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=11).contains(&seconds)));
    assert_eq!(from("203.0.113.2").await.status, 202);
    server.clock().pass(11);
    assert_eq!(from("203.0.113.1").await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_seen_twice_is_one_incident_and_one_mail() {
    let server = Server::start().await;
    let key = server.key("production", "assets");
    assert!(is_active(&server, "assets", &key).await);
    bring(&server, &key).await;
    let seen = incident(&server, "key:", 1).await;
    assert_eq!(seen["measures"], json!(["key_revoked"]));
    assert!(!is_active(&server, "assets", &key).await);
    bring(&server, &key).await;
    let twice = incident(&server, "key:", 2).await;
    assert_eq!((&twice["id"], &twice["measures"]), (&seen["id"], &seen["measures"]));
    assert_eq!(incidents(&server).await.len(), 1);
    assert_eq!(audited(&server, "incident.open").await.len(), 1);
    leak_mail(&server, TEAM).await;
    assert_eq!(server.mails().iter().filter(|mail| mail.to == TEAM).count(), 1);
    let id = seen["subject"].as_str().unwrap().trim_start_matches("key:").to_owned();
    let shown = server.admin("GET", &format!("/environments/production/keys/{id}"), Value::Null).await;
    assert_eq!(shown.json()["status"], "revoked", "{}", shown.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_token_ends_what_that_user_allowed_and_nothing_of_others() {
    let server = Server::start().await;
    let (leaked, other) = (
        server.user_token("production", "payments").await,
        server.user_token("production", "payments").await,
    );
    let of_app = server.token("production", "payments").await;
    bring(&server, &leaked.access).await;
    let seen = incident(&server, "access_token:", 1).await;
    assert_eq!(seen["measures"], json!(["token_revoked", "grant_ended"]));
    assert!(!is_active(&server, "payments", &leaked.access).await);
    assert_eq!(server.refresh("production", "payments", &leaked.refresh).await.error(), "invalid_grant");
    assert!(
        is_active(&server, "payments", &other.access).await && is_active(&server, "payments", &of_app).await
    );

    bring(&server, &other.refresh).await;
    let seen = incident(&server, "refresh_token:", 1).await;
    assert_eq!(seen["measures"], json!(["grant_ended"]));
    assert!(!is_active(&server, "payments", &other.access).await);
    assert_eq!(server.refresh("production", "payments", &other.refresh).await.error(), "invalid_grant");
    assert!(is_active(&server, "payments", &of_app).await);
}

/// The same text with another last byte of its body, and the checksum that belongs to it.
fn forged(genuine: &str, kind: CredentialType) -> String {
    let brand = Brand::default();
    let body = Spelling::parse(&brand, genuine).expect("a credential").body;
    let mut bytes = URL_SAFE_NO_PAD.decode(body).expect("base64url");
    *bytes.last_mut().expect("a byte") ^= 1;
    spell(&brand, kind, Stage::Live, &URL_SAFE_NO_PAD.encode(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_well_spelled_forgery_ends_nothing_of_whom_it_names() {
    let server = Server::start().await;
    let user = server.user_token("production", "payments").await;
    let opaque = server.token("production", "banking").await;
    bring(&server, &forged(&user.refresh, CredentialType::RefreshToken)).await;
    bring(&server, &forged(&opaque, CredentialType::AccessToken)).await;
    bring(&server, &format!("{}AAAAAAAA", &user.access[..user.access.len() - 8])).await;
    // Reports are looked at in order: when the last was seen, those before it were.
    bring(&server, &server.client("production", "deals").secret).await;
    incident(&server, "secret:", 1).await;
    assert_eq!(incidents(&server).await.len(), 1);
    assert!(
        is_active(&server, "payments", &user.access).await && is_active(&server, "banking", &opaque).await
    );
    assert_eq!(server.refresh("production", "payments", &user.refresh).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_of_the_sandbox_stops_there_alone() {
    let server = Server::start().await;
    let (live, test) = (server.client("production", "payments"), server.client("sandbox", "payments"));
    bring(&server, &test.secret).await;
    assert_eq!(incident(&server, "secret:", 1).await["environment"], "sandbox");
    assert_eq!(server.request_token("sandbox", "payments", &test).await.status, 401);
    assert_eq!(server.request_token("production", "payments", &live).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_carries_an_address_that_a_stranger_has_sent() {
    let server = Server::start().await;
    let client = app(&server).await;
    let trap = "https://evil.example/sign-in";
    let request = server.http.post(address(&server)).json(&json!({ "value": client.secret, "url": trap }));
    assert_eq!(server.send(request).await.status, 202);
    assert_eq!(incident(&server, "secret:", 1).await["place"], trap, "the team can see it");
    for to in [server.person("tenant_admin").email.as_str(), TEAM] {
        let mail = leak_mail(&server, to).await;
        assert!(
            !mail.text.contains("evil") && mail.text.contains("by somebody who reported it"),
            "{}",
            mail.text
        );
        assert!(mail.link().ends_with("/login"), "one link, to our own page");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_at_a_stop_is_looked_at_before_it_ends() {
    let server = Server::start().await;
    let client = app(&server).await;
    assert_eq!(bring(&server, &client.secret).await.status, 202);
    let server = server.restart().await;
    assert!(!works(&server, &client).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_reports_looks_and_closes_and_a_dead_credential_is_told_apart() {
    let server = Server::start().await;
    let client = app(&server).await;
    let report = async |value: &str| {
        server.admin("POST", "/incidents", json!({ "value": value, "url": "ticket 7" })).await
    };
    assert_eq!(report("junk").await.status, 404);
    let made = report(&client.secret).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(!works(&server, &client).await, "before the answer");
    let seen = made.json();
    assert_eq!((&seen["source"], &seen["place"]), (&json!("operator"), &json!("ticket 7")));
    let path = format!("/incidents/{}", seen["id"].as_str().unwrap());
    assert_eq!(server.admin("GET", &path, Value::Null).await.json(), seen);
    for bad in [json!({ "comment": "" }), json!({ "comment": "a\nb" }), json!({ "why": "x" })] {
        assert_eq!(server.admin("POST", &format!("{path}/resolve"), bad).await.status, 400);
    }
    let closed = server.admin("POST", &format!("{path}/resolve"), json!({ "comment": "a test" })).await;
    assert_eq!(closed.status, 200);
    assert_eq!((&closed.json()["state"], &closed.json()["comment"]), (&json!("resolved"), &json!("a test")));
    assert!(closed.json()["resolved_by"].as_str().is_some_and(|by| by.starts_with("operator:")));
    assert_eq!(
        server.admin("POST", &format!("{path}/resolve"), json!({ "comment": "late" })).await.json(),
        closed.json()
    );
    let open = server.admin("GET", "/incidents?state=open", Value::Null).await;
    assert_eq!(open.json()["items"], json!([]));
    assert_eq!(server.admin("GET", "/incidents/inc_0", Value::Null).await.status, 404);

    let made = server
        .admin("POST", &format!("/environments/production/apps/{}/secrets", client.id), json!({}))
        .await;
    let second = made.json();
    let end = format!("/environments/production/apps/{}/secrets/{}/end", client.id, second["version"]);
    assert_eq!(server.admin("POST", &end, json!({})).await.status, 200);
    assert_eq!(
        report(second["client_secret"].as_str().unwrap()).await.status,
        409,
        "it had ended, and nobody is woken"
    );
    assert_eq!(incidents(&server).await.len(), 1);
}
