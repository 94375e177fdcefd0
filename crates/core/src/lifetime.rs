//! Lifetimes in whole seconds, never zero, never absurd.

use serde::{Deserialize, Serialize};

/// A lifetime in seconds: 1 second to 10 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Lifetime(i64);

impl Lifetime {
    /// Ten years.
    pub const MAX_SECONDS: i64 = 10 * 365 * 86_400;

    /// A lifetime of so many seconds; `None` outside 1 second to 10 years.
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        if seconds >= 1 && seconds <= Self::MAX_SECONDS { Some(Self(seconds)) } else { None }
    }

    /// So many hours, for constants.
    pub const fn hours(hours: i64) -> Self {
        match Self::from_seconds(hours * 3600) {
            Some(lifetime) => lifetime,
            None => Self(3600),
        }
    }

    /// Whole seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        Self::from_seconds(seconds)
            .ok_or_else(|| serde::de::Error::custom("a lifetime is 1 to 315360000 seconds"))
    }
}
