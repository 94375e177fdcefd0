//! Manifests: the declarative form of environments, profiles, APIs, tenants, accesses and apps.
//!
//! The command line parses TOML into these types, the admin API takes them as JSON. Unknown keys are refused in both.
//! Secrets never stand in a manifest, and a status is never changed by one. What is not mentioned stays.
//!
//! In audiences, URLs and scopes, `{issuer}`, `{environment}` and `{scope_prefix}` stand for the environment's own.

use serde::{Deserialize, Serialize};

use grantor_core::access::QuotaClass;
use grantor_core::api::ScopeDefinition;
use grantor_core::environment::Issuer;
use grantor_core::id::TenantId;
use grantor_core::lifetime::Lifetime;
use grantor_core::name::{ClientId, Name};
use grantor_core::profile::{ClientAuthMethod, GrantType, Profile};
use grantor_core::secret::Stage;

/// A whole manifest.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Issuers.
    #[serde(default, rename = "environment")]
    pub environments: Vec<EnvironmentEntry>,
    /// API profiles.
    #[serde(default, rename = "profile")]
    pub profiles: Vec<Profile>,
    /// Protected APIs.
    #[serde(default, rename = "api")]
    pub apis: Vec<ApiEntry>,
    /// Partner organisations.
    #[serde(default, rename = "tenant")]
    pub tenants: Vec<TenantEntry>,
    /// What tenants may do with APIs.
    #[serde(default, rename = "access")]
    pub accesses: Vec<AccessEntry>,
    /// Apps.
    #[serde(default, rename = "app")]
    pub apps: Vec<AppEntry>,
}

/// One issuer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentEntry {
    /// Its name, for example `production`.
    pub name: Name,
    /// Its issuer URL.
    pub issuer: Issuer,
    /// `live` or `test`.
    pub stage: Stage,
    /// What `{scope_prefix}` stands for; the environment's name if it is not given.
    #[serde(default)]
    pub scope_prefix: Option<String>,
}

/// One API, in one or several environments.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiEntry {
    /// Its name.
    pub name: Name,
    /// Where it stands.
    pub environments: Vec<Name>,
    /// The name of its profile.
    pub profile: Name,
    /// Its name for people.
    #[serde(default)]
    pub title: String,
    /// The claim `aud` of its tokens: an absolute URI.
    pub audience: String,
    /// Where the API is reached; replaces the `servers` of its contract.
    #[serde(default)]
    pub url: Option<String>,
    /// File name of its OpenAPI document, beside the manifest. The command line reads it and sends `openapi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Its OpenAPI document as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openapi: Option<String>,
    /// Its scopes.
    #[serde(default, rename = "scope")]
    pub scopes: Vec<ScopeDefinition>,
}

/// One partner organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantEntry {
    /// Its short name.
    pub name: Name,
    /// Its name for people.
    #[serde(default)]
    pub title: String,
    /// Its GUID; generated if it is not given.
    #[serde(default)]
    pub id: Option<TenantId>,
}

/// What one tenant may do with some APIs in some environments.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessEntry {
    /// The tenant's short name.
    pub tenant: Name,
    /// The APIs.
    pub apis: Vec<Name>,
    /// The environments.
    pub environments: Vec<Name>,
    /// The scopes that it may hold; all of each API's if not given.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Replaces the profile's lifetime of client tokens, in seconds.
    #[serde(default)]
    pub client_token_lifetime: Option<Lifetime>,
    /// Replaces the profile's lifetime of user tokens, in seconds.
    #[serde(default)]
    pub user_token_lifetime: Option<Lifetime>,
    /// How much its apps may ask for.
    #[serde(default)]
    pub quota: QuotaClass,
}

/// One app, in one or several environments. Its secrets are made by `grantor app rotate-secret`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppEntry {
    /// Its public id.
    pub client_id: ClientId,
    /// The environments.
    pub environments: Vec<Name>,
    /// The tenant's short name.
    pub tenant: Name,
    /// Its name for people.
    #[serde(default)]
    pub name: String,
    /// The one authentication method, if it narrows its APIs' set.
    #[serde(default)]
    pub auth_method: Option<ClientAuthMethod>,
    /// The grants; those that its APIs have on if not given.
    #[serde(default)]
    pub grants: Option<Vec<GrantType>>,
    /// The APIs that it calls.
    #[serde(default)]
    pub apis: Vec<Name>,
    /// The APIs that it is: whose tokens it introspects.
    #[serde(default)]
    pub introspects: Vec<Name>,
    /// The scopes that it may ask for; all that the tenant's accesses allow if not given.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
}

/// Parses a manifest in TOML.
///
/// # Errors
/// What does not fit, with its place.
pub fn from_toml(text: &str) -> Result<Manifest, toml::de::Error> {
    toml::from_str(text)
}
