//! Where time and randomness come from: the only file that asks the operating system.

use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use grantor_core::env::{Random, UnixMillis};

/// Wall-clock and monotonic time. Tests bring their own and move it.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970. May step backwards; [`crate::node::Node::now`] does not.
    fn wall(&self) -> UnixMillis;
    /// Time since some fixed moment. Never steps backwards.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// Starts counting.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn wall(&self) -> UnixMillis {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The operating system's generator.
pub struct OsRandom(SystemRandom);

impl OsRandom {
    /// Opens it.
    #[expect(clippy::disallowed_methods, reason = "this is the generator")]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for OsRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for OsRandom {
    fn fill(&mut self, buffer: &mut [u8]) {
        // Weak bytes would be worse than a dead request: the panic is caught per request and answered with 500.
        self.0.fill(buffer).expect("the operating system gives random bytes");
    }
}
