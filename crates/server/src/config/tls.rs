//! TLS that ends here: the settings of the section `[tls]`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::layers::{Layers, Resolved};
use super::refusal::{ConfigError, Origin};
use super::{Effective, PathText, note, note_optional, setting};

/// Section `[tls]`: a certificate, its key, and the oldest version that is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificate and those that lead to its authority, the server's own first.
    pub cert: PathBuf,
    /// PEM file with the certificate's private key.
    pub key: PathBuf,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
}

/// A version of TLS. Older ones are not spoken at all (RFC 8996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

/// The flags `--tls-cert` and `--tls-key`.
#[derive(Default, Clone)]
pub struct TlsFlags {
    /// `--tls-cert`
    pub cert: Option<PathBuf>,
    /// `--tls-key`
    pub key: Option<PathBuf>,
}

impl Tls {
    /// Reads the section; `None` if it names no certificate.
    pub(super) fn read(
        layers: &Layers<'_>,
        flags: TlsFlags,
        effective: &mut Vec<Effective>,
    ) -> Result<Option<Self>, ConfigError> {
        let (cert, cert_origin) = path(layers, &setting::TLS_CERT, flags.cert, "--tls-cert")?;
        let cert = note_optional(effective, &setting::TLS_CERT, Ok((cert, cert_origin.clone())))?;
        let (key, key_origin) = path(layers, &setting::TLS_KEY, flags.key, "--tls-key")?;
        let key = note_optional(effective, &setting::TLS_KEY, Ok((key, key_origin.clone())))?;
        let min_version = layers.resolve(&setting::TLS_MIN_VERSION, None);
        let min_version = note(effective, &setting::TLS_MIN_VERSION, min_version)?;
        // One of the two and plain HTTP instead of TLS: nobody means that.
        let alone = |setting: &setting::Setting, origin, missing: &setting::Setting| ConfigError::Value {
            setting: setting.name,
            origin,
            message: format!("a certificate and its key are set together; {} is missing", missing.name),
        };
        match (cert, key) {
            (None, None) => Ok(None),
            (Some(PathText(cert)), Some(PathText(key))) => Ok(Some(Self { cert, key, min_version })),
            (Some(_), None) => Err(alone(&setting::TLS_CERT, cert_origin, &setting::TLS_KEY)),
            (None, Some(_)) => Err(alone(&setting::TLS_KEY, key_origin, &setting::TLS_CERT)),
        }
    }
}

fn path(
    layers: &Layers<'_>,
    setting: &setting::Setting,
    flag: Option<PathBuf>,
    name: &'static str,
) -> Resolved<Option<PathText>> {
    match flag {
        Some(path) => Ok((Some(PathText(path)), Origin::Flag(name))),
        None => layers.resolve_optional(setting),
    }
}

/// The text is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write \"1.2\" or \"1.3\"; older versions of TLS are broken and not spoken")]
pub struct TlsVersionError;

impl FromStr for TlsVersion {
    type Err = TlsVersionError;

    fn from_str(text: &str) -> Result<Self, TlsVersionError> {
        match text {
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            _ => Err(TlsVersionError),
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        })
    }
}
