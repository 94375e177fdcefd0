//! Short names of configured things, and the client id that a partner may choose.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::form;

/// Why a name was refused; the text is for the person who chose it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(pub &'static str);

/// A name in paths and manifests: 1 to 63 of `a-z 0-9 - _`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 63 {
            return Err(NameError("a name has 1 to 63 characters"));
        }
        if !text.chars().all(allowed) || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(NameError("a name holds only a-z, 0-9, - and _, and begins with a letter or digit"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The public id of an app. Chosen by the partner or generated; never reused within its environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientId(String);

/// Beginnings that stand for something else: a client id must never be mistaken for a user's `sub` (RFC 9700 4.15),
/// for another kind of id, or for a client id metadata document.
const RESERVED_BEGINNINGS: [&str; 9] =
    ["usr_", "key_", "env_", "api_", "opr_", "ten_", "grantor", "https://", "http://"];

impl ClientId {
    /// The longest client id, in bytes.
    pub const MAX: usize = 128;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two client ids of one environment may not share: letter case and form-encoding do not make a difference
    /// that a person would see, or that HTTP Basic would carry unambiguously.
    pub fn skeleton(&self) -> String {
        let mut text = self.0.clone();
        // An id may have been encoded more than once; each round shortens the text, so this ends.
        while let Some(decoded) = form::decode_component(&text).filter(|decoded| *decoded != text) {
            text = decoded;
        }
        text.trim().to_ascii_lowercase()
    }
}

impl FromStr for ClientId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > Self::MAX {
            return Err(NameError("a client id has 1 to 128 characters"));
        }
        if text.contains(':') {
            return Err(NameError("a client id cannot hold a colon: HTTP Basic ends the id there"));
        }
        if !text.bytes().all(|byte| (0x20..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\') {
            return Err(NameError("a client id holds printable ASCII without quotation mark and backslash"));
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(NameError("a client id neither begins nor ends with a space"));
        }
        let id = Self(text.to_owned());
        let skeleton = id.skeleton();
        if RESERVED_BEGINNINGS.iter().any(|reserved| skeleton.starts_with(reserved)) {
            return Err(NameError("this beginning is reserved; choose another client id"));
        }
        if skeleton.contains(':')
            || skeleton.bytes().any(|byte| byte < 0x20 || byte == 0x7f)
            || skeleton.is_empty()
        {
            return Err(NameError("a client id cannot hold an encoded colon or control character"));
        }
        Ok(id)
    }
}

macro_rules! text_traits {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_traits!(Name);
text_traits!(ClientId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_or_control_character_is_refused_plain_and_encoded() {
        for bad in
            ["a:b", "a%3Ab", "a%253ab", "a\u{0}b", "a%00b", "a\nb", "", " a", "a ", "a\"b", "a\\b", "é"]
        {
            assert!(bad.parse::<ClientId>().is_err(), "{bad:?}");
        }
        for good in ["acme", "acme corp", "a@b.example", "a+b", "100%", "a/b"] {
            assert!(good.parse::<ClientId>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn ids_that_differ_only_by_case_or_encoding_share_a_skeleton() {
        let skeleton = |text: &str| text.parse::<ClientId>().unwrap().skeleton();
        assert_eq!(skeleton("Acme"), skeleton("acme"));
        assert_eq!(skeleton("a%20b"), skeleton("a b"));
        assert_eq!(skeleton("a%2520b"), skeleton("a+b"));
        assert_ne!(skeleton("a-b"), skeleton("a_b"));
    }

    #[test]
    fn a_reserved_beginning_is_refused_in_any_case() {
        for bad in ["usr_1", "USR_1", "https://a.example/x", "Grantor-admin", "u%73r_1"] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad:?}");
        }
    }
}
