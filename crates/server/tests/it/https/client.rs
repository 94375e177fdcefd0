//! Clients of TLS: a certificate to trust, a handshake, one exchange by HTTP/2 or in raw bytes.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use grantor_server::clock::{Clock as _, SystemClock};
use http::{HeaderMap, Request};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

pub(crate) static ANY: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
pub(crate) static TLS_1_2: &[&SupportedProtocolVersion] = &[&version::TLS12];
pub(crate) static TLS_1_3: &[&SupportedProtocolVersion] = &[&version::TLS13];

pub(crate) const HTTP_2: &str = "h2";
pub(crate) const HTTP_1_1: &str = "http/1.1";

/// A certificate for `localhost`, which is its own authority, and its key.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
}

pub(crate) fn pair() -> Pair {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    Pair { cert: cert.pem(), key: key.serialize_pem() }
}

impl Pair {
    /// Writes `cert.pem` and `key.pem`.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("cert.pem"), &self.cert).unwrap();
        std::fs::write(folder.join("key.pem"), &self.key).unwrap();
        std::fs::set_permissions(folder.join("key.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A handshake by a client that trusts this certificate.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        versions: &'static [&'static SupportedProtocolVersion],
        protocol: &str,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let client = client.with_protocol_versions(versions).unwrap();
        let mut client = client.with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(client)).connect(name, stream).await
    }

    /// Speaks HTTP/1.1 over TLS to `localhost` at this port.
    pub(crate) fn reqwest(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.cert.as_bytes()).unwrap();
        reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap()
    }

    /// Sends bytes over TLS; what comes back until the server closes, or `None` if it does not.
    pub(crate) async fn raw(&self, address: SocketAddr, bytes: &[u8]) -> Option<String> {
        let mut stream = self.connect(address, ANY, HTTP_1_1).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let reading = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        // Whoever closes in haste does not say good-bye.
        let _ = reading.ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// How long something takes, by the server's own clock.
pub(crate) struct Watch(SystemClock, Duration);

impl Watch {
    pub(crate) fn start() -> Self {
        let clock = SystemClock::new();
        let begun = clock.monotonic();
        Self(clock, begun)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.monotonic() - self.1
    }
}

/// An answer by HTTP/2.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A connection that speaks HTTP/2.
pub(crate) struct Http2(pub(crate) h2::client::SendRequest<bytes::Bytes>);

impl Http2 {
    pub(crate) async fn connect(pair: &Pair, address: SocketAddr) -> Self {
        let stream = pair.connect(address, ANY, HTTP_2).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(HTTP_2.as_bytes()));
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    pub(crate) async fn send(&self, request: Request<()>, body: &str) -> Result<Answer, h2::Error> {
        let mut sender = self.0.clone().ready().await?;
        let (answer, mut stream) = sender.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            stream.send_data(bytes::Bytes::copy_from_slice(body.as_bytes()), true)?;
        }
        read(answer.await?).await
    }
}

/// Reads an answer to its end.
pub(crate) async fn read(answer: http::Response<h2::RecvStream>) -> Result<Answer, h2::Error> {
    let (parts, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        let _ = body.flow_control().release_capacity(data.len());
        bytes.extend_from_slice(&data);
    }
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        text: String::from_utf8(bytes).unwrap(),
    })
}
