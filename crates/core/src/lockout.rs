//! Guessing at passwords: one count per account, whatever the path, the same for accounts that exist and those that do not.
//!
//! The count is kept under a keyed hash of the address, so that guessing leaves no list of addresses. A browser in which the
//! user has signed in before has a count of its own: strangers cannot lock it out.

use crate::env::UnixMillis;
use crate::id::EnvironmentId;

/// Failures before the first wait.
pub const FREE_FAILURES: i64 = 5;
/// The first wait, in seconds; it doubles with each further failure.
pub const FIRST_WAIT: i64 = 30;
/// The longest wait, in seconds.
pub const LONGEST_WAIT: i64 = 15 * 60;
/// Without a failure for so long, in seconds, a count is forgotten.
pub const FORGOTTEN_AFTER: i64 = 24 * 3600;

/// The failures of one account.
#[derive(Clone, PartialEq, Eq)]
pub struct Failures {
    /// Where.
    pub environment: EnvironmentId,
    /// The keyed hash of the address, or of address and known browser.
    pub account: [u8; 32],
    /// How many there have been.
    pub count: i64,
    /// Until when no password is looked at.
    pub blocked_until: UnixMillis,
    /// When the last one was.
    pub last_at: UnixMillis,
}

impl Failures {
    /// None yet.
    pub fn none(environment: EnvironmentId, account: [u8; 32]) -> Self {
        Self { environment, account, count: 0, blocked_until: UnixMillis(0), last_at: UnixMillis(0) }
    }

    /// Whether a password may be looked at now.
    pub fn is_blocked(&self, now: UnixMillis) -> bool {
        now < self.blocked_until
    }

    /// After one more failure.
    #[must_use]
    pub fn and_one(&self, now: UnixMillis) -> Self {
        let forgotten = now >= self.last_at.plus_seconds(FORGOTTEN_AFTER);
        let count = if forgotten { 1 } else { self.count.saturating_add(1) };
        let over = count - FREE_FAILURES;
        let wait = if over < 0 { 0 } else { (FIRST_WAIT << over.min(10)).min(LONGEST_WAIT) };
        Self { count, blocked_until: now.plus_seconds(wait), last_at: now, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_begins_after_five_failures_doubles_and_ends_at_fifteen_minutes() {
        let mut failures = Failures::none(EnvironmentId::from_bytes([1; 16]), [0; 32]);
        let now = UnixMillis(1_000_000_000_000);
        let mut waits = Vec::new();
        for _ in 0..12 {
            failures = failures.and_one(now);
            waits.push((failures.blocked_until.0 - now.0) / 1000);
        }
        assert_eq!(waits, [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
        let later = now.plus_seconds(FORGOTTEN_AFTER);
        assert_eq!(failures.and_one(later).count, 1);
        assert!(!failures.is_blocked(later));
    }
}
