//! A running server: what is built once and passed down. No globals.

mod message;
#[cfg(feature = "planted-bugs")]
mod planted;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};
use grantor_core::audit_chain::Entry;
use grantor_core::audited::Audited;
use grantor_core::change::Change;
use grantor_core::claimed_request::ClaimedRequest;
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::env::{Env, Random as _, UnixMillis};
use grantor_core::id::{AppId, EnvironmentId};
use grantor_core::request_log::Subject;
use grantor_core::secret::{Brand, PepperRing};
use grantor_core::usage::Tallied;
use grantor_core::webhook::Subscriptions;

use crate::activity::Activity;
use crate::attempts::Attempts;
use crate::audit_keeper::AuditKeeper;
use crate::cache::Cache;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::clock::{Clock, OsRandom};
use crate::flow::Fault;
use crate::leaks::Leaks;
use crate::limits::Limits;
use crate::mail::Mailer;
use crate::pages::Pages;
use crate::password::Passwords;
use crate::remote::Remote;
use crate::store::Store;
use crate::store::sql::{Expect, Statement};
use crate::store::write::{PUT_META_ONCE, audit, statements_of};
use crate::telemetry::Metrics;
use crate::vault::Vault;

pub(crate) use message::body as message_body;

/// What a node is built from.
pub struct Parts {
    /// The opened database.
    pub store: Store,
    /// The master key.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The first part of every credential.
    pub brand: Brand,
    /// Where people's passwords are hashed.
    pub passwords: Passwords,
    /// What people see.
    pub pages: Pages,
    /// How mail leaves.
    pub mailer: Mailer,
    /// The intake of leaks.
    pub leaks: Leaks,
    /// How everything else leaves.
    pub remote: Remote,
}

/// A running server.
pub struct Node {
    /// The database.
    pub store: Store,
    /// What has been read from it.
    pub cache: Cache,
    /// The master key.
    pub vault: Vault,
    /// Rate limits.
    pub limits: Limits,
    /// Counters.
    pub metrics: Metrics,
    /// What apps and keys have done and is not written yet.
    pub activity: Activity,
    /// The first part of every credential.
    pub brand: Brand,
    /// Where people's passwords are hashed.
    pub passwords: Passwords,
    /// Whose passwords are being looked at.
    pub attempts: Attempts,
    /// What people see.
    pub pages: Pages,
    /// How mail leaves.
    pub mailer: Mailer,
    /// The intake of leaks.
    pub leaks: Leaks,
    /// Says that a mail waits.
    pub mail_waits: tokio::sync::Notify,
    /// What this process knows of the audit's chain.
    pub audit: AuditKeeper,
    /// How requests to others leave.
    pub remote: Remote,
    /// Says that a message to a webhook waits.
    pub webhooks_wait: tokio::sync::Notify,
    /// The pepper of operators' tokens.
    pub operator_pepper: PepperRing,
    catalogue: ArcSwap<Catalogue>,
    subscriptions: ArcSwap<Subscriptions>,
    reloading: tokio::sync::Mutex<()>,
    stale: AtomicBool,
    me: Weak<Self>,
    clock: Arc<dyn Clock>,
    /// Highest seen difference of wall and monotonic clock, in milliseconds.
    ahead: AtomicI64,
    sealed: Mutex<HashMap<EnvironmentId, i64>>,
    request_prefix: u64,
    request_number: AtomicU64,
}

/// Who asks, for the audit.
#[derive(Debug, Clone)]
pub struct Actor {
    /// `operator:NAME`, `app:CLIENT_ID`, `system`.
    pub name: String,
    /// From which address, after trusted proxies.
    pub address: String,
    /// The request's id.
    pub request_id: String,
    /// In which environment, if in one.
    pub environment: Option<EnvironmentId>,
    /// What is to be carried out once, if the request said so.
    pub once: Option<Arc<Once>>,
}

/// A claim that goes into the first unit of a request, and into no other.
#[derive(Debug)]
pub struct Once {
    claim: ClaimedRequest,
    spent: AtomicBool,
}

impl Once {
    /// A claim that no unit holds yet.
    pub fn new(claim: ClaimedRequest) -> Self {
        Self { claim, spent: AtomicBool::new(false) }
    }

    /// Whether a unit with it was committed.
    pub fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Acquire)
    }
}

impl Actor {
    /// The server itself.
    pub fn system() -> Self {
        Self {
            name: "system".to_owned(),
            address: String::new(),
            request_id: String::new(),
            environment: None,
            once: None,
        }
    }

    /// The same actor in an environment.
    #[must_use]
    pub fn within(&self, environment: EnvironmentId) -> Self {
        Self { environment: Some(environment), ..self.clone() }
    }
}

/// Why a node could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::sql::StoreError),
    /// The master key does not fit the database.
    #[error(
        "the master key does not open this database. Give the key that belongs to it; a lost key cannot be replaced"
    )]
    WrongMasterKey,
}

