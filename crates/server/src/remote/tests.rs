//! What may be called, what is refused, what is cut off. Real sockets; names are resolved by the system.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::address::may_be_called;
use super::resolver::judge;
use super::*;
use crate::config::Ports;

/// Everything on this machine, in clear too.
fn open() -> Rules {
    Rules {
        allow: vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
        plain_http: PlainHttp::Allowed,
        ports: Ports::Any,
        extra_roots: None,
    }
}

fn remote(rules: Rules) -> Remote {
    let patience = Patience { total: Duration::from_millis(400), connect: Duration::from_millis(300) };
    Remote { patience, ..Remote::new(&rules).unwrap() }
}

const NOT_PUBLIC: [&str; 44] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];

const PUBLIC: [&str; 14] = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
];

#[test]
fn i06_no_address_that_is_not_public_may_be_called_and_its_neighbours_may() {
    for text in NOT_PUBLIC {
        assert!(!may_be_called(text.parse().unwrap(), &[]), "{text}");
    }
    for text in PUBLIC {
        assert!(may_be_called(text.parse().unwrap(), &[]), "{text}");
    }
    let allowed = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
    for text in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00::1"] {
        assert!(may_be_called(text.parse().unwrap(), &allowed), "{text}");
    }
    for text in ["11.0.0.1", "192.168.0.1"] {
        assert_eq!(may_be_called(text.parse().unwrap(), &allowed), text == "11.0.0.1", "{text}");
    }
}

#[test]
fn i06_an_address_in_a_url_is_refused_in_every_spelling() {
    let strict = Remote::new(&Rules::default()).unwrap();
    for text in NOT_PUBLIC {
        let host = if text.contains(':') { format!("[{text}]") } else { text.to_owned() };
        let refused = strict.target(&format!("https://{host}/hook")).err();
        assert_eq!(refused, Some(TargetError::Address), "{text}");
    }
    for host in [
        "2130706433",
        "0x7f000001",
        "0x7f.0x0.0x0.0x1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "0",
        "0x0",
        "0xa9fea9fe",
        "2852039166",
        "1.1.1",
        "%31%32%37.0.0.1",
        "127.0.0.%31",
    ] {
        let refused = strict.target(&format!("https://{host}/")).err();
        assert_eq!(refused, Some(TargetError::Spelling), "{host}");
    }
}

#[test]
fn i06_a_url_that_can_be_read_in_two_ways_or_leads_past_the_rules_is_refused() {
    let strict = Remote::new(&Rules::default()).unwrap();
    let long = format!("https://hooks.example/{}", "a".repeat(2048));
    for (url, why) in [
        ("http://hooks.example/", TargetError::Scheme),
        ("ftp://hooks.example/", TargetError::Scheme),
        ("file:///etc/passwd", TargetError::Scheme),
        ("gopher://hooks.example:443/", TargetError::Scheme),
        ("javascript:alert(1)", TargetError::Scheme),
        ("data:text/plain,x", TargetError::Scheme),
        ("hooks.example", TargetError::Unreadable),
        ("//hooks.example/", TargetError::Unreadable),
        ("https://", TargetError::Unreadable),
        ("https:hooks.example/", TargetError::Unreadable),
        ("https:///hooks.example/", TargetError::Unreadable),
        ("https://h%6foks.example/", TargetError::Unreadable),
        ("https:\\\\hooks.example\\", TargetError::Unreadable),
        ("https://hooks.example\\@127.0.0.1/", TargetError::Unreadable),
        ("https://hooks.example/\r\nHost: a", TargetError::Unreadable),
        ("https://hooks.ex\tample/", TargetError::Unreadable),
        (" https://hooks.example/", TargetError::Unreadable),
        ("https://１２７.0.0.1/", TargetError::Unreadable),
        ("https://[::1", TargetError::Unreadable),
        ("https://[fe80::1%25eth0]/", TargetError::Unreadable),
        (&long, TargetError::Unreadable),
        ("https://user@hooks.example/", TargetError::Credentials),
        ("https://user:pass@hooks.example/", TargetError::Credentials),
        ("https://hooks.example@127.0.0.1/", TargetError::Credentials),
        ("https://@hooks.example/", TargetError::Credentials),
        ("https://:@hooks.example/", TargetError::Credentials),
        ("https://hooks.example/#x", TargetError::Fragment),
        ("https://hooks.example:80/", TargetError::Port(Ports::Only(vec![443]))),
        ("https://hooks.example:22/", TargetError::Port(Ports::Only(vec![443]))),
        ("https://hooks.example:8443/", TargetError::Port(Ports::Only(vec![443]))),
    ] {
        assert_eq!(strict.target(url).err(), Some(why), "{url:?}");
    }
    for url in [
        "https://hooks.example/a?b=c",
        "https://hooks.example:443/",
        "https://1.1.1.1/",
        "https://[2606:4700::1]/",
    ] {
        assert!(strict.target(url).is_ok(), "{url}");
    }
}

