//! The present, as an argument that tests can move.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Answers the time since 1970 UTC.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// A clock of your own; it answers the time since 1970 UTC.
    pub fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The clock of the operating system.
    pub fn system() -> Clock {
        #[expect(clippy::disallowed_methods, reason = "the one place where this crate meets the wall clock")]
        // A clock before 1970 reads as 1970: every token then begins in the future and is refused.
        Clock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// The time since 1970 UTC.
    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Whole seconds, as tokens count them (RFC 7519 section 2, NumericDate).
pub(crate) fn seconds(now: Duration) -> i64 {
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// Are `then` and `now` at least `wait` apart? In either direction: requests that run side by side read the clock in
/// another order than they get their turn, and a clock that was set back far must not stop all renewal.
pub(crate) fn has_passed(wait: Duration, then: Duration, now: Duration) -> bool {
    now.abs_diff(then) >= wait
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_its_time_is_full_or_the_clock_was_set_back_as_far() {
        let [ten, nineteen, twenty] = [10, 19, 20].map(Duration::from_secs);
        assert!(!has_passed(ten, ten, nineteen));
        assert!(has_passed(ten, ten, twenty));
        assert!(!has_passed(ten, twenty, nineteen));
        assert!(has_passed(ten, twenty, ten));
    }

    #[test]
    fn the_system_clock_is_past_the_day_on_which_this_was_written() {
        assert!(seconds(Clock::system().now()) > 1_750_000_000);
    }
}
