//! What the endpoint takes once app and redirect URI are trusted: RFC 6749 4.1.1, RFC 7636 4.3, RFC 8707 2, RFC 9207.

use grantor_testkit::{Answer, Browser, Pkce, Server, Site};
use serde_json::{Value, json};

use crate::code_flow::{App, CALLBACK, PRODUCTION, end_user, form, refused_here, reply, told};

fn shows_a_page(answer: &Answer) {
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(answer.header("location").starts_with("/login?i="), "{:?}", answer.header("location"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_unknown_response_type_is_told_to_the_app() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    assert_eq!(told(&server, &app, &app.ask(&server, &[("response_type", "")]).await), "invalid_request");
    for unknown in
        ["Code", "code code", " code", "code token", "token", "id_token", "code id_token", "none", "x"]
    {
        let answer = app.ask(&server, &[("response_type", unknown)]).await;
        assert_eq!(told(&server, &app, &answer), "unsupported_response_type", "{unknown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn get_and_post_both_work_and_other_methods_are_405() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let url = app.url(&server, &Pkce::new_one(), &[]);
    let (endpoint, query) = url.split_once('?').expect("a query");
    shows_a_page(&server.get(&url, None).await);
    let posted = server.post(endpoint, None, query).await;
    assert_eq!(posted.status, 303);
    assert!(posted.header("location").starts_with("/authorize?"));
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = server
            .send(server.http.request(method.clone(), &url).header("origin", "https://elsewhere.test"))
            .await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, POST"), "{method}");
        assert!(
            answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")),
            "RFC 9700 2.6"
        );
    }
    let json = server.http.post(endpoint).header("content-type", "application/json").body("{}");
    assert_eq!(server.send(json).await.status, 400);
    // What stands in the query of a POST is no part of the form.
    let both = format!("{endpoint}?client_id={}", app.client.id);
    let rest = query.replace(&format!("client_id={}&", app.client.id), "");
    assert_eq!(server.post(&both, None, &rest).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_from_another_site_signs_in_with_the_session_that_the_browser_has() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    app.code(&server, &mut browser, &[]).await;
    let pkce = Pkce::new_one();
    let url = app.url(&server, &pkce, &[]);
    let fields: Vec<(String, String)> =
        reqwest::Url::parse(&url).expect("a URL").query_pairs().into_owned().collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.comes_from(Site::Foreign);
    browser.post("/authorize", &fields).await;
    let code = (browser.must_reply().code(), pkce);
    assert_eq!(browser.must_reply().get("state"), "state of the app");
    // Browsers hold SameSite cookies back from the POST itself: the redirect to a GET brings them.
    let posted = &browser.way()[0];
    assert_eq!(posted.status, 303);
    assert!(posted.header("set-cookie").is_empty() && posted.header("location").starts_with("/authorize?"));
    assert_eq!(app.redeem(&server, &code).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn state_comes_back_exactly_and_only_where_it_was_sent() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let long = "s".repeat(4_000);
    for state in ["a b+c%20d&e=f#g?h/i", "ü€😀", "\"'<>\\{}", "\r\nX-Injected: 1", "0", &long] {
        app.code(&server, &mut browser, &[("state", state)]).await;
        let last = browser.way().last().expect("a redirect");
        assert!(last.headers.get("x-injected").is_none());
        assert_eq!(browser.must_reply().get("state"), state);
        let refused = reply(&app.ask(&server, &[("state", state), ("response_type", "token")]).await);
        assert_eq!(refused.get("state"), state, "in errors, too");
    }
    app.code(&server, &mut browser, &[("state", "")]).await;
    assert!(browser.must_reply().parameters.iter().all(|(name, _)| name != "state"));
    let refused = reply(&app.ask(&server, &[("state", ""), ("response_type", "token")]).await);
    assert!(refused.parameters.iter().all(|(name, _)| name != "state"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_which_issuer_it_comes_from() {
    let server = Server::start().await;
    for environment in ["production", "sandbox"] {
        let issuer = server.issuer(environment);
        let document = server.get(&format!("{issuer}/.well-known/openid-configuration"), None).await.json();
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["issuer"], issuer.as_str());
        let pkce = Pkce::new_one();
        for mode in ["", "query", "form_post"] {
            let mut browser = Browser::new(&server);
            let url = server.authorize_url(environment, "payments", &pkce, &[("response_mode", mode)]);
            browser.visit(&url).await;
            server.type_password(&mut browser, &end_user(&server)).await;
            if browser.reply().is_none() && browser.page().has("consent-approve") {
                browser.submit("consent-approve").await;
            }
            if mode == "form_post" {
                browser.submit("form-post-continue").await;
            }
            let reply = browser.must_reply();
            // RFC 9207 2: byte for byte the issuer of the metadata, beside the code.
            assert_eq!((reply.get("iss"), reply.code().is_empty()), (issuer.as_str(), false), "{mode}");
            for error in
                [("response_type", "token"), ("prompt", "none"), ("scope", "nonsense"), ("request", "x")]
            {
                let mut browser = Browser::new(&server);
                browser
                    .visit(&server.authorize_url(
                        environment,
                        "payments",
                        &pkce,
                        &[("response_mode", mode), error],
                    ))
                    .await;
                if mode == "form_post" {
                    browser.submit("form-post-continue").await;
                }
                assert_eq!(browser.must_reply().get("iss"), issuer);
                assert!(!browser.must_reply().get("error").is_empty());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b07_b08_a_challenge_is_s256_and_said_so_or_the_request_is_refused() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let pkce = Pkce::new_one();
    let challenge = pkce.challenge.as_str();
    let verifier = pkce.verifier.as_str();
    for (sent, method) in [
        ("", ""),
        ("", "S256"),
        ("", "plain"),
        // RFC 7636 4.3: an absent method means plain.
        (challenge, ""),
        (verifier, ""),
        (verifier, "plain"),
        (challenge, "plain"),
        (challenge, "s256"),
        (challenge, "S512"),
        (challenge, "S256 plain"),
        // Not the base64url of 32 bytes.
        (verifier, "S256"),
        (&challenge[1..], "S256"),
        (&format!("{challenge}="), "S256"),
        (&format!("{}+", &challenge[..42]), "S256"),
    ] {
        let answer = app.ask(&server, &[("code_challenge", sent), ("code_challenge_method", method)]).await;
        assert_eq!(told(&server, &app, &answer), "invalid_request", "{sent} {method}");
    }
    // Where the provider has let a confidential app go without, plain is still no method.
    let without = App::new(&server, "without", json!({ "require_pkce": false })).await;
    shows_a_page(&without.ask(&server, &[("code_challenge", ""), ("code_challenge_method", "")]).await);
    for (sent, method) in [("", "S256"), (challenge, ""), (challenge, "plain"), (verifier, "plain")] {
        let answer =
            without.ask(&server, &[("code_challenge", sent), ("code_challenge_method", method)]).await;
        assert_eq!(told(&server, &without, &answer), "invalid_request", "{sent} {method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_those_of_the_app_in_any_order_and_never_more() {
    let server = Server::start().await;
    let app = App::new(&server, "reader", json!({})).await;
    let narrow = json!({ "client_id": "narrow", "scopes": ["payments:read"] });
    let narrow = App::of_api(&server, "payments", narrow).await;
    for bad in [
        "nonsense",
        "payments:read nonsense",
        "Payments:Read",
        "rates:read",
        "payments:read\u{7f}",
        "  ",
        "openid \"x\"",
    ] {
        let answer = app.ask(&server, &[("scope", bad)]).await;
        assert_eq!(told(&server, &app, &answer), "invalid_scope", "{bad:?}");
    }
    let beyond = narrow.ask(&server, &[("scope", "payments:read payments:write")]).await;
    assert_eq!(told(&server, &narrow, &beyond), "invalid_scope");
    for (asked, granted) in [
        ("payments:write payments:read", "payments:read payments:write"),
        ("payments:read", "payments:read"),
        // Nothing asked: all that the app may have, and no openid (documented default, RFC 6749 3.3).
        ("", "payments:read payments:write"),
        // Without openid the others of OpenID Connect mean nothing.
        ("payments:read profile email offline_access", "payments:read"),
        ("openid payments:read", "openid payments:read"),
    ] {
        let code = app.code(&server, &mut Browser::new(&server), &[("scope", asked)]).await;
        let body = app.redeem(&server, &code).await.json();
        let words = |text: &Value| {
            let mut words: Vec<_> = text.as_str().expect("a scope").split(' ').map(str::to_owned).collect();
            words.sort();
            words.join(" ")
        };
        // RFC 6749 5.1: said, because the browser in between could have changed the question.
        assert_eq!(words(&body["scope"]), granted, "{asked}");
        assert_eq!(words(&Server::claims(body["access_token"].as_str().expect("a token"))["scope"]), granted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_api_or_app_has_off_is_unauthorized_client() {
    let server = Server::start().await;
    let machine = json!({ "client_id": "machine", "grants": ["client_credentials"] });
    let machine = App::of_api(&server, "payments", machine).await;
    assert_eq!(
        told(&server, &machine, &machine.ask(&server, &[("scope", "payments:read")]).await),
        "unauthorized_client"
    );
    let two = json!({ "client_id": "two", "apis": ["payments", "deals"] });
    let two = App::of_api(&server, "payments", two).await;
    assert_eq!(
        told(&server, &two, &two.ask(&server, &[("scope", "deals:read")]).await),
        "unauthorized_client"
    );
    shows_a_page(&two.ask(&server, &[("scope", "payments:read")]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_names_the_api_and_the_token_is_for_that_one_alone() {
    let server = Server::start().await;
    let audience = |api: &str| server.api(PRODUCTION, api)["audience"].as_str().expect("text").to_owned();
    let (payments, assets, channel) = (audience("payments"), audience("assets"), audience("channel"));
    let app =
        App::of_api(&server, "payments", json!({ "client_id": "two", "apis": ["payments", "assets"] })).await;
    for bad in [
        "https://unknown.test",
        "not a uri",
        "/relative",
        &format!("{payments}#f"),
        &format!("{payments}/"),
        &payments.to_uppercase(),
        &channel,
    ] {
        let answer = app.ask(&server, &[("resource", bad), ("scope", "openid")]).await;
        assert_eq!(told(&server, &app, &answer), "invalid_target", "{bad}");
    }
    let url = app.url(&server, &Pkce::new_one(), &[("resource", &payments), ("scope", "openid")]);
    let answer = server.get(&format!("{url}&{}", form(&[("resource", &assets)])), None).await;
    assert_eq!(told(&server, &app, &answer), "invalid_target", "a token is for one API");
    // Two APIs and nothing that names one of them.
    assert_eq!(told(&server, &app, &app.ask(&server, &[("scope", "openid")]).await), "invalid_target");
    assert_eq!(
        told(&server, &app, &app.ask(&server, &[("scope", "payments:read prod.teosapi")]).await),
        "invalid_scope"
    );
    // A scope of another API than the resource.
    let crossed = app.ask(&server, &[("scope", "payments:read"), ("resource", &assets)]).await;
    assert_eq!(told(&server, &app, &crossed), "invalid_scope");

    for (resource, scope, aud) in [
        (payments.as_str(), "openid", &payments),
        (&assets, "openid", &assets),
        ("", "payments:read", &payments),
        ("", "prod.teosapi", &assets),
        (&payments, "payments:read", &payments),
    ] {
        let asked = [("resource", resource), ("scope", scope)];
        // 2.2: the token request may name what was granted, and nothing else.
        for foreign in [&channel, if *aud == payments { &assets } else { &payments }, "https://unknown.test"]
        {
            let code = app.code(&server, &mut Browser::new(&server), &asked).await;
            let answer = app.redeem_with(&server, &code, &[("resource", foreign)]).await;
            assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_target"), "{foreign}");
        }
        for named in ["", aud] {
            let code = app.code(&server, &mut Browser::new(&server), &asked).await;
            let answer = app.redeem_with(&server, &code, &[("resource", named)]).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let claims = Server::claims(answer.json()["access_token"].as_str().expect("a token"));
            assert_eq!(claims["aud"], **aud, "{resource} {scope}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_response_mode_is_an_error_and_form_post_carries_everything() {
    let server = Server::start().await;
    let app = App::new(&server, "rp", json!({})).await;
    for mode in ["fragment", "jwt", "query.jwt", "form_post.jwt", "web_message", "Query", "x"] {
        let answer = app.ask(&server, &[("response_mode", mode)]).await;
        assert_eq!(told(&server, &app, &answer), "invalid_request", "{mode}");
    }
    let mut browser = Browser::new(&server);
    let pkce = Pkce::new_one();
    browser.visit(&app.url(&server, &pkce, &[("response_mode", "form_post")])).await;
    server.type_password(&mut browser, &end_user(&server)).await;
    browser.submit("consent-approve").await;
    let page = browser.page();
    assert_eq!(page.status, 200);
    assert_eq!(page.attribute("form-post", "action"), Some(CALLBACK));
    let answer = browser.way().last().expect("a page");
    crate::code_flow::is_guarded(answer);
    assert!(answer.header("content-security-policy").contains("form-action 'self' https://rp.test;"));
    assert!(answer.header("location").is_empty());
    browser.submit("form-post-continue").await;
    let reply = browser.must_reply().clone();
    assert_eq!(reply.redirect_uri, CALLBACK);
    let names: Vec<_> = reply.parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!(app.redeem(&server, &(reply.code(), pkce)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_without_a_value_counts_as_absent() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let url = app.url(&server, &Pkce::new_one(), &[]);
    let empty = "prompt=&request=&request_uri=&registration=&response_mode=&max_age=&claims=&id_token_hint=&resource=&x";
    shows_a_page(&server.get(&format!("{url}&{empty}"), None).await);
    let without = app.url(&server, &Pkce::new_one(), &[("response_type", "")]);
    let answer = server.get(&format!("{without}&response_type="), None).await;
    assert_eq!(told(&server, &app, &answer), "invalid_request");
    let without = app.url(&server, &Pkce::new_one(), &[("state", "")]);
    let answer = server.get(&format!("{without}&state=&prompt=none"), None).await;
    assert!(reply(&answer).parameters.iter().all(|(name, _)| name != "state"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_no_utf_8_is_refused_and_nobody_is_told() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let url = app.url(&server, &Pkce::new_one(), &[]);
    let (endpoint, query) = url.split_once('?').expect("a query");
    for broken in ["%FF", "%C0%80", "%ED%A0%80", "%00", "%", "%2", "%zz"] {
        for name in ["unknown", "nonce", "login_hint"] {
            let more = format!("&{name}={broken}");
            let asked = url.replace("&nonce=nonce-of-the-app", "");
            refused_here(&server.get(&format!("{asked}{more}"), None).await);
            refused_here(&server.post(endpoint, None, &format!("{query}{more}")).await);
        }
    }
    // What is UTF-8 is understood, in either spelling of a space.
    shows_a_page(&server.get(&format!("{url}&login_hint=%C3%BC+%20%E2%82%AC"), None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn e04_a_request_by_reference_is_refused_and_nobody_is_called() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let called = format!("http://{}/request", listener.local_addr().expect("an address"));
    for uri in [called.as_str(), "http://169.254.169.254/", "urn:ietf:params:oauth:request_uri:x"] {
        let answer = app.ask(&server, &[("request_uri", uri)]).await;
        assert_eq!(told(&server, &app, &answer), "request_uri_not_supported", "{uri}");
        // The client id alone, as after a pushed request: there is no redirect URI to be trusted.
        refused_here(&app.ask(&server, &[("request_uri", uri), ("redirect_uri", "")]).await);
    }
    let named = ["jwks_uri", "sector_identifier_uri", "logo_uri", "client_uri", "initiate_login_uri"];
    let all: Vec<_> = named.iter().map(|name| (*name, called.as_str())).collect();
    shows_a_page(&app.ask(&server, &all).await);
    assert_eq!(
        listener.accept().err().map(|error| error.kind()),
        Some(std::io::ErrorKind::WouldBlock),
        "nobody called"
    );
}
