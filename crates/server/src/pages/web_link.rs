//! Links that partners give us.

use serde::Serialize;

/// Longest address, in bytes.
const LONGEST: usize = 2048;

/// An `https` address of somebody else, such as an app's privacy policy. Nothing but `https`: a page of ours that shows a
/// `javascript:` link would run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WebLink(String);

impl WebLink {
    /// Parses an address. `None` if it is not `https`, is too long, holds anything but printable ASCII, or puts a user
    /// before its host, which is there to mislead.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        // Browsers read a backslash as a slash.
        let authority = rest.split(['/', '\\', '?', '#']).next()?;
        let good = scheme.eq_ignore_ascii_case("https")
            && !authority.is_empty()
            && !authority.contains('@')
            && text.len() <= LONGEST
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        good.then(|| Self(text.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