#[test]
fn a_place_is_scheme_host_and_port() {
    let remote = Remote::new(&open()).unwrap();
    let same = |a: &str, b: &str| remote.target(a).unwrap().is_at_the_place_of(&remote.target(b).unwrap());
    assert!(same("https://hooks.example/a", "https://HOOKS.example:443/b?c"));
    assert!(!same("https://hooks.example/", "https://hooks.example.evil.test/"));
    assert!(!same("https://hooks.example/", "https://hooks.example:8443/"));
    assert!(!same("https://hooks.example/", "http://hooks.example:443/"));
}

#[test]
fn i06_a_name_with_one_address_inside_is_not_called_at_all() {
    let found = |addresses: &[&str]| {
        let found: Vec<_> =
            addresses.iter().map(|text| std::net::SocketAddr::new(text.parse().unwrap(), 0)).collect();
        judge(found.into_iter(), &[]).map(|judged| judged.len())
    };
    assert_eq!(found(&["1.1.1.1", "2606:4700::1"]), Ok(2));
    assert_eq!(found(&["1.1.1.1", "127.0.0.1"]), Err(Refusal::Forbidden));
    assert_eq!(found(&["169.254.169.254"]), Err(Refusal::Forbidden));
    assert_eq!(found(&["2606:4700::1", "::ffff:10.0.0.1"]), Err(Refusal::Forbidden));
    assert_eq!(found(&[]), Err(Refusal::Unresolved));
}

#[tokio::test]
async fn i06_a_name_that_leads_inside_is_refused_at_the_connection() {
    let server = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into()).await;
    let rules = Rules { allow: Vec::new(), ..open() };
    let strict = remote(rules);
    let url = format!("http://localhost:{}/", server.port);
    let refused = strict.get(&strict.target(&url).unwrap()).await.err();
    assert_eq!(refused, Some(Failure::Forbidden));
    assert_eq!(server.heard(), 0, "not even a connection");
    let opened = remote(open());
    assert_eq!(opened.get(&opened.target(&url).unwrap()).await.map(|answer| answer.status).unwrap(), 200);
    let nowhere = opened.target("https://nowhere.invalid/").unwrap();
    let failed = opened.get(&nowhere).await.err().unwrap();
    assert!(matches!(failed, Failure::Unresolved | Failure::Slow), "{failed:?}");
}

/// A server that answers every connection with the same bytes, and counts.
struct Server {
    port: u16,
    heard: Arc<AtomicUsize>,
}

impl Server {
    async fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (Arc::clone(&heard), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(reply(stream, Arc::clone(&answer)));
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }

    async fn ask(&self) -> Result<Answer, Failure> {
        let remote = remote(open());
        let target = remote.target(&format!("http://127.0.0.1:{}/hook", self.port)).unwrap();
        remote.post(&target, &[("webhook-id", "msg_1".to_owned())], "{}".to_owned()).await
    }
}

async fn reply(mut stream: TcpStream, answer: Arc<Vec<u8>>) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    // Nothing for ever, or a byte at a time.
    match answer.as_slice() {
        b"silence" => std::future::pending().await,
        [head @ .., b'~'] => {
            let _ = stream.write_all(head).await;
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if stream.write_all(b".").await.is_err() {
                    return;
                }
            }
        }
        whole => {
            let _ = stream.write_all(whole).await;
            let _ = stream.shutdown().await;
        }
    }
}

#[tokio::test]
async fn i06_a_redirect_is_an_answer_and_is_never_followed() {
    let inside = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret".into()).await;
    for status in [301, 302, 303, 307, 308] {
        let head = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
            inside.port
        );
        let server = Server::start(head.into()).await;
        assert_eq!(server.ask().await.map(|answer| answer.status).unwrap(), status);
        assert_eq!(server.heard(), 1);
    }
    assert_eq!(inside.heard(), 0);
}

