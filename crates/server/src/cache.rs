//! Read-through caches of what is large: apps, tenants with their accesses, API keys; and of claims that have been verified.
//!
//! Never a cache of verdicts: status, epochs, audience and expiry are judged on every use. A committed change removes its
//! entry before the answer leaves. A read that began before a change cannot put the old value back: every change moves the
//! generation, and a load is kept only if the generation is still the one in which it began.

mod weight;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use grantor_core::access::Access;
use grantor_core::api_key::ApiKey;
use grantor_core::api_key_jwt::KeyClaims;
use grantor_core::app::App;
use grantor_core::change::Change;
use grantor_core::claims::AccessClaims;
use grantor_core::document::{Document, TenantAcceptance};
use grantor_core::env::UnixMillis;
use grantor_core::gate::Terms;
use grantor_core::grant::Grant;
use grantor_core::id::{ApiKeyId, AppId, EnvironmentId, GrantId, TenantId, UserId};
use grantor_core::name::ClientId;
use grantor_core::tenant::Tenant;
use grantor_core::user::User;
use quick_cache::sync::Cache as Bounded;
use quick_cache::{Equivalent, UnitWeighter, Weighter};

use crate::store::Store;
use crate::store::sql::StoreError;
use weight::Bytes;

/// Claims of a JWT whose signature was good, and the key that said so.
pub struct SignedClaims {
    /// The claims.
    pub claims: AccessClaims,
    /// The key. Whoever uses the claims asks whether it still verifies.
    pub kid: String,
}

/// An API key whose signature was good: which row it claims, and the key that said so. Whoever uses it asks whether that
/// one still verifies, and judges the row.
pub struct SignedKey {
    /// The claims.
    pub claims: KeyClaims,
    /// The signing key.
    pub kid: String,
}

/// A tenant with all its accesses.
pub struct TenantFacts {
    /// The tenant.
    pub tenant: Tenant,
    /// Its accesses, in all environments.
    pub accesses: Vec<Access>,
    /// What was accepted in its name.
    pub accepted: Vec<TenantAcceptance>,
}

impl TenantFacts {
    /// What there is to accept, and what was accepted in the tenant's name.
    pub fn terms<'a>(&'a self, documents: &'a [Document], now: UnixMillis) -> Terms<'a> {
        Terms { documents, accepted: &self.accepted, now }
    }
}

/// Bytes of apps that are held at most: some 30,000 of them. What is not held costs a read of the database; what is held
/// of all kinds together must leave a small machine room for the rest ([`weight`] tells what is counted).
const APP_BYTES: u64 = 40 * MEBIBYTE;
/// Bytes of tenants, each with its accesses, that are held at most.
const TENANT_BYTES: u64 = 48 * MEBIBYTE;
/// Bytes of API keys that are held at most.
const KEY_BYTES: u64 = 24 * MEBIBYTE;
/// Bytes of users that are held at most.
const USER_BYTES: u64 = 12 * MEBIBYTE;
/// Bytes of Grants that are held at most.
const GRANT_BYTES: u64 = 24 * MEBIBYTE;
/// Names that are held at most: more than there are entries behind them.
const NAMES: usize = 60_000;
/// Unknown names that are remembered at most, so that guessing does not become a load on the database.
const UNKNOWN: usize = 20_000;
/// Verified API keys that are JWTs that are held at most.
const SIGNED_KEYS: usize = 20_000;
/// Bytes of verified claims that are held at most.
const CLAIMS_BYTES: u64 = 48 * MEBIBYTE;
/// About what an entry takes, in bytes.
const TYPICAL: u64 = 1_024;
const MEBIBYTE: u64 = 1024 * 1024;

/// The caches of a node.
pub struct Cache {
    // Names never move to another id, so this mapping needs no invalidation. Callers choose these names, so they are hashed
    // with a keyed hash; all other keys are random or digests.
    app_ids: Bounded<AppName, AppId, UnitWeighter, RandomState>,
    apps: Bounded<AppId, Arc<App>, Bytes>,
    unknown_apps: Bounded<AppName, (), UnitWeighter, RandomState>,
    tenants: Bounded<TenantId, Arc<TenantFacts>, Bytes>,
    key_ids: Bounded<(EnvironmentId, [u8; 32]), ApiKeyId>,
    keys: Bounded<ApiKeyId, Arc<ApiKey>, Bytes>,
    unknown_keys: Bounded<(EnvironmentId, [u8; 32]), ()>,
    claims: Bounded<(EnvironmentId, [u8; 32]), Arc<SignedClaims>, Bytes>,
    signed_keys: Bounded<(EnvironmentId, [u8; 32]), Arc<SignedKey>>,
    users: Bounded<UserId, Arc<User>, Bytes>,
    grants: Bounded<GrantId, Arc<Grant>, Bytes>,
    revoked: RwLock<HashMap<EnvironmentId, HashMap<String, i64>>>,
    revoked_count: AtomicUsize,
    generation: AtomicU64,
    inserting: Mutex<()>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct AppName(EnvironmentId, ClientId);

#[derive(Hash)]
struct AppNameRef<'a>(EnvironmentId, &'a str);

