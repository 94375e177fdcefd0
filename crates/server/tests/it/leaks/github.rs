//! Messages of GitHub's secret scanning: signed or nothing, each once, answered in GitHub's words.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use grantor_server::clock::SystemClock;
use grantor_server::config::{Config, DatabaseUrl, DemoConfig, MasterKeySource};
use grantor_server::password::Cost;
use grantor_testkit::{Answer, GITHUB_KEYS, Server};
use serde_json::{Value, json};

use super::{app, incident, incidents, is_active, leak_mail, token, works};

/// What stands in for GitHub.
struct Github {
    key: EcdsaKeyPair,
    identifier: String,
}

impl Github {
    fn new(identifier: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self { key, identifier: identifier.to_owned() }
    }

    fn listed(&self) -> Value {
        let der = self.key.public_key().as_der().unwrap();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        json!({ "key_identifier": self.identifier, "key": pem, "is_current": true })
    }

    /// Publishes these keys where the server looks.
    fn publish(server: &Server, all: &[&Self]) {
        let keys: Vec<Value> = all.iter().map(|one| one.listed()).collect();
        let list = json!({ "public_keys": keys }).to_string();
        std::fs::write(server.folder().join(GITHUB_KEYS), list).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "the signature of a stranger is no decision of ours")]
    fn sign(&self, body: &str) -> Vec<u8> {
        self.key.sign(&SystemRandom::new(), body.as_bytes()).unwrap().as_ref().to_vec()
    }

    async fn send(&self, server: &Server, body: &str) -> Answer {
        send(server, &self.identifier, &self.sign(body), body).await
    }
}

async fn send(server: &Server, identifier: &str, signature: &[u8], body: &str) -> Answer {
    let request = server
        .http
        .post(format!("http://{}/leaks/github", server.address()))
        .header("content-type", "application/json")
        .header("Github-Public-Key-Identifier", identifier)
        .header("Github-Public-Key-Signature", STANDARD.encode(signature))
        .body(body.to_owned());
    server.send(request).await
}

