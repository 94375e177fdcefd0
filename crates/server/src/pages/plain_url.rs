//! Addresses that stand in commands and programs for people to copy.

use serde::Serialize;

/// Longest address, in bytes.
const LONGEST: usize = 2048;

/// An absolute `https` or `http` address that means the same in a browser, as a quoted word of a shell and as a string
/// of any programming language: it holds nothing that one of them would read as more than a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PlainUrl(String);

impl PlainUrl {
    /// Parses an address. `None` where a quotation mark, a dollar sign, a brace, a space or its like is in it, or a user
    /// before the host.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]%+,=".contains(&byte);
        let authority = rest.split('/').next().unwrap_or("");
        let good = !authority.is_empty() && text.len() <= LONGEST && rest.bytes().all(plain);
        good.then(|| Self(text.to_owned()))
    }

    /// The address of a path below this one. `None` where the path is not plain.
    pub fn join(&self, path: &str) -> Option<Self> {
        Self::parse(&format!("{}{path}", self.0.trim_end_matches('/')))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
