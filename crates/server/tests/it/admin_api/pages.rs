//! Security case K07: pages of lists, and cursors that are good for one question alone.

use std::collections::BTreeSet;

use grantor_testkit::Server;
use serde_json::{Value, json};

use super::portal::{BOTH, Portal, ask, member, new_tenant};

const APPS: &str = "/environments/production/apps";

async fn page(server: &Server, path: &str) -> (Vec<String>, Option<String>) {
    let answer = server.admin("GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    let body = answer.json();
    let name = |item: &Value| {
        let names = ["client_id", "id", "name", "tenant"];
        names.iter().find_map(|name| item[*name].as_str()).unwrap_or_default().to_owned()
    };
    let items = body["items"].as_array().unwrap().iter().map(name).collect();
    (items, body["next"].as_str().map(str::to_owned))
}

async fn all(server: &Server, path: &str, limit: usize) -> Vec<String> {
    let (mut seen, mut query) = (Vec::new(), format!("limit={limit}"));
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let (items, next) = page(server, &format!("{path}{separator}{query}")).await;
        assert!(items.len() <= limit, "{path}");
        assert!(next.is_none() || items.len() == limit, "{path}: a page with a next one is full");
        seen.extend(items);
        match next {
            Some(next) => query = format!("limit={limit}&cursor={next}"),
            None => return seen,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_the_same_in_pages_of_one_and_in_one_page() {
    let server = Server::start().await;
    new_tenant(&server, "other").await;
    member(&server, "acme", &["viewer"]).await;
    for tenant in ["acme", "other"] {
        for n in 0..3 {
            let body =
                json!({ "tenant": tenant, "client_id": format!("{tenant}-{n}"), "apis": ["payments"] });
            server.new_app("production", body).await;
            let key = json!({ "tenant": tenant, "apis": ["assets"] });
            let made = server.admin("POST", "/environments/production/keys", key).await;
            assert_eq!(made.status, 201, "{}", made.text);
        }
    }
    for path in [
        "/tenants",
        "/environments",
        "/profiles",
        "/documents",
        "/operators",
        "/environments/production/apis",
        "/environments/production/accesses",
        "/environments/production/accesses?tenant=other",
        APPS,
        "/environments/production/apps?tenant=other",
        "/environments/production/keys",
        "/environments/production/keys?tenant=acme",
        "/environments/production/users",
        "/environments/production/users?tenant=acme",
    ] {
        let (whole, one_by_one) = (all(&server, path, 200).await, all(&server, path, 1).await);
        assert!(!whole.is_empty(), "{path}");
        assert_eq!(whole, one_by_one, "{path}");
    }
    let apps = all(&server, "/environments/production/apps?tenant=other", 2).await;
    assert_eq!(apps, ["other-0", "other-1", "other-2"]);
    let members = all(&server, "/environments/production/users?tenant=acme", 1).await;
    assert_eq!(members.len(), 2, "{members:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn k07_a_cursor_is_refused_for_another_list_tenant_or_filter_and_when_it_is_changed() {
    let server = Server::start().await;
    new_tenant(&server, "other").await;
    let (_, next) = page(&server, &format!("{APPS}?limit=1")).await;
    let cursor = next.unwrap();
    let status = async |path: String| server.admin("GET", &path, Value::Null).await.status;
    assert_eq!(status(format!("{APPS}?limit=1&cursor={cursor}")).await, 200);
    for other in [
        format!("/environments/sandbox/apps?cursor={cursor}"),
        format!("/environments/production/users?cursor={cursor}"),
        format!("/tenants?cursor={cursor}"),
        format!("{APPS}?tenant=acme&cursor={cursor}"),
        format!("{APPS}?cursor={}", "A".repeat(cursor.len())),
        format!("{APPS}?cursor=acme-payments"),
        format!("{APPS}?cursor=%27%20OR%201%3D1%20--"),
        format!("{APPS}?cursor="),
        format!("{APPS}?after=a"),
        format!("{APPS}?limit=0"),
        format!("{APPS}?limit=201"),
        format!("{APPS}?limit=-1"),
        format!("{APPS}?sort=secret"),
    ] {
        assert_eq!(status(other.clone()).await, 400, "{other}");
    }
    for at in 0..cursor.len() {
        let mut changed = cursor.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        // The last character may hold bits that mean nothing; then it is no base64url of ours.
        assert_eq!(status(format!("{APPS}?limit=1&cursor={changed}")).await, 400, "character {at}");
    }
    // An operator's cursor is none of a member's, who asks the same with another answer.
    let portal = Portal::new(&server).await;
    let token = portal.token(&server, &member(&server, "acme", &["owner"]).await, BOTH).await;
    let path = format!("{APPS}?cursor={cursor}");
    assert_eq!(ask(&server, &token, "GET", &path, Value::Null).await.status, 400);
    let own = ask(&server, &token, "GET", APPS, Value::Null).await.json();
    let tenants: BTreeSet<&str> =
        own["items"].as_array().unwrap().iter().map(|app| app["tenant"].as_str().unwrap()).collect();
    assert_eq!(tenants, BTreeSet::from(["acme"]));
    let asked = ask(&server, &token, "GET", &format!("{APPS}?tenant=other"), Value::Null).await;
    assert_eq!(asked.status, 404, "{}", asked.text);
}
