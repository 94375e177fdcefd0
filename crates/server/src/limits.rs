//! Rate limits: the quota of an app or an API key, and the throttle on failed client authentication.
//!
//! A failure costs a token of two buckets: the claimed identity's and the source's, across all endpoints together. While one
//! is empty, a small reserve decides whether a secret is looked at at all: one per source that guesses, one per identity and
//! source otherwise. Whoever has succeeded from the same place before is looked at in any case, so that nobody can shut a
//! partner or an operator out by failing in his name, and guessing from one place ends.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use grantor_core::access::QuotaClass;
use grantor_core::id::{ApiKeyId, AppId, EnvironmentId};
use quick_cache::sync::Cache as Bounded;

use crate::cache::Grows as _;
use crate::clock::Clock;

/// The node's monotonic clock in the limiter's terms.
#[derive(Clone)]
struct LimiterClock(Arc<dyn Clock>);

impl GovernorClock for LimiterClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, LimiterClock, NoOpMiddleware<Duration>>;

/// Seconds to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub u64);

/// Who is being claimed to be. No client id is ever mistaken for the operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who<'a> {
    /// An app of an environment, by the client id that was sent.
    Client(EnvironmentId, &'a str),
    /// An operator.
    Operator,
    /// A user of an environment, by the address that was typed, in its lower-case form.
    User(EnvironmentId, &'a str),
}

/// Who has a quota: what it counts are token requests of an app, and verified calls of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// An app.
    App(AppId),
    /// An API key.
    Key(ApiKeyId),
}

/// All limits of a node.
pub struct Limits {
    clock: LimiterClock,
    quotas: [(QuotaClass, Option<Limiter<Holder>>); 4],
    by_identity: Limiter<u64>,
    by_source: Limiter<IpAddr>,
    reserve: Limiter<(u64, IpAddr)>,
    mail_by_address: Limiter<u64>,
    mail_by_source: Limiter<IpAddr>,
    sign_ins_by_source: Limiter<IpAddr>,
    reports_by_source: Limiter<IpAddr>,
    sightings_by_source: Limiter<IpAddr>,
    closed_identities: Bounded<u64, Duration>,
    closed_sources: Bounded<IpAddr, Duration>,
    proven: Bounded<(u64, IpAddr), ()>,
    hasher: std::collections::hash_map::RandomState,
}

/// Failed authentications per app: 20 at once, then 1 a second.
const BY_CLIENT: (u32, u32) = (1, 20);
/// Failed authentications per source: 50 at once, then 5 a second.
const BY_SOURCE: (u32, u32) = (5, 50);
/// Secrets looked at per app and source while a bucket is empty: 5 at once, then 1 in 10 seconds.
const RESERVE_PERIOD: Duration = Duration::from_secs(10);
const RESERVE_BURST: u32 = 5;
/// Mails that a stranger may cause to one address: 3 at once, then 1 in 10 minutes.
const MAIL_BY_ADDRESS: (Duration, u32) = (Duration::from_secs(600), 3);
/// Mails that one source may cause: 30 at once, then 1 in 10 seconds.
const MAIL_BY_SOURCE: (Duration, u32) = (Duration::from_secs(10), 30);
/// Sign-ins that one source may begin: 300 at once, then 10 a second. An office of thousands stands behind one address.
const SIGN_INS_BY_SOURCE: (u32, u32) = (10, 300);
/// Leaks that one source may report: 3 at once, then 1 in 10 seconds.
const REPORTS_BY_SOURCE: (Duration, u32) = (Duration::from_secs(10), 3);
/// Tokens in queries, and signed messages about leaks, that are looked at from one source: 50 at once, then 10 a second.
const SIGHTINGS_BY_SOURCE: (u32, u32) = (10, 50);
/// Closed buckets that are remembered at most.
const CLOSED: usize = 100_000;

