//! One server under one kind of request: proves the answer, warms up, measures.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use serde::Serialize;

use crate::check::{Check, access_token};
use crate::load::{CONNECTIONS, Fleet, Pace};
use crate::process;
use crate::requests::{get, post_form};
use crate::target::Target;

/// The longest warm-up.
const WARM_UP: Duration = Duration::from_secs(2);
/// A run over a list of fresh tokens ends with the list, at the latest after this time.
const LIST_LIMIT: Duration = Duration::from_secs(120);

/// A server and the requests it is to answer.
pub(crate) struct Side {
    /// The server's process.
    pub(crate) pid: u32,
    /// Its connections.
    pub(crate) fleet: Fleet,
    /// Where the requests come from.
    pub(crate) supply: Supply,
    /// What a right answer is.
    pub(crate) check: Check,
    /// A request that must be refused: a server that says yes to everything is fast and useless.
    pub(crate) refused: Option<Bytes>,
}

/// Where the requests of a run come from.
pub(crate) enum Supply {
    /// The same requests every time.
    Fixed(Arc<[Bytes]>),
    /// A few tokens, asked about again and again.
    Seen(Mint),
    /// This many new tokens before each run, each asked about once.
    Unseen(Mint, usize),
}

/// How a token is got and what is asked about it.
pub(crate) struct Mint {
    /// The token request.
    pub(crate) request: Bytes,
    /// The question.
    pub(crate) question: Question,
}

/// What is asked about a token or key.
pub(crate) enum Question {
    /// May a request with it pass?
    ForwardAuth {
        /// The forward-auth endpoint.
        target: Target,
        /// The path of the original request.
        uri: String,
    },
    /// What does it say (RFC 7662)?
    Introspect {
        /// The introspection endpoint.
        target: Target,
        /// The caller's Authorization header.
        caller: String,
    },
}

/// One measured run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// Answers per second.
    pub(crate) rate: f64,
    /// Median latency in milliseconds.
    pub(crate) p50_ms: f64,
    /// 99th percentile in milliseconds.
    pub(crate) p99_ms: f64,
    /// 99.9th percentile in milliseconds.
    pub(crate) p999_ms: f64,
    /// CPU time of the server per answer in microseconds.
    pub(crate) cpu_us: f64,
    /// CPU time of the driver per second of the run: near 1, the rate is a lower bound.
    pub(crate) driver: f64,
}

impl Question {
    /// The request that asks it.
    pub(crate) fn about(&self, credential: &str) -> Bytes {
        match self {
            Self::ForwardAuth { target, uri } => {
                let bearer = format!("Bearer {credential}");
                let headers = [
                    ("authorization", bearer.as_str()),
                    ("x-forwarded-method", "GET"),
                    ("x-forwarded-uri", uri),
                ];
                get(target, &headers)
            }
            Self::Introspect { target, caller } => {
                post_form(target, &[("authorization", caller)], &[("token", credential)])
            }
        }
    }
}

impl Side {
    /// Looks at one answer, and at one refusal.
    pub(crate) async fn prove(&mut self) -> Result<()> {
        let request = match &self.supply {
            Supply::Fixed(list) => list.first().cloned().context("there is no request")?,
            Supply::Seen(mint) | Supply::Unseen(mint, _) => {
                let (status, body) = self.fleet.once(&mint.request).await?;
                ensure!(status == 200, "the token request has status {status}");
                mint.question.about(&access_token(&body)?)
            }
        };
        let (status, body) = self.fleet.once(&request).await?;
        self.check.judge(status, &body)?;
        if let Some(refused) = &self.refused {
            let (status, _) = self.fleet.once(refused).await?;
            ensure!(
                matches!(status, 400 | 401 | 403),
                "wrong credentials were answered with status {status}"
            );
        }
        Ok(())
    }

    /// One closed-loop run of about this length.
    pub(crate) async fn saturate(&mut self, length: Duration) -> Result<Sample> {
        let (warm, requests, pace) = match &self.supply {
            Supply::Fixed(list) => (Arc::clone(list), Arc::clone(list), Pace::For(length)),
            Supply::Seen(mint) => {
                let tokens = self.fleet.collect(&mint.request, CONNECTIONS, access_token).await?;
                let requests: Arc<[Bytes]> = tokens.iter().map(|token| mint.question.about(token)).collect();
                (Arc::clone(&requests), requests, Pace::For(length))
            }
            Supply::Unseen(mint, count) => {
                let tokens = self.fleet.collect(&mint.request, count + CONNECTIONS, access_token).await?;
                let requests: Vec<_> = tokens.iter().map(|token| mint.question.about(token)).collect();
                let (warm, fresh) = requests.split_at(CONNECTIONS);
                (warm.into(), fresh.into(), Pace::EachOnce(LIST_LIMIT))
            }
        };
        self.measured(&warm, &requests, (Pace::For(warm_up(length)), pace)).await
    }

    /// One open-loop run at this rate.
    pub(crate) async fn at_rate(&mut self, rate: f64, length: Duration) -> Result<Sample> {
        let Supply::Fixed(list) = &self.supply else {
            return Err(anyhow!("an open loop needs fixed requests"));
        };
        let list = Arc::clone(list);
        self.measured(&list, &list, (Pace::Rate(rate, warm_up(length)), Pace::Rate(rate, length))).await
    }

    async fn measured(
        &mut self,
        warm: &Arc<[Bytes]>,
        requests: &Arc<[Bytes]>,
        paces: (Pace, Pace),
    ) -> Result<Sample> {
        let (tally, _) = self.fleet.run(warm, paces.0).await?;
        tally.failure().map_or(Ok(()), |failure| Err(anyhow!("warm-up: {failure}")))?;

        let cpu = || anyhow::Ok((process::cpu_time(self.pid)?, process::cpu_time(std::process::id())?));
        let before = cpu()?;
        let (tally, start) = self.fleet.run(requests, paces.1).await?;
        let after = cpu()?;
        tally.failure().map_or(Ok(()), |failure| Err(anyhow!(failure)))?;

        let rate = tally.rate(start);
        let answered = tally.answered() as f64;
        let percentile = |share| tally.latency().percentile(share).as_secs_f64() * 1e3;
        Ok(Sample {
            rate,
            p50_ms: percentile(0.5),
            p99_ms: percentile(0.99),
            p999_ms: percentile(0.999),
            cpu_us: after.0.saturating_sub(before.0).as_secs_f64() * 1e6 / answered,
            driver: after.1.saturating_sub(before.1).as_secs_f64() * rate / answered,
        })
    }
}

fn warm_up(length: Duration) -> Duration {
    (length / 2).min(WARM_UP)
}
