//! A bounded HTTP/1.1 load driver on one thread: keep-alive connections, no pipelining, no allocation per request.
//!
//! Closed loop: every connection sends its next request when the last one is answered. Open loop: requests have a
//! scheduled time, and latency counts from that time even if the connection was late, so a stall is not hidden.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use tokio::task::JoinSet;

use crate::clock;
use crate::target::Target;

mod answer;
mod chain;
mod connection;
mod histogram;
pub(crate) mod pick;
mod tally;

pub(crate) use chain::Chain;
pub(crate) use connection::{Answer, Connection};
pub(crate) use pick::Pick;
pub(crate) use tally::Tally;

/// Keep-alive connections of a run, if nothing else is said.
pub(crate) const CONNECTIONS: usize = 64;

/// A run that is this much late has failed: the server has stopped answering.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How requests follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Closed loop for this long; the list of requests is used in rotation.
    For(Duration),
    /// Closed loop until every request of the list was sent exactly once, at most this long.
    EachOnce(Duration),
    /// Open loop: this many requests per second for this long, in rotation.
    Rate(f64, Duration),
}

impl Pace {
    fn length(self) -> Duration {
        match self {
            Self::For(length) | Self::EachOnce(length) | Self::Rate(_, length) => length,
        }
    }
}

/// The connections to one server; those that broke are opened again by the next run.
pub(crate) struct Fleet {
    target: Target,
    width: usize,
    connections: Vec<Connection>,
}

impl Fleet {
    /// No connection is opened yet.
    pub(crate) fn new(target: Target) -> Self {
        Self::of(target, CONNECTIONS)
    }

    /// A fleet of so many connections.
    pub(crate) fn of(target: Target, width: usize) -> Self {
        Self { target, width, connections: Vec::new() }
    }

    /// Sends `requests` at the given pace and returns what was seen together with the time of the start.
    pub(crate) async fn run(&mut self, requests: &Arc<[Bytes]>, pace: Pace) -> Result<(Tally, Instant)> {
        ensure!(!requests.is_empty(), "there is no request to send");
        self.fill().await?;
        let cursor = Arc::new(AtomicUsize::new(0));
        let start = clock::now();
        let lanes = self.width;
        let mut workers = JoinSet::new();
        for (lane, connection) in self.connections.drain(..).enumerate() {
            let worker = Worker {
                connection,
                requests: Arc::clone(requests),
                cursor: Arc::clone(&cursor),
                start,
                tally: Tally::new(),
            };
            match pace {
                Pace::Rate(rate, length) => workers.spawn(worker.scheduled((lane, lanes), rate, length)),
                Pace::For(length) => workers.spawn(worker.rotating(length)),
                Pace::EachOnce(length) => workers.spawn(worker.each_once(length)),
            };
        }
        let mut tally = Tally::new();
        let all = async {
            while let Some(worker) = workers.join_next().await {
                let (share, connection) = worker?;
                tally.merge(share);
                self.connections.extend(connection);
            }
            anyhow::Ok(())
        };
        if let Ok(joined) = tokio::time::timeout(pace.length() + PATIENCE, all).await {
            joined.context("a connection's task ended early")?;
        } else {
            tally.error(&io::Error::from(io::ErrorKind::TimedOut));
        }
        Ok((tally, start))
    }

    /// Sends `requests` in turn, `count` times in all, and keeps what `pick` takes out of each answer; all of them must
    /// differ.
    pub(crate) async fn collect(
        &mut self,
        requests: &Arc<[Bytes]>,
        count: usize,
        pick: Pick,
    ) -> Result<Vec<String>> {
        ensure!(!requests.is_empty(), "there is no request to send");
        self.fill().await?;
        let tickets = Arc::new(AtomicUsize::new(0));
        let mut workers = JoinSet::new();
        for mut connection in self.connections.drain(..) {
            let (requests, tickets) = (Arc::clone(requests), Arc::clone(&tickets));
            workers.spawn(async move {
                let mut picked = Vec::new();
                loop {
                    let ticket = tickets.fetch_add(1, Ordering::Relaxed);
                    if ticket >= count {
                        return anyhow::Ok((picked, connection));
                    }
                    picked.push(pick(&connection.exchange(&requests[ticket % requests.len()]).await?)?);
                }
            });
        }
        let mut picked = Vec::with_capacity(count);
        while let Some(worker) = workers.join_next().await {
            let (some, connection) = worker??;
            picked.extend(some);
            self.connections.push(connection);
        }
        let distinct = picked.iter().collect::<HashSet<_>>().len();
        ensure!(distinct == count, "{count} answers held only {distinct} different values");
        Ok(picked)
    }

