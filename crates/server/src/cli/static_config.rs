//! The static configuration as the command line finds it: file, environment, flags.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::failure::Misuse;
use super::{Global, environment};
use crate::config::refuse_unknown_variables;
use crate::config::{
    Config, DatabaseUrl, DatabaseUrlError, LogFormat, LogLevel, ManagementListener, Overrides, TlsFlags,
};

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
    /// PEM file with the server's certificate and those that lead to its authority
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// The database, sqlite:PATH or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "URL")]
    database_url: Option<DatabaseUrlFlag>,
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

/// A database URL as it was given. It is read without an error of the argument parser, which would repeat the text,
/// and a URL can hold a password.
#[derive(Clone)]
pub(super) struct DatabaseUrlFlag(Result<DatabaseUrl, DatabaseUrlError>);

impl DatabaseUrlFlag {
    /// The URL.
    pub(super) fn read(self) -> Result<DatabaseUrl, Misuse> {
        self.0.map_err(|error| Misuse(format!("--database-url: {error}")))
    }
}

impl FromStr for DatabaseUrlFlag {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse()))
    }
}

impl TryFrom<SettingFlags> for Overrides {
    type Error = Misuse;

    fn try_from(flags: SettingFlags) -> Result<Self, Misuse> {
        Ok(Self {
            listen: flags.listen,
            management: flags.management,
            tls: TlsFlags { cert: flags.tls_cert, key: flags.tls_key },
            database_url: flags.database_url.map(DatabaseUrlFlag::read).transpose()?,
            master_key_file: flags.master_key_file,
            log_format: flags.log_format,
            log_level: flags.log_level,
        })
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
