//! The authorization endpoint: whom it answers (RFC 6749 3.1.2, RFC 9700 2.1 and 4.1), before anything else is looked at.

mod parameters;
mod way_back;

use grantor_testkit::{Browser, Pkce, Server};
use serde_json::json;

use crate::code_flow::{App, CALLBACK, PRODUCTION, end_user, form, refused_here, reply, told};
use crate::rfc6749_token::state;

/// Sends every redirect URI by GET and by POST; each must end on our own page, and nothing must have been written.
async fn nobody_is_sent(server: &Server, app: &App, uris: &[&str]) {
    let before = state(server).await;
    for uri in uris {
        refused_here(&app.ask(server, &[("redirect_uri", uri)]).await);
        // What else is wrong with the request changes nothing about whom the answer may go to.
        for more in
            [("response_type", "token"), ("prompt", "none"), ("request", "e30."), ("scope", "nonsense")]
        {
            refused_here(&app.ask(server, &[("redirect_uri", uri), more]).await);
        }
        let url = app.url(server, &Pkce::new_one(), &[("redirect_uri", uri)]);
        let (endpoint, query) = url.split_once('?').expect("a query");
        refused_here(&server.post(endpoint, None, query).await);
    }
    assert_eq!(state(server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a01_a02_a03_a04_a06_a08_only_the_registered_string_is_a_redirect_uri() {
    let server = Server::start().await;
    let app =
        App::new(&server, "rp", json!({ "redirect_uris": [CALLBACK, "https://foo.example.com/cb"] })).await;
    assert_eq!(app.ask(&server, &[]).await.status, 303, "the registered one is taken");
    let other = [("redirect_uri", "https://foo.example.com/cb")];
    assert_eq!(app.ask(&server, &other).await.status, 303, "the other registered one, too");

    // A01: user info.
    nobody_is_sent(
        &server,
        &app,
        &["https://rp.test@evil.test/cb", "https://u:p@rp.test/cb", "https://@rp.test/cb"],
    )
    .await;
    // A02: twins by prefix and suffix.
    let twins = [
        "https://rp.test.evil.test/cb",
        "https://evilrp.test/cb",
        "https://rp.test/cbx",
        "https://rp.test/cb/",
        "https://rp.test",
    ];
    nobody_is_sent(&server, &app, &twins).await;
    // A03: a dot is a dot.
    let dots = [
        "https://fooXexample.com/cb",
        "https://foo.exampleXcom/cb",
        "https://foo-example.com/cb",
        "https://.*/cb",
        "*",
    ];
    nobody_is_sent(&server, &app, &dots).await;
    // A04: ways up, plain and encoded once and twice; matrix parameters.
    let ways_up = [
        "https://rp.test/cb/../evil",
        "https://rp.test/x/../cb",
        "https://rp.test/./cb",
        "https://rp.test/cb/%2e%2e/evil",
        "https://rp.test/cb/%252e%252e/evil",
        "https://rp.test/cb%2f..%2fevil",
        "https://rp.test/cb%252f",
        "https://rp.test/cb/..;/evil",
        "https://rp.test/cb;x=1",
        "https://rp.test/%63b",
        "https://rp.test//cb",
    ];
    nobody_is_sent(&server, &app, &ways_up).await;
    // A06: case.
    nobody_is_sent(
        &server,
        &app,
        &["HTTPS://RP.TEST/CB", "https://RP.test/cb", "https://rp.test/CB", "HTTPS://rp.test/cb"],
    )
    .await;
    // A08: schemes that run or show something, and control characters in front.
    let schemes = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "\u{1}javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "\nhttps://rp.test/cb",
        "https://rp.test/cb\r\nX: y",
        " https://rp.test/cb",
        "file:///etc/passwd",
        "//rp.test/cb",
        "/cb",
        "http://rp.test/cb",
        "https://rp.test:443/cb",
        "https://rp.test/cb?x=1",
        "https://rp.test/cb#",
        "https://rp.test/cb#x",
        "https://rp.test\\@evil.test/cb",
    ];
    nobody_is_sent(&server, &app, &schemes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a01_a07_only_the_port_of_a_loopback_address_may_differ() {
    let server = Server::start().await;
    let registered = ["http://127.0.0.1/cb?a=1", "http://[::1]:9/cb", "http://localhost:3000/cb"];
    let app =
        App::new(&server, "native", json!({ "application_type": "native", "redirect_uris": registered }))
            .await;
    for good in [
        "http://127.0.0.1/cb?a=1",
        "http://127.0.0.1:50123/cb?a=1",
        "http://[::1]/cb",
        "http://[::1]:50123/cb",
        "http://localhost:3000/cb",
    ] {
        let answer = app.ask(&server, &[("redirect_uri", good), ("prompt", "none")]).await;
        let location = answer.header("location");
        assert!(
            location
                .starts_with(&format!("{good}{}", if good.contains('?') { "&error=" } else { "?error=" })),
            "{good}: {location}"
        );
    }
    let bad = [
        "http://127.0.0.1:50123/cb",
        "http://127.0.0.1:50123/cb?a=1&b=2",
        "http://127.0.0.1:50123/cb?a=2",
        "http://127.0.0.1:50123/other?a=1",
        "http://127.0.0.1:50123/cb/?a=1",
        "http://127.0.0.1:50123/cb?a=1#x",
        "http://127.0.0.1:80@evil.test/cb?a=1",
        "http://localhost:80@evil.test/cb",
        "http://127.0.0.1.evil.test/cb?a=1",
        "http://127.0.0.2:50123/cb?a=1",
        "http://127.1:50123/cb?a=1",
        "http://2130706433/cb?a=1",
        "http://0x7f.0.0.1/cb?a=1",
        "http://127.0.0.1:/cb?a=1",
        "http://127.0.0.1:99999/cb?a=1",
        "http://127.0.0.1:+80/cb?a=1",
        "https://127.0.0.1:50123/cb?a=1",
        "http://[::1]:50123/cb?a=1",
        "http://[0:0:0:0:0:0:0:1]/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://localhost:3001/cb",
        "http://localhost/cb",
    ];
    nobody_is_sent(&server, &app, &bad).await;

    // The whole way with another port, and the code is bound to that port.
    let port = "http://127.0.0.1:50123/cb?a=1";
    let mut browser = Browser::new(&server);
    let code = app.code(&server, &mut browser, &[("redirect_uri", port)]).await;
    assert!(browser.must_reply().redirect_uri.starts_with("http://127.0.0.1:50123/cb"));
    assert_eq!(browser.must_reply().get("a"), "1", "RFC 6749 3.1.2: the registered query stays");
    let other_port = [("redirect_uri", "http://127.0.0.1:50124/cb?a=1")];
    let answer = app.redeem_with(&server, &code, &other_port).await;
    assert_eq!(answer.error(), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a05_a08_a09_what_must_not_be_a_redirect_uri_is_refused_at_every_registration() {
    let server = Server::start().await;
    let before = state(&server).await;
    let bad = [
        "https://*.rp.test/cb",
        "https://rp.test/*",
        "*",
        "https://rp.test/cb#f",
        "https://rp.test/cb?code=x",
        "https://rp.test/cb?a=1&state=x",
        "https://rp.test/cb?iss=x",
        "https://rp.test/cb?error=x",
        "https://rp.test/cb?st%61te=x",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "\u{1}javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "https://rp.test@evil.test/cb",
        "http://rp.test/cb",
        "https://rp.test/cb/../x",
    ];
    for uri in bad {
        let app = json!({ "tenant": "acme", "client_id": "bad", "apis": ["payments"], "metadata": { "redirect_uris": [CALLBACK, uri] } });
        let made = server.admin("POST", "/environments/production/apps", app.clone()).await;
        assert_eq!(made.status, 400, "{uri:?}: {}", made.text);
        assert_eq!(made.json()["type"], "urn:grantor:problem:invalid_redirect_uri", "{uri:?}");
        let mut change = app;
        change["client_id"] = json!("acme-payments-web");
        let changed = server.admin("PUT", "/environments/production/apps/acme-payments-web", change).await;
        assert_eq!(changed.status, 400, "{uri:?}: {}", changed.text);
        assert_eq!(changed.json()["type"], "urn:grantor:problem:invalid_redirect_uri", "{uri:?}");
        let entry = json!({ "client_id": "bad", "environments": [PRODUCTION], "tenant": "acme", "apis": ["payments"], "redirect_uris": [CALLBACK, uri] });
        let applied = server.admin("POST", "/apply", json!({ "manifest": { "app": [entry] } })).await;
        assert!((400..500).contains(&applied.status), "{uri:?}: {}", applied.text);
        assert!(applied.text.contains("redirect_uris"), "the refusal names the member: {}", applied.text);
    }
    assert_eq!(state(&server).await, before);
    let web = json!({ "tenant": "acme", "client_id": "bad", "apis": ["payments"], "metadata": { "redirect_uris": ["com.example.app:/cb"] } });
    assert_eq!(
        server.admin("POST", "/environments/production/apps", web).await.status,
        422,
        "a private scheme is for native apps"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_a_parameter_that_stands_twice_is_refused_and_nobody_is_told() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let evil = "https://evil.test/cb";
    for (name, value) in [
        ("redirect_uri", app.redirect_uri.as_str()),
        ("redirect_uri", evil),
        ("client_id", "acme-payments"),
        ("response_type", "code"),
        ("response_type", "token"),
        ("scope", "openid"),
        ("state", "other"),
        ("state", ""),
        ("nonce", "other"),
        ("code_challenge", "x"),
        ("code_challenge_method", "plain"),
        ("prompt", "none"),
        ("unknown", "b"),
    ] {
        let url = app.url(&server, &Pkce::new_one(), &[("prompt", "login"), ("unknown", "a")]);
        for twice in [
            format!("{url}&{}", form(&[(name, value)])),
            url.replacen('?', &format!("?{}&", form(&[(name, value)])), 1),
        ] {
            let answer = server.get(&twice, None).await;
            refused_here(&answer);
            assert!(answer.text.contains("invalid_request") && !answer.text.contains("evil.test"));
            let (endpoint, query) = twice.split_once('?').expect("a query");
            refused_here(&server.post(endpoint, None, query).await);
        }
    }
    // RFC 8707 2: this one may.
    let audience = server.api(PRODUCTION, "payments")["audience"].as_str().expect("text");
    let url = app.url(&server, &Pkce::new_one(), &[("resource", audience)]);
    let answer = server.get(&format!("{url}&{}", form(&[("resource", audience)])), None).await;
    assert!(answer.header("location").starts_with("/login?i="), "{:?}", answer.headers);

    // The token endpoint. A parameter that nobody knows is let be, once.
    let code = app.code(&server, &mut Browser::new(&server), &[]).await;
    assert_eq!(app.redeem_with(&server, &code, &[("unknown", "a")]).await.status, 200);
    for (name, value) in [
        ("code", "x"),
        ("redirect_uri", evil),
        ("code_verifier", "x"),
        ("grant_type", "refresh_token"),
        ("unknown", "b"),
    ] {
        let code = app.code(&server, &mut Browser::new(&server), &[]).await;
        let twice = [
            ("grant_type", "authorization_code"),
            ("code", &code.0),
            ("redirect_uri", &app.redirect_uri),
            ("code_verifier", &code.1.verifier),
            ("unknown", "a"),
            (name, value),
        ];
        let answer = app.token(&server, &twice).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{name}");
        assert_eq!(app.redeem(&server, &code).await.status, 200, "a malformed request burns nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_app_and_redirect_uri_are_judged_before_anything_is_sent_anywhere() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let evil = ("redirect_uri", "https://evil.test/cb");
    for change in [
        ("response_type", "token"),
        ("response_type", "nonsense"),
        ("response_type", ""),
        ("client_id", "nobody"),
        ("client_id", ""),
        ("client_id", "ACME-PAYMENTS-WEB"),
        ("client_id", "acme-payments-web "),
        ("request", "eyJhbGciOiJub25lIn0.e30."),
        ("request_uri", "https://evil.test/request"),
        ("code_challenge", ""),
        ("scope", "\u{7f}"),
        ("prompt", "none login"),
    ] {
        refused_here(&app.ask(&server, &[evil, change]).await);
    }
    // An unknown app is sent nowhere, with whatever URI; one of another environment is unknown.
    refused_here(&app.ask(&server, &[("client_id", "nobody")]).await);
    refused_here(&app.ask(&server, &[("client_id", "")]).await);
    let only_sandbox = json!({ "tenant": "acme", "client_id": "only-sandbox", "apis": ["payments"], "metadata": { "redirect_uris": [CALLBACK] } });
    server.new_app("sandbox", only_sandbox).await;
    refused_here(&app.ask(&server, &[("client_id", "only-sandbox"), ("redirect_uri", CALLBACK)]).await);
    // An app without redirect URIs has no address at all.
    refused_here(&app.ask(&server, &[("client_id", "acme-payments")]).await);
    refused_here(&app.ask(&server, &[("client_id", "acme-payments"), ("redirect_uri", "")]).await);
    // RFC 6749 3.1.2.3: with two of them one must be named.
    refused_here(&app.ask(&server, &[("redirect_uri", "")]).await);
    refused_here(&app.ask(&server, &[("redirect_uri", ""), ("scope", "payments:read")]).await);
    // A secret in the query of a browser has leaked, and goes no further.
    for secret in [("client_secret", "x"), ("client_assertion", "x"), ("password", "x")] {
        let answer = app.ask(&server, &[secret]).await;
        if answer.status == 400 {
            refused_here(&answer);
        }
    }
    refused_here(&app.ask(&server, &[("client_secret", &app.client.secret)]).await);
    for switch in ["apps/acme-payments-web", "../tenants/acme"] {
        let path = if switch.starts_with("..") {
            "/tenants/acme".to_owned()
        } else {
            format!("/environments/production/{switch}")
        };
        assert_eq!(server.admin("POST", &format!("{path}/suspend"), json!({})).await.status, 200);
        refused_here(&app.ask(&server, &[]).await);
        assert_eq!(server.admin("POST", &format!("{path}/resume"), json!({})).await.status, 200);
        assert!(app.ask(&server, &[]).await.header("location").starts_with("/login?i="));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a12_the_redirect_uri_of_the_token_request_is_that_of_the_authorization_request() {
    let server = Server::start().await;
    let second = "https://rp.test/second";
    let app = App::new(&server, "rp", json!({ "redirect_uris": [CALLBACK, second] })).await;
    for sent in [second, "https://rp.test/cb/", "https://evil.test/cb", ""] {
        let code = app.code(&server, &mut Browser::new(&server), &[]).await;
        let answer = app.redeem_with(&server, &code, &[("redirect_uri", sent)]).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_grant"), "{sent}");
        assert_eq!(app.redeem(&server, &code).await.error(), "invalid_grant", "and it is burnt");
    }
    // Where the request named none, the token request names none, or the only one (OAuth 2.1 10.2).
    let app = App::new(&server, "single", json!({})).await.asking_for("payments:read");
    let unnamed = [("redirect_uri", "")];
    for (sent, status) in [("", 200), (CALLBACK, 200), ("https://evil.test/cb", 400)] {
        let code = app.code(&server, &mut Browser::new(&server), &unnamed).await;
        let answer = app.redeem_with(&server, &code, &[("redirect_uri", sent)]).await;
        assert_eq!(answer.status, status, "{sent}: {}", answer.text);
    }
    // OpenID Connect Core 3.1.2.1: with openid it is always named.
    refused_here(&app.ask(&server, &[("redirect_uri", ""), ("scope", "openid")]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_travels_to_the_app_only_by_its_own_redirect_uri_and_keeps_its_query() {
    let server = Server::start().await;
    let with_query = "https://rp.test/cb?tenant=a%20b&x=1";
    let app = App::new(&server, "rp", json!({ "redirect_uris": [with_query] })).await;
    let answer = app.ask(&server, &[("response_type", "token")]).await;
    assert!(answer.header("location").starts_with(&format!("{with_query}&error=unsupported_response_type&")));
    assert_eq!(told(&server, &app, &answer), "unsupported_response_type");
    let mut browser = Browser::new(&server);
    browser.visit(&app.url(&server, &Pkce::new_one(), &[])).await;
    server.type_password(&mut browser, &end_user(&server)).await;
    server.agree(&mut browser).await;
    let location = browser.way().last().expect("a redirect").header("location").to_owned();
    assert!(location.starts_with(&format!("{with_query}&code=")), "{location}");
    let reply = reply(browser.way().last().expect("a redirect"));
    assert_eq!((reply.get("tenant"), reply.get("x")), ("a b", "1"));
}
