//! The order of a measurement: start everything, alternate between ceiling and Grantor, take medians.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::ceiling::{Algorithm, Kind};
use crate::clock;
use crate::goals::{GOALS, Goal};
use crate::grantor::{self, Grantor, Storage, first_answer};
use crate::options::{Options, Scope};
use crate::process::{self, Server};
use crate::report::{Bound, Row};
use crate::side::{Sample, Side};
use crate::target::Target;
use crate::work::Work;

mod growth;
mod half_load;
mod on_postgres;

/// Runs of each side; the median counts.
const ALTERNATIONS: usize = 3;
/// On a disk that flushes a thousand times a second, this is what makes a refresh cheap.
const ROTATIONS_PER_COMMIT: f64 = 16.0;
/// How long Grantor is left alone before its memory is called idle.
const IDLE: Duration = Duration::from_secs(2);

/// Everything that runs during a measurement.
struct Stage {
    folder: TempDir,
    ceilings: HashMap<Kind, (Server, SocketAddr)>,
    grantor: Option<Grantor>,
    length: Duration,
}

/// The runs of one goal.
struct Runs {
    ceiling: Sample,
    grantor: Option<Sample>,
    /// Units in one COMMIT of Grantor's last run.
    units_per_commit: Option<f64>,
}

/// Measures what the options ask for. A failed run is a row that says so; an error means nothing could be measured.
pub(crate) async fn run(options: &Options) -> Result<Vec<Row>> {
    process::pin_driver()?;
    let mut rows = Vec::new();
    let folder = tempfile::tempdir()?;
    let grantor = match options.scope {
        Scope::Both => Some(start_grantor(&folder, options, &mut rows).await?),
        Scope::Ceilings => None,
    };
    let mut stage = Stage { folder, ceilings: HashMap::new(), grantor, length: options.length };
    let mut saturation = None;
    for goal in GOALS.iter().filter(|goal| options.wants(goal.id)) {
        let runs = stage.ratio(goal.work).await;
        if let (Work::Token(Algorithm::Es256), Ok(runs)) = (goal.work, &runs) {
            saturation = Some((runs.ceiling.rate, runs.grantor.map(|sample| sample.rate)));
        }
        if let (Work::Rotation, Ok(Runs { units_per_commit: Some(units), .. })) = (goal.work, &runs) {
            let shared = Bound::at_least(ROTATIONS_PER_COMMIT);
            rows.push(Row::figure("P4", "rotations that share one commit", *units, shared));
        }
        rows.push(stage.row(goal, runs));
    }
    if options.wants("P4b") {
        rows.push(stage.rotation_on_postgres(options).await);
    }
    if options.scope == Scope::Both && options.apps > 0 {
        rows.extend(stage.growth(options).await);
    }
    if options.wants("P7") || options.wants("P7b") {
        rows.extend(stage.half_load(saturation, options).await);
    }
    Ok(rows)
}

/// P8, P6 and P11: a first start with an empty folder, a second one on the same data, memory at rest, size of the file.
async fn start_grantor(folder: &TempDir, options: &Options, rows: &mut Vec<Row>) -> Result<Grantor> {
    let binary = grantor::binary()?;
    let address = grantor::free_address()?;
    let first = Grantor::start(process::SERVER_CORE, &binary, folder.path(), address, Storage::File)
        .await
        .context("first start of Grantor")?;
    let first_start = first.start_up;
    let grantor = if options.wants("P8") {
        first.stop()?;
        let second = Grantor::start(process::SERVER_CORE, &binary, folder.path(), address, Storage::File)
            .await
            .context("second start of Grantor")?;
        rows.push(Row::figure(
            "P8",
            "first start, keys made, to first 200",
            millis(first_start),
            Bound::at_most(1000.0, "ms"),
        ));
        rows.push(Row::figure(
            "P8",
            "second start to first 200",
            millis(second.start_up),
            Bound::at_most(100.0, "ms"),
        ));
        second
    } else {
        first
    };
    grantor.prepare(&binary, folder.path())?;
    if options.wants("P6") {
        tokio::time::sleep(IDLE).await;
        let resident = process::resident(grantor.id())? as f64 / f64::from(1 << 20);
        rows.push(Row::figure("P6", "memory at rest", resident, Bound::at_most(30.0, "MiB")));
    }
    if options.wants("P11") {
        let size = std::fs::metadata(&binary)?.len() as f64 / 1e6;
        rows.push(Row::figure("P11", "size of the binary", size, Bound::at_most(30.0, "MB")));
    }
    Ok(grantor)
}

