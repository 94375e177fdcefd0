//! How things are shown: names instead of row ids, times as RFC 3339, never a secret (security case K03).

use grantor_core::address_list::AddressList;
use grantor_core::api_key::ApiKey;
use grantor_core::app::{App as AppRow, SecretVersion};
use grantor_core::client_metadata::ClientMetadata;
use grantor_core::decision::StoredKey;
use grantor_core::env::UnixMillis;
use grantor_core::grant::{Consent as ConsentRow, Grant as GrantRow};
use grantor_core::id::ApiId;
use grantor_core::profile::ApiKeyFormat;
use grantor_core::scope::ScopeSet;
use grantor_core::secret_version::seconds_left;
use grantor_core::tenant::Tenant as TenantRow;
use grantor_core::user::{Membership as MembershipRow, User as UserRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::{
    ApiKeyFormatText, ClientAuthMethodText, GrantTypeText, KeyStateText, KeyUseText, MemberRoleText,
    NetworkText, QuotaText, ScopeText, StatusText,
};
use crate::catalogue::EnvironmentState;
use crate::moment::Moment;

fn maybe(at: Option<UnixMillis>) -> Option<Moment> {
    at.map(Moment)
}

fn names(state: &EnvironmentState, ids: &[ApiId]) -> Vec<String> {
    ids.iter().filter_map(|id| state.api_by_id(*id)).map(|api| api.name.to_string()).collect()
}

/// A partner organisation.
#[derive(Serialize, ToSchema)]
pub(super) struct Tenant {
    /// Its GUID: the claim `tid`.
    id: String,
    /// Its short name, unique in the installation.
    name: String,
    /// Its name for people.
    title: String,
    #[schema(value_type = StatusText)]
    status: &'static str,
    /// Raised by every suspend; tokens with a lower one are dead for good.
    epoch: i64,
}

impl Tenant {
    pub(super) fn of(tenant: &TenantRow) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name.to_string(),
            title: tenant.title.clone(),
            status: tenant.status.as_str(),
            epoch: tenant.epoch,
        }
    }
}

/// An OAuth client.
#[derive(Serialize, ToSchema)]
pub(super) struct App {
    pub(super) client_id: String,
    environment: String,
    /// The tenant's short name.
    pub(super) tenant: String,
    /// Its name for people.
    name: String,
    #[schema(value_type = StatusText)]
    status: &'static str,
    /// Raised by every suspend.
    epoch: i64,
    /// The one way in which it authenticates; `null` is any that its APIs accept.
    #[schema(value_type = Option<ClientAuthMethodText>)]
    auth_method: Option<&'static str>,
    #[schema(value_type = Vec<GrantTypeText>)]
    grants: Vec<&'static str>,
    /// The APIs that it calls, by name.
    apis: Vec<String>,
    /// The APIs that it is, whose tokens it may introspect.
    introspects: Vec<String>,
    #[schema(value_type = Vec<ScopeText>)]
    scopes: ScopeSet,
    /// What it says of itself for the flows with users (RFC 7591 2).
    #[schema(value_type = Object)]
    metadata: ClientMetadata,
    /// When a credential of it was last seen where it must not be.
    #[schema(value_type = Option<String>, format = DateTime)]
    exposed_at: Option<Moment>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    /// The versions of its secret, oldest first. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Vec<Secret>>,
    /// Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_issued_last_day: Option<i64>,
}

impl App {
    /// Without its secret versions, as in lists.
    pub(super) fn of(state: &EnvironmentState, app: &AppRow, tenant: &str) -> Self {
        Self {
            client_id: app.client_id.to_string(),
            environment: state.environment.name.to_string(),
            tenant: tenant.to_owned(),
            name: app.name.clone(),
            status: app.status.as_str(),
            epoch: app.epoch,
            auth_method: app.auth_method.map(|method| method.as_str()),
            grants: app.grants.iter().map(|grant| grant.as_str()).collect(),
            apis: names(state, &app.apis),
            introspects: names(state, &app.introspects),
            scopes: app.scopes.clone(),
            metadata: app.metadata.clone(),
            exposed_at: maybe(app.exposed_at),
            created_at: Moment(app.created_at),
            secrets: None,
            tokens_issued_last_day: None,
        }
    }

    /// With its secret versions and what it has asked for, as alone.
    pub(super) fn whole(self, secrets: Vec<Secret>, tokens_issued_last_day: i64) -> Self {
        Self { secrets: Some(secrets), tokens_issued_last_day: Some(tokens_issued_last_day), ..self }
    }
}

