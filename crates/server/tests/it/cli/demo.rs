//! `grantor demo`: what it prints, what it keeps, how it ends.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;

use grantor_testkit::basic;
use serde_json::{Value, json};

use super::process::Process;
use super::{binary, run};

/// Starts the demo on a port; gives its one line.
fn start(folder: &Path, port: u64) -> (Process, Value) {
    let listen = format!("127.0.0.1:{port}");
    let demo = Process::start(binary(folder).args(["demo", "--json", "--data", "data", "--listen", &listen]));
    let contract = serde_json::from_str(&demo.line()).expect("the line is JSON");
    (demo, contract)
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_else(|| panic!("{name} is text"))
}

fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object[name].as_array().unwrap_or_else(|| panic!("{name} is a list"))
}

fn api<'a>(contract: &'a Value, environment: &str, name: &str) -> &'a Value {
    let mut all = list(contract, "apis").iter();
    all.find(|api| api["name"] == name && api["environment"] == environment)
        .unwrap_or_else(|| panic!("{name} in {environment}"))
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("an HTTP client")
}

/// Status and body of a token request as the API's first client.
async fn token(api: &Value, secret: &str) -> (u16, Value) {
    let client = &api["clients"][0];
    let answer = http()
        .post(text(api, "token_endpoint"))
        .header("authorization", basic(text(client, "client_id"), secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials")
        .send()
        .await
        .expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn status(url: &str, bearer: &str) -> u16 {
    let answer = http().get(url).bearer_auth(bearer).send().await.expect("an answer");
    answer.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_json_prints_one_line_with_every_member_and_type_of_its_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let (demo, contract) = start(folder.path(), 0);
    assert_eq!(contract["ready"], true);
    let origin = text(&contract["environments"][0], "issuer").to_owned();
    let sandbox = format!("{origin}/sandbox");
    assert_eq!(
        contract["environments"],
        json!([{"name": "production", "issuer": origin}, {"name": "sandbox", "issuer": sandbox}])
    );
    let operator = &contract["operator"];
    assert_eq!(text(operator, "api_url"), format!("{origin}/admin/v1"));
    assert!(text(operator, "api_token").len() > 20);
    // There is no log-in for operators yet, so the password is there and empty.
    assert!(text(operator, "email").contains('@') && text(operator, "password").is_empty());
    let roles: Vec<_> = list(&contract, "users").iter().map(|user| text(user, "role")).collect();
    assert_eq!(roles, ["tenant_admin", "end_user"]);
    for user in list(&contract, "users") {
        assert!(text(user, "email").contains('@') && text(user, "password").len() > 20);
    }
    let mails = Path::new(text(&contract, "mail_dir"));
    assert!(mails.is_absolute() && mails.is_dir(), "whoever watches it may begin at once");
    let mut seen = BTreeSet::new();
    for api in list(&contract, "apis") {
        check_api(api, &origin);
        seen.insert((text(api, "environment").to_owned(), text(api, "name").to_owned()));
    }
    assert_eq!(seen.len(), 10, "five APIs in two environments: {seen:?}");
    let (ended, rest) = demo.terminate();
    assert_eq!(rest, Vec::<String>::new(), "the line is the only one");
    assert_eq!(ended, Some(0));
}

fn check_api(api: &Value, origin: &str) {
    let (name, environment) = (text(api, "name"), text(api, "environment"));
    let issuer = match environment {
        "production" => origin.to_owned(),
        other => format!("{origin}/{other}"),
    };
    assert_eq!(text(api, "base_url"), format!("{issuer}/demo/{name}"));
    assert_eq!(text(api, "forward_auth_url"), format!("{issuer}/forward-auth/{name}"));
    assert!(!text(api, "audience").is_empty());
    let path = match name {
        "channel" => "/oauth/v2/token",
        "banking" => "/token",
        _ => "/oauth/token",
    };
    assert_eq!(text(api, "token_endpoint"), format!("{issuer}{path}"));
    let introspection = &api["introspection"];
    assert!(text(introspection, "endpoint").starts_with(&issuer));
    assert!(!text(introspection, "client_id").is_empty() && text(introspection, "client_secret").len() > 20);
    let clients = list(api, "clients");
    assert!(!clients.is_empty(), "{name} has a client");
    for client in clients {
        assert!(!text(client, "client_id").is_empty() && text(client, "client_secret").len() > 20);
        let method = text(client, "token_endpoint_auth_method");
        let expected = if name == "banking" { "client_secret_post" } else { "client_secret_basic" };
        assert_eq!(method, expected, "{name}");
        let by_code = list(client, "grant_types").contains(&json!("authorization_code"));
        let uris = [json!(format!("{issuer}/demo/callback")), json!("http://127.0.0.1/callback")];
        assert_eq!(list(client, "redirect_uris"), if by_code { &uris[..] } else { &[] }, "{name}");
    }
    // Drivers take the first one for client_credentials.
    assert_eq!(clients[0]["grant_types"], json!(["client_credentials"]), "{name}");
    let has = |grant: &str| clients.iter().any(|client| list(client, "grant_types").contains(&json!(grant)));
    assert_eq!(has("authorization_code"), ["payments", "assets"].contains(&name), "{name}");
    assert_eq!(has("password"), name == "payments", "{name}");
    let keys = list(api, "api_keys");
    assert_eq!(!keys.is_empty(), name == "assets", "only assets has API keys");
    for key in keys {
        assert!(!text(key, "id").is_empty() && text(key, "key").len() > 20);
    }
    let mut examples: Vec<_> = list(api, "examples")
        .iter()
        .map(|example| {
            text(example, "scope");
            let accepts: Vec<_> =
                list(example, "accepts").iter().map(|kind| kind.as_str().expect("a kind")).collect();
            format!("{} {} {}", text(example, "method"), text(example, "path"), accepts.join(","))
        })
        .collect();
    examples.sort_unstable();
    let documented: &[&str] = match name {
        "payments" => &["GET /me user", "GET /transfers client,user", "POST /transfers client,user"],
        "channel" => &["GET /rates client"],
        "assets" => &["GET /assets client,user,api_key", "GET /keys/self api_key", "GET /me user"],
        "deals" => {
            &["GET /deals client", "GET /me user", "POST /deals client", "POST /deals/{id}/signature client"]
        }
        _ => &["GET /accounts client"],
    };
    assert_eq!(examples, documented, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_started_again_on_its_folder_keeps_everything_and_adds_a_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let (demo, first) = start(folder.path(), 0);
    let issuer: reqwest::Url = text(&first["environments"][0], "issuer").parse().expect("a URL");
    let port = u64::from(issuer.port().expect("a port"));
    let (payments, assets) = (api(&first, "production", "payments"), api(&first, "production", "assets"));
    let old_secret = text(&payments["clients"][0], "client_secret").to_owned();
    let (granted, answer) = token(payments, &old_secret).await;
    assert_eq!(granted, 200);
    let operator = &first["operator"];
    let made = run(binary(folder.path())
        .env("GRANTOR_URL", text(operator, "api_url"))
        .env("GRANTOR_TOKEN", text(operator, "api_token"))
        .args(["app", "create", "made-before", "--tenant", "acme", "--api", "payments"]));
    assert_eq!(made.code, 0, "{}", made.err);
    assert_eq!(demo.terminate().0, Some(0));

    let (demo, second) = start(folder.path(), port);
    let again = api(&second, "production", "payments");
    let new_secret = text(&again["clients"][0], "client_secret").to_owned();
    assert!(new_secret != old_secret, "a second start shows a new secret");
    assert_eq!(token(again, &old_secret).await.0, 200, "the old secret still works");
    assert_eq!(token(again, &new_secret).await.0, 200, "the new secret works");
    assert_eq!(token(again, "neither").await.0, 401);
    let transfers = format!("{}/transfers", text(again, "base_url"));
    let kept = answer["access_token"].as_str().expect("a token");
    assert_eq!(status(&transfers, kept).await, 200, "a token from before still opens the API");
    let key = text(&assets["api_keys"][0], "key");
    let url = format!("{}/assets", text(api(&second, "production", "assets"), "base_url"));
    assert_eq!(status(&url, key).await, 200, "a key from before still opens the API");
    assert!(second["operator"] == first["operator"], "the operator and its token are the same");
    assert!(second["users"] == first["users"], "the users and their passwords are the same");
    let apps = run(binary(folder.path())
        .env("GRANTOR_URL", text(operator, "api_url"))
        .env("GRANTOR_TOKEN", text(operator, "api_token"))
        .args(["app", "list"]));
    assert!(apps.rows().iter().any(|row| row[0] == "made-before"), "{}", apps.err);
    demo.terminate();
}

#[test]
fn sigterm_ends_the_demo_within_ten_seconds_though_a_connection_stays_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let (demo, contract) = start(folder.path(), 0);
    let issuer: reqwest::Url = text(&contract["environments"][0], "issuer").parse().expect("a URL");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, issuer.port().expect("a port")));
    let idle = TcpStream::connect(address).expect("a connection");
    let mut half = TcpStream::connect(address).expect("a connection");
    half.write_all(b"POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-le").expect("half a request");
    let (ended, _) = demo.terminate();
    assert_eq!(ended, Some(0));
    drop((idle, half));
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn demo_refuses_an_address_that_others_can_reach_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let ran = run(binary(folder.path()).args(["demo", "--json", "--data", "data", "--listen", address]));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert!(
            ran.err.contains("is no loopback address") && ran.err.contains("grantor serve"),
            "{}",
            ran.err
        );
    }
    assert!(!folder.path().join("data").exists());
}

