//! `log`, `notices` and `usage` of apps and keys: what they have done, and why they were refused.

use clap::{Args, ValueEnum};

use super::admin::{Admin, Path};
use super::output::{Column, Output, Shape};

#[derive(Args)]
pub(super) struct LogFlags {
    /// Only these
    #[arg(long, value_enum)]
    outcome: Option<Outcome>,
    /// How many, newest first [default: 50]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Outcome {
    Ok,
    Refused,
}

#[derive(Args)]
pub(super) struct UsageFlags {
    /// By what to count
    #[arg(long, value_enum, default_value = "hour")]
    by: By,
    /// How many of them, back from now
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    Minute,
    Hour,
    Day,
}

const LOG: &[Column] = &[
    Column("at", "/at"),
    Column("endpoint", "/endpoint"),
    Column("status", "/status"),
    Column("error", "/error"),
    Column("reason", "/reason"),
    Column("count", "/count"),
    Column("address", "/address"),
    Column("request_id", "/request_id"),
    Column("fix", "/fix"),
];
const NOTICES: &[Column] = &[
    Column("last_seen_at", "/last_seen_at"),
    Column("count", "/count"),
    Column("address", "/address"),
    Column("text", "/text"),
];
const USAGE: &[Column] = &[
    Column("starts_at", "/starts_at"),
    Column("issued", "/issued"),
    Column("verified", "/verified"),
    Column("refused", "/refused"),
];

/// The newest requests of an app or key, which stands at `path`.
pub(super) async fn log(
    admin: &Admin,
    output: &mut Output<'_>,
    path: &[&str],
    log: LogFlags,
) -> anyhow::Result<()> {
    let outcome = log.outcome.map(|outcome| match outcome {
        Outcome::Ok => "ok",
        Outcome::Refused => "refused",
    });
    let limit = log.limit.map(|limit| limit.to_string());
    let path = below(admin, path, "log")?.filter("outcome", outcome).filter("limit", limit.as_deref());
    output.answer(&admin.get(path).await?, LOG)
}

/// What its owner should know.
pub(super) async fn notices(admin: &Admin, output: &mut Output<'_>, path: &[&str]) -> anyhow::Result<()> {
    output.answer(&admin.get(below(admin, path, "notices")?).await?, NOTICES)
}

/// Its counts; behind them, for people, what they say of an app.
pub(super) async fn usage(
    admin: &Admin,
    output: &mut Output<'_>,
    path: &[&str],
    usage: UsageFlags,
) -> anyhow::Result<()> {
    let by = match usage.by {
        By::Minute => "minute",
        By::Hour => "hour",
        By::Day => "day",
    };
    let limit = usage.limit.map(|limit| limit.to_string());
    let path = below(admin, path, "usage")?.filter("by", Some(by)).filter("limit", limit.as_deref());
    let answer = admin.get(path).await?;
    output.answer(&answer, USAGE)?;
    if output.shape() == Shape::Table
        && let Some(advice) = answer.json()?.pointer("/last_day/advice").and_then(|advice| advice.as_str())
    {
        output.note(advice)?;
    }
    Ok(())
}

fn below(admin: &Admin, path: &[&str], name: &str) -> anyhow::Result<Path> {
    admin.path(&[path, &[name]].concat())
}
