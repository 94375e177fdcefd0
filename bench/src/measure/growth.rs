//! P5, P6 and P8 with many apps and API keys: a small and a large installation that differ in nothing else.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use super::{ALTERNATIONS, IDLE, Stage, median, millis};
use crate::contract::Contract;
use crate::filled::{self, Credentials};
use crate::goals::{KEY_GROWTH, MEMORY_OF_MANY, START, TOKEN_GROWTH};
use crate::grantor::{self, Grantor, Storage};
use crate::load::Pace;
use crate::options::Options;
use crate::process;
use crate::report::{Bound, Row};
use crate::side::{Sample, Side, Supply};
use crate::work::crowd::Crowd;

/// Apps of the small installation, and as many keys.
const SMALL: usize = 1_000;
/// Apps or keys that take turns in a run, or all if there are fewer.
const IN_TURN: usize = 20_000;
/// Apps and keys that are used once before the memory is looked at: more than the server holds of each.
const USED_ONCE: usize = 300_000;
/// Starts of each installation; the median counts.
const STARTS: usize = 5;
/// Runs are this many times as long as others: what was used is written every ten seconds, and a run shall bear its share.
const LONGER: u32 = 4;
/// The longest pass over all that are used once.
const PASS: Duration = Duration::from_secs(600);

const TOKEN: &str = "CPU per token, apps in turn, many / 1,000";
const KEY: &str = "CPU per key check, keys in turn, many / 1,000";
const START_SMALL: &str = "start to first 200, 1,000 apps and keys";
const START_LARGE: &str = "start to first 200, many apps and keys";
const AT_REST: &str = "memory at rest, many apps and keys";
const AT_MOST: &str = "memory at most, 300,000 apps and keys used";

/// An installation with many apps and keys, and what is needed to ask it.
struct Installation {
    binary: PathBuf,
    folder: PathBuf,
    contract: Contract,
    credentials: Credentials,
}

impl Installation {
    /// A demo with `count` more apps and keys; it does not run.
    async fn make(folder: PathBuf, count: usize) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let (binary, address) = (grantor::binary()?, grantor::free_address()?);
        let demo = Grantor::start(process::SERVER_CORE, &binary, &folder, address, Storage::File).await?;
        let contract = demo.into_contract()?;
        let credentials = filled::fill(&folder, &contract, count, USED_ONCE).await?;
        Ok(Self { binary, folder, contract, credentials })
    }

    async fn serve(&self) -> Result<Grantor> {
        Grantor::serve(&self.binary, &self.folder, self.contract.clone()).await
    }

    /// The median time from start to the first answer.
    async fn start_up(&self) -> Result<Duration> {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let server = self.serve().await?;
            times.push(server.start_up);
            server.stop()?;
        }
        times.sort();
        times.get(STARTS / 2).copied().context("there was no start")
    }

    /// So many in turn at its server.
    fn side(&self, server: &Grantor, crowd: Crowd, asked: usize) -> Result<Side> {
        crowd.side(server.id(), &self.contract, &self.credentials, asked)
    }
}

impl Stage {
    /// The rows of the three goals, as far as they are asked for.
    pub(super) async fn growth(&self, options: &Options) -> Vec<Row> {
        if !["P5", "P6", "P8"].iter().any(|goal| options.wants(goal)) {
            return Vec::new();
        }
        let mut rows = Vec::new();
        if let Err(error) = self.grown(options, &mut rows).await {
            let bound = Bound::at_most(TOKEN_GROWTH, "x");
            rows.push(Row::failed("P5", TOKEN, &error.context("many apps and keys"), bound));
        }
        rows
    }

    async fn grown(&self, options: &Options, rows: &mut Vec<Row>) -> Result<()> {
        let small = Installation::make(self.folder.path().join("small"), SMALL).await?;
        let large = Installation::make(self.folder.path().join("large"), options.apps).await?;
        let of = format!("{} apps and as many keys", options.apps);
        if options.wants("P8") {
            for (installation, what, limit) in
                [(&small, START_SMALL, START.0), (&large, START_LARGE, START.1)]
            {
                let time = installation.start_up().await?;
                rows.push(Row::figure("P8", what, millis(time), Bound::at_most(limit, "ms")));
            }
        }
        let server = large.serve().await?;
        let memory = Bound::at_most(MEMORY_OF_MANY, "MiB");
        if options.wants("P6") {
            tokio::time::sleep(IDLE).await;
            let rest = mebibytes(process::resident(server.id())?);
            rows.push(Row::figure("P6", AT_REST, rest, memory).with_note(of.clone()));
        }
        if options.wants("P5") {
            let beside = small.serve().await?;
            for (crowd, what, limit) in [(Crowd::Apps, TOKEN, TOKEN_GROWTH), (Crowd::Keys, KEY, KEY_GROWTH)] {
                let mut few = small.side(&beside, crowd, IN_TURN)?;
                let mut many = large.side(&server, crowd, IN_TURN)?;
                let runs = self.in_turn(&mut few, &mut many).await.context(what)?;
                let note = format!("the first value is of {SMALL} apps and keys, the second of {of}");
                let row = Row::growth("P5", what, runs, Bound::at_most(limit, "x"));
                rows.push(row.with_note(note));
            }
            beside.stop()?;
        }
        if options.wants("P6") {
            let mut first_sights = Vec::new();
            for crowd in [Crowd::Apps, Crowd::Keys] {
                let mut side = large.side(&server, crowd, USED_ONCE)?;
                side.prove().await?;
                first_sights.push(once_each(&mut side).await?);
            }
            let most = mebibytes(process::resident_at_most(server.id())?);
            let after = mebibytes(process::resident(server.id())?);
            let sights: Vec<_> = first_sights.iter().map(|time| format!("{time:.1} us")).collect();
            let note = format!(
                "{of}; {after:.0} MiB afterwards; CPU per token and per key check when nearly all come for the \
                 first time: {}",
                sights.join(" and ")
            );
            rows.push(Row::figure("P6", AT_MOST, most, memory).with_note(note));
        }
        server.stop()
    }

    /// Both sides in turn, each known to its server before; the medians by CPU time.
    async fn in_turn(&self, few: &mut Side, many: &mut Side) -> Result<(Sample, Sample)> {
        for side in [&mut *few, &mut *many] {
            side.prove().await?;
            once_each(side).await?;
        }
        let (mut fews, mut manies) = (Vec::new(), Vec::new());
        for _ in 0..ALTERNATIONS {
            fews.push(few.saturate(self.length * LONGER).await?);
            manies.push(many.saturate(self.length * LONGER).await?);
        }
        let cpu = |sample: &Sample| sample.cpu_us.unwrap_or(f64::INFINITY);
        Ok((median(fews, cpu)?, median(manies, cpu)?))
    }
}

/// Sends every request of a side once, and gives the server's CPU time per answer in microseconds.
async fn once_each(side: &mut Side) -> Result<f64> {
    let Supply::Fixed(requests) = &side.supply else { return Err(anyhow!("a crowd is a list of requests")) };
    let before = process::cpu_time(side.pid)?;
    let (tally, _) = side.fleet.run(requests, Pace::EachOnce(PASS)).await?;
    let spent = process::cpu_time(side.pid)?.saturating_sub(before);
    tally.failure().map_or(Ok(()), |failure| Err(anyhow!(failure)))?;
    Ok(spent.as_secs_f64() * 1e6 / tally.answered() as f64)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
