//! What a JWS header may say. Strict, because everything here is read before anything is proven.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::MAX_KID_LEN;
use crate::algorithm::Algorithm;
use crate::error::TokenError;

/// The header of a token whose signature was verified (RFC 7515 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm, always that of the key.
    pub alg: Algorithm,
    /// The id of the key that verified the token.
    pub kid: String,
    /// The type as it was written, if there was one.
    pub typ: Option<String>,
}

impl Header {
    /// Parses and judges the decoded header.
    ///
    /// The algorithm is judged first: a token without one of ours is not worth another look.
    pub(crate) fn parse(json: &[u8]) -> Result<Header, TokenError> {
        let raw: Raw = serde_json::from_slice(json).map_err(|_| TokenError::Malformed)?;
        let alg = raw.alg.ok_or(TokenError::Malformed)?;
        let alg = Algorithm::from_wire(&alg).ok_or(TokenError::UnsupportedAlgorithm)?;
        if raw.extension {
            return Err(TokenError::Critical);
        }
        if raw.key {
            return Err(TokenError::EmbeddedKey);
        }
        match raw.kid {
            Some(kid) if !kid.is_empty() && kid.len() <= MAX_KID_LEN => Ok(Header { alg, kid, typ: raw.typ }),
            _ => Err(TokenError::Malformed),
        }
    }
}

/// The members that matter, as they were found.
#[derive(Default)]
struct Raw {
    alg: Option<String>,
    kid: Option<String>,
    typ: Option<String>,
    /// `crit` or `b64` is there, whatever its value.
    extension: bool,
    /// A key or a place to fetch one is there, whatever its value.
    key: bool,
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JWS header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        let mut others = BTreeSet::new();
        while let Some(name) = map.next_key::<Name>()? {
            match name {
                Name::Alg => once(&mut raw.alg, map.next_value()?)?,
                Name::Kid => once(&mut raw.kid, map.next_value()?)?,
                Name::Typ => once(&mut raw.typ, map.next_value()?)?,
                Name::Extension => {
                    raw.extension = true;
                    map.next_value::<IgnoredAny>()?;
                }
                Name::Key => {
                    raw.key = true;
                    map.next_value::<IgnoredAny>()?;
                }
                // RFC 7515 section 4: unknown members are ignored, but no name may appear twice.
                Name::Other(name) => {
                    map.next_value::<IgnoredAny>()?;
                    if !others.insert(name) {
                        return Err(de::Error::custom("duplicate member"));
                    }
                }
            }
        }
        Ok(raw)
    }
}

fn once<E: de::Error>(slot: &mut Option<String>, value: String) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("duplicate member")),
    }
}

/// A member's name, unescaped: `"\u0061lg"` is `alg`.
enum Name {
    Alg,
    Kid,
    Typ,
    Extension,
    Key,
    Other(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                Ok(match name {
                    "alg" => Name::Alg,
                    "kid" => Name::Kid,
                    "typ" => Name::Typ,
                    "crit" | "b64" => Name::Extension,
                    "jwk" | "jku" | "x5u" | "x5c" => Name::Key,
                    other => Name::Other(other.to_owned()),
                })
            }
        }
        deserializer.deserialize_identifier(NameVisitor)
    }
}
