//! API keys: long-lived bearer credentials of a tenant in one environment.

use crate::access::{Access, QuotaClass};
use crate::address_list::AddressList;
use crate::api::Api;
use crate::env::UnixMillis;
use crate::error::{Denial, OAuthError, Reason};
use crate::gate::{self, Terms};
use crate::gate_rule::Gate;
use crate::id::{ApiId, ApiKeyId, EnvironmentId, TenantId};
use crate::lifetime::Lifetime;
use crate::permission::Maker;
use crate::profile::{ApiKeyFormat, ApiKeyPolicy};
use crate::scope::ScopeSet;
use crate::tenant::{Status, Tenant};
use grantor_jose::Algorithm;

/// An API key's row. The key itself is shown once and never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its row.
    pub id: ApiKeyId,
    /// Where it opens doors.
    pub environment: EnvironmentId,
    /// For whom it acts.
    pub tenant: TenantId,
    /// Its name for people.
    pub name: String,
    /// The APIs that it opens.
    pub apis: Vec<ApiId>,
    /// What it may do there.
    pub scopes: ScopeSet,
    /// Whether it works.
    pub status: Status,
    /// Raised by every suspend.
    pub epoch: i64,
    /// The last four characters, for people.
    pub last_four: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ceases to work.
    pub expires_at: UnixMillis,
    /// Why it was revoked.
    pub revoked_reason: Option<String>,
    /// From where it may be used; `None` is from everywhere.
    pub addresses: Option<AddressList>,
    /// How many calls it may make.
    pub quota: QuotaClass,
    /// The id of the signing key, for a key that is a JWT.
    pub signed_by: Option<String>,
    /// The key that it was rotated into.
    pub replaced_by: Option<ApiKeyId>,
    /// Raised by every change of its terms: whoever changes it names the one that they looked at.
    pub revision: i64,
}

/// What a new key needs to be allowed.
pub struct NewKey<'a> {
    /// The APIs that it shall open.
    pub apis: &'a [&'a Api],
    /// The scopes asked for; `None` takes all that the tenant's access allows.
    pub scopes: Option<&'a ScopeSet>,
    /// The life asked for; never longer than the profile's.
    pub lifetime: Option<Lifetime>,
}

/// What a new key gets.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyTerms {
    /// Its scopes.
    pub scopes: ScopeSet,
    /// Its life.
    pub lifetime: Lifetime,
    /// What it is signed with, if it is a JWT.
    pub signed: Option<Algorithm>,
}

/// Whether a key may be made, and what it gets.
///
/// # Errors
/// `access_denied` where the API has no keys or the tenant's access is not open, `invalid_scope` for scopes beyond it,
/// `invalid_request` for a life beyond the profile's, and for APIs whose keys look different.
///
/// A key has one list of scopes for all its APIs. Where two APIs know a scope of the same name, the tenant's access to
/// both must hold it: else the access to one would open the other.
pub fn terms(
    new: &NewKey<'_>,
    maker: Maker<'_>,
    (tenant, accesses): (&Tenant, &[Access]),
    accepted: &Terms<'_>,
) -> Result<KeyTerms, Denial> {
    if new.apis.is_empty() {
        return Err(Denial::hinted(
            OAuthError::InvalidTarget,
            Reason::NoApi,
            "A key opens at least one API.",
        ));
    }
    let mut allowed = ScopeSet::default();
    let mut added = ScopeSet::default();
    let mut closed = ScopeSet::default();
    let mut longest = Lifetime::from_seconds(Lifetime::MAX_SECONDS);
    let signed = signed_with(new.apis)?;
    for api in new.apis {
        if api.profile.api_keys == ApiKeyPolicy::Off {
            return Err(Denial::hinted(
                OAuthError::AccessDenied,
                Reason::NoSuchKeyType,
                "This API does not take API keys.",
            ));
        }
        may_make(maker, api)?;
        let access = gate::for_key(tenant, accesses, api, accepted)?;
        allowed = allowed.union(&access.scopes.intersection(&api.scope_set()));
        added = added.union(&api.server_scopes);
        closed = closed.union(&without(&api.scope_set(), &access.scopes.union(&api.server_scopes)));
        longest = longest.min(Some(api.profile.lifetimes.api_key));
    }
    let longest = longest.unwrap_or(Lifetime::hours(1));
    if new.lifetime.is_some_and(|asked| asked > longest) {
        return Err(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "The key would live longer than the API's profile allows.",
        ));
    }
    let scopes = match new.scopes {
        Some(asked) if !asked.is_subset(&allowed.union(&added)) => {
            return Err(Denial::new(OAuthError::InvalidScope, Reason::ScopeNotAllowed));
        }
        Some(asked) => asked.clone(),
        None => without(&allowed, &closed),
    };
    let scopes = scopes.union(&added);
    if !scopes.intersection(&closed).is_empty() {
        return Err(Denial::new(OAuthError::InvalidScope, Reason::ScopeNotAllowed));
    }
    Ok(KeyTerms { scopes, lifetime: new.lifetime.unwrap_or(longest), signed })
}

/// What a key for all these APIs is signed with; `None` for an opaque one. A key has one form for all its APIs.
fn signed_with(apis: &[&Api]) -> Result<Option<Algorithm>, Denial> {
    let form =
        |api: &Api| (api.profile.api_key_format == ApiKeyFormat::Jwt).then_some(api.profile.signing_alg);
    let first = apis.first().and_then(|api| form(api));
    if apis.iter().any(|api| form(api) != first) {
        return Err(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::NoSuchKeyType,
            "These APIs take keys of different forms. Make one key for each.",
        ));
    }
    Ok(first)
}

/// Keys are made by members only where the profile says so, and then by administrators alone.
fn may_make(maker: Maker<'_>, api: &Api) -> Result<(), Denial> {
    let Maker::Member(_) = maker else { return Ok(()) };
    if api.profile.api_keys != ApiKeyPolicy::SelfService {
        return Err(Denial::hinted(
            OAuthError::AccessDenied,
            Reason::NotSelfService,
            "Keys of this API are made by the provider's team. Ask them for one.",
        ));
    }
    if !maker.is_administrator() {
        return Err(Denial::closed(Gate::TenantAdmin, Reason::GateClosed));
    }
    Ok(())
}

/// The scopes of one set that the other does not hold.
fn without(set: &ScopeSet, other: &ScopeSet) -> ScopeSet {
    set.iter().filter(|scope| !other.contains(scope)).cloned().collect::<Vec<_>>().into()
}