impl Limits {
    /// Full buckets.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let clock = LimiterClock(clock);
        let slow = |(period, burst): (Duration, u32)| {
            Quota::with_period(period).unwrap_or_else(|| per_second(1)).allow_burst(at_least_one(burst))
        };
        let keyed = |(rate, burst): (u32, u32)| per_second(rate).allow_burst(at_least_one(burst));
        Self {
            quotas: QuotaClass::ALL.map(|class| {
                (class, class.rate().map(|rate| Limiter::dashmap_with_clock(keyed(rate), clock.clone())))
            }),
            by_identity: Limiter::dashmap_with_clock(keyed(BY_CLIENT), clock.clone()),
            by_source: Limiter::dashmap_with_clock(keyed(BY_SOURCE), clock.clone()),
            reserve: Limiter::dashmap_with_clock(slow((RESERVE_PERIOD, RESERVE_BURST)), clock.clone()),
            mail_by_address: Limiter::dashmap_with_clock(slow(MAIL_BY_ADDRESS), clock.clone()),
            mail_by_source: Limiter::dashmap_with_clock(slow(MAIL_BY_SOURCE), clock.clone()),
            sign_ins_by_source: Limiter::dashmap_with_clock(keyed(SIGN_INS_BY_SOURCE), clock.clone()),
            reports_by_source: Limiter::dashmap_with_clock(slow(REPORTS_BY_SOURCE), clock.clone()),
            sightings_by_source: Limiter::dashmap_with_clock(keyed(SIGHTINGS_BY_SOURCE), clock.clone()),
            closed_identities: Bounded::growing_to(CLOSED),
            closed_sources: Bounded::growing_to(CLOSED),
            proven: Bounded::growing_to(CLOSED),
            hasher: std::collections::hash_map::RandomState::new(),
            clock,
        }
    }

    /// Takes one request from a quota. Exact on one node, however many ask at once; each node of a cluster counts for itself,
    /// so that several together allow as many times the burst and rate.
    ///
    /// # Errors
    /// How long to wait.
    pub fn take(&self, class: QuotaClass, holder: Holder) -> Result<(), RetryAfter> {
        let limiter =
            self.quotas.iter().find(|(known, _)| *known == class).and_then(|(_, limiter)| limiter.as_ref());
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(&holder).map_err(|not_until| wait(not_until.wait_time_from(self.clock.now())))
    }

    /// Whether a presented secret may be looked at.
    ///
    /// Whoever has proved the same identity from the same place before may always try: a flood of failures elsewhere, or
    /// beside him, must not shut him out. Everybody else draws on a small reserve while a bucket is empty.
    ///
    /// # Errors
    /// How long to wait.
    pub fn may_try(&self, who: Who<'_>, source: IpAddr) -> Result<(), RetryAfter> {
        let now = self.clock.now();
        let (who, source) = (self.hash(who), network(source));
        let closed = |until: Option<Duration>| until.is_some_and(|until| until > now);
        let source_closed = closed(self.closed_sources.get(&source));
        if !source_closed && !closed(self.closed_identities.get(&who)) {
            return Ok(());
        }
        if self.proven.get(&(who, source)).is_some() {
            return Ok(());
        }
        // A source that guesses has one reserve, however many identities it guesses at.
        let reserve = (if source_closed { 0 } else { who }, source);
        self.reserve.check_key(&reserve).map_err(|not_until| wait(not_until.wait_time_from(now)))
    }

    /// Notes a success, so that later failures of others cost this identity nothing here.
    pub fn proved(&self, who: Who<'_>, source: IpAddr) {
        let pair = (self.hash(who), network(source));
        if self.proven.get(&pair).is_none() {
            self.proven.insert(pair, ());
        }
    }

    /// Counts a failed authentication. `Err` if a bucket is empty now: the answer is 429.
    ///
    /// # Errors
    /// How long to wait.
    pub fn failed(&self, who: Who<'_>, source: IpAddr) -> Result<(), RetryAfter> {
        let now = self.clock.now();
        let (who, source) = (self.hash(who), network(source));
        // Guessing from a place that has succeeded before begins anew with the reserve.
        self.proven.remove(&(who, source));
        let by_identity = self.by_identity.check_key(&who).map_err(|not_until| not_until.wait_time_from(now));
        let by_source = self.by_source.check_key(&source).map_err(|not_until| not_until.wait_time_from(now));
        if let Err(time) = by_identity {
            self.closed_identities.insert(who, now + time);
        }
        if let Err(time) = by_source {
            self.closed_sources.insert(source, now + time);
        }
        match by_identity.err().max(by_source.err()) {
            None => Ok(()),
            Some(time) => Err(wait(time)),
        }
    }

    /// Whether a stranger at this source may cause a mail now. Whoever may not is told the same as always, and no mail is sent.
    pub fn may_mail_from(&self, source: IpAddr) -> bool {
        self.mail_by_source.check_key(&network(source)).is_ok()
    }

    /// Whether a stranger may cause a mail to this address now.
    pub fn may_mail_to(&self, to: Who<'_>) -> bool {
        self.mail_by_address.check_key(&self.hash(to)).is_ok()
    }

    /// Takes the begin of one sign-in at this source, which is a row of the database for somebody unknown.
    ///
    /// # Errors
    /// How long to wait.
    pub fn begin_sign_in(&self, source: IpAddr) -> Result<(), RetryAfter> {
        let begun = self.sign_ins_by_source.check_key(&network(source));
        begun.map_err(|not_until| wait(not_until.wait_time_from(self.clock.now())))
    }

    /// Takes one report of a leak from this source.
    ///
    /// # Errors
    /// How long to wait.
    pub fn report_leak(&self, source: IpAddr) -> Result<(), RetryAfter> {
        let taken = self.reports_by_source.check_key(&network(source));
        taken.map_err(|not_until| wait(not_until.wait_time_from(self.clock.now())))
    }

    /// Takes one look at what this source has sent where it must not be, or at a signed message of it.
    ///
    /// # Errors
    /// How long to wait.
    pub fn look_at_leak(&self, source: IpAddr) -> Result<(), RetryAfter> {
        let taken = self.sightings_by_source.check_key(&network(source));
        taken.map_err(|not_until| wait(not_until.wait_time_from(self.clock.now())))
    }

    /// Drops buckets that are full again. Called by a job, so that memory follows use.
    pub fn prune(&self) {
        for limiter in self.quotas.iter().filter_map(|(_, limiter)| limiter.as_ref()) {
            limiter.retain_recent();
        }
        self.by_identity.retain_recent();
        self.by_source.retain_recent();
        self.reserve.retain_recent();
        self.mail_by_address.retain_recent();
        self.mail_by_source.retain_recent();
        self.sign_ins_by_source.retain_recent();
        self.reports_by_source.retain_recent();
        self.sightings_by_source.retain_recent();
    }

    /// A keyed hash: any text may be sent as a client id, and none of it is kept.
    fn hash(&self, who: Who<'_>) -> u64 {
        use std::hash::BuildHasher as _;
        self.hasher.hash_one(who)
    }
}

