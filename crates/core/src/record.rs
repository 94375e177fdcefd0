//! What is noted beside the decisions, in batches, by a job: counts, last uses, the request log, notices. None of it decides
//! anything, so a crash may lose the newest of it.

use std::net::IpAddr;

use crate::env::UnixMillis;
use crate::id::{ApiKeyId, AppId};
use crate::misplaced::Notice;
use crate::request_log::{Entry, Ring, Subject};
use crate::usage::Count;

/// One thing to be noted.
#[derive(Debug, Clone)]
pub enum Record {
    /// Adds to a count.
    Count(Count),
    /// Sums minutes into hours and hours into days from a minute on, and forgets what is too old. Repeating it changes nothing.
    RollUp {
        /// The first minute (since 1970) that may not have been summed yet.
        from_minute: i64,
        /// The present.
        now: UnixMillis,
    },
    /// When and from where a credential was last used. An older use never replaces a newer one.
    Use(LastUse),
    /// Adds entries to a ring, oldest first. The oldest of the ring make room.
    Requests(Subject, Ring, Vec<Entry>),
    /// Makes or continues a notice of the day.
    Notice(Notice),
}

/// A credential whose use is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Used {
    /// A version of an app's secret.
    Secret(AppId, i64),
    /// An API key.
    Key(ApiKeyId),
}

/// The newest use of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastUse {
    /// Which credential.
    pub credential: Used,
    /// When.
    pub at: UnixMillis,
    /// From where; `None` for a key that an API asked about, because we saw the API and not the caller.
    pub address: Option<IpAddr>,
}