impl Node {
    /// Proves the master key, loads the catalogue, and starts with empty caches.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(parts: Parts) -> Result<Arc<Self>, BuildError> {
        let Parts { store, vault, clock, brand, passwords, pages, mailer, leaks, remote } = parts;
        prove_master_key(&store, &vault).await?;
        let mark = match store.meta("clock_mark").await? {
            Some(bytes) => <[u8; 8]>::try_from(bytes).map(i64::from_be_bytes).unwrap_or(0),
            None => 0,
        };
        let catalogue = Catalogue::load(&store, &vault, &pages.asset_names()).await?;
        let subscriptions = Subscriptions::of(store.all_webhooks().await?);
        let operator_pepper = vault.operator_pepper().ok_or(BuildError::WrongMasterKey)?;
        let mut prefix = [0; 8];
        OsRandom::new().fill(&mut prefix);
        let node = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            stale: AtomicBool::new(false),
            limits: Limits::new(clock.clone()),
            metrics: Metrics::new(),
            activity: Activity::new(),
            cache: Cache::new(),
            catalogue: ArcSwap::from_pointee(catalogue),
            subscriptions: ArcSwap::from_pointee(subscriptions),
            reloading: tokio::sync::Mutex::new(()),
            ahead: AtomicI64::new(mark.saturating_sub(milliseconds(clock.monotonic()))),
            sealed: Mutex::default(),
            request_prefix: u64::from_be_bytes(prefix),
            request_number: AtomicU64::new(0),
            operator_pepper,
            passwords,
            attempts: Attempts::default(),
            pages,
            mailer,
            leaks,
            mail_waits: tokio::sync::Notify::new(),
            audit: AuditKeeper::new(&mut OsRandom::new()),
            remote,
            webhooks_wait: tokio::sync::Notify::new(),
            store,
            vault,
            clock,
            brand,
        });
        let now = node.now();
        for token in node.store.revoked_tokens(now.seconds()).await? {
            node.cache.revoke(token.environment, token.jti, token.expires_at);
        }
        Ok(node)
    }

    /// The time: the monotonic clock, set by the highest wall-clock time that was ever seen. A backward step of the wall
    /// clock neither revives anything nor stops time, so nothing outlives its life by it.
    pub fn now(&self) -> UnixMillis {
        let monotonic = milliseconds(self.clock.monotonic());
        let ahead = self.clock.wall().0.saturating_sub(monotonic);
        UnixMillis(self.ahead.fetch_max(ahead, Ordering::AcqRel).max(ahead).saturating_add(monotonic))
    }

    /// By how many seconds our time is ahead of the wall clock: the size of its backward steps. For the alarm.
    pub fn ahead_of_wall(&self) -> i64 {
        (self.now().0 - self.clock.wall().0) / 1000
    }

    /// Runs a decision with the time and randomness of one request.
    pub fn decide<T>(&self, decide: impl FnOnce(&mut Env<'_>) -> T) -> T {
        let mut rng = OsRandom::new();
        decide(&mut Env { now: self.now(), rng: &mut rng })
    }

    /// The catalogue of this moment.
    pub fn catalogue(&self) -> Guard<Arc<Catalogue>> {
        self.catalogue.load()
    }

    /// The catalogue of this moment, to be held across an await.
    pub fn catalogue_full(&self) -> Arc<Catalogue> {
        self.catalogue.load_full()
    }

    /// An id for a request: told in the answer, in the log and in the audit.
    pub fn request_id(&self) -> String {
        let number = self.request_number.fetch_add(1, Ordering::Relaxed);
        // Multiplying by an odd constant spreads the counter, so that ids do not show how many requests there were.
        format!("{:016x}", self.request_prefix ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Commits writes and their audit as one unit, then brings this node's caches up to date. Only then may anybody be answered.
    ///
    /// It runs in a task of its own: a caller who hangs up must not separate what is stored from what is cached.
    ///
    /// # Errors
    /// [`Fault::Conflict`] if the facts have changed meanwhile: load and decide again. [`Fault::Internal`] for a unit that must
    /// have an entry in the audit and has none.
    pub async fn commit(
        &self,
        actor: &Actor,
        writes: Vec<Write>,
        events: Vec<AuditEvent>,
    ) -> Result<(), Fault> {
        if writes.is_empty() && events.is_empty() {
            return Ok(());
        }
        if events.is_empty() && writes.iter().any(|write| write.audited() == Audited::Yes) {
            tracing::error!("a unit has no entry for the audit, and is not written");
            return Err(Fault::Internal);
        }
        let me = self.me.upgrade().ok_or(Fault::Internal)?;
        #[cfg(feature = "planted-bugs")]
        let writes = planted::mark_codes_later(&me, actor, writes);
        let actor = actor.clone();
        tokio::spawn(async move { me.commit_and_apply(&actor, &writes, events).await })
            .await
            .map_err(|_| Fault::Internal)?
    }

    async fn commit_and_apply(
        &self,
        actor: &Actor,
        writes: &[Write],
        events: Vec<AuditEvent>,
    ) -> Result<(), Fault> {
        let mut unit: Vec<_> = writes.iter().flat_map(statements_of).collect();
        let messages: Vec<_> = events.iter().filter_map(|event| self.message(event, actor)).collect();
        unit.extend(messages.iter().flat_map(statements_of));
        for event in events {
            let (id, at) = self.decide(|env| (env.uuid(), env.now));
            unit.push(audit(Entry {
                id,
                at,
                environment: event.environment.or(actor.environment),
                actor: actor.name.clone(),
                action: event.action.to_owned(),
                target: event.target,
                detail: serde_json::Value::Object(event.detail).to_string(),
                request_id: actor.request_id.clone(),
                address: actor.address.clone(),
            }));
        }
        // Nobody hears of a claim whose unit did not stand, and the next unit of the request takes it.
        let once = actor.once.as_ref().filter(|once| !once.is_spent());
        unit.extend(once.iter().flat_map(|once| statements_of(&Write::ClaimRequest(once.claim.clone()))));
        self.store.commit(unit).await?;
        if !messages.is_empty() {
            self.wake_webhooks();
        }
        if let Some(once) = once {
            once.spent.store(true, Ordering::Release);
        }
        let (mut reload, mut webhooks) = (false, false);
        for change in writes.iter().filter_map(Write::change) {
            self.cache.apply(&change);
            reload |= matches!(change, Change::Catalogue | Change::Operators);
            webhooks |= change == Change::Webhooks;
        }
        match (reload, webhooks) {
            (true, _) => self.reload().await,
            (false, true) => self.reload_webhooks().await,
            (false, false) => Ok(()),
        }
    }

    /// Replaces the catalogue by what is stored. One at a time, so that the last to load is the last to have committed.
    ///
    /// # Errors
    /// The catalogue stays as it was, the node says that it is not ready, and a job tries again.
    pub async fn reload(&self) -> Result<(), Fault> {
        self.reload_webhooks().await?;
        let _one_at_a_time = self.reloading.lock().await;
        match Catalogue::load(&self.store, &self.vault, &self.pages.asset_names()).await {
            Ok(catalogue) => {
                self.catalogue.store(Arc::new(catalogue));
                self.stale.store(false, Ordering::Release);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the catalogue could not be loaded; the last good one stays");
                self.stale.store(true, Ordering::Release);
                Err(Fault::Internal)
            }
        }
    }

    /// Replaces what is known of who hears of what, likewise.
    async fn reload_webhooks(&self) -> Result<(), Fault> {
        let _one_at_a_time = self.reloading.lock().await;
        match self.store.all_webhooks().await {
            Ok(all) => {
                self.subscriptions.store(Arc::new(Subscriptions::of(all)));
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the webhooks could not be loaded; the last good ones stay");
                self.stale.store(true, Ordering::Release);
                Err(Fault::Internal)
            }
        }
    }

    /// Whether there is an active webhook.
    pub fn has_webhooks(&self) -> bool {
        !self.subscriptions.load().is_empty()
    }

    /// Whether something was committed that the catalogue does not show yet.
    pub fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    /// Counts an issued token. Written in batches by a job.
    pub fn count_issued(&self, app: AppId, now: UnixMillis) {
        self.activity.tally.count(Subject::App(app), Tallied::Issued, now);
    }

    /// Counts a sealed token. Written in batches by a job; sealing keys are rotated by it.
    pub fn count_sealed(&self, environment: EnvironmentId) {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        *sealed.entry(environment).or_insert(0) += 1;
    }

    /// Says that a mail waits, so that it leaves at once.
    pub fn wake_mail(&self) {
        self.mail_waits.notify_one();
    }

    /// Says that a message to a webhook waits, so that it leaves at once.
    pub fn wake_webhooks(&self) {
        self.webhooks_wait.notify_one();
    }

    /// Takes counts back that could not be written.
    pub fn return_counts(&self, writes: &[Write]) {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        for write in writes {
            if let Write::CountSealed { environment, count } = write {
                *sealed.entry(*environment).or_insert(0) += count;
            }
        }
    }

    /// How many tokens have been sealed since the last call.
    pub fn take_counts(&self) -> Vec<Write> {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        sealed.drain().map(|(environment, count)| Write::CountSealed { environment, count }).collect()
    }
}

fn milliseconds(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// The canary: a known value, sealed when the database was made. A master key that does not open it is another one.
async fn prove_master_key(store: &Store, vault: &Vault) -> Result<(), BuildError> {
    const NAME: &str = "master_key_canary";
    const PLACE: &str = "meta/master_key_canary";
    if store.meta(NAME).await?.is_none() {
        let sealed = vault.seal(b"grantor", PLACE, &mut OsRandom::new());
        let sealed = sealed.map_err(|_| BuildError::WrongMasterKey)?;
        store
            .commit(vec![Statement {
                sql: &PUT_META_ONCE,
                params: vec![NAME.into(), sealed.into()],
                expect: Expect::Any,
            }])
            .await?;
    }
    // Read again after it was written: two nodes that start at once may each have made a key, and one of them is wrong.
    let sealed = store.meta(NAME).await?.ok_or(BuildError::WrongMasterKey)?;
    vault.open(&sealed, PLACE).map(|_| ()).map_err(|_| BuildError::WrongMasterKey)
}
