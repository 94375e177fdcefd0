//! The one place of this program that reads real time and the operating system's randomness.
//!
//! A measurement is about real time, so there is nothing to inject; the exceptions to `clippy.toml` stay in this file.

#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the real clock and the ceilings draw real random ids"
)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;

/// The monotonic clock, now.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since 1970, for `iat` and `exp` of the ceiling's tokens (RFC 7519 4.1).
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// The operating system's generator, opened once per ceiling server.
pub(crate) fn randomness() -> SystemRandom {
    SystemRandom::new()
}
