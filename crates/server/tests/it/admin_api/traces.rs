//! Every write leaves its trace in the audit; nothing else does.

use grantor_testkit::Server;
use serde_json::{Value, json};

use super::{Ids, routes};

/// The entries of the audit that belong to a request.
async fn traces(server: &Server, request_id: &str) -> Vec<Value> {
    let audit = server.admin("GET", "/audit", json!({})).await.json();
    let items = audit["items"].as_array().unwrap();
    items.iter().filter(|item| item["request_id"] == request_id).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_leaves_a_trace_with_operator_and_request() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let made = server
        .admin("POST", "/environments/production/keys", json!({ "tenant": "acme", "apis": ["assets"] }))
        .await;
    let key = made.json()["id"].as_str().unwrap().to_owned();
    let app = "/environments/production/apps/acme-payments";
    let version = server.admin("GET", app, json!({})).await.json()["secrets"][0]["version"].clone();
    let manifest = json!({ "manifest": { "tenant": [{ "name": "third" }] } });
    let access = "/environments/production/accesses/acme/payments";
    let of_key = format!("/environments/production/keys/{key}");
    let old = server.client_with("production", "payments", "password");
    let person = server.person("end_user");
    let fields = [("grant_type", "password"), ("username", &*person.email), ("password", &*person.password)];
    let granted = server.token_request("production", "payments", &old, &fields).await;
    assert_eq!(granted.status, 200, "{}", granted.text);
    let user = format!("/environments/production/users/{}", person.email);
    let grants = server.admin("GET", &format!("{user}/grants"), json!({})).await.json();
    let grant = grants["items"][0]["id"].as_str().unwrap().to_owned();
    let documents = server.admin("GET", "/documents", json!({})).await.json();
    let document = documents["items"][0]["id"].as_str().unwrap().to_owned();
    let text = |body: &str| json!({ "texts": { "en": { "title": "House rules", "body": body } } });
    let rules = json!({ "kind": "rules", "tenant": "acme", "version": text("Be kind.") });
    let accepted = json!({ "document": "rules", "tenant": "acme", "version": 1, "evidence": "on paper" });
    assert_eq!(server.admin("POST", "/tenants", json!({ "name": "fifth" })).await.status, 201);
    let fifth = "/environments/production/accesses/fifth/payments";
    let applied = |tenant: &str| json!({ "tenant": tenant, "api": "payments", "comment": "for payouts" });
    let signed = json!({ "sha256": "ab".repeat(32), "signed_at": "2020-01-02T00:00:00Z" });
    let ids = Ids::of(&server).await;
    let hook = format!("/environments/production/webhooks/{}", ids.webhook);
    let heard = json!({ "tenant": "acme", "url": "http://127.0.0.1:9/", "events": ["key.expiring"] });
    let moved = json!({ "url": "http://127.0.0.1:10/", "events": ["*"] });
    let apps = "/environments/production/apps";
    let new = json!({ "tenant": "acme", "apis": ["payments"], "client_id": "traced" });
    server.new_app("production", new).await;
    let turned = json!({ "end_others_after": 3_600 });
    assert_eq!(server.admin("POST", &format!("{apps}/traced/secrets"), turned).await.status, 201);
    let keys = "/environments/production/keys";
    let other = server.admin("POST", keys, json!({ "tenant": "acme", "apis": ["assets"] })).await;
    let other = format!("{keys}/{}", other.json()["id"].as_str().unwrap());
    let cases = "/environments/production/cases";
    let asked = json!({ "tenant": "acme", "kind": "other", "text": "A question." });
    let case = server.admin("POST", cases, asked.clone()).await.json();
    let case = format!("{cases}/{}", case["id"].as_str().unwrap());
    let answered = json!({ "state": "done", "text": "An answer." });
    let ended = server.admin("POST", "/operators", json!({ "name": "first" })).await.json()["id"].clone();
    let ended = ended.as_str().unwrap().to_owned();
    let spilled =
        server.new_app("production", json!({ "tenant": "acme", "apis": ["payments"] })).await.secret;
    let resolve = format!("/incidents/{}/resolve", ids.incident);
    let operator = format!("operator:{}", server.contract()["operator"]["email"].as_str().unwrap());
    let steps: Vec<(&str, String, Value, &str)> = vec![
        ("POST", "/environments/production/webhooks".into(), heard, "webhook.create"),
        ("POST", format!("{hook}/deliveries/{}/resend", ids.message), json!({}), "webhook.resend"),
        ("POST", format!("{hook}/test"), json!({}), "webhook.test"),
        ("POST", format!("{hook}/roll"), json!({}), "webhook.roll"),
        ("PUT", hook.clone(), moved, "webhook.change"),
        ("DELETE", hook, json!({}), "webhook.delete"),
        ("DELETE", format!("{user}/grants/{grant}"), json!({}), "grant.end"),
        ("DELETE", format!("{user}/consents/{}", old.id), json!({}), "consent.withdraw"),
        ("PUT", format!("{user}/memberships/acme"), json!({ "roles": ["viewer"] }), "membership.put"),
        ("DELETE", format!("{user}/memberships/acme"), json!({}), "membership.remove"),
        ("PUT", format!("{user}/password"), json!({ "generate_password": true }), "user.password_set"),
        ("POST", format!("{user}/suspend"), json!({}), "user.suspend"),
        ("POST", format!("{user}/resume"), json!({}), "user.resume"),
        (
            "POST",
            "/environments/production/users".into(),
            json!({ "email": "new@people.test" }),
            "user.create",
        ),
        ("POST", "/documents".into(), rules, "document.create"),
        ("POST", format!("/documents/{document}/versions"), text("Be kinder."), "document.publish"),
        ("POST", format!("{user}/acceptances"), accepted, "document.accept"),
        (
            "POST",
            "/tenants/acme/acceptances".into(),
            json!({ "document": "rules", "version": 1 }),
            "document.accept_for_tenant",
        ),
        (
            "POST",
            "/tenants/acme/acceptances".into(),
            json!({ "document": document, "version": 2 }),
            "document.accept_for_tenant",
        ),
        ("PUT", app.into(), json!({ "tenant": "acme", "apis": ["payments"] }), "app.change"),
        ("POST", "/apply".into(), manifest, "manifest.apply"),
        ("POST", "/tenants".into(), json!({ "name": "fourth" }), "tenant.create"),
        ("POST", "/environments/production/tokens/revoke".into(), json!({ "token": token }), "token.revoke"),
        ("POST", format!("{app}/secrets"), json!({}), "app.secret_create"),
        ("POST", format!("{app}/secrets/{version}/end"), json!({}), "app.secret_end"),
        ("POST", format!("{apps}/traced/secrets/2/cancel"), json!({}), "app.secret_cancel"),
        (
            "POST",
            format!("{apps}/traced/secrets/1/schedule-end"),
            json!({ "after": 60 }),
            "app.secret_schedule_end",
        ),
        ("POST", format!("{other}/narrow"), json!({ "quota": "trial" }), "key.narrow"),
        ("POST", format!("{other}/rotate"), json!({ "overlap": 60 }), "key.rotate"),
        ("POST", cases.into(), asked, "case.open"),
        ("POST", format!("{case}/answer"), answered, "case.answer"),
        ("POST", format!("{app}/tokens/end"), json!({}), "app.tokens_end"),
        ("POST", format!("{app}/suspend"), json!({}), "app.suspend"),
        ("POST", format!("{app}/resume"), json!({}), "app.resume"),
        ("POST", format!("{access}/suspend"), json!({}), "access.suspend"),
        ("POST", format!("{access}/resume"), json!({}), "access.resume"),
        (
            "PUT",
            format!("{access}/terms"),
            json!({ "scopes": ["payments:read"], "quota": "high" }),
            "access.terms",
        ),
        ("PUT", format!("{access}/contract"), signed, "access.contract"),
        ("POST", "/environments/production/accesses".into(), applied("fifth"), "access.apply"),
        ("POST", format!("{fifth}/refuse"), json!({ "reason": "No licence" }), "access.refuse"),
        ("POST", "/environments/production/accesses".into(), applied("fifth"), "access.apply"),
        ("POST", format!("{fifth}/approve"), json!({}), "access.approve"),
        ("POST", format!("{fifth}/close"), json!({}), "access.close"),
        ("POST", "/tenants/fifth/close".into(), json!({}), "tenant.close"),
        ("POST", "/incidents".into(), json!({ "value": spilled }), "incident.open"),
        ("POST", resolve, json!({}), "incident.resolve"),
        ("POST", "/tenants/acme/suspend".into(), json!({}), "tenant.suspend"),
        ("POST", "/tenants/acme/resume".into(), json!({}), "tenant.resume"),
        (
            "POST",
            "/environments/production/apps".into(),
            json!({ "tenant": "acme", "apis": ["payments"] }),
            "app.create",
        ),
        (
            "POST",
            "/environments/production/keys".into(),
            json!({ "tenant": "acme", "apis": ["assets"] }),
            "key.create",
        ),
        ("POST", format!("{of_key}/suspend"), json!({}), "key.suspend"),
        ("POST", format!("{of_key}/resume"), json!({}), "key.resume"),
        ("POST", format!("{of_key}/revoke"), json!({ "reason": "leaked" }), "key.revoke"),
        ("POST", "/environments/production/signing-keys/rotate".into(), json!({}), "signing_key.rotate"),
        ("DELETE", app.into(), json!({}), "app.delete"),
        ("POST", "/operators".into(), json!({ "name": "second" }), "operator.create"),
        ("DELETE", format!("/operators/{ended}"), json!({}), "operator.end"),
    ];
    // Every route that writes is among them.
    let writes = routes().iter().filter(|(method, _)| *method != "GET").count();
    assert_eq!(
        steps.len(),
        writes - 2 + 2,
        "all but the inspection of a token and the checkpoint of the audit itself, and two of them twice"
    );
    for (method, path, body, action) in steps {
        let answer = server.admin(method, &path, body).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
        let found = traces(&server, answer.header("x-request-id")).await;
        assert!(!found.is_empty(), "{path} leaves no trace");
        for entry in &found {
            assert_eq!(entry["actor"], operator, "{path}");
            assert_eq!(entry["address"], "127.0.0.1", "{path}");
            assert!(entry["target"].as_str().is_some_and(|target| !target.is_empty()));
        }
        assert!(found.iter().any(|entry| entry["action"] == action), "{path}: {found:?}");
    }
    let secretless = server.admin("GET", "/audit", json!({})).await.text;
    for secret in [&*token, &*spilled, "client_secret", "$argon2", "whsec_", &*person.password] {
        assert!(!secretless.contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_a_read_and_a_refused_write_leave_none() {
    let server = Server::start().await;
    let before = server.admin("GET", "/audit", json!({})).await.text;
    let manifest = json!({ "manifest": { "tenant": [{ "name": "third" }] }, "dry_run": true });
    let shown = server.admin("POST", "/apply", manifest).await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.json()["changes"].as_array().map(Vec::len), Some(1), "{}", shown.text);
    server.admin("POST", "/tenants", json!({ "name": "acme" })).await;
    server.admin("GET", "/tenants", json!({})).await;
    assert_eq!(server.admin("GET", "/audit", json!({})).await.text, before);
    assert_eq!(server.admin("GET", "/tenants/third", json!({})).await.status, 404);
}
