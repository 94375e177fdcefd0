//! The legal contract with a partner, as evidence: the hash of the signed file, not the file.

use serde::{Deserialize, Serialize};

use crate::env::UnixMillis;
use crate::name::NameError;

/// Longest reference to a contract, in characters.
const MAX_REFERENCE: usize = 200;

/// A contract that is recorded as signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Hash of the signed file.
    pub sha256: FileHash,
    /// When it was signed.
    pub signed_at: UnixMillis,
    /// Where the provider keeps it: a number, a name. May be empty.
    #[serde(default)]
    pub reference: String,
}

impl Contract {
    /// A contract as evidence.
    ///
    /// # Errors
    /// The sentence for the person who records it: signed in the future, or a reference that is no line of text.
    pub fn record(
        sha256: FileHash,
        signed_at: UnixMillis,
        reference: String,
        now: UnixMillis,
    ) -> Result<Self, NameError> {
        if signed_at > now {
            return Err(NameError("a contract is recorded after it is signed, not before"));
        }
        if reference.chars().count() > MAX_REFERENCE || reference.chars().any(char::is_control) {
            return Err(NameError("a reference has at most 200 characters and no control characters"));
        }
        Ok(Self { sha256, signed_at, reference })
    }
}

/// The SHA-256 of a file, as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FileHash(String);

impl FileHash {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for FileHash {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let lower = text.to_ascii_lowercase();
        if lower.len() != 64 || !lower.bytes().all(digit) {
            return Err(NameError("a SHA-256 is 64 hexadecimal digits, as sha256sum prints it"));
        }
        Ok(Self(lower))
    }
}

impl<'de> Deserialize<'de> for FileHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
