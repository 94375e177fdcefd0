//! Writes what apps and keys have done, in batches, and sums minutes into hours and days.

use grantor_core::decision::Write;
use grantor_core::record::Record;
use grantor_core::usage::Span;

use super::Fault;
use crate::node::{Actor, Node};

/// Writes of one unit: whoever waits for the writer behind it does not wait for long.
const IN_ONE_UNIT: usize = 100;

/// Writes counts and requests. What cannot be written is taken back, as far as there is room.
///
/// # Errors
/// Storage trouble.
pub async fn write(node: &Node) -> Result<(), Fault> {
    let dropped = node.activity.log.take_dropped();
    if dropped > 0 {
        tracing::warn!(dropped, "there were more requests than their logs had room for");
        node.metrics.add("request_log", "dropped", dropped);
    }
    let _one_at_a_time = node.activity.writing.lock().await;
    in_units(node, node.activity.take()).await
}

/// Last uses that wait for their minute at most, about: more are written before it, so that memory does not follow the number
/// of credentials. Where so many are used, few of them are used twice in a minute, and little is written twice.
const MANY_USES: usize = 50_000;

/// Writes the last uses of credentials if many wait.
///
/// # Errors
/// Storage trouble.
pub async fn write_many_uses(node: &Node) -> Result<(), Fault> {
    if node.activity.uses.waiting() < MANY_USES {
        return Ok(());
    }
    write_uses(node).await
}

/// Writes the last uses of credentials: one row for each that was used since the last time.
///
/// # Errors
/// Storage trouble.
pub async fn write_uses(node: &Node) -> Result<(), Fault> {
    let _one_at_a_time = node.activity.writing.lock().await;
    let uses = node.activity.uses.take();
    in_units(node, uses.into_iter().map(|used| Write::Record(Record::Use(used)))).await
}

/// The caller holds the lock from before it takes the writes. They are made unit by unit: after a minute in which a million
/// credentials were used, the writes of all of them together would be larger than the caches.
async fn in_units(node: &Node, mut writes: impl Iterator<Item = Write>) -> Result<(), Fault> {
    loop {
        let unit: Vec<_> = writes.by_ref().take(IN_ONE_UNIT).collect();
        if unit.is_empty() {
            return Ok(());
        }
        if let Err(fault) = node.commit(&Actor::system(), unit.clone(), Vec::new()).await {
            node.activity.put_back(unit.into_iter().chain(writes));
            return Err(fault);
        }
    }
}

/// Sums what has ended and forgets what is too old, once an hour.
///
/// # Errors
/// Storage trouble; the next time everything is summed that was not.
pub async fn roll_up(node: &Node) -> Result<(), Fault> {
    let now = node.now();
    let minute = Span::Minute.number_at(now.seconds());
    let Some(from_minute) = node.activity.to_be_summed(minute) else { return Ok(()) };
    let roll_up = Write::Record(Record::RollUp { from_minute, now });
    node.commit(&Actor::system(), vec![roll_up], Vec::new()).await?;
    node.activity.summed(minute);
    Ok(())
}
