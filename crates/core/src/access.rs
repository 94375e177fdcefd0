//! Access: what one tenant may do with one API of one environment. How it is opened stands in [`crate::onboarding`], what
//! must hold whenever it is used in [`crate::gate`].

use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::contract::Contract;
use crate::error::{Denial, OAuthError, Reason};
use crate::gate_rule::Gate;
use crate::id::{ApiId, TenantId};
use crate::lifetime::Lifetime;
use crate::scope::ScopeSet;
use crate::tenant::Tenant;

/// Tenant x Api x Environment (an Api belongs to one environment).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whose.
    pub tenant: TenantId,
    /// To which API.
    pub api: ApiId,
    /// How far it has come.
    pub status: AccessStatus,
    /// Raised by every suspend.
    pub epoch: i64,
    /// The scopes that apps and keys of this tenant may hold at this API.
    pub scopes: ScopeSet,
    /// Replaces the profile's lifetime of a client token.
    pub client_token_lifetime: Option<Lifetime>,
    /// Replaces the profile's lifetime of a user token.
    pub user_token_lifetime: Option<Lifetime>,
    /// How much may be asked per second.
    pub quota: QuotaClass,
    /// The legal contract, once it is recorded as signed.
    pub contract: Option<Contract>,
}

/// How far an access has come: applied -> refused | approved <-> suspended, -> closed. It is *active* while it is approved
/// and every gate of the profile holds, which is judged whenever it is used and stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessStatus {
    /// The tenant has asked for it.
    Applied,
    /// The provider has said no. The tenant may apply again.
    Refused,
    /// The provider has said yes.
    Approved,
    /// Stopped, reversibly. Access tokens from before stay dead after it is resumed.
    Suspended,
    /// Ended for good.
    Closed,
}

impl AccessStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Applied, Self::Refused, Self::Approved, Self::Suspended, Self::Closed];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::Approved => "approved",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }

    /// The status that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether something may be issued under it.
    pub fn is_open(self) -> bool {
        self == Self::Approved
    }

    /// Whether it was approved once and can be used again: apps and secrets may be prepared meanwhile.
    pub fn is_approved(self) -> bool {
        matches!(self, Self::Approved | Self::Suspended)
    }
}

impl Access {
    /// What every tenant has: its users may sign in to apps that ask for nothing but who they are.
    pub fn to_userinfo(tenant: TenantId) -> Self {
        Self {
            tenant,
            api: ApiId::USERINFO,
            status: AccessStatus::Approved,
            epoch: 0,
            scopes: ScopeSet::default(),
            client_token_lifetime: None,
            user_token_lifetime: None,
            quota: QuotaClass::Standard,
            contract: None,
        }
    }
}

/// How many token requests an app may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuotaClass {
    /// 5 a second, bursts of 20: for first experiments.
    Trial,
    /// 50 a second, bursts of 200.
    #[default]
    Standard,
    /// 500 a second, bursts of 2,000.
    High,
    /// No limit; the limiter is asked all the same.
    Unlimited,
}

impl QuotaClass {
    /// Every class, the smallest first.
    pub const ALL: [Self; 4] = [Self::Trial, Self::Standard, Self::High, Self::Unlimited];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Standard => "standard",
            Self::High => "high",
            Self::Unlimited => "unlimited",
        }
    }

    /// The class that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// Whether it allows no more than another class.
    pub fn is_within(self, wider: Self) -> bool {
        let place = |class| Self::ALL.iter().position(|known| *known == class);
        place(self) <= place(wider)
    }

    /// Requests per second and burst; `None` is no limit.
    pub fn rate(self) -> Option<(u32, u32)> {
        match self {
            Self::Trial => Some((5, 20)),
            Self::Standard => Some((50, 200)),
            Self::High => Some((500, 2_000)),
            Self::Unlimited => None,
        }
    }
}

/// What a verifier asks: is this tenant's access to this API open now? The gates of the profile are asked when something is
/// issued, not when it is used ([`crate::gate::gate`]).
///
/// # Errors
/// `access_denied` with the reason; `invalid_client` for a suspended tenant, which looks like any bad credential from
/// outside.
pub fn open<'a>(tenant: &Tenant, accesses: &'a [Access], api: &Api) -> Result<&'a Access, Denial> {
    if !tenant.status.is_active() {
        return Err(Denial::new(OAuthError::InvalidClient, Reason::TenantSuspended));
    }
    let access = accesses
        .iter()
        .find(|access| access.api == api.id && access.tenant == tenant.id)
        .ok_or(Denial::closed(Gate::approval_of(&api.profile.gates), Reason::AccessMissing))?;
    match access.status {
        AccessStatus::Approved => Ok(access),
        AccessStatus::Applied | AccessStatus::Refused => {
            Err(Denial::closed(Gate::approval_of(&api.profile.gates), Reason::GateClosed))
        }
        AccessStatus::Suspended | AccessStatus::Closed => {
            Err(Denial::new(OAuthError::AccessDenied, Reason::AccessNotActive))
        }
    }
}
