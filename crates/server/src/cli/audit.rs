//! `grantor audit`: who did what; and the proof that it was not changed since.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::admin::Path;
use super::audit_verify;
use super::output::{Column, Shape};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Show entries, newest first
    List(List),
    /// Write the whole audit as lines of JSON, with its links, checkpoints and public key
    Export {
        /// Where to; must not exist [default: standard output]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Link and sign what is there now, and show the checkpoint
    Checkpoint,
    /// Check an export, or the audit of the server itself, and name the first bad entry
    Verify(audit_verify::Flags),
}

#[derive(Args)]
pub(super) struct List {
    /// Only what this actor did, for example operator:alice
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this action, for example app.create, or app for all of apps
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// Only what was done to this
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Only what was done in this environment [default: everywhere]
    #[arg(long, value_name = "NAME")]
    within: Option<String>,
    /// Not before, for example 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// So many at most
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,
}

const LIST: &[Column] = &[
    Column("at", "/at"),
    Column("actor", "/actor"),
    Column("action", "/action"),
    Column("target", "/target"),
    Column("environment", "/environment"),
    Column("address", "/address"),
    Column("detail", "/detail"),
    Column("id", "/id"),
];
const CHECKPOINT: &[Column] = &[Column("number", "/number"), Column("link", "/link"), Column("kid", "/kid")];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(asked) => list(session, &asked).await,
        Command::Export { output } => export(session, output).await,
        Command::Checkpoint => {
            let admin = session.admin().await?;
            let answer = admin.post(Path::of(&["audit", "checkpoint"])?, json!({})).await?;
            session.output.answer(&answer, CHECKPOINT)
        }
        Command::Verify(flags) => audit_verify::run(session, flags).await,
    }
}

/// Page by page: one that is empty may have a next one.
async fn list(session: &mut Session<'_>, asked: &List) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let mut items: Vec<Value> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let path = Path::of(&["audit"])?
            .filter("actor", asked.actor.as_deref())
            .filter("action", asked.action.as_deref())
            .filter("target", asked.target.as_deref())
            .filter("environment", asked.within.as_deref())
            .filter("since", asked.since.as_deref())
            .filter("until", asked.until.as_deref())
            .filter("after", after.as_deref());
        let mut page = admin.get(path).await?.json()?;
        if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
            items.extend(more);
        }
        after = page.get("next").and_then(Value::as_str).map(str::to_owned);
        if after.is_none() || items.len() >= asked.limit {
            break;
        }
    }
    items.truncate(asked.limit);
    match session.output.shape() {
        Shape::Json => Ok(session.output.line(&json!({ "items": items }).to_string())?),
        Shape::Table | Shape::Plain => Ok(session.output.rows(&items, LIST)?),
    }
}

async fn export(session: &mut Session<'_>, to: Option<PathBuf>) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let path = Path::of(&["audit", "export"])?;
    let Some(to) = to else {
        return admin.stream(path, &mut |bytes| Ok(session.output.bytes(bytes)?)).await;
    };
    let named = || format!("cannot write {}", to.display());
    // Names and addresses of people are in it.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&to).with_context(named)?;
    admin.stream(path, &mut |bytes| file.write_all(bytes).with_context(named)).await?;
    file.sync_all().with_context(named)?;
    Ok(session.output.note(&format!("The audit is in {}.", to.display()))?)
}
