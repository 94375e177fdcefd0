//! The claims that RFC 7519 section 4.1 registers, strictly typed: a wrong type is an error, never "absent".

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The registered claims of a JWT (RFC 7519 section 4.1). Doubled members are refused on reading.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Registered {
    /// The issuer.
    pub iss: String,
    /// The subject. JSON `null` is refused.
    #[serde(default, deserialize_with = "present")]
    pub sub: Option<String>,
    /// Whom the token is for.
    pub aud: Audience,
    /// When it ends, in seconds since 1970 UTC. Required. An integer from 0 to 2^53 - 1, as all times here.
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
    /// When it was issued, in seconds since 1970 UTC.
    #[serde(default, deserialize_with = "optional_seconds")]
    pub iat: Option<i64>,
    /// When it starts to be valid, in seconds since 1970 UTC.
    #[serde(default, deserialize_with = "optional_seconds")]
    pub nbf: Option<i64>,
    /// The token's own id. JSON `null` is refused.
    #[serde(default, deserialize_with = "present")]
    pub jti: Option<String>,
}

/// The `aud` claim: one string or a list of them (RFC 7519 section 4.1.3). An empty list is refused on reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// A single string.
    One(String),
    /// A list, also if it has one member only.
    Many(Vec<String>),
}

impl Audience {
    /// Is `audience` among them? Compared byte by byte.
    pub fn contains(&self, audience: &str) -> bool {
        match self {
            Audience::One(one) => one == audience,
            Audience::Many(many) => many.iter().any(|one| one == audience),
        }
    }

    /// The audience if it is a single string. For client assertions, where even a list with one member is
    /// refused (the revision of RFC 7523).
    pub fn single(&self) -> Option<&str> {
        match self {
            Audience::One(one) => Some(one),
            Audience::Many(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AudienceVisitor)
    }
}

struct AudienceVisitor;

impl<'de> Visitor<'de> for AudienceVisitor {
    type Value = Audience;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E: de::Error>(self, one: &str) -> Result<Audience, E> {
        Ok(Audience::One(one.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Audience, A::Error> {
        let mut many = Vec::new();
        while let Some(one) = seq.next_element()? {
            many.push(one);
        }
        if many.is_empty() {
            return Err(de::Error::invalid_length(0, &self));
        }
        Ok(Audience::Many(many))
    }
}

/// A member that is there must be a `T`; `null` is not "absent".
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A NumericDate (RFC 7519 section 2) of the only form that we write and read: an integer.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(SecondsVisitor)
}

fn optional_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    seconds(deserializer).map(Some)
}

/// Accepts unsigned integers below 2^53, which every JSON reader sees alike. Strings, null, fractions, negative
/// numbers and numbers beyond 64 bits arrive at other `visit` functions, which refuse.
struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whole seconds since 1970")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        match i64::try_from(value) {
            Ok(seconds) if seconds < 1 << 53 => Ok(seconds),
            _ => Err(E::invalid_value(de::Unexpected::Unsigned(value), &self)),
        }
    }
}
