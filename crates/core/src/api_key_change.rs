//! API keys that change: narrowed in place, or rotated into a new one while the old one runs out.
//!
//! A key only ever narrows. Whoever needs more makes a new key, which passes the gates of a new key.

use crate::access::{Access, QuotaClass};
use crate::address_list::AddressList;
use crate::api::Api;
use crate::api_key::{ApiKey, KeyTerms, NewKey, terms};
use crate::env::UnixMillis;
use crate::error::{Denial, OAuthError, Reason};
use crate::gate::Terms;
use crate::id::ApiId;
use crate::lifetime::Lifetime;
use crate::permission::Maker;
use crate::scope::ScopeSet;
use crate::tenant::Tenant;

/// What a key shall be narrowed to. What is `None` stays as it is.
#[derive(Default)]
pub struct Narrowing<'a> {
    /// Some of its APIs.
    pub apis: Option<Vec<&'a Api>>,
    /// Some of its scopes. Those that the server adds stay.
    pub scopes: Option<ScopeSet>,
    /// Some of its addresses; a first list for a key that had none.
    pub addresses: Option<AddressList>,
    /// A smaller quota class.
    pub quota: Option<QuotaClass>,
    /// An earlier end, in the future.
    pub expires_at: Option<UnixMillis>,
}

/// What a narrowed key is allowed from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// The APIs that it opens.
    pub apis: Vec<ApiId>,
    /// What it may do there.
    pub scopes: ScopeSet,
    /// From where; `None` is from everywhere.
    pub addresses: Option<AddressList>,
    /// How much.
    pub quota: QuotaClass,
    /// Until when.
    pub expires_at: UnixMillis,
}

/// Narrows a key. `own` are its APIs as they are now.
///
/// # Errors
/// `access_denied` for a key that has ended, `invalid_request` for anything that would widen it.
pub fn narrow(
    key: &ApiKey,
    wanted: &Narrowing<'_>,
    own: &[&Api],
    now: UnixMillis,
) -> Result<Narrowed, Denial> {
    is_alive(key, now)?;
    let apis: Vec<&Api> = match &wanted.apis {
        None => own.to_vec(),
        Some(apis) if apis.is_empty() => return refuse("A key opens at least one API. Revoke it instead."),
        Some(apis) if apis.iter().any(|api| !key.apis.contains(&api.id)) => return widens(),
        Some(apis) => apis.clone(),
    };
    let known = apis.iter().fold(ScopeSet::default(), |known, api| known.union(&api.scope_set()));
    let added = apis.iter().fold(ScopeSet::default(), |added, api| added.union(&api.server_scopes));
    let scopes = match &wanted.scopes {
        None => key.scopes.intersection(&known),
        Some(scopes) if !scopes.is_subset(&key.scopes) => return widens(),
        Some(scopes) => scopes.union(&added.intersection(&key.scopes)).intersection(&known),
    };
    let addresses = match (&wanted.addresses, &key.addresses) {
        (None, own) => own.clone(),
        (Some(new), Some(own)) if !new.is_within(own) => return widens(),
        (Some(new), _) => Some(new.clone()),
    };
    let quota = wanted.quota.unwrap_or(key.quota);
    if !quota.is_within(key.quota) {
        return widens();
    }
    let expires_at = wanted.expires_at.unwrap_or(key.expires_at);
    if expires_at > key.expires_at {
        return widens();
    }
    if expires_at <= now {
        return refuse("The new end lies in the past. Revoke the key instead.");
    }
    Ok(Narrowed { apis: apis.iter().map(|api| api.id).collect(), scopes, addresses, quota, expires_at })
}

/// What the successor of a key shall be, and for how long the two live side by side.
#[derive(Default)]
pub struct Rotation<'a> {
    /// What it shall have less than the old key. Its `expires_at` is not looked at.
    pub narrowing: Narrowing<'a>,
    /// Its life; `None` takes that of the old key, as far as the profile still allows it.
    pub lifetime: Option<Lifetime>,
    /// Seconds for which the old key works on; 0 ends it at once.
    pub overlap: i64,
}

