//! Where a form may lead, as a source of the directive `form-action` (Content Security Policy Level 3, 2.3.1).

/// The redirect URI cannot be a source of the directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the redirect URI is no https URL, no http://127.0.0.1 or http://localhost URL, and has no private scheme with a dot"
)]
pub struct NoFormTarget;

/// The origin of a redirect URI, or its private scheme. Holds nothing that ends a source, a directive or a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormTarget(String);

impl FormTarget {
    /// Takes the origin or scheme of a redirect URI. What stands behind it is not looked at.
    ///
    /// # Errors
    /// A user, an escape or any other character in the host that is not a letter, digit, dot or hyphen; plain `http`
    /// elsewhere than on this machine; a private scheme without a dot (RFC 8252 7.1), such as `javascript`; and
    /// `http://[::1]`, for which the policy has no spelling.
    pub fn parse(redirect_uri: &str) -> Result<Self, NoFormTarget> {
        let (scheme, rest) = redirect_uri.split_once(':').ok_or(NoFormTarget)?;
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "https" => Ok(Self(format!("https://{}", authority(rest).ok_or(NoFormTarget)?))),
            "http" => {
                let authority = authority(rest).ok_or(NoFormTarget)?;
                let host = authority.split(':').next();
                let here = host == Some("127.0.0.1") || host == Some("localhost");
                if here { Ok(Self(format!("http://{authority}"))) } else { Err(NoFormTarget) }
            }
            _ if is_private_scheme(&scheme) => Ok(Self(format!("{scheme}:"))),
            _ => Err(NoFormTarget),
        }
    }

    /// The source.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a form can be posted to it by HTTP.
    pub(super) fn is_web(&self) -> bool {
        self.0.contains("://")
    }
}

/// Host and port, in lower case.
fn authority(rest: &str) -> Option<String> {
    let authority = rest.strip_prefix("//")?.split(['/', '\\', '?', '#']).next()?;
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0)
    };
    let good = !host.is_empty() && host.bytes().all(plain) && port.is_none_or(is_port);
    good.then(|| authority.to_ascii_lowercase())
}

/// RFC 3986 3.1, and a dot: the reversed domain name of RFC 8252 7.1.
fn is_private_scheme(scheme: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.contains('.')
        && scheme.bytes().all(allowed)
}
