//! Manifests: the declarative form of environments, profiles, APIs, tenants, accesses, apps, users and documents.
//!
//! The command line parses TOML into these types, the admin API takes them as JSON. Unknown keys are refused in both.
//! Secrets never stand in a manifest, and a status is never changed by one. What is not mentioned stays.
//!
//! In audiences, URLs, redirect URIs and scopes, `{issuer}`, `{environment}` and `{scope_prefix}` stand for the environment's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use grantor_core::access::QuotaClass;
use grantor_core::api::ScopeDefinition;
use grantor_core::client_metadata::{ApplicationType, SubjectType, Tenancy};
use grantor_core::contract::FileHash;
use grantor_core::email::EmailAddress;
use grantor_core::environment::{Issuer, OnLeak};
use grantor_core::id::TenantId;
use grantor_core::lifetime::Lifetime;
use grantor_core::name::{ClientId, Name};
use grantor_core::profile::{ClientAuthMethod, GrantType, Profile};
use grantor_core::secret::Stage;
use grantor_core::user::Role;
use grantor_jose::{Algorithm, JwkSet};

use crate::moment::Moment;
use crate::seconds::Seconds;

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
    /// People.
    #[serde(default, rename = "user")]
    pub users: Vec<UserEntry>,
    /// What people must accept.
    #[serde(default, rename = "document")]
    pub documents: Vec<DocumentEntry>,
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
    /// What is done about a credential that has leaked: `record`, `end` or `suspend`; a new environment's is `end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_leak: Option<OnLeak>,
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
    /// The contract, recorded as signed. One that is recorded stays when it is not mentioned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractEntry>,
}

/// A contract as evidence: the hash of the signed file, not the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractEntry {
    /// SHA-256 of the signed file, as `sha256sum` prints it.
    pub sha256: FileHash,
    /// When it was signed, as RFC 3339.
    pub signed_at: Moment,
    /// Where it is kept.
    #[serde(default)]
    pub reference: String,
}

/// One app, in one or several environments. Its secrets are made by `grantor app rotate-secret`. The names from
/// `redirect_uris` on are those of RFC 7591 where it has them.
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
    /// Where answers may be sent. From here on: what [`grantor_core::client_metadata`] says of each.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// `web` or `native`.
    #[serde(default)]
    pub application_type: ApplicationType,
    /// Its home page.
    #[serde(default)]
    pub client_uri: Option<String>,
    /// Its logo.
    #[serde(default)]
    pub logo_uri: Option<String>,
    /// How it uses data.
    #[serde(default)]
    pub policy_uri: Option<String>,
    /// Its own terms.
    #[serde(default)]
    pub tos_uri: Option<String>,
    /// People responsible for it.
    #[serde(default)]
    pub contacts: Vec<String>,
    /// An id of the software.
    #[serde(default)]
    pub software_id: Option<String>,
    /// Its version.
    #[serde(default)]
    pub software_version: Option<String>,
    /// Its public keys.
    #[serde(default)]
    pub jwks: Option<JwkSet>,
    /// `public` or `pairwise`.
    #[serde(default)]
    pub subject_type: SubjectType,
    /// What its ID tokens are signed with; RS256 if not given.
    #[serde(default)]
    pub id_token_signed_response_alg: Option<Algorithm>,
    /// What userinfo answers are signed with; JSON if not given.
    #[serde(default)]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// The `max_age` of requests that name none, in seconds.
    #[serde(default)]
    pub default_max_age: Option<i64>,
    /// Whether ID tokens always say when the user signed in.
    #[serde(default)]
    pub require_auth_time: bool,
    /// Whether a request without PKCE is refused; yes if not given.
    #[serde(default)]
    pub require_pkce: Option<bool>,
    /// Whose users it signs in: `own` or `members`.
    #[serde(default)]
    pub tenancy: Tenancy,
}

/// One person, in one or several environments. A new one has a verified address, vouched for by whoever applies, and no
/// password: `grantor user set-password` gives one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserEntry {
    /// The address.
    pub email: EmailAddress,
    /// The environments.
    pub environments: Vec<Name>,
    /// The name of a new user; somebody who is there keeps theirs.
    #[serde(default)]
    pub name: Option<String>,
    /// Where they belong. What is not mentioned stays.
    #[serde(default)]
    pub memberships: Vec<MembershipEntry>,
}

/// That a user belongs to a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembershipEntry {
    /// The tenant's short name.
    pub tenant: Name,
    /// As what.
    pub roles: Vec<Role>,
}

/// One document, of the provider or of a tenant. It belongs to no environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentEntry {
    /// What it is: `terms`, `data-protection`.
    pub kind: Name,
    /// The short name of the tenant whose users must accept it; everybody if not given.
    #[serde(default)]
    pub tenant: Option<Name>,
    /// Its versions. One that is published never changes, and stays when it is not mentioned any more.
    #[serde(default)]
    pub versions: Vec<VersionEntry>,
}

/// One version of a document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionEntry {
    /// 1, 2, 3 ...
    pub number: i64,
    /// From when it must be accepted, as RFC 3339; from the moment at which it is applied first if not given.
    #[serde(default)]
    pub effective_at: Option<Moment>,
    /// How long after that what was granted under the version before may still be refreshed: seconds, or `30d`.
    #[serde(default)]
    pub grace: Seconds,
    /// The texts by language tag.
    pub texts: BTreeMap<String, TextEntry>,
}

/// A version in one language.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextEntry {
    /// The title.
    pub title: String,
    /// The text, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// File name of the text, beside the manifest. The command line reads it and sends `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_file: Option<String>,
    /// What is new, for those who accepted the version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
}

/// Parses a manifest in TOML.
///
/// # Errors
/// What does not fit, with its place.
pub fn from_toml(text: &str) -> Result<Manifest, toml::de::Error> {
    toml::from_str(text)
}
