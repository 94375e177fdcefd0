//! Which signature algorithms exist for us. What is not in the enum cannot be asked for: no `none`, no HMAC.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::TokenError;

/// A JWS signature algorithm (RFC 7518 section 3, RFC 8037 section 3.1). All are asymmetric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3), for old clients.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256, salt of 32 bytes (RFC 7518 section 3.5).
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256 with SHA-256, signature of 64 bytes (RFC 7518 section 3.4).
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519 (RFC 8037 section 3.1). We write `EdDSA`, and also read the newer name `Ed25519` (RFC 9864).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, in the order of the enum.
    pub const ALL: [Algorithm; 4] = [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa];

    /// The name as it stands in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Ps256 => "PS256",
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// Reads an `alg` that somebody else wrote. RFC 9864 section 2.2 gives Ed25519 a name of its own; it means
    /// the same signature as `EdDSA` with an Ed25519 key.
    pub(crate) fn from_wire(name: &str) -> Option<Algorithm> {
        match name {
            "Ed25519" => Some(Algorithm::EdDsa),
            _ => name.parse().ok(),
        }
    }
}

impl FromStr for Algorithm {
    type Err = TokenError;

    /// Exact case only: `alg` is case-sensitive (RFC 7515 section 4.1.1).
    ///
    /// # Errors
    /// [`TokenError::UnsupportedAlgorithm`] for any other name.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == name).ok_or(TokenError::UnsupportedAlgorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
