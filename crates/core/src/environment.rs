//! An environment is an issuer: its own URL, signing keys, credentials. Nothing crosses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::EnvironmentId;
use crate::name::{Name, NameError};
use crate::secret::Stage;

/// One issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its row.
    pub id: EnvironmentId,
    /// Its name in manifests, on the command line and in the claim `env`.
    pub name: Name,
    /// Its issuer identifier (RFC 8414 2).
    pub issuer: Issuer,
    /// Whether its credentials are spelled `live` or `test`.
    pub stage: Stage,
    /// What `{scope_prefix}` stands for in the scopes of a profile or API.
    pub scope_prefix: String,
    /// What is done about a credential that has leaked.
    pub on_leak: OnLeak,
}

/// What is done about a credential that has leaked: see [`crate::leak`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnLeak {
    /// It is written down and people are told; it works on.
    Record,
    /// It ends at once, and with it every access token of its app.
    #[default]
    End,
    /// As `End`; besides its app is suspended, or for an API key its tenant, until somebody resumes it.
    Suspend,
}

impl OnLeak {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Record, Self::End, Self::Suspend];

    /// As stored, and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::End => "end",
            Self::Suspend => "suspend",
        }
    }

    /// The policy that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text)
    }
}

/// An issuer identifier: an absolute `https` URL without query, fragment and user info; `http` only for loopback hosts.
/// Compared as a string, byte by byte (RFC 8414 2 and 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Issuer(String);

/// First path segments that belong to the server itself, so that an issuer's path never hides them.
pub const RESERVED_SEGMENTS: [&str; 23] = [
    ".well-known",
    "account",
    "admin",
    "authorize",
    "consent",
    "console",
    "demo",
    "docs",
    "forward-auth",
    "introspect",
    "jwks",
    "leaks",
    "livez",
    "login",
    "logout",
    "metrics",
    "portal",
    "readyz",
    "revoke",
    "signup",
    "static",
    "terms",
    "userinfo",
];

impl Issuer {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port, lower-case, as a `Host` header would carry them.
    pub fn authority(&self) -> &str {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// The path: empty, or `/` and segments without a slash at the end.
    pub fn path(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("", |index| &rest[index..])
    }

    /// Whether the host is a loopback address or `localhost`.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(host_of(self.authority()))
    }
}

/// The host of an authority, without port and brackets.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    authority.split(':').next().unwrap_or(authority)
}

fn is_loopback_host(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl FromStr for Issuer {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (scheme, rest) = text.split_once("://").ok_or(NameError("an issuer is an absolute https URL"))?;
        let authority = rest.split('/').next().unwrap_or("");
        let host = host_of(authority);
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._~:/[]".contains(&byte);
        if host.is_empty() || !rest.bytes().all(|byte| allowed(byte) || byte.is_ascii_uppercase()) {
            return Err(NameError(
                "an issuer has a host and path of plain characters, no query, fragment, user or escapes",
            ));
        }
        if !authority.bytes().all(allowed) {
            return Err(NameError("an issuer's host is written in lower case"));
        }
        match scheme {
            "https" => {}
            "http" if is_loopback_host(host) => {}
            _ => return Err(NameError("an issuer is https; http is for loopback hosts only")),
        }
        let path = &rest[authority.len()..];
        let bad_segment = |segment: &str| segment.is_empty() || segment == "." || segment == "..";
        if !path.is_empty() && path[1..].split('/').any(bad_segment) {
            return Err(NameError("an issuer's path has no empty or dot segments and no slash at the end"));
        }
        let first = path.split('/').nth(1).unwrap_or("");
        if RESERVED_SEGMENTS.contains(&first) {
            return Err(NameError(
                "an issuer's path may not begin with a segment that the server itself serves",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Issuer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_loopback_and_has_nothing_behind_the_path() {
        for good in [
            "https://auth.bank.example",
            "https://auth.bank.example/sandbox",
            "http://127.0.0.1:8080",
            "http://[::1]:80/a/b",
            "http://localhost:1",
        ] {
            assert!(good.parse::<Issuer>().is_ok(), "{good}");
        }
        for bad in [
            "auth.bank.example",
            "http://auth.bank.example",
            "https://",
            "https://a.example/",
            "https://a.example/x/",
            "https://a.example?x",
            "https://a.example#x",
            "https://u@a.example",
            "https://A.example",
            "ftp://a.example",
            "https://a.example//x",
            "https://a.example/../x",
            "https://a.example/admin",
            "https://a.example/%61",
        ] {
            assert!(bad.parse::<Issuer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn authority_and_path_are_the_parts_between_the_slashes() {
        let issuer: Issuer = "http://127.0.0.1:8080/sandbox".parse().unwrap();
        assert_eq!((issuer.authority(), issuer.path()), ("127.0.0.1:8080", "/sandbox"));
    }
}
