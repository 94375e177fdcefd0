//! What may be sent as an HTTP message, and how much of it: M01 to M12, by raw bytes where bytes matter.

mod bodies;

use std::sync::Arc;
use std::time::Duration;

use grantor_server::clock::{Clock as _, SystemClock};
use grantor_server::config::{Config, DatabaseUrl, DemoConfig, MasterKeySource};
use grantor_server::password::Cost;
use grantor_testkit::{Server, basic};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SECOND_REQUEST: &str = "GET /jwks HTTP/1.1\r\nHost: smuggled\r\nConnection: close\r\n\r\n";

/// Reads until the server closes; `None` if it does not within a time.
async fn until_closed(stream: &mut TcpStream, within: Duration) -> Option<String> {
    let mut answer = Vec::new();
    // A reset after the answer is a way of closing, too.
    let _ = timeout(within, stream.read_to_end(&mut answer)).await.ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// Sends bytes; the whole of what comes back until the server closes.
async fn exchange(server: &Server, bytes: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let _ = stream.write_all(bytes).await;
    until_closed(&mut stream, Duration::from_secs(5)).await
}

fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

const PLAIN: &str = "grant_type=client_credentials";
const CHUNKED: &str = "1d\r\ngrant_type=client_credentials\r\n0\r\n\r\n";

/// A request that would have a token but for these header lines, and a second request right behind it.
async fn assert_refused(server: &Server, what: &str, lines: &str, body: &str) {
    let raw = format!("{}{body}{SECOND_REQUEST}", head(server, lines));
    assert_refused_raw(server, what, &raw).await;
}

async fn assert_refused_raw(server: &Server, what: &str, raw: &str) {
    let Some(text) = exchange(server, raw.as_bytes()).await else {
        panic!("{what}: the connection stays open")
    };
    assert!(text.starts_with("HTTP/1.1 400 "), "{what}: {text}");
    assert_eq!(answers(&text), 1, "{what}: a smuggled request was answered: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_a_length_that_can_be_read_twice_is_refused_and_nothing_behind_it_is_answered() {
    let server = Server::start().await;
    let cases = [
        ("length, then chunks", "Content-Length: 29\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
        ("chunks, then length", "Transfer-Encoding: chunked\r\nContent-Length: 29\r\n", CHUNKED),
        ("two encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", CHUNKED),
        ("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
        ("a list", "Transfer-Encoding: gzip, chunked\r\n", CHUNKED),
        ("chunked first", "Transfer-Encoding: chunked, gzip\r\n", CHUNKED),
        ("unknown encoding", "Transfer-Encoding: xchunked\r\n", CHUNKED),
        ("identity", "Transfer-Encoding: identity\r\n", CHUNKED),
        ("vertical tab", "Transfer-Encoding: \u{b}chunked\r\n", CHUNKED),
        ("no number", "Content-Length: abc\r\n", ""),
        ("negative", "Content-Length: -1\r\n", ""),
        ("plus", "Content-Length: +29\r\n", PLAIN),
        ("hexadecimal", "Content-Length: 0x1d\r\n", PLAIN),
        ("beyond 64 bits", "Content-Length: 99999999999999999999\r\n", ""),
        ("two lengths", "Content-Length: 29\r\nContent-Length: 30\r\n", PLAIN),
        ("folded line", "X-A: b\r\n c\r\nContent-Length: 29\r\n", PLAIN),
        ("folded encoding", "Transfer-Encoding:\r\n chunked\r\n", CHUNKED),
        ("space before the colon", "Content-Length : 29\r\n", PLAIN),
        ("space before the encoding's colon", "Transfer-Encoding : chunked\r\n", CHUNKED),
        ("empty name", ": x\r\nContent-Length: 29\r\n", PLAIN),
        ("bare CR", "X-A: b\rc\r\nContent-Length: 29\r\n", PLAIN),
        ("bare LF", "X-A: b\nContent-Length: 29\r\n", PLAIN),
        ("NUL", "X-A: b\0c\r\nContent-Length: 29\r\n", PLAIN),
    ];
    for (what, lines, body) in cases {
        assert_refused(&server, what, lines, body).await;
    }
    for (what, raw) in [
        (
            "HTTP/1.0 with chunks",
            format!(
                "{}{CHUNKED}{SECOND_REQUEST}",
                head(&server, "Transfer-Encoding: chunked\r\n").replace("HTTP/1.1", "HTTP/1.0")
            ),
        ),
        ("bare LF throughout", format!("GET /jwks HTTP/1.1\nHost: a\n\n{SECOND_REQUEST}")),
        ("space in the request line", format!("GET /jwks x HTTP/1.1\r\nHost: a\r\n\r\n{SECOND_REQUEST}")),
    ] {
        assert_refused_raw(&server, what, &raw).await;
    }
    server.token("production", "payments").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_requests_of_a_clear_length_may_be_pipelined() {
    let server = Server::start().await;
    let body = "token=x";
    let raw = format!(
        "GET /jwks HTTP/1.1\r\nHost: a\r\n\r\nPOST /introspect HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}{SECOND_REQUEST}",
        body.len()
    );
    let text = exchange(&server, raw.as_bytes()).await.unwrap();
    assert_eq!(answers(&text), 3, "{text}");
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_after_a_chunked_request_the_connection_ends() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let raw = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Transfer-Encoding: chunked\r\n\r\n1d\r\ngrant_type=client_credentials\r\n0\r\n\r\n{SECOND_REQUEST}",
        basic(&client.id, &client.secret)
    );
    let text = exchange(&server, raw.as_bytes()).await.expect("the server closes");
    assert!(text.starts_with("HTTP/1.1 200 OK"), "the chunked request is served");
    assert!(text.to_ascii_lowercase().contains("connection: close"), "and the peer is told");
    assert_eq!(answers(&text), 1, "nothing behind it is");
}

/// A form of exactly this length that asks for a token.
fn form(length: usize) -> String {
    let mut form = "grant_type=client_credentials".to_owned();
    for field in 0.. {
        let head = format!("&p{field}=");
        let left = length - form.len() - head.len();
        form.push_str(&head);
        form.push_str(&"x".repeat(left.min(4_000)));
        if left <= 4_000 {
            return form;
        }
        // What is left must hold at least the next name.
        if length - form.len() < 8 {
            form.push_str(&"x".repeat(length - form.len()));
            return form;
        }
    }
    form
}

fn head(server: &Server, lines: &str) -> String {
    let client = server.client("production", "payments");
    format!(
        "POST /oauth/token HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n{lines}\r\n",
        basic(&client.id, &client.secret)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_a_form_of_64_kib_is_read_and_one_byte_more_is_413() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    let login = basic(&client.id, &client.secret);
    let longest = form(64 * 1024);
    assert_eq!(longest.len(), 64 * 1024);
    let answer = server.post(&url, Some(&login), &longest).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = server.post(&url, Some(&login), &form(64 * 1024 + 1)).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    assert_eq!(answer.header("connection"), "close", "the rest is not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_a_chunked_form_is_counted_while_it_streams_in() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = head(&server, "Transfer-Encoding: chunked\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // The body never ends: the answer must come without its end.
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4_096));
    for _ in 0..17 {
        let _ = stream.write_all(chunk.as_bytes()).await;
    }
    let text = until_closed(&mut stream, Duration::from_secs(5))
        .await
        .expect("the server does not wait for the end");
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");

    let whole = form(64 * 1024);
    let raw =
        format!("{}10000\r\n{whole}\r\n0\r\n\r\n", self::head(&server, "Transfer-Encoding: chunked\r\n"));
    let text = exchange(&server, raw.as_bytes()).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "64 KiB in one chunk are read");
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_a_head_beyond_the_buffer_and_too_many_headers_are_refused() {
    let server = Server::start().await;
    let long = format!("GET /jwks HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n", "a".repeat(70_000));
    let many: String = (0..100).map(|i| format!("X-{i}: a\r\n")).collect();
    let many = format!("GET /jwks HTTP/1.1\r\nHost: a\r\n{many}\r\n");
    for raw in [long, many] {
        let text = exchange(&server, raw.as_bytes()).await.expect("the server closes");
        assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_a_head_that_trickles_in_ends_after_ten_seconds_and_others_are_served_meanwhile() {
    let server = Server::start().await;
    let clock = SystemClock::new();
    let mut slow = TcpStream::connect(server.address()).await.unwrap();
    let began = clock.monotonic();
    slow.write_all(b"GET /jwks HTTP/1.1\r\n").await.unwrap();
    let mut seen = [0; 1];
    let mut served = 0;
    let closed_after = loop {
        let passed = clock.monotonic() - began;
        assert!(passed < Duration::from_secs(14), "a byte now and then keeps the connection");
        match timeout(Duration::from_secs(1), slow.read(&mut seen)).await {
            Ok(Ok(0) | Err(_)) => break clock.monotonic() - began,
            Ok(Ok(_)) => panic!("half a head was answered"),
            Err(_) => {
                let _ = slow.write_all(b"X: y\r\n").await;
                server.token("production", "payments").await;
                served += 1;
            }
        }
    };
    assert!(closed_after >= Duration::from_secs(9), "{closed_after:?} is too early");
    assert!(served >= 5, "the token endpoint works meanwhile");
}

/// The long waits run only where somebody has asked for them.
fn wants_long_runs() -> bool {
    std::env::var_os("GRANTOR_FULL").is_some_and(|value| value == "1")
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_slow_bodies_and_idle_connections_end_too() {
    if !wants_long_runs() {
        println!("not run: takes a minute; set GRANTOR_FULL=1");
        return;
    }
    let server = Server::start().await;
    let clock = SystemClock::new();
    let began = clock.monotonic();
    let mut body = TcpStream::connect(server.address()).await.unwrap();
    let head = head(&server, "Content-Length: 100\r\n");
    body.write_all(head.as_bytes()).await.unwrap();
    let mut idle = TcpStream::connect(server.address()).await.unwrap();
    let text = until_closed(&mut body, Duration::from_secs(24)).await;
    let text = text.expect("a body has 20 seconds");
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(clock.monotonic() - began >= Duration::from_secs(19));
    let text = until_closed(&mut idle, Duration::from_secs(45)).await;
    assert_eq!(text.as_deref(), Some(""), "an idle connection has 60 seconds");
    assert!(clock.monotonic() - began >= Duration::from_secs(58));
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_a_peer_that_does_not_read_is_cut_off() {
    if !wants_long_runs() {
        println!("not run: takes a minute; set GRANTOR_FULL=1");
        return;
    }
    let server = Server::start().await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (_unread, mut writing) = stream.into_split();
    let request = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
    // Requests go in until the answers fill every buffer; then the write side stalls and the server must end it.
    let flooded = timeout(Duration::from_secs(90), async {
        while writing.write_all(request.as_bytes()).await.is_ok() {}
    });
    assert!(flooded.await.is_ok(), "the connection was never ended");
    server.token("production", "payments").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_trace_and_request_ids_from_outside_are_not_taken_over() {
    let server = Server::start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = server
        .http
        .post(server.token_endpoint("production", "payments"))
        .header("traceparent", trace)
        .header("tracestate", "vendor=chosen-by-caller")
        .header("baggage", format!("k={}", "v".repeat(8_000)))
        .header("x-request-id", "chosen-by-caller")
        .body("");
    let answer = server.send(request).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let told = answer.header("x-request-id");
    assert_eq!(told.len(), 16, "our own id");
    assert_eq!(answer.json()["request_id"], told);
    for name in ["traceparent", "tracestate", "baggage"] {
        assert!(!answer.headers.contains_key(name), "{name} came back");
    }
    let all = format!("{:?}{}", answer.headers, answer.text);
    assert!(!all.contains("chosen-by-caller") && !all.contains("4bf92f3577b34da6"));
}

#[tokio::test(flavor = "multi_thread")]
async fn m12_a_panic_in_a_handler_is_a_500_without_detail_and_ends_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_demo(DemoConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        management: None,
        database: DatabaseUrl::Sqlite(folder.path().join("a.db")),
        master_key: MasterKeySource::File(folder.path().join("master.key")),
        trusted_proxies: vec![],
        mail_folder: folder.path().join("mail"),
        password_cost: Cost::FLOOR,
    });
    let beside = axum::Router::new()
        .route("/demo-panic", axum::routing::get(panicking))
        .route("/demo-calm", axum::routing::get(|| async { "calm" }));
    let running =
        grantor_server::serve::start_at(&config, Some(beside), Arc::new(SystemClock::new())).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |path: &str| format!("http://{}{path}", running.address);
    for _ in 0..3 {
        let answer = http.get(url("/demo-panic")).send().await.unwrap();
        assert_eq!(answer.status(), 500);
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let text = answer.text().await.unwrap();
        assert!(!text.contains("inner detail"), "{text}");
        let body: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["error"], "server_error");
        assert_eq!(body["request_id"], id.as_str());
        let answer = http.get(url("/demo-calm")).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "calm");
    }
    grantor_server::jobs::flush(&running.node).await.expect("no lock is held: the database is still written");
    running.shutdown().await;
}

async fn panicking() -> &'static str {
    // Behind a suspension point: the panic happens in a later poll.
    tokio::task::yield_now().await;
    panic!("inner detail")
}
