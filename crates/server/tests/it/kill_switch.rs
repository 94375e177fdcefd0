//! One act stops a partner: on the next request, under load, with its reason, and reversibly where it says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use grantor_testkit::{Server, basic};
use serde_json::{Value, json};

const PRODUCTION: &str = "production";
/// Between two requests: 200 a second, whatever the answers do.
const PACE: Duration = Duration::from_millis(5);
/// Requests before the act, and after its answer.
const BEFORE: usize = 200;
const AFTER: usize = 200;

/// What happened first is known by numbers, not by clocks.
#[derive(Default)]
struct Order(AtomicU64);

impl Order {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// A request: when it began, and whether it was let through.
type Outcome = tokio::task::JoinHandle<(u64, bool)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s004_15_under_200_requests_a_second_nothing_is_accepted_that_began_after_the_answer_to_the_suspend()
{
    let server = Server::start().await;
    let order = Arc::new(Order::default());
    let client = server.client(PRODUCTION, "payments");
    let token = server.token(PRODUCTION, "payments").await;
    let asking = server.api(PRODUCTION, "payments")["introspection"].clone();
    let text = |name: &str| asking[name].as_str().expect("text").to_owned();
    let own = basic(&client.id, &client.secret);
    let theirs = basic(&text("client_id"), &text("client_secret"));
    let forward = server.api(PRODUCTION, "payments")["forward_auth_url"].as_str().unwrap().to_owned();
    // Issuing, introspection and forward-auth in turn.
    let (issue, introspect) = (server.token_endpoint(PRODUCTION, "payments"), text("endpoint"));
    let start = |number: usize| -> Outcome {
        let (order, http) = (order.clone(), server.http.clone());
        let form = "application/x-www-form-urlencoded";
        let request = match number % 3 {
            0 => http
                .post(&issue)
                .header("authorization", &own)
                .header("content-type", form)
                .body("grant_type=client_credentials"),
            1 => http
                .post(&introspect)
                .header("authorization", &theirs)
                .header("content-type", form)
                .body(format!("token={token}")),
            _ => http
                .get(&forward)
                .bearer_auth(&token)
                .header("x-forwarded-method", "GET")
                .header("x-forwarded-uri", "/demo/payments/transfers"),
        };
        tokio::spawn(async move {
            let began = order.next();
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.unwrap_or_default();
            // Failing so often is throttled, which is a refusal, too.
            assert!([200, 401, 429].contains(&status), "{status} {body}");
            (began, status == 200 && body["active"] != false)
        })
    };
    let mut pace = tokio::time::interval(PACE);
    let mut running: Vec<Outcome> = Vec::new();
    for number in 0..BEFORE {
        pace.tick().await;
        running.push(start(number));
    }
    let suspending = server.admin("POST", "/tenants/acme/suspend", json!({}));
    let mut suspending = std::pin::pin!(suspending);
    let mut number = BEFORE;
    let answered = loop {
        tokio::select! {
            answer = &mut suspending => {
                assert_eq!(answer.status, 200, "{}", answer.text);
                break order.next();
            }
            _ = pace.tick() => running.push(start(number)),
        }
        number += 1;
    };
    for more in 0..AFTER {
        pace.tick().await;
        running.push(start(number + more));
    }
    let (mut accepted, mut refused_after) = (0, 0);
    for outcome in running {
        let (began, was_accepted) = outcome.await.expect("no request panics");
        assert!(
            !was_accepted || began < answered,
            "accepted, though it began as number {began} after {answered}"
        );
        accepted += usize::from(was_accepted);
        refused_after += usize::from(began > answered);
    }
    assert!(accepted >= BEFORE / 2, "only {accepted} were accepted at all");
    assert_eq!(refused_after, AFTER);
}

#[tokio::test(flavor = "multi_thread")]
async fn s004_15_after_a_resume_old_tokens_stay_dead_and_refresh_tokens_work() {
    let server = Server::start().await;
    let machine = server.token(PRODUCTION, "payments").await;
    let user = server.user_token(PRODUCTION, "payments").await;
    let userinfo = format!("{}/userinfo", server.issuer(PRODUCTION));
    let told = server.get(&userinfo, Some(&user.access)).await.status;
    let verdict = async |token: &str| server.verdicts(PRODUCTION, "payments", token, "/transfers").await;
    assert_eq!(verdict(&machine).await, [true; 3]);
    assert_eq!(server.admin("POST", "/tenants/acme/suspend", json!({})).await.status, 200);
    for token in [&machine, &user.access] {
        assert!(!server.introspect(PRODUCTION, "payments", token).await.json()["active"].as_bool().unwrap());
        assert_eq!(server.forward_auth(PRODUCTION, "payments", Some(token), "GET", "/me").await.status, 401);
    }
    assert_eq!(server.get(&userinfo, Some(&user.access)).await.status, 401, "it was {told} before");
    assert_ne!(server.refresh(PRODUCTION, "payments", &user.refresh).await.status, 200);
    let client = server.client(PRODUCTION, "payments");
    assert_eq!(server.request_token(PRODUCTION, "payments", &client).await.status, 401);

    assert_eq!(server.admin("POST", "/tenants/acme/resume", json!({})).await.status, 200);
    assert_eq!(verdict(&machine).await, [false; 3]);
    assert!(
        !server.introspect(PRODUCTION, "payments", &user.access).await.json()["active"].as_bool().unwrap()
    );
    let refreshed = server.refresh(PRODUCTION, "payments", &user.refresh).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    let fresh = refreshed.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(server.introspect(PRODUCTION, "payments", &fresh).await.json()["active"], true);
    assert_eq!(verdict(&server.token(PRODUCTION, "payments").await).await, [true; 3]);
}

/// Path of a thing, and the word for it in a mail.
const THINGS: [(&str, &str); 4] = [
    ("/tenants/acme", "the organisation"),
    ("/environments/production/accesses/acme/payments", "the access to"),
    ("/environments/production/apps/acme-payments", "the app acme-payments"),
    ("/environments/production/users/USER", "the user USER"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_switch_is_one_call_with_a_reason_for_the_audit_and_for_the_tenants_admins() {
    let server = Server::start().await;
    let admin = server.person("tenant_admin").email;
    let user = server.person("end_user").email;
    let member = json!({ "roles": ["viewer"] });
    let membership = format!("/environments/production/users/{user}/memberships/acme");
    assert_eq!(server.admin("PUT", &membership, member).await.status, 200);
    let keys = server.admin("GET", "/environments/production/keys?tenant=acme", Value::Null).await.json();
    let key = format!("/environments/production/keys/{}", keys["items"][0]["id"].as_str().unwrap());
    let mut things: Vec<(String, String)> = THINGS
        .iter()
        .map(|(path, word)| (path.replace("USER", &user), word.replace("USER", &user)))
        .collect();
    things.push((key, "the API key".to_owned()));
    let mut told = 0;
    for (path, word) in things {
        for (verb, past, status) in [("suspend", "suspended", "suspended"), ("resume", "resumed", "active")] {
            let reason = format!("{verb} for ticket {told}");
            let done = server.admin("POST", &format!("{path}/{verb}"), json!({ "reason": reason })).await;
            // An access that goes on stands where its state machine had it.
            let status = if path.contains("/accesses/") && verb == "resume" { "approved" } else { status };
            assert_eq!((done.status, &done.json()["status"]), (200, &json!(status)), "{path} {}", done.text);
            told += 1;
            let mail = loop {
                let mails = server.mails();
                let mut to_admin = mails.into_iter().filter(|mail| mail.to == admin);
                if let Some(mail) = to_admin.find(|mail| mail.text.contains(&reason)) {
                    break mail;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            assert!(
                mail.text.contains(&word) && mail.subject.ends_with(&format!("was {past}")),
                "{}",
                mail.text
            );
            let audit = server.admin("GET", "/audit", Value::Null).await.json();
            let entries = audit["items"].as_array().unwrap();
            assert!(entries.iter().any(|entry| entry["detail"]["reason"] == reason.as_str()), "{path}");
            // Once more: nothing is done, and nobody told.
            assert_eq!(server.admin("POST", &format!("{path}/{verb}"), json!({})).await.status, 200);
        }
    }
    let is_deed = |subject: &str| subject.ends_with("was suspended") || subject.ends_with("was resumed");
    let mails = server.mails();
    let to_admin = mails.iter().filter(|mail| mail.to == admin && is_deed(&mail.subject)).count();
    assert_eq!(to_admin, told, "one mail for each act, though the admin is one in two environments");
    for bad in [
        json!({ "reason": "" }),
        json!({ "reason": "x".repeat(501) }),
        json!({ "reason": "a\nb" }),
        json!({ "why": "x" }),
    ] {
        assert_eq!(server.admin("POST", "/tenants/acme/suspend", bad).await.status, 400);
    }
    let status = server.admin("GET", "/tenants/acme", Value::Null).await.json()["status"].clone();
    assert_eq!(status, "active", "what is refused does nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_never_opens_again() {
    let server = Server::start().await;
    let token = server.token(PRODUCTION, "payments").await;
    let other = server.token(PRODUCTION, "banking").await;
    let access = "/environments/production/accesses/acme/payments";
    let closed =
        server.admin("POST", &format!("{access}/close"), json!({ "reason": "contract ended" })).await;
    assert_eq!((closed.status, &closed.json()["status"]), (200, &json!("closed")), "{}", closed.text);
    let is_active = async |api: &str, token: &str| {
        server.introspect(PRODUCTION, api, token).await.json()["active"] == true
    };
    assert!(!is_active("payments", &token).await && is_active("banking", &other).await);
    let client = server.client(PRODUCTION, "payments");
    assert_eq!(server.request_token(PRODUCTION, "payments", &client).await.error(), "access_denied");
    let closed = server.admin("POST", "/tenants/acme/close", json!({})).await;
    assert_eq!((closed.status, &closed.json()["status"]), (200, &json!("closed")));
    assert!(!is_active("banking", &other).await);
    for (path, refused) in [(access, 422), ("/tenants/acme", 409)] {
        for verb in ["resume", "suspend"] {
            assert_eq!(
                server.admin("POST", &format!("{path}/{verb}"), json!({})).await.status,
                refused,
                "{path} {verb}"
            );
        }
        assert_eq!(
            server.admin("POST", &format!("{path}/close"), json!({})).await.status,
            200,
            "twice is once"
        );
    }
    let client = server.client(PRODUCTION, "banking");
    assert_eq!(server.request_token(PRODUCTION, "banking", &client).await.status, 401);
}
