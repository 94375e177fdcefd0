//! A real installation: `init`, `serve`, `config check`, and `--offline`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_testkit::basic;
use serde_json::Value;

use super::process::Process;
use super::{binary, run, run_with_input};

const CONFIG: &str = r#"[server]
listen = "127.0.0.1:0"
management = "off"
trusted_proxies = ["127.0.0.1/32"]

[database]
url = "sqlite:grantor.db"

[log]
format = "json"
"#;

const BANK: &str = r#"[[environment]]
name = "production"
issuer = "https://auth.bank.example"
stage = "live"

[[environment]]
name = "sandbox"
issuer = "https://sandbox.bank.example"
stage = "test"

[[profile]]
name = "bank"
token_paths = ["/oauth/token"]
client_auth = ["client_secret_basic"]
token_format = "jwt"
grants = ["client_credentials"]

[[api]]
name = "accounts"
environments = ["production", "sandbox"]
profile = "bank"
audience = "https://api.bank.example"
scope = [{ name = "accounts:read", description = "See accounts" }]

[[tenant]]
name = "partner"

[[access]]
tenant = "partner"
apis = ["accounts"]
environments = ["production", "sandbox"]

[[app]]
client_id = "partner-app"
environments = ["production", "sandbox"]
tenant = "partner"
apis = ["accounts"]
"#;

/// A folder with the configuration file, the manifest and an initialised database; and the operator's token.
fn initialised() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("grantor.toml"), CONFIG).expect("a file");
    fs::write(folder.path().join("bank.toml"), BANK).expect("a file");
    let made = run(binary(folder.path()).args(["init", "--config", "grantor.toml"]));
    assert_eq!(made.code, 0, "{}", made.err);
    (folder, made.out.trim_end().to_owned())
}

