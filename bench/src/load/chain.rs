//! Requests of which each needs the answer before it: a refresh token is good for one rotation (RFC 6749 6).

use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::pick::member;
use super::{Connection, Fleet, PATIENCE, Tally};
use crate::clock;
use crate::requests::post_form;
use crate::target::Target;

/// One family of refresh tokens, and the request that takes it further.
pub(crate) struct Chain {
    target: Target,
    caller: String,
    request: Bytes,
}

impl Chain {
    /// A family that begins with this token; `caller` is the app's Authorization header.
    pub(crate) fn new(target: Target, caller: String, token: &str) -> Self {
        let mut chain = Self { target, caller, request: Bytes::new() };
        chain.present(token);
        chain
    }

    /// The next request.
    pub(crate) fn request(&self) -> &Bytes {
        &self.request
    }

    /// Goes on with the refresh token of an answer.
    pub(crate) fn advance(&mut self, body: &[u8]) -> io::Result<()> {
        let none = || io::Error::new(io::ErrorKind::InvalidData, "the answer holds no refresh_token");
        self.present(member(body, "refresh_token").ok_or_else(none)?);
        Ok(())
    }

    fn present(&mut self, token: &str) {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.request = post_form(&self.target, &[("authorization", &self.caller)], &form);
    }
}

impl Fleet {
    /// Closed loop for this long over chains: each connection has its share of them and takes them in turn.
    pub(crate) async fn run_chains(
        &mut self,
        chains: &mut Vec<Chain>,
        length: Duration,
    ) -> Result<(Tally, Instant)> {
        ensure!(chains.len() >= self.width, "{} chains for {} connections", chains.len(), self.width);
        self.fill().await?;
        let start = clock::now();
        let mut workers = JoinSet::new();
        let share = chains.len() / self.width;
        for connection in self.connections.drain(..) {
            let own: Vec<_> = chains.drain(..share.min(chains.len())).collect();
            workers.spawn(chained(connection, own, start, length));
        }
        let mut tally = Tally::new();
        let all = async {
            while let Some(worker) = workers.join_next().await {
                let (share, connection, own) = worker?;
                tally.merge(share);
                self.connections.extend(connection);
                chains.extend(own);
            }
            anyhow::Ok(())
        };
        if let Ok(joined) = tokio::time::timeout(length + PATIENCE, all).await {
            joined.context("a connection's task ended early")?;
        } else {
            tally.error(&io::Error::from(io::ErrorKind::TimedOut));
        }
        Ok((tally, start))
    }
}

/// The worker of a share of chains. Gives them back.
async fn chained(
    mut connection: Connection,
    mut chains: Vec<Chain>,
    start: Instant,
    length: Duration,
) -> (Tally, Option<Connection>, Vec<Chain>) {
    let mut tally = Tally::new();
    let mut sent = start;
    for turn in 0.. {
        if sent.saturating_duration_since(start) >= length {
            break;
        }
        let count = chains.len();
        let chain = &mut chains[turn % count];
        let outcome = match connection.exchange(chain.request()).await {
            // A refusal is counted; the chain stays where it is.
            Ok(answer) if answer.status != 200 => Ok(answer.status),
            Ok(answer) => chain.advance(answer.body).map(|()| answer.status),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(status) => {
                let done = clock::now();
                tally.answer(status, done.saturating_duration_since(sent), done);
                sent = done;
            }
            Err(error) => {
                tally.error(&error);
                return (tally, None, chains);
            }
        }
    }
    (tally, Some(connection), chains)
}
