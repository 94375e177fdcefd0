//! Access: what one tenant may do with one API of one environment. The place where gates stand.

use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::error::{Denial, OAuthError, Reason};
use crate::id::{ApiId, TenantId};
use crate::lifetime::Lifetime;
use crate::permission;
use crate::scope::{Scope, ScopeSet};
use crate::tenant::{Status, Tenant};

/// Tenant x Api x Environment (an Api belongs to one environment).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whose.
    pub tenant: TenantId,
    /// To which API.
    pub api: ApiId,
    /// Whether it is open.
    pub status: Status,
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
}

impl Access {
    /// What every tenant has: its members may manage it, by apps that the provider's team has made for that.
    pub fn to_management(tenant: TenantId) -> Self {
        let scopes = permission::SCOPES.iter().filter_map(|(name, _)| Scope::parse(name));
        Self {
            api: ApiId::MANAGEMENT,
            scopes: scopes.collect::<Vec<_>>().into(),
            ..Self::to_userinfo(tenant)
        }
    }

    /// What every tenant has: its users may sign in to apps that ask for nothing but who they are.
    pub fn to_userinfo(tenant: TenantId) -> Self {
        Self {
            tenant,
            api: ApiId::USERINFO,
            status: Status::Active,
            epoch: 0,
            scopes: ScopeSet::default(),
            client_token_lifetime: None,
            user_token_lifetime: None,
            quota: QuotaClass::Standard,
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
    /// Every class.
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

/// The gate that every credential passes when it is made, issued and refreshed: is this tenant's access to this API open now?
///
/// # Errors
/// `access_denied`, with the first closed gate as the reason; `invalid_client` for a suspended tenant, which looks like
/// any bad credential from outside.
pub fn gate<'a>(tenant: &Tenant, accesses: &'a [Access], api: &Api) -> Result<&'a Access, Denial> {
    if !tenant.status.is_active() {
        return Err(Denial::new(OAuthError::InvalidClient, Reason::TenantSuspended));
    }
    let access = accesses
        .iter()
        .find(|access| access.api == api.id && access.tenant == tenant.id)
        .ok_or(Denial::new(OAuthError::AccessDenied, Reason::AccessMissing))?;
    if !access.status.is_active() {
        return Err(Denial::new(OAuthError::AccessDenied, Reason::AccessNotActive));
    }
    Ok(access)
}