impl Equivalent<AppName> for AppNameRef<'_> {
    fn equivalent(&self, key: &AppName) -> bool {
        self.0 == key.0 && self.1 == key.1.as_str()
    }
}

impl Cache {
    /// Empty caches.
    pub fn new() -> Self {
        Self {
            app_ids: Bounded::growing_to(NAMES),
            apps: of_bytes(APP_BYTES),
            unknown_apps: Bounded::growing_to(UNKNOWN),
            tenants: of_bytes(TENANT_BYTES),
            key_ids: Bounded::growing_to(NAMES),
            keys: of_bytes(KEY_BYTES),
            unknown_keys: Bounded::growing_to(UNKNOWN),
            signed_keys: Bounded::growing_to(SIGNED_KEYS),
            users: of_bytes(USER_BYTES),
            grants: of_bytes(GRANT_BYTES),
            claims: of_bytes(CLAIMS_BYTES),
            revoked: RwLock::default(),
            revoked_count: AtomicUsize::new(0),
            generation: AtomicU64::new(0),
            inserting: Mutex::new(()),
        }
    }

    /// The app of a client id, closed ones too.
    ///
    /// # Errors
    /// The store's. Never treated as "not there".
    pub async fn app(
        &self,
        store: &Store,
        environment: EnvironmentId,
        client_id: &str,
    ) -> Result<Option<Arc<App>>, StoreError> {
        let name = AppNameRef(environment, client_id);
        if let Some(app) = self.app_ids.get(&name).and_then(|id| self.apps.get(&id)) {
            return Ok(Some(app));
        }
        if self.unknown_apps.get(&name).is_some() {
            return Ok(None);
        }
        // What cannot be a client id is not asked for.
        let Ok(client_id) = client_id.parse::<ClientId>() else {
            return Ok(None);
        };
        let began = self.began();
        let found = store.app(environment, &client_id).await?.map(Arc::new);
        self.keep(began, || match &found {
            Some(app) => {
                self.app_ids.insert(AppName(environment, client_id), app.id);
                self.apps.insert(app.id, app.clone());
            }
            None => self.unknown_apps.insert(AppName(environment, client_id), ()),
        });
        Ok(found)
    }

    /// The app of a client id, if it is at hand: never asks the database.
    pub fn known_app(&self, environment: EnvironmentId, client_id: &str) -> Option<Arc<App>> {
        let id = self.app_ids.get(&AppNameRef(environment, client_id))?;
        self.apps.get(&id)
    }

    /// A tenant with its accesses.
    ///
    /// # Errors
    /// The store's.
    pub async fn tenant(&self, store: &Store, id: TenantId) -> Result<Option<Arc<TenantFacts>>, StoreError> {
        if let Some(facts) = self.tenants.get(&id) {
            return Ok(Some(facts));
        }
        let began = self.began();
        let Some(tenant) = store.tenant(id).await? else {
            return Ok(None);
        };
        let mut accesses = store.accesses(id).await?;
        accesses.extend([Access::to_userinfo(id), Access::to_management(id)]);
        let accepted = store.tenant_acceptances(id).await?;
        let facts = Arc::new(TenantFacts { tenant, accesses, accepted });
        self.keep(began, || self.tenants.insert(id, facts.clone()));
        Ok(Some(facts))
    }

    /// A user, for judging what was issued for them.
    ///
    /// # Errors
    /// The store's.
    pub async fn user(
        &self,
        store: &Store,
        environment: EnvironmentId,
        id: UserId,
    ) -> Result<Option<Arc<User>>, StoreError> {
        if let Some(user) = self.users.get(&id) {
            return Ok(Some(user));
        }
        let began = self.began();
        let Some(user) = store.user(environment, id).await?.map(Arc::new) else {
            return Ok(None);
        };
        self.keep(began, || self.users.insert(id, user.clone()));
        Ok(Some(user))
    }

    /// A Grant, for judging what was issued by it.
    ///
    /// # Errors
    /// The store's.
    pub async fn grant(
        &self,
        store: &Store,
        environment: EnvironmentId,
        id: GrantId,
    ) -> Result<Option<Arc<Grant>>, StoreError> {
        if let Some(grant) = self.grants.get(&id) {
            return Ok(Some(grant));
        }
        let began = self.began();
        let Some(grant) = store.grant(environment, id).await?.map(Arc::new) else {
            return Ok(None);
        };
        self.keep(began, || self.grants.insert(id, grant.clone()));
        Ok(Some(grant))
    }

