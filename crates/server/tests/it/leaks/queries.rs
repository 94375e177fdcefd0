//! Credentials in query strings: only a genuine one causes anything, at every endpoint that sees it.

use grantor_testkit::Server;
use serde_json::json;

use super::{app, incident, incidents, is_active, token, works};

#[tokio::test(flavor = "multi_thread")]
async fn s004_20_a_token_in_a_query_ends_wherever_it_is_seen() {
    let server = Server::start().await;
    let issuer = server.issuer("production");
    for (number, place) in
        ["userinfo", "forward-auth", "authorize", "introspect", "revoke", "token"].iter().enumerate()
    {
        let client = app(&server).await;
        let leaked = token(&server, &client).await;
        let url = match *place {
            "token" => server.token_endpoint("production", "payments"),
            "forward-auth" => format!("{issuer}/forward-auth/payments"),
            _ => format!("{issuer}/{place}"),
        };
        let ask = async |token: &str| {
            let url = format!("{url}?access_token={token}");
            match *place {
                "introspect" | "revoke" | "token" => server.post(&url, None, "a=b").await,
                _ => server.get(&url, None).await,
            }
        };
        // Another signature: nobody ends a stranger's token by its claims.
        let cut = &leaked[..leaked.len() - 8];
        for wrong in [format!("{cut}AAAAAAAA"), "junk".to_owned(), String::new()] {
            assert!([400, 401].contains(&ask(&wrong).await.status), "{place}");
        }
        assert!(is_active(&server, "payments", &leaked).await, "{place}");
        assert_eq!(incidents(&server).await.len(), number);
        let refused = ask(&leaked).await;
        assert!([400, 401].contains(&refused.status) && !refused.text.contains(&leaked), "{place}");
        assert!(!is_active(&server, "payments", &leaked).await, "{place}: before the answer");
        let all = incidents(&server).await;
        let seen = all.iter().find(|seen| seen["client_id"] == client.id.as_str()).expect("an incident");
        assert_eq!((&seen["source"], &seen["kind"]), (&json!("query"), &json!("access_token")), "{place}");
        assert!(works(&server, &client).await, "its secret was not seen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_or_refresh_token_in_a_query_is_seen_too() {
    let server = Server::start().await;
    let issuer = server.issuer("production");
    let key = server.key("production", "assets");
    let refused = server.get(&format!("{issuer}/forward-auth/assets?access_token={key}"), None).await;
    assert_eq!(refused.status, 401);
    assert_eq!(incident(&server, "key:", 1).await["measures"], json!(["key_revoked"]));
    let user = server.user_token("production", "payments").await;
    let url = format!(
        "{}?grant_type=refresh_token&refresh_token={}",
        server.token_endpoint("production", "payments"),
        user.refresh
    );
    assert_eq!(server.post(&url, None, "").await.status, 400);
    assert_eq!(incident(&server, "refresh_token:", 1).await["measures"], json!(["grant_ended"]));
    assert_eq!(server.refresh("production", "payments", &user.refresh).await.error(), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_suspended_app_in_a_query_is_seen_before_a_resume_revives_it() {
    let server = Server::start().await;
    let client = app(&server).await;
    let path = format!("/environments/production/apps/{}", client.id);
    assert_eq!(server.admin("POST", &format!("{path}/suspend"), json!({})).await.status, 200);
    let url = server.token_endpoint("production", "payments");
    let query = format!("{url}?client_id={}&client_secret={}", client.id, client.secret);
    assert_eq!(server.post(&query, None, "grant_type=client_credentials").await.status, 400);
    incident(&server, "secret:", 1).await;
    assert_eq!(server.admin("POST", &format!("{path}/resume"), json!({})).await.status, 200);
    assert!(!works(&server, &client).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_no_form_would_be_leaks_all_the_same() {
    let server = Server::start().await;
    let client = app(&server).await;
    let leaked = token(&server, &client).await;
    let url =
        format!("{}/forward-auth/payments?a=1&a=2&%zz&access_token={leaked}", server.issuer("production"));
    assert_eq!(server.get(&url, None).await.status, 401);
    assert!(!is_active(&server, "payments", &leaked).await);
}
