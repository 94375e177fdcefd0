//! What lies on the disk, who may read it, and which API keys open what: secrets at rest, K08, K10, K13, N02.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use grantor_server::clock::SystemClock;
use grantor_server::config::{Config, DatabaseUrl, DemoConfig, MasterKeySource};
use grantor_server::init::first_operator;
use grantor_server::password::Cost;
use grantor_server::vault::Vault;
use grantor_testkit::Server;
use serde_json::{Value, json};
use zeroize::Zeroizing;

const READ: &str = "/assets";

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Every file below a folder, with its name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            ));
        }
    }
    found
}

/// Every text of the contract that is shown once.
fn shown_secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if ["client_secret", "key", "api_token"].contains(&name.as_str()) => {
                        found.push(text.clone());
                    }
                    _ => shown_secrets(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| shown_secrets(item, found)),
        _ => {}
    }
}

fn master_key(folder: &Path) -> Zeroizing<[u8; 32]> {
    let text = std::fs::read_to_string(folder.join("data/master.key")).unwrap();
    let bytes = STANDARD.decode(text.trim()).unwrap();
    Zeroizing::new(bytes.try_into().unwrap())
}

/// The private halves of all keys, opened with the master key, in the spellings in which they could leak.
async fn private_keys(server: &Server) -> Vec<Vec<u8>> {
    let vault = Vault::new(&master_key(server.folder())).unwrap();
    let mut found = Vec::new();
    for environment in server.node().store.environments().await.unwrap() {
        for key in server.node().store.key_ring(environment.id).await.unwrap() {
            let place = format!("key_ring/{}/{}/{}", key.environment, key.usage.as_str(), key.kid);
            let plain = vault.open(&key.sealed, &place).expect("the place of a key is known");
            if key.usage.as_str() == "sign" && key.algorithm == "RS256" {
                // PKCS#8 of RSA: the whole, and a part from its middle, which holds nothing public.
                found.push(plain[plain.len() / 2..plain.len() / 2 + 64].to_vec());
            } else if key.usage.as_str() == "sign" {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &plain).unwrap();
                // PKCS#8 of P-256: the scalar stands behind its tag and length, before the public key.
                let public = pair.public_key().as_ref();
                let at = plain.windows(4).position(|window| window == [2, 1, 1, 4]).unwrap() + 5;
                let scalar = plain[at..at + 32].to_vec();
                assert!(!contains(public, &scalar));
                found.push(URL_SAFE_NO_PAD.encode(&scalar).into_bytes());
                found.push(scalar);
            }
            found.push(STANDARD.encode(plain.as_slice()).into_bytes());
            found.push(plain.to_vec());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_that_was_ever_shown_lies_in_database_log_or_copy() {
    let mut server = Server::start_on_sqlite().await;
    let mut secrets = Vec::new();
    shown_secrets(server.contract(), &mut secrets);
    assert!(secrets.len() >= 20, "the landscape shows {}", secrets.len());
    let operator = server.contract()["operator"]["api_token"].as_str().unwrap().to_owned();
    let made = server.admin("POST", "/environments/production/apps/acme-payments/secrets", json!({})).await;
    secrets.push(made.json()["client_secret"].as_str().unwrap().to_owned());
    for api in ["payments", "banking"] {
        let token = server.token("production", api).await;
        let issuer = server.issuer("production");
        let client = server.client("production", api);
        // One is introspected, judged and revoked, so that every path that could store it has been taken.
        assert!(server.introspect("production", api, &token).await.json()["active"] == true);
        let form = if api == "banking" {
            format!("token={token}&client_id={}&client_secret={}", client.id, client.secret)
        } else {
            format!("token={token}")
        };
        let login = grantor_testkit::basic(&client.id, &client.secret);
        let header = (api == "payments").then_some(login.as_str());
        let revoked = server.post(&format!("{issuer}/revoke"), header, &form).await;
        assert_eq!(revoked.status, 200, "{}", revoked.text);
        // Of a JWT the signature alone would do.
        secrets.push(token.rsplit('.').next().unwrap().to_owned());
    }
    let mut needles: Vec<Vec<u8>> = secrets.into_iter().map(String::into_bytes).collect();
    needles.extend(private_keys(&server).await);
    server.node().store.backup_to(&server.folder().join("copy.db")).await.unwrap();

    let search = |files: &[(String, Vec<u8>)]| {
        let mut names = Vec::new();
        for (name, bytes) in files {
            for needle in &needles {
                // The demo keeps the operator's token in a file of its own, on purpose.
                let is_kept = name == "operator-token" && needle == operator.as_bytes();
                assert!(is_kept || !contains(bytes, needle), "a secret stands in {name}");
            }
            if contains(bytes, b"acme-payments") {
                names.push(name.clone());
            }
        }
        names
    };
    let running = search(&files(server.folder()));
    assert!(
        running.contains(&"copy.db".to_owned()) && running.iter().any(|name| name.ends_with("-wal")),
        "the search finds what is there: {running:?}"
    );
    server.stop().await;
    let stopped = search(&files(server.folder()));
    assert!(stopped.contains(&"grantor.db".to_owned()), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn database_copy_and_master_key_are_for_their_owner_only() {
    let server = Server::start_on_sqlite().await;
    let copy = server.folder().join("copy.db");
    server.node().store.backup_to(&copy).await.unwrap();
    let data = server.folder().join("data");
    let mut seen = 0;
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
        seen += 1;
    }
    assert!(seen >= 4, "database, log, master key and operator token: {seen}");
    for path in [data.join("grantor.db"), data.join("master.key"), copy] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
}

fn config(folder: &Path, key: &str) -> Config {
    Config::for_demo(DemoConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        management: None,
        database: DatabaseUrl::Sqlite(folder.join("data/grantor.db")),
        master_key: MasterKeySource::File(folder.join("data").join(key)),
        trusted_proxies: vec![],
        mail_folder: folder.join("mail"),
        password_cost: Cost::FLOOR,
    })
}

async fn refusal(config: &Config) -> String {
    match grantor_server::serve::start_at(config, None, Arc::new(SystemClock::new())).await {
        Ok(_) => panic!("it starts"),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n02_a_wrong_or_missing_master_key_stops_the_start_in_words() {
    let mut server = Server::start_on_sqlite().await;
    server.stop().await;
    let data = server.folder().join("data");
    let write = |name: &str, text: &str, mode| {
        let path = data.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write("wrong.key", &STANDARD.encode([7; 32]), 0o600);
    write("short.key", &STANDARD.encode([7; 31]), 0o600);
    let good = std::fs::read_to_string(data.join("master.key")).unwrap();
    write("open.key", &good, 0o644);
    let text = refusal(&config(server.folder(), "wrong.key")).await;
    assert!(text.contains("master key does not open this database"), "{text}");
    let text = refusal(&config(server.folder(), "missing.key")).await;
    assert!(text.contains("does not. Restore the key file"), "{text}");
    assert!(!data.join("missing.key").exists(), "no new key for a database that exists");
    let text = refusal(&config(server.folder(), "short.key")).await;
    assert!(text.contains("not base64 of 32 bytes"), "{text}");
    let text = refusal(&config(server.folder(), "open.key")).await;
    assert!(text.contains("can be read by others"), "{text}");
    assert!(!text.contains(good.trim()));
    let running = grantor_server::serve::start_at(
        &config(server.folder(), "master.key"),
        None,
        Arc::new(SystemClock::new()),
    )
    .await
    .expect("the right key opens it");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn k08_two_installations_share_no_secret_key_or_default() {
    let (one, two) = (Server::start().await, Server::start().await);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    shown_secrets(one.contract(), &mut first);
    shown_secrets(two.contract(), &mut second);
    assert_ne!(*master_key(one.folder()), *master_key(two.folder()));
    assert!(first.iter().all(|secret| !second.contains(secret)));
    let (mut keys, others) = (private_keys(&one).await, private_keys(&two).await);
    assert!(keys.iter().all(|key| !others.contains(key)));
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all, "and no key is used twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn k13_a_fresh_server_has_no_operator_and_no_request_makes_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "master.key");
    let running = grantor_server::serve::start_at(&config, None, Arc::new(SystemClock::new())).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in ["/admin/v1/tenants", "/admin/v1/apply", "/admin/v1/operators", "/admin/v1/init"] {
        for token in ["", "admin", "grantor"] {
            let request = http
                .post(format!("http://{}{path}", running.address))
                .bearer_auth(token)
                .json(&json!({ "name": "mine" }));
            assert_eq!(request.send().await.unwrap().status(), 401, "{path}");
        }
    }
    assert!(running.node.catalogue().operators.is_empty());
    let first = first_operator(&running.node, "owner").await.unwrap();
    assert!(first.is_some());
    assert!(first_operator(&running.node, "another").await.unwrap().is_none(), "only once");
    running.shutdown().await;
}

async fn make_key(server: &Server, environment: &str, body: Value) -> (String, String) {
    let answer = server.admin("POST", &format!("/environments/{environment}/keys"), body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_an_api_key_opens_its_own_doors_only_and_only_while_it_lives() {
    let server = Server::start().await;
    let key = server.key("production", "assets");
    assert_eq!(server.verdicts("production", "assets", &key, READ).await, [true; 3]);
    assert_eq!(server.verdicts("sandbox", "assets", &key, READ).await, [false; 3], "another environment");
    for api in ["payments", "channel", "deals", "banking"] {
        assert_eq!(
            server.introspect("production", api, &key).await.json(),
            json!({ "active": false }),
            "{api}"
        );
        let asked = server.forward_auth("production", api, Some(&key), "GET", "/").await;
        assert_eq!(asked.status, 401, "{api}");
    }
    let mut damaged = key.clone();
    let last = damaged.pop().unwrap();
    damaged.push(if last == 'a' { 'b' } else { 'a' });
    assert_eq!(server.verdicts("production", "assets", &damaged, READ).await, [false; 3]);

    let (id, own) =
        make_key(&server, "production", json!({ "tenant": "acme", "apis": ["assets"], "lifetime": 3600 }))
            .await;
    let of_key = format!("/environments/production/keys/{id}");
    for (verb, body, expected) in [
        ("suspend", json!({}), false),
        ("resume", json!({}), true),
        ("revoke", json!({ "reason": "leaked" }), false),
    ] {
        let changed = server.admin("POST", &format!("{of_key}/{verb}"), body).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(server.verdicts("production", "assets", &own, READ).await, [expected; 3], "{verb}");
    }
    let revived = server.admin("POST", &format!("{of_key}/resume"), json!({})).await;
    assert_eq!(revived.status, 409, "a revoked key stays revoked: {}", revived.text);
    assert_eq!(server.verdicts("production", "assets", &own, READ).await, [false; 3]);

    let (_, short) =
        make_key(&server, "production", json!({ "tenant": "acme", "apis": ["assets"], "lifetime": 3600 }))
            .await;
    assert_eq!(server.verdicts("production", "assets", &short, READ).await, [true; 3]);
    server.clock().pass(3600);
    assert_eq!(server.verdicts("production", "assets", &short, READ).await, [false; 3], "expired");
    server.admin("POST", "/tenants/acme/suspend", json!({})).await;
    assert_eq!(
        server.verdicts("production", "assets", &key, READ).await,
        [false; 3],
        "its tenant is suspended"
    );
    server.admin("POST", "/tenants/acme/resume", json!({})).await;
    assert_eq!(server.verdicts("production", "assets", &key, READ).await, [true; 3]);
    let access = "/environments/production/accesses/acme/assets/suspend";
    server.admin("POST", access, json!({})).await;
    assert_eq!(
        server.verdicts("production", "assets", &key, READ).await,
        [false; 3],
        "its tenant's access is suspended"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn k10_a_copied_row_of_another_environment_opens_nothing() {
    let mut server = Server::start().await;
    let (production, sandbox) = (server.key("production", "assets"), server.key("sandbox", "assets"));
    assert_ne!(production, sandbox);
    server.stop().await;
    // The hash carries the pepper of its environment: a row that is moved is a row of nobody.
    let door = server.door().await;
    door.run(
        "UPDATE api_keys SET environment_id = (SELECT id FROM environments WHERE name = 'production') \
         WHERE environment_id = (SELECT id FROM environments WHERE name = 'sandbox')",
    )
    .await;
    drop(door);
    let server = server.restart().await;
    for environment in ["production", "sandbox"] {
        let seen = server.introspect(environment, "assets", &sandbox).await;
        assert_eq!(seen.json(), json!({ "active": false }), "{environment}");
    }
}