/// When and from where a credential was last used, and did what was asked.
#[derive(Serialize, ToSchema, Default)]
pub(super) struct LastUse {
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Moment>,
    /// The address; `null` where an API asked on behalf of the caller.
    last_used_from: Option<String>,
}

impl LastUse {
    pub(super) fn new(at: Option<Moment>, from: Option<String>) -> Self {
        Self { last_used_at: at, last_used_from: from }
    }
}

/// A version of a secret: what a person needs to tell it from another.
#[derive(Serialize, ToSchema)]
pub(super) struct Secret {
    version: i64,
    last_four: String,
    /// `active`, `not yet`, `expired`, `ended`.
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    not_before: Moment,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Moment>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    /// Until it ends; `null` if it has no end.
    seconds_left: Option<i64>,
    /// The version that has set its end.
    replaced_by: Option<i64>,
    #[serde(flatten)]
    last_use: LastUse,
}

impl Secret {
    pub(super) fn of(version: &SecretVersion, now: UnixMillis) -> Self {
        let status = match version {
            version if version.ended_at.is_some() => "ended",
            version if version.expires_at.is_some_and(|end| end <= now) => "expired",
            version if version.not_before > now => "not yet",
            _ => "active",
        };
        Self {
            version: version.version,
            last_four: version.last_four.clone(),
            status,
            not_before: Moment(version.not_before),
            expires_at: maybe(version.expires_at),
            ended_at: maybe(version.ended_at),
            created_at: Moment(version.created_at),
            seconds_left: seconds_left(version, now),
            replaced_by: version.end_set_by,
            last_use: LastUse::default(),
        }
    }

    /// With its last use.
    pub(super) fn used(self, last: LastUse) -> Self {
        Self { last_use: last, ..self }
    }
}

/// An API key. Not the key itself.
#[derive(Serialize, ToSchema)]
pub(super) struct Key {
    id: String,
    environment: String,
    /// The tenant's short name.
    tenant: String,
    /// Its name for people.
    name: String,
    /// The APIs that it opens, by name.
    apis: Vec<String>,
    #[schema(value_type = Vec<ScopeText>)]
    scopes: ScopeSet,
    /// `active`, `suspended`, `expired`, `revoked`.
    status: &'static str,
    last_four: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Moment,
    revoked_reason: Option<String>,
    #[schema(value_type = ApiKeyFormatText)]
    format: ApiKeyFormat,
    /// The networks that it is good from; `null` is any.
    #[schema(value_type = Option<Vec<NetworkText>>)]
    addresses: Option<AddressList>,
    /// How many calls it may make.
    #[schema(value_type = QuotaText)]
    quota: &'static str,
    /// The id of the key that takes its place.
    replaced_by: Option<String>,
    /// Until it expires; `null` if it opens nothing any more.
    seconds_left: Option<i64>,
    #[serde(flatten)]
    last_use: LastUse,
}

impl Key {
    pub(super) fn of(state: &EnvironmentState, key: &ApiKey, tenant: &str, now: UnixMillis) -> Self {
        let status = match key.status.as_str() {
            "closed" => "revoked",
            "active" if key.expires_at <= now => "expired",
            other => other,
        };
        Self {
            id: key.id.to_string(),
            environment: state.environment.name.to_string(),
            tenant: tenant.to_owned(),
            name: key.name.clone(),
            apis: names(state, &key.apis),
            scopes: key.scopes.clone(),
            status,
            last_four: key.last_four.clone(),
            created_at: Moment(key.created_at),
            expires_at: Moment(key.expires_at),
            revoked_reason: key.revoked_reason.clone(),
            format: if key.signed_by.is_some() { ApiKeyFormat::Jwt } else { ApiKeyFormat::Opaque },
            addresses: key.addresses.clone(),
            quota: key.quota.as_str(),
            replaced_by: key.replaced_by.map(|id| id.to_string()),
            seconds_left: matches!(status, "active" | "suspended")
                .then(|| (key.expires_at.0 - now.0).div_euclid(1_000)),
            last_use: LastUse::default(),
        }
    }

    /// With its last use.
    pub(super) fn used(self, last: LastUse) -> Self {
        Self { last_use: last, ..self }
    }
}

