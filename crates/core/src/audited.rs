//! Which writes the audit must say something of (ADR 21). A unit with such a write and without an entry is not committed.

use crate::credential_write::CredentialWrite;
use crate::decision::Write;
use crate::incident::IncidentWrite;
use crate::webhook::write::WebhookWrite;

/// Whether the audit says something of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audited {
    /// Always: somebody changed what somebody may do, or said something that may be asked about later.
    Yes,
    /// No: issuing, which is counted; a step of a dialogue that ends in something audited, or in nothing; upkeep.
    No,
}

impl Write {
    /// Whether the audit says something of it. Exhaustive, so that a new write cannot forget it.
    pub fn audited(&self) -> Audited {
        match self {
            Self::PutEnvironment(_)
            | Self::PutProfile(_)
            | Self::PutApi(_)
            | Self::InsertTenant(..)
            | Self::RenameTenant(..)
            | Self::SetTenantStatus(_)
            | Self::InsertAccess(..)
            | Self::ChangeAccess(_)
            | Self::MoveAccess(_)
            | Self::RecordContract(..)
            | Self::NoteAccessStep(_)
            | Self::AcceptForTenant(_)
            | Self::InsertApp(_)
            | Self::ChangeApp(_)
            | Self::SetAppStatus(_)
            | Self::EndAppTokens(_)
            | Self::InsertSecret(..)
            | Self::EndSecret { .. }
            | Self::ScheduleSecretEnd { .. }
            | Self::MarkExposed(..)
            | Self::InsertApiKey(..)
            | Self::SetApiKeyStatus(..)
            | Self::RevokeToken { .. }
            | Self::InsertKey(_)
            | Self::AdvanceKey(_)
            | Self::InsertOperator { .. }
            | Self::EndOperator(..)
            | Self::InsertUser(_)
            | Self::SetUserStatus(_)
            | Self::SetPassword { .. }
            | Self::PutMembership(_)
            | Self::RemoveMembership { .. }
            | Self::InsertSession(..)
            | Self::RenewSession(..)
            | Self::EndSession(..)
            | Self::PutConsent(_)
            | Self::WithdrawConsent { .. }
            | Self::InsertGrant(..)
            | Self::RedeemCode { .. }
            | Self::EndGrant { .. }
            | Self::InsertDocument(_)
            | Self::PublishVersion(..)
            | Self::RecordAcceptance(_) => Audited::Yes,
            // Issuing goes on within an authorization that is audited. It is counted; the row of the Grant says when last.
            Self::AdvanceRefresh { .. } | Self::Record(_) | Self::CountSealed { .. } => Audited::No,
            // What waits for the rest of a dialogue. A sign-up becomes an account, with an entry, or is erased.
            Self::InsertInteraction(_)
            | Self::AdvanceInteraction { .. }
            | Self::EndInteraction { .. }
            | Self::InsertSignup(_)
            | Self::EndSignup(_) => Audited::No,
            // Beside what they are about, in its unit.
            Self::ClaimRequest(_) | Self::KeepAnswer(_) => Audited::No,
            // Anybody can cause failures, as many as they like: they are counted, limited and logged.
            Self::CountFailure(_) | Self::ClearFailures(..) | Self::TakeBackFailure(..) => Audited::No,
            Self::Credential(CredentialWrite::NoteReminder { .. }) => Audited::No,
            Self::Credential(_) | Self::Case(_) => Audited::Yes,
            Self::Webhook(write) => webhook(write),
            // That a message was worked off, whatever was in it.
            Self::Incident(IncidentWrite::RememberMessage(..)) => Audited::No,
            Self::Incident(_) => Audited::Yes,
            // Nobody may do more or less after it.
            Self::RehashPassword { .. }
            | Self::TouchSession(..)
            | Self::Enqueue(_)
            | Self::MailSent(_)
            | Self::MailFailed { .. }
            | Self::MarkClock(_)
            | Self::Prune(_)
            | Self::InsertAuditKey(_)
            | Self::LinkAudit(_)
            | Self::ReleaseAuditLease(_) => Audited::No,
        }
    }
}

/// Who hears of what is somebody's decision; that a message waits, is sent or is not is upkeep.
fn webhook(write: &WebhookWrite) -> Audited {
    match write {
        WebhookWrite::Insert(..)
        | WebhookWrite::Change { .. }
        | WebhookWrite::Switch { .. }
        | WebhookWrite::Roll { .. }
        | WebhookWrite::Delete(_)
        | WebhookWrite::Resend { .. } => Audited::Yes,
        WebhookWrite::Enqueue(..)
        | WebhookWrite::Record { .. }
        | WebhookWrite::Failing(..)
        | WebhookWrite::Recovered(_) => Audited::No,
    }
}
