//! Forward-auth: what a reverse proxy is told, and whom it believes. Exactly 200, 401 or 403.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use grantor_testkit::{Answer, Server};
use serde_json::{Value, json};

fn url(server: &Server, api: &str) -> String {
    server.api("production", api)["forward_auth_url"].as_str().expect("text").to_owned()
}

async fn ask(server: &Server, api: &str, bearer: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = server.http.get(url(server, api)).bearer_auth(bearer);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request).await
}

const IDENTITY: [&str; 9] = [
    "x-grantor-subject",
    "x-grantor-client-id",
    "x-grantor-org",
    "x-grantor-env",
    "x-grantor-scope",
    "x-grantor-audience",
    "x-grantor-token-id",
    "x-grantor-credential-kind",
    "x-grantor-request-id",
];

#[tokio::test(flavor = "multi_thread")]
async fn l04_every_identity_header_is_set_on_200_also_the_empty_ones() {
    let server = Server::start().await;
    let token = server.token("production", "assets").await;
    let key = server.key("production", "assets");
    let about = |answer: &Answer| {
        IDENTITY.map(|name| answer.headers.get(name).map(|value| value.to_str().expect("text").to_owned()))
    };
    let seen = server.introspect("production", "assets", &token).await.json();
    let answer = server.forward_auth("production", "assets", Some(&token), "GET", "/assets").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), "no-store");
    let found = about(&answer).map(|value| value.expect("the header is set"));
    assert_eq!(found[..2], ["acme-assets", "acme-assets"]);
    assert_eq!(found[2], seen["tid"].as_str().expect("tid"));
    assert_eq!(found[3..5], ["production", "prod.teosapi"]);
    assert_eq!(found[5], server.api("production", "assets")["audience"].as_str().expect("text"));
    assert_eq!(found[6], seen["jti"].as_str().expect("jti"));
    assert_eq!(found[7], "client");
    assert_eq!(found[8], answer.header("x-request-id"));

    let answer = server.forward_auth("production", "assets", Some(&key), "GET", "/keys/self").await;
    let found = about(&answer).map(|value| value.expect("the header is set"));
    assert_eq!(found[1], "", "a key has no client: empty, not absent");
    assert_eq!(found[0], found[2]);
    assert_eq!(found[7], "api_key");
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_identity_that_the_caller_claims_never_comes_back() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let claimed: Vec<(&'static str, &str)> = IDENTITY.iter().map(|name| (*name, "root")).collect();
    let mut headers = claimed.clone();
    headers.extend([("x-forwarded-method", "GET"), ("x-forwarded-uri", "/demo/payments/transfers")]);
    let answer = ask(&server, "payments", &token, &headers).await;
    assert_eq!(answer.status, 200);
    for name in IDENTITY {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name}");
        assert_ne!(answer.header(name), "root", "{name}");
    }
    let refused = ask(&server, "payments", "nonsense", &headers).await;
    assert_eq!(refused.status, 401);
    for name in IDENTITY.iter().filter(|name| **name != "x-grantor-request-id") {
        assert_eq!(refused.header(name), "", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l01_a_malformed_method_or_uri_is_403_and_never_200() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let good = "/demo/payments/transfers";
    for (method, uri) in [
        ("", good),
        ("get", good),
        ("GET ", "/demo/payments/transfers x"),
        ("DELETE", good),
        ("TRACE", good),
        ("CONNECT", good),
        ("G\u{e9}T", good),
        ("GET", ""),
        ("GET", "transfers"),
        ("GET", "*"),
        ("GET", "/"),
        ("GET", "/transfers"),
        ("GET", "http://127.0.0.1/demo/payments/transfers"),
        ("GET", "/demo/payments/transfers\u{e9}"),
        ("GET", "/demo/payments/transfers%"),
        ("GET", "/demo/payments/transfers%00"),
        ("GET", "/demo/payments/TRANSFERS"),
        ("GET", "/demo/payments/transfers/"),
    ] {
        let answer =
            ask(&server, "payments", &token, &[("x-forwarded-method", method), ("x-forwarded-uri", uri)])
                .await;
        assert_eq!(answer.status, 403, "{method} {uri}");
        // Without a credential, that is what is missing.
        let request = server
            .http
            .get(url(&server, "payments"))
            .header("x-forwarded-method", method)
            .header("x-forwarded-uri", uri);
        assert_eq!(server.send(request).await.status, 401, "{method} {uri}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_only_the_normal_form_of_a_path_finds_its_operation() {
    let server = Server::start().await;
    let token = server.token("production", "assets").await;
    // A client token may read /assets and may not read /keys/self.
    for path in ["/assets", "/assets?a=b", "/assets?x=/keys/self", "/assets?a=%2e%2e"] {
        let answer = server.forward_auth("production", "assets", Some(&token), "GET", path).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    for path in [
        "/keys/self?/assets",
        "/keys/self?x=/../assets",
        "/keys/self#/assets",
        "/keys/self;/assets",
        "/assets/../keys/self",
        "/assets/..",
        "/keys/../assets",
        "/./assets",
        "//assets",
        "/assets//",
        "/assets%2F..%2Fkeys%2Fself",
        "/%61ssets%2f",
        "/assets;x=y",
        "/assets#x",
        "/assets\\..\\keys",
        "/assets%5c",
        "/%2e%2e/assets",
    ] {
        let answer = server.forward_auth("production", "assets", Some(&token), "GET", path).await;
        assert_eq!(answer.status, 403, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l03_a_proxy_that_says_half_or_twice_what_is_asked_gets_no_allowance() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let (method, uri) = (("x-forwarded-method", "GET"), ("x-forwarded-uri", "/demo/payments/transfers"));
    assert_eq!(ask(&server, "payments", &token, &[method, uri]).await.status, 200);
    for headers in [
        vec![method],
        vec![uri],
        vec![method, method, uri],
        vec![method, uri, uri],
        vec![("x-forwarded-method", "POST"), method, uri],
        vec![method, uri, ("x-forwarded-uri", "/demo/payments/me")],
    ] {
        assert_eq!(ask(&server, "payments", &token, &headers).await.status, 403, "{headers:?}");
    }
    // Other spellings of the names are not believed.
    let others = [
        ("x-original-method", "GET"),
        ("x-original-url", "/demo/payments/transfers"),
        ("x-original-uri", "/demo/payments/transfers"),
    ];
    assert_eq!(ask(&server, "payments", &token, &others).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_does_not_say_what_is_asked_passes_only_what_opens_everything() {
    let server = Server::start().await;
    // payments has an operation for users only, so no client token opens everything.
    let token = server.token("production", "payments").await;
    assert_eq!(ask(&server, "payments", &token, &[]).await.status, 403);
    for (api, status) in [("channel", 200), ("banking", 200), ("deals", 403)] {
        let token = server.token("production", api).await;
        assert_eq!(ask(&server, api, &token, &[]).await.status, status, "{api}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_401_or_403_with_the_challenge_of_the_api() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let asks = [("x-forwarded-method", "POST"), ("x-forwarded-uri", "/demo/payments/transfers")];
    for method in ["GET", "POST", "OPTIONS", "PUT", "DELETE", "HEAD", "PATCH"] {
        let request = |bearer: Option<&str>| {
            let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
            let mut request = server.http.request(method, url(&server, "payments"));
            for (name, value) in asks {
                request = request.header(name, value);
            }
            match bearer {
                Some(token) => request.bearer_auth(token),
                None => request,
            }
        };
        // The method of the question itself does not matter: gateways use that of the original request.
        assert_eq!(server.send(request(Some(&token))).await.status, 200, "{method}");
        assert_eq!(server.send(request(None)).await.status, 401, "{method}");
        assert_eq!(server.send(request(Some("x"))).await.status, 401, "{method}");
    }
    let answer = server.forward_auth("production", "payments", None, "GET", "/transfers").await;
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"payments\"");
    assert!(!answer.header("x-grantor-request-id").is_empty());
    let answer = server.forward_auth("production", "payments", Some(&token), "GET", "/me").await;
    assert_eq!((answer.status, answer.json()["sent"].clone()), (403, json!("client")));
    let unknown =
        server.get(&format!("{}/forward-auth/nothing", server.issuer("production")), Some(&token)).await;
    assert_eq!(unknown.status, 404, "an API that does not exist is a defect of the proxy's configuration");
}

/// Sends one request as bytes and reads the answer to its end.
fn raw(server: &Server, request: String) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn l01_an_over_long_or_broken_request_is_never_200() {
    let server = Server::start().await;
    let token = server.token("production", "channel").await;
    let path = "/forward-auth/channel";
    let send = |line: &str, more: &str| {
        raw(
            &server,
            format!("{line}\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}Connection: close\r\n\r\n"),
        )
    };
    assert!(send(&format!("GET {path} HTTP/1.1"), "").starts_with("HTTP/1.1 200"));
    for (line, more) in [
        (format!("GET {path}/.. HTTP/1.1"), String::new()),
        (format!("GET /x/..{path} HTTP/1.1"), String::new()),
        (format!("GET /{path} HTTP/1.1"), String::new()),
        (format!("GET {path}%2f HTTP/1.1"), String::new()),
        (format!("GET {path} HTTP/9.9"), String::new()),
        (format!("GET {path} x HTTP/1.1"), String::new()),
        (format!("G\u{1}T {path} HTTP/1.1"), String::new()),
        (format!("GET {path} HTTP/1.1"), "Authorization: Bearer x\r\n".to_owned()),
        (format!("GET {path} HTTP/1.1"), "X-Forwarded-Uri: /\u{1}\r\n".to_owned()),
        (format!("GET {path} HTTP/1.1"), format!("X-Long: {}\r\n", "x".repeat(64 * 1024))),
    ] {
        let answer = send(&line, &more);
        assert!(!answer.starts_with("HTTP/1.1 200"), "{line} {:.40}", more);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_the_audit_names_the_rightmost_address_that_no_trusted_proxy_vouches_for() {
    let server = Server::start().await;
    let operator = &server.contract()["operator"];
    let base = operator["api_url"].as_str().expect("text");
    for (number, (forwarded, seen)) in [
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.10", "203.0.113.10"),
        ("1.2.3.4, 203.0.113.11, 127.0.0.1", "203.0.113.11"),
    ]
    .into_iter()
    .enumerate()
    {
        let request = server
            .http
            .post(format!("{base}/tenants"))
            .bearer_auth(operator["api_token"].as_str().expect("text"))
            .header("x-forwarded-for", forwarded)
            .header("x-forwarded-proto", "https")
            .json(&json!({ "name": format!("tenant-{number}") }));
        let answer = server.send(request).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let audit = server.admin("GET", "/audit", Value::Null).await.json();
        let row = audit["items"]
            .as_array()
            .expect("rows")
            .iter()
            .find(|row| row["action"] == "tenant.create")
            .expect("a row")
            .clone();
        assert_eq!(row["address"], seen, "{forwarded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_g11_a_malformed_forwarding_header_is_refused_everywhere_and_is_403_here() {
    let server = Server::start().await;
    let token = server.token("production", "channel").await;
    for forwarded in ["nonsense", "203.0.113.9, nonsense", "203.0.113.9,", "\u{e9}"] {
        let answer = ask(&server, "channel", &token, &[("x-forwarded-for", forwarded)]).await;
        assert_eq!(answer.status, 403, "{forwarded}");
        let request = server
            .http
            .post(server.token_endpoint("production", "channel"))
            .header("x-forwarded-for", forwarded)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        crate::rfc6749_token::refused(&server.send(request).await, 400, "invalid_request");
    }
}
