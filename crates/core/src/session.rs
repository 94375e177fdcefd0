//! A browser session: that somebody has signed in here, and until when that counts.

use crate::env::UnixMillis;
use crate::id::{EnvironmentId, SessionId, UserId};
use crate::user::{Amr, Evidence};

/// Without activity a session no longer signs anybody in after so many seconds.
pub const IDLE_SECONDS: i64 = 30 * 60;
/// A session ends after so many seconds in any case.
pub const ABSOLUTE_SECONDS: i64 = 12 * 3600;
/// Activity is written no more often than this, in seconds: a page view is no reason for a commit each time.
pub const TOUCH_SECONDS: i64 = 60;

/// That somebody has signed in in one browser. The cookie holds a 256-bit reference, the row its keyed hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its row.
    pub id: SessionId,
    /// Where.
    pub environment: EnvironmentId,
    /// Who.
    pub user: UserId,
    /// The user's epoch at the log-in.
    pub epoch: i64,
    /// What apps are told of it (claim `sid`): neither the row nor the cookie.
    pub sid: String,
    /// When they acted (claim `auth_time`).
    pub auth_time: UnixMillis,
    /// How.
    pub amr: Vec<Amr>,
    /// When it was last used.
    pub seen_at: UnixMillis,
    /// When it ends, used or not.
    pub ends_at: UnixMillis,
    /// When somebody ended it.
    pub ended_at: Option<UnixMillis>,
}

impl Session {
    /// Whether the session exists still: neither ended nor past its end. Grants that live as long as their session ask this.
    pub fn is_alive(&self, now: UnixMillis) -> bool {
        self.ended_at.is_none() && now < self.ends_at
    }

    /// Whether it signs its user in now: alive, and used not too long ago.
    pub fn signs_in(&self, now: UnixMillis) -> bool {
        self.is_alive(now) && now < self.seen_at.plus_seconds(IDLE_SECONDS)
    }

    /// Whether its use should be written down.
    pub fn needs_touch(&self, now: UnixMillis) -> bool {
        now >= self.seen_at.plus_seconds(TOUCH_SECONDS)
    }

    /// What it proves.
    pub fn evidence(&self) -> Evidence {
        Evidence {
            user: self.user,
            epoch: self.epoch,
            auth_time: self.auth_time,
            amr: self.amr.clone(),
            session: Some(self.id),
        }
    }
}