/// IPv6 is counted per /64: one subscriber.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

fn wait(time: Duration) -> RetryAfter {
    RetryAfter(time.as_secs().saturating_add(1))
}

fn per_second(rate: u32) -> Quota {
    Quota::per_second(at_least_one(rate))
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::env::UnixMillis;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Manual(AtomicU64);
    impl Clock for Manual {
        fn wall(&self) -> UnixMillis {
            UnixMillis(0)
        }
        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    const ENVIRONMENT: EnvironmentId = EnvironmentId::from_bytes([1; 16]);
    const ACME: Who<'_> = Who::Client(ENVIRONMENT, "acme");
    fn app(name: &str) -> Who<'_> {
        Who::Client(ENVIRONMENT, name)
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    #[test]
    fn guessing_ends_and_the_owner_is_not_locked_out() {
        let clock = Arc::new(Manual(AtomicU64::new(1_000)));
        let limits = Limits::new(clock.clone());
        let counted = (0..100).take_while(|_| limits.failed(ACME, HERE).is_ok()).count();
        assert_eq!(counted, 20, "the burst of one app");
        assert!(
            (0..100).filter(|_| limits.may_try(ACME, HERE).is_ok()).count() <= 5,
            "the reserve of the guesser"
        );
        assert!(limits.may_try(ACME, THERE).is_ok(), "the owner elsewhere is still heard");
        assert!(limits.may_try(app("other"), HERE).is_ok(), "another app at the same source, too");
        clock.0.fetch_add(60_000, Ordering::SeqCst);
        assert!(limits.may_try(ACME, HERE).is_ok());
    }

    #[test]
    fn whoever_has_proved_himself_here_is_not_shut_out_by_failures_elsewhere() {
        let limits = Limits::new(Arc::new(Manual(AtomicU64::new(1_000))));
        limits.proved(ACME, HERE);
        while limits.failed(ACME, THERE).is_ok() {}
        assert!((0..1_000).all(|_| limits.may_try(ACME, HERE).is_ok()), "good calls never end");
        assert!(!(0..1_000).all(|_| limits.may_try(ACME, THERE).is_ok()), "the guesser's do");
        let _ = limits.failed(ACME, HERE);
        assert!(!(0..1_000).all(|_| limits.may_try(ACME, HERE).is_ok()), "a failure here begins anew");
    }

    #[test]
    fn a_source_that_guesses_has_one_reserve_for_all_names() {
        let limits = Limits::new(Arc::new(Manual(AtomicU64::new(1_000))));
        let mut name = 0;
        while limits.failed(app(&format!("a{name}")), HERE).is_ok() {
            name += 1;
        }
        let looked_at = (0..400).filter(|i| limits.may_try(app(&format!("b{i}")), HERE).is_ok()).count();
        assert_eq!(looked_at, 5);
    }

    #[test]
    fn no_client_id_is_the_operators() {
        let limits = Limits::new(Arc::new(Manual(AtomicU64::new(1_000))));
        for name in ["admin", "operator", "Operator", ""] {
            while limits.failed(app(name), THERE).is_ok() {}
        }
        assert!(limits.may_try(Who::Operator, HERE).is_ok());
    }

    #[test]
    fn one_source_is_throttled_over_many_apps() {
        let limits = Limits::new(Arc::new(Manual(AtomicU64::new(1_000))));
        let counted = (0..200).take_while(|i| limits.failed(app(&format!("app{i}")), HERE).is_ok()).count();
        assert_eq!(counted, 50);
        let same_network = "2001:db8:0:1::1".parse().unwrap();
        let other_host = "2001:db8:0:1::2".parse().unwrap();
        assert_eq!(network(same_network), network(other_host));
    }

    #[test]
    fn a_quota_class_has_its_burst_and_unlimited_has_none() {
        let limits = Limits::new(Arc::new(Manual(AtomicU64::new(1_000))));
        let app = Holder::App(AppId::from_bytes([1; 16]));
        assert_eq!((0..1_000).filter(|_| limits.take(QuotaClass::Trial, app).is_ok()).count(), 20);
        assert_eq!((0..10_000).filter(|_| limits.take(QuotaClass::Unlimited, app).is_ok()).count(), 10_000);
        let key = Holder::Key(ApiKeyId::from_bytes([1; 16]));
        assert!(limits.take(QuotaClass::Trial, key).is_ok(), "a key of the same number is somebody else");
    }

    #[test]
    fn k11_sixty_four_threads_together_get_no_more_than_one_alone() {
        let limits = Limits::new(Arc::new(Manual(AtomicU64::new(1_000))));
        let key = Holder::Key(ApiKeyId::from_bytes([1; 16]));
        let taken = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    let good = (0..16).filter(|_| limits.take(QuotaClass::Trial, key).is_ok()).count();
                    taken.fetch_add(good as u64, Ordering::SeqCst)
                });
            }
        });
        assert_eq!(taken.into_inner(), 20, "the burst, exactly");
    }
}
