//! An app: an OAuth client of one tenant in one environment, with dated versions of its secret.

use crate::client_metadata::ClientMetadata;
use crate::env::UnixMillis;
use crate::id::{ApiId, AppId, EnvironmentId, TenantId};
use crate::name::ClientId;
use crate::profile::{ClientAuthMethod, GrantType};
use crate::scope::ScopeSet;
use crate::secret::SecretHash;
use crate::tenant::Status;

/// An OAuth client.
#[derive(Clone)]
pub struct App {
    /// Its row.
    pub id: AppId,
    /// Where it lives. Its credentials are unknown everywhere else.
    pub environment: EnvironmentId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its public id.
    pub client_id: ClientId,
    /// Its name for people.
    pub name: String,
    /// Whether it may act. A closed app keeps its client id for ever.
    pub status: Status,
    /// Raised by every suspend.
    pub epoch: i64,
    /// The one client authentication method, if the app narrows what its APIs accept.
    pub auth_method: Option<ClientAuthMethod>,
    /// The grants that it may use.
    pub grants: Vec<GrantType>,
    /// The APIs that it may get tokens for.
    pub apis: Vec<ApiId>,
    /// The scopes that it may ask for.
    pub scopes: ScopeSet,
    /// What it says of itself for the flows with users.
    pub metadata: ClientMetadata,
    /// The APIs that it *is*: whose tokens it may introspect.
    pub introspects: Vec<ApiId>,
    /// Its secret versions, oldest first.
    pub secrets: Vec<SecretVersion>,
    /// When one of its credentials was last seen where it must not be (a query string).
    pub exposed_at: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// Most secret versions that one app may have alive at once.
pub const MAX_SECRET_VERSIONS: usize = 10;

/// A dated version of an app's secret.
#[derive(Clone)]
pub struct SecretVersion {
    /// 1, 2, 3 ... within the app.
    pub version: i64,
    /// Its keyed hash.
    pub hash: SecretHash,
    /// The last four characters, for people.
    pub last_four: String,
    /// When it begins to authenticate.
    pub not_before: UnixMillis,
    /// When it ceases to.
    pub expires_at: Option<UnixMillis>,
    /// When somebody ended it.
    pub ended_at: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// The rotation that set its end: the number of the version that took its place. `None` where nobody did, or a person
    /// chose the end.
    pub end_set_by: Option<i64>,
    /// When it would have ended without that rotation.
    pub end_before: Option<UnixMillis>,
}

impl SecretVersion {
    /// Whether it authenticates now.
    pub fn is_usable(&self, now: UnixMillis) -> bool {
        self.ended_at.is_none() && self.not_before <= now && self.expires_at.is_none_or(|end| now < end)
    }
}

impl App {
    /// This app with a new registration: what it may do changes, who it is stays.
    #[must_use]
    pub fn registered_as(&self, new: Self) -> Self {
        Self {
            id: self.id,
            environment: self.environment,
            tenant: self.tenant,
            client_id: self.client_id.clone(),
            status: self.status,
            epoch: self.epoch,
            secrets: self.secrets.clone(),
            exposed_at: self.exposed_at,
            created_at: self.created_at,
            ..new
        }
    }

    /// Whether the app may use the way in which it has authenticated at an API that accepts these methods.
    pub fn may_authenticate_by(&self, method: ClientAuthMethod, api_methods: &[ClientAuthMethod]) -> bool {
        api_methods.contains(&method) && self.auth_method.is_none_or(|only| only == method)
    }
}