/// What was decided about a rotation.
#[derive(Debug, PartialEq, Eq)]
pub struct Rotated {
    /// What the successor is allowed. Its `expires_at` is that of its own life.
    pub successor: Narrowed,
    /// How the successor is made.
    pub terms: KeyTerms,
    /// When the old key ends: after the overlap, and never later than it would have anyway.
    pub old_ends_at: UnixMillis,
}

/// Who rotates, for whom, and what the gates of the new key are judged by.
pub struct Holder<'a> {
    /// Who.
    pub maker: Maker<'a>,
    /// For whom.
    pub tenant: &'a Tenant,
    /// Its accesses.
    pub accesses: &'a [Access],
    /// What was accepted in its name.
    pub terms: &'a Terms<'a>,
}

/// Decides a rotation: a new key passes the gates of a new key, with the terms of the old one or narrower ones.
///
/// # Errors
/// `access_denied` for a key that does not work, that was rotated already, or whose gates are closed now;
/// `invalid_request` for anything that would widen it.
pub fn rotate(
    key: &ApiKey,
    rotation: &Rotation<'_>,
    own: &[&Api],
    holder: &Holder<'_>,
    now: UnixMillis,
) -> Result<Rotated, Denial> {
    if key.replaced_by.is_some() {
        return denied("This key was rotated already. Rotate its successor.");
    }
    if !key.status.is_active() {
        return denied("Only a key that works can be rotated. Resume it, or make a new one.");
    }
    if rotation.overlap < 0 {
        return refuse("overlap is a number of seconds from now.");
    }
    let narrowed = narrow(key, &rotation.narrowing, own, now)?;
    let apis: Vec<&Api> = own.iter().filter(|api| narrowed.apis.contains(&api.id)).copied().collect();
    let new = NewKey { apis: &apis, scopes: None, lifetime: rotation.lifetime };
    let standing = (holder.tenant, holder.accesses);
    let mut terms = terms(&new, holder.maker, standing, holder.terms)?;
    // What was taken from the tenant since is not in the new key; what was added since is not, either.
    let added = apis.iter().fold(ScopeSet::default(), |added, api| added.union(&api.server_scopes));
    terms.scopes = terms.scopes.intersection(&narrowed.scopes.union(&added));
    if rotation.lifetime.is_none() {
        let life = key.expires_at.seconds() - key.created_at.seconds();
        terms.lifetime = Lifetime::from_seconds(life).map_or(terms.lifetime, |life| life.min(terms.lifetime));
    }
    let expires_at = now.plus_seconds(terms.lifetime.seconds());
    let successor = Narrowed { scopes: terms.scopes.clone(), expires_at, ..narrowed };
    let old_ends_at = key.expires_at.min(now.plus_seconds(rotation.overlap));
    Ok(Rotated { successor, terms, old_ends_at })
}

fn is_alive(key: &ApiKey, now: UnixMillis) -> Result<(), Denial> {
    let ended = key.status == crate::tenant::Status::Closed || key.expires_at <= now;
    if ended { denied("This key has ended. Make a new one.") } else { Ok(()) }
}

fn denied<T>(hint: &'static str) -> Result<T, Denial> {
    Err(Denial::hinted(OAuthError::AccessDenied, Reason::CredentialRevoked, hint))
}

fn refuse<T>(hint: &'static str) -> Result<T, Denial> {
    Err(Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, hint))
}

fn widens<T>() -> Result<T, Denial> {
    Err(Denial::hinted(
        OAuthError::InvalidRequest,
        Reason::KeyWouldWiden,
        "A key only ever narrows: fewer APIs, scopes or addresses, a smaller quota, an earlier end. Make a new key for more.",
    ))
}
