//! What a node holds for the intake of leaks: the queue of what was reported publicly, GitHub's keys, and who is alarmed.

mod github_keys;
mod queue;

use grantor_core::email::EmailAddress;
use tokio::sync::Semaphore;

use crate::config;

pub use github_keys::{GithubKeys, KeysUnreadable};
pub use queue::{Full, Queue, Reported};

/// Messages of GitHub that are read at once: each may be long.
const MESSAGES_AT_ONCE: usize = 8;

/// The intake of leaks.
pub struct Leaks {
    /// What was reported at the public address and waits.
    pub queue: Queue,
    /// What GitHub signs with; `None` leaves its address closed.
    pub github: Option<GithubKeys>,
    /// Slots for its messages.
    pub messages: Semaphore,
    /// Who of the provider's team is told.
    pub notify: Option<EmailAddress>,
}

impl Leaks {
    /// An empty queue, and what the settings say.
    pub fn new(settings: &config::Leaks) -> Self {
        Self {
            queue: Queue::new(),
            github: settings.github_keys.clone().map(GithubKeys::in_file),
            messages: Semaphore::new(MESSAGES_AT_ONCE),
            notify: settings.notify.clone(),
        }
    }
}
