//! `grantor incident`: credentials that have leaked, and what was done about them.

use clap::Subcommand;
use serde_json::Value;

use super::Session;
use super::admin::Path;
use super::app::present;
use super::output::Column;
use super::secret_input::from_stdin;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List incidents, newest first
    List {
        /// Only those that nobody has closed
        #[arg(long)]
        open: bool,
    },
    /// Show an incident
    Show {
        /// Its id
        incident: String,
    },
    /// Close an incident
    Resolve {
        /// Its id
        incident: String,
        /// What it turned out to be
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Report a leaked credential, read from standard input; the environment's policy is applied at once
    Report {
        /// Where it was seen
        #[arg(long, value_name = "TEXT")]
        place: Option<String>,
    },
}

const COLUMNS: &[Column] = &[
    Column("id", "/id"),
    Column("state", "/state"),
    Column("kind", "/kind"),
    Column("environment", "/environment"),
    Column("tenant", "/tenant"),
    Column("app", "/client_id"),
    Column("ends in", "/last_four"),
    Column("source", "/source"),
    Column("seen", "/sightings"),
    Column("last seen", "/last_seen_at"),
    Column("done", "/measures"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    // Before the server is asked: who brings nothing needs no server to be told so.
    let value = match &command {
        Command::Report { .. } => Some(from_stdin("what has leaked")?),
        _ => None,
    };
    let admin = session.admin().await?;
    let answer = match command {
        Command::List { open } => {
            admin.list(Path::of(&["incidents"])?.filter("state", open.then_some("open"))).await?
        }
        Command::Show { incident } => {
            let answer = admin.get(Path::of(&["incidents", &incident])?).await?;
            return session.output.answer(&answer, COLUMNS);
        }
        Command::Resolve { incident, comment } => {
            let body = present([("comment", comment.map(Value::String))]);
            let answer = admin.post(Path::of(&["incidents", &incident, "resolve"])?, body).await?;
            return session.output.done(&answer, &format!("Incident {incident} is closed."));
        }
        Command::Report { place } => {
            let value = value.map(|value| Value::String(value.to_string()));
            let body = present([("value", value), ("url", place.map(Value::String))]);
            admin.post(Path::of(&["incidents"])?, body).await?
        }
    };
    session.output.answer(&answer, COLUMNS)
}
