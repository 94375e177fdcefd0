//! The static configuration as the command line finds it: file, environment, flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Global, environment};
use crate::config::refuse_unknown_variables;
use crate::config::{Config, DatabaseUrl, LogFormat, LogLevel, ManagementListener, Overrides};

const DEFAULT_FILE: &str = "/etc/grantor/grantor.toml";

/// The flags that override settings.
#[derive(Args)]
pub(super) struct SettingFlags {
    /// Address and port of the public listener
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Address and port of the management listener, or "off"
    #[arg(long, value_name = "ADDR:PORT")]
    management: Option<ManagementListener>,
    /// The database, sqlite:PATH
    #[arg(long, value_name = "URL")]
    database_url: Option<DatabaseUrl>,
    /// File with the master key
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// text or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
}

impl From<SettingFlags> for Overrides {
    fn from(flags: SettingFlags) -> Self {
        Self {
            listen: flags.listen,
            management: flags.management,
            database_url: flags.database_url,
            master_key_file: flags.master_key_file,
            log_format: flags.log_format,
            log_level: flags.log_level,
        }
    }
}

/// Reads the configuration.
pub(super) fn load(global: &Global, overrides: Overrides) -> anyhow::Result<Config> {
    refuse_unknown_variables(environment::names())?;
    let named = environment::variable("GRANTOR_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let standard = Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists());
    let file = global.config.clone().or(named).or(standard);
    Ok(Config::load(file.as_deref().map(Path::new), &environment::variable, overrides)?)
}
