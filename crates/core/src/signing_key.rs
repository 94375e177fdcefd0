//! The life of keys: next -> active -> retiring -> retired.
//!
//! A signing key is published before its first token and until its last token has ended, so that no verifier ever meets
//! a token whose key it cannot find.

use serde::{Deserialize, Serialize};

use crate::env::UnixMillis;

/// How long verifiers may cache the key set, in seconds (`Cache-Control: max-age`).
pub const JWKS_MAX_AGE: i64 = 300;

/// How long a key is published before it signs, in seconds: two cache lives.
pub const PUBLISHED_BEFORE_USE: i64 = 2 * JWKS_MAX_AGE;

/// Age at which a key is rotated by schedule, in seconds.
pub const MAX_AGE: i64 = 90 * 86_400;

/// Tokens after which a sealing key is rotated: far below where random 96-bit nonces begin to matter.
pub const MAX_SEALS: i64 = 1 << 31;

/// What a key of the ring is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyUse {
    /// Signs JWTs; has a public half.
    Sign,
    /// Seals opaque tokens.
    Seal,
    /// Hashes secrets and API keys.
    Pepper,
}

impl KeyUse {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Seal => "seal",
            Self::Pepper => "pepper",
        }
    }

    /// The use that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Sign, Self::Seal, Self::Pepper].into_iter().find(|known| known.as_str() == text)
    }
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, not used yet.
    Next,
    /// Signs. One per environment, use and algorithm.
    Active,
    /// Verifies only.
    Retiring,
    /// Gone from the key set; its private half is erased.
    Retired,
}

impl KeyState {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }

    /// The state that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Next, Self::Active, Self::Retiring, Self::Retired]
            .into_iter()
            .find(|known| known.as_str() == text)
    }
}

/// When a key did what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTimes {
    /// When it was made and published.
    pub created_at: UnixMillis,
    /// When it began to sign.
    pub activated_at: Option<UnixMillis>,
    /// When it leaves the key set, once it is retiring.
    pub retires_at: Option<UnixMillis>,
}

/// Why a rotation must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the next key is published for {published} s; verifiers may hold a key set without it for {PUBLISHED_BEFORE_USE} s"
)]
pub struct TooEarly {
    /// Seconds since the next key was published.
    pub published: i64,
}

/// Whether the next key may become active.
///
/// A next key that was made together with the active one may at once: nobody can hold an older key set.
///
/// # Errors
/// [`TooEarly`] if a verifier could still hold a key set that lacks it.
pub fn may_activate(next: &KeyTimes, active: &KeyTimes, now: UnixMillis) -> Result<(), TooEarly> {
    let published = now.seconds() - next.created_at.seconds();
    if next.created_at == active.created_at || published >= PUBLISHED_BEFORE_USE {
        Ok(())
    } else {
        Err(TooEarly { published })
    }
}

/// Whether the schedule asks for a rotation: the active key is old, or it has sealed too much.
pub fn is_due(active: &KeyTimes, uses: i64, now: UnixMillis) -> bool {
    let since = active.activated_at.unwrap_or(active.created_at);
    now.seconds() - since.seconds() >= MAX_AGE || uses >= MAX_SEALS
}

/// When a key that stops signing now may leave the key set: after the last token that it can have signed, and a minute for skew.
pub fn retires_at(now: UnixMillis, longest_token_seconds: i64) -> UnixMillis {
    now.plus_seconds(longest_token_seconds).plus_seconds(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(created: i64, activated: Option<i64>) -> KeyTimes {
        KeyTimes {
            created_at: UnixMillis(created * 1000),
            activated_at: activated.map(|at| UnixMillis(at * 1000)),
            retires_at: None,
        }
    }

    #[test]
    fn a_key_signs_only_after_two_cache_lives_in_the_key_set() {
        let active = times(0, Some(0));
        let next = times(1_000, None);
        assert!(may_activate(&next, &active, UnixMillis(1_599_000)).is_err());
        assert!(may_activate(&next, &active, UnixMillis(1_600_000)).is_ok());
    }

    #[test]
    fn the_first_next_key_needs_no_wait() {
        assert!(may_activate(&times(0, None), &times(0, Some(0)), UnixMillis(1)).is_ok());
    }

    #[test]
    fn rotation_is_due_after_ninety_days() {
        let active = times(0, Some(0));
        assert!(!is_due(&active, 0, UnixMillis((MAX_AGE - 1) * 1000)));
        assert!(is_due(&active, 0, UnixMillis(MAX_AGE * 1000)));
        assert!(!is_due(&active, MAX_SEALS - 1, UnixMillis(0)));
        assert!(is_due(&active, MAX_SEALS, UnixMillis(0)));
    }
}
