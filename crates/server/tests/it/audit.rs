//! The audit: each entry gets its place in one chain, whatever comes late, however many link; and it can be read by people.

use grantor_core::audit_chain::Entry;
use grantor_core::audit_export::Line;
use grantor_core::audit_verify::{Bad, Verifier, Whole};
use grantor_core::decision::{StatusChange, Write};
use grantor_core::env::UnixMillis;
use grantor_core::tenant::Status;
use grantor_jose::KeySet;
use grantor_server::flow::{Fault, audit};
use grantor_server::node::Actor;
use grantor_server::store::write;
use grantor_testkit::{Server, Tokens};
use serde_json::{Value, json};
use uuid::Uuid;

const OPEN: &str = "SELECT count(*) FROM audit WHERE number IS NULL";
const LINKED: &str = "SELECT count(*) FROM audit WHERE number IS NOT NULL";
const CHECKPOINTS: &str = "SELECT count(*) FROM audit_checkpoints";

/// The verdict on what the server exports now.
async fn verdict(server: &Server) -> Result<Whole, Bad> {
    let export = server.admin("GET", "/audit/export", Value::Null).await;
    assert_eq!(export.status, 200, "{}", export.text);
    let mut lines = export.text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
    let Some(Line::Audit { keys, .. }) = lines.next() else { panic!("the keys come first") };
    let mut verifier = Verifier::new(KeySet::from_jwks(&keys));
    lines.for_each(|line| verifier.line(line));
    verifier.finish()
}

