//! No value that comes in ends a header that goes out (J06).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use grantor_testkit::{Answer, Pkce, Server};
use reqwest::Url;

use crate::code_flow::{PRODUCTION, refused_here, reply};
use crate::forms::{Hidden, at_login, cookies, get, request, set_cookies, signed_in};

/// Values that want to begin a header, or an answer, of their own; as they are after decoding.
const SPLITTING: [&str; 7] = [
    "x\r\nSet-Cookie: __Host-grt_production=evil; Path=/; Secure",
    "x\nX-Evil: 1",
    "x\rX-Evil: 1",
    "x\r\n\r\n<script>alert(1)</script>",
    "x\u{2028}X-Evil: 1\u{85}X-Evil: 2",
    "\u{560a}\u{560d}X-Evil: 1",
    "x%0d%0aX-Evil: 1",
];

fn is_whole(answer: &Answer) {
    assert!(answer.headers.get("x-evil").is_none(), "{:?}", answer.headers);
    assert!(!set_cookies(answer).iter().any(|cookie| cookie.contains("evil")), "{:?}", answer.headers);
    assert!(!answer.text.contains("<script>alert"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn j06_a_state_that_splits_headers_comes_back_as_the_state_that_it_was() {
    let server = Server::start().await;
    for state in SPLITTING {
        let refused = server.get(&request(&server, &[("state", state), ("prompt", "none")]), None).await;
        is_whole(&refused);
        assert_eq!(reply(&refused).get("state"), state);
        let url = request(&server, &[("state", state), ("prompt", "none"), ("response_mode", "form_post")]);
        let posted = server.get(&url, None).await;
        is_whole(&posted);
        assert_eq!(posted.status, 200);
        // By POST it is sent on to our own endpoint first.
        let (endpoint, query) = url.split_once('?').unwrap();
        let sent_on = server.post(endpoint, None, query).await;
        is_whole(&sent_on);
        assert!(sent_on.header("location").starts_with("/authorize?"), "{}", sent_on.header("location"));
        let again = Url::parse(endpoint).unwrap().join(sent_on.header("location")).unwrap();
        assert!(again.query_pairs().any(|(name, value)| name == "state" && value == state), "{again}");

        let mut browser = signed_in(&server, &server.person("end_user")).await;
        let pkce = Pkce::new_one();
        browser.visit(&server.authorize_url(PRODUCTION, "payments", &pkce, &[("state", state)])).await;
        browser.submit("consent-deny").await;
        is_whole(&browser.way()[0]);
        assert_eq!(browser.must_reply().get("state"), state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j06_no_other_value_of_a_request_or_form_reaches_a_header() {
    let server = Server::start().await;
    let browser = at_login(&server).await;
    let hidden = Hidden::of(browser.page());
    let encoded = |text: &str| crate::code_flow::form(&[("", text)])[1..].to_owned();
    for value in SPLITTING {
        for name in ["redirect_uri", "client_id"] {
            let answer = server.get(&request(&server, &[(name, value)]), None).await;
            is_whole(&answer);
            refused_here(&answer);
        }
        for name in
            ["scope", "nonce", "login_hint", "ui_locales", "prompt", "response_mode", "resource", "tid"]
        {
            is_whole(&server.get(&request(&server, &[(name, value), ("x", "y")]), None).await);
        }
        for page in ["/login", "/signup", "/consent", "/terms", "/login/done", "/logout", "/signup/verify"] {
            for name in ["i", "token", "next"] {
                let path = format!("{page}?{name}={}", encoded(value));
                is_whole(&get(&server, &path, &cookies(&browser), &[]).await);
            }
        }
        for name in ["email", "password", "verify", "i", "csrf", "name"] {
            let form = hidden.clone().with("email", "a@people.test").with("password", "x").with(name, value);
            is_whole(&form.send(&server, &cookies(&browser)).await);
        }
        let path = format!("/authorize/{}", encoded(value));
        is_whole(&get(&server, &path, "", &[]).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j06_a_cookie_is_never_sent_back_as_it_came() {
    let server = Server::start().await;
    let address = server.address();
    for value in [
        "evil",
        "evil%0d%0aX-Evil:1",
        "\"evil\"",
        "ev\u{1}il",
        "evil\tX-Evil: 1",
        "evil, X-Evil=1",
        "=evil",
        "",
    ] {
        for name in ["__Host-grt_production", "__Host-grt_production_browser", "__Host-grt_production_device"]
        {
            let request = format!(
                "GET /login HTTP/1.1\r\nHost: {address}\r\nCookie: {name}={value}\r\nConnection: close\r\n\r\n"
            );
            let answer = tokio::task::spawn_blocking(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(request.as_bytes()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            })
            .await
            .unwrap();
            let head = answer.split("\r\n\r\n").next().unwrap_or("").to_ascii_lowercase();
            assert!(head.starts_with("http/1.1 200") || head.starts_with("http/1.1 400"), "{head}");
            assert!(!head.contains("evil"), "{head}");
        }
    }
}
