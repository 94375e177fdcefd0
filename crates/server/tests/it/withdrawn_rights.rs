//! What is taken away is taken from living credentials, too; and other ways in that were found shut.

use grantor_testkit::{Server, basic};
use serde_json::{Value, json};

const NARROWED: &str = r#"
[[access]]
tenant = "acme"
apis = ["payments"]
environments = ["production"]
quota = "unlimited"
scopes = ["payments:read"]
"#;

#[tokio::test]
async fn a_scope_taken_from_the_access_is_taken_from_tokens_that_live() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    assert_eq!(server.call("production", "payments", Some(&token), "POST", "/transfers").await.status, 201);
    assert_eq!(server.apply(NARROWED).await.status, 200);
    assert_eq!(server.introspect("production", "payments", &token).await.json()["scope"], "payments:read");
    assert_eq!(server.call("production", "payments", Some(&token), "POST", "/transfers").await.status, 403);
    assert_eq!(
        server.forward_auth("production", "payments", Some(&token), "POST", "/transfers").await.status,
        403
    );
    assert_eq!(server.call("production", "payments", Some(&token), "GET", "/transfers").await.status, 200);
}

#[tokio::test]
async fn f05_an_app_without_secret_cannot_become_one_that_introspects() {
    let server = Server::start().await;
    let body = json!({ "tenant": "provider", "introspects": ["payments"], "auth_method": "none", "client_id": "nobody" });
    let refused = server.admin("POST", "/environments/production/apps", body).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
}

#[tokio::test]
async fn d14_failures_in_the_name_of_an_app_do_not_shut_it_out() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    let good = basic(&client.id, &client.secret);
    let bad = basic(&client.id, "grt_sk_live_wrong");
    let from = |address: &'static str, authorization: &str| {
        let form = server.http.post(&url).header("content-type", "application/x-www-form-urlencoded");
        form.header("x-forwarded-for", address)
            .header("authorization", authorization.to_owned())
            .body("grant_type=client_credentials")
    };
    assert_eq!(server.send(from("198.51.100.7", &good)).await.status, 200);
    let mut throttled = 0;
    for _ in 0..60 {
        throttled += usize::from(server.send(from("203.0.113.66", &bad)).await.status == 429);
    }
    assert!(throttled > 20, "the guesser is throttled: {throttled}");
    for _ in 0..30 {
        assert_eq!(server.send(from("198.51.100.7", &good)).await.status, 200, "the app at home is not");
    }
}

#[tokio::test]
async fn k13_failures_of_an_app_named_admin_do_not_shut_the_operators_out() {
    let server = Server::start().await;
    let url = server.token_endpoint("production", "payments");
    for name in ["admin", "operator"] {
        for _ in 0..60 {
            server
                .post(&url, None, &format!("grant_type=client_credentials&client_id={name}&client_secret=x"))
                .await;
        }
    }
    // The same address as the guesser's: its own reserve is spent, the operators' proof stands.
    for _ in 0..20 {
        assert_eq!(server.admin("GET", "/tenants", Value::Null).await.status, 200);
    }
}

#[tokio::test]
async fn an_environment_whose_scopes_could_not_be_spelled_is_refused_before_anything_is_stored() {
    let server = Server::start().await;
    let prefix = "x".repeat(126);
    let manifest = format!(
        "[[environment]]\nname = \"production\"\nissuer = \"{}\"\nstage = \"live\"\nscope_prefix = \"{prefix}\"\n",
        server.issuer("production")
    );
    let refused = server.apply(&manifest).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(server.apply(NARROWED).await.status, 200, "and the next manifest is taken");
}

#[tokio::test]
async fn n02_a_public_key_written_into_the_database_verifies_nothing() {
    let mut server = Server::start().await;
    let token = server.token("production", "payments").await;
    server.stop().await;
    let door = server.door().await;
    let foreign = grantor_jose::SigningKey::from_pkcs8(
        grantor_jose::Algorithm::Es256,
        grantor_jose::SigningKey::generate(grantor_jose::Algorithm::Es256).unwrap().as_bytes(),
    )
    .unwrap();
    let jwk = serde_json::to_string(foreign.public_jwk()).unwrap();
    assert!(!jwk.contains('\''), "it stands in a literal");
    door.run(&format!("UPDATE key_ring SET public = '{jwk}' WHERE usage = 'sign'")).await;
    let planted = "SELECT count(*) FROM key_ring WHERE usage = 'sign' AND public LIKE '%";
    assert!(door.number(&format!("{planted}{}%'", foreign.kid())).await > 0);
    drop(door);
    let server = server.restart().await;
    let issuer = server.issuer("production");
    let published = server.get(&format!("{issuer}/jwks"), None).await.text;
    assert!(!published.contains(foreign.kid()), "the planted key is not published");
    let _ = token;
}

#[tokio::test]
async fn a_revoked_token_that_is_revoked_again_writes_nothing() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let token = server.token("production", "payments").await;
    let revoke = format!("{}/revoke", server.issuer("production"));
    for _ in 0..5 {
        let answer =
            server.post(&revoke, Some(&basic(&client.id, &client.secret)), &format!("token={token}")).await;
        assert_eq!(answer.status, 200);
    }
    let audit = server.admin("GET", "/audit", Value::Null).await.json();
    let entries =
        audit["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == "token.revoke").count();
    assert_eq!(entries, 1);
}

#[tokio::test]
async fn n03_time_goes_on_after_the_wall_clock_was_set_back() {
    let server = Server::start().await;
    server.clock().step_wall(86_400);
    let token = server.token("production", "banking").await;
    server.clock().step_wall(-86_400);
    assert_eq!(server.introspect("production", "banking", &token).await.json()["active"], true);
    server.clock().pass(3_601);
    assert_eq!(
        server.introspect("production", "banking", &token).await.text,
        "{\"active\":false}",
        "an hour is an hour"
    );
}