/// Puts an entry into the audit, as another node might.
async fn put(server: &Server, id: u128) {
    let entry = Entry {
        id: Uuid::from_u128(id),
        at: UnixMillis(1),
        environment: None,
        actor: "operator:late".to_owned(),
        action: "late.put".to_owned(),
        target: format!("late_{id}"),
        detail: "{}".to_owned(),
        request_id: String::new(),
        address: String::new(),
    };
    server.node().store.commit(vec![write::audit(entry)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_linked_and_signed_without_a_gap() {
    let server = Server::start().await;
    let signed = server.admin("POST", "/audit/checkpoint", json!({})).await;
    assert_eq!(signed.status, 200, "{}", signed.text);
    let door = server.door().await;
    assert_eq!(door.number(OPEN).await, 0);
    let linked = door.number(LINKED).await;
    assert!(linked > 20, "the demo has done things: {linked}");
    assert_eq!(signed.json()["number"], linked);
    let numbers = door.texts("SELECT number FROM audit ORDER BY number").await;
    assert_eq!(numbers, (1..=linked).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(verdict(&server).await.unwrap().head.number, linked);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_comes_late_and_is_older_than_the_chain_is_linked() {
    let server = Server::start().await;
    audit::link(server.node()).await.unwrap();
    let before = verdict(&server).await.unwrap().head.number;
    put(&server, 7).await;
    audit::link(server.node()).await.unwrap();
    assert_eq!(verdict(&server).await.unwrap().head.number, before + 1);
    let door = server.door().await;
    let last = format!("SELECT target FROM audit WHERE number = {}", before + 1);
    assert_eq!(door.texts(&last).await, ["late_7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_backlog_is_linked_in_batches_each_with_its_checkpoint() {
    let server = Server::start().await;
    audit::link(server.node()).await.unwrap();
    let door = server.door().await;
    let (before, checkpoints) = (door.number(LINKED).await, door.number(CHECKPOINTS).await);
    for id in 1..=450 {
        put(&server, id).await;
    }
    audit::link(server.node()).await.unwrap();
    assert_eq!(door.number(OPEN).await, 0);
    assert_eq!(door.number(CHECKPOINTS).await, checkpoints + 3, "two of 200 and one of 50");
    assert_eq!(verdict(&server).await.unwrap().head.number, before + 450);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_lease_links_and_who_has_died_is_replaced() {
    let server = Server::start().await;
    audit::link(server.node()).await.unwrap();
    let door = server.door().await;
    // Any 16 bytes that are not this process.
    door.run("UPDATE leases SET holder = (SELECT id FROM tenants LIMIT 1), expires_at = 9000000000000000")
        .await;
    put(&server, 7).await;
    audit::link(server.node()).await.unwrap();
    assert_eq!(door.number(OPEN).await, 1, "another process has the lease");
    assert_eq!(
        server.admin("POST", "/audit/checkpoint", json!({})).await.status,
        409,
        "and nobody is told otherwise"
    );
    door.run("UPDATE leases SET expires_at = 1").await;
    audit::link(server.node()).await.unwrap();
    assert_eq!(door.number(OPEN).await, 0);
    verdict(&server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_link_at_once_make_one_chain() {
    let server = Server::start().await;
    for id in 1..=50 {
        put(&server, id).await;
    }
    let node = server.node().clone();
    let rivals = (0..8).map(|_| {
        let node = node.clone();
        tokio::spawn(async move { audit::link(&node).await })
    });
    for rival in rivals.collect::<Vec<_>>() {
        rival.await.unwrap().unwrap();
    }
    assert_eq!(server.door().await.number(OPEN).await, 0);
    verdict(&server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_whose_end_was_changed_is_not_gone_on_with() {
    for damage in [
        "UPDATE audit_checkpoints SET at = at + 1 WHERE number = (SELECT max(number) FROM audit_checkpoints)",
        "DELETE FROM audit_checkpoints",
        "DELETE FROM audit WHERE number > 3; DELETE FROM audit_checkpoints",
    ] {
        let server = Server::start().await;
        audit::link(server.node()).await.unwrap();
        let door = server.door().await;
        door.run(damage).await;
        put(&server, 7).await;
        assert_eq!(audit::link(server.node()).await, Err(Fault::Internal), "{damage}");
        assert_eq!(door.number(OPEN).await, 1, "it is kept, and waits: {damage}");
        let answer = server.admin("POST", "/tenants", json!({ "name": "still" })).await;
        assert_eq!(answer.status, 201, "acts go on: {}", answer.text);
        let told = server.admin("GET", "/doctor", Value::Null).await.json();
        let audit = told["checks"].as_array().unwrap().iter().find(|check| check["name"] == "audit");
        assert_eq!(audit.unwrap()["level"], "fail", "and the doctor says so");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_same_key_signs_on() {
    let server = Server::start().await;
    let first = server.admin("GET", "/audit/key", Value::Null).await.json();
    assert_eq!(first["keys"][0]["alg"], "ES256");
    let server = server.restart().await;
    server.admin("POST", "/tenants", json!({ "name": "later" })).await;
    let signed = server.admin("POST", "/audit/checkpoint", json!({})).await.json();
    assert_eq!(signed["kid"], first["keys"][0]["kid"]);
    assert_eq!(server.admin("GET", "/audit/key", Value::Null).await.json(), first);
    verdict(&server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_must_be_told_and_is_not_is_not_made() {
    let server = Server::start().await;
    let node = server.node();
    let tenant = node.store.tenant_by_name(&"acme".parse().unwrap()).await.unwrap().unwrap();
    let change = StatusChange { id: tenant.id, from: Status::Active, to: Status::Suspended };
    let refused = node.commit(&Actor::system(), vec![Write::SetTenantStatus(change)], Vec::new()).await;
    assert_eq!(refused, Err(Fault::Internal));
    let tenant = node.store.tenant(tenant.id).await.unwrap().unwrap();
    assert_eq!(tenant.status, Status::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_goes_on_within_what_was_audited_and_pays_nothing_for_it_but_its_abuse_is_told() {
    let server = Server::start().await;
    let first = server.user_token("production", "payments").await;
    let door = server.door().await;
    let before = door.number("SELECT count(*) FROM audit").await;
    let mut latest = first.refresh.clone();
    for _ in 0..5 {
        let answer = server.refresh("production", "payments", &latest).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        latest = Tokens::of(&answer).refresh;
    }
    assert_eq!(door.number("SELECT count(*) FROM audit").await, before);
    assert_eq!(server.refresh("production", "payments", &first.refresh).await.error(), "invalid_grant");
    assert_eq!(door.number("SELECT count(*) FROM audit").await, before + 1);
    let newest = server.admin("GET", "/audit?limit=1", Value::Null).await.json()["items"][0].clone();
    assert_eq!(newest["action"], "grant.end", "{newest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_with_before_and_after() {
    let server = Server::start().await;
    let app = "/environments/production/apps/acme-payments";
    let body = json!({ "tenant": "acme", "apis": ["payments"], "name": "Renamed" });
    let old = server.admin("GET", app, Value::Null).await.json()["name"].clone();
    assert_eq!(server.admin("PUT", app, body).await.status, 200);
    let newest = server.admin("GET", "/audit?limit=1", Value::Null).await.json();
    let entry = &newest["items"][0];
    assert_eq!((&entry["action"], &entry["environment"]), (&json!("app.change"), &json!("production")));
    assert_eq!(entry["detail"]["changes"]["name"], json!({ "from": old, "to": "Renamed" }));
    server.admin("POST", &format!("{app}/suspend"), json!({})).await;
    let newest = server.admin("GET", "/audit?limit=1", Value::Null).await.json();
    let changes = json!({ "status": { "from": "active", "to": "suspended" } });
    assert_eq!(newest["items"][0]["detail"]["changes"], changes);
}

/// The ids of a list, over all of its pages.
async fn ids(server: &Server, query: &str) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.admin("GET", &format!("/audit?{query}{after}"), Value::Null).await;
        assert_eq!(page.status, 200, "{query}: {}", page.text);
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_filtered_and_paged_newest_first() {
    let server = Server::start().await;
    server.admin("POST", "/tenants", json!({ "name": "first" })).await;
    server.clock().pass(3600);
    let between = server.node().now();
    server.admin("POST", "/tenants/first/suspend", json!({})).await;
    let everything = ids(&server, "").await;
    let mut sorted = everything.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(everything, sorted);
    assert_eq!(ids(&server, "limit=7").await, everything, "small pages are the same list");
    let count = async |query: &str| ids(&server, query).await.len();
    assert_eq!(count("action=tenant.suspend").await, 1);
    assert!(count("action=tenant").await >= 2);
    assert_eq!(count("action=tenant.").await, count("action=tenant").await);
    assert_eq!(count("action=ten").await, 0, "a noun is a whole word");
    assert_eq!(count("actor=nobody").await, 0);
    let operator = server.contract()["operator"]["email"].as_str().unwrap();
    assert!(count(&format!("actor=operator:{operator}&action=tenant.suspend")).await == 1);
    let moment = grantor_server::moment::Moment(between).to_string();
    assert_eq!(count(&format!("since={moment}")).await, 1);
    assert_eq!(count(&format!("until={moment}")).await, everything.len() - 1);
    let tenant = server.admin("GET", "/tenants/first", Value::Null).await.json()["id"].clone();
    assert_eq!(count(&format!("target={}", tenant.as_str().unwrap())).await, 2);
    let (production, sandbox) = (count("environment=production").await, count("environment=sandbox").await);
    assert!(production + sandbox < everything.len());
    for bad in ["limit=0", "limit=201", "since=yesterday", "cursor=7", "environment=nowhere", "who=me"] {
        let refused = server.admin("GET", &format!("/audit?{bad}"), Value::Null).await;
        assert!([400, 404].contains(&refused.status), "{bad}: {}", refused.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_nothing_fits_looks_at_a_bounded_number_of_entries_per_page() {
    let server = Server::start().await;
    let late: Vec<_> = (1..=5_010_u128).collect();
    for ids in late.chunks(500) {
        let entry = |id: &u128| Entry {
            id: Uuid::from_u128(*id),
            at: UnixMillis(1),
            environment: None,
            actor: "operator:late".to_owned(),
            action: "late.put".to_owned(),
            target: String::new(),
            detail: "{}".to_owned(),
            request_id: String::new(),
            address: String::new(),
        };
        let unit = ids.iter().map(|id| write::audit(entry(id))).collect();
        server.node().store.commit(unit).await.unwrap();
    }
    let page = server.admin("GET", "/audit?actor=nobody", Value::Null).await.json();
    assert_eq!(page["items"], json!([]));
    assert!(page["next"].is_string(), "there is more to look at");
    assert_eq!(ids(&server, "actor=nobody").await, Vec::<String>::new());
    assert_eq!(ids(&server, "actor=operator:late").await.len(), 5_010);
}
