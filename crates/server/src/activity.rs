//! What apps and keys have done, in memory, until a job writes it: counts, last uses, the request log, and credentials that may
//! belong to another environment.
//!
//! Every request passes here, so nothing waits: each part is split by subject into shards of its own, a request holds one of
//! their locks for the time of one look into a map, and nothing here touches the database. Everything is bounded; what has no
//! room is dropped and counted.

pub mod log;
pub mod suspects;
pub mod usage;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use grantor_core::decision::Write;
use grantor_core::record::Record;
use grantor_core::request_log::Subject;

use log::PendingLog;
use suspects::Suspects;
use usage::{LastUses, Tally};

/// Shards of each part. A power of two.
const SHARDS: usize = 16;

/// Everything that waits to be written.
pub struct Activity {
    /// Counts.
    pub tally: Tally,
    /// Last uses of credentials.
    pub uses: LastUses,
    /// Requests.
    pub log: PendingLog,
    /// Credentials that were unknown where they came.
    pub suspects: Suspects,
    /// Held by whoever writes. A reader who takes it finds everything either here or stored, and nothing twice.
    pub writing: tokio::sync::Mutex<()>,
    /// The first minute that was not summed into its hour yet.
    summed_to: AtomicI64,
}

impl Activity {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            tally: Tally::new(),
            uses: LastUses::new(),
            log: PendingLog::new(),
            suspects: Suspects::new(),
            writing: tokio::sync::Mutex::default(),
            summed_to: AtomicI64::new(0),
        }
    }

    /// Takes counts and requests, as writes, each made when it is asked for.
    pub fn take(&self) -> impl Iterator<Item = Write> + Send + use<> {
        let counts = self.tally.take().map(Record::Count);
        let requests =
            self.log.take().map(|(subject, ring, entries)| Record::Requests(subject, ring, entries));
        counts.chain(requests).map(Write::Record)
    }

    /// Takes back what could not be written.
    pub fn put_back(&self, writes: impl IntoIterator<Item = Write>) {
        for write in writes {
            let Write::Record(record) = write else { continue };
            match record {
                Record::Count(count) => self.tally.add(count),
                Record::Requests(subject, ring, entries) => self.log.put_back(subject, ring, entries),
                Record::Use(used) => self.uses.put_back(used),
                Record::RollUp { .. } | Record::Notice(_) => {}
            }
        }
    }

    /// The first minute that is to be summed into its hour, if an hour has ended since the last time. What is written late
    /// is summed the next time: one hour is looked at twice. After a start everything is.
    pub fn to_be_summed(&self, minute: i64) -> Option<i64> {
        let summed = self.summed_to.load(Ordering::Acquire);
        (minute.div_euclid(60) * 60 > summed).then(|| (summed - 60).max(0))
    }

    /// Notes that everything before the hour of a minute was summed.
    pub fn summed(&self, minute: i64) {
        self.summed_to.store(minute.div_euclid(60) * 60, Ordering::Release);
    }
}

impl Default for Activity {
    fn default() -> Self {
        Self::new()
    }
}

/// One of the shards by the last byte of an id, which is random.
fn shard(subject: Subject) -> usize {
    usize::from(subject.bytes()[15]) % SHARDS
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_summed_once_it_has_ended_and_the_one_before_again() {
        let activity = Activity::new();
        let ten = 10 * 60;
        assert_eq!(activity.to_be_summed(ten + 5), Some(0), "everything, after a start");
        activity.summed(ten + 5);
        assert_eq!(activity.to_be_summed(ten + 59), None);
        assert_eq!(activity.to_be_summed(ten + 60), Some(ten - 60));
    }
}
