//! S002-01 to S002-05 and S002-15: two kinds of credentials, one way to present them, one user each, and what takes which.

use std::collections::BTreeMap;

use grantor_testkit::{Answer, Browser, Person, Pkce, Server, Tokens, basic};
use reqwest::Method;
use serde_json::{Value, json};

use crate::s000_payments::BOTH;

async fn call(server: &Server, environment: &str, credential: &str, path: &str) -> Answer {
    server.call(environment, "assets", Some(credential), "GET", path).await
}

/// For each operation of `assets`, the kinds that its document names.
async fn operations(server: &Server, environment: &str) -> BTreeMap<String, Vec<String>> {
    let base = server.api(environment, "assets")["base_url"].as_str().expect("a base URL");
    let document = server.get(&format!("{base}/openapi.json"), None).await.json();
    let paths = document["paths"].as_object().expect("paths").iter();
    let kinds = |operation: &Value| {
        let named = operation["x-grantor-credential"].as_array().expect("every operation says it").iter();
        named.map(|kind| kind.as_str().expect("text").to_owned()).collect()
    };
    paths.map(|(path, operations)| (path.clone(), kinds(&operations["get"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_01_an_api_key_and_a_user_token_both_open_the_api() {
    let server = Server::start().await;
    for environment in BOTH {
        let key = server.key(environment, "assets");
        let token = server.user_token(environment, "assets").await.access;
        for (kind, credential) in [("api_key", &key), ("user", &token)] {
            let answer = call(&server, environment, credential, "/assets").await;
            assert_eq!((answer.status, &answer.json()["caller"]["credential_kind"]), (200, &json!(kind)));
            assert_eq!(server.verdicts(environment, "assets", credential, "/assets").await, [true; 3]);
        }
        assert_eq!(server.call(environment, "assets", None, "GET", "/assets").await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_02_the_api_key_does_for_most_methods_and_the_user_token_takes_the_hosted_sign_in() {
    let server = Server::start().await;
    for environment in BOTH {
        let key = server.key(environment, "assets");
        let operations = operations(&server, environment).await;
        let mut opened = 0;
        for (path, kinds) in &operations {
            let status = call(&server, environment, &key, path).await.status;
            assert_eq!(status == 200, kinds.iter().any(|kind| kind == "api_key"), "{path}: {status}");
            opened += usize::from(status == 200);
        }
        assert!(opened * 2 > operations.len(), "{opened} of {}", operations.len());

        // Whoever does not come through the hosted pages has no user token: no grant of the API gives one.
        let person = server.person("end_user");
        for client in [
            server.client(environment, "assets"),
            server.client_with(environment, "assets", "authorization_code"),
        ] {
            let fields =
                [("grant_type", "password"), ("username", &*person.email), ("password", &*person.password)];
            let answer = server.token_request(environment, "assets", &client, &fields).await;
            assert_eq!((answer.status, answer.error().as_str()), (400, "unsupported_grant_type"));
        }
        let of_app = server.token(environment, "assets").await;
        let answer = call(&server, environment, &of_app, "/me").await;
        assert_eq!((answer.status, answer.json()["sent"].clone()), (403, json!("client")));
        let of_user = server.user_token(environment, "assets").await.access;
        assert_eq!(call(&server, environment, &of_user, "/me").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_03_both_are_presented_as_bearer_in_the_authorization_header_and_nowhere_else() {
    let server = Server::start().await;
    let token = server.user_token("production", "assets").await.access;
    let base = server.api("production", "assets")["base_url"].as_str().expect("a base URL").to_owned();
    for credential in [&token, &server.key("production", "assets")] {
        let url = format!("{base}/assets");
        let send = async |name: &str, value: String| {
            server.send(server.http.get(&url).header(name, value)).await.status
        };
        assert_eq!(send("authorization", format!("Bearer {credential}")).await, 200);
        for (name, value) in [
            ("authorization", credential.clone()),
            ("authorization", basic("", credential)),
            ("authorization", basic(credential, "")),
            ("authorization", format!("ApiKey {credential}")),
            ("authorization", format!("Token {credential}")),
            ("x-api-key", credential.clone()),
            ("api-key", credential.clone()),
            ("x-access-token", format!("Bearer {credential}")),
            ("cookie", format!("access_token={credential}")),
            ("proxy-authorization", format!("Bearer {credential}")),
        ] {
            let status = send(name, value).await;
            assert!(status == 400 || status == 401, "{name}: {status}");
        }
        for query in ["access_token", "api_key", "key", "token"] {
            let answer = server.get(&format!("{url}?{query}={credential}"), None).await;
            assert!([400, 401].contains(&answer.status), "{query}: {}", answer.status);
        }
        let body = server.http.request(Method::GET, &url).body(format!("access_token={credential}"));
        let answer = server.send(body.header("content-type", "application/x-www-form-urlencoded")).await;
        assert_eq!(answer.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_04_each_credential_stands_for_exactly_one_and_a_key_for_the_consumer_itself() {
    let server = Server::start().await;
    let tenant = server.admin("GET", "/tenants/acme", Value::Null).await.json()["id"].clone();
    for environment in BOTH {
        let mut subjects = Vec::new();
        for role in ["end_user", "tenant_admin"] {
            let person = server.person(role);
            let mut seen = Vec::new();
            for _ in 0..2 {
                let pkce = Pkce::new_one();
                let url = server.authorize_url(environment, "assets", &pkce, &[]);
                let code = server.sign_in(&mut Browser::new(&server), &url, &person).await;
                let tokens = Tokens::of(&server.redeem(environment, "assets", &code, &pkce).await);
                let caller = call(&server, environment, &tokens.access, "/me").await.json()["caller"].clone();
                assert_eq!((&caller["credential_kind"], &caller["tenant"]), (&json!("user"), &tenant));
                let told = server.introspect(environment, "assets", &tokens.access).await.json();
                assert_eq!((&told["sub"], &told["tid"]), (&caller["subject"], &tenant));
                let userinfo = format!("{}/userinfo", server.issuer(environment));
                let who = server.get(&userinfo, Some(&tokens.access)).await.json();
                assert_eq!((&who["sub"], &who["email"]), (&caller["subject"], &json!(person.email)));
                seen.push(caller["subject"].as_str().expect("a subject").to_owned());
            }
            assert_eq!(seen[0], seen[1], "every token of a user is that user's");
            subjects.push(seen.remove(0));
        }
        assert_ne!(subjects[0], subjects[1], "and nobody else's");
        let key = server.key(environment, "assets");
        let caller = call(&server, environment, &key, "/keys/self").await.json()["caller"].clone();
        assert_eq!((&caller["credential_kind"], &caller["tenant"]), (&json!("api_key"), &tenant));
        assert_eq!(caller["subject"], tenant, "the user of a key is the platform consumer");
        let userinfo = format!("{}/userinfo", server.issuer(environment));
        assert_eq!(server.get(&userinfo, Some(&key)).await.status, 401, "and no person");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_05_an_operation_for_keys_for_users_or_for_either_refuses_the_wrong_kind_with_a_reason() {
    let server = Server::start().await;
    for environment in BOTH {
        let credentials = [
            ("api_key", server.key(environment, "assets")),
            ("user", server.user_token(environment, "assets").await.access),
            ("client", server.token(environment, "assets").await),
        ];
        let operations = operations(&server, environment).await;
        let mut declared = Vec::new();
        for (path, kinds) in &operations {
            let takes = |kind: &str| kinds.iter().any(|known| known == kind);
            declared.push((takes("api_key"), takes("user")));
            for (kind, credential) in &credentials {
                let called = call(&server, environment, credential, path).await;
                let asked = server.forward_auth(environment, "assets", Some(credential), "GET", path).await;
                if takes(kind) {
                    assert_eq!((called.status, asked.status), (200, 200), "{path} with {kind}");
                    continue;
                }
                for refusal in [&called, &asked] {
                    assert_eq!(refusal.status, 403, "{path} with {kind}: {}", refusal.text);
                    let expected = json!({
                        "error": "insufficient_scope", "reason": "credential_kind", "accepts": kinds, "sent": kind,
                    });
                    let told = refusal.json();
                    for (name, value) in expected.as_object().expect("an object") {
                        assert_eq!(&told[name], value, "{path} with {kind}: {}", refusal.text);
                    }
                }
            }
        }
        declared.sort_unstable();
        assert_eq!(declared, [(false, true), (true, false), (true, true)], "each of the three is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_15_the_user_token_is_issued_when_a_user_signs_in_to_an_integrated_app() {
    let server = Server::start().await;
    for environment in BOTH {
        let (mut browser, pkce) = (Browser::new(&server), Pkce::new_one());
        let url = server.authorize_url(environment, "assets", &pkce, &[]);
        browser.visit(&url).await;
        let wrong = Person { password: "not the right one".to_owned(), ..server.person("end_user") };
        server.type_password(&mut browser, &wrong).await;
        assert!(browser.reply().is_none(), "without a sign-in there is nothing");
        server.type_password(&mut browser, &server.person("end_user")).await;
        let code = server.agree(&mut browser).await;
        let answer = server.redeem(environment, "assets", &code, &pkce).await;
        let token = Tokens::of(&answer).access;
        assert_eq!(answer.json()["token_type"], "Bearer");
        let claims = Server::claims(&token);
        let app = server.client_with(environment, "assets", "authorization_code");
        assert_eq!(claims["client_id"], app.id);
        assert!(claims["auth_time"].as_i64().is_some_and(|at| at <= claims["iat"].as_i64().unwrap_or(0)));
        assert_eq!(call(&server, environment, &token, "/me").await.status, 200);

        // An app that is not integrated sends nobody here, and one without sign-in gets nobody's token.
        for client_id in ["nobody-integrated-this", &server.client(environment, "assets").id] {
            let url =
                server.authorize_url(environment, "assets", &Pkce::new_one(), &[("client_id", client_id)]);
            let answer = server.get(&url, None).await;
            assert_eq!(answer.status, 400, "{client_id}: {}", answer.text);
            assert!(answer.headers.get("location").is_none());
        }
    }
}
