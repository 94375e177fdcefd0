//! A partner organisation. One tenant spans environments.

use serde::{Deserialize, Serialize};

use crate::id::TenantId;
use crate::name::Name;

/// A partner organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its GUID: the claim `tid`.
    pub id: TenantId,
    /// Its short name, unique in the installation.
    pub name: Name,
    /// Its name for people.
    pub title: String,
    /// Whether it may act.
    pub status: Status,
    /// Raised by every suspend; tokens with a lower one are dead for good.
    pub epoch: i64,
}

/// Whether something may act. Absent never means active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It may act.
    Active,
    /// It may not, until it is resumed. Access tokens from before stay dead after that.
    Suspended,
    /// It never may again.
    Closed,
}

impl Status {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }

    /// The status that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Closed].into_iter().find(|status| status.as_str() == text)
    }

    /// Whether it may act.
    pub fn is_active(self) -> bool {
        self == Self::Active
    }
}