#[tokio::test]
async fn i06_a_long_answer_is_cut_off_whatever_length_it_announces() {
    let body = |length: usize| "x".repeat(length);
    let with = |headers: &str, length| {
        Server::start(format!("HTTP/1.1 200 OK\r\n{headers}\r\n{}", body(length)).into())
    };
    let fits = with("content-length: 262144\r\n", LONGEST_ANSWER).await.ask().await.unwrap();
    assert_eq!(fits.body.len(), LONGEST_ANSWER);
    let announced = with("content-length: 307200\r\n", 300 * 1024).await;
    assert_eq!(announced.ask().await.err(), Some(Failure::Long));
    let unannounced = with("connection: close\r\n", 300 * 1024).await;
    assert_eq!(unannounced.ask().await.err(), Some(Failure::Long));
}

#[tokio::test]
async fn i06_a_slow_answer_is_cut_off_wherever_it_is_slow() {
    for answer in
        ["silence", "HTTP/1.1 200 OK\r\nx-drip: ~", "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n~"]
    {
        let server = Server::start(answer.into()).await;
        assert_eq!(server.ask().await.err(), Some(Failure::Slow), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart_from_nobody() {
    let broken = Server::start("SSH-2.0-OpenSSH_9.2\r\n".into()).await;
    assert_eq!(broken.ask().await.err(), Some(Failure::Broken));
    let short = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx".into()).await;
    assert_eq!(short.ask().await.err(), Some(Failure::Broken));
    let remote = remote(open());
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = remote.target(&format!("http://{free}/")).unwrap();
    assert_eq!(remote.get(&nobody).await.err(), Some(Failure::Unreachable));
}

#[tokio::test]
async fn nothing_is_unpacked_and_no_cookie_comes_back() {
    let packed = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nset-cookie: a=b\r\ncontent-length: 4\r\n\r\n\x1f\x0b\x08\x00";
    let server = Server::start(packed.into()).await;
    assert_eq!(server.ask().await.unwrap().body.as_ref(), b"\x1f\x0b\x08\x00");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = tokio::spawn(async move {
        let mut texts = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            texts.push(String::from_utf8_lossy(&request[..length]).to_ascii_lowercase());
            let answer = "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        texts
    });
    let remote = remote(open());
    let target = remote.target(&format!("http://127.0.0.1:{port}/")).unwrap();
    for _ in 0..2 {
        remote.get(&target).await.unwrap();
    }
    for text in seen.await.unwrap() {
        assert!(!text.contains("cookie") && !text.contains("accept-encoding"), "{text}");
        assert!(text.contains("user-agent: grantor\r\n"), "no version is told: {text}");
    }
}

/// A certificate authority in a file, and a server with a certificate that it has made out for a name.
async fn tls_server(name: &str) -> (tempfile::TempDir, PathBuf, u16) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = authority.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(authority, root_key);
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![leaf.der().clone()], private).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.pem");
    std::fs::write(&file, root.pem()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    (folder, file, port)
}

#[tokio::test]
async fn a_certificate_counts_only_for_its_name_and_from_an_authority_that_is_trusted() {
    let (_folder, root, port) = tls_server("localhost").await;
    let trusting = || Rules { extra_roots: Some(root.clone()), plain_http: PlainHttp::Refused, ..open() };
    let ask = async |rules: Rules, host: &str| {
        let remote = remote(rules);
        let target = remote.target(&format!("https://{host}:{port}/")).unwrap();
        remote.get(&target).await.map(|answer| answer.status)
    };
    assert_eq!(ask(trusting(), "localhost").await, Ok(204));
    assert_eq!(ask(trusting(), "127.0.0.1").await, Err(Failure::Tls), "another name");
    assert_eq!(ask(open(), "localhost").await, Err(Failure::Tls), "an authority that nobody knows");
}

#[test]
fn a_file_of_certificates_that_holds_none_is_told_at_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(file.path(), text).unwrap();
        let rules = Rules { extra_roots: Some(file.path().to_owned()), ..Rules::default() };
        let told = Remote::new(&rules).err().expect("must be refused").to_string();
        assert!(told.starts_with("remote.extra_roots: "), "{told}");
    }
}
