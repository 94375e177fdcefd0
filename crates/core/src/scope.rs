//! Scopes: parse, subset, narrow (RFC 6749 3.3).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Denial, OAuthError, Reason};

/// Most scopes in one list.
pub const MAX_SCOPES: usize = 64;

/// One scope: `%x21 / %x23-5B / %x5D-7E`, case-sensitive, at most 128 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Scope(String);

impl Scope {
    /// Parses one scope. `None` if it holds a character outside RFC 6749 3.3 or is too long.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed =
            |byte: u8| byte == 0x21 || (0x23..=0x5b).contains(&byte) || (0x5d..=0x7e).contains(&byte);
        (!text.is_empty() && text.len() <= 128 && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(
                "not a scope: printable ASCII without space, quotation mark and backslash",
            )
        })
    }
}

/// A set of scopes in a fixed order, without doubles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Scope>", into = "Vec<Scope>")]
pub struct ScopeSet(Vec<Scope>);

impl ScopeSet {
    /// Parses the space-delimited parameter.
    ///
    /// # Errors
    /// `invalid_scope` if a scope is malformed or there are more than [`MAX_SCOPES`].
    pub fn parse(text: &str) -> Result<Self, Denial> {
        const BAD: Denial = Denial::new(OAuthError::InvalidScope, Reason::MalformedScope);
        let mut scopes = Vec::new();
        for part in text.split(' ').filter(|part| !part.is_empty()) {
            if scopes.len() == MAX_SCOPES {
                return Err(BAD);
            }
            scopes.push(Scope::parse(part).ok_or(BAD)?);
        }
        Ok(Self::from(scopes))
    }

    /// The scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether the set holds this scope.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.binary_search(scope).is_ok()
    }

    /// Whether the set holds a scope of this spelling.
    pub fn has(&self, scope: &str) -> bool {
        self.0.binary_search_by(|known| known.0.as_str().cmp(scope)).is_ok()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether every scope of this set is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|scope| other.contains(scope))
    }

    /// The scopes that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.iter().filter(|scope| other.contains(scope)).cloned().collect())
    }

    /// The scopes that are in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).cloned().collect::<Vec<_>>().into()
    }
}

impl From<Vec<Scope>> for ScopeSet {
    fn from(mut scopes: Vec<Scope>) -> Self {
        scopes.sort();
        scopes.dedup();
        Self(scopes)
    }
}

impl From<ScopeSet> for Vec<Scope> {
    fn from(set: ScopeSet) -> Self {
        set.0
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&scope.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_doubles_do_not_matter_and_case_does() {
        assert_eq!(ScopeSet::parse("b a  b").unwrap(), ScopeSet::parse("a b").unwrap());
        assert_ne!(ScopeSet::parse("A").unwrap(), ScopeSet::parse("a").unwrap());
    }

    #[test]
    fn characters_outside_the_grammar_are_refused() {
        for bad in ["a\"b", "a\\b", "a\tb", "é", "a\u{7f}"] {
            assert!(ScopeSet::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sixty_five_scopes_are_too_many() {
        let list = |n: usize| (0..n).map(|i| format!("s{i}")).collect::<Vec<_>>().join(" ");
        assert!(ScopeSet::parse(&list(MAX_SCOPES)).is_ok());
        assert!(ScopeSet::parse(&list(MAX_SCOPES + 1)).is_err());
    }
}
