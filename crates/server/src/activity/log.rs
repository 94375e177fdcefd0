//! Requests that wait to be written into the log of their subject.
//!
//! A subject never has more waiting than its rings can hold, and all subjects together never more than a fixed number, apart
//! for each ring: a flood of one kind leaves room for the others. Of good requests only a few between two writes are taken:
//! beyond them a request costs one look at a counter, or one at a map.

use std::array;
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use grantor_core::request_log::{Entry, Ring, Subject};

use super::{SHARDS, lock, shard};

/// Good requests of one subject that are taken between two writes.
const GOOD_EACH: usize = 5;

/// Entries of all subjects that wait at most: of a ring.
const fn room(ring: Ring) -> i64 {
    match ring {
        Ring::Refused => 4_000,
        Ring::Unproven => 1_000,
        Ring::Good => 500,
    }
}

#[derive(Default)]
struct Rings([VecDeque<Entry>; 3]);

/// Requests that wait.
pub struct PendingLog {
    shards: [Mutex<HashMap<Subject, Rings>>; SHARDS],
    left: [AtomicI64; 3],
    dropped: AtomicU64,
}

impl PendingLog {
    /// None.
    pub fn new() -> Self {
        Self {
            shards: array::from_fn(|_| Mutex::default()),
            left: Ring::ALL.map(|ring| AtomicI64::new(room(ring))),
            dropped: AtomicU64::new(0),
        }
    }

    /// Whether a good request of a subject is taken now. Asked before anything is allocated for it.
    pub fn takes_good(&self, subject: Subject) -> bool {
        if self.left[index(Ring::Good)].load(Ordering::Relaxed) <= 0 {
            return false;
        }
        let waiting = lock(&self.shards[shard(subject)]);
        waiting.get(&subject).is_none_or(|rings| rings.0[index(Ring::Good)].len() < GOOD_EACH)
    }

    /// Adds a request. One that repeats another that waits counts it up; of a full ring the oldest makes room; without room
    /// for all it is dropped.
    pub fn add(&self, subject: Subject, ring: Ring, entry: Entry) {
        let mut waiting = lock(&self.shards[shard(subject)]);
        if let Some(rings) = waiting.get_mut(&subject) {
            let own = &mut rings.0[index(ring)];
            // Whoever guesses at a secret, or repeats one mistake all day, has one line for it.
            if ring != Ring::Good
                && let Some(known) = own.iter_mut().find(|known| known.repeats(&entry))
            {
                let count = known.count + entry.count;
                *known = Entry { count, ..entry };
                return;
            }
            if own.len() >= ring.slots() {
                own.pop_front();
                own.push_back(entry);
                return;
            }
        }
        if self.left[index(ring)].fetch_sub(1, Ordering::Relaxed) <= 0 {
            self.left[index(ring)].fetch_add(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.entry(subject).or_default().0[index(ring)].push_back(entry);
    }

    /// Takes everything, by subject and ring.
    pub fn take(&self) -> impl Iterator<Item = (Subject, Ring, Vec<Entry>)> + use<> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            for (subject, rings) in std::mem::take(&mut *lock(shard)) {
                for (ring, entries) in Ring::ALL.into_iter().zip(rings.0) {
                    self.left[index(ring)].fetch_add(entries.len() as i64, Ordering::Relaxed);
                    if !entries.is_empty() {
                        taken.push((subject, ring, Vec::from(entries)));
                    }
                }
            }
        }
        taken.into_iter()
    }

    /// Takes entries back that could not be written, as far as there is room.
    pub fn put_back(&self, subject: Subject, ring: Ring, entries: Vec<Entry>) {
        for entry in entries {
            self.add(subject, ring, entry);
        }
    }

    /// What waits of one subject.
    pub fn of(&self, subject: Subject) -> Vec<Entry> {
        let waiting = lock(&self.shards[shard(subject)]);
        waiting.get(&subject).map_or_else(Vec::new, |rings| rings.0.iter().flatten().cloned().collect())
    }

    /// How many were dropped for lack of room since the last call.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

impl Default for PendingLog {
    fn default() -> Self {
        Self::new()
    }
}

const fn index(ring: Ring) -> usize {
    match ring {
        Ring::Refused => 0,
        Ring::Unproven => 1,
        Ring::Good => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use grantor_core::env::UnixMillis;
    use grantor_core::error::{OAuthError, Reason};
    use grantor_core::id::AppId;
    use grantor_core::request_log::{Door, Outcome, Refusal, Took};

    fn app(number: u32) -> Subject {
        let mut bytes = [0; 16];
        bytes[12..].copy_from_slice(&number.to_be_bytes());
        Subject::App(AppId::from_bytes(bytes))
    }

    /// A request from its own address, so that it repeats no other.
    fn request(number: u32, refused: Option<Reason>) -> Entry {
        let refusal = refused.map(|reason| Refusal { error: Some(OAuthError::InvalidClient), reason });
        Entry {
            at: UnixMillis(i64::from(number)),
            door: Door::Token,
            outcome: Outcome { status: 401, refusal },
            credential: None,
            address: IpAddr::V4(Ipv4Addr::from(number)),
            request_id: number.to_string(),
            api: None,
            grant: None,
            took: Took::Short,
            count: 1,
        }
    }

    fn guess(number: u32) -> Entry {
        request(number, Some(Reason::SecretMismatch))
    }

    #[test]
    fn the_newest_of_a_ring_wait_and_the_other_rings_are_left_alone() {
        let log = PendingLog::new();
        log.add(app(1), Ring::Refused, guess(0));
        (0..500).for_each(|number| log.add(app(1), Ring::Unproven, guess(number)));
        let waiting = log.of(app(1));
        assert_eq!(waiting.len(), 1 + Ring::Unproven.slots());
        assert!(waiting.iter().any(|entry| entry.request_id == "499"));
        assert!(waiting.iter().all(|entry| entry.request_id != "449"), "the oldest made room");
        assert_eq!(log.take_dropped(), 0);
    }

    #[test]
    fn what_repeats_is_counted_up_and_the_last_is_shown() {
        let log = PendingLog::new();
        for number in 0..1_000 {
            log.add(app(1), Ring::Unproven, Entry { address: Ipv4Addr::LOCALHOST.into(), ..guess(number) });
        }
        let waiting = log.of(app(1));
        assert_eq!((waiting.len(), waiting[0].count, &*waiting[0].request_id), (1, 1_000, "999"));
    }

    #[test]
    fn all_together_are_bounded_ring_by_ring_and_the_rest_is_counted() {
        let log = PendingLog::new();
        (0..1_500).for_each(|number| log.add(app(number), Ring::Unproven, guess(number)));
        assert_eq!(log.take_dropped(), 500);
        log.add(app(7), Ring::Refused, guess(7));
        assert_eq!(log.take_dropped(), 0, "a flood of guesses leaves room for refusals");
        assert_eq!(log.take().count(), 1_001);
        (0..1_500).for_each(|number| log.add(app(number), Ring::Unproven, guess(number)));
        assert_eq!(log.take_dropped(), 500, "what was taken makes exactly its own room");
    }

    #[test]
    fn of_good_requests_a_few_are_taken_between_two_writes() {
        let log = PendingLog::new();
        let mut taken = 0;
        for number in 0..100 {
            if log.takes_good(app(1)) {
                log.add(app(1), Ring::Good, request(number, None));
                taken += 1;
            }
        }
        assert_eq!(taken, GOOD_EACH);
        assert!(log.takes_good(app(2)));
        assert_eq!(log.take().count(), 1);
        assert!(log.takes_good(app(1)));
    }
}
