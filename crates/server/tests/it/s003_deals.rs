//! What the page behind the profile `deals` states (S003), as far as it is about apps that act for themselves.

use grantor_testkit::{Answer, Client, Server, basic};
use serde_json::json;

use crate::s000_payments::{BOTH, form};

const GRANT: &str = "grant_type=client_credentials";

/// The operations that an app may call, the scope that each needs, and the answer where it is there.
const OPERATIONS: [(&str, &str, &str, u16); 3] = [
    ("GET", "/deals", "deals:read", 200),
    ("POST", "/deals", "deals:create", 201),
    ("POST", "/deals/1/signature", "deals:sign", 201),
];

#[tokio::test(flavor = "multi_thread")]
async fn s003_01_an_application_is_authorised_before_it_gets_any_access() {
    let server = Server::start().await;
    let made = server.admin("POST", "/tenants", json!({ "name": "stranger" })).await;
    assert_eq!(made.status, 201);
    for environment in BOTH {
        let path = format!("/environments/{environment}/apps");
        let app = json!({ "tenant": "stranger", "apis": ["deals"] });
        assert_eq!(server.admin("POST", &path, app.clone()).await.status, 403, "no access, no app");
        let opened = server
            .apply(&format!(
                "[[access]]\ntenant = \"stranger\"\napis = [\"deals\"]\nenvironments = [\"{environment}\"]\nscopes = [\"deals:read\"]\n"
            ))
            .await;
        assert_eq!(opened.status, 200, "{}", opened.text);
        let client = server.new_app(environment, app).await;
        let token = granted(&server, environment, &client, GRANT).await;
        assert_eq!(
            Server::claims(&token)["scope"],
            "deals:read",
            "the permissions that were granted, no others"
        );
        let beyond = ask(&server, environment, &client, &format!("{GRANT}&scope=deals:sign")).await;
        assert_eq!((beyond.status, beyond.error().as_str()), (400, "invalid_scope"));
        assert_eq!(deals(&server, environment, &token, ("GET", "/deals")).await.status, 200);

        let access = format!("/environments/{environment}/accesses/stranger/deals");
        let closed = server.admin("POST", &format!("{access}/suspend"), json!({})).await;
        assert_eq!(closed.status, 200);
        let refused = ask(&server, environment, &client, GRANT).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "access_denied"));
        assert_eq!(deals(&server, environment, &token, ("GET", "/deals")).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_05_each_operation_is_opened_by_its_scope_and_by_no_other() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "deals");
        let held = [
            vec!["deals:read"],
            vec!["deals:create"],
            vec!["deals:sign"],
            vec!["deals:update"],
            vec!["deals:read", "deals:sign"],
        ];
        for scopes in held {
            let body = format!("{GRANT}&scope={}", scopes.join("+"));
            let token = granted(&server, environment, &client, &body).await;
            for (method, path, needed, status) in OPERATIONS {
                let answer = deals(&server, environment, &token, (method, path)).await;
                let asked = server.forward_auth(environment, "deals", Some(&token), method, path).await;
                if scopes.contains(&needed) {
                    assert_eq!((answer.status, asked.status), (status, 200), "{method} {path}");
                    continue;
                }
                assert_eq!((answer.status, asked.status), (403, 403), "{method} {path} with {scopes:?}");
                assert_eq!(answer.error(), "insufficient_scope");
                assert!(answer.header("www-authenticate").contains(&format!("scope=\"{needed}\"")));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_07_client_credentials_travel_in_the_basic_header_only() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "deals");
        assert_eq!(ask(&server, environment, &client, GRANT).await.status, 200);
        let wrong = Client { secret: "wrong".to_owned(), ..client.clone() };
        let refused = ask(&server, environment, &wrong, GRANT).await;
        assert_eq!((refused.status, refused.error().as_str()), (401, "invalid_client"));
        let url = server.token_endpoint(environment, "deals");
        let in_body = server.post(&url, None, &form(&client, GRANT)).await;
        assert_eq!((in_body.status, in_body.error().as_str()), (401, "invalid_client"));
        let both = server.post(&url, Some(&basic(&client.id, &client.secret)), &form(&client, GRANT)).await;
        assert_eq!((both.status, both.error().as_str()), (400, "invalid_request"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_11_client_credentials_need_a_secret_and_give_no_user_and_no_refresh() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "deals");
        let url = server.token_endpoint(environment, "deals");
        let body = ask(&server, environment, &client, GRANT).await.json();
        assert!(body["access_token"].is_string());
        assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none());
        let claims = Server::claims(body["access_token"].as_str().unwrap());
        assert_eq!(claims["sub"], claims["client_id"], "the app is authorised, not a user");

        let without = server.post(&url, None, &format!("{GRANT}&client_id={}", client.id)).await;
        assert_eq!((without.status, without.error().as_str()), (401, "invalid_client"));
        let empty = server.post(&url, Some(&basic(&client.id, "")), GRANT).await;
        assert_eq!((empty.status, empty.error().as_str()), (401, "invalid_client"));
        let public = json!({ "tenant": "acme", "apis": ["deals"], "auth_method": "none", "grants": ["client_credentials"] });
        let path = format!("/environments/{environment}/apps");
        assert_eq!(server.admin("POST", &path, public).await.status, 422, "no public app for this grant");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_12_a_client_token_is_refused_where_user_information_is_asked_for() {
    let server = Server::start().await;
    for environment in BOTH {
        for api in ["deals", "payments", "assets"] {
            let token = server.token(environment, api).await;
            let answer = server.call(environment, api, Some(&token), "GET", "/me").await;
            assert_eq!(answer.status, 403, "{environment} {api}");
            assert_eq!(
                answer.json(),
                json!({ "error": "insufficient_scope", "reason": "credential_kind", "accepts": ["user"], "sent": "client" })
            );
            let asked = server.forward_auth(environment, api, Some(&token), "GET", "/me").await;
            assert_eq!(asked.status, 403, "{environment} {api}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_names_only_the_grants_that_are_on_and_others_are_refused() {
    let server = Server::start().await;
    for environment in BOTH {
        let issuer = server.issuer(environment);
        let document = server.get(&format!("{issuer}/.well-known/openid-configuration"), None).await;
        assert_eq!(document.status, 200);
        // The union of the environment's APIs; the truth per API stands in its flow table.
        let named = document.json()["grant_types_supported"].clone();
        assert_eq!(named, json!(["authorization_code", "client_credentials", "password", "refresh_token"]));
        let client = server.client(environment, "deals");
        for grant in [
            "authorization_code&code=x&redirect_uri=https://a.example/",
            "refresh_token&refresh_token=x",
            "password&username=u&password=p",
            "implicit",
            "urn:ietf:params:oauth:grant-type:device_code",
            "CLIENT_CREDENTIALS",
        ] {
            let refused = ask(&server, environment, &client, &format!("grant_type={grant}")).await;
            assert_eq!(
                (refused.status, refused.error().as_str()),
                (400, "unsupported_grant_type"),
                "{grant}"
            );
        }
        let grantless = json!({ "tenant": "acme", "apis": ["deals"], "grants": [] });
        let grantless = server.new_app(environment, grantless).await;
        let refused = ask(&server, environment, &grantless, GRANT).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "unauthorized_client"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_whose_profile_has_client_credentials_off_refuses_them() {
    let server = Server::start().await;
    let manifest = r#"
[[profile]]
name = "users-only"
token_paths = ["/users/token"]
client_auth = ["client_secret_basic"]
token_format = "jwt"
grants = ["authorization_code"]

[[api]]
name = "people"
environments = ["production"]
profile = "users-only"
audience = "https://people.example"
scope = [{ name = "people:read", description = "See people" }]

[[access]]
tenant = "acme"
apis = ["people"]
environments = ["production"]
"#;
    let applied = server.apply(manifest).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let path = "/environments/production/apps";
    let with_grant = json!({ "tenant": "acme", "apis": ["people"], "grants": ["client_credentials"] });
    assert_eq!(server.admin("POST", path, with_grant).await.status, 422);
    // An app that has the grant by another API does not have it here.
    let app = json!({ "tenant": "acme", "apis": ["people", "deals"], "grants": ["client_credentials"] });
    let client = server.new_app("production", app).await;
    let refused =
        ask(&server, "production", &client, &format!("{GRANT}&resource=https://people.example")).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "unsupported_grant_type"));
    let granted = ask(&server, "production", &client, &format!("{GRANT}&scope=deals:read")).await;
    assert_eq!(granted.status, 200);
}

async fn ask(server: &Server, environment: &str, client: &Client, body: &str) -> Answer {
    let url = server.token_endpoint(environment, "deals");
    server.post(&url, Some(&basic(&client.id, &client.secret)), body).await
}

async fn granted(server: &Server, environment: &str, client: &Client, body: &str) -> String {
    let answer = ask(server, environment, client, body).await;
    assert_eq!(answer.status, 200, "{body}");
    answer.json()["access_token"].as_str().expect("an access token").to_owned()
}

async fn deals(server: &Server, environment: &str, token: &str, (method, path): (&str, &str)) -> Answer {
    server.call(environment, "deals", Some(token), method, path).await
}
