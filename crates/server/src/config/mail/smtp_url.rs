//! Where the mail server is, and how the way there is protected.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The setting `mail.smtp_url`: `smtps://HOST[:465]`, `smtp+starttls://HOST[:587]`, or, on this machine alone,
/// `smtp://HOST[:25]`. The scheme says everything: there is no "TLS if possible", which an attacker on the way turns off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (RFC 8314 3.3).
    Tls,
    /// `STARTTLS`, without which nothing is sent (RFC 3207).
    StartTls,
    /// None. The server is on this machine.
    Loopback,
}

/// Why a text is no URL of a mail server. No variant repeats it: people write passwords into URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SmtpUrlError {
    /// Another scheme, or none.
    #[error("write smtps://HOST, or smtp+starttls://HOST, or for a server on this machine smtp://127.0.0.1")]
    Scheme,
    /// A name or password before the host.
    #[error("name and password have settings of their own: mail.smtp_username and mail.smtp_password")]
    Login,
    /// A path, parameters or a fragment.
    #[error("nothing stands behind host and port")]
    Rest,
    /// No host name and no IP address.
    #[error("the host is a name like mail.example.org, an IPv4 address, or an IPv6 address in brackets")]
    Host,
    /// The port is not from 1 to 65535.
    #[error("the port is a number from 1 to 65535")]
    Port,
    /// Plain SMTP to another machine.
    #[error("without TLS mail goes to a server on this machine only; use smtps:// or smtp+starttls://")]
    PlainElsewhere,
}

impl SmtpSecurity {
    const ALL: [Self; 3] = [Self::Tls, Self::StartTls, Self::Loopback];

    fn scheme(self) -> &'static str {
        match self {
            Self::Tls => "smtps://",
            Self::StartTls => "smtp+starttls://",
            Self::Loopback => "smtp://",
        }
    }

    fn usual_port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::Loopback => 25,
        }
    }
}

impl FromStr for SmtpUrl {
    type Err = SmtpUrlError;

    fn from_str(text: &str) -> Result<Self, SmtpUrlError> {
        let known = |security: SmtpSecurity| Some((security, text.strip_prefix(security.scheme())?));
        let (security, rest) = SmtpSecurity::ALL.into_iter().find_map(known).ok_or(SmtpUrlError::Scheme)?;
        if rest.contains('@') {
            return Err(SmtpUrlError::Login);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(SmtpUrlError::Rest);
        }
        let (host, port) = split(rest)?;
        let port = match port {
            None => security.usual_port(),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port > 0).ok_or(SmtpUrlError::Port)?
            }
            Some(_) => return Err(SmtpUrlError::Port),
        };
        if security == SmtpSecurity::Loopback && !is_this_machine(&host) {
            return Err(SmtpUrlError::PlainElsewhere);
        }
        Ok(Self { security, host, port })
    }
}

/// Host and port, which is whatever stands behind the last colon outside of brackets.
fn split(text: &str) -> Result<(String, Option<&str>), SmtpUrlError> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']').ok_or(SmtpUrlError::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| SmtpUrlError::Host)?;
        return match port.strip_prefix(':') {
            Some(port) => Ok((address.to_string(), Some(port))),
            None if port.is_empty() => Ok((address.to_string(), None)),
            None => Err(SmtpUrlError::Host),
        };
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    if is_name_or_ipv4(host) { Ok((host.to_ascii_lowercase(), port)) } else { Err(SmtpUrlError::Host) }
}

/// Labels of letters, digits and hyphens (RFC 1123 2.1). What is all digits and dots is an IPv4 address or nothing.
fn is_name_or_ipv4(text: &str) -> bool {
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return matches!(text.parse(), Ok(IpAddr::V4(_)));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// `localhost` is loopback wherever RFC 6761 6.3 is followed.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.security.scheme();
        if self.host.contains(':') {
            write!(f, "{scheme}[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, SmtpUrlError> {
        text.parse::<SmtpUrl>().map(|url| url.to_string())
    }

    #[test]
    fn each_scheme_has_its_port_unless_another_is_written() {
        for (text, all) in [
            ("smtps://Mail.Example.org", "smtps://mail.example.org:465"),
            ("smtps://mail.example.org/", "smtps://mail.example.org:465"),
            ("smtp+starttls://mail", "smtp+starttls://mail:587"),
            ("smtp+starttls://192.0.2.1:25", "smtp+starttls://192.0.2.1:25"),
            ("smtps://[2001:db8::1]", "smtps://[2001:db8::1]:465"),
            ("smtps://[2001:db8::1]:1", "smtps://[2001:db8::1]:1"),
            ("smtp://127.0.0.1", "smtp://127.0.0.1:25"),
            ("smtp://LOCALHOST:1025", "smtp://localhost:1025"),
            ("smtp://[::1]:65535", "smtp://[::1]:65535"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(all), "{text}");
        }
    }

    #[test]
    fn plain_smtp_leaves_this_machine_under_no_name() {
        for elsewhere in [
            "mail.example.org",
            "192.0.2.1",
            "0.0.0.0",
            "[2001:db8::1]",
            "[::]",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "notlocalhost",
            "[::ffff:192.0.2.1]",
        ] {
            assert_eq!(
                shown(&format!("smtp://{elsewhere}")),
                Err(SmtpUrlError::PlainElsewhere),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn every_other_text_is_refused_for_its_own_reason_without_repeating_it() {
        use SmtpUrlError::*;
        for (text, reason) in [
            ("", Scheme),
            ("mail.example.org", Scheme),
            ("SMTPS://mail.example.org", Scheme),
            ("smtp+tls://mail.example.org", Scheme),
            ("smtps://u:hunter2@mail.example.org", Login),
            ("smtps://mail.example.org?tls=none", Rest),
            ("smtps://mail.example.org/ehlo", Rest),
            ("smtps://mail.example.org#x", Rest),
            ("smtps://", Host),
            ("smtps://a b", Host),
            ("smtps://-a", Host),
            ("smtps://a..b", Host),
            ("smtps://1.2.3", Host),
            ("smtps://[1.2.3.4]", Host),
            ("smtps://[::1]x", Host),
            ("smtps://m\u{e4}il", Host),
            ("smtps://mail\r\nQUIT", Host),
            ("smtps://mail:", Port),
            ("smtps://mail:0", Port),
            ("smtps://mail:65536", Port),
            ("smtps://mail:+1", Port),
            ("smtps://::1", Host),
        ] {
            let error = text.parse::<SmtpUrl>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
            assert_eq!(error, reason, "{text:?}");
        }
    }
}
