//! `grantor-bench`: Grantor against the ceiling of its own stack, in one run on one machine. Only the ratios travel.
//!
//! Servers have core 0, the load driver has core 1. The exit code is 1 if a run failed, not if a goal is missed.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::options::Task;
use crate::report::{Row, Verdict};

mod ceiling;
mod check;
mod clock;
mod contract;
mod filled;
mod goals;
mod grantor;
mod load;
mod measure;
mod options;
mod person;
mod postgres;
mod process;
mod report;
mod requests;
mod side;
mod table;
mod target;
mod work;

/// The allocator of the product, so that the ceilings have it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<ExitCode> {
    let task = options::parse(std::env::args().skip(1), std::env::var_os(options::POSTGRES))?;
    // One thread, on purpose: every figure is per core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    match task {
        Task::Usage => table::print_usage(options::USAGE),
        Task::Ceiling(kind, address, folder) => runtime.block_on(ceiling::serve(kind, address, &folder))?,
        Task::Measure(options) => {
            let rows = runtime.block_on(measure::run(&options))?;
            table::print(&rows, options.format)?;
            return Ok(exit_code(&rows));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A missed goal is a result; a run that must not be counted is a failure.
fn exit_code(rows: &[Row]) -> ExitCode {
    if rows.iter().any(|row| row.verdict() == Verdict::Failed) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Bound;

    #[test]
    fn a_failed_run_decides_the_exit_code_and_a_missed_goal_does_not() {
        let missed = Row::figure("P6", "x", 31.0, Bound::at_most(30.0, "MiB"));
        assert_eq!(missed.verdict(), Verdict::Missed);
        let failed = Row::failed("P1", "x", &anyhow::anyhow!("reset"), Bound::at_least(0.8));
        assert_eq!(exit_code(std::slice::from_ref(&missed)), ExitCode::SUCCESS);
        assert_eq!(exit_code(&[failed, missed]), ExitCode::FAILURE);
    }
}
