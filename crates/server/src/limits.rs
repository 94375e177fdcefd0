//! Rate limits: the quota of an app, and the throttle on failed client authentication.
//!
//! A failure costs a token of two buckets: the app's and the source's, across all endpoints together. When one is empty, a
//! reserve per app *and* source decides whether a secret is looked at at all, so that nobody can lock a partner out by
//! guessing from elsewhere, and guessing from one place ends.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use grantor_core::access::QuotaClass;
use grantor_core::id::AppId;
use quick_cache::sync::Cache as Bounded;

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

/// All limits of a node.
pub struct Limits {
    clock: LimiterClock,
    quotas: [(QuotaClass, Option<Limiter<AppId>>); 4],
    by_client: Limiter<u64>,
    by_source: Limiter<IpAddr>,
    reserve: Limiter<(u64, IpAddr)>,
    closed_clients: Bounded<u64, Duration>,
    closed_sources: Bounded<IpAddr, Duration>,
    hasher: std::collections::hash_map::RandomState,
}

/// Failed authentications per app: 20 at once, then 1 a second.
const BY_CLIENT: (u32, u32) = (1, 20);
/// Failed authentications per source: 50 at once, then 5 a second.
const BY_SOURCE: (u32, u32) = (5, 50);
/// Secrets looked at per app and source while a bucket is empty: 5 at once, then 1 in 10 seconds.
const RESERVE_PERIOD: Duration = Duration::from_secs(10);
const RESERVE_BURST: u32 = 5;
/// Closed buckets that are remembered at most.
const CLOSED: usize = 100_000;

impl Limits {
    /// Full buckets.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let clock = LimiterClock(clock);
        let keyed = |(rate, burst): (u32, u32)| per_second(rate).allow_burst(at_least_one(burst));
        Self {
            quotas: QuotaClass::ALL.map(|class| {
                (class, class.rate().map(|rate| Limiter::dashmap_with_clock(keyed(rate), clock.clone())))
            }),
            by_client: Limiter::dashmap_with_clock(keyed(BY_CLIENT), clock.clone()),
            by_source: Limiter::dashmap_with_clock(keyed(BY_SOURCE), clock.clone()),
            reserve: Limiter::dashmap_with_clock(
                Quota::with_period(RESERVE_PERIOD)
                    .unwrap_or_else(|| per_second(1))
                    .allow_burst(at_least_one(RESERVE_BURST)),
                clock.clone(),
            ),
            closed_clients: Bounded::new(CLOSED),
            closed_sources: Bounded::new(CLOSED),
            hasher: std::collections::hash_map::RandomState::new(),
            clock,
        }
    }

    /// Takes one request from an app's quota.
    ///
    /// # Errors
    /// How long to wait.
    pub fn take(&self, class: QuotaClass, app: AppId) -> Result<(), RetryAfter> {
        let limiter =
            self.quotas.iter().find(|(known, _)| *known == class).and_then(|(_, limiter)| limiter.as_ref());
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(&app).map_err(|not_until| wait(not_until.wait_time_from(self.clock.now())))
    }

    /// Whether a presented secret may be looked at.
    ///
    /// # Errors
    /// How long to wait.
    pub fn may_try(&self, client_id: &str, source: IpAddr) -> Result<(), RetryAfter> {
        let now = self.clock.now();
        let (client, source) = (self.client(client_id), network(source));
        let until =
            [self.closed_clients.get(&client), self.closed_sources.get(&source)].into_iter().flatten().max();
        if until.is_none_or(|until| until <= now) {
            return Ok(());
        }
        self.reserve.check_key(&(client, source)).map_err(|not_until| wait(not_until.wait_time_from(now)))
    }

    /// Counts a failed authentication. `Err` if a bucket is empty now: the answer is 429.
    ///
    /// # Errors
    /// How long to wait.
    pub fn failed(&self, client_id: &str, source: IpAddr) -> Result<(), RetryAfter> {
        let now = self.clock.now();
        let (client, source) = (self.client(client_id), network(source));
        let by_client = self.by_client.check_key(&client).map_err(|not_until| not_until.wait_time_from(now));
        let by_source = self.by_source.check_key(&source).map_err(|not_until| not_until.wait_time_from(now));
        if let Err(time) = by_client {
            self.closed_clients.insert(client, now + time);
        }
        if let Err(time) = by_source {
            self.closed_sources.insert(source, now + time);
        }
        match by_client.err().max(by_source.err()) {
            None => Ok(()),
            Some(time) => Err(wait(time)),
        }
    }

    /// Drops buckets that are full again. Called by a job, so that memory follows use.
    pub fn prune(&self) {
        for limiter in self.quotas.iter().filter_map(|(_, limiter)| limiter.as_ref()) {
            limiter.retain_recent();
        }
        self.by_client.retain_recent();
        self.by_source.retain_recent();
        self.reserve.retain_recent();
    }

    /// A keyed hash: any text may be sent as a client id, and none of it is kept.
    fn client(&self, client_id: &str) -> u64 {
        use std::hash::BuildHasher as _;
        self.hasher.hash_one(client_id)
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

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    #[test]
    fn guessing_ends_and_the_owner_is_not_locked_out() {
        let clock = Arc::new(Manual(AtomicU64::new(1_000)));
        let limits = Limits::new(clock.clone());
        let counted = (0..100).take_while(|_| limits.failed("acme", HERE).is_ok()).count();
        assert_eq!(counted, 20, "the burst of one app");
        assert!(
            (0..100).filter(|_| limits.may_try("acme", HERE).is_ok()).count() <= 5,
            "the reserve of the guesser"
        );
        assert!(limits.may_try("acme", THERE).is_ok(), "the owner elsewhere is still heard");
        assert!(limits.may_try("other", HERE).is_ok(), "another app at the same source, too");
        clock.0.fetch_add(60_000, Ordering::SeqCst);
        assert!(limits.may_try("acme", HERE).is_ok());
    }

    #[test]
    fn one_source_is_throttled_over_many_apps() {
        let limits = Limits::new(Arc::new(Manual(AtomicU64::new(1_000))));
        let counted = (0..200).take_while(|i| limits.failed(&format!("app{i}"), HERE).is_ok()).count();
        assert_eq!(counted, 50);
        let same_network = "2001:db8:0:1::1".parse().unwrap();
        let other_host = "2001:db8:0:1::2".parse().unwrap();
        assert_eq!(network(same_network), network(other_host));
    }

    #[test]
    fn a_quota_class_has_its_burst_and_unlimited_has_none() {
        let limits = Limits::new(Arc::new(Manual(AtomicU64::new(1_000))));
        let app = AppId::from_bytes([1; 16]);
        assert_eq!((0..1_000).filter(|_| limits.take(QuotaClass::Trial, app).is_ok()).count(), 20);
        assert_eq!((0..10_000).filter(|_| limits.take(QuotaClass::Unlimited, app).is_ok()).count(), 10_000);
    }
}
