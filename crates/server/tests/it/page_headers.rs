//! What stands around every page: the headers that keep it from being framed, fed and leaked (H07), who may send its forms
//! (J02), who may read which endpoint across origins (J03, J04), and that no value ends a header (J06).

mod forged_forms;
mod other_origins;
mod split_headers;

use grantor_testkit::{Browser, Page, Person, Server};

use crate::code_flow::{App, CALLBACK};
use crate::forms::{Hidden, at_login, cookies, get, request, signed_in};

/// The policy of a page whose forms lead to us and to the given targets.
fn policy(targets: &str) -> String {
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'{targets}; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

fn is_guarded(page: &Page, targets: &str) {
    let at = format!("{} ({})", page.path(), page.status);
    let all = |name: &str| {
        let values = page.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(all("content-security-policy"), [policy(targets)], "{at}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(all(name), [value], "{name} at {at}");
    }
    assert_eq!(all("access-control-allow-origin"), Vec::<String>::new(), "{at}");
    assert_eq!(all("x-request-id").len(), 1, "{at}");
    is_own(page);
}

/// Nothing on a page comes from elsewhere, is run from within it, or is styled within it.
fn is_own(page: &Page) {
    for part in page.html.split('<').skip(1) {
        let tag = part.split('>').next().unwrap_or("");
        for attribute in [" src=\"", " href=\"", " action=\""] {
            let Some((_, rest)) = tag.split_once(attribute) else { continue };
            let value = rest.split('"').next().unwrap_or("");
            let own = value.starts_with('/') && !value.starts_with("//");
            let link_of_a_text = tag.starts_with("a ") && value.starts_with("https://");
            assert!(own || link_of_a_text, "{tag} at {}", page.path());
        }
        for bad in [" style=", " onload=", " onclick=", " onsubmit=", " onerror=", " srcdoc="] {
            assert!(!tag.contains(bad), "{tag} at {}", page.path());
        }
        if tag.starts_with("script") {
            assert!(tag.contains(" src=\"/"), "no script stands in a page: {tag}");
        }
        assert!(
            !tag.starts_with("iframe") && !tag.starts_with("object") && !tag.starts_with("style"),
            "{tag}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h07_every_page_is_guarded_and_its_forms_lead_to_us_and_its_app_alone() {
    let server = Server::start().await;
    let app = App::new(&server, "rp", serde_json::json!({ "redirect_uris": [CALLBACK] })).await;
    let request = |more: &[(&str, &str)]| app.url(&server, &grantor_testkit::Pkce::new_one(), more);
    let own = " https://rp.test";
    let mut browser = Browser::new(&server);
    let newcomer = Person::new_one();

    browser.visit(&request(&[])).await;
    assert_eq!(browser.page().path(), "/login");
    is_guarded(browser.page(), own);
    browser.fill("login-email", &newcomer.email);
    browser.fill("login-password", "not a password of anybody");
    browser.submit("login-submit").await;
    assert_eq!(browser.page().status, 400);
    is_guarded(browser.page(), own);
    browser.follow("login-signup").await;
    assert_eq!(browser.page().path(), "/signup");
    is_guarded(browser.page(), own);
    browser.fill("signup-email", "no address");
    browser.fill("signup-password", "short");
    browser.submit("signup-submit").await;
    assert_eq!(browser.page().status, 400);
    is_guarded(browser.page(), own);
    server.begin_sign_up(&mut browser, &request(&[]), &newcomer).await;
    is_guarded(browser.page(), "");
    let link = server.mail_to(&newcomer.email).await.link();
    let mut other = Browser::new(&server);
    other.visit(&link).await;
    assert!(other.page().has("login-password"));
    is_guarded(other.page(), "");
    browser.visit(&link).await;
    assert_eq!(browser.page().path(), "/terms");
    is_guarded(browser.page(), own);
    browser.submit_unchecked("terms-submit").await;
    assert_eq!(browser.page().status, 400);
    is_guarded(browser.page(), own);
    for id in browser.page().ids("terms-accept-") {
        browser.tick(&id);
    }
    browser.submit("terms-submit").await;
    assert_eq!(browser.page().path(), "/consent");
    is_guarded(browser.page(), own);
    browser.visit(&request(&[("prompt", "select_account")])).await;
    assert_eq!(browser.page().path(), "/login/account");
    is_guarded(browser.page(), own);
    for page in ["/login/done", "/logout"] {
        browser.visit(page).await;
        assert!(browser.page().has("logout-submit"), "{page}");
        is_guarded(browser.page(), "");
    }
    for wrong in
        ["/consent?i=x", "/terms", "/login?i=x&i=y", "/signup/verify?token=x", "/login?%", "/authorize"]
    {
        browser.visit(wrong).await;
        assert_eq!(browser.page().status, 400, "{wrong}");
        is_guarded(browser.page(), "");
    }
    browser.visit(&request(&[("response_mode", "form_post"), ("prompt", "consent")])).await;
    browser.submit("consent-approve").await;
    assert!(browser.page().has("form-post-continue"));
    let policy_of_form = browser.page().headers["content-security-policy"].to_str().unwrap();
    assert_eq!(policy_of_form, policy(own));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_redirect_of_a_page_is_a_303_without_referrer_and_without_cache() {
    let server = Server::start().await;
    let mut browser = at_login(&server).await;
    let first = browser.way()[0].headers.clone();
    server.type_password(&mut browser, &server.person("end_user")).await;
    let second = browser.way()[0].headers.clone();
    browser.submit("consent-approve").await;
    let third = browser.way()[0].headers.clone();
    for headers in [first, second, third] {
        assert!(headers.contains_key("location"));
        assert_eq!(headers["referrer-policy"], "no-referrer", "{headers:?}");
        assert_eq!(headers["cache-control"], "no-store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refusal_of_a_page_leads_anywhere() {
    let server = Server::start().await;
    let browser = at_login(&server).await;
    let hidden = Hidden::of(browser.page());
    let signed_in = signed_in(&server, &server.person("end_user")).await;
    let pages = [
        "/login",
        "/login/done",
        "/login/account",
        "/login/tenant",
        "/logout",
        "/signup",
        "/signup/verify",
        "/terms",
        "/consent",
    ];
    let mut refused = 0;
    for page in pages {
        for query in [
            "",
            "?i=x",
            "?token=x",
            "?i=x&i=y",
            "?x=%",
            "?next=https://evil.test/",
            "?redirect_uri=https://evil.test/",
        ] {
            for jar in [String::new(), cookies(&browser), cookies(&signed_in)] {
                let path = format!("{page}{query}");
                let shown = get(&server, &path, &jar, &[]).await;
                let taken = hidden
                    .clone()
                    .to(&path)
                    .without("i")
                    .with("next", "https://evil.test/")
                    .send(&server, &jar)
                    .await;
                for answer in [shown, taken] {
                    let location = answer.header("location");
                    assert!(
                        location.is_empty() || (answer.status == 303 && location.starts_with("/login")),
                        "{path} {location}"
                    );
                    assert!(!answer.text.contains("evil.test"), "{path}");
                    assert!(answer.status < 500, "{path}: {}", answer.text);
                    refused += usize::from(answer.status >= 400);
                    if answer.status >= 400 {
                        assert_eq!((location, answer.header("refresh")), ("", ""), "{path}");
                    }
                }
            }
        }
        let url = format!("http://{}{page}", server.address());
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = server.send(server.http.request(method, &url)).await;
            assert_eq!(
                (answer.status, answer.header("allow"), answer.header("location")),
                (405, "GET, POST", "")
            );
        }
    }
    assert!(refused > 200, "{refused}");
    let path = request(&server, &[]).replace("/authorize", "/login");
    let shown = server.get(&path, None).await;
    assert_eq!(shown.status, 200, "an authorization request at the wrong page is a page by itself");
}
