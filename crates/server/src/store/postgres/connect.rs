//! How a connection to PostgreSQL is made: TLS, limits of time, the settings of its session.

use std::path::Path;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinHandle;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PgOptions;
use super::failure::chain;
use crate::store::sql::StoreError;

/// For one address of the server.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// For all addresses, TLS, the log-in and the settings.
const READY_WITHIN: Duration = Duration::from_secs(15);
/// Without an acknowledgement for so long, the other side is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Many reads at the same time.
    Reading,
    /// One unit at a time.
    Writing,
    /// Looking at the schema and changing it, while nobody else uses the connection.
    Schema,
}

/// The task that moves the bytes of a connection, until it ends.
pub(super) type Moving = JoinHandle<Result<(), tokio_postgres::Error>>;

/// Makes connections.
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// Reads the certificates to trust, if TLS may be spoken.
    pub(super) fn new(options: &PgOptions) -> Result<Self, StoreError> {
        let mut config = options.config.clone();
        // A standby tells what was true a while ago; a token revoked since would still be good there.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WITHIN);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        // The driver's default of two hours would keep a dead connection for as long.
        if config.get_keepalives_interval().is_none() {
            config.keepalives_idle(Duration::from_secs(30));
            config.keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
        }
        let roots = match config.get_ssl_mode() {
            SslMode::Disable => RootCertStore::empty(),
            _ => trusted(options.root_certificates.as_deref())?,
        };
        Ok(Self { config, tls: MakeRustlsConnect::new(tls(roots)?) })
    }

    /// A connection that is ready for its purpose, and the task that moves its bytes.
    pub(super) async fn connect(&self, purpose: Purpose) -> Result<(Client, Moving), StoreError> {
        let ready = tokio::time::timeout(READY_WITHIN, self.open(purpose)).await;
        ready.unwrap_or_else(|_| Err(StoreError::Unavailable("PostgreSQL does not answer".into())))
    }

    async fn open(&self, purpose: Purpose) -> Result<(Client, Moving), StoreError> {
        let failed = |error: tokio_postgres::Error| {
            StoreError::Unavailable(format!("PostgreSQL cannot be used: {}", chain(&error)))
        };
        let (client, connection) = self.config.connect(self.tls.clone()).await.map_err(failed)?;
        if let Some(encoding) = connection.parameter("server_encoding").filter(|name| *name != "UTF8") {
            return Err(StoreError::Unavailable(format!(
                "the database has the encoding {encoding}. Make one with UTF8: \
                 CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
            )));
        }
        let moving = tokio::spawn(connection);
        client.batch_execute(&settings(purpose)).await.map_err(failed)?;
        Ok((client, moving))
    }
}

/// The settings of a session, in one round trip.
fn settings(purpose: Purpose) -> String {
    match purpose {
        Purpose::Reading => format!("{READ_ONLY}; {LIMITS}; {}", TELL),
        // A unit says READ WRITE when it begins. What is sent after a BEGIN that failed would be committed statement by
        // statement; so it is refused. A transaction that a dead client left open ends by itself. An answer may not
        // leave before its unit is durable, whatever the default of the role is.
        Purpose::Writing => format!(
            "{READ_ONLY}; {LIMITS}; SET idle_in_transaction_session_timeout = '10s'; \
             SELECT set_config('synchronous_commit', 'on', false) \
             WHERE current_setting('synchronous_commit') = 'off'; {}",
            TELL
        ),
        // Another node may be changing the schema: worth waiting for. So may a large table be.
        Purpose::Schema => "SET lock_timeout = '60s'; SET statement_timeout = '15min'; \
                            SET idle_in_transaction_session_timeout = '60s'"
            .to_owned(),
    }
}

/// Tells that somebody works on the database: takes a shared lock until the connection ends. The number is "grantor" and 1,
/// as bytes.
pub(super) const TELL: &str = "SELECT pg_advisory_lock_shared(7454127460279349761)";
const READ_ONLY: &str = "SET default_transaction_read_only = on";
/// Whoever waits longer for a row is told that there was a conflict.
const LIMITS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'";

/// TLS as it is meant to be: the certificate must lead to one that is trusted and must name the host. There is no
/// setting that gives this up.
fn tls(roots: RootCertStore) -> Result<ClientConfig, StoreError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let versions = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| StoreError::Unavailable(format!("TLS: {error}")))?;
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    // PostgreSQL 17 and newer demand it where TLS begins without asking first.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

/// The certificates of the file, else those that the machine trusts.
fn trusted(file: Option<&Path>) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let text = "this machine trusts no certificates. Name a file with those of the server's authority \
                        as sslrootcert=FILE in the database URL";
            return Err(StoreError::Unavailable(text.into()));
        }
        return Ok(roots);
    };
    let unusable = |why: String| StoreError::Unavailable(format!("sslrootcert {}: {why}", file.display()));
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is no certificate in it".into()));
    }
    Ok(roots)
}
