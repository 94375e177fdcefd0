//! What somebody orders to be suspended, resumed or closed, and why: the same for a tenant, an app, a key and a user.

use grantor_core::comment::Comment;
use grantor_core::decision::AuditEvent;
use grantor_core::tenant::Status;

/// A status that an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Stop everything, reversibly.
    Suspend,
    /// Let it act again. Tokens from before stay dead.
    Resume,
    /// Stop everything for good.
    Close,
}

/// What an operator wants done, and why.
#[derive(Debug, Clone)]
pub struct Order {
    /// What.
    pub switch: Switch,
    /// Why: for the audit, and for those who answer for the tenant.
    pub why: Option<Comment>,
}

impl Order {
    /// The reason into an audit event.
    pub fn reason(&self, event: AuditEvent) -> AuditEvent {
        match &self.why {
            Some(why) => event.detail("reason", why.as_str()),
            None => event,
        }
    }
}

impl Switch {
    /// The status from which and to which it leads, for something that stands at `now`. What is closed stays closed: the
    /// guard of the write sees to it.
    pub fn states(self, now: Status) -> (Status, Status) {
        match self {
            Self::Suspend => (Status::Active, Status::Suspended),
            Self::Resume => (Status::Suspended, Status::Active),
            Self::Close => (now, Status::Closed),
        }
    }

    /// The verb in audit names.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Close => "close",
        }
    }

    /// What was done, for the reader of a notice.
    pub fn past(self) -> &'static str {
        match self {
            Self::Suspend => "suspended",
            Self::Resume => "resumed",
            Self::Close => "closed",
        }
    }

    /// What follows from it, for the same reader.
    pub fn effect(self) -> &'static str {
        match self {
            Self::Suspend => {
                "Everything of it is refused from now on. It can be resumed; access tokens from before stay dead then."
            }
            Self::Resume => {
                "It works again. Access tokens from before the suspension stay dead: apps ask for new ones."
            }
            Self::Close => "Everything of it has ended, and it cannot be opened again.",
        }
    }
}
