//! `grantor webhook`.

use grantor_testkit::Server;
use serde_json::json;

use super::{done, refused};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9/hook";

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_looked_at_changed_rolled_tried_and_deleted() {
    let server = Server::start().await;
    let line =
        format!("--json webhook create {NOWHERE} --tenant acme --event key.revoked --description pager");
    let ran = done(&server, &line);
    assert!(ran.err.contains("not shown again"), "{}", ran.err);
    let made = ran.json();
    let id = made["id"].as_str().unwrap();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!((&made["events"], &made["description"]), (&json!(["key.revoked"]), &json!("pager")));

    let listed = done(&server, "webhook list --tenant acme");
    assert_eq!(listed.rows()[0][..4], [id, "acme", NOWHERE, "active"]);
    let shown = done(&server, &format!("--json webhook show {id}"));
    assert!(!shown.out.contains("whsec_"));

    let same = done(&server, &format!("--json webhook change {id} --event *")).json();
    assert_eq!((&same["events"], &same["url"]), (&json!(["*"]), &json!(NOWHERE)));
    assert_eq!((&same["description"], same.get("secret")), (&json!("pager"), None));
    let moved = done(&server, &format!("--json webhook change {id} --to http://127.0.0.1:10/"));
    assert!(moved.err.contains("the old secret is worth nothing any more"), "{}", moved.err);
    assert_ne!(moved.json()["secret"], made["secret"]);
    let rolled = done(&server, &format!("--json webhook roll {id}")).json();
    assert_ne!(rolled["secret"], moved.json()["secret"]);

    let tried = done(&server, &format!("--json webhook test {id}")).json();
    let message = tried["message"].as_str().unwrap();
    let deliveries = done(&server, &format!("webhook deliveries {id}"));
    let row = deliveries.rows().into_iter().find(|row| row[0] == message).expect("the message is listed");
    assert_eq!(row[1], "webhook.test");
    done(&server, &format!("webhook resend {id} {message}"));

    done(&server, &format!("webhook suspend {id}"));
    let told = refused(&server, &format!("webhook test {id}"));
    assert!(told.contains("Resume it first"), "{told}");
    done(&server, &format!("webhook resume {id}"));
    let again = done(&server, &format!("--json webhook show {id}")).json();
    assert_eq!((&again["status"], &again["events"]), (&json!("active"), &json!(["*"])));
    done(&server, &format!("webhook delete {id} --yes"));
    assert!(refused(&server, &format!("webhook show {id}")).contains("no such webhook"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_what_requests_may_reach_beside_public_addresses() {
    let server = Server::start().await;
    let checks = done(&server, "--json doctor").json();
    let of_remote: Vec<&str> = checks["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["name"] == "remote")
        .map(|check| check["text"].as_str().unwrap())
        .collect();
    let [networks, clear, ports] = of_remote[..] else { panic!("three warnings in a demo: {of_remote:?}") };
    assert!(networks.contains("127.0.0.0/8") && clear.contains("in clear") && ports.contains("any"));
}
