//! TLS that ends here: a certificate and its key, read at the start and whenever their files change.
//!
//! What changes is the certificate alone. Versions, ciphers and protocols are settled when the process starts and stand in a value
//! that nothing replaces, so reading files again cannot loosen them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SupportedProtocolVersion};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::config::{Tls, TlsVersion};

/// The name of HTTP/2 where protocols are agreed on (RFC 9113 section 3.2).
pub const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Longest file, in bytes. A chain has some thousand.
const LONGEST: u64 = 256 * 1024;

/// Why a certificate and its key cannot be used. Nothing of a key file's content is repeated.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {} ({setting}): {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The setting that names it.
        setting: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Something else than a file of a reasonable length.
    #[error("{} ({setting}) is no file of at most {LONGEST} bytes", path.display())]
    NoFile {
        /// What it names.
        path: PathBuf,
        /// The setting that names it.
        setting: &'static str,
    },
    /// No certificate, or one that cannot be read.
    #[error(
        "{} (tls.cert) holds no certificates that can be read. Write them in PEM, each whole from -----BEGIN CERTIFICATE----- to \
         -----END CERTIFICATE-----: the server's own first, then those that lead to its authority",
        .0.display()
    )]
    NoCertificate(PathBuf),
    /// No key, or one that cannot be read.
    #[error(
        "{} (tls.key) holds no private key that can be read. Write it in PEM and without a passphrase, as \
         `openssl pkey -in OLD -out NEW` does",
        .0.display()
    )]
    NoKey(PathBuf),
    /// A key of a kind that TLS does not take.
    #[error(
        "the key in {} (tls.key) cannot be used. Take an ECDSA key (P-256 or P-384), an Ed25519 key, or an RSA key of 2048 to 8192 bits",
        .0.display()
    )]
    UnusableKey(PathBuf),
    /// The key of another certificate.
    #[error(
        "the key in {} (tls.key) does not belong to the first certificate in {} (tls.cert). Put the server's own certificate \
         first, or name the key that it was made for",
        key.display(),
        cert.display()
    )]
    OtherKey {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// TLS cannot be set up with these versions.
    #[error("TLS cannot be set up: {0}")]
    SetUp(#[from] rustls::Error),
}

/// The certificate in force. It is chosen for every handshake, so a new one needs no new listener.
pub struct Certificates {
    settings: Tls,
    provider: Arc<CryptoProvider>,
    in_force: ArcSwap<CertifiedKey>,
    seen: Mutex<Seen>,
}

/// What the last look found.
#[derive(Default)]
struct Seen {
    /// The files that are in force; `None` if what is there now could not be used.
    used: Option<[Mark; 2]>,
    /// What was told, so that it is told once.
    told: Option<String>,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Certificates {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn open(settings: &Tls) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let seen = Seen { used: marks(settings), told: None };
        let in_force = ArcSwap::from_pointee(read(settings, &provider)?);
        if others_read(&settings.key) {
            tracing::warn!(file = %settings.key.display(), "every user of this machine can read the private key of tls.key");
        }
        Ok(Arc::new(Self { settings: settings.clone(), provider, in_force, seen: Mutex::new(seen) }))
    }

    /// How TLS is spoken with whatever certificate is in force: HTTP/2 or HTTP/1.1, no version below the minimum, no
    /// renegotiation, no early data (it could be sent twice).
    ///
    /// # Errors
    /// [`TlsError::SetUp`].
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(versions(self.settings.min_version))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(InForce(self.clone())));
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        Ok(Arc::new(config))
    }

    /// Reads the files again and takes them into force for every handshake from now on.
    ///
    /// # Errors
    /// See [`TlsError`]; what was in force stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.reload_seen(&mut seen)
    }

    fn reload_seen(&self, seen: &mut Seen) -> Result<(), TlsError> {
        // Taken before the files are read: what is written meanwhile is another state.
        let marks = marks(&self.settings);
        seen.used = None;
        self.in_force.store(Arc::new(read(&self.settings, &self.provider)?));
        *seen = Seen { used: marks, told: None };
        Ok(())
    }

    /// Reads the files again if they have changed, or if they could not be used the last time: of two files one comes first.
    fn look(&self, always: Always) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = seen.used.is_some() && seen.used == marks(&self.settings);
        if unchanged && always == Always::No {
            return;
        }
        match self.reload_seen(&mut seen) {
            Ok(()) => {
                tracing::info!(file = %self.settings.cert.display(), "the certificate was read again and is in force");
            }
            Err(error) => {
                let text = error.to_string();
                if always == Always::Yes || seen.told.as_ref() != Some(&text) {
                    tracing::error!("{text}. The certificate of before stays in force");
                }
                seen.told = Some(text);
            }
        }
    }
}

/// Whether files are read that have not changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Always {
    Yes,
    No,
}

/// Reads the certificate and its key again, and tells in the log how it ended.
pub async fn reload(certificates: Arc<Certificates>) {
    // A panic there would be told by the runtime; the certificate of before stays.
    let _ = tokio::task::spawn_blocking(move || certificates.look(Always::Yes)).await;
}

/// Reads the certificate and its key again when their files change, until `stop` says so.
pub async fn watch_files(certificates: Arc<Certificates>, mut stop: watch::Receiver<bool>) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = stop.changed() => return,
        }
        let certificates = certificates.clone();
        let _ = tokio::task::spawn_blocking(move || certificates.look(Always::No)).await;
    }
}

/// Answers every handshake with the certificate in force, whatever name it asks for.
struct InForce(Arc<Certificates>);

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InForce")
    }
}

impl ResolvesServerCert for InForce {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.in_force.load_full())
    }
}

static FROM_1_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
static FROM_1_3: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        TlsVersion::V1_2 => FROM_1_2,
        TlsVersion::V1_3 => FROM_1_3,
    }
}

/// Reads both files and checks that they belong together.
fn read(settings: &Tls, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let no_certificate = || TlsError::NoCertificate(settings.cert.clone());
    let text = content(&settings.cert, "tls.cert")?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|_| no_certificate())?;
    if chain.is_empty() || chain.iter().any(|certificate| ParsedCertificate::try_from(certificate).is_err()) {
        return Err(no_certificate());
    }
    let text = content(&settings.key, "tls.key")?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsError::NoKey(settings.key.clone()))?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| TlsError::UnusableKey(settings.key.clone()))?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Ok(()) => Ok(pair),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(TlsError::OtherKey { cert: settings.cert.clone(), key: settings.key.clone() })
        }
        // A key that cannot tell its public half may be the key of anything.
        Err(_) => Err(TlsError::UnusableKey(settings.key.clone())),
    }
}

/// The content of a file of a reasonable length: neither a pipe, which would be waited for, nor a device without an end.
fn content(path: &Path, setting: &'static str) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), setting, source };
    let no_file = || TlsError::NoFile { path: path.to_owned(), setting };
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(no_file());
    }
    let mut text = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(failed)?;
    file.take(LONGEST + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > LONGEST {
        return Err(no_file());
    }
    Ok(text)
}

/// The state of both files; `None` while one cannot be seen. Links are followed: tools replace files by moving links.
fn marks(settings: &Tls) -> Option<[Mark; 2]> {
    let mark = |path: &Path| {
        let data = std::fs::metadata(path).ok()?;
        let changed = (data.mtime(), data.mtime_nsec());
        Some(Mark { device: data.dev(), inode: data.ino(), length: data.len(), changed })
    };
    Some([mark(&settings.cert)?, mark(&settings.key)?])
}

fn others_read(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
