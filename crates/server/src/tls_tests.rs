//! What is taken for a certificate and its key, what is in force after a reload, and which versions are spoken then.

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, SignatureAlgorithm};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use tempfile::TempDir;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

/// A folder with the files that settings name.
struct Files {
    folder: TempDir,
    settings: Tls,
}

/// A certificate for `localhost` and its key, in PEM.
#[derive(Clone)]
struct Pair {
    cert: String,
    key: String,
}

fn pair_of(algorithm: &'static SignatureAlgorithm) -> Pair {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let cert = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    Pair { cert: cert.pem(), key: key.serialize_pem() }
}

fn pair() -> Pair {
    pair_of(&rcgen::PKCS_ECDSA_P256_SHA256)
}

impl Files {
    fn with(pair: &Pair) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let files = Self { settings: Tls { cert, key, min_version: TlsVersion::V1_2 }, folder };
        files.write(pair);
        files
    }

    fn write(&self, pair: &Pair) {
        self.write_cert(&pair.cert);
        self.write_key(&pair.key);
    }

    fn write_cert(&self, content: impl AsRef<[u8]>) {
        std::fs::write(&self.settings.cert, content).unwrap();
    }

    fn write_key(&self, content: impl AsRef<[u8]>) {
        std::fs::write(&self.settings.key, content).unwrap();
    }

    fn open(&self) -> Result<Arc<Certificates>, TlsError> {
        Certificates::open(&self.settings)
    }

    fn refusal(&self) -> TlsError {
        self.open().err().expect("must be refused")
    }
}

/// What was agreed on, or `None` if there was no agreement. The client trusts one certificate and speaks these versions.
async fn handshake(
    server: &Arc<ServerConfig>,
    trusted: &Pair,
    spoken: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> Option<(ProtocolVersion, Option<Vec<u8>>)> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.cert.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_protocol_versions(spoken).unwrap();
    let mut client = client.with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let (here, there) = tokio::io::duplex(64 * 1024);
    let connector = TlsConnector::from(Arc::new(client));
    let name = ServerName::try_from("localhost").unwrap();
    let acceptor = TlsAcceptor::from(server.clone());
    let (client, server) = tokio::join!(connector.connect(name, here), acceptor.accept(there));
    let (client, _) = (client.ok()?, server.ok()?);
    let state = client.get_ref().1;
    Some((state.protocol_version()?, state.alpn_protocol().map(<[u8]>::to_vec)))
}

async fn version(
    server: &Arc<ServerConfig>,
    trusted: &Pair,
    spoken: &'static SupportedProtocolVersion,
) -> bool {
    handshake(server, trusted, &[spoken], &[]).await.is_some_and(|(agreed, _)| agreed == spoken.version)
}

