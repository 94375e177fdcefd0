//! Redirect URIs: what may be registered, and the one comparison.
//!
//! Equality of strings (RFC 9700 2.1, 4.1.3). The only exception: the port of a loopback address, for native apps
//! (RFC 8252 7.3). Patterns are not a feature.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::NameError;

/// Most redirect URIs of one app.
pub const MAX_REDIRECT_URIS: usize = 50;
/// Longest redirect URI, in bytes.
pub const MAX_LENGTH: usize = 2_000;

/// A registered redirect URI: `https`, `http` on a loopback address, or a private-use scheme in reverse-domain form
/// (RFC 8252 7.1). Absolute, without fragment, user info and dot segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The text, as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a requested URI is this one.
    pub fn matches(&self, requested: &str) -> bool {
        if self.0 == requested {
            return true;
        }
        match (loopback(&self.0), loopback(requested)) {
            // Host, path and query equal; only the port differs.
            (Some((host, rest)), Some((other_host, other_rest))) => host == other_host && rest == other_rest,
            _ => false,
        }
    }

    /// Whether it uses a scheme that only an app on the device can claim, or a loopback address.
    pub fn is_native(&self) -> bool {
        loopback(&self.0).is_some() || !(self.0.starts_with("https://") || self.0.starts_with("http://"))
    }
}

/// Host and what follows the port of `http://127.0.0.1[:port]...` and `http://[::1][:port]...`; `None` for anything else.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    for host in ["http://127.0.0.1", "http://[::1]"] {
        let Some(rest) = uri.strip_prefix(host) else { continue };
        let after = match rest.strip_prefix(':') {
            None => rest,
            Some(with_port) => {
                let end = with_port.find(['/', '?']).unwrap_or(with_port.len());
                let (port, after) = with_port.split_at(end);
                let plain = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                if !plain || port.parse::<u16>().is_err() {
                    return None;
                }
                after
            }
        };
        if after.is_empty() || after.starts_with('/') || after.starts_with('?') {
            return Some((host, after));
        }
    }
    None
}

/// Parameters that the answer adds: a registered query must not hold them, or the app could not tell which is ours.
const ANSWER_PARAMETERS: [&str; 6] = ["code", "state", "iss", "error", "error_description", "session_state"];

