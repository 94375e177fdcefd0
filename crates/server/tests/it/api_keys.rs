//! API keys, whole: rotated while calls run, narrowed, tied to addresses and to a number of calls.

mod jwt;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use grantor_testkit::{Answer, Server, basic};
use serde_json::{Value, json};

const KEYS: &str = "/environments/production/keys";
const SELF: &str = "/keys/self";
const OFFICE: &str = "192.0.2.7";

/// A new key of `acme` at `assets`; `wishes` are added to the body.
async fn made(server: &Server, wishes: Value) -> (String, String) {
    let mut body = json!({ "tenant": "acme", "apis": ["assets"], "name": "nightly" });
    body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
    let answer = server.admin("POST", KEYS, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    shown(&answer)
}

/// Id and key of an answer that shows a key.
fn shown(answer: &Answer) -> (String, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

async fn post(server: &Server, id: &str, verb: &str, body: Value) -> Answer {
    server.admin("POST", &format!("{KEYS}/{id}/{verb}"), body).await
}

async fn show(server: &Server, id: &str) -> Value {
    server.admin("GET", &format!("{KEYS}/{id}"), json!({})).await.json()
}

async fn is_good(server: &Server, key: &str) -> bool {
    let verdicts = server.verdicts("production", "assets", key, SELF).await;
    assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "one verdict: {verdicts:?}");
    verdicts[0]
}

/// What a gateway is told that forwards a call from this address.
async fn forwarded(server: &Server, key: &str, address: Option<&str>) -> Answer {
    let url = server.api("production", "assets")["forward_auth_url"].as_str().unwrap();
    let mut request = server
        .http
        .get(url)
        .bearer_auth(key)
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-uri", "/demo/assets/keys/self");
    if let Some(address) = address {
        request = request.header("x-forwarded-for", address);
    }
    server.send(request).await
}

/// What the API is told that asks with these parameters beside the key.
async fn introspected(server: &Server, key: &str, more: &str) -> Answer {
    let caller = &server.api("production", "assets")["introspection"];
    let text = |name: &str| caller[name].as_str().unwrap();
    let authorization = basic(text("client_id"), text("client_secret"));
    server.post(text("endpoint"), Some(&authorization), &format!("token={key}{more}")).await
}

fn refused(answer: &Answer, words: &str) {
    assert!([403, 422].contains(&answer.status), "{}", answer.text);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(words), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_a_rotation_while_calls_run_fails_none_and_the_old_key_is_dead_after_the_overlap() {
    let server = Arc::new(Server::start().await);
    let (id, old) = made(&server, json!({})).await;
    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (server, old) = (server.clone(), old.clone());
            let (stop, calls) = (stop.clone(), calls.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let answer = forwarded(&server, &old, None).await;
                    assert_eq!(answer.status, 200, "{}", answer.text);
                    calls.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let until = |count| {
        let calls = calls.clone();
        async move {
            while calls.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
        }
    };
    until(20).await;
    let rotated = post(&server, &id, "rotate", json!({ "overlap": 3_600 })).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    let (successor, new) = shown(&rotated);
    assert!(is_good(&server, &new).await);
    until(calls.load(Ordering::SeqCst) + 20).await;
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
    let replaced = &rotated.json()["replaces"];
    assert_eq!((&replaced["id"], &replaced["replaced_by"]), (&json!(id), &json!(successor)));
    assert!((3_590..=3_600).contains(&replaced["seconds_left"].as_i64().unwrap()), "{replaced}");

    server.clock().pass(3_500);
    assert!(is_good(&server, &old).await && is_good(&server, &new).await);
    server.clock().pass(101);
    assert!(!is_good(&server, &old).await, "dead after the set time");
    assert!(is_good(&server, &new).await);
    refused(&post(&server, &id, "rotate", json!({ "overlap": 9_999_999 })).await, "rotated already");
    assert!(!is_good(&server, &old).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_of_two_rotations_at_once_one_wins_and_the_other_leaves_no_key() {
    let server = Server::start().await;
    let (id, _) = made(&server, json!({})).await;
    let rotate = || post(&server, &id, "rotate", json!({ "overlap": 60 }));
    let (one, two, three) = tokio::join!(rotate(), rotate(), rotate());
    let mut statuses = [one.status, two.status, three.status];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201, "{} {} {}", one.text, two.text, three.text);
    assert!(statuses[1..].iter().all(|status| [409, 422].contains(status)), "{statuses:?}");
    let listed = server.admin("GET", &format!("{KEYS}?tenant=acme"), json!({})).await.json();
    let count = listed["items"].as_array().unwrap().iter().filter(|key| key["name"] == "nightly").count();
    assert_eq!(count, 2, "the old one and one successor");
}

#[tokio::test(flavor = "multi_thread")]
async fn k12_an_overlap_lengthens_no_life_and_none_ends_the_old_key_at_once() {
    let server = Server::start().await;
    let (id, old) = made(&server, json!({ "lifetime": 3_600 })).await;
    let ends = show(&server, &id).await["expires_at"].clone();
    let rotated = post(&server, &id, "rotate", json!({ "overlap": 86_400 })).await;
    assert_eq!(rotated.json()["replaces"]["expires_at"], ends);
    let (id, new) = shown(&rotated);
    let again = post(&server, &id, "rotate", json!({ "overlap": 0 })).await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert!(!is_good(&server, &new).await && is_good(&server, &old).await);
}

/// An API with keys and two scopes, and its own app to ask with.
const VAULT: &str = r#"
[[profile]]
name = "vault"
token_paths = ["/vault/token"]
client_auth = ["client_secret_basic"]
token_format = "jwt"
grants = ["client_credentials"]
api_keys = "provider"

[[api]]
name = "vault"
environments = ["production"]
profile = "vault"
audience = "https://vault.example"
scope = [{ name = "vault:read" }, { name = "vault:write" }]

[[access]]
tenant = "acme"
apis = ["vault"]
environments = ["production"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_narrows_at_once_and_never_widens() {
    let server = Server::start().await;
    let applied = server.apply(VAULT).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let api = json!({ "tenant": "acme", "apis": ["vault"], "introspects": ["vault"] });
    let api = server.new_app("production", api).await;
    let body = json!({ "tenant": "acme", "apis": ["vault"] });
    let (id, key) = shown(&server.admin("POST", KEYS, body).await);
    let scope = || async {
        let url = format!("{}/introspect", server.issuer("production"));
        let answer = server.post(&url, Some(&basic(&api.id, &api.secret)), &format!("token={key}")).await;
        answer.json()["scope"].as_str().unwrap_or("").to_owned()
    };
    assert_eq!(scope().await, "vault:read vault:write");
    let narrowed = post(&server, &id, "narrow", json!({ "scopes": ["vault:read"] })).await;
    assert_eq!(narrowed.status, 200, "{}", narrowed.text);
    assert_eq!(scope().await, "vault:read", "on the next call");
    let both = json!(["vault:read", "vault:write"]);
    refused(&post(&server, &id, "narrow", json!({ "scopes": both })).await, "Make a new key for more");
    refused(&post(&server, &id, "narrow", json!({ "apis": ["vault", "assets"] })).await, "Make a new key");
    refused(&post(&server, &id, "rotate", json!({ "overlap": 0, "scopes": both })).await, "Make a new key");
    let rotated = post(&server, &id, "rotate", json!({ "overlap": 60 })).await;
    assert_eq!(rotated.json()["scopes"], json!(["vault:read"]), "a successor is no way around it");
    assert_eq!(scope().await, "vault:read");
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_a_key_is_good_from_its_addresses_alone_as_a_trusted_proxy_names_them() {
    let server = Server::start().await;
    let (id, key) = made(&server, json!({ "addresses": ["192.0.2.0/24"] })).await;
    assert_eq!(forwarded(&server, &key, Some(OFFICE)).await.status, 200);
    for elsewhere in [Some("198.51.100.7"), Some("192.0.2.7, 198.51.100.7"), Some("::1"), None] {
        let answer = forwarded(&server, &key, elsewhere).await;
        assert_eq!(answer.status, 401, "{elsewhere:?}: {}", answer.text);
        assert!(!answer.text.contains("address"), "whoever stole it learns nothing: {}", answer.text);
    }
    let active = |answer: Answer| answer.json()["active"] == true;
    assert!(active(introspected(&server, &key, "&client_address=192.0.2.7").await));
    for more in ["", "&client_address=198.51.100.7"] {
        assert!(!active(introspected(&server, &key, more).await), "{more:?}");
    }
    let malformed = introspected(&server, &key, "&client_address=192.0.2.7:80").await;
    assert_eq!((malformed.status, malformed.error().as_str()), (400, "invalid_request"));
    let (_, near) = made(&server, json!({ "addresses": ["127.0.0.0/8"] })).await;
    assert_eq!(
        forwarded(&server, &near, None).await.status,
        401,
        "the proxy's own address is not the caller's"
    );
    let why = server
        .admin("POST", "/environments/production/tokens/inspect", json!({ "token": key, "api": "assets" }))
        .await;
    assert_eq!(why.json()["reason"], "address_not_allowed", "the team is told");

    let narrower = post(&server, &id, "narrow", json!({ "addresses": ["192.0.2.8"] })).await;
    assert_eq!(narrower.json()["addresses"], json!(["192.0.2.8/32"]));
    assert_eq!(forwarded(&server, &key, Some(OFFICE)).await.status, 401, "on the next call");
    refused(&post(&server, &id, "narrow", json!({ "addresses": ["0.0.0.0/0"] })).await, "Make a new key");
    let bad = json!({ "tenant": "acme", "apis": ["assets"], "addresses": ["192.0.2.7/24"] });
    assert_eq!(server.admin("POST", KEYS, bad).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn k11_sixty_four_parallel_calls_get_no_more_than_the_class_allows() {
    let server = Arc::new(Server::start().await);
    let (_, key) = made(&server, json!({ "quota": "trial" })).await;
    let (_, free) = made(&server, json!({})).await;
    let began = server.node().now();
    let calls: Vec<_> = (0..64)
        .map(|at| {
            let (server, key) = (server.clone(), key.clone());
            tokio::spawn(async move {
                match at % 2 {
                    0 => forwarded(&server, &key, None).await,
                    _ => introspected(&server, &key, "").await,
                }
            })
        })
        .collect();
    let (mut good, mut spent) = (0_i64, Vec::new());
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status == 200 {
            good += 1;
        } else {
            spent.push(answer);
        }
    }
    // 20 at once, and 5 for each second that the test took.
    let slack = 5 * (server.node().now().seconds() - began.seconds() + 1);
    assert!((20..=20 + slack).contains(&good), "{good} of 64");
    for answer in spent {
        assert!([403, 429].contains(&answer.status), "{}", answer.text);
        assert_eq!(answer.error(), "temporarily_unavailable", "not dead, only used up: {}", answer.text);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    for _ in 0..40 {
        assert_eq!(forwarded(&server, &free, None).await.status, 200, "another key has its own quota");
    }
    server.clock().pass(10);
    assert_eq!(forwarded(&server, &key, None).await.status, 200);
}

/// The mail to the administrator that holds all these words, as soon as it has left.
async fn told(server: &Server, words: &[&str]) -> grantor_testkit::Mail {
    for _ in 0..500 {
        let fits = |mail: &grantor_testkit::Mail| {
            mail.to == "admin@acme.example" && words.iter().all(|word| mail.text.contains(word))
        };
        if let Some(mail) = server.mails().into_iter().find(fits) {
            return mail;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no mail with {words:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_told_of_a_new_key_and_never_the_key() {
    let server = Server::start().await;
    let (id, key) = made(&server, json!({})).await;
    assert!(told(&server, &["nightly", "was made"]).await.subject.contains("production"));
    let (_, new) = shown(&post(&server, &id, "rotate", json!({ "overlap": 60 })).await);
    told(&server, &["nightly", "takes the place", "works until"]).await;
    for mail in server.mails() {
        assert!(!mail.text.contains(&key) && !mail.text.contains(&new) && mail.to != "user@people.example");
    }
}
