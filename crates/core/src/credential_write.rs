//! What happens to secrets and keys that live on: ends set and lifted, terms narrowed, reminders noted. A part of
//! [`crate::decision::Write`].

use crate::api_key_change::Narrowed;
use crate::change::Change;
use crate::env::UnixMillis;
use crate::id::{ApiKeyId, AppId};

/// A change of a credential that lives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialWrite {
    /// Gives a secret version the end back that it had before a rotation. Guarded: only while that rotation's end is set,
    /// has not come, and nobody has ended the version.
    LiftSecretEnd {
        /// Whose.
        app: AppId,
        /// Which.
        version: i64,
        /// The rotation: the version that took its place.
        by: i64,
        /// When this happens.
        at: UnixMillis,
        /// When people are reminded of it next.
        remind_at: Option<UnixMillis>,
    },
    /// Narrows an API key. Guarded by the revision that was looked at.
    NarrowApiKey {
        /// Which.
        id: ApiKeyId,
        /// The revision that was looked at.
        from: i64,
        /// What it may do from now on.
        to: Box<Narrowed>,
        /// When people are reminded of its end next.
        remind_at: Option<UnixMillis>,
    },
    /// Ends an API key after an overlap, because another one has taken its place. Guarded by the revision that was looked
    /// at; never lengthens its life, and happens once.
    ReplaceApiKey {
        /// Which.
        id: ApiKeyId,
        /// The revision that was looked at.
        from: i64,
        /// Its successor.
        by: ApiKeyId,
        /// When it ends.
        at: UnixMillis,
        /// When people are reminded of its end next.
        remind_at: Option<UnixMillis>,
    },
    /// Notes that people were reminded of the end of a credential. Guarded by the moment that was due: each reminder is
    /// sent once.
    NoteReminder {
        /// What ends.
        of: Reminded,
        /// The moment that was due.
        from: UnixMillis,
        /// When the next one is due.
        next: Option<UnixMillis>,
    },
}

/// A credential whose end people are reminded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reminded {
    /// An API key.
    Key(ApiKeyId),
    /// A version of an app's secret.
    Secret(AppId, i64),
}

impl CredentialWrite {
    /// What this write makes stale.
    pub fn change(&self) -> Option<Change> {
        match self {
            Self::LiftSecretEnd { app, .. } => Some(Change::App(*app)),
            Self::NarrowApiKey { id, .. } | Self::ReplaceApiKey { id, .. } => Some(Change::ApiKey(*id)),
            // No cached fact holds the reminder.
            Self::NoteReminder { .. } => None,
        }
    }
}
