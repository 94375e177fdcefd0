//! Webhooks with a receiver of our own: what arrives, how it is signed, when it is tried again, who is told of nothing.

mod receiver;
mod upkeep;

use std::time::Duration;

use grantor_testkit::{Answer, Server};
use serde_json::{Value, json};

use receiver::{Manner, Receiver};

const PRODUCTION: &str = "/environments/production/webhooks";

/// A webhook, and what it needs to be looked after.
struct Webhook {
    path: String,
    secret: String,
}

impl Webhook {
    async fn new(server: &Server, receiver: &Receiver, tenant: Option<&str>, events: &[&str]) -> Self {
        let body = json!({ "tenant": tenant, "url": receiver.url(), "events": events });
        let made = server.admin("POST", PRODUCTION, body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let shown = made.json();
        let text = |name: &str| shown[name].as_str().unwrap().to_owned();
        Self { path: format!("{PRODUCTION}/{}", text("id")), secret: text("secret") }
    }

    async fn shown(&self, server: &Server) -> Value {
        server.admin("GET", &self.path, json!({})).await.json()
    }

    async fn post(&self, server: &Server, verb: &str) -> Answer {
        server.admin("POST", &format!("{}/{verb}", self.path), json!({})).await
    }

    async fn deliveries(&self, server: &Server) -> Vec<Value> {
        let answer = server.admin("GET", &format!("{}/deliveries", self.path), json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains(receiver::WORDS), "nothing of an answer is shown");
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// The newest delivery, once it has been tried so often.
    async fn tried(&self, server: &Server, attempts: i64) -> Value {
        for _ in 0..1000 {
            if let Some(newest) = self.deliveries(server).await.first()
                && newest["attempts"] == attempts
            {
                return newest.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {attempts} attempts: {:?}", self.deliveries(server).await)
    }
}

/// Something that acme hears of: a key is made. Gives its answer.
async fn new_key(server: &Server) -> Value {
    let body = json!({ "tenant": "acme", "apis": ["assets"] });
    let made = server.admin("POST", "/environments/production/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()
}

fn outcomes(delivery: &Value) -> Vec<&str> {
    delivery["log"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_arrives_signed_with_ids_and_without_secrets() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Takes).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created", "key.revoked"]).await;
    let key = new_key(&server).await;
    let heard = receiver.next().await;
    assert!(
        heard.is_signed_with(&webhook.secret) && !heard.is_signed_with(&receiver::another(&webhook.secret))
    );
    assert_eq!(heard.header("content-type"), "application/json");
    let body: Value = serde_json::from_str(&heard.body).unwrap();
    let tenants = server.admin("GET", "/tenants/acme", json!({})).await.json();
    assert_eq!(body["type"], "key.created");
    let data = json!({ "tenant": tenants["id"], "environment": "production", "subject": key["id"] });
    assert_eq!(body["data"], data);
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(!heard.body.contains(key["key"].as_str().unwrap()));
    // What it does not hear of: another event, another tenant, another environment.
    let app = "/environments/production/apps/acme-payments";
    server.admin("POST", &format!("{app}/suspend"), json!({})).await;
    server.admin("POST", "/tenants/provider/suspend", json!({})).await;
    let sandbox = json!({ "tenant": "acme", "apis": ["assets"] });
    server.admin("POST", "/environments/sandbox/keys", sandbox).await;
    let id = key["id"].as_str().unwrap();
    let revoke = format!("/environments/production/keys/{id}/revoke");
    server.admin("POST", &revoke, json!({ "reason": "leaked" })).await;
    let next: Value = serde_json::from_str(&receiver.next().await.body).unwrap();
    assert_eq!((&next["type"], &next["data"]["reason"]), (&json!("key.revoked"), &json!("leaked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_hear_of_every_tenant_and_every_tenant_of_the_providers_documents() {
    let server = Server::start().await;
    let (mut of_all, mut of_acme) =
        (Receiver::start(Manner::Takes).await, Receiver::start(Manner::Takes).await);
    Webhook::new(&server, &of_all, None, &["*"]).await;
    Webhook::new(&server, &of_acme, Some("acme"), &["*"]).await;
    // The operators' own webhooks are no tenant's business; that of acme is told to the operators.
    assert_eq!(of_all.next().await.event(), "webhook.created");
    server.admin("POST", "/tenants/provider/suspend", json!({})).await;
    server.admin("POST", "/tenants/acme/suspend", json!({})).await;
    assert_eq!([of_all.next().await.event(), of_all.next().await.event()], ["tenant.suspended"; 2]);
    assert_eq!(of_acme.next().await.event(), "tenant.suspended");
    let text =
        json!({ "kind": "house-rules", "version": { "texts": { "en": { "title": "T", "body": "B" } } } });
    let made = server.admin("POST", "/documents", text).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (all, acme) = (of_all.next().await, of_acme.next().await);
    assert_eq!((all.event(), acme.event()), ("document.published".into(), "document.published".into()));
    assert_eq!(all.header("webhook-id"), acme.header("webhook-id"), "one message");
    let manifest = "[[tenant]]\nname = \"acme\"\ntitle = \"Acme & Sons\"\n";
    assert_eq!(server.apply(manifest).await.status, 200);
    assert_eq!(of_acme.next().await.event(), "manifest.applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_tried_again_under_the_same_id_until_it_is_taken() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Says(500)).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    new_key(&server).await;
    let first = receiver.next().await;
    webhook.tried(&server, 1).await;
    server.clock().pass(6);
    let second = receiver.next().await;
    webhook.tried(&server, 2).await;
    receiver.change(Manner::Takes);
    server.clock().pass(240);
    assert!(receiver.hears_nothing().await, "five minutes have not passed");
    server.clock().pass(121);
    let third = receiver.next().await;
    let settled = webhook.tried(&server, 3).await;
    for other in [&second, &third] {
        assert_eq!(other.header("webhook-id"), first.header("webhook-id"));
        assert_eq!(other.body, first.body);
        assert!(other.is_signed_with(&webhook.secret));
        assert_ne!(other.header("webhook-timestamp"), first.header("webhook-timestamp"));
    }
    assert_eq!(settled["message"], first.header("webhook-id"));
    assert_eq!((&settled["state"], outcomes(&settled)), (&json!("delivered"), vec!["5xx", "5xx", "2xx"]));
    server.clock().pass(3600);
    assert!(receiver.hears_nothing().await, "what was taken is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_never_taken_is_given_up_and_can_be_sent_again_under_its_id() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Says(404)).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    new_key(&server).await;
    let id = receiver.next().await.header("webhook-id").to_owned();
    for attempts in 1..8 {
        let waiting = webhook.tried(&server, attempts).await;
        assert_eq!(waiting["state"], "waiting");
        server.clock().pass(12 * 3600);
        assert_eq!(receiver.next().await.header("webhook-id"), id);
    }
    let given_up = webhook.tried(&server, 8).await;
    assert_eq!((&given_up["state"], &given_up["next_at"]), (&json!("given_up"), &Value::Null));
    server.clock().pass(12 * 3600);
    assert!(receiver.hears_nothing().await);
    receiver.change(Manner::Takes);
    assert_eq!(webhook.post(&server, &format!("deliveries/{id}/resend")).await.status, 202);
    assert_eq!(receiver.next().await.header("webhook-id"), id);
    assert_eq!(webhook.tried(&server, 9).await["state"], "delivered");
    // What was taken can be asked for again, too.
    assert_eq!(webhook.post(&server, &format!("deliveries/{id}/resend")).await.status, 202);
    assert_eq!(receiver.next().await.header("webhook-id"), id);
    let unknown = webhook.post(&server, "deliveries/msg_00000000000000000000000000000000/resend").await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_receiver_delays_nobody_else() {
    let server = Server::start().await;
    let mut dead = Receiver::start(Manner::Silent).await;
    let mut alive = Receiver::start(Manner::Takes).await;
    let webhook = Webhook::new(&server, &dead, Some("acme"), &["key.created"]).await;
    Webhook::new(&server, &alive, Some("acme"), &["key.created"]).await;
    new_key(&server).await;
    dead.next().await;
    // The first attempt goes on for five seconds, in which everything else arrives.
    for _ in 0..3 {
        new_key(&server).await;
    }
    for _ in 0..4 {
        alive.next().await;
    }
    assert!(webhook.deliveries(&server).await.iter().all(|one| one["attempts"] == 0), "the silence goes on");
    let oldest = webhook.deliveries(&server).await.last().unwrap()["message"].clone();
    for _ in 0..1000 {
        let all = webhook.deliveries(&server).await;
        let first = all.iter().find(|one| one["message"] == oldest).unwrap();
        if first["attempts"] == 1 {
            assert_eq!(outcomes(first), ["too_slow"]);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the attempt was never given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_roll_both_secrets_sign_for_a_day() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Takes).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    let rolled = webhook.post(&server, "roll").await;
    assert_eq!(rolled.status, 201, "{}", rolled.text);
    let new = rolled.json()["secret"].as_str().unwrap().to_owned();
    assert_ne!(new, webhook.secret);
    new_key(&server).await;
    let both = receiver.next().await;
    assert_eq!(both.header("webhook-signature").split(' ').count(), 2);
    assert!(both.is_signed_with(&webhook.secret) && both.is_signed_with(&new));
    server.clock().pass(24 * 3600 + 1);
    new_key(&server).await;
    let one = receiver.next().await;
    assert_eq!(one.header("webhook-signature").split(' ').count(), 1);
    assert!(!one.is_signed_with(&webhook.secret) && one.is_signed_with(&new));
}

#[tokio::test(flavor = "multi_thread")]
async fn i09_another_host_gets_a_new_secret_and_the_old_ones_sign_nothing_more() {
    let server = Server::start().await;
    let mut receiver = Receiver::start(Manner::Takes).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    let change = async |url: &str| {
        let body = json!({ "url": url, "events": ["key.created"] });
        let changed = server.admin("PUT", &webhook.path, body).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        changed.json()
    };
    let same = change(&format!("{}?another=path", receiver.url())).await;
    assert!(same.get("secret").is_none(), "the same host keeps its secret");
    new_key(&server).await;
    assert!(receiver.next().await.is_signed_with(&webhook.secret));
    // A rolled secret has one beside it that signs as well: both are dropped.
    let rolled = webhook.post(&server, "roll").await.json()["secret"].as_str().unwrap().to_owned();
    let mut other = Receiver::start(Manner::Takes).await;
    let moved = change(&other.url()).await;
    let new = moved["secret"].as_str().expect("a new secret is shown").to_owned();
    new_key(&server).await;
    let heard = other.next().await;
    assert!(heard.is_signed_with(&new));
    assert!(!heard.is_signed_with(&webhook.secret) && !heard.is_signed_with(&rolled));
}

#[tokio::test(flavor = "multi_thread")]
async fn i06_hostile_urls_are_refused_in_words_and_not_repeated() {
    let server = Server::start().await;
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://[fd00:ec2::254]/",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://user:hunter2@hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "intranet.test",
        "",
    ] {
        let body = json!({ "tenant": "acme", "url": url, "events": ["*"] });
        let refused = server.admin("POST", PRODUCTION, body).await;
        assert_eq!(refused.status, 422, "{url}: {}", refused.text);
        assert_eq!(refused.json()["type"], "urn:grantor:problem:webhook_url");
        assert!(url.is_empty() || !refused.text.contains(url), "{}", refused.text);
    }
    let body = json!({ "tenant": "acme", "url": "https://hooks.example/", "events": ["key.made"] });
    let refused = server.admin("POST", PRODUCTION, body).await;
    assert_eq!(
        (refused.status, &refused.json()["type"]),
        (422, &json!("urn:grantor:problem:webhook_events"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_a_redirect_is_not_followed_and_its_answer_is_nobodys() {
    let server = Server::start().await;
    let mut inside = Receiver::start(Manner::Takes).await;
    let mut receiver = Receiver::start(Manner::Leads(inside.url())).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["key.created"]).await;
    new_key(&server).await;
    receiver.next().await;
    assert_eq!(outcomes(&webhook.tried(&server, 1).await), ["3xx"]);
    assert!(inside.hears_nothing().await);
    receiver.change(Manner::Chatty);
    server.clock().pass(6);
    receiver.next().await;
    let told = webhook.tried(&server, 2).await;
    assert_eq!(outcomes(&told), ["3xx", "too_long"], "300 KiB were cut off");
    let keys: Vec<&String> = told["log"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["at", "millis", "outcome"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_goes_to_one_webhook_alone_and_says_what_it_is() {
    let server = Server::start().await;
    let mut one = Receiver::start(Manner::Takes).await;
    let mut other = Receiver::start(Manner::Takes).await;
    let webhook = Webhook::new(&server, &one, Some("acme"), &["key.created"]).await;
    Webhook::new(&server, &other, Some("acme"), &["key.created"]).await;
    let asked = webhook.post(&server, "test").await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let heard = one.next().await;
    assert_eq!(
        (heard.event(), heard.header("webhook-id")),
        ("webhook.test".to_owned(), asked.json()["message"].as_str().unwrap())
    );
    assert!(heard.is_signed_with(&webhook.secret));
    assert!(other.hears_nothing().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_found_in_its_environment_alone() {
    let server = Server::start().await;
    let receiver = Receiver::start(Manner::Takes).await;
    let webhook = Webhook::new(&server, &receiver, Some("acme"), &["*"]).await;
    let elsewhere = webhook.path.replace("production", "sandbox");
    for (method, rest) in [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/roll"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
    ] {
        let body = json!({ "url": receiver.url(), "events": ["*"] });
        let body = if rest.is_empty() && method == "PUT" { body } else { json!({}) };
        let answer = server.admin(method, &format!("{elsewhere}{rest}"), body).await;
        assert_eq!(answer.status, 404, "{method} {rest}: {}", answer.text);
    }
    assert_eq!(webhook.shown(&server).await["events"], json!(["*"]));
    assert!(webhook.shown(&server).await.get("secret").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_has_ten_webhooks_at_most() {
    let server = Server::start().await;
    let receiver = Receiver::start(Manner::Takes).await;
    for _ in 0..10 {
        Webhook::new(&server, &receiver, Some("acme"), &["key.expiring"]).await;
    }
    let body = json!({ "tenant": "acme", "url": receiver.url(), "events": ["*"] });
    let refused = server.admin("POST", PRODUCTION, body).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    Webhook::new(&server, &receiver, Some("provider"), &["*"]).await;
    Webhook::new(&server, &receiver, None, &["key.expiring"]).await;
}
