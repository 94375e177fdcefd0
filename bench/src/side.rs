//! One server under one kind of request: proves the answer, warms up, measures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use serde::Serialize;

use crate::ceiling::VERIFIER;
use crate::check::Check;
use crate::load::{CONNECTIONS, Chain, Fleet, Pace, Pick, Tally, pick};
use crate::process;
use crate::requests::{get, post_form};
use crate::target::Target;

/// Families of refresh tokens in a run: more than connections, so that one commit is about many pages.
pub(crate) const CHAINS: usize = 1024;
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
    /// This many new tokens or codes before each run, each asked about or redeemed once.
    Unseen(Mint, usize),
    /// Refresh tokens, rotated again and again; the families are made before the first run.
    Chained(Mint, Vec<Chain>),
}

/// How a token or code is got and what is done with it.
pub(crate) struct Mint {
    /// The request that gives it.
    pub(crate) request: Bytes,
    /// Where it stands in the answer.
    pub(crate) pick: Pick,
    /// What is done with it.
    pub(crate) question: Question,
}

/// What is asked about a token or key, or done with a code.
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
    /// Redeem it (RFC 6749 4.1.3).
    Redeem {
        /// The token endpoint.
        target: Target,
        /// The app's Authorization header.
        caller: String,
        /// Where the code was sent.
        redirect_uri: String,
    },
}

/// What one run sends.
enum Load {
    Requests(Arc<[Bytes]>, Pace),
    Chains(Duration),
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
    /// CPU time of the server per answer in microseconds; `None` if the server is not a process of this program.
    pub(crate) cpu_us: Option<f64>,
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
            Self::Redeem { target, caller, redirect_uri } => {
                let form = [
                    ("grant_type", "authorization_code"),
                    ("code", credential),
                    ("redirect_uri", redirect_uri),
                    ("code_verifier", VERIFIER),
                ];
                post_form(target, &[("authorization", caller)], &form)
            }
        }
    }

    /// The chain that begins with a refresh token; only redemptions give one.
    fn chain(&self, token: &str) -> Result<Chain> {
        match self {
            Self::Redeem { target, caller, .. } => Ok(Chain::new(target.clone(), caller.clone(), token)),
            Self::ForwardAuth { .. } | Self::Introspect { .. } => {
                Err(anyhow!("no refresh token comes of this"))
            }
        }
    }
}

impl Side {
    /// Looks at one answer, and at one refusal.
    pub(crate) async fn prove(&mut self) -> Result<()> {
        let request = match &self.supply {
            Supply::Fixed(list) => list.first().cloned().context("there is no request")?,
            Supply::Seen(mint) | Supply::Unseen(mint, _) | Supply::Chained(mint, _) => {
                mint.question.about(&self.fleet.look(&mint.request, mint.pick).await?)
            }
        };
        let (status, body) = self.fleet.once(&request).await?;
        self.check.judge(status, &body)?;
        if let Some(refused) = &self.refused {
            self.must_refuse(refused, "wrong credentials were").await?;
        }
        if let Supply::Unseen(Mint { question: Question::Redeem { .. }, .. }, _) = &self.supply {
            self.must_refuse(&request, "a code was a second time").await?;
        }
        if let Supply::Chained(mint, _) = &self.supply {
            let chain = mint.question.chain(&json_text(&body, "refresh_token")?)?;
            let (status, body) = self.fleet.once(chain.request()).await?;
            self.check.judge(status, &body)?;
            ensure!(json_text(&body, "refresh_token").is_ok(), "a rotation gave no refresh token");
        }
        Ok(())
    }

    async fn must_refuse(&self, request: &Bytes, what: &str) -> Result<()> {
        let (status, _) = self.fleet.once(request).await?;
        ensure!(matches!(status, 400 | 401 | 403), "{what} answered with status {status}");
        Ok(())
    }