fn found(token: &str) -> Value {
    json!({ "token": token, "type": "bank_secret", "url": "https://github.com/o/r/blob/c/.env", "source": "content" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_message_ends_what_it_holds_and_is_answered_in_githubs_words() {
    let server = Server::start().await;
    let github = Github::new("k1");
    Github::publish(&server, &[&github]);
    let client = app(&server).await;
    let issued = token(&server, &client).await;
    let body =
        json!([found(&client.secret), found("grt_sk_live_nothing"), found(&client.secret)]).to_string();
    let answer = github.send(&server, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let hash = |text: &str| -> String {
        digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let told = |token: &str, label: &str| json!({ "token_hash": hash(token), "token_type": "bank_secret", "label": label });
    let real = told(&client.secret, "true_positive");
    assert_eq!(answer.json(), json!([real, told("grt_sk_live_nothing", "false_positive"), real]));
    assert!(
        !works(&server, &client).await && !is_active(&server, "payments", &issued).await,
        "before the answer"
    );
    let seen = incident(&server, "secret:", 1).await;
    assert_eq!(
        (&seen["source"], &seen["place"]),
        (&json!("github"), &json!("https://github.com/o/r/blob/c/.env"))
    );
    let mail = leak_mail(&server, &server.person("tenant_admin").email).await;
    assert!(mail.text.contains("by GitHub, at https://github.com/o/r/blob/c/.env"), "{}", mail.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_carries_an_address_outside_of_github() {
    let server = Server::start().await;
    let github = Github::new("k1");
    Github::publish(&server, &[&github]);
    let client = app(&server).await;
    let mut trap = found(&client.secret);
    trap["url"] = json!("https://github.com.evil.example/o/r");
    assert_eq!(github.send(&server, &json!([trap]).to_string()).await.status, 200);
    let mail = leak_mail(&server, &server.person("tenant_admin").email).await;
    assert!(!mail.text.contains("evil") && mail.text.contains("in something public"), "{}", mail.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_taken_once_whatever_its_signature_looks_like() {
    let server = Server::start().await;
    let github = Github::new("k1");
    Github::publish(&server, &[&github]);
    let client = app(&server).await;
    let body = json!([found(&client.secret)]).to_string();
    let signature = github.sign(&body);
    assert_eq!(send(&server, "k1", &signature, &body).await.status, 200);
    // ECDSA knows many signatures of one message: each time another one is made.
    for again in [signature, github.sign(&body), github.sign(&body)] {
        let refused = send(&server, "k1", &again, &body).await;
        assert_eq!((refused.status, refused.json()["label"].is_null()), (409, true));
    }
    let server = server.restart().await;
    assert_eq!(github.send(&server, &body).await.status, 409, "after a restart, too");
    assert_eq!(incident(&server, "secret:", 1).await["sightings"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_by_a_published_key_is_not_even_read() {
    let server = Server::start().await;
    let (github, stranger) = (Github::new("k1"), Github::new("k1"));
    let client = app(&server).await;
    let body = json!([found(&client.secret)]).to_string();
    assert_eq!(github.send(&server, &body).await.status, 503, "no list of keys yet: not now");
    Github::publish(&server, &[&github]);
    let good = github.sign(&body);
    let spaced = body.replace("\":", "\": ");
    for (identifier, signature, text) in [
        ("k1", stranger.sign(&body), body.as_str()),
        ("k2", good.clone(), &body),
        ("k1", good.clone(), &spaced),
        ("k1", good[..good.len() - 1].to_vec(), &body),
        ("k1", Vec::new(), &body),
        ("k1", stranger.sign("junk"), "junk"),
    ] {
        let refused = send(&server, identifier, &signature, text).await;
        assert_eq!((refused.status, refused.error().as_str()), (403, "access_denied"), "{identifier} {text}");
    }
    let bare = server.http.post(format!("http://{}/leaks/github", server.address())).body(body.clone());
    assert_eq!(server.send(bare).await.status, 403);
    assert!(works(&server, &client).await && incidents(&server).await.is_empty());
    // A key that is taken off the list is worth nothing from the next message on.
    Github::publish(&server, &[]);
    assert_eq!(send(&server, "k1", &good, &body).await.status, 403);
    Github::publish(&server, &[&Github::new("k0"), &github]);
    assert_eq!(send(&server, "k1", &good, &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_message_of_another_shape_or_length_is_refused() {
    let server = Server::start().await;
    let github = Github::new("k1");
    Github::publish(&server, &[&github]);
    for body in ["", "{}", "[1]", "[{\"token\":\"a\"}]", &json!(vec![found("a"); 101]).to_string()] {
        let refused = github.send(&server, body).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_request"), "{body:.40}");
    }
    assert_eq!(github.send(&server, &json!(vec![found("a"); 100]).to_string()).await.status, 200);
    assert_eq!(github.send(&server, "[]").await.json(), json!([]));
    let long = format!("[{}]", " ".repeat(1024 * 1024));
    assert_eq!(github.send(&server, &long).await.status, 413);
    let get = server.get(&format!("http://{}/leaks/github", server.address()), None).await;
    assert_eq!((get.status, get.header("allow")), (405, "POST"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_in_the_configuration_the_address_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_demo(DemoConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        management: None,
        database: DatabaseUrl::Sqlite(folder.path().join("a.db")),
        master_key: MasterKeySource::File(folder.path().join("master.key")),
        trusted_proxies: vec![],
        mail_folder: folder.path().join("mail"),
        password_cost: Cost::FLOOR,
    });
    let running = grantor_server::serve::start_at(&config, None, Arc::new(SystemClock::new())).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async |path: &str| {
        let url = format!("http://{}{path}", running.address);
        http.post(url).body("junk").send().await.unwrap().status().as_u16()
    };
    assert_eq!((status("/leaks/github").await, status("/leaks").await), (404, 202));
    running.shutdown().await;
}
