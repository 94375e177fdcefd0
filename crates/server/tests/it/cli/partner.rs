//! The life of a partner, from the application to the end, by command line, API and the curl of the generated pages.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grantor_testkit::{Client, Server, basic};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{done, refused};

const GRANT: &str = "grant_type=client_credentials";
const CONTRACT: &str = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";

/// Status of a token request, and the gate that it names.
async fn token(server: &Server, environment: &str, client: &Client) -> (u16, Value) {
    let url = server.token_endpoint(environment, "assets");
    let answer = server.post(&url, Some(&basic(&client.id, &client.secret)), GRANT).await;
    (answer.status, answer.json()["gate"].clone())
}

/// The first shell block of a Markdown page that asks for a token.
fn curl_of(page: &str) -> String {
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let asks = blocks.filter(|block| block.contains(GRANT)).collect::<Vec<_>>();
    (*asks.first().expect("the page shows how a token is had")).to_owned()
}

/// Runs what is printed, as printed, with the credentials in the variables that it names.
fn run_as_printed(script: &str, client: &Client) -> Value {
    let ran = Command::new("bash")
        .args(["-euc", script])
        .env("CLIENT_ID", &client.id)
        .env("CLIENT_SECRET", &client.secret)
        .output()
        .expect("bash is there");
    assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).expect("the printed curl answers with JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_applies_is_refused_and_approved_works_rotates_leaks_is_stopped_and_ends() {
    let server = Server::start().await;
    done(&server, "tenant create newco --title Newco");

    // The application: refused with a reason, tried again, approved; by the command line as by the API.
    done(&server, "access apply newco assets --env sandbox");
    assert!(refused(&server, "access apply newco assets --env sandbox").contains("HTTP 422"));
    done(&server, "access refuse newco assets --env sandbox --reason no-licence");
    done(&server, "access apply newco assets --env sandbox --comment now-with-licence");
    let early = json!({ "tenant": "newco", "apis": ["assets"], "client_id": "newco-sandbox" });
    let apps = "/environments/sandbox/apps";
    assert_eq!(server.admin("POST", apps, early.clone()).await.status, 403, "no secret before the approval");
    done(&server, "access approve newco assets --env sandbox --quota high");

    // An app with a chosen id has a secret, and no token before contract and terms.
    let client = server.new_app("sandbox", early).await;
    assert_eq!(client.id, "newco-sandbox");
    assert_eq!(token(&server, "sandbox", &client).await, (400, json!("contract_signed")));
    let contract = format!("--sha256 {CONTRACT} --signed-at 2020-05-03T00:00:00Z");
    done(&server, &format!("access contract newco assets --env sandbox {contract}"));
    assert_eq!(token(&server, "sandbox", &client).await, (400, json!("documents_accepted")));
    for document in ["terms", "data-protection"] {
        done(&server, &format!("tenant accept newco {document} --version 1 --evidence letter"));
    }

    // The first token, by the curl that the generated page shows, run as printed.
    let page = format!("{}/docs/assets/authentication.md", server.issuer("sandbox"));
    let page = server.get(&page, None).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let answer = run_as_printed(&curl_of(&page.text), &client);
    let first = answer["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(server.verdicts("sandbox", "assets", &first, "/assets").await, [true; 3]);

    // A key, and then production: applied for apart.
    let key = json!({ "tenant": "newco", "apis": ["assets"], "name": "nightly" });
    assert_eq!(server.admin("POST", "/environments/sandbox/keys", key.clone()).await.status, 201);
    assert_eq!(server.admin("POST", "/environments/production/keys", key.clone()).await.status, 403);
    done(&server, "access apply newco assets");
    done(&server, "access approve newco assets --quota high");
    done(&server, &format!("access contract newco assets {contract}"));
    let made = server.admin("POST", "/environments/production/keys", key).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let app = json!({ "tenant": "newco", "apis": ["assets"], "client_id": "newco-live" });
    let live = server.new_app("production", app).await;
    assert_eq!(token(&server, "production", &live).await.0, 200);

    // The secret and the key are rotated with an overlap while calls run: none fails.
    let live = rotated_under_load(&server, live).await;
    key_rotated_under_load(&server, (text(&made, "id"), text(&made, "key"))).await;

    // New terms, with a grace of a second: tokens stop with that reason, acceptance restores them.
    let terms = server.admin("GET", "/documents", json!({})).await.json();
    let terms = terms["items"].as_array().unwrap().iter().find(|one| one["kind"] == "terms").unwrap().clone();
    let path = format!("/documents/{}/versions", terms["id"].as_str().unwrap());
    let version = json!({ "grace": 1, "texts": { "en": { "title": "Terms", "body": "Newer." } } });
    assert_eq!(server.admin("POST", &path, version).await.status, 200);
    assert_eq!(token(&server, "production", &live).await.0, 200, "within its grace");
    server.clock().pass(2);
    assert_eq!(token(&server, "production", &live).await, (400, json!("documents_accepted")));
    done(&server, "tenant accept newco terms --version 2");
    assert_eq!(token(&server, "production", &live).await.0, 200);
    let accepted = done(&server, "tenant acceptances newco");
    let last = accepted.rows().into_iter().next_back().expect("a row").join(" ");
    assert!(last.starts_with("terms 2 ") && last.contains("operator:"), "{last}");

    // The secret leaks. Whoever finds it brings it; it ends with the tokens that it gave, and a new one takes its place.
    let given = bearer(&server, &live).await;
    let leaks = format!("http://{}/leaks", server.address());
    let brought = server.send(server.http.post(leaks).json(&json!({ "value": live.secret }))).await;
    assert_eq!(brought.status, 202, "{}", brought.text);
    let mut tries = 0..500;
    while token(&server, "production", &live).await.0 != 401 {
        assert!(tries.next().is_some(), "what has leaked ends");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.verdicts("production", "assets", &given, "/assets").await, [false; 3]);
    let incidents = done(&server, "incident list --open");
    assert!(incidents.rows().iter().any(|row| row.contains(&"newco-live")), "{}", incidents.out);
    let again = server.admin("POST", "/environments/production/apps/newco-live/secrets", json!({})).await;
    let live = Client { secret: text(&again.json(), "client_secret"), ..live };

    // Suspended: at once, reversibly, and tokens from before stay dead.
    let before = bearer(&server, &live).await;
    done(&server, "tenant suspend newco");
    assert_eq!(token(&server, "production", &live).await.0, 401);
    assert_eq!(server.verdicts("production", "assets", &before, "/assets").await, [false; 3]);
    done(&server, "tenant resume newco");
    assert_eq!(server.verdicts("production", "assets", &before, "/assets").await, [false; 3]);
    assert_eq!(token(&server, "production", &live).await.0, 200);

    // Closed, for good.
    done(&server, "access close newco assets --reason it-is-over --yes");
    assert_eq!(token(&server, "production", &live).await.0, 400);
    assert!(refused(&server, "access apply newco assets").contains("HTTP 422"));
    let shown = server.admin("GET", "/environments/production/accesses/newco/assets", json!({})).await.json();
    let steps: Vec<&str> =
        shown["history"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["apply", "approve", "contract", "close"]);
    assert_eq!(shown["history"][2]["sha256"], CONTRACT);
    assert!(shown["history"].as_array().unwrap().iter().all(|step| step["by"].is_string()));
}

async fn bearer(server: &Server, client: &Client) -> String {
    let url = server.token_endpoint("production", "assets");
    let answer = server.post(&url, Some(&basic(&client.id, &client.secret)), GRANT).await;
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}

/// Callers who go on and on with a credential that may be exchanged, each call of whom must succeed.
struct Callers<C> {
    current: Arc<Mutex<C>>,
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl<C: Clone + Send + 'static> Callers<C> {
    fn start(first: C, request: impl Fn(&C) -> RequestBuilder + Clone + Send + 'static) -> Self {
        let mut callers = Self {
            current: Arc::new(Mutex::new(first)),
            stop: Arc::default(),
            calls: Arc::default(),
            tasks: Vec::new(),
        };
        for _ in 0..4 {
            let (current, stop, calls) =
                (callers.current.clone(), callers.stop.clone(), callers.calls.clone());
            let request = request.clone();
            callers.tasks.push(tokio::spawn(async move {
                while !stop.load(Ordering::Acquire) {
                    let credential = current.lock().unwrap().clone();
                    let status = request(&credential).send().await.expect("an answer").status();
                    assert_eq!(status, 200, "a call failed while its credential was rotated");
                    calls.fetch_add(1, Ordering::AcqRel);
                }
            }));
        }
        callers
    }

    fn use_now(&self, credential: C) {
        *self.current.lock().unwrap() = credential;
    }

    async fn go_on(&self) {
        let seen = self.calls.load(Ordering::Acquire);
        while self.calls.load(Ordering::Acquire) < seen + 20 {
            assert!(self.tasks.iter().all(|task| !task.is_finished()), "a call failed");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Release);
        for task in self.tasks {
            task.await.expect("no call failed");
        }
    }
}

/// Rotates the secret while token requests run, and moves over to the new one before the old one ends.
async fn rotated_under_load(server: &Server, old: Client) -> Client {
    let (http, url) = (server.http.clone(), server.token_endpoint("production", "assets"));
    let callers = Callers::start(old.clone(), move |client: &Client| {
        let request = http.post(&url).basic_auth(&client.id, Some(&client.secret));
        request.header("content-type", "application/x-www-form-urlencoded").body(GRANT)
    });
    callers.go_on().await;
    let path = format!("/environments/production/apps/{}/secrets", old.id);
    let made = server.admin("POST", &path, json!({ "end_others_after": 60 })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    callers.go_on().await;
    let new = Client { secret: text(&made.json(), "client_secret"), ..old.clone() };
    callers.use_now(new.clone());
    callers.go_on().await;
    server.clock().pass(61);
    callers.go_on().await;
    callers.stop().await;
    assert_eq!(token(server, "production", &old).await.0, 401, "the old secret has ended");
    new
}

/// The same with a key, which is used at the API itself.
async fn key_rotated_under_load(server: &Server, (id, key): (String, String)) {
    let http = server.http.clone();
    let api = server.api("production", "assets");
    let (url, base) = (text(api, "forward_auth_url"), text(api, "base_url"));
    let path = base.splitn(4, '/').nth(3).map_or_else(String::new, |path| format!("/{path}"));
    let asked = move |key: &String| {
        let request = http.get(&url).bearer_auth(key).header("x-forwarded-method", "GET");
        request.header("x-forwarded-uri", format!("{path}/assets"))
    };
    let callers = Callers::start(key.clone(), asked.clone());
    callers.go_on().await;
    let path = format!("/environments/production/keys/{id}/rotate");
    let rotated = server.admin("POST", &path, json!({ "overlap": 60 })).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    callers.go_on().await;
    callers.use_now(text(&rotated.json(), "key"));
    callers.go_on().await;
    server.clock().pass(61);
    callers.go_on().await;
    callers.stop().await;
    assert_eq!(asked(&key).send().await.expect("an answer").status(), 401, "the old key has ended");
}