    /// One closed-loop run of about this length.
    pub(crate) async fn saturate(&mut self, length: Duration) -> Result<Sample> {
        let short = Pace::For(warm_up(length));
        let (warm, load) = match &mut self.supply {
            Supply::Fixed(list) => {
                (Load::Requests(Arc::clone(list), short), Load::Requests(Arc::clone(list), Pace::For(length)))
            }
            Supply::Seen(mint) => {
                let requests: Arc<[Bytes]> = minted(&mut self.fleet, mint, CONNECTIONS).await?.into();
                (Load::Requests(Arc::clone(&requests), short), Load::Requests(requests, Pace::For(length)))
            }
            Supply::Unseen(mint, count) => {
                let requests = minted(&mut self.fleet, mint, *count + CONNECTIONS).await?;
                let (warm, fresh) = requests.split_at(CONNECTIONS);
                // What is redeemed is spent; what is only asked about warms up longer.
                let warm_pace = match &mint.question {
                    Question::Redeem { .. } => Pace::EachOnce(LIST_LIMIT),
                    Question::ForwardAuth { .. } | Question::Introspect { .. } => short,
                };
                (
                    Load::Requests(warm.into(), warm_pace),
                    Load::Requests(fresh.into(), Pace::EachOnce(LIST_LIMIT)),
                )
            }
            Supply::Chained(mint, chains) => {
                if chains.is_empty() {
                    let redemptions: Arc<[Bytes]> = minted(&mut self.fleet, mint, CHAINS).await?.into();
                    let tokens = self.fleet.collect(&redemptions, CHAINS, pick::refresh_token).await?;
                    *chains = tokens.iter().map(|token| mint.question.chain(token)).collect::<Result<_>>()?;
                }
                (Load::Chains(warm_up(length)), Load::Chains(length))
            }
        };
        self.measured(warm, load).await
    }

    /// One open-loop run at this rate.
    pub(crate) async fn at_rate(&mut self, rate: f64, length: Duration) -> Result<Sample> {
        let Supply::Fixed(list) = &self.supply else {
            return Err(anyhow!("an open loop needs fixed requests"));
        };
        let load = |length| Load::Requests(Arc::clone(list), Pace::Rate(rate, length));
        let (warm, load) = (load(warm_up(length)), load(length));
        self.measured(warm, load).await
    }

    async fn run(&mut self, load: Load) -> Result<(Tally, Instant)> {
        match (load, &mut self.supply) {
            (Load::Requests(requests, pace), _) => self.fleet.run(&requests, pace).await,
            (Load::Chains(length), Supply::Chained(_, chains)) => self.fleet.run_chains(chains, length).await,
            (Load::Chains(_), _) => Err(anyhow!("there are no chains")),
        }
    }

    async fn measured(&mut self, warm: Load, load: Load) -> Result<Sample> {
        let (tally, _) = self.run(warm).await?;
        tally.failure().map_or(Ok(()), |failure| Err(anyhow!("warm-up: {failure}")))?;

        let pid = self.pid;
        let cpu = || anyhow::Ok((process::cpu_time(pid)?, process::cpu_time(std::process::id())?));
        let before = cpu()?;
        let (tally, start) = self.run(load).await?;
        let after = cpu()?;
        tally.failure().map_or(Ok(()), |failure| Err(anyhow!(failure)))?;

        let (server, driver) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
        Ok(Sample::of(&tally, start, Some(server), driver))
    }
}

impl Sample {
    /// Of a run that began at `start`, with the CPU time of both ends during it.
    pub(crate) fn of(tally: &Tally, start: Instant, server: Option<Duration>, driver: Duration) -> Self {
        let rate = tally.rate(start);
        let answered = tally.answered() as f64;
        let percentile = |share| tally.latency().percentile(share).as_secs_f64() * 1e3;
        Self {
            rate,
            p50_ms: percentile(0.5),
            p99_ms: percentile(0.99),
            p999_ms: percentile(0.999),
            cpu_us: server.map(|time| time.as_secs_f64() * 1e6 / answered),
            driver: driver.as_secs_f64() * rate / answered,
        }
    }
}

/// The requests about so many new tokens or codes.
async fn minted(fleet: &mut Fleet, mint: &Mint, count: usize) -> Result<Vec<Bytes>> {
    let source: Arc<[Bytes]> = Arc::from([mint.request.clone()]);
    let credentials = fleet.collect(&source, count, mint.pick).await?;
    Ok(credentials.iter().map(|credential| mint.question.about(credential)).collect())
}

fn json_text(body: &[u8], name: &str) -> Result<String> {
    let body: serde_json::Value = serde_json::from_slice(body)?;
    body[name].as_str().map(str::to_owned).with_context(|| format!("the answer holds no {name}"))
}

/// How long a run of this length warms up.
pub(crate) fn warm_up(length: Duration) -> Duration {
    (length / 2).min(WARM_UP)
}