impl FromStr for RedirectUri {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why| Err(NameError(why));
        if text.is_empty() || text.len() > MAX_LENGTH {
            return refuse("a redirect URI has 1 to 2000 characters");
        }
        // RFC 3986: everything else is percent-encoded. No `*`: patterns are not a feature. No `\`, quotes, brackets but in
        // an address, no control characters.
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()+,;=%[]".contains(&byte);
        if !text.bytes().all(allowed) {
            return refuse(
                "a redirect URI holds only characters of RFC 3986, no fragment and no pattern; encode the rest with %",
            );
        }
        if percent_is_broken(text) {
            return refuse("a redirect URI has a % without two hex digits, or an encoded control character");
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return refuse("a redirect URI is absolute, for example https://app.example/callback");
        };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
        if !scheme.bytes().all(plain) || !scheme.starts_with(|first: char| first.is_ascii_lowercase()) {
            return refuse("a redirect URI's scheme is written in lower case");
        }
        match scheme {
            "https" | "http" => web(scheme, rest)?,
            // RFC 8252 7.1: reverse-domain form, so that `javascript:`, `data:`, `file:` and their like have no place.
            _ if scheme.contains('.') && !scheme.ends_with('.') && !rest.contains("..") => {}
            _ => {
                return refuse(
                    "a redirect URI is https, http on 127.0.0.1 or [::1], or a scheme in reverse-domain form such as com.example.app:/callback",
                );
            }
        }
        let query = text.split_once('?').map_or("", |(_, query)| query);
        let ours = |pair: &str| {
            let name = pair.split('=').next().unwrap_or("");
            let name = crate::form::decode_component(name).unwrap_or_default();
            ANSWER_PARAMETERS.contains(&name.as_str())
        };
        if query.split('&').any(ours) {
            return refuse(
                "a redirect URI's query may not hold code, state, iss or error: the answer adds them",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

fn web(scheme: &str, rest: &str) -> Result<(), NameError> {
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(NameError("a redirect URI has // behind https:"));
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at(end);
    if authority.contains('@') {
        return Err(NameError("a redirect URI names no user"));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => match v6.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, port),
            _ => return Err(NameError("a redirect URI's address in brackets is no IPv6 address")),
        },
        None => match authority.find(':') {
            Some(colon) => authority.split_at(colon),
            None => (authority, ""),
        },
    };
    let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let is_v6 = authority.starts_with('[');
    if host.is_empty() || (!is_v6 && !host.bytes().all(named)) || host.starts_with('.') || host.ends_with('.')
    {
        return Err(NameError("a redirect URI's host is a name in lower case or an address"));
    }
    if !port.is_empty() && port.strip_prefix(':').and_then(|port| port.parse::<u16>().ok()).is_none() {
        return Err(NameError("a redirect URI's port is a number up to 65535"));
    }
    let is_loopback = authority == "localhost"
        || authority.starts_with("localhost:")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if scheme == "http" && !is_loopback {
        return Err(NameError("a redirect URI is https; http is for loopback addresses only"));
    }
    let path = path_and_query.split('?').next().unwrap_or("");
    let decoded = path.replace("%2e", ".").replace("%2E", ".").to_ascii_lowercase();
    let dotted = decoded.split(['/', ';']).any(|segment| segment == "." || segment == "..");
    if dotted || decoded.contains("%2f") || decoded.contains("%5c") || decoded.contains("%25") {
        return Err(NameError(
            "a redirect URI's path has no dot segments and no encoded slash or percent sign",
        ));
    }
    Ok(())
}

fn percent_is_broken(text: &str) -> bool {
    text.split('%').skip(1).any(|after| {
        let hex = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        hex.is_none_or(|byte| byte < 0x20 || byte == 0x7f)
    })
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers(text: &str) -> bool {
        text.parse::<RedirectUri>().is_ok()
    }

    #[test]
    fn what_people_register_is_accepted() {
        for good in [
            "https://rp.test/cb",
            "https://rp.test",
            "https://rp.test:8443/cb?tenant=a&x=1",
            "https://192.0.2.1/cb",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:9000/cb",
            "http://[::1]:9000/cb",
            "http://localhost:3000/cb",
            "com.example.app:/callback",
            "com.example.app://callback",
        ] {
            assert!(registers(good), "{good}");
        }
    }

    #[test]
    fn a05_a08_a09_what_attackers_register_is_refused() {
        for bad in [
            "https://*.rp.test/cb",
            "https://rp.test/*",
            "https://rp.test/cb#f",
            "https://rp.test/cb?code=x",
            "https://rp.test/cb?a=1&st%61te=x",
            "https://rp.test/cb?iss=",
            "https://rp.test/cb?error",
            "https://u@rp.test/cb",
            "https://rp.test@evil.test/cb",
            "https://RP.test/cb",
            "HTTPS://rp.test/cb",
            "http://rp.test/cb",
            "https:///cb",
            "https:rp.test",
            "//rp.test/cb",
            "/cb",
            "rp.test/cb",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "myapp:/cb",
            "https://rp.test/cb/../evil",
            "https://rp.test/cb/%2e%2e/evil",
            "https://rp.test/cb/%252e/evil",
            "https://rp.test/cb/..;/evil",
            "https://rp.test/cb%2fevil",
            "https://rp.test/cb%0d%0aX: y",
            "https://rp.test/a b",
            "https://rp.test/a\\b",
            "https://rp.test:99999/",
            "https://rp.test:/cb?x=%zz",
            "https://[::zz]/cb",
            "",
        ] {
            assert!(!registers(bad), "{bad:?}");
        }
    }

    #[test]
    fn a01_a02_a03_a04_a06_only_the_same_string_matches() {
        let registered: RedirectUri = "https://rp.test/cb".parse().unwrap();
        assert!(registered.matches("https://rp.test/cb"));
        for other in [
            "https://rp.test/cb/",
            "https://rp.test/cb?x=1",
            "https://rp.test/cb#",
            "https://rp.test.evil.test/cb",
            "https://rp.test@evil.test/cb",
            "https://rpxtest/cb",
            "https://rp.test:443/cb",
            "HTTPS://RP.TEST/CB",
            "https://rp.test/CB",
            "https://rp.test/cb/../evil",
            "https://rp.test/cb/%2e%2e/evil",
            "https://rp.test/%63b",
            "http://rp.test/cb",
            "",
        ] {
            assert!(!registered.matches(other), "{other}");
        }
    }

    #[test]
    fn a07_only_the_port_of_a_loopback_address_may_differ() {
        let registered: RedirectUri = "http://127.0.0.1:1234/cb?a=1".parse().unwrap();
        assert!(registered.matches("http://127.0.0.1:5678/cb?a=1"));
        assert!(registered.matches("http://127.0.0.1/cb?a=1"));
        for other in [
            "http://127.0.0.1:5678/cb",
            "http://127.0.0.1:5678/cb?a=1&b=2",
            "http://127.0.0.1:5678/other?a=1",
            "http://127.0.0.1:80@evil.test/cb?a=1",
            "http://127.0.0.1:99999/cb?a=1",
            "http://127.0.0.1.evil.test/cb?a=1",
            "http://[::1]:5678/cb?a=1",
            "http://localhost:1234/cb?a=1",
            "https://127.0.0.1:1234/cb?a=1",
        ] {
            assert!(!registered.matches(other), "{other}");
        }
        let by_name: RedirectUri = "http://localhost:3000/cb".parse().unwrap();
        assert!(!by_name.matches("http://localhost:3001/cb"), "localhost is no address");
    }
}
