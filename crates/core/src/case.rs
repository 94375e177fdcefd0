//! Cases: what a tenant asks the provider's team for, and what became of it.

use serde::{Deserialize, Serialize};

use crate::env::UnixMillis;
use crate::id::{ApiKeyId, CaseId, EnvironmentId, TenantId};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its row.
    pub id: CaseId,
    /// Who asks.
    pub tenant: TenantId,
    /// In which environment.
    pub environment: EnvironmentId,
    /// For what.
    pub subject: CaseSubject,
    /// In the tenant's words.
    pub text: String,
    /// What became of it.
    pub state: CaseState,
    /// Who opened it, as in the audit.
    pub opened_by: String,
    /// When.
    pub opened_at: UnixMillis,
    /// Who answered it, as in the audit.
    pub closed_by: Option<String>,
    /// When.
    pub closed_at: Option<UnixMillis>,
    /// In the team's words.
    pub answer: Option<String>,
}

/// What is written of a case. A part of [`Write`](crate::decision::Write).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseWrite {
    /// Opens it. The store refuses a second open one about the same key.
    Open(Box<Case>),
    /// Answers it. Guarded: an open one only.
    Close(Box<Case>),
}

/// What a case is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseSubject {
    /// A key shall never work again.
    InvalidateKey(ApiKeyId),
    /// Anything else.
    Other,
}

impl CaseSubject {
    /// The kind, as stored and shown.
    pub fn kind(self) -> &'static str {
        match self {
            Self::InvalidateKey(_) => "invalidate_key",
            Self::Other => "other",
        }
    }

    /// The key, if it is about one.
    pub fn key(self) -> Option<ApiKeyId> {
        match self {
            Self::InvalidateKey(key) => Some(key),
            Self::Other => None,
        }
    }
}

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaseState {
    /// Nobody has answered.
    Open,
    /// What was asked for was done.
    Done,
    /// It was not.
    Declined,
}

impl CaseState {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Declined => "declined",
        }
    }

    /// The state that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Open, Self::Done, Self::Declined].into_iter().find(|state| state.as_str() == text)
    }
}
