//! Where requests may go: plain `http` on a loopback address, and nowhere else.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};

/// An address and a path on it. Only made for loopback: a load driver must not be a weapon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    address: SocketAddr,
    path: String,
}

impl Target {
    /// Refuses every address that is not loopback.
    pub(crate) fn new(address: SocketAddr, path: impl Into<String>) -> Result<Self> {
        ensure!(
            address.ip().is_loopback(),
            "{address} is not a loopback address; this driver loads nothing else"
        );
        let path = path.into();
        ensure!(path.starts_with('/'), "the path {path:?} must begin with a slash");
        // The path becomes part of the request line as it is (RFC 9112 3).
        ensure!(path.bytes().all(|b| b.is_ascii_graphic()), "the path {path:?} must be visible ASCII");
        Ok(Self { address, path })
    }

    /// Reads `http://127.0.0.1:8080/path`; the host must be an IP address, so that no resolver decides where load goes.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let rest =
            url.strip_prefix("http://").with_context(|| format!("{url:?} is not a plain http address"))?;
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        let address =
            authority.parse().with_context(|| format!("{url:?} does not name an IP address and a port"))?;
        Self::new(address, if path.is_empty() { "/" } else { path })
    }

    /// The socket address to connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The path with its query, as sent.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_loaded() {
        assert!(Target::parse("http://127.0.0.1:8080/token").is_ok());
        assert!(Target::parse("http://[::1]:8080/token").is_ok());
        for url in
            ["http://192.0.2.1:80/", "http://0.0.0.0:80/", "http://10.0.0.1:80/", "http://[2001:db8::1]:80/"]
        {
            assert!(Target::parse(url).is_err(), "{url} was accepted");
        }
    }

    #[test]
    fn names_and_other_schemes_are_refused() {
        for url in
            ["https://127.0.0.1:8443/", "http://localhost:8080/", "127.0.0.1:8080", "http://127.0.0.1/"]
        {
            assert!(Target::parse(url).is_err(), "{url} was accepted");
        }
    }

    #[test]
    fn the_path_is_kept_and_defaults_to_a_slash() {
        let target = Target::parse("http://127.0.0.1:8080/a/b?c=d").unwrap();
        assert_eq!(target.path(), "/a/b?c=d");
        assert_eq!(target.address(), "127.0.0.1:8080".parse().unwrap());
        assert_eq!(Target::parse("http://127.0.0.1:8080").unwrap().path(), "/");
    }

    #[test]
    fn a_path_cannot_smuggle_a_second_request_line() {
        let address = "127.0.0.1:1".parse().unwrap();
        assert!(Target::new(address, "/a\r\nX: y").is_err());
        assert!(Target::new(address, "/a b").is_err());
        assert!(Target::new(address, "a").is_err());
    }
}
