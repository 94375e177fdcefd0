//! A sentence that somebody gives with an act: why a partner was suspended, what an incident turned out to be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::NameError;

/// Longest comment, in characters.
const MAX: usize = 500;

/// A comment: 1 to 500 characters on one line, without spaces around it. It is stored in the audit and told to the partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Comment(String);

impl Comment {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Comment {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX {
            return Err(NameError("a reason or comment has 1 to 500 characters"));
        }
        if text.contains(char::is_control) {
            return Err(NameError("a reason or comment is one line without control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Comment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_one_line_that_says_something() {
        assert_eq!(" why not ".parse::<Comment>().unwrap().as_str(), "why not");
        assert!("\u{e4}".repeat(MAX).parse::<Comment>().is_ok());
        for bad in ["", " \t ", "a\nb", "a\0b", &"x".repeat(MAX + 1)] {
            assert!(bad.parse::<Comment>().is_err(), "{bad:?}");
        }
    }
}
