//! The token of an operator that has leaked.

use grantor_testkit::{Server, TEAM};
use serde_json::{Value, json};

use super::{bring, incident, leak_mail};

/// Another operator of a role, and their token.
async fn another(server: &Server, role: &str) -> String {
    let made =
        server.admin("POST", "/operators", json!({ "name": format!("an-{role}"), "role": role })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["token"].as_str().unwrap().to_owned()
}

async fn looks(server: &Server, operator: &str) -> u16 {
    let url = format!("http://{}/admin/v1/tenants", server.address());
    server.send(server.http.get(url).bearer_auth(operator)).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_token_ends_at_once_and_the_team_is_alarmed() {
    let server = Server::start().await;
    let leaked = another(&server, "admin").await;
    assert_eq!(looks(&server, &leaked).await, 200);
    bring(&server, &leaked).await;
    let mail = leak_mail(&server, TEAM).await;
    assert!(mail.text.contains("An operator's token") && !mail.text.contains(&leaked), "{}", mail.text);
    assert_eq!(looks(&server, &leaked).await, 401);
    let seen = incident(&server, "operator:", 1).await;
    assert_eq!((&seen["measures"], &seen["tenant"]), (&json!(["operator_ended"]), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_locked_out_the_only_admin_is_kept_until_there_is_another() {
    let server = Server::start().await;
    another(&server, "support").await;
    let only = server.contract()["operator"]["api_token"].as_str().unwrap().to_owned();
    bring(&server, &only).await;
    let mail = leak_mail(&server, TEAM).await;
    assert!(mail.text.contains("STILL WORKS") && mail.text.contains("another operator"), "{}", mail.text);
    assert_eq!(incident(&server, "operator:", 1).await["measures"], json!(["operator_kept"]));
    assert_eq!(looks(&server, &only).await, 200);

    let second = another(&server, "admin").await;
    bring(&server, &only).await;
    for _ in 0..super::PATIENCE {
        if looks(&server, &only).await == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!((looks(&server, &only).await, looks(&server, &second).await), (401, 200));
}
