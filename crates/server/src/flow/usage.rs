//! What an app or key has done, for people: stored and waiting counts together.

use std::collections::BTreeMap;

use grantor_core::request_log::Subject;
use grantor_core::usage::{Habit, ISSUED, Span, VERIFIED, tokens_per_call};

use super::{Fault, misplaced};
use crate::node::Node;
use crate::store::load::record::{Counted, Logged};

/// The counts of one span.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Its number since 1970.
    pub starts: i64,
    /// Tokens issued.
    pub issued: i64,
    /// Calls verified here.
    pub verified: i64,
    /// Refusals, by public error code.
    pub refused: BTreeMap<String, i64>,
}

/// What the last day says.
pub struct LastDay {
    /// Tokens issued.
    pub issued: i64,
    /// Calls verified here.
    pub verified: i64,
    /// Tokens for each call, where calls were seen.
    pub tokens_per_call: Option<f64>,
    /// What to make of it.
    pub habit: Habit,
}

type Sums = BTreeMap<(i64, String), i64>;

/// The counts of a subject, the last `count` spans, oldest first; spans without any are left out.
///
/// # Errors
/// Storage trouble.
pub async fn buckets(node: &Node, subject: Subject, span: Span, count: i64) -> Result<Vec<Bucket>, Fault> {
    let newest = span.number_at(node.now().seconds());
    let since = newest - count + 1;
    let minutes = minutes(node, subject, since * (span.seconds() / Span::Minute.seconds())).await?;
    let sums = match span {
        Span::Minute => minutes,
        Span::Hour => greater(stored(node, subject, Span::Hour, since).await?, summed(&minutes, 60)),
        Span::Day => {
            let hours = stored(node, subject, Span::Hour, since * 24).await?;
            let hours = greater(hours, summed(&minutes, 60));
            greater(stored(node, subject, Span::Day, since).await?, summed(&hours, 24))
        }
    };
    let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
    for ((starts, kind), count) in sums {
        let bucket = buckets.entry(starts).or_insert_with(|| Bucket { starts, ..Bucket::default() });
        match kind.as_str() {
            ISSUED => bucket.issued = count,
            VERIFIED => bucket.verified = count,
            _ => {
                bucket.refused.insert(kind, count);
            }
        }
    }
    Ok(buckets.into_values().collect())
}

/// The figures of the last 24 hours.
///
/// # Errors
/// Storage trouble.
pub async fn last_day(node: &Node, subject: Subject) -> Result<LastDay, Fault> {
    let since = Span::Minute.number_at(node.now().seconds()) - 24 * 60 + 1;
    let minutes = minutes(node, subject, since).await?;
    let sum =
        |wanted: &str| minutes.iter().filter(|((_, kind), _)| kind == wanted).map(|(_, count)| count).sum();
    let (issued, verified) = (sum(ISSUED), sum(VERIFIED));
    let habit = Habit::of(issued, verified);
    Ok(LastDay { issued, verified, tokens_per_call: tokens_per_call(issued, verified), habit })
}

/// The log of a subject, newest first: what waits to be written is in it.
///
/// # Errors
/// Storage trouble.
pub async fn log(node: &Node, subject: Subject) -> Result<Vec<Logged>, Fault> {
    // A developer who has just been refused reads why at once.
    misplaced::look_at_all(node).await?;
    let _nobody_writes = node.activity.writing.lock().await;
    let mut all: Vec<Logged> = node.activity.log.of(subject).iter().rev().map(Logged::from).collect();
    all.extend(node.store.request_log(subject).await?);
    // Stable: of the same millisecond, what waits is newer, and of that what came last.
    all.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    Ok(all)
}

/// Minutes from one on, with what waits.
async fn minutes(node: &Node, subject: Subject, since: i64) -> Result<Sums, Fault> {
    let _nobody_writes = node.activity.writing.lock().await;
    let waiting = node.activity.tally.of(subject);
    let mut sums = stored(node, subject, Span::Minute, since).await?;
    for count in waiting.iter().filter(|count| count.minute >= since) {
        *sums.entry((count.minute, count.kind.as_str().to_owned())).or_default() += count.count;
    }
    Ok(sums)
}

async fn stored(node: &Node, subject: Subject, span: Span, since: i64) -> Result<Sums, Fault> {
    let rows = node.store.usage(subject, span, since).await?;
    Ok(rows.into_iter().map(|Counted { starts, kind, count }| ((starts, kind), count)).collect())
}

fn summed(shorter: &Sums, times: i64) -> Sums {
    let mut longer = Sums::new();
    for ((starts, kind), count) in shorter {
        *longer.entry((starts.div_euclid(times), kind.clone())).or_default() += count;
    }
    longer
}

/// A stored sum is complete or from before the last counts came; a sum made now is complete or lacks what was forgotten. Both
/// only ever lack something, so the greater one is right.
fn greater(mut stored: Sums, made: Sums) -> Sums {
    for (name, count) in made {
        let known = stored.entry(name).or_default();
        *known = count.max(*known);
    }
    stored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greater_of_a_stored_sum_and_one_made_now_is_right() {
        let sums = |rows: &[(i64, &str, i64)]| -> Sums {
            rows.iter().map(|(starts, kind, count)| ((*starts, (*kind).to_owned()), *count)).collect()
        };
        let minutes = sums(&[(60, ISSUED, 1), (119, ISSUED, 2), (120, ISSUED, 4), (120, VERIFIED, 8)]);
        let hours = summed(&minutes, 60);
        assert_eq!(hours, sums(&[(1, ISSUED, 3), (2, ISSUED, 4), (2, VERIFIED, 8)]));
        let stored = sums(&[(0, ISSUED, 9), (1, ISSUED, 5), (2, ISSUED, 1)]);
        let expected = sums(&[(0, ISSUED, 9), (1, ISSUED, 5), (2, ISSUED, 4), (2, VERIFIED, 8)]);
        assert_eq!(greater(stored, hours), expected);
    }
}
