//! A caller who hangs up: what was stored is what this node goes by, answered or not.

use std::time::Duration;

use grantor_testkit::Server;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Sends a suspend and hangs up after a moment, without waiting for the answer.
async fn suspend_and_hang_up(server: &Server, client_id: &str, after: Duration) {
    let token = server.contract()["operator"]["api_token"].as_str().expect("an operator token");
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST /admin/v1/environments/production/apps/{client_id}/suspend HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(after).await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspend_whose_caller_hung_up_is_either_not_done_or_in_force() {
    let server = Server::start().await;
    let client = server.client("production", "channel");
    let path = format!("/environments/production/apps/{}", client.id);
    let mut done = 0;
    for round in 0..60u64 {
        let token = server.token("production", "channel").await;
        suspend_and_hang_up(&server, &client.id, Duration::from_micros(round * 50)).await;
        let mut stored = false;
        for _ in 0..20 {
            stored = server.admin("GET", &path, Value::Null).await.json()["status"] == "suspended";
            if stored {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if stored {
            done += 1;
            let mut refused = false;
            for _ in 0..50 {
                refused =
                    server.introspect("production", "channel", &token).await.text == "{\"active\":false}";
                if refused {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(refused, "round {round}: stored as suspended, and its token still accepted");
            let resumed = server.admin("POST", &format!("{path}/resume"), json!({})).await;
            assert_eq!(resumed.status, 200, "{}", resumed.text);
        }
    }
    assert!(done > 0, "no suspend was ever stored: the test shows nothing");
}
