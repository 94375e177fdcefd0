//! What the page behind the profile `assets` states (S002), as far as it is about keys and client tokens.

use grantor_jose::{Algorithm, SigningKey, Type};
use grantor_testkit::{Answer, Server};
use serde_json::{Value, json};

use crate::s000_payments::{BOTH, form};

const GRANT: &str = "grant_type=client_credentials";

#[tokio::test(flavor = "multi_thread")]
async fn s002_06_the_openapi_document_says_per_operation_which_kind_it_takes() {
    let server = Server::start().await;
    for environment in BOTH {
        let base = server.api(environment, "assets")["base_url"].as_str().unwrap();
        let document = server.get(&format!("{base}/openapi.json"), None).await;
        assert_eq!(document.status, 200, "the document is for everybody");
        let document = document.json();
        let (token, key) = (server.token(environment, "assets").await, server.key(environment, "assets"));
        let mut judged = Vec::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let accepts = operation["x-grantor-credential"].as_array().expect("every operation says it");
                for (kind, credential) in [("client", &token), ("api_key", &key)] {
                    let takes = accepts.contains(&json!(kind));
                    let method = method.to_uppercase();
                    let answer = server.call(environment, "assets", Some(credential), &method, path).await;
                    assert_eq!(answer.status, if takes { 200 } else { 403 }, "{path} with {kind}");
                    judged.push(takes);
                }
            }
        }
        judged.sort();
        judged.dedup();
        assert_eq!(judged, [false, true], "the document draws a difference, and it is enforced");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_07_an_api_key_is_valid_for_365_days_from_issue() {
    let server = Server::start().await;
    for environment in BOTH {
        let path = format!("/environments/{environment}/keys");
        let made = server.admin("POST", &path, json!({ "tenant": "acme", "apis": ["assets"] })).await;
        assert_eq!(made.status, 201);
        let time = |name: &str| -> jiff::Timestamp { made.json()[name].as_str().unwrap().parse().unwrap() };
        assert_eq!(time("expires_at").as_second() - time("created_at").as_second(), 365 * 86_400);
        let key = made.json()["key"].as_str().unwrap().to_owned();
        let year = 365 * 86_400;
        server.clock().pass(year - 60);
        assert_eq!(assets(&server, environment, &key).await.status, 200);
        server.clock().pass(60);
        refused_everywhere(&server, environment, &key).await;
        let longer = json!({ "tenant": "acme", "apis": ["assets"], "lifetime": year + 1 });
        assert_eq!(server.admin("POST", &path, longer).await.status, 422);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_11_the_operator_invalidates_a_key_with_a_reason() {
    let server = Server::start().await;
    for environment in BOTH {
        let key = server.key(environment, "assets");
        let id = server.api(environment, "assets")["api_keys"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/environments/{environment}/keys/{id}");
        assert_eq!(assets(&server, environment, &key).await.status, 200);
        for body in [json!({}), json!({ "reason": " " })] {
            assert_eq!(server.admin("POST", &format!("{path}/revoke"), body).await.status, 400);
        }
        assert_eq!(assets(&server, environment, &key).await.status, 200, "without a reason nothing happens");
        let reason = "the tenant asked for it: laptop lost";
        let revoked = server.admin("POST", &format!("{path}/revoke"), json!({ "reason": reason })).await;
        assert_eq!(revoked.status, 200);
        assert_eq!(assets(&server, environment, &key).await.status, 401, "on the next request");
        let answer = server.introspect(environment, "assets", &key).await;
        assert_eq!(answer.json(), json!({ "active": false }));
        let shown = server.admin("GET", &path, Value::Null).await.json();
        assert_eq!((&shown["status"], &shown["revoked_reason"]), (&json!("revoked"), &json!(reason)));
        let resumed = server.admin("POST", &format!("{path}/resume"), json!({})).await;
        assert_eq!(resumed.status, 409, "revoked is for good");
        assert_eq!(assets(&server, environment, &key).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_20_a_token_without_the_scope_is_403_insufficient_scope() {
    let server = Server::start().await;
    for (environment, scope) in [("production", "prod.teosapi"), ("sandbox", "test.teosapi")] {
        let token = server.token(environment, "assets").await;
        assert_eq!(assets(&server, environment, &token).await.status, 200);
        let mut claims = Server::claims(&token);
        assert_eq!(claims["scope"], scope);
        // The server never leaves the scope out, so the token is made with the server's own key.
        for weaker in [None, Some("something.else"), Some(&scope[1..])] {
            match weaker {
                Some(weaker) => claims["scope"] = weaker.into(),
                None => {
                    claims.as_object_mut().unwrap().remove("scope");
                }
            }
            let weak = signed_by_the_server(&server, environment, &claims);
            let answer = assets(&server, environment, &weak).await;
            assert_eq!((answer.status, answer.error().as_str()), (403, "insufficient_scope"));
            assert!(answer.header("www-authenticate").contains(&format!("scope=\"{scope}\"")));
            let asked = server.forward_auth(environment, "assets", Some(&weak), "GET", "/assets").await;
            assert_eq!(asked.status, 403);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_21_the_claim_tid_is_the_tenant_s_guid() {
    let server = Server::start().await;
    let tenant = server.admin("GET", "/tenants/acme", Value::Null).await.json();
    let guid = tenant["id"].as_str().unwrap();
    let groups: Vec<usize> = guid.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    for environment in BOTH {
        let token = server.token(environment, "assets").await;
        assert_eq!(Server::claims(&token)["tid"], guid);
        for credential in [token, server.key(environment, "assets")] {
            let told = server.introspect(environment, "assets", &credential).await.json();
            assert_eq!((&told["active"], &told["tid"]), (&json!(true), &json!(guid)));
            let asked = server.forward_auth(environment, "assets", Some(&credential), "GET", "/assets").await;
            assert_eq!((asked.status, asked.header("x-grantor-org")), (200, guid));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_21_a_missing_or_foreign_tid_is_refused_even_under_the_server_s_own_signature() {
    let server = Server::start().await;
    // A tenant that may use the API as well: nothing but the claim is wrong.
    let other = server.admin("POST", "/tenants", json!({ "name": "neighbour" })).await.json()["id"].clone();
    let access = "[[access]]\ntenant = \"neighbour\"\napis = [\"assets\"]\nenvironments = [\"production\", \"sandbox\"]\n";
    assert_eq!(server.apply(access).await.status, 200);
    for environment in BOTH {
        let mut claims = Server::claims(&server.token(environment, "assets").await);
        claims["jti"] = "made-by-the-test".into();
        let control = signed_by_the_server(&server, environment, &claims);
        assert_eq!(
            assets(&server, environment, &control).await.status,
            200,
            "the test signs as the server does"
        );
        let nobody = json!("00000000-0000-4000-8000-000000000000");
        for tid in [other.clone(), nobody, json!("acme"), json!(""), Value::Null] {
            let mut changed = claims.clone();
            changed["tid"] = tid.clone();
            let token = signed_by_the_server(&server, environment, &changed);
            refused_everywhere(&server, environment, &token).await;
        }
        let mut missing = claims.clone();
        missing.as_object_mut().unwrap().remove("tid");
        refused_everywhere(&server, environment, &signed_by_the_server(&server, environment, &missing)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_21_a_token_signed_by_a_foreign_key_is_401() {
    let server = Server::start().await;
    let foreign = SigningKey::generate(Algorithm::Es256).unwrap();
    let foreign = SigningKey::from_pkcs8(Algorithm::Es256, foreign.as_bytes()).unwrap();
    for environment in BOTH {
        let mut claims = Server::claims(&server.token(environment, "assets").await);
        for tid in [claims["tid"].clone(), json!("6f1c2f7e-2f0b-4a52-9d3e-0a8a3f4b5c6d")] {
            claims["tid"] = tid;
            let token = foreign.sign(Type::AccessToken, claims.to_string().as_bytes()).unwrap();
            refused_everywhere(&server, environment, &token).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_22_scope_and_tid_are_the_server_s_and_no_parameter_alters_them() {
    let server = Server::start().await;
    let other =
        server.admin("GET", "/tenants/provider", Value::Null).await.json()["id"].as_str().unwrap().to_owned();
    for (environment, scope) in [("production", "prod.teosapi"), ("sandbox", "test.teosapi")] {
        let client = server.client(environment, "assets");
        let url = server.token_endpoint(environment, "assets");
        let own = Server::claims(&server.token(environment, "assets").await)["tid"].clone();
        for attempt in [
            String::new(),
            format!("&tid={other}"),
            format!("&tenant={other}&tenant_id={other}"),
            format!("&claims=%7B%22tid%22%3A%22{other}%22%7D&scp=admin&sub=admin"),
        ] {
            let answer = server.post(&url, None, &form(&client, &format!("{GRANT}{attempt}"))).await;
            assert_eq!(answer.status, 200, "unknown parameters are ignored");
            let claims = Server::claims(answer.json()["access_token"].as_str().unwrap());
            assert_eq!((&claims["tid"], &claims["scope"]), (&own, &json!(scope)));
            assert_eq!(claims["sub"], client.id.as_str());
        }
        for trick in [
            format!("&scope=tid:{other}"),
            format!("&scope={scope}%20admin"),
            format!("&tid={other}&tid={other}"),
        ] {
            let answer = server.post(&url, None, &form(&client, &format!("{GRANT}{trick}"))).await;
            assert_eq!(answer.status, 400, "{trick}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_22_the_server_adds_its_scope_where_another_was_asked_for_and_says_so() {
    let server = Server::start().await;
    let manifest = r#"
[[api]]
name = "vault"
environments = ["production"]
profile = "assets"
audience = "https://vault.example"
scope = [{ name = "vault:open", description = "Open" }]

[[access]]
tenant = "acme"
apis = ["vault"]
environments = ["production"]
contract = { sha256 = "abababababababababababababababababababababababababababababababab", signed_at = "2020-01-02T00:00:00Z" }
"#;
    assert_eq!(server.apply(manifest).await.status, 200);
    let client = server.new_app("production", json!({ "tenant": "acme", "apis": ["vault"] })).await;
    let url = server.token_endpoint("production", "assets");
    let answer = server.post(&url, None, &form(&client, &format!("{GRANT}&scope=vault:open"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.json()["scope"].as_str().unwrap().to_owned();
    let mut scopes: Vec<&str> = told.split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["prod.teosapi", "vault:open"]);
    let claims = Server::claims(answer.json()["access_token"].as_str().unwrap());
    assert_eq!(claims["scope"], answer.json()["scope"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_23_a_sandbox_credential_cannot_hold_a_production_scope() {
    let server = Server::start().await;
    for (environment, own, other) in
        [("production", "prod.teosapi", "test.teosapi"), ("sandbox", "test.teosapi", "prod.teosapi")]
    {
        let client = server.client(environment, "assets");
        let url = server.token_endpoint(environment, "assets");
        for (scope, status) in [(own, 200), (other, 400)] {
            let body = form(&client, &format!("{GRANT}&scope={scope}"));
            let answer = server.post(&url, None, &body).await;
            assert_eq!(answer.status, status, "{environment} {scope}");
            if status == 400 {
                assert_eq!(answer.error(), "invalid_scope");
            }
            let body = json!({ "tenant": "acme", "apis": ["assets"], "scopes": [scope] });
            for kind in ["apps", "keys"] {
                let path = format!("/environments/{environment}/{kind}");
                let made = server.admin("POST", &path, body.clone()).await;
                assert_eq!(made.status, if status == 200 { 201 } else { 422 }, "{kind} {scope}");
            }
        }
        let key = server.key(environment, "assets");
        for credential in [server.token(environment, "assets").await, key] {
            let told = server.introspect(environment, "assets", &credential).await.json();
            assert_eq!(told["scope"], own);
        }
    }
}

async fn assets(server: &Server, environment: &str, credential: &str) -> Answer {
    server.call(environment, "assets", Some(credential), "GET", "/assets").await
}

/// A token with any claims under the signature of the environment's active key, as only a defect could make it.
pub(crate) fn signed_by_the_server(server: &Server, environment: &str, claims: &Value) -> String {
    let catalogue = server.node().catalogue_full();
    let state = catalogue.environment(environment).expect("an environment");
    let signer = state.keys.signer(Algorithm::Es256).expect("an active key");
    signer.sign(Type::AccessToken, claims.to_string().as_bytes()).expect("a token")
}

pub(crate) async fn refused_everywhere(server: &Server, environment: &str, token: &str) {
    assert_eq!(assets(server, environment, token).await.status, 401);
    let asked = server.forward_auth(environment, "assets", Some(token), "GET", "/assets").await;
    assert_eq!(asked.status, 401);
    let told = server.introspect(environment, "assets", token).await;
    assert_eq!(told.json(), json!({ "active": false }));
}
