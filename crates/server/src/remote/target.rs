//! Which URLs may be called, as far as their text tells.

use std::net::IpAddr;

use reqwest::Url;

use super::address::may_be_called;
use crate::config::{PlainHttp, Ports, Remote as Rules};

/// Longest URL, in bytes.
const LONGEST: usize = 2048;

/// A URL that may be called, as far as its text tells: where its name leads is judged at each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(Url);

/// Why a URL was refused. No text repeats it: it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It cannot be read, or in more than one way.
    #[error("write a URL such as https://hooks.example.com/grantor, of at most 2048 printable characters")]
    Unreadable,
    /// Not `https`, and not allowed.
    #[error("the URL must begin with https://")]
    Scheme,
    /// Name or password before the host.
    #[error("the URL must hold no user name and no password")]
    Credentials,
    /// A fragment, which is never sent.
    #[error("the URL must hold no fragment (#)")]
    Fragment,
    /// A port that may not be called.
    #[error("the port of the URL may not be called; allowed: {0}")]
    Port(Ports),
    /// An address that may not be called.
    #[error("the address in the URL is not public and may not be called")]
    Address,
    /// An IPv4 address in another form than four decimal numbers.
    #[error("write an IPv4 address as four decimal numbers without leading zeros")]
    Spelling,
}

impl Target {
    /// Reads a URL under these rules.
    pub(super) fn parse(text: &str, rules: &Rules) -> Result<Self, TargetError> {
        // The parser drops line feeds and tabs and turns backslashes round; what was read would not be what was written.
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if text.len() > LONGEST || !text.bytes().all(plain) {
            return Err(TargetError::Unreadable);
        }
        let url: Url = text.parse().map_err(|_| TargetError::Unreadable)?;
        match (url.scheme(), rules.plain_http) {
            ("https", _) | ("http", PlainHttp::Allowed) => {}
            _ => return Err(TargetError::Scheme),
        }
        let written = authority(text).ok_or(TargetError::Unreadable)?;
        if !url.username().is_empty() || url.password().is_some() || written.contains('@') {
            return Err(TargetError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(TargetError::Fragment);
        }
        let port = url.port_or_known_default().ok_or(TargetError::Unreadable)?;
        if !rules.ports.contain(port) {
            return Err(TargetError::Port(rules.ports.clone()));
        }
        let host = url.host_str().ok_or(TargetError::Unreadable)?;
        let as_written = written.split(':').next().is_some_and(|part| part.eq_ignore_ascii_case(host));
        let address = match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Err(_) if as_written => return Ok(Self(url)),
            Err(_) => return Err(TargetError::Unreadable),
            // 0x7f.1, 2130706433 and 0177.0.0.1 are read as 127.0.0.1, by us and maybe otherwise by others.
            Ok(IpAddr::V4(_)) if !as_written => return Err(TargetError::Spelling),
            Ok(address) => address,
        };
        // No resolver is asked about an address, so it is judged here.
        match may_be_called(address, &rules.allow) {
            true => Ok(Self(url)),
            false => Err(TargetError::Address),
        }
    }

    /// The URL in its normal form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, for people and for the audit: the rest may hold a secret.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether both lead to the same place: scheme, host and port.
    pub fn is_at_the_place_of(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

/// What stands between `://` and the path, as it was written.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}
