//! Counts by subject and minute, and the last use of each credential.

use std::array;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use grantor_core::env::UnixMillis;
use grantor_core::record::{LastUse, Used};
use grantor_core::request_log::Subject;
use grantor_core::usage::{Count, Span, Tallied};

use super::{SHARDS, lock, shard};

/// Counts that wait in one shard at most: only a database that does not answer for long makes so many.
const COUNTS_PER_SHARD: usize = 50_000;
/// Last uses that wait in one shard at most.
const USES_PER_SHARD: usize = 50_000;

type Counts = HashMap<(Subject, i64, Tallied), i64>;

/// Counts.
pub struct Tally {
    shards: [Mutex<Counts>; SHARDS],
}

impl Tally {
    /// Zero everywhere.
    pub fn new() -> Self {
        Self { shards: array::from_fn(|_| Mutex::default()) }
    }

    /// Counts one.
    pub fn count(&self, subject: Subject, kind: Tallied, now: UnixMillis) {
        self.add(Count { subject, minute: Span::Minute.number_at(now.seconds()), kind, count: 1 });
    }

    /// Adds to a count.
    pub fn add(&self, Count { subject, minute, kind, count }: Count) {
        let mut counts = lock(&self.shards[shard(subject)]);
        let name = (subject, minute, kind);
        if let Some(known) = counts.get_mut(&name) {
            *known += count;
        } else if counts.len() < COUNTS_PER_SHARD {
            counts.insert(name, count);
        }
    }

    /// Takes everything.
    pub fn take(&self) -> impl Iterator<Item = Count> + use<> {
        let taken: Vec<Counts> = self.shards.iter().map(|shard| std::mem::take(&mut *lock(shard))).collect();
        taken.into_iter().flatten().map(|((subject, minute, kind), count)| Count {
            subject,
            minute,
            kind,
            count,
        })
    }

    /// What waits of one subject.
    pub fn of(&self, subject: Subject) -> Vec<Count> {
        let counts = lock(&self.shards[shard(subject)]);
        let own = counts.iter().filter(|((whose, ..), _)| *whose == subject);
        own.map(|((_, minute, kind), count)| Count { subject, minute: *minute, kind: *kind, count: *count })
            .collect()
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

type Uses = HashMap<Used, (UnixMillis, Option<IpAddr>)>;

/// The newest use of each credential. A credential that is used all the time is one entry, and one row in a minute.
pub struct LastUses {
    shards: [Mutex<Uses>; SHARDS],
}

impl LastUses {
    /// None.
    pub fn new() -> Self {
        Self { shards: array::from_fn(|_| Mutex::default()) }
    }

    /// Notes a use.
    pub fn note(&self, credential: Used, at: UnixMillis, address: Option<IpAddr>) {
        let mut uses = lock(&self.shards[of(credential)]);
        if let Some(known) = uses.get_mut(&credential) {
            *known = (at, address);
        } else if uses.len() < USES_PER_SHARD {
            uses.insert(credential, (at, address));
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Takes everything.
    pub fn take(&self) -> Vec<LastUse> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            let uses = std::mem::take(&mut *lock(shard));
            taken.extend(uses.into_iter().map(|(credential, (at, address))| LastUse {
                credential,
                at,
                address,
            }));
        }
        taken
    }

    /// Takes back what could not be written. A newer use stays.
    pub fn put_back(&self, used: LastUse) {
        let mut uses = lock(&self.shards[of(used.credential)]);
        uses.entry(used.credential).or_insert((used.at, used.address));
    }

    /// The use of a credential that waits.
    pub fn of(&self, credential: Used) -> Option<LastUse> {
        let found = lock(&self.shards[of(credential)]).get(&credential).copied();
        found.map(|(at, address)| LastUse { credential, at, address })
    }
}

impl Default for LastUses {
    fn default() -> Self {
        Self::new()
    }
}

fn of(credential: Used) -> usize {
    shard(match credential {
        Used::Secret(app, _) => Subject::App(app),
        Used::Key(key) => Subject::Key(key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::error::OAuthError;
    use grantor_core::id::{ApiKeyId, AppId};

    const APP: Subject = Subject::App(AppId::from_bytes([1; 16]));
    const KEY: Subject = Subject::Key(ApiKeyId::from_bytes([1; 16]));

    #[test]
    fn an_app_and_a_key_a_minute_and_the_next_are_counted_apart_and_nothing_is_lost_by_putting_back() {
        let tally = Tally::new();
        for millis in [0, 59_999, 60_000] {
            tally.count(APP, Tallied::Issued, UnixMillis(millis));
        }
        tally.count(KEY, Tallied::Issued, UnixMillis(0));
        tally.count(APP, Tallied::Refused(OAuthError::InvalidScope), UnixMillis(0));
        assert_eq!(tally.of(APP).iter().map(|count| count.count).sum::<i64>(), 4);
        let taken: Vec<Count> = tally.take().collect();
        assert_eq!((taken.len(), tally.of(APP).len()), (4, 0));
        tally.count(APP, Tallied::Issued, UnixMillis(0));
        taken.into_iter().for_each(|count| tally.add(count));
        let first =
            tally.of(APP).into_iter().find(|count| count.minute == 0 && count.kind == Tallied::Issued);
        assert_eq!(first.map(|count| count.count), Some(3));
    }

    #[test]
    fn an_older_use_that_is_put_back_does_not_replace_a_newer_one() {
        let uses = LastUses::new();
        let secret = Used::Secret(AppId::from_bytes([1; 16]), 1);
        uses.note(secret, UnixMillis(1), None);
        let old = uses.take().remove(0);
        assert_eq!(uses.of(secret), None);
        uses.note(secret, UnixMillis(2), None);
        uses.put_back(old);
        assert_eq!(uses.of(secret).map(|used| used.at), Some(UnixMillis(2)));
        let other = Used::Secret(AppId::from_bytes([1; 16]), 2);
        assert_eq!(uses.of(other), None, "each version for itself");
    }
}
