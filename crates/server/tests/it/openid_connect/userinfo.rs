//! OpenID Connect Core 5.3 with RFC 6750: who asks, how, and what is said.

use grantor_testkit::{Answer, Browser, Server, Tokens};
use serde_json::json;

use crate::code_flow::{App, PRODUCTION, SCOPE, form};
use crate::rfc9068_at_jwt::part;

fn endpoint(server: &Server) -> String {
    format!("{}/userinfo", server.issuer(PRODUCTION))
}

fn is_401(answer: &Answer) {
    assert_eq!(answer.status, 401, "{}", answer.text);
    assert!(answer.header("www-authenticate").starts_with("Bearer "));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text.contains("usr_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn get_and_post_with_the_token_in_the_header_or_in_a_form_say_the_same() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[("scope", SCOPE)]).await;
    let url = endpoint(&server);
    let bearer = format!("Bearer {}", tokens.access);
    let body = form(&[("access_token", &tokens.access)]);
    let answers = [
        server.get(&url, Some(&tokens.access)).await,
        server.send(server.http.get(&url).header("authorization", format!("bearer {}", tokens.access))).await,
        server.send(server.http.post(&url).header("authorization", &bearer)).await,
        server.post(&url, Some(&bearer), "").await,
        server.post(&url, None, &body).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        let said = answer.json();
        let names: Vec<&String> = said.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["email", "email_verified", "name", "sub", "updated_at"]);
        // 5.1: the types.
        assert_eq!(said["sub"], part(&tokens.id, 1)["sub"]);
        assert_eq!((&said["email"], &said["email_verified"]), (&json!("user@people.example"), &json!(true)));
        assert_eq!(said["name"], "Demo User");
        assert!(said["updated_at"].is_i64());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_two_places_in_the_query_or_in_the_body_of_a_get_is_refused() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
    let url = endpoint(&server);
    let bearer = format!("Bearer {}", tokens.access);
    let body = form(&[("access_token", &tokens.access)]);
    let with_query = format!("{url}?{body}");
    let refused = [
        server.post(&url, Some(&bearer), &body).await,
        server.get(&with_query, None).await,
        server.get(&with_query, Some(&tokens.access)).await,
        server.post(&with_query, None, &body).await,
        server.post(&with_query, None, "").await,
        server.post(&url, None, &format!("{body}&{body}")).await,
        server
            .send(server.http.get(&url).header("authorization", &bearer).header("authorization", &bearer))
            .await,
    ];
    for answer in refused {
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{}", answer.text);
        assert!(!answer.text.contains("usr_"));
    }
    // RFC 6750 2.2: only a posted form may hold it.
    let in_get =
        server.http.get(&url).header("content-type", "application/x-www-form-urlencoded").body(body.clone());
    is_401(&server.send(in_get).await);
    let as_text = server.http.post(&url).header("content-type", "text/plain").body(body.clone());
    is_401(&server.send(as_text).await);
    let as_json = server
        .http
        .post(&url)
        .header("content-type", "application/json")
        .body(json!({ "access_token": tokens.access }).to_string());
    is_401(&server.send(as_json).await);
    // Without any credential the challenge names no error.
    let none = server.get(&url, None).await;
    is_401(&none);
    assert!(!none.header("www-authenticate").contains("error"), "{}", none.header("www-authenticate"));
    assert_eq!(server.send(server.http.put(&url)).await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_live_token_of_a_user_with_openid_is_answered() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let url = endpoint(&server);
    for (scope, names) in [
        ("openid", &["sub"][..]),
        ("openid email", &["email", "email_verified", "sub"]),
        ("openid profile", &["name", "sub", "updated_at"]),
        // Nothing is known of them: left out, not null, not empty.
        ("openid address phone", &["sub"]),
    ] {
        let tokens = app.tokens(&server, &mut browser, &[("scope", scope)]).await;
        let said = server.get(&url, Some(&tokens.access)).await.json();
        assert_eq!(said.as_object().expect("an object").keys().collect::<Vec<_>>(), names, "{scope}");
    }
    let plain = app.tokens(&server, &mut browser, &[("scope", "payments:read")]).await;
    let machine = server.token(PRODUCTION, "payments").await;
    for token in [plain.access, machine] {
        let answer = server.get(&url, Some(&token)).await;
        assert_eq!((answer.status, answer.error().as_str()), (403, "insufficient_scope"));
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"openid\""),
            "{challenge}"
        );
    }
    let of_sandbox = server.user_token("sandbox", "payments").await;
    let live = app.tokens(&server, &mut browser, &[]).await;
    for bad in [
        of_sandbox.access.as_str(),
        &server.key(PRODUCTION, "assets"),
        "x",
        "a.b.c",
        &format!("{}x", live.access),
    ] {
        let answer = server.get(&url, Some(bad)).await;
        is_401(&answer);
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""), "{bad}");
    }
    // Whatever ends the token ends it here, too: revocation, suspension, time.
    assert_eq!(server.get(&url, Some(&live.access)).await.status, 200);
    let revoke = format!("{}/revoke", server.issuer(PRODUCTION));
    let basic = grantor_testkit::basic(&app.client.id, &app.client.secret);
    assert_eq!(server.post(&revoke, Some(&basic), &form(&[("token", &live.access)])).await.status, 200);
    is_401(&server.get(&url, Some(&live.access)).await);
    let user = format!("/environments/{PRODUCTION}/users/user@people.example");
    let ends = [
        user.as_str(),
        "/tenants/acme",
        "/environments/production/apps/acme-payments-web",
        "/environments/production/accesses/acme/payments",
    ];
    for path in ends {
        let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
        assert_eq!(server.get(&url, Some(&tokens.access)).await.status, 200);
        assert_eq!(server.admin("POST", &format!("{path}/suspend"), json!({})).await.status, 200);
        is_401(&server.get(&url, Some(&tokens.access)).await);
        assert_eq!(server.admin("POST", &format!("{path}/resume"), json!({})).await.status, 200);
        is_401(&server.get(&url, Some(&tokens.access)).await);
    }
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
    server.clock().pass(3_600);
    is_401(&server.get(&url, Some(&tokens.access)).await);
    let refreshed = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    assert_eq!(server.get(&url, Some(&refreshed.access)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_api_s_user_token_is_good_here_and_an_app_without_an_api_has_one_for_here_alone() {
    let server = Server::start().await;
    let url = endpoint(&server);
    let assets = server.user_token(PRODUCTION, "assets").await;
    assert_eq!(server.get(&url, Some(&assets.access)).await.status, 200);
    assert_eq!(Server::claims(&assets.access)["aud"], server.api(PRODUCTION, "assets")["audience"]);

    let body = json!({ "client_id": "who", "apis": [] });
    let app = App::of_api(&server, "payments", body).await.asking_for("openid email offline_access");
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
    assert_eq!(Server::claims(&tokens.access)["aud"], url, "the audience is this endpoint");
    let said = server.get(&url, Some(&tokens.access)).await;
    assert_eq!(said.json()["email"], "user@people.example");
    assert_eq!(server.verdicts(PRODUCTION, "payments", &tokens.access, "/transfers").await, [false; 3]);
    let refreshed = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    assert_eq!(server.get(&url, Some(&refreshed.access)).await.status, 200);
    let beyond = app.ask(&server, &[("scope", "openid payments:read")]).await;
    assert_eq!(crate::code_flow::told(&server, &app, &beyond), "invalid_scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_registered_so_gets_a_signed_answer_for_itself() {
    let server = Server::start().await;
    for algorithm in ["RS256", "ES256"] {
        let app = App::new(
            &server,
            &format!("signed-{algorithm}"),
            json!({ "userinfo_signed_response_alg": algorithm }),
        )
        .await;
        let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
        let answer = server.get(&endpoint(&server), Some(&tokens.access)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/jwt"));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(
            (&part(&answer.text, 0)["alg"], part(&answer.text, 0)["kid"].is_string()),
            (&json!(algorithm), true)
        );
        let said = part(&answer.text, 1);
        assert_eq!((&said["iss"], &said["aud"]), (&json!(server.issuer(PRODUCTION)), &json!(app.client.id)));
        assert_eq!(
            (&said["sub"], &said["email"]),
            (&part(&tokens.id, 1)["sub"], &json!("user@people.example"))
        );
        let catalogue = server.node().catalogue_full();
        let state = catalogue.environment(PRODUCTION).expect("an environment");
        assert!(grantor_jose::jws::verify(&answer.text, &state.keys.verifying).is_ok());
        // Refusals are JSON all the same.
        assert_eq!(
            server.get(&endpoint(&server), Some("x")).await.header("content-type"),
            "application/json"
        );
    }
}
