//! What can be written about webhooks.

use super::Webhook;
use super::delivery::Delivery;
use crate::env::UnixMillis;
use crate::id::{MessageId, WebhookId};
use crate::tenant::Status;

/// A message as it is sent: the same bytes in every attempt, because they are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The name of its event.
    pub event: String,
    /// The JSON text.
    pub body: String,
    /// When it was made.
    pub at: UnixMillis,
}

/// Everything that happens to webhooks, their messages and deliveries. Sealed secrets are opaque here.
#[derive(Clone)]
pub enum WebhookWrite {
    /// Makes one, with its sealed secret.
    Insert(Webhook, Vec<u8>),
    /// Changes what a person says of one. Guarded by the version before. A new secret drops both that were there.
    Change {
        /// What it becomes; its version is the next one.
        to: Webhook,
        /// The new secret, where the old one must not be used any more.
        secret: Option<Vec<u8>>,
    },
    /// Suspends or resumes one. Guarded: it must be in the other state. What waits is kept; it is due again at the moment
    /// of the resume.
    Switch {
        /// Which.
        id: WebhookId,
        /// The status that it gets.
        to: Status,
        /// When.
        at: UnixMillis,
    },
    /// Puts a new secret in place; the one before signs as well for a while. Guarded by the version.
    Roll {
        /// Which.
        id: WebhookId,
        /// The version that was looked at.
        from: i64,
        /// The new secret, sealed.
        secret: Vec<u8>,
        /// Until when the one before signs.
        previous_until: UnixMillis,
    },
    /// Deletes one, and what was on its way to it.
    Delete(WebhookId),
    /// Puts a message on its way to those of these webhooks that are there and active.
    Enqueue(Message, Vec<WebhookId>),
    /// Notes an attempt. Guarded by the number of attempts before: of two that overlap, the first one's word stands.
    Record {
        /// To whom.
        webhook: WebhookId,
        /// Attempts before.
        from: i64,
        /// Where the delivery stands now.
        to: Delivery,
    },
    /// Attempts have begun to fail.
    Failing(WebhookId, UnixMillis),
    /// An attempt has succeeded.
    Recovered(WebhookId),
    /// Puts a message on its way again, from the first wait on.
    Resend {
        /// To whom.
        webhook: WebhookId,
        /// Which.
        message: MessageId,
        /// When it is due.
        at: UnixMillis,
    },
}

impl WebhookWrite {
    /// Whether it changes who hears of what. Messages and deliveries are read from the store on every use.
    pub fn changes_who_hears(&self) -> bool {
        match self {
            Self::Insert(..) | Self::Change { .. } | Self::Switch { .. } | Self::Delete(_) => true,
            Self::Roll { .. }
            | Self::Enqueue(..)
            | Self::Record { .. }
            | Self::Failing(..)
            | Self::Recovered(_)
            | Self::Resend { .. } => false,
        }
    }
}
