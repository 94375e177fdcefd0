//! Mail that waits to be sent. Written in the same unit as what caused it, delivered by a job: no flow calls out.

use serde_json::{Map, Value};

use crate::email::EmailAddress;
use crate::env::UnixMillis;
use crate::id::{EnvironmentId, MailId};

/// Attempts before a mail is given up.
pub const MAX_ATTEMPTS: i64 = 8;

/// Which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// A sign-up: confirm the address.
    SignupLink,
    /// Somebody tried to sign up with an address that has an account.
    SignupOfExisting,
    /// The account has a new password.
    PasswordChanged,
    /// A credential of the reader's organisation was seen where it must not be.
    Incident,
    /// The provider's team has suspended, resumed, closed or revoked something of the reader's organisation.
    Switched,
    /// A secret or key of the tenant ends soon.
    CredentialExpiring,
    /// A secret or key of the tenant was made or rotated.
    CredentialChanged,
    /// Something else that the tenant's administrators must know: its title, what happened, what to do.
    Notice,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::SignupLink,
        Self::SignupOfExisting,
        Self::PasswordChanged,
        Self::Incident,
        Self::Switched,
        Self::CredentialExpiring,
        Self::CredentialChanged,
        Self::Notice,
    ];

    /// As stored, and the name of its template.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignupLink => "signup",
            Self::SignupOfExisting => "signup-existing",
            Self::PasswordChanged => "password-changed",
            Self::Incident => "incident",
            Self::Switched => "switched",
            Self::CredentialExpiring => "credential-expiring",
            Self::CredentialChanged => "credential-changed",
            Self::Notice => "notice",
        }
    }

    /// The kind that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A mail in the outbox. It may hold a link that works once, so it has no `Debug`; its row is erased when it is sent.
#[derive(Clone)]
pub struct Mail {
    /// Its row.
    pub id: MailId,
    /// Where.
    pub environment: EnvironmentId,
    /// To whom.
    pub to: EmailAddress,
    /// Which text.
    pub kind: MailKind,
    /// What the text needs.
    pub values: Map<String, Value>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next.
    pub next_at: UnixMillis,
}

/// The wait after so many failed attempts, in seconds: a minute, doubling; `None` after the last.
pub fn wait_after(attempts: i64) -> Option<i64> {
    (attempts < MAX_ATTEMPTS).then(|| 60_i64 << attempts.clamp(0, 10))
}
