//! The only door to time and randomness.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Whole seconds, rounded down: the unit of every JWT claim.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment `seconds` later; saturates instead of overflowing.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
}

/// A source of cryptographically strong random bytes.
pub trait Random {
    /// Fills the whole buffer. An implementation that cannot must abort the request, never return weak bytes.
    fn fill(&mut self, buffer: &mut [u8]);
}

/// Time and randomness of one request. The clock is read once per request, by the flow.
pub struct Env<'a> {
    /// The larger of the wall clock and the persisted high-water mark, so that a backward step revives nothing.
    pub now: UnixMillis,
    /// Where every generated id and secret comes from.
    pub rng: &'a mut dyn Random,
}

impl Env<'_> {
    /// `N` fresh random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.rng.fill(&mut out);
        out
    }

    /// A time-ordered UUID (version 7): rows of a growing table are appended, not scattered.
    pub fn uuid(&mut self) -> Uuid {
        let random = self.bytes::<10>();
        let millis = u64::try_from(self.now.0).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