    /// The API key with this hash.
    ///
    /// # Errors
    /// The store's.
    pub async fn api_key(
        &self,
        store: &Store,
        environment: EnvironmentId,
        mac: [u8; 32],
    ) -> Result<Option<Arc<ApiKey>>, StoreError> {
        let name = (environment, mac);
        if let Some(key) = self.key_ids.get(&name).and_then(|id| self.keys.get(&id)) {
            return Ok(Some(key));
        }
        if self.unknown_keys.get(&name).is_some() {
            return Ok(None);
        }
        let began = self.began();
        let found = store.api_key_by_mac(environment, mac).await?.map(Arc::new);
        self.keep(began, || match &found {
            Some(key) => {
                self.key_ids.insert(name, key.id);
                self.keys.insert(key.id, key.clone());
            }
            // 256 random bits: a hash that is unknown now will never be a key.
            None => self.unknown_keys.insert(name, ()),
        });
        Ok(found)
    }

    /// Claims of a token whose signature was good, in this environment.
    pub fn claims(&self, environment: EnvironmentId, digest: [u8; 32]) -> Option<Arc<SignedClaims>> {
        self.claims.get(&(environment, digest))
    }

    /// Remembers claims whose signature was good.
    pub fn remember_claims(&self, environment: EnvironmentId, digest: [u8; 32], claims: Arc<SignedClaims>) {
        self.claims.insert((environment, digest), claims);
    }

    /// An API key whose signature was good, in this environment.
    pub fn signed_key(&self, environment: EnvironmentId, digest: [u8; 32]) -> Option<Arc<SignedKey>> {
        self.signed_keys.get(&(environment, digest))
    }

    /// Remembers an API key whose signature was good.
    pub fn remember_signed_key(&self, environment: EnvironmentId, digest: [u8; 32], key: Arc<SignedKey>) {
        self.signed_keys.insert((environment, digest), key);
    }

    /// Forgets every verified claim: a signing key has left the ring.
    pub fn forget_claims(&self) {
        self.claims.clear();
        self.signed_keys.clear();
    }

    /// Whether a token id stands in the list of single revocations.
    pub fn is_revoked(&self, environment: EnvironmentId, jti: &str) -> bool {
        if self.revoked_count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        revoked.get(&environment).is_some_and(|ids| ids.contains_key(jti))
    }

    /// Notes a revoked token id.
    pub fn revoke(&self, environment: EnvironmentId, jti: String, expires_at: i64) {
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.entry(environment).or_default().insert(jti, expires_at);
        self.revoked_count.store(revoked.values().map(HashMap::len).sum(), Ordering::Release);
    }

    /// Drops revoked ids that have ended.
    pub fn prune_revoked(&self, now_seconds: i64) {
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        for ids in revoked.values_mut() {
            ids.retain(|_, expires_at| *expires_at + 60 >= now_seconds);
        }
        self.revoked_count.store(revoked.values().map(HashMap::len).sum(), Ordering::Release);
    }

    /// Forgets what a committed change has made stale. The catalogue is replaced by the node, not here.
    pub fn apply(&self, change: &Change) {
        let _guard = self.inserting.lock().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        match change {
            Change::Tenant(id) => {
                self.tenants.remove(id);
            }
            Change::App(id) => {
                self.apps.remove(id);
            }
            Change::NewApp(environment, client_id) => {
                self.unknown_apps.remove(&AppName(*environment, client_id.clone()));
            }
            Change::ApiKey(id) => {
                self.keys.remove(id);
            }
            Change::Token { environment, jti, expires_at } => {
                self.revoke(*environment, jti.clone(), *expires_at)
            }
            Change::User(id) => {
                self.users.remove(id);
            }
            Change::Grant(id) => {
                self.grants.remove(id);
            }
            Change::GrantsOf(user) => {
                self.users.remove(user);
                self.grants.retain(|_, grant| grant.user != *user);
            }
            Change::Consent(user, app) => {
                self.grants.retain(|_, grant| grant.user != *user || grant.app != *app);
            }
            Change::Session(id) => self.grants.retain(|_, grant| grant.login.session != Some(*id)),
            Change::Catalogue | Change::Operators | Change::Webhooks => {}
        }
    }

    fn began(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn keep(&self, began: u64, insert: impl FnOnce()) {
        let _guard = self.inserting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::Acquire) == began {
            insert();
        }
    }
}

/// A cache of so many bytes. It takes no memory in advance; the number of entries to be expected says how many that have left
/// it knows again. With too few of them, those who come in turn after many others never find a place.
fn of_bytes<K, V>(bytes: u64) -> Bounded<K, V, Bytes>
where
    K: Eq + std::hash::Hash,
    V: Clone,
    Bytes: Weighter<K, V> + Clone,
{
    Bounded::with_weighter(usize::try_from(bytes / TYPICAL).unwrap_or(usize::MAX), bytes, Bytes)
}

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

/// A bounded cache that does not take its memory in advance.
pub(crate) trait Grows {
    /// Holds so many entries at most, and takes no memory for them in advance.
    fn growing_to(entries: usize) -> Self;
}

impl<K: Eq + std::hash::Hash, V: Clone, B: BuildHasher + Clone + Default> Grows
    for Bounded<K, V, UnitWeighter, B>
{
    fn growing_to(entries: usize) -> Self {
        Self::with(entries, entries as u64, Default::default(), Default::default(), Default::default())
    }
}
