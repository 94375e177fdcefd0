//! `grantor config check`: the settings in force, without secrets, and where each came from.

use clap::Subcommand;
use serde_json::{Value, json};

use super::output::{Column, Shape};
use super::{Session, static_config};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Print the effective settings, without secrets, and where each came from
    Check(static_config::SettingFlags),
}

const COLUMNS: &[Column] =
    &[Column("setting", "/setting"), Column("value", "/value"), Column("from", "/from")];

/// Reads the configuration as `grantor serve` would.
pub(super) fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let Command::Check(flags) = command;
    let config = static_config::load(&session.global, flags.try_into()?)?;
    let row = |setting: &crate::config::Effective| json!({"setting": setting.name, "value": setting.value, "from": setting.origin.to_string()});
    let rows: Vec<Value> = config.effective().iter().map(row).collect();
    match session.output.shape() {
        Shape::Json => Ok(session.output.line(&json!({"items": rows}).to_string())?),
        Shape::Table | Shape::Plain => Ok(session.output.rows(&rows, COLUMNS)?),
    }
}