/// Starts the server; gives the URL of its listener.
fn serve(folder: &Path) -> (Process, String) {
    let server = Process::start(binary(folder).env("GRANTOR_CONFIG", "grantor.toml").arg("serve"));
    let ready: Value = serde_json::from_str(&server.told("\"ready\"")).expect("a line of JSON");
    let address = ready["address"].as_str().expect("the line names the address").to_owned();
    (server, format!("http://{address}"))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

#[test]
fn init_makes_database_master_key_and_one_operator_and_keeps_them_the_second_time() {
    let (folder, token) = initialised();
    assert!(token.starts_with("grt_") && token.len() > 20 && !token.contains(char::is_whitespace));
    for name in ["grantor.db", "master.key"] {
        assert_eq!(mode(&folder.path().join(name)), 0o600, "{name} is for its owner only");
    }
    let key = fs::read(folder.path().join("master.key")).expect("the key");
    let again = run(binary(folder.path()).args(["init", "--config", "grantor.toml"]));
    assert_eq!((again.code, again.out.as_str()), (0, ""), "no second token");
    assert!(again.err.contains("An operator exists already"), "{}", again.err);
    assert!(key == fs::read(folder.path().join("master.key")).expect("the key"));
    let json = run(binary(folder.path()).args(["--json", "init", "--config", "grantor.toml"])).json();
    assert_eq!((&json["operator_token"], &json["database"]), (&Value::Null, &"grantor.db".into()));
    assert!(json["master_key"].as_str().is_some_and(|path| path.ends_with("master.key")));
}

#[test]
fn a_database_without_its_master_key_is_not_opened_with_a_new_one() {
    let (folder, _) = initialised();
    fs::remove_file(folder.path().join("master.key")).expect("the key");
    let ran = run(binary(folder.path()).args(["serve", "--config", "grantor.toml"]));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("Restore the key file from your backup"), "{}", ran.err);
    assert!(!folder.path().join("master.key").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_real_host_name_answers_through_its_tls_proxy() {
    let (folder, operator) = initialised();
    fs::write(folder.path().join("operator.token"), operator).expect("a file");
    let (server, url) = serve(folder.path());
    let admin = |line: &str| {
        let ran = run(binary(folder.path())
            .env("GRANTOR_URL", format!("{url}/admin/v1"))
            .env("GRANTOR_TOKEN_FILE", "operator.token")
            .args(line.split(' ')));
        assert_eq!(ran.code, 0, "grantor {line}: {}", ran.err);
        ran
    };
    admin("apply -f bank.toml");
    let secret = admin("--json app rotate-secret partner-app").json()["client_secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let ask = |host: &'static str, scheme: &'static str| {
        let request = http
            .post(format!("{url}/oauth/token"))
            .header("host", host)
            .header("x-forwarded-proto", scheme)
            .header("x-forwarded-for", "203.0.113.9")
            .header("authorization", basic("partner-app", &secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        async move {
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            (status, answer.json::<Value>().await.unwrap_or_default())
        }
    };
    let (status, answer) = ask("auth.bank.example", "https").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["token_type"], "Bearer");
    let token = answer["access_token"].as_str().expect("a token");
    let payload = token.split('.').nth(1).expect("a JWT");
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims");
    assert_eq!(claims["iss"], "https://auth.bank.example");
    assert_eq!(claims["aud"], "https://api.bank.example");
    let (status, answer) = ask("auth.bank.example", "http").await;
    assert_eq!(status, 400, "a secret came in clear: {answer}");
    let (status, answer) = ask("sandbox.bank.example", "https").await;
    assert_eq!(status, 401, "the secret is of the other environment: {answer}");
    assert_eq!(ask("auth.other.example", "https").await.0, 404, "no issuer has this host");

    let metadata = http
        .get(format!("{url}/.well-known/openid-configuration"))
        .header("host", "auth.bank.example")
        .header("x-forwarded-proto", "https")
        .send()
        .await
        .expect("an answer");
    let metadata: Value = metadata.json().await.expect("metadata");
    assert_eq!(metadata["token_endpoint"], "https://auth.bank.example/oauth/token");
    let (ended, rest) = server.terminate();
    assert_eq!((ended, rest.len()), (Some(0), 0), "logs go to standard error");
}

#[test]
fn serve_refuses_plain_http_on_an_open_address_unless_proxies_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let open =
        |proxies: &str| {
            let mut command = binary(folder.path());
            command.env("GRANTOR_SERVER__TRUSTED_PROXIES", proxies).env("GRANTOR_LOG__FORMAT", "json").args(
                ["serve", "--listen", "0.0.0.0:0", "--management", "off", "--database-url", "sqlite:g.db"],
            );
            command
        };
    let ran = run(&mut open(""));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("refusing to serve plain HTTP on 0.0.0.0:0")
            && ran.err.contains("server.trusted_proxies"),
        "{}",
        ran.err
    );
    assert!(!folder.path().join("g.db").exists(), "refused before anything is written");
    let named = Process::start(&mut open("127.0.0.1/32"));
    named.told("\"ready\"");
    assert_eq!(named.terminate().0, Some(0));
}

#[test]
fn config_check_shows_what_is_in_force_and_where_it_came_from_without_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("g.toml"), CONFIG).expect("a file");
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let check = || {
        let mut command = binary(folder.path());
        command.env("GRANTOR_KEYS__MASTER_KEY", key).env("GRANTOR_LOG__LEVEL", "debug").args([
            "config",
            "check",
            "--config",
            "g.toml",
            "--listen",
            "127.0.0.1:7001",
        ]);
        command
    };
    let ran = run(&mut check());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = ran.rows();
    let row = |name: &str| rows.iter().find(|row| row[0] == name).expect("every setting is shown");
    assert_eq!(row("server.listen")[1..], ["127.0.0.1:7001", "--listen"], "a flag wins over the file");
    assert_eq!(row("log.level")[1], "debug");
    assert!(row("log.level")[2].contains("GRANTOR_LOG__LEVEL"), "{:?}", row("log.level"));
    assert_eq!(row("log.format")[1], "json");
    assert!(row("log.format")[2].contains("g.toml"), "{:?}", row("log.format"));
    assert_eq!(row("server.brand")[1..], ["grt", "default"]);
    assert_eq!(row("keys.master_key")[1], "(set)");
    assert!(!ran.out.contains(key) && !ran.err.contains(key), "the master key was shown");
    let json = run(check().arg("--json")).json();
    assert_eq!(json["items"][0]["setting"], "server.listen");
    assert!(!folder.path().join("grantor.db").exists(), "checking makes nothing");
}

