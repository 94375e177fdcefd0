//! `grantor config`: the static configuration, checked, shown, or begun.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{Column, Shape};
use super::{Session, static_config};
use crate::config::{Config, Effective, template};
use crate::tls::Certificates;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Read the configuration as the server would, with the certificate that it names, and print what is in force
    Check(static_config::SettingFlags),
    /// Print every setting with its value, secrets as "(set)"
    Show(ShowFlags),
    /// Print a configuration file to begin with: every setting, explained, with its default
    Init,
}

#[derive(Args)]
pub(super) struct ShowFlags {
    /// And where each value comes from: default, file and line, variable or flag
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    config: static_config::SettingFlags,
}

const VALUES: &[Column] = &[Column("setting", "/setting"), Column("value", "/value")];
const ORIGINS: &[Column] =
    &[Column("setting", "/setting"), Column("value", "/value"), Column("from", "/from")];

/// Runs a command that needs no server.
pub(super) fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check(flags) => {
            let config = static_config::load(&session.global, flags.try_into()?)?;
            if let Some(tls) = &config.tls {
                Certificates::open(tls)?;
            }
            show(session, &config, Shown::WithOrigin)
        }
        Command::Show(flags) => {
            let config = static_config::load(&session.global, flags.config.try_into()?)?;
            show(session, &config, if flags.origin { Shown::WithOrigin } else { Shown::Alone })
        }
        Command::Init => Ok(session.output.line(template().trim_end())?),
    }
}

/// What is shown of a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Alone,
    WithOrigin,
}

fn show(session: &mut Session<'_>, config: &Config, shown: Shown) -> anyhow::Result<()> {
    let row = |setting: &Effective| match shown {
        Shown::Alone => json!({"setting": setting.name, "value": setting.value}),
        Shown::WithOrigin => {
            json!({"setting": setting.name, "value": setting.value, "from": setting.origin.to_string()})
        }
    };
    let rows: Vec<Value> = config.effective().iter().map(row).collect();
    match session.output.shape() {
        Shape::Json => Ok(session.output.line(&json!({"items": rows}).to_string())?),
        Shape::Table | Shape::Plain => {
            Ok(session.output.rows(&rows, if shown == Shown::Alone { VALUES } else { ORIGINS })?)
        }
    }
}
