//! TLS that ends here: both versions, both protocols, what counts as HTTPS, and how connections end.

pub(crate) mod client;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use grantor_server::clock::SystemClock;
use grantor_server::config::{Config, DatabaseUrl, DemoConfig, MasterKeySource, Tls, TlsVersion};
use grantor_server::init::first_operator;
use grantor_server::password::Cost;
use grantor_server::serve::Running;
use grantor_testkit::basic;
use http::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use client::{ANY, HTTP_1_1, HTTP_2, Http2, Pair, TLS_1_2, TLS_1_3, Watch, pair};

/// One API with one app.
pub(crate) const BANK: &str = r#"
[[environment]]
name = "production"
issuer = "https://localhost"
stage = "live"

[[profile]]
name = "bank"
token_paths = ["/oauth/token"]
client_auth = ["client_secret_basic"]
token_format = "jwt"
grants = ["client_credentials"]

[[api]]
name = "accounts"
environments = ["production"]
profile = "bank"
audience = "https://api.bank.example"
scope = [{ name = "accounts:read", description = "See accounts" }]

[[tenant]]
name = "partner"

[[access]]
tenant = "partner"
apis = ["accounts"]
environments = ["production"]

[[app]]
client_id = "partner-app"
environments = ["production"]
tenant = "partner"
apis = ["accounts"]
"#;

/// A server with a certificate, and an app of it.
struct Server {
    running: Option<Running>,
    address: SocketAddr,
    pair: Pair,
    authorization: String,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start(min_version: TlsVersion, proxies: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = pair();
        pair.write(folder.path());
        let mut config = Config::for_demo(DemoConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            management: None,
            database: DatabaseUrl::Sqlite(folder.path().join("a.db")),
            master_key: MasterKeySource::File(folder.path().join("master.key")),
            trusted_proxies: proxies.iter().map(|text| text.parse().unwrap()).collect(),
            mail_folder: folder.path().join("mail"),
            password_cost: Cost::FLOOR,
        });
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        config.tls = Some(Tls { cert, key, min_version });
        let running =
            grantor_server::serve::start_at(&config, None, Arc::new(SystemClock::new())).await.unwrap();
        let operator = first_operator(&running.node, "owner").await.unwrap().unwrap();
        let address = running.address;
        let http = pair.reqwest();
        let post = async |path: &str, body: Value| -> Value {
            let url = format!("https://localhost:{}/admin/v1{path}", address.port());
            let answer = http.post(url).bearer_auth(&operator).json(&body).send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            answer.json().await.unwrap()
        };
        let manifest = grantor_server::manifest::from_toml(BANK).unwrap();
        post("/apply", json!({ "manifest": manifest })).await;
        let made = post("/environments/production/apps/partner-app/secrets", json!({})).await;
        let authorization = basic("partner-app", made["client_secret"].as_str().unwrap());
        Self { running: Some(running), address, pair, authorization, folder }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    fn token_request(&self) -> Request<()> {
        Request::post(self.url("/oauth/token"))
            .header("authorization", &self.authorization)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(())
            .unwrap()
    }

    /// Whether a client of these versions that trusts this certificate comes through.
    async fn speaks(
        &self,
        pair: &Pair,
        versions: &'static [&'static tokio_rustls::rustls::SupportedProtocolVersion],
    ) -> bool {
        pair.connect(self.address, versions, HTTP_1_1).await.is_ok()
    }
}

