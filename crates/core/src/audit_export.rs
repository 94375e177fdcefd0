//! The export of the audit: one JSON object a line. First the keys, then the chain with its checkpoints, then what is not
//! linked yet, and a last line by which a file that was cut off is known.

use grantor_jose::{JwkSet, base64url_encode};
use serde::{Deserialize, Serialize};

use crate::audit_chain::{Checkpoint, Entry, Head, SignedCheckpoint, parse_link};
use crate::env::UnixMillis;

/// The version of the format.
pub const FORMAT: u32 = 1;

/// A line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// The first line.
    Audit {
        /// See [`FORMAT`].
        format: u32,
        /// The public halves of the keys that sign checkpoints.
        keys: JwkSet,
    },
    /// An entry in its place.
    Entry {
        /// Its number.
        number: i64,
        /// Its link, base64url.
        link: String,
        /// Its content.
        entry: Entry,
    },
    /// A signed point of the chain. Stands behind the last entry that it covers.
    Checkpoint {
        /// The number of that entry.
        number: i64,
        /// Its link, base64url.
        link: String,
        /// When it was signed.
        at: UnixMillis,
        /// The key.
        kid: String,
        /// The signature.
        jws: String,
    },
    /// An entry, or a checkpoint, that is in the database and cannot be read.
    Unreadable {
        /// Its number.
        number: i64,
        /// Which of the two.
        what: Readable,
    },
    /// An entry that has no place yet.
    Unlinked {
        /// Its content.
        entry: Entry,
    },
    /// The last line.
    End {
        /// How many entries stand in the chain.
        entries: u64,
        /// How many have no place yet.
        unlinked: u64,
    },
}

/// What can be unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readable {
    /// An entry.
    Entry,
    /// A checkpoint.
    Checkpoint,
}

impl Line {
    /// The line of an entry in its place.
    pub fn entry(place: Head, entry: Entry) -> Self {
        Self::Entry { number: place.number, link: base64url_encode(place.link), entry }
    }

    /// The line of a checkpoint.
    pub fn checkpoint(signed: SignedCheckpoint) -> Self {
        let SignedCheckpoint { checkpoint: Checkpoint { head, at }, kid, jws } = signed;
        Self::Checkpoint { number: head.number, link: base64url_encode(head.link), at, kid, jws }
    }
}

/// A place from a line. `None` if its link is none.
pub(crate) fn place(number: i64, link: &str) -> Option<Head> {
    Some(Head { number, link: parse_link(link)? })
}
