//! `incident`, and the verbs that stop a partner with a reason.

use grantor_testkit::Server;
use serde_json::{Value, json};

use super::{done, grantor, operator, refused, run_with_input};

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_secret_is_reported_from_standard_input_looked_at_and_closed() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let mut report = operator(&server);
    let ran = run_with_input(
        report.args(["incident", "report", "--place", "ticket 7"]),
        &format!("{}\n", client.secret),
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains(&client.secret));
    let id = ran.rows()[0][0].to_owned();
    assert_eq!(server.request_token("production", "payments", &client).await.status, 401);
    let listed = done(&server, "incident list --open");
    assert_eq!(listed.rows().iter().map(|row| row[0]).collect::<Vec<_>>(), [&id]);
    let shown = done(&server, &format!("incident show {id} --json")).json();
    assert_eq!((&shown["place"], &shown["source"]), (&json!("ticket 7"), &json!("operator")));
    done(&server, &format!("incident resolve {id} --comment rotated"));
    assert_eq!(done(&server, "incident list --open").out, "");
    assert_eq!(done(&server, "incident list").rows().len(), 1);
    let told = run_with_input(operator(&server).args(["incident", "report"]), "junk");
    assert_eq!(told.code, 1);
    assert!(told.err.contains("no credential of this installation"), "{}", told.err);
    assert_eq!(grantor(&server, "incident report --value x").code, 2, "a flag is seen by every process");
}

#[tokio::test(flavor = "multi_thread")]
async fn accesses_and_tenants_are_stopped_by_one_command_with_a_reason() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let status = async || server.request_token("production", "payments", &client).await.status;
    done(&server, "access suspend acme payments --reason late");
    assert_eq!(status().await, 400);
    done(&server, "access resume acme payments");
    assert_eq!(status().await, 200);
    done(&server, "app suspend acme-payments --reason late");
    assert_eq!(status().await, 401);
    done(&server, "app resume acme-payments --reason paid");
    assert_eq!(status().await, 200);
    let audit = server.admin("GET", "/audit", Value::Null).await.json();
    let reasons: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["detail"]["reason"].as_str())
        .collect();
    assert_eq!(reasons, ["paid", "late", "late"]);
    done(&server, "access close acme payments --yes");
    assert!(refused(&server, "access resume acme payments").contains("422"));
    done(&server, "tenant close acme --reason over --yes");
    assert_eq!(status().await, 401);
    assert!(refused(&server, "tenant resume acme").contains("409"));
}