const FORM: &str = "grant_type=client_credentials";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_issued_over_both_protocols_and_both_versions() {
    let server = Server::start(TlsVersion::V1_2, &[]).await;
    for versions in [TLS_1_2, TLS_1_3] {
        let stream = server.pair.connect(server.address, versions, HTTP_2).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(versions[0].version));
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let connection = Http2(sender);
        for _ in 0..3 {
            let answer = connection.send(server.token_request(), FORM).await.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text);
            let body: Value = serde_json::from_str(&answer.text).unwrap();
            assert_eq!(body["token_type"], "Bearer");
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000");
            assert!(!answer.headers.contains_key("connection"), "RFC 9113 8.2.2");
        }
        let raw = format!(
            "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{FORM}",
            server.authorization,
            FORM.len()
        );
        let mut stream = server.pair.connect(server.address, versions, HTTP_1_1).await.unwrap();
        stream.write_all(raw.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("access_token"), "{text}");
    }
    let request = server.pair.reqwest().post(server.url("/oauth/token"));
    let request = request.header("authorization", &server.authorization);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(FORM);
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_11));
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_the_minimum_holds_on_the_wire_before_and_after_a_reload() {
    let server = Server::start(TlsVersion::V1_3, &[]).await;
    assert!(server.speaks(&server.pair, TLS_1_3).await);
    assert!(!server.speaks(&server.pair, TLS_1_2).await);
    let before = Http2::connect(&server.pair, server.address).await;
    let next = pair();
    next.write(server.folder.path());
    server.running().reload().await;
    assert!(server.speaks(&next, TLS_1_3).await, "the new certificate is in force");
    assert!(!server.speaks(&server.pair, TLS_1_3).await, "and the old one is not");
    assert!(!server.speaks(&next, TLS_1_2).await, "the minimum is what it was");
    let answer = before.send(server.token_request(), FORM).await.unwrap();
    assert_eq!(answer.status, 200, "a connection of before goes on: {}", answer.text);

    // A broken pair: the one before stays, and so does the minimum.
    std::fs::write(server.folder.path().join("key.pem"), pair().key).unwrap();
    server.running().reload().await;
    assert!(server.speaks(&next, TLS_1_3).await);
    assert!(!server.speaks(&next, TLS_1_2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_change_are_read_without_being_asked() {
    let server = Server::start(TlsVersion::V1_2, &[]).await;
    let next = pair();
    next.write(server.folder.path());
    let begun = Watch::start();
    while !server.speaks(&next, ANY).await {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody looks at the files");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_over_tls_is_believed_nothing_and_a_proxy_that_its_client_came_in_clear() {
    let ask = async |server: &Server, proto: &str| {
        let mut request = server.token_request();
        request.headers_mut().insert("x-forwarded-proto", proto.parse().unwrap());
        request.headers_mut().insert("forwarded", format!("proto={proto}").parse().unwrap());
        Http2::connect(&server.pair, server.address).await.send(request, FORM).await.unwrap().status
    };
    let direct = Server::start(TlsVersion::V1_2, &[]).await;
    assert_eq!((ask(&direct, "https").await, ask(&direct, "http").await), (200, 200));
    let behind = Server::start(TlsVersion::V1_2, &["127.0.0.0/8"]).await;
    assert_eq!((ask(&behind, "https").await, ask(&behind, "http").await), (200, 400));
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_an_ambiguous_message_is_refused_under_tls_too() {
    let server = Server::start(TlsVersion::V1_2, &[]).await;
    let second = "GET /jwks HTTP/1.1\r\nHost: smuggled\r\nConnection: close\r\n\r\n";
    for lines in [
        "Content-Length: 29\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 29\r\n",
        "X-A: b\nContent-Length: 29\r\n",
    ] {
        let raw = format!(
            "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n{lines}\r\n\
             1d\r\n{FORM}\r\n0\r\n\r\n{second}"
        );
        let text = server.pair.raw(server.address, raw.as_bytes()).await.expect("the connection ends");
        assert!(text.starts_with("HTTP/1.1 400 "), "{lines}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{lines}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_over_http_2_host_and_authority_name_one_host_or_nobody_is_asked() {
    let server = Server::start(TlsVersion::V1_2, &[]).await;
    let connection = Http2::connect(&server.pair, server.address).await;
    let authority = format!("localhost:{}", server.address.port());
    for (hosts, expected) in [
        (vec![], 200),
        (vec![authority.clone()], 200),
        (vec![authority.to_uppercase()], 200),
        (vec!["other".to_owned()], 400),
        (vec![authority.clone(), authority.clone()], 400),
        (vec![String::new()], 400),
    ] {
        let mut request = Request::get(server.url("/jwks"));
        for host in &hosts {
            request = request.header("host", host);
        }
        let answer = connection.send(request.body(()).unwrap(), "").await.unwrap();
        assert_eq!(answer.status, expected, "{hosts:?}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_heads_and_bodies_have_the_limits_of_http_1_1() {
    let server = Server::start(TlsVersion::V1_2, &[]).await;
    let connection = Http2::connect(&server.pair, server.address).await;
    let long = Request::get(server.url("/jwks")).header("x-long", "a".repeat(17 * 1024)).body(()).unwrap();
    match connection.send(long, "").await {
        Ok(answer) => assert_eq!(answer.status, 431),
        Err(error) => assert!(error.is_reset() || error.is_go_away(), "{error}"),
    }
    let connection = Http2::connect(&server.pair, server.address).await;
    let short = Request::get(server.url("/jwks")).header("x-long", "a".repeat(8 * 1024)).body(()).unwrap();
    assert_eq!(connection.send(short, "").await.unwrap().status, 200);
    let answer = connection.send(server.token_request(), &format!("{FORM}&a={}", "b".repeat(70_000))).await;
    assert_eq!(answer.unwrap().status, 413);
    assert_eq!(connection.send(server.token_request(), FORM).await.unwrap().status, 200, "others go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_not_spoken_in_clear() {
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
    let running = grantor_server::serve::start_at(&config, None, Arc::new(SystemClock::new())).await.unwrap();
    let exchange = async |bytes: &[u8]| {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("it closes");
        answer
    };
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let answer = exchange(preface).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    let upgrade = "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: upgrade, http2-settings, close\r\nUpgrade: h2c\r\n\
                   HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let answer = String::from_utf8(exchange(upgrade.as_bytes()).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "an answer, and no 101: {answer}");
    assert!(!answer.to_lowercase().contains("strict-transport-security"), "no TLS, no promise: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_a_handshake_that_does_not_end_holds_up_nobody_and_is_ended() {
    let server = Server::start(TlsVersion::V1_2, &[]).await;
    let mut silent = Vec::new();
    for count in 0..50_usize {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The begin of a ClientHello, or nothing at all.
        stream.write_all(&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..count % 12]).await.unwrap();
        silent.push(stream);
    }
    let begun = Watch::start();
    let answer = Http2::connect(&server.pair, server.address).await.send(server.token_request(), FORM).await;
    assert_eq!(answer.unwrap().status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for mut stream in silent {
        let end = timeout(Duration::from_secs(20), stream.read(&mut [0; 64])).await;
        assert!(!matches!(end.expect("it is ended"), Ok(1..)), "nothing is said");
    }
    assert!(begun.elapsed() > Duration::from_secs(8), "ten seconds are given: {:?}", begun.elapsed());

    // Plain HTTP on the port of TLS: no answer that could carry anything.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /jwks HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("it closes");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_streams_in_flight_end_and_takes_no_new_ones() {
    let mut server = Server::start(TlsVersion::V1_2, &[]).await;
    let idle = Http2::connect(&server.pair, server.address).await;
    idle.send(server.token_request(), FORM).await.unwrap();
    let busy = Http2::connect(&server.pair, server.address).await;
    let mut sender = busy.0.clone().ready().await.unwrap();
    let (answer, mut body) = sender.send_request(server.token_request(), false).unwrap();
    body.send_data("grant_type=".into(), false).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopping = tokio::spawn(server.running.take().unwrap().shutdown());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!stopping.is_finished(), "a request is in flight");
    assert!(idle.send(server.token_request(), FORM).await.is_err(), "the idle connection has ended");
    body.send_data("client_credentials".into(), true).unwrap();
    let answer = client::read(answer.await.unwrap()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let begun = Watch::start();
    timeout(Duration::from_secs(8), stopping).await.expect("then it stops").unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(busy.send(server.token_request(), FORM).await.is_err());
}