/// A key of the ring. Of a signing key the public half stands in the key set of the issuer.
#[derive(Serialize, ToSchema)]
pub(super) struct RingKey {
    kid: String,
    #[serde(rename = "use")]
    #[schema(value_type = KeyUseText)]
    usage: &'static str,
    algorithm: String,
    #[schema(value_type = KeyStateText)]
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime)]
    activated_at: Option<Moment>,
    #[schema(value_type = Option<String>, format = DateTime)]
    retires_at: Option<Moment>,
}

impl RingKey {
    pub(super) fn of(key: &StoredKey) -> Self {
        Self {
            kid: key.kid.clone(),
            usage: key.usage.as_str(),
            algorithm: key.algorithm.clone(),
            state: key.state.as_str(),
            created_at: Moment(key.created_at),
            activated_at: maybe(key.activated_at),
            retires_at: maybe(key.retires_at),
        }
    }
}

/// A person in one environment. Of the password no more than whether there is one.
#[derive(Serialize, ToSchema)]
pub(super) struct User {
    id: String,
    environment: String,
    email: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    email_verified_at: Option<Moment>,
    name: Option<String>,
    #[schema(value_type = StatusText)]
    status: &'static str,
    /// Raised by every suspend.
    epoch: i64,
    has_password: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Moment,
    /// Where they belong; a member sees their own tenant alone. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memberships: Option<Vec<Membership>>,
}

impl User {
    pub(super) fn of(state: &EnvironmentState, user: &UserRow) -> Self {
        Self {
            id: user.id.to_string(),
            environment: state.environment.name.to_string(),
            email: user.email.to_string(),
            email_verified_at: maybe(user.email_verified_at),
            name: user.name.clone(),
            status: user.status.as_str(),
            epoch: user.epoch,
            has_password: user.password.is_some(),
            created_at: Moment(user.created_at),
            updated_at: Moment(user.updated_at),
            memberships: None,
        }
    }
}

/// That a user belongs to a tenant.
#[derive(Serialize, ToSchema)]
pub(super) struct Membership {
    /// The tenant's short name.
    tenant: String,
    #[schema(value_type = Vec<MemberRoleText>)]
    roles: Vec<grantor_core::user::Role>,
}

impl Membership {
    pub(super) fn of(membership: &MembershipRow, tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), roles: membership.roles.clone() }
    }
}

/// What a user has allowed an app.
#[derive(Serialize, ToSchema)]
pub(super) struct Consent {
    client_id: String,
    /// The tenant's short name.
    tenant: String,
    #[schema(value_type = Vec<ScopeText>)]
    scopes: ScopeSet,
    #[schema(value_type = String, format = DateTime)]
    granted_at: Moment,
}

impl Consent {
    pub(super) fn of(consent: &ConsentRow, client_id: &str, tenant: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            tenant: tenant.to_owned(),
            scopes: consent.scopes.clone(),
            granted_at: Moment(consent.granted_at),
        }
    }
}

/// One authorization of an app by a user, for its whole life.
#[derive(Serialize, ToSchema)]
pub(super) struct Grant {
    id: String,
    client_id: String,
    /// The tenant's short name.
    tenant: String,
    /// The API's name; `null` for an app that only asked who the user is.
    api: Option<String>,
    #[schema(value_type = GrantTypeText)]
    origin: &'static str,
    #[schema(value_type = Vec<ScopeText>)]
    scopes: ScopeSet,
    /// `code`, `active`, `ended`.
    state: &'static str,
    /// How many refresh tokens there have been.
    generation: i64,
    #[schema(value_type = String, format = DateTime)]
    auth_time: Moment,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    ends_at: Moment,
    ended_reason: Option<&'static str>,
}

impl Grant {
    pub(super) fn of(state: &EnvironmentState, grant: &GrantRow, client_id: &str, tenant: &str) -> Self {
        Self {
            id: grant.id.to_string(),
            client_id: client_id.to_owned(),
            tenant: tenant.to_owned(),
            api: grant.api.and_then(|id| state.api_by_id(id)).map(|api| api.name.to_string()),
            origin: grant.origin.as_str(),
            scopes: grant.scopes.clone(),
            state: grant.state.as_str(),
            generation: grant.generation,
            auth_time: Moment(grant.login.auth_time),
            created_at: Moment(grant.created_at),
            ends_at: Moment(grant.ends_at),
            ended_reason: grant.ended_reason.map(|reason| reason.as_str()),
        }
    }
}
