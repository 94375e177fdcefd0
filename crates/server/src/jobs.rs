//! What happens by itself: counts are written, the clock's mark is raised, what has ended is erased, keys rotate.

use std::sync::Arc;
use std::time::Duration;

use grantor_core::decision::Write;
use tokio::sync::watch;

use crate::flow::leak::{self, Report};
use crate::flow::{Fault, mail, signing_key};
use crate::leaks::Reported;
use crate::node::{Actor, Node};

/// Counts of issued tokens and the clock's mark are written so often. What a crash loses of the counts is told in the docs.
const FLUSH: Duration = Duration::from_secs(10);
/// Erasing and rotating are looked at so often.
const UPKEEP: Duration = Duration::from_secs(60);

/// How often a reported leak is tried, and the wait between.
const LEAK_TRIES: usize = 10;
const LEAK_WAIT: Duration = Duration::from_secs(1);

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

/// Looks at reported leaks until `stop`.
pub async fn run_leaks(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    loop {
        let reported = tokio::select! {
            reported = node.leaks.queue.next() => reported,
            _ = stop.changed() => return,
        };
        // Not cut off by a stop: what was taken out of the queue is done.
        if let Some(reported) = reported {
            take_leak(&node, &reported).await;
        }
    }
}

/// Looks at the reported leaks that still wait. For the end, when nobody can report any more.
pub async fn last_leaks(node: &Node) {
    while let Some(reported) = node.leaks.queue.waiting().await {
        take_leak(node, &reported).await;
    }
}

/// Tries while the database does not answer, but not for ever: others wait.
async fn take_leak(node: &Node, reported: &Reported) {
    let actor = Actor {
        name: "anonymous".to_owned(),
        address: reported.sighting.reporter.clone(),
        request_id: reported.request_id.clone(),
        environment: None,
    };
    let report = Report { value: &reported.value, sighting: &reported.sighting, actor: &actor };
    for _ in 0..LEAK_TRIES {
        match leak::report(node, &report).await {
            Ok(_) => return,
            Err(fault) => {
                tracing::warn!(request_id = actor.request_id, %fault, "a reported leak was not looked at yet");
                tokio::time::sleep(LEAK_WAIT).await;
            }
        }
    }
    tracing::error!(
        request_id = actor.request_id,
        "a reported leak was given up: the database does not answer"
    );
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

/// Erases what has ended, rotates and retires keys.
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
    signing_key::on_schedule(node).await
}
