//! API keys and tenants.

use grantor_testkit::Server;

use super::{done, grantor, refused};

async fn opens(server: &Server, key: &str) -> u16 {
    server.call("production", "assets", Some(key), "GET", "/assets").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_listed_suspended_and_revoked_with_a_reason() {
    let server = Server::start().await;
    let made = done(&server, "key create --tenant acme --api assets --name nightly --lifetime 90d");
    let rows = made.rows();
    assert_eq!((rows.len(), rows[0].len()), (1, 3), "id, key, expiry");
    let (id, key) = (rows[0][0], rows[0][1]);
    assert!(made.err.contains("not shown again"), "{}", made.err);
    assert_eq!(opens(&server, key).await, 200);
    let listed = done(&server, "key list --tenant acme");
    let rows = listed.rows();
    let mine = rows.iter().find(|row| row[0] == id).expect("it is listed");
    assert_eq!(mine[1..4], ["acme", "nightly", "active"]);
    assert!(!listed.out.contains(key), "a key is shown once");
    done(&server, &format!("key suspend {id}"));
    assert_eq!(opens(&server, key).await, 401);
    done(&server, &format!("key resume {id}"));
    assert_eq!(opens(&server, key).await, 200);
    let without = grantor(&server, &format!("key revoke {id}"));
    assert_eq!(without.code, 2, "a reason is required");
    assert_eq!(opens(&server, key).await, 200, "wrong usage does nothing");
    done(&server, &format!("key revoke {id} --reason found-in-a-repository"));
    assert_eq!(opens(&server, key).await, 401);
    let listed = done(&server, "--json key list").json();
    let items = listed["items"].as_array().expect("items").clone();
    let mine = items.iter().find(|item| item["id"] == id).expect("it is listed");
    assert_eq!(
        (&mine["status"], &mine["revoked_reason"]),
        (&"revoked".into(), &"found-in-a-repository".into())
    );
    assert_eq!(grantor(&server, &format!("key resume {id}")).code, 1, "revoked is final");
    assert_eq!(opens(&server, key).await, 401);
    for line in ["key revoke key_0190 --reason x", "key suspend nothing"] {
        assert!(refused(&server, line).contains("no such key"), "{line}");
    }
    let foreign = refused(&server, "key create --tenant acme --api payments");
    assert!(foreign.contains("HTTP 403"), "an API without keys: {foreign}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_made_listed_suspended_everywhere_and_resumed() {
    let server = Server::start().await;
    let guid = "0b2f9a52-6f0e-4a6e-9d0a-1c2d3e4f5a6b";
    let made = done(&server, &format!("tenant create newcomer --title Newcomer --id {guid}"));
    assert_eq!(made.rows(), [vec!["newcomer", guid, "Newcomer", "active", "0"]]);
    let listed = done(&server, "tenant list");
    let names: Vec<_> = listed.rows().iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(names, ["acme", "newcomer", "provider"]);
    assert!(refused(&server, "tenant create newcomer").contains("taken"));
    let tokens = [server.token("production", "payments").await, server.token("sandbox", "payments").await];
    let call = async |environment: &str, token: &str| {
        server.call(environment, "payments", Some(token), "GET", "/transfers").await.status
    };
    assert!(done(&server, "tenant suspend acme").err.contains("in all environments"));
    assert_eq!((call("production", &tokens[0]).await, call("sandbox", &tokens[1]).await), (401, 401));
    assert_eq!(opens(&server, &server.key("production", "assets")).await, 401);
    let client = server.client("production", "payments");
    assert_eq!(server.request_token("production", "payments", &client).await.status, 401);
    done(&server, "tenant resume acme");
    assert_eq!(call("production", &tokens[0]).await, 401, "a token from before stays dead");
    let fresh = server.token("production", "payments").await;
    assert_eq!(call("production", &fresh).await, 200);
    assert!(refused(&server, "tenant suspend nobody").contains("no such tenant"));
}
