//! A process that is killed right behind an answer.

use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A server process, killed with its guard.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn grantor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
    command.env_clear().args(arguments).stderr(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill_right_behind_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    let demo = ["demo", "--json", "--listen", "127.0.0.1:0", "--data", &data];
    let mut process = Process(grantor(&demo).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    std::io::BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let contract: Value = serde_json::from_str(&line).expect("the demo tells that it is ready");
    let operator = contract["operator"]["api_token"].as_str().unwrap().to_owned();
    let base = contract["operator"]["api_url"].as_str().unwrap().to_owned();
    let payments = contract["apis"]
        .as_array()
        .unwrap()
        .iter()
        .find(|api| api["name"] == "payments" && api["environment"] == "production")
        .unwrap()
        .clone();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask_token = || {
        let client = &payments["clients"][0];
        http.post(payments["token_endpoint"].as_str().unwrap())
            .basic_auth(client["client_id"].as_str().unwrap(), client["client_secret"].as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials")
            .send()
    };
    assert_eq!(ask_token().await.unwrap().status(), 200);
    let suspended =
        http.post(format!("{base}/tenants/acme/suspend")).bearer_auth(&operator).send().await.unwrap();
    assert_eq!(suspended.status(), 200);
    process.0.kill().unwrap();
    process.0.wait().unwrap();

    let address = base.trim_start_matches("http://").trim_end_matches("/admin/v1");
    let (database, key) = (format!("sqlite:{data}/grantor.db"), format!("{data}/master.key"));
    let serve = ["serve", "--listen", address, "--database-url", &database, "--master-key-file", &key];
    let _process = Process(grantor(&serve).stdout(Stdio::null()).spawn().unwrap());
    let mut tenant = None;
    for _ in 0..200 {
        let shown = http.get(format!("{base}/tenants/acme")).bearer_auth(&operator).send();
        if let Ok(answer) = shown.await {
            tenant = Some(serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap());
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let tenant = tenant.expect("the server starts again");
    assert_eq!(tenant["status"], "suspended", "{tenant}");
    assert_eq!(ask_token().await.unwrap().status(), 401);
}