#[tokio::test]
async fn m13_junk_is_refused_with_a_sentence_and_never_a_panic() {
    let (good, other) = (pair(), pair());
    let binary: Vec<u8> = (0..=255).cycle().take(4_096).collect();
    let base64 = good.cert.lines().nth(1).unwrap();
    let certificates: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("binary", binary.clone()),
        ("zeros", vec![0; 4_096]),
        ("text", b"not a certificate".to_vec()),
        ("a key", good.key.clone().into_bytes()),
        ("no end", good.cert.replace("-----END CERTIFICATE-----", "").into_bytes()),
        ("cut", good.cert.as_bytes()[..good.cert.len() / 2].to_vec()),
        ("no base64", good.cert.replace(base64, "!!!! no base64 !!!!").into_bytes()),
        ("a line less", good.cert.replace(base64, "").into_bytes()),
        ("an empty section", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_vec()),
        ("one byte", b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n".to_vec()),
        ("endless length", b"-----BEGIN CERTIFICATE-----\nMIT/////\n-----END CERTIFICATE-----\n".to_vec()),
        (
            "junk behind it",
            format!("{}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", good.cert).into(),
        ),
        ("only begins", "-----BEGIN ".repeat(1_000).into_bytes()),
    ];
    for (name, content) in certificates {
        let files = Files::with(&good);
        files.write_cert(content);
        let told = files.refusal();
        assert!(matches!(told, TlsError::NoCertificate(_)), "{name}: {told}");
        assert!(told.to_string().contains("cert.pem (tls.cert) holds no certificates"), "{told}");
    }
    let secret = good.key.lines().nth(1).unwrap();
    let keys: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("binary", binary),
        ("a certificate", good.cert.clone().into_bytes()),
        ("a public key", b"-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n".to_vec()),
        ("with a passphrase", good.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY").into_bytes()),
        ("cut", good.key.as_bytes()[..good.key.len() / 2].to_vec()),
        (
            "another begin",
            good.key.replace("-----BEGIN PRIVATE KEY-----", &format!("-----BEGIN {secret}")).into(),
        ),
    ];
    for (name, content) in keys {
        let files = Files::with(&good);
        files.write_key(content);
        let told = files.refusal();
        assert!(matches!(told, TlsError::NoKey(_)), "{name}: {told}");
        assert!(told.to_string().contains("openssl pkey") && !told.to_string().contains(secret), "{told}");
    }
    let files = Files::with(&good);
    files.write_key(format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"));
    let told = files.refusal();
    assert!(matches!(told, TlsError::UnusableKey(_)) && !told.to_string().contains(secret), "{told}");
    files.write_key(&other.key);
    let told = files.refusal();
    assert!(matches!(told, TlsError::OtherKey { .. }), "{told}");
    assert!(told.to_string().contains("does not belong to the first certificate"), "{told}");
    files.write_cert(format!("{}{}", other.cert, good.cert));
    assert!(files.open().is_ok(), "the first certificate is the server's own");
}

#[tokio::test]
async fn m13_every_cut_and_every_changed_byte_of_both_files_is_survived() {
    let good = pair();
    let files = Files::with(&good);
    for length in 0..good.cert.len() {
        files.write_cert(&good.cert.as_bytes()[..length]);
        // The last line feed may be missing.
        assert!(files.open().is_err() || length + 1 == good.cert.len(), "{length} bytes of a certificate");
    }
    files.write_cert(&good.cert);
    for length in 0..good.key.len() {
        files.write_key(&good.key.as_bytes()[..length]);
        assert!(files.open().is_err() || length + 1 == good.key.len(), "{length} bytes of a key");
    }
    files.write_key(&good.key);
    for at in (0..good.cert.len()).step_by(3) {
        for change in [0x01, 0x20, 0x80] {
            let mut bytes = good.cert.clone().into_bytes();
            bytes[at] ^= change;
            files.write_cert(bytes);
            // Some changes are none: in a name, in the signature, which is the client's to check.
            let _ = files.open();
        }
    }
}

#[test]
fn what_is_no_file_of_a_reasonable_length_is_not_read() {
    let good = pair();
    let files = Files::with(&good);
    let mut settings = files.settings.clone();
    for (path, told) in [
        (files.folder.path().to_owned(), "is no file"),
        (PathBuf::from("/dev/zero"), "is no file"),
        (files.folder.path().join("nothing"), "cannot read"),
    ] {
        settings.key = path;
        let error = Certificates::open(&settings).err().unwrap().to_string();
        assert!(error.contains(told) && error.contains("(tls.key)"), "{error}");
    }
    files.write_key(vec![b'\n'; LONGEST as usize + 1]);
    assert!(matches!(files.refusal(), TlsError::NoFile { .. }));
}

#[tokio::test]
async fn keys_of_every_usual_kind_are_taken_and_two_protocols_are_offered() {
    for algorithm in [&PKCS_ED25519, &PKCS_RSA_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
        let pair = pair_of(algorithm);
        let files = Files::with(&pair);
        let server = files.open().unwrap().server_config().unwrap();
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let agreed = handshake(&server, &pair, &versions, &[HTTP_1_1, HTTP_2]).await;
        assert_eq!(agreed, Some((ProtocolVersion::TLSv1_3, Some(HTTP_2.to_vec()))), "we prefer HTTP/2");
        let agreed = handshake(&server, &pair, &versions, &[HTTP_1_1]).await;
        assert_eq!(agreed, Some((ProtocolVersion::TLSv1_3, Some(HTTP_1_1.to_vec()))));
        assert_eq!(handshake(&server, &pair, &versions, &[b"h3"]).await, None);
        assert_eq!(handshake(&server, &pair, &versions, &[]).await, Some((ProtocolVersion::TLSv1_3, None)));
    }
}

#[tokio::test]
async fn m13_the_minimum_is_in_force_and_stays_so_after_every_reload() {
    let first = pair();
    for oldest in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let mut files = Files::with(&first);
        files.settings.min_version = oldest;
        let certificates = files.open().unwrap();
        let server = certificates.server_config().unwrap();
        let mut now = first.clone();
        for _ in 0..3 {
            assert!(version(&server, &now, &rustls::version::TLS13).await);
            assert_eq!(version(&server, &now, &rustls::version::TLS12).await, oldest == TlsVersion::V1_2);
            now = pair();
            files.write(&now);
            certificates.reload().unwrap();
        }
    }
}

