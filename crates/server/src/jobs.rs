//! What happens by itself: counts are written, the clock's mark is raised, what has ended is erased, keys rotate.

use std::sync::Arc;
use std::time::Duration;

use grantor_core::decision::Write;
use tokio::sync::watch;

use crate::flow::leak::{self, Report};
use crate::flow::{Fault, activity, audit, mail, misplaced, reminder, signing_key, webhook_delivery};
use crate::leaks::Reported;
use crate::node::{Actor, Node};

/// Counts of issued tokens and the clock's mark are written so often. What a crash loses of the counts is told in the docs.
const FLUSH: Duration = Duration::from_secs(10);
/// Erasing and rotating are looked at so often.
const UPKEEP: Duration = Duration::from_secs(60);
/// The pause between two looks for credentials of other environments: a flood of them costs the database no more than
/// [`misplaced::AT_ONCE`] of them in this time.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

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
                let _ = misplaced::look(&node).await;
                let _ = flush(&node).await;
                let _ = activity::write_uses(&node).await;
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

/// Links the audit until `stop`, and once more then, apart from the other jobs: a long backlog must not keep them.
pub async fn run_audit(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(FLUSH);
    loop {
        let (stopped, linked) = tokio::select! {
            _ = ticks.tick() => (false, audit::link(&node).await.map(|_| ())),
            _ = stop.changed() => (true, audit::stop(&node).await),
        };
        if let Err(fault) = linked {
            tracing::warn!(%fault, "the audit was not linked and will be tried again");
        }
        if stopped {
            return;
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
        once: None,
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

/// Sends messages to webhooks until `stop`. What is cut off here waits in the database still.
pub async fn run_webhooks(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    tokio::select! {
        () = webhook_delivery::run(&node) => {}
        _ = stop.changed() => {}
    }
}

/// Looks for credentials that came to the wrong environment, a few at a time with a pause, until `stop`. Apart from the other
/// jobs and from all requests.
pub async fn run_misplaced(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let work = async {
        loop {
            node.activity.suspects.arrival().await;
            loop {
                match misplaced::look(&node).await {
                    Ok(misplaced::More::No) => break,
                    Ok(misplaced::More::Maybe) => {}
                    Err(fault) => tracing::warn!(%fault, "a credential could not be looked for elsewhere"),
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        }
    };
    tokio::select! {
        () = work => {}
        _ = stop.changed() => {}
    }
}

/// Writes the counts, the request log and the clock's mark, and loads a catalogue that could not be loaded before.
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
    let written = written.and(activity::write(node).await).and(activity::write_many_uses(node).await);
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
    activity::write_uses(node).await?;
    activity::roll_up(node).await?;
    reminder::send_due(node).await?;
    signing_key::on_schedule(node).await
}
