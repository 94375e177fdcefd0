//! S002-20 to S002-23 for tokens of users: the scope and the tenant are the server's word, not the caller's.

use grantor_testkit::{Answer, Browser, Pkce, Server, Tokens};
use serde_json::{Value, json};

use crate::s000_payments::BOTH;
use crate::s002_assets::{refused_everywhere, signed_by_the_server};

const SCOPES: [(&str, &str); 2] = [("production", "prod.teosapi"), ("sandbox", "test.teosapi")];

async fn assets(server: &Server, environment: &str, credential: &str) -> Answer {
    server.call(environment, "assets", Some(credential), "GET", "/assets").await
}

/// A code of the demo's end user for an authorization request with changes.
async fn code(server: &Server, environment: &str, changes: &[(&str, &str)]) -> (String, Pkce) {
    let pkce = Pkce::new_one();
    let url = server.authorize_url(environment, "assets", &pkce, changes);
    let code = server.sign_in(&mut Browser::new(server), &url, &server.person("end_user")).await;
    (code, pkce)
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_20_a_user_token_without_the_scope_is_403_insufficient_scope() {
    let server = Server::start().await;
    for (environment, scope) in SCOPES {
        let token = server.user_token(environment, "assets").await.access;
        assert_eq!(assets(&server, environment, &token).await.status, 200);
        let mut claims = Server::claims(&token);
        let held = claims["scope"].as_str().expect("text").to_owned();
        assert!(held.split(' ').any(|own| own == scope), "{held}");
        let without: Vec<&str> = held.split(' ').filter(|own| *own != scope).collect();
        // The server never leaves the scope out, so the token is made with the server's own key.
        for weaker in [without.join(" "), "something.else".to_owned(), scope[1..].to_owned()] {
            claims["scope"] = weaker.clone().into();
            let weak = signed_by_the_server(&server, environment, &claims);
            let answer = assets(&server, environment, &weak).await;
            assert_eq!((answer.status, answer.error().as_str()), (403, "insufficient_scope"), "{weaker}");
            assert!(answer.header("www-authenticate").contains(&format!("scope=\"{scope}\"")));
            let asked = server.forward_auth(environment, "assets", Some(&weak), "GET", "/assets").await;
            assert_eq!((asked.status, asked.error().as_str()), (403, "insufficient_scope"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_21_the_tid_of_a_user_token_is_the_tenant_s_guid_and_any_other_is_refused() {
    let server = Server::start().await;
    let guid = server.admin("GET", "/tenants/acme", Value::Null).await.json()["id"].clone();
    let other = server.admin("POST", "/tenants", json!({ "name": "neighbour" })).await.json()["id"].clone();
    let access = "[[access]]\ntenant = \"neighbour\"\napis = [\"assets\"]\nenvironments = [\"production\", \"sandbox\"]\n";
    assert_eq!(server.apply(access).await.status, 200);
    for environment in BOTH {
        let token = server.user_token(environment, "assets").await.access;
        let mut claims = Server::claims(&token);
        assert_eq!(claims["tid"], guid);
        assert_eq!(server.introspect(environment, "assets", &token).await.json()["tid"], guid);
        let asked = server.forward_auth(environment, "assets", Some(&token), "GET", "/assets").await;
        assert_eq!(Some(asked.header("x-grantor-org")), guid.as_str());
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
            changed["tid"] = tid;
            refused_everywhere(&server, environment, &signed_by_the_server(&server, environment, &changed))
                .await;
        }
        let mut missing = claims.clone();
        missing.as_object_mut().expect("an object").remove("tid");
        refused_everywhere(&server, environment, &signed_by_the_server(&server, environment, &missing)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_22_no_parameter_of_a_user_s_app_sets_or_alters_scope_and_tid() {
    let server = Server::start().await;
    let own = server.admin("GET", "/tenants/acme", Value::Null).await.json()["id"].clone();
    let other = server.admin("GET", "/tenants/provider", Value::Null).await.json()["id"].clone();
    let other = other.as_str().expect("a GUID");
    let in_claims =
        format!("{{\"id_token\":{{\"tid\":{{\"value\":\"{other}\"}}}},\"userinfo\":{{\"tid\":null}}}}");
    for (environment, scope) in SCOPES {
        let attempts: [&[(&str, &str)]; 5] = [
            &[("tid", other)],
            &[("tenant", other), ("tenant_id", other), ("tenant_hint", other)],
            &[("claims", &in_claims)],
            &[("scp", "admin"), ("sub", "admin"), ("aud", "admin")],
            // The scope is added where nobody has asked for it.
            &[("scope", "openid")],
        ];
        for changes in attempts {
            let (code, pkce) = code(&server, environment, changes).await;
            let client = server.client_with(environment, "assets", "authorization_code");
            let redirect_uri = server.redirect_uri(environment, "assets");
            let fields = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", &redirect_uri),
                ("code_verifier", &pkce.verifier),
                ("tid", other),
                ("tenant", other),
                ("scope", "openid"),
            ];
            let answer = server.token_request(environment, "assets", &client, &fields).await;
            let claims = Server::claims(&Tokens::of(&answer).access);
            let held = claims["scope"].as_str().expect("text").to_owned();
            assert_eq!(claims["tid"], own, "{changes:?}");
            assert!(held.split(' ').any(|own| own == scope), "{changes:?}: {held}");
            assert_eq!(answer.json()["scope"], held, "and the app is told");
            assert_eq!(assets(&server, environment, &Tokens::of(&answer).access).await.status, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_23_a_user_of_the_sandbox_cannot_hold_a_scope_of_production() {
    let server = Server::start().await;
    for ((environment, own), (elsewhere, foreign)) in [(SCOPES[1], SCOPES[0]), (SCOPES[0], SCOPES[1])] {
        for asked in [foreign.to_owned(), format!("openid {own} {foreign}")] {
            let pkce = Pkce::new_one();
            let url = server.authorize_url(environment, "assets", &pkce, &[("scope", &asked)]);
            let mut browser = Browser::new(&server);
            browser.visit(&url).await;
            let reply = browser.must_reply();
            assert_eq!((reply.get("error"), reply.get("code")), ("invalid_scope", ""), "{asked}");
        }
        let token = server.user_token(environment, "assets").await.access;
        let held = Server::claims(&token)["scope"].as_str().expect("text").to_owned();
        assert!(held.split(' ').all(|scope| scope != foreign), "{held}");
        assert_eq!(
            assets(&server, elsewhere, &token).await.status,
            401,
            "and its credential opens nothing there"
        );
        // Not even with the right scope written into it under the right signature of its own environment.
        let mut claims = Server::claims(&token);
        claims["scope"] = foreign.into();
        let forged = signed_by_the_server(&server, environment, &claims);
        assert_eq!(assets(&server, elsewhere, &forged).await.status, 401);
        assert_eq!(assets(&server, environment, &forged).await.status, 403);
    }
}
