//! A clock that runs with the machine's and can be moved.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use grantor_core::env::UnixMillis;
use grantor_server::clock::{Clock, SystemClock};

/// The machine's clock plus what the test has added.
pub struct TestClock {
    system: SystemClock,
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl TestClock {
    /// The present.
    pub fn new() -> Self {
        Self { system: SystemClock::new(), wall: AtomicI64::new(0), monotonic: AtomicI64::new(0) }
    }

    /// Moves both clocks forward, as time does.
    pub fn pass(&self, seconds: i64) {
        self.pass_millis(seconds * 1000);
    }

    /// As [`Self::pass`], for what must be met to the second: the clock itself runs on while a test works.
    pub fn pass_millis(&self, milliseconds: i64) {
        self.wall.fetch_add(milliseconds, Ordering::SeqCst);
        self.monotonic.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Steps the wall clock alone, as an administrator or a time service does. May be negative.
    pub fn step_wall(&self, seconds: i64) {
        self.wall.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn wall(&self) -> UnixMillis {
        UnixMillis(self.system.wall().0 + self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        let added = u64::try_from(self.monotonic.load(Ordering::SeqCst)).unwrap_or(0);
        self.system.monotonic() + Duration::from_millis(added)
    }
}
