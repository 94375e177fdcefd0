//! Security case K04: the table of routes is walked as everybody who is somebody.

use grantor_core::permission::{OperatorRole, member_has};
use grantor_core::user::Role;
use grantor_server::http::admin::table;
use grantor_testkit::Server;
use serde_json::{Value, json};

use super::portal::{BOTH, Portal, ask, member, new_tenant, with};
use super::{Ids, filled};

async fn operator(server: &Server, role: OperatorRole) -> String {
    let name = format!("the-{}", role.as_str());
    let made = server.admin("POST", "/operators", json!({ "name": name, "role": role.as_str() })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn k04_every_operator_gets_as_far_as_the_table_says_and_no_further() {
    let server = Server::start().await;
    let ids = Ids::of(&server).await;
    for role in [OperatorRole::Support, OperatorRole::Auditor] {
        let token = operator(&server, role).await;
        for route in table().routes() {
            let path = filled(route.path, &ids);
            // Nothing that a handler takes: whoever gets to it is told what is wrong with the body.
            let headers = [("if-match", "*")];
            let answer =
                with(&server, &token, (route.method.as_str(), &path), json!({ "no": "member" }), &headers)
                    .await;
            if role.has(route.right) {
                assert_ne!(answer.status, 403, "{role:?} {} {path}: {}", route.method, answer.text);
            } else {
                assert_eq!(answer.status, 403, "{role:?} {} {path}: {}", route.method, answer.text);
                assert_eq!(answer.json()["type"], "urn:grantor:problem:forbidden");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k04_the_right_is_asked_before_the_body_is_looked_at() {
    let server = Server::start().await;
    let ids = Ids::of(&server).await;
    let token = operator(&server, OperatorRole::Auditor).await;
    for route in table().routes().iter().filter(|route| !OperatorRole::Auditor.has(route.right)) {
        let path = filled(route.path, &ids);
        let answer = super::raw(&server, route.method.as_str(), &path, Some(&token), "{\"malformed\":").await;
        assert_eq!(answer.status, 403, "{} {path}: {}", route.method, answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k01_k04_no_member_of_another_tenant_gets_anything_of_acme_by_any_route() {
    let server = Server::start().await;
    let ids = Ids::of(&server).await;
    new_tenant(&server, "other").await;
    let portal = Portal::new(&server).await;
    let before = server.admin("GET", "/audit", json!({})).await.json()["items"][0].clone();
    for (role, name) in [
        (Role::Owner, "owner"),
        (Role::Admin, "admin"),
        (Role::Developer, "developer"),
        (Role::Viewer, "viewer"),
    ] {
        let token = portal.token(&server, &member(&server, "other", &[name]).await, BOTH).await;
        for route in table().routes() {
            let path = filled(route.path, &ids);
            let body = json!({ "tenant": "acme", "apis": ["payments"], "roles": ["viewer"], "reason": "x" });
            for body in [body, json!({})] {
                let sent = (route.method.as_str(), path.as_str());
                let answer = with(&server, &token, sent, body, &[("if-match", "*")]).await;
                if !member_has(&[role], route.right) {
                    assert_eq!(answer.status, 403, "{name} {} {path}: {}", route.method, answer.text);
                    continue;
                }
                // What belongs to nobody in particular, and lists, which show what is their own.
                let mut names = route.path.split('/').filter(|part| part.starts_with('{'));
                let shared = names.all(|name| ["{environment}", "{api}", "{document}"].contains(&name));
                if route.path.contains("/client-ids/") {
                    // Anybody who may make an app asks whether its name is taken, and learns no more than that.
                    assert_eq!(answer.json()["verdict"], "taken", "{name} {path}: {}", answer.text);
                } else if shared && route.method == "GET" {
                    assert_eq!(answer.status, 200, "{name} {} {path}: {}", route.method, answer.text);
                    assert!(!answer.text.contains("acme"), "{name} {path}: {}", answer.text);
                } else {
                    let refused = [400, 403, 404].contains(&answer.status);
                    assert!(refused, "{name} {} {path}: {} {}", route.method, answer.status, answer.text);
                    assert!(!answer.text.contains("Acme"), "{name} {path}: {}", answer.text);
                }
            }
        }
        let of_acme =
            ask(&server, &token, "GET", "/environments/production/apps/acme-payments", Value::Null).await;
        let of_nobody =
            ask(&server, &token, "GET", "/environments/production/apps/nobody", Value::Null).await;
        assert_eq!((of_acme.status, of_nobody.status), (404, 404));
        assert_eq!(of_acme.json()["detail"], of_nobody.json()["detail"], "nobody learns what others have");
    }
    let entries = server.admin("GET", "/audit", json!({})).await.json();
    let since = entries["items"].as_array().unwrap().iter().take_while(|entry| **entry != before);
    let by_members = since.filter(|entry| entry["actor"].as_str().unwrap().starts_with("member:"));
    assert_eq!(by_members.count(), 0, "nothing was changed");
}
