//! What stands between the request and the answer can lead nobody astray, and nothing of the answer stays behind.

use grantor_testkit::{Browser, Door, Pkce, Server};
use serde_json::json;

use crate::code_flow::{App, CALLBACK, end_user, form, is_guarded, reply};
use crate::s000_payments::Log;

const ASTRAY: [&str; 9] = [
    "//evil.test",
    "/\\evil.test",
    "/\\t/evil.test",
    "/\t/evil.test",
    "https:evil.test",
    "\\/evil.test",
    "///evil.test",
    "https://evil.test/",
    "javascript:alert(1)",
];

#[tokio::test(flavor = "multi_thread")]
async fn a13_after_a_sign_in_nothing_but_our_own_pages_comes_next() {
    let server = Server::start().await;
    for name in ["return_to", "next", "rd", "redirect", "redirect_uri", "continue", "url", "i"] {
        for target in ASTRAY {
            let mut browser = Browser::new(&server);
            let path = format!("/login?{}", form(&[(name, target)]));
            browser.visit(&path).await;
            if name == "i" {
                // A handle that is none of ours: an error, not a guess.
                assert_eq!(browser.page().status, 400);
                continue;
            }
            assert!(!browser.page().html.contains("evil.test"), "{name}={target}");
            server.type_password(&mut browser, &end_user(&server)).await;
            assert_eq!(browser.page().path(), "/login/done", "{name}={target}");
            assert!(browser.way().iter().all(|answer| !answer.header("location").contains("evil")));
        }
    }
    // A field that no page of ours has.
    for target in ASTRAY {
        let mut browser = Browser::new(&server);
        browser.visit("/login").await;
        let csrf = hidden(&browser, "csrf");
        let person = end_user(&server);
        let fields = [
            ("csrf", csrf.as_str()),
            ("i", ""),
            ("email", &person.email),
            ("password", &person.password),
            ("return_to", target),
            ("redirect_uri", target),
            ("next", target),
        ];
        browser.post("/login", &fields).await;
        assert_eq!(browser.page().path(), "/login/done", "{target}");
    }
}

/// A hidden field of the page.
fn hidden(browser: &Browser, name: &str) -> String {
    let (_, after) =
        browser.page().html.split_once(&format!("name=\"{name}\" value=\"")).expect("a hidden field");
    after.split('"').next().unwrap_or("").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a15_what_comes_from_outside_is_text_on_every_page() {
    let server = Server::start().await;
    let app = App::new(&server, "rp", json!({})).await;
    let hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";
    // The auto-submit form.
    let mut browser = Browser::new(&server);
    app.code_by_form(&server, &mut browser, hostile).await;
    let page = browser.page();
    assert!(!page.html.contains("<script>alert") && !page.html.contains("<img src=x"), "{}", page.html);
    assert!(
        page.html.matches("<script").count() == 1 && page.html.contains("<script src=\"/static/"),
        "ours alone"
    );
    is_guarded(browser.way().last().expect("a page"));
    browser.submit("form-post-continue").await;
    assert_eq!(browser.must_reply().get("state"), hostile);
    // Our own error page: the URI is not shown at all.
    for change in
        [("redirect_uri", hostile), ("client_id", hostile), ("redirect_uri", "https://evil.test/\"><script>")]
    {
        let answer = app.ask(&server, &[change, ("state", hostile)]).await;
        crate::code_flow::refused_here(&answer);
        assert!(!answer.text.contains("alert(1)") && !answer.text.contains("evil.test"), "{}", answer.text);
    }
    // The sign-in page: login_hint stands in a field, as text.
    let mut browser = Browser::new(&server);
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("login_hint", hostile), ("state", hostile)])).await;
    assert_eq!(browser.page().attribute("login-email", "value"), Some(hostile));
    assert!(!browser.page().html.contains("<script>alert"));
    is_guarded(browser.way().last().expect("a page"));
}