impl Stage {
    async fn ratio(&mut self, work: Work) -> Result<Runs> {
        let length = self.length;
        let (mut ceiling, mut grantor) = self.sides(work).await?;
        let (mut ceilings, mut grantors, mut units_per_commit) = (Vec::new(), Vec::new(), None);
        for _ in 0..ALTERNATIONS {
            ceilings.push(ceiling.saturate(length).await.context("ceiling")?);
            if let (Some(side), Some(server)) = (&mut grantor, &self.grantor) {
                let before = server.written().await?;
                grantors.push(side.saturate(length).await.context("Grantor")?);
                let after = server.written().await?;
                units_per_commit = Some((after.units - before.units) / (after.commits - before.commits));
            }
        }
        Ok(Runs {
            ceiling: median(ceilings, |sample| sample.rate)?,
            grantor: median(grantors, |sample| sample.rate).ok(),
            units_per_commit,
        })
    }

    /// Both sides of one kind of work, each proven to answer rightly.
    async fn sides(&mut self, work: Work) -> Result<(Side, Option<Side>)> {
        let length = self.length;
        let (pid, address) = self.ceiling(work.ceiling()).await?;
        let mut ceiling = work.ceiling_side(pid, address, length)?;
        ceiling.prove().await.context("ceiling")?;
        let Some(grantor) = &self.grantor else {
            return Ok((ceiling, None));
        };
        let mut grantor =
            work.grantor_side(grantor.id(), &grantor.contract, length).await.context("Grantor")?;
        grantor.prove().await.context("Grantor")?;
        Ok((ceiling, Some(grantor)))
    }

    /// The ceiling server of this kind, started when it is first needed; at rest it costs the others nothing.
    async fn ceiling(&mut self, kind: Kind) -> Result<(u32, SocketAddr)> {
        if let Some((server, address)) = self.ceilings.get(&kind) {
            return Ok((server.id(), *address));
        }
        let address = grantor::free_address()?;
        let data = self.folder.path().to_str().context("the folder's name is not UTF-8")?;
        let arguments = ["ceiling", kind.name(), "--listen", &address.to_string(), "--data", data];
        let arguments = arguments.map(str::to_owned);
        let log = self.folder.path().join(format!("ceiling-{}.log", kind.name()));
        let since = clock::now();
        let mut server = Server::start(&std::env::current_exe()?, &arguments, log)?;
        first_answer(&mut server, Target::new(address, "/ready")?, since).await?;
        let pid = server.id();
        self.ceilings.insert(kind, (server, address));
        Ok((pid, address))
    }

    fn row(&self, goal: &Goal, runs: Result<Runs>) -> Row {
        let bound = Bound::at_least(goal.at_least);
        match runs {
            Ok(runs) => {
                let resident = self.grantor.as_ref().and_then(|grantor| process::resident(grantor.id()).ok());
                Row::ratio((goal.id, goal.what), runs.ceiling, runs.grantor, resident, bound)
            }
            Err(error) => Row::failed(goal.id, goal.what, &error, bound),
        }
    }
}

/// The run in the middle by `key`.
fn median(mut samples: Vec<Sample>, key: fn(&Sample) -> f64) -> Result<Sample> {
    samples.sort_by(|left, right| key(left).total_cmp(&key(right)));
    samples.get(samples.len() / 2).copied().context("there was no run")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_run_and_not_the_best() {
        let sample =
            |rate| Sample { rate, p50_ms: 0.0, p99_ms: 0.0, p999_ms: 0.0, cpu_us: None, driver: 0.0 };
        let samples = vec![sample(3.0), sample(1.0), sample(2.0)];
        assert_eq!(median(samples, |sample| sample.rate).unwrap().rate, 2.0);
        assert!(median(Vec::new(), |sample| sample.rate).is_err());
    }
}