#[test]
fn demo_on_a_port_that_is_taken_says_so_and_names_the_flag() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let listen = taken.local_addr().expect("an address").to_string();
    let ran = run(binary(folder.path()).args(["demo", "--listen", &listen, "--data", "data"]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains(&listen), "{}", ran.err);
    assert!(ran.err.contains("--listen"), "{}", ran.err);
}

#[test]
fn demo_for_people_shows_two_lines_for_each_profile_and_the_line_to_export() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo =
        Process::start(binary(folder.path()).args(["demo", "--listen", "127.0.0.1:0", "--data", "data"]));
    let mut lines = Vec::new();
    loop {
        lines.push(demo.line());
        if lines.last().is_some_and(|line| line.starts_with("export ")) {
            break;
        }
    }
    let begin = |head: &str| lines.iter().filter(|line| line.starts_with(head)).count();
    assert_eq!(begin("TOKEN=$(curl "), 5, "a token for each profile");
    assert!(begin("curl ") >= 6, "a call for each profile, and one with an API key");
    let export = lines.last().expect("a line");
    assert!(export.contains("GRANTOR_URL=") && export.contains("GRANTOR_TOKEN="));
    assert!(!lines.iter().any(|line| line.contains('\u{1b}')), "a pipe got colours");
    assert_eq!(demo.terminate().0, Some(0));
}