    /// Sends one request on a connection of its own and returns status and body.
    pub(crate) async fn once(&self, request: &Bytes) -> Result<(u16, Vec<u8>)> {
        self.look(request, |answer| Ok((answer.status, answer.body.to_vec()))).await
    }

    /// Sends one request on a connection of its own and returns what `read` finds in the answer.
    pub(crate) async fn look<T>(
        &self,
        request: &Bytes,
        read: impl FnOnce(&Answer<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = Connection::open(self.target.address()).await?;
        match tokio::time::timeout(PATIENCE, connection.exchange(request)).await {
            Ok(answer) => read(&answer?),
            Err(_) => bail!("no answer within {} s", PATIENCE.as_secs()),
        }
    }

    async fn fill(&mut self) -> Result<()> {
        while self.connections.len() < self.width {
            let connection = Connection::open(self.target.address()).await;
            self.connections
                .push(connection.with_context(|| format!("cannot connect to {}", self.target.address()))?);
        }
        Ok(())
    }
}

/// What a worker leaves: its share of the tally, and its connection if that is still usable.
type Leavings = (Tally, Option<Connection>);

struct Worker {
    connection: Connection,
    requests: Arc<[Bytes]>,
    cursor: Arc<AtomicUsize>,
    start: Instant,
    tally: Tally,
}

impl Worker {
    async fn rotating(mut self, length: Duration) -> Leavings {
        let mut sent = self.start;
        while sent.saturating_duration_since(self.start) < length {
            let index = self.cursor.fetch_add(1, Ordering::Relaxed) % self.requests.len();
            match self.send(index, sent).await {
                Ok(done) => sent = done,
                Err(error) => return self.broken(&error),
            }
        }
        (self.tally, Some(self.connection))
    }

    async fn each_once(mut self, length: Duration) -> Leavings {
        let mut sent = self.start;
        while sent.saturating_duration_since(self.start) < length {
            let index = self.cursor.fetch_add(1, Ordering::Relaxed);
            if index >= self.requests.len() {
                break;
            }
            match self.send(index, sent).await {
                Ok(done) => sent = done,
                Err(error) => return self.broken(&error),
            }
        }
        (self.tally, Some(self.connection))
    }

    /// Request `turn` of this lane is due at `(turn * lanes + lane) / rate`.
    async fn scheduled(mut self, (lane, lanes): (usize, usize), rate: f64, length: Duration) -> Leavings {
        for number in (lane..).step_by(lanes) {
            let offset = Duration::from_secs_f64(number as f64 / rate);
            if offset >= length {
                break;
            }
            let due = self.start + offset;
            // The timer of the runtime counts milliseconds; a core of its own lets the driver wait more exactly.
            while clock::now() < due {
                tokio::task::yield_now().await;
            }
            if let Err(error) = self.send(number % self.requests.len(), due).await {
                return self.broken(&error);
            }
        }
        (self.tally, Some(self.connection))
    }

    async fn send(&mut self, index: usize, since: Instant) -> io::Result<Instant> {
        let status = self.connection.exchange(&self.requests[index]).await?.status;
        let done = clock::now();
        self.tally.answer(status, done.saturating_duration_since(since), done);
        Ok(done)
    }

    fn broken(mut self, error: &io::Error) -> Leavings {
        self.tally.error(error);
        (self.tally, None)
    }
}

#[cfg(test)]
mod tests;