#[tokio::test]
async fn a_new_pair_is_in_force_for_the_next_handshake_and_a_broken_one_never() {
    let (old, new) = (pair(), pair());
    let files = Files::with(&old);
    let certificates = files.open().unwrap();
    let server = certificates.server_config().unwrap();
    let speaks = async |pair: &Pair| version(&server, pair, &rustls::version::TLS13).await;
    // One file after the other, as tools write them.
    files.write_cert(&new.cert);
    certificates.look(Always::No);
    assert!(speaks(&old).await, "half a change is none");
    assert!(matches!(certificates.reload(), Err(TlsError::OtherKey { .. })));
    files.write_key(&new.key);
    certificates.look(Always::No);
    assert!(speaks(&new).await && !speaks(&old).await);
    for junk in ["", "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"] {
        files.write_cert(junk);
        certificates.look(Always::No);
        certificates.look(Always::Yes);
        assert!(speaks(&new).await);
    }
    std::fs::remove_file(&files.settings.key).unwrap();
    certificates.look(Always::No);
    assert!(speaks(&new).await);
    files.write(&old);
    certificates.look(Always::No);
    assert!(speaks(&old).await);
}

#[tokio::test]
async fn a_link_that_is_moved_is_a_change_and_an_unchanged_file_is_not_read_again() {
    let (old, new) = (pair(), pair());
    let files = Files::with(&old);
    let folder = files.folder.path();
    for (name, pair) in [("one", &old), ("two", &new)] {
        std::fs::create_dir(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join("cert.pem"), &pair.cert).unwrap();
        std::fs::write(folder.join(name).join("key.pem"), &pair.key).unwrap();
    }
    let link = folder.join("current");
    std::os::unix::fs::symlink(folder.join("one"), &link).unwrap();
    let settings = Tls { cert: link.join("cert.pem"), key: link.join("key.pem"), ..files.settings.clone() };
    let certificates = Certificates::open(&settings).unwrap();
    let before = certificates.in_force.load_full();
    certificates.look(Always::No);
    assert!(Arc::ptr_eq(&before, &certificates.in_force.load_full()), "nothing has changed");
    std::os::unix::fs::symlink(folder.join("two"), folder.join("next")).unwrap();
    std::fs::rename(folder.join("next"), &link).unwrap();
    certificates.look(Always::No);
    let server = certificates.server_config().unwrap();
    assert!(version(&server, &new, &rustls::version::TLS13).await);
}
