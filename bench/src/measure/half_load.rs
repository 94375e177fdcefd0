//! P7 and P7b: the latency of a token at half of the server's own saturation, in an open loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{ALTERNATIONS, Runs, Stage, median};
use crate::ceiling::Algorithm;
use crate::grantor::{self, Grantor, Storage};
use crate::load::Connection;
use crate::options::{Options, Scope};
use crate::process;
use crate::report::{Bound, Row};
use crate::side::{Sample, Supply};
use crate::target::Target;
use crate::work::Work;

/// The work whose latency is looked at.
const WORK: Work = Work::Token(Algorithm::Es256);
/// Password log-ins in flight beside it.
const LOG_INS: usize = 2;

/// Answers per second of the ceiling and of Grantor at saturation.
type Saturation = (f64, Option<f64>);

impl Stage {
    /// The rows of both goals, as far as they are asked for.
    pub(super) async fn half_load(&mut self, known: Option<Saturation>, options: &Options) -> Vec<Row> {
        let (low, high) = (Bound::at_most(3.0, "ms"), Bound::at_most(8.0, "ms"));
        let names = ["token ES256 at half load, p99", "token ES256 at half load, p99.9"];
        let beside = "the same beside 2 log-ins, both cores, p99";
        let saturation = match known {
            Some(known) => Ok(known),
            None => {
                self.ratio(WORK).await.map(|runs| (runs.ceiling.rate, runs.grantor.map(|sample| sample.rate)))
            }
        };
        let saturation = match saturation {
            Ok(saturation) => saturation,
            Err(error) => return vec![Row::failed("P7", names[0], &error, low)],
        };
        let mut rows = Vec::new();
        if options.wants("P7") {
            match self.half_load_runs(saturation).await {
                Ok(Runs { ceiling, grantor, .. }) => rows.extend([
                    Row::latency("P7", names[0], (ceiling, grantor), (|sample| sample.p99_ms, low)),
                    Row::latency("P7", names[1], (ceiling, grantor), (|sample| sample.p999_ms, high)),
                ]),
                Err(error) => rows.extend(
                    names.iter().zip([low, high]).map(|(name, bound)| Row::failed("P7", name, &error, bound)),
                ),
            }
        }
        if let (true, Scope::Both, Some(rate)) = (options.wants("P7b"), options.scope, saturation.1) {
            rows.push(match self.beside_log_ins(rate / 2.0).await {
                Ok(sample) => Row::own_latency("P7b", beside, sample, (|sample| sample.p99_ms, low)),
                Err(error) => Row::failed("P7b", beside, &error, low),
            });
        }
        rows
    }

    async fn half_load_runs(&mut self, saturation: Saturation) -> Result<Runs> {
        let length = self.length;
        let (mut ceiling, mut grantor) = self.sides(WORK).await?;
        let (mut ceilings, mut grantors) = (Vec::new(), Vec::new());
        for _ in 0..ALTERNATIONS {
            ceilings.push(ceiling.at_rate(saturation.0 / 2.0, length).await.context("ceiling")?);
            if let (Some(grantor), Some(rate)) = (&mut grantor, saturation.1) {
                grantors.push(grantor.at_rate(rate / 2.0, length).await.context("Grantor")?);
            }
        }
        Ok(Runs {
            ceiling: median(ceilings, |sample| sample.p99_ms)?,
            grantor: median(grantors, |sample| sample.p99_ms).ok(),
            units_per_commit: None,
        })
    }

    /// P7b on a Grantor of its own that has both cores; the driver shares one of them, so this is an upper bound.
    async fn beside_log_ins(&mut self, rate: f64) -> Result<Sample> {
        let folder = self.folder.path().join("both-cores");
        std::fs::create_dir_all(&folder)?;
        let address = grantor::free_address()?;
        let server =
            Grantor::start(process::ALL_CORES, &grantor::binary()?, &folder, address, Storage::File).await?;
        let mut side = WORK.grantor_side(server.id(), &server.contract, self.length).await?;
        side.prove().await?;
        let mut password = Work::Password.grantor_side(server.id(), &server.contract, self.length).await?;
        password.prove().await?;
        let Supply::Fixed(requests) = &password.supply else { anyhow::bail!("a log-in is a fixed request") };
        let log_ins = LogIns::start(Target::parse(server.contract.issuer()?)?, &requests[0]);
        let mut samples = Vec::new();
        for _ in 0..ALTERNATIONS {
            samples.push(side.at_rate(rate, self.length).await.context("beside log-ins"));
        }
        let done = log_ins.stop().await?;
        let samples = samples.into_iter().collect::<Result<Vec<_>>>()?;
        server.stop()?;
        // What was never in the way proves nothing.
        let least = (self.length * ALTERNATIONS as u32).as_secs_f64() * 2.0;
        ensure!(done as f64 >= least, "only {done} log-ins were done beside the run");
        median(samples, |sample| sample.p99_ms)
    }
}

/// Log-ins one after the other on connections of their own, until they are stopped.
struct LogIns {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Result<()>>>,
}

impl LogIns {
    fn start(home: Target, request: &Bytes) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..LOG_INS).map(|_| {
            let (home, request, stop, done) = (home.clone(), request.clone(), stop.clone(), done.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(home.address()).await?;
                while !stop.load(Ordering::Relaxed) {
                    let status = connection.exchange(&request).await?.status;
                    ensure!(status == 200, "a log-in was answered with status {status}");
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        });
        let tasks = tasks.collect();
        Self { stop, done, tasks }
    }

    async fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            tokio::time::timeout(Duration::from_secs(10), task).await.context("a log-in had no end")???;
        }
        Ok(self.done.load(Ordering::Relaxed))
    }
}