impl App {
    /// Goes as far as the page of the form post.
    async fn code_by_form(&self, server: &Server, browser: &mut Browser, state: &str) {
        browser
            .visit(&self.url(server, &Pkce::new_one(), &[("response_mode", "form_post"), ("state", state)]))
            .await;
        server.type_password(browser, &end_user(server)).await;
        browser.submit("consent-approve").await;
        assert!(browser.page().has("form-post-continue"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a16_a_form_is_answered_by_303_and_never_posted_on() {
    let server = Server::start().await;
    let app = App::new(&server, "rp", json!({})).await;
    let mut browser = Browser::new(&server);
    browser.visit(&app.url(&server, &Pkce::new_one(), &[])).await;
    server.type_password(&mut browser, &end_user(&server)).await;
    let after_password: Vec<u16> = browser.way().iter().map(|answer| answer.status).collect();
    assert_eq!(after_password, [303, 200], "the password, then the next page by GET");
    browser.submit("consent-approve").await;
    let after_consent: Vec<u16> = browser.way().iter().map(|answer| answer.status).collect();
    assert_eq!(after_consent, [303]);
    assert!(browser.way()[0].header("location").starts_with(CALLBACK));
    assert!(browser.way()[0].text.is_empty(), "nothing to be shown or kept");
    assert_eq!(browser.way()[0].header("cache-control"), "no-store");
    // With a session: from the log-in straight to the app.
    let mut browser = Browser::new(&server);
    browser.visit(&app.url(&server, &Pkce::new_one(), &[])).await;
    server.type_password(&mut browser, &end_user(&server)).await;
    assert_eq!(browser.way().iter().map(|answer| answer.status).collect::<Vec<_>>(), [303]);
    assert!(browser.must_reply().code().len() > 20);
    // And the answer to a POST of the request itself.
    let url = app.url(&server, &Pkce::new_one(), &[]);
    let (endpoint, query) = url.split_once('?').expect("a query");
    assert_eq!(server.post(endpoint, None, query).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn b11_implicit_and_hybrid_do_not_come_back_by_any_way() {
    let server = Server::start().await;
    let app = App::new(&server, "rp", json!({})).await;
    let tokens = ["access_token", "id_token", "token_type", "expires_in"];
    for kind in ["token", "id_token", "id_token token", "code token", "code id_token", "code id_token token"]
    {
        for change in
            [("prompt", ""), ("prompt", "login"), ("response_mode", "query"), ("response_mode", "form_post")]
        {
            let mut browser = Browser::new(&server);
            browser.visit(&app.url(&server, &Pkce::new_one(), &[("response_type", kind), change])).await;
            if browser.reply().is_none() {
                browser.submit("form-post-continue").await;
            }
            let reply = browser.must_reply();
            assert_eq!(reply.get("error"), "unsupported_response_type", "{kind}");
            assert!(tokens.iter().all(|name| reply.get(name).is_empty()));
        }
    }
    // A request for a code that somebody tries to turn into another one on its way: hidden fields, the query of a page, a
    // second request in the same browser.
    let mut browser = Browser::new(&server);
    let pkce = Pkce::new_one();
    browser.visit(&app.url(&server, &pkce, &[])).await;
    let (csrf, handle) = (hidden(&browser, "csrf"), hidden(&browser, "i"));
    let more = [
        ("response_type", "code id_token token"),
        ("response_mode", "fragment"),
        ("scope", "openid payments:write"),
    ];
    browser.visit(&format!("/login?{}&{}", form(&[("i", &handle)]), form(&more[..2]))).await;
    let person = end_user(&server);
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("i", &handle),
        ("email", &person.email),
        ("password", &person.password),
    ];
    fields.extend(more);
    browser.post("/login", &fields).await;
    assert_eq!(browser.page().path(), "/consent");
    let refused = reply(&app.ask(&server, &[("response_type", "token"), ("prompt", "none")]).await);
    assert_eq!(refused.get("error"), "unsupported_response_type");
    let (csrf, handle) = (hidden(&browser, "csrf"), hidden(&browser, "i"));
    let mut fields = vec![("csrf", csrf.as_str()), ("i", &handle), ("decision", "approve")];
    fields.extend(more);
    browser.post("/consent", &fields).await;
    let reply = browser.must_reply();
    let names: Vec<_> = reply.parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    let answer = app.redeem(&server, &(reply.code(), pkce)).await;
    let scope = answer.json()["scope"].as_str().expect("a scope").to_owned();
    assert!(!scope.contains("payments:write"), "H02: what was not asked for is not granted: {scope}");
}

#[tokio::test(flavor = "current_thread")]
async fn b12_code_state_and_tokens_stay_out_of_logs_referrers_and_histories() {
    let log = Log::default();
    let guard = log.follow();
    let server = Server::start().await;
    let app = App::new(&server, "rp", json!({})).await;
    let mut browser = Browser::new(&server);
    let (state, nonce, pkce) = ("state-that-nobody-logs", "nonce-that-nobody-logs", Pkce::new_one());
    browser.visit(&app.url(&server, &pkce, &[("state", state), ("nonce", nonce)])).await;
    let mut seen: Vec<(String, String)> = Vec::new();
    let note = |browser: &Browser, seen: &mut Vec<(String, String)>| {
        for answer in browser.way() {
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{:?}", answer.headers);
            assert_eq!(answer.header("cache-control"), "no-store");
            seen.push((answer.header("location").to_owned(), answer.text.clone()));
        }
    };
    note(&browser, &mut seen);
    server.type_password(&mut browser, &end_user(&server)).await;
    note(&browser, &mut seen);
    browser.submit("consent-approve").await;
    note(&browser, &mut seen);
    let code = browser.must_reply().code();
    // No page of ours ever has code or state in its address or its text: only the last redirect carries them, to the app.
    let (last, before) = seen.split_last().expect("a way");
    assert!(last.0.starts_with(CALLBACK) && last.0.contains(&code));
    for (location, text) in before {
        assert!(!location.contains(&code) && !text.contains(&code));
        assert!(!location.contains(state) && !text.contains(state), "{location}");
    }
    let tokens = grantor_testkit::Tokens::of(&app.redeem(&server, &(code.clone(), pkce.clone())).await);
    let again = app.redeem(&server, &(code.clone(), pkce.clone())).await;
    assert_eq!(again.error(), "invalid_grant");
    app.refresh(&server, &tokens.refresh).await;
    let userinfo = format!("{}/userinfo", server.issuer("production"));
    server.get(&userinfo, Some(&tokens.access)).await;
    app.ask(&server, &[("state", state), ("response_type", "token")]).await;
    app.ask(&server, &[("state", state), ("redirect_uri", "https://evil.test/that-nobody-logs")]).await;
    drop(guard);
    assert!(log.holds("code_replayed"), "the log is that of this server: the refusal stands in it");
    for secret in [
        &code,
        &pkce.verifier,
        &tokens.access,
        &tokens.refresh,
        &tokens.id,
        &app.client.secret,
        &end_user(&server).password,
    ] {
        assert!(!log.holds(secret), "{secret}");
    }
    assert!(!log.holds("that-nobody-logs"));
    // Nor in what is kept: the audit.
    let audit = server.admin("GET", "/audit", serde_json::Value::Null).await.text;
    for secret in [code.as_str(), state, nonce, &tokens.access, &tokens.refresh, &tokens.id] {
        assert!(!audit.contains(secret));
    }
}

/// RFC 6749 4.1.2.1 knows `temporarily_unavailable` for what a redirect cannot say. Here the browser does not leave before
/// something is decided: whoever reloads the page goes on with the same request.
#[tokio::test(flavor = "multi_thread")]
async fn trouble_of_ours_is_a_503_page_of_ours_and_nothing_is_granted() {
    let server = Server::start().await;
    let app = App::new(&server, "rp", json!({})).await;
    let mut browser = Browser::new(&server);
    app.code(&server, &mut browser, &[]).await;
    let door = server.door().await;
    let (block, unblock) = match door {
        Door::Sqlite(_) => ("BEGIN IMMEDIATE", "ROLLBACK"),
        Door::Postgres(_) => (
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RAISE ''no space'' USING ERRCODE = ''disk_full''; END'; \
             CREATE TRIGGER full_disk BEFORE INSERT ON interactions EXECUTE FUNCTION full_disk(); \
             CREATE TRIGGER full_disk BEFORE INSERT ON grants EXECUTE FUNCTION full_disk()",
            "DROP FUNCTION full_disk CASCADE",
        ),
    };
    door.run(block).await;
    // Nobody signed in, so that a page is due; somebody signed in, so that a code is.
    for silent in [false, true] {
        let more: &[_] = if silent { &[("prompt", "none")] } else { &[("prompt", "login")] };
        browser.visit(&app.url(&server, &Pkce::new_one(), more)).await;
        assert!(browser.reply().is_none());
        let answer = &browser.way()[0];
        assert_eq!((answer.status, answer.header("location")), (503, ""), "{}", answer.text);
        assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
        assert!(answer.text.contains("temporarily_unavailable") && answer.text.contains("error-request-id"));
        is_guarded(answer);
    }
    door.run(unblock).await;
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "none")])).await;
    assert!(!browser.must_reply().code().is_empty());
    let path = format!("/environments/production/users/{}/grants", end_user(&server).email);
    let grants = server.admin("GET", &path, serde_json::Value::Null).await.json();
    assert_eq!(grants["items"].as_array().expect("items").len(), 2, "before and after, none in between");
}
