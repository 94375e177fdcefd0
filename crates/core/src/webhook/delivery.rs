//! A message on its way to one webhook, and how attempts ended.

use serde::{Deserialize, Serialize};

use crate::env::UnixMillis;
use crate::id::MessageId;

/// Attempts that are remembered of one delivery, the newest.
pub const LOG_LENGTH: usize = 20;
/// A message and its deliveries are kept so long, in seconds.
pub const KEPT_SECONDS: i64 = 30 * 24 * 3600;

/// How an attempt ended. No more than a class: what the other side says is nobody's business, not even ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It was taken.
    #[serde(rename = "2xx")]
    Taken,
    /// A redirect, which is never followed.
    #[serde(rename = "3xx")]
    Redirected,
    /// It was refused.
    #[serde(rename = "4xx")]
    Refused,
    /// 410: nobody wants messages there any more.
    #[serde(rename = "410")]
    Gone,
    /// The receiver failed, or answered what is no status.
    #[serde(rename = "5xx")]
    Failed,
    /// The host has no address that may be called, or none at all. Not told apart: it would say which names exist inside.
    #[serde(rename = "no_address")]
    NoAddress,
    /// Nobody listens there.
    #[serde(rename = "no_connection")]
    NoConnection,
    /// No TLS with a certificate that we trust.
    #[serde(rename = "no_tls")]
    NoTls,
    /// No answer in time.
    #[serde(rename = "too_slow")]
    TooSlow,
    /// The answer was too long.
    #[serde(rename = "too_long")]
    TooLong,
    /// The connection broke, or the answer was no HTTP.
    #[serde(rename = "no_answer")]
    NoAnswer,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 11] = [
        Self::Taken,
        Self::Redirected,
        Self::Refused,
        Self::Gone,
        Self::Failed,
        Self::NoAddress,
        Self::NoConnection,
        Self::NoTls,
        Self::TooSlow,
        Self::TooLong,
        Self::NoAnswer,
    ];

    /// The outcome of a status.
    pub fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Taken,
            300..=399 => Self::Redirected,
            410 => Self::Gone,
            400..=499 => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// Whether somebody answered: then other messages may fare better.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Taken | Self::Redirected | Self::Refused | Self::Gone | Self::Failed)
    }
}

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: UnixMillis,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub millis: i64,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// There will be an attempt, unless the webhook is suspended.
    Waiting,
    /// It was taken.
    Delivered,
    /// There is no further attempt, unless somebody asks for one.
    GivenUp,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::GivenUp];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    /// The state that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A message on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which message.
    pub message: MessageId,
    /// The name of its event.
    pub event: String,
    /// Where it stands.
    pub state: State,
    /// How often it was tried, ever.
    pub attempts: i64,
    /// Failures since it was last put on its way: the place among the waits.
    pub step: i64,
    /// When it is tried next.
    pub next_at: Option<UnixMillis>,
    /// The newest attempts, oldest first.
    pub log: Vec<Attempt>,
}