#[test]
fn a_mistake_in_the_configuration_is_told_with_its_place_and_what_was_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("g.toml"), "[server]\nlisen = \"127.0.0.1:1\"\n").expect("a file");
    let ran = run(binary(folder.path()).args(["config", "check", "--config", "g.toml"]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("g.toml:2:1: unknown field `lisen`"), "{}", ran.err);
    assert!(ran.err.contains("did you mean `listen`?"), "{}", ran.err);
    let ran = run(binary(folder.path()).env("GRANTOR_SERVER__LISEN", "x").args(["config", "check"]));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("GRANTOR_SERVER__LISEN"), "{}", ran.err);
    assert!(ran.err.contains("GRANTOR_SERVER__LISTEN"), "the nearest name: {}", ran.err);
}

#[test]
fn offline_commands_work_while_no_server_runs_and_are_refused_while_one_does() {
    let (folder, token) = initialised();
    let offline =
        |line: &str| run(binary(folder.path()).env("GRANTOR_CONFIG", "grantor.toml").args(line.split(' ')));
    let applied = offline("--offline apply -f bank.toml");
    assert_eq!(applied.code, 0, "{}", applied.err);
    assert!(offline("--offline app list").rows().iter().any(|row| row[0] == "partner-app"));

    let (server, url) = serve(folder.path());
    let refused = offline("--offline tenant create late");
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("another process has"), "{}", refused.err);
    assert!(refused.err.contains("without --offline"), "the next step: {}", refused.err);
    let asked = run(binary(folder.path())
        .env("GRANTOR_URL", format!("{url}/admin/v1"))
        .env("GRANTOR_TOKEN", &token)
        .args(["tenant", "list"]));
    let rows = asked.rows();
    let names: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names, ["partner"], "what was applied offline is served, what was refused is not there");
    server.terminate();
    assert_eq!(offline("--offline tenant create late").code, 0, "free again after the end");
}

#[test]
fn offline_without_a_database_makes_none() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("grantor.toml"), CONFIG).expect("a file");
    let ran = run(binary(folder.path()).args(["doctor", "--offline", "--config", "grantor.toml"]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("grantor init"), "the next step: {}", ran.err);
    assert!(!folder.path().join("grantor.db").exists());
    assert!(!folder.path().join("master.key").exists());
}

#[test]
fn offline_manifests_come_from_standard_input_too() {
    let (folder, _) = initialised();
    let mut command = binary(folder.path());
    command.args(["--offline", "--config", "grantor.toml", "apply", "-f", "-"]);
    let ran = run_with_input(&mut command, BANK);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains(" 0 updated, 0 unchanged."), "{}", ran.err);
}

#[test]
fn doctor_warns_where_users_sign_in_and_no_mail_leaves() {
    let (folder, _) = initialised();
    let offline = |line: &str| {
        let ran =
            run(binary(folder.path()).args(["--offline", "--config", "grantor.toml"]).args(line.split(' ')));
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        ran
    };
    let of_mail = |told: &super::Ran| told.rows().iter().filter(|row| row[1] == "mail").count();
    offline("apply -f bank.toml");
    assert_eq!(of_mail(&offline("doctor")), 0, "machines need no mail");
    let users = BANK.replace("[\"client_credentials\"]", "[\"client_credentials\", \"authorization_code\"]");
    fs::write(folder.path().join("bank.toml"), users).expect("a file");
    offline("apply -f bank.toml");
    let told = offline("doctor");
    assert_eq!(of_mail(&told), 2, "in each environment: {}", told.out);
    assert!(told.out.contains("mail.transport"), "{}", told.out);
}
