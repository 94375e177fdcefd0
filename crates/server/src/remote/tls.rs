//! Whom we believe who they are: the authorities of the system, and those of a file.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Why requests cannot leave; for the operator, at the start.
#[derive(Debug, thiserror::Error)]
pub enum RemoteSetupError {
    /// The file of `remote.extra_roots` cannot be used.
    #[error(
        "remote.extra_roots: {path} cannot be read, or holds no certificate in PEM form that can be used"
    )]
    ExtraRoots {
        /// The file.
        path: String,
    },
}

/// The certificates of the file, if one is named.
pub(super) fn extra_roots(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, RemoteSetupError> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let unusable = || RemoteSetupError::ExtraRoots { path: file.display().to_string() };
    let found: Vec<_> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(|_| unusable())?;
    let mut store = RootCertStore::empty();
    for certificate in &found {
        store.add(certificate.clone()).map_err(|_| unusable())?;
    }
    if found.is_empty() { Err(unusable()) } else { Ok(found) }
}

/// TLS 1.2 and 1.3 with the system's authorities and these. There is no setting that leaves a certificate unchecked.
pub(super) fn client_config(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(extra);
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let versions =
        ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions()?;
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
