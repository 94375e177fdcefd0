//! One verdict for introspection (RFC 7662), forward-auth and every other verifier: is this credential good, here, now?

use std::net::IpAddr;

use crate::access::{self, Access};
use crate::api::Api;
use crate::api_key::ApiKey;
use crate::app::App;
use crate::claims::AccessClaims;
use crate::client_metadata::Tenancy;
use crate::env::UnixMillis;
use crate::environment::Environment;
use crate::epoch::Epochs;
use crate::error::Reason;
use crate::grant::{Grant, GrantState};
use crate::id::ApiId;
use crate::profile::ApiKeyPolicy;
use crate::tenant::Tenant;
use crate::user::User;

/// What is known about the subjects of a credential.
pub struct Subjects<'a> {
    /// Where the question was asked.
    pub environment: &'a Environment,
    /// The API that asks.
    pub api: &'a Api,
    /// The tenant that the credential names.
    pub tenant: &'a Tenant,
    /// Its accesses in this environment.
    pub accesses: &'a [Access],
}

/// What is known about the user of a token.
pub struct UserSubjects<'a> {
    /// The Grant that the token names.
    pub grant: &'a Grant,
    /// The user of that Grant.
    pub user: &'a User,
    /// The app's own tenant, which is another one where the app serves members of many.
    pub owner: &'a Tenant,
}

/// Judges the claims of a genuine token. `app` is the app that the token names, `user` what stands behind a user's token;
/// `revoked` says whether its id was revoked.
///
/// # Errors
/// The first reason against it. To the outside every reason is "inactive".
pub fn judge_token(
    claims: &AccessClaims,
    subjects: &Subjects<'_>,
    app: &App,
    user: Option<&UserSubjects<'_>>,
    revoked: Revoked,
    now: UnixMillis,
) -> Result<(), Reason> {
    let Subjects { environment, api, tenant, accesses } = subjects;
    if claims.iss != environment.issuer.as_str()
        || claims.env != environment.name.as_str()
        || api.environment != environment.id
    {
        return Err(Reason::WrongEnvironment);
    }
    if claims.aud != api.audience {
        return Err(Reason::WrongAudience);
    }
    // No skew for our own `exp`: the clock that wrote it is ours.
    if now.seconds() >= claims.exp {
        return Err(Reason::CredentialExpired);
    }
    if revoked == Revoked::Yes {
        return Err(Reason::CredentialRevoked);
    }
    if app.environment != environment.id || app.client_id.as_str() != claims.client_id {
        return Err(Reason::UnknownCredential);
    }
    let (usr, gnt) = match (claims.gid, user) {
        (None, None) if app.tenant == tenant.id => (0, 0),
        (Some(_), Some(user)) => judge_user(claims, user, app, tenant)?,
        // A user's token without what stands behind it, or an app's of another tenant.
        _ => return Err(Reason::UnknownCredential),
    };
    if claims.tid.parse() != Ok(tenant.id) {
        return Err(Reason::UnknownCredential);
    }
    // The API was taken from the app since.
    let calls = app.apis.contains(&api.id) || (app.apis.is_empty() && api.id == ApiId::USERINFO);
    if !calls {
        return Err(Reason::WrongAudience);
    }
    if !app.status.is_active() {
        return Err(Reason::AppSuspended);
    }
    let access = access::open(tenant, accesses, api).map_err(|denial| denial.reason)?;
    claims.rev.check(&Epochs { ten: tenant.epoch, acc: access.epoch, app: app.epoch, usr, gnt })
}

/// Grant, user and app's owner must be alive and belong together. Gives the epochs of user and Grant.
fn judge_user(
    claims: &AccessClaims,
    subjects: &UserSubjects<'_>,
    app: &App,
    tenant: &Tenant,
) -> Result<(i64, i64), Reason> {
    let UserSubjects { grant, user, owner } = subjects;
    let of_app =
        app.tenant == owner.id && (owner.id == tenant.id || app.metadata.tenancy == Tenancy::Members);
    if claims.gid != Some(grant.id)
        || grant.app != app.id
        || grant.environment != app.environment
        || grant.tenant != tenant.id
        || grant.user != user.id
        || user.environment != app.environment
        || !of_app
    {
        return Err(Reason::UnknownCredential);
    }
    if grant.state != GrantState::Active {
        return Err(Reason::GrantEnded);
    }
    if !user.status.is_active() {
        return Err(Reason::UserSuspended);
    }
    if !owner.status.is_active() {
        return Err(Reason::TenantSuspended);
    }
    Ok((user.epoch, grant.epoch))
}

/// Whether the id of a token stands in the list of single revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Judges an API key that was found by its hash. `caller` is the address that it is used from, `None` where that is not
/// known: a key that has a list of addresses is not good then.
///
/// # Errors
/// The first reason against it.
pub fn judge_key(
    key: &ApiKey,
    subjects: &Subjects<'_>,
    caller: Option<IpAddr>,
    now: UnixMillis,
) -> Result<(), Reason> {
    let Subjects { environment, api, tenant, accesses } = subjects;
    if key.environment != environment.id || api.environment != environment.id {
        return Err(Reason::WrongEnvironment);
    }
    if key.tenant != tenant.id {
        return Err(Reason::UnknownCredential);
    }
    if now >= key.expires_at {
        return Err(Reason::CredentialExpired);
    }
    if !key.status.is_active() {
        return Err(Reason::CredentialRevoked);
    }
    if !key.apis.contains(&api.id) || api.profile.api_keys == ApiKeyPolicy::Off {
        return Err(Reason::WrongAudience);
    }
    if let Some(allowed) = &key.addresses
        && !caller.is_some_and(|caller| allowed.contains(caller))
    {
        return Err(Reason::AddressNotAllowed);
    }
    access::open(tenant, accesses, api).map(|_| ()).map_err(|denial| denial.reason)
}
