//! What happens by itself: counts are written, the clock's mark is raised, what has ended is erased, keys rotate.

use std::sync::Arc;
use std::time::Duration;

use grantor_core::decision::Write;
use tokio::sync::watch;

use crate::flow::{Fault, mail, reminder, signing_key};
use crate::node::{Actor, Node};

/// Counts of issued tokens and the clock's mark are written so often. What a crash loses of the counts is told in the docs.
const FLUSH: Duration = Duration::from_secs(10);
/// Erasing and rotating are looked at so often.
const UPKEEP: Duration = Duration::from_secs(60);

/// Runs the jobs until `stop`, and flushes once more then.
pub async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let mut flush_ticks = tokio::time::interval(FLUSH);
    let mut upkeep_ticks = tokio::time::interval(UPKEEP);
    loop {
        let done = tokio::select! {
            _ = flush_ticks.tick() => flush(&node).await,
            _ = upkeep_ticks.tick() => upkeep(&node).await,
            _ = stop.changed() => {
                let _ = flush(&node).await;
                return;
            }
        };
        if let Err(fault) = done {
            tracing::warn!(%fault, "a job failed and will be tried again");
        }
    }
}

/// Sends mail until `stop`, apart from the other jobs: a mail server may take its time.
pub async fn run_mail(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(FLUSH);
    let work = async {
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = node.mail_waits.notified() => {}
            }
            if let Err(fault) = mail::deliver(&node).await {
                tracing::warn!(%fault, "mail was not delivered and will be tried again");
            }
        }
    };
    // A mail that is cut off here is in the outbox still.
    tokio::select! {
        () = work => {}
        _ = stop.changed() => {}
    }
}

/// Writes the counts and the clock's mark, and loads a catalogue that could not be loaded before.
///
/// # Errors
/// Storage trouble.
pub async fn flush(node: &Node) -> Result<(), Fault> {
    let mut writes = node.take_counts();
    writes.push(Write::MarkClock(node.now()));
    let written = node.commit(&Actor::system(), writes.clone(), Vec::new()).await;
    if written.is_err() {
        node.return_counts(&writes);
    }
    if node.is_stale() {
        node.reload().await?;
    }
    written
}

/// Erases what has ended, reminds of what will end, rotates and retires keys.
///
/// # Errors
/// Storage trouble.
pub async fn upkeep(node: &Node) -> Result<(), Fault> {
    let now = node.now();
    let ahead = node.ahead_of_wall();
    if ahead > 60 {
        tracing::error!(
            seconds = ahead,
            "the wall clock was set back; time goes on from where it was. Check the clock of this machine"
        );
    }
    node.cache.prune_revoked(now.seconds());
    node.limits.prune();
    node.commit(&Actor::system(), vec![Write::Prune(now)], Vec::new()).await?;
    reminder::send_due(node).await?;
    signing_key::on_schedule(node).await
}
