//! The static configuration: what a process must know before it can open its database. Read once, parsed straight
//! into final types, so that nothing has to be validated later. Everything else is data and changes without a restart.
//!
//! Order: defaults < TOML file < `GRANTOR_<SECTION>__<KEY>` variables < flags.

mod database_url;
mod database_url_error;
mod file;
mod layers;
mod leaks;
mod log;
mod mail;
mod master_key;
mod passwords;
mod pg_url;
pub mod position;
mod refusal;
mod remote;
#[cfg(test)]
mod section_tests;
pub mod setting;
mod template;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use grantor_core::secret::Brand;

use crate::password::{Cost, PoolSize};

pub use database_url::DatabaseUrl;
pub use database_url_error::DatabaseUrlError;
pub use grantor_core::ip_net::{IpNet, IpNetError};
pub use layers::refuse_unknown_variables;
pub use leaks::Leaks;
pub use log::{LogError, LogFormat, LogLevel};
pub use mail::{
    Mail, MailFolder, Sender, SenderError, SmtpLogin, SmtpSecurity, SmtpServer, SmtpUrl, SmtpUrlError,
};
pub use master_key::{MasterKeyError, MasterKeySource};
pub use passwords::Passwords;
pub use pg_url::PgUrl;
pub use refusal::{ConfigError, Origin};
pub use remote::{PlainHttp, PlainHttpError, Ports, PortsError, Remote};
pub use template::template;
pub use tls::{Tls, TlsFlags, TlsVersion, TlsVersionError};

use layers::{Found, Layers, Resolved, parse};
use master_key::MasterKeyText;

/// The static configuration. No `Debug`: it may hold the master key and a password.
#[derive(Clone)]
pub struct Config {
    /// Section `[server]`.
    pub server: Server,
    /// Section `[tls]`; `None` if TLS ends elsewhere.
    pub tls: Option<Tls>,
    /// Section `[database]`.
    pub database: Database,
    /// Section `[keys]`.
    pub keys: Keys,
    /// Section `[log]`.
    pub log: Log,
    /// Section `[mail]`.
    pub mail: Mail,
    /// Section `[leaks]`.
    pub leaks: Leaks,
    /// Section `[passwords]`.
    pub passwords: Passwords,
    /// Section `[pages]`.
    pub pages: Pages,
    /// Section `[remote]`.
    pub remote: Remote,
    effective: Vec<Effective>,
}

/// Who may reach the server, and how it presents itself.
#[derive(Debug, Clone)]
pub struct Server {
    /// The public listener. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The management listener; `None` if it is off.
    pub management: Option<SocketAddr>,
    /// Networks whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// First part of every credential.
    pub brand: Brand,
}

/// Where the data is.
#[derive(Debug, Clone)]
pub struct Database {
    /// The database.
    pub url: DatabaseUrl,
}

/// What protects the private keys in the database.
#[derive(Clone)]
pub struct Keys {
    /// Where the master key comes from.
    pub master_key: MasterKeySource,
}

/// What is logged.
#[derive(Debug, Clone)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// The least important level, maybe per module.
    pub level: LogLevel,
}

/// How pages look.
#[derive(Debug, Clone)]
pub struct Pages {
    /// Folder with templates and assets that replace the built-in ones.
    pub theme: Option<PathBuf>,
}

/// What `grantor demo` and tests choose themselves; everything else has its default.
pub struct DemoConfig {
    /// The public listener.
    pub listen: SocketAddr,
    /// The management listener.
    pub management: Option<SocketAddr>,
    /// The database.
    pub database: DatabaseUrl,
    /// Where the master key comes from.
    pub master_key: MasterKeySource,
    /// Networks whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where mails are written.
    pub mail_folder: PathBuf,
    /// What a password hash costs; here it may be less than [`Cost::FLOOR`].
    pub password_cost: Cost,
}

/// What flags say. `None` leaves the setting to the other layers.
#[derive(Default, Clone)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--management`
    pub management: Option<ManagementListener>,
    /// `--tls-cert` and `--tls-key`
    pub tls: TlsFlags,
    /// `--database-url`
    pub database_url: Option<DatabaseUrl>,
    /// `--master-key-file`
    pub master_key_file: Option<PathBuf>,
    /// `--log-format`
    pub log_format: Option<LogFormat>,
    /// `--log-level`
    pub log_level: Option<LogLevel>,
}

/// The setting `server.management`: an address and port, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagementListener {
    /// No management listener.
    Off,
    /// Listens here.
    At(SocketAddr),
}

/// One setting as it is in force, for people. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// `section.key`
    pub name: &'static str,
    /// The value, or `(set)`.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

impl Config {
    /// Reads all layers. Touches nothing but the given file, the given environment, and files that `..._FILE`
    /// variables name.
    pub fn load(
        file: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
        flags: Overrides,
    ) -> Result<Self, ConfigError> {
        let layers = Layers::read(file, env)?;
        let mut effective = Vec::new();
        let listen = note(
            &mut effective,
            &setting::LISTEN,
            layers.resolve(&setting::LISTEN, flag(flags.listen, "--listen")),
        )?;
        let management = layers.resolve(&setting::MANAGEMENT, flag(flags.management, "--management"));
        let management = note(&mut effective, &setting::MANAGEMENT, management)?;
        let proxies = layers.resolve::<NetworkList>(&setting::TRUSTED_PROXIES, None);
        let proxies = note(&mut effective, &setting::TRUSTED_PROXIES, proxies)?;
        let brand = layers.resolve::<BrandText>(&setting::BRAND, None);
        let brand = note(&mut effective, &setting::BRAND, brand)?;
        let tls = Tls::read(&layers, flags.tls, &mut effective)?;
        let url = layers.resolve(&setting::DATABASE_URL, flag(flags.database_url, "--database-url"));
        let url: DatabaseUrl = note(&mut effective, &setting::DATABASE_URL, url)?;
        let (master_key, shown) = master_key(&layers, flags.master_key_file, &url)?;
        effective.extend(shown);
        let format = layers.resolve(&setting::LOG_FORMAT, flag(flags.log_format, "--log-format"));
        let format = note(&mut effective, &setting::LOG_FORMAT, format)?;
        let level = layers.resolve(&setting::LOG_LEVEL, flag(flags.log_level, "--log-level"));
        let level = note(&mut effective, &setting::LOG_LEVEL, level)?;
        let mail = Mail::read(&layers, &mut effective)?;
        let leaks = Leaks::read(&layers, &mut effective)?;
        let passwords = Passwords::read(&layers, &mut effective)?;
        let theme = layers.resolve_optional::<PathText>(&setting::PAGES_THEME);
        let theme = note_optional(&mut effective, &setting::PAGES_THEME, theme)?;
        let remote = Remote::read(&layers, &mut effective)?;
        Ok(Self {
            server: Server {
                listen,
                management: management.address(),
                trusted_proxies: proxies.0,
                brand: brand.0,
            },
            tls,
            database: Database { url },
            keys: Keys { master_key },
            log: Log { format, level },
            mail,
            leaks,
            passwords,
            pages: Pages { theme: theme.map(|path| path.0) },
            remote,
            effective,
        })
    }

    /// What `grantor demo` runs with: everything from its caller, the defaults for the rest, and warnings only in the
    /// log, because people read its standard error. [`Config::effective`] is empty: no layer was read.
    pub fn for_demo(demo: DemoConfig) -> Self {
        let DemoConfig {
            listen,
            management,
            database,
            master_key,
            trusted_proxies,
            mail_folder,
            password_cost,
        } = demo;
        let level = "warn".parse().expect("warn is a level");
        let from = "Grantor demo <demo@localhost>".parse().expect("this is a sender");
        Self {
            server: Server { listen, management, trusted_proxies, brand: Brand::default() },
            tls: None,
            database: Database { url: database },
            keys: Keys { master_key },
            log: Log { format: LogFormat::Text, level },
            mail: Mail::Folder(MailFolder { folder: mail_folder, from }),
            leaks: Leaks::default(),
            passwords: Passwords { cost: password_cost, pool: PoolSize::of_this_machine() },
            pages: Pages { theme: None },
            // What is tried with a demo runs on the same machine.
            remote: Remote {
                allow: ["127.0.0.0/8", "::1/128"].map(|net| net.parse().expect("this is a network")).to_vec(),
                plain_http: PlainHttp::Allowed,
                ports: Ports::Any,
                extra_roots: None,
            },
            effective: Vec::new(),
        }
    }

    /// Every setting as loaded, with its origin and without secrets.
    pub fn effective(&self) -> &[Effective] {
        &self.effective
    }
}

impl ManagementListener {
    /// The address, if it is on.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl FromStr for ManagementListener {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_| AddressError)
    }
}

impl fmt::Display for ManagementListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

/// The text is neither an address with port nor `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an IP address with a port, for example 127.0.0.1:9090, or \"off\"")]
pub struct AddressError;

fn flag<T>(value: Option<T>, name: &'static str) -> Option<(T, &'static str)> {
    value.map(|value| (value, name))
}

fn note<T: fmt::Display>(
    effective: &mut Vec<Effective>,
    setting: &setting::Setting,
    resolved: Resolved<T>,
) -> Result<T, ConfigError> {
    let (value, origin) = resolved?;
    effective.push(Effective { name: setting.name, value: value.to_string(), origin });
    Ok(value)
}

/// Notes a setting that may be absent.
fn note_optional<T: fmt::Display>(
    effective: &mut Vec<Effective>,
    setting: &setting::Setting,
    resolved: Resolved<Option<T>>,
) -> Result<Option<T>, ConfigError> {
    let (value, origin) = resolved?;
    let shown = value.as_ref().map_or_else(|| setting.default.to_owned(), ToString::to_string);
    effective.push(Effective { name: setting.name, value: shown, origin });
    Ok(value)
}

/// Notes that a secret is there, and not which.
fn note_secret<T>(
    effective: &mut Vec<Effective>,
    setting: &setting::Setting,
    resolved: Resolved<Option<T>>,
) -> Result<Option<T>, ConfigError> {
    let (value, origin) = resolved?;
    let shown = if value.is_some() { "(set)" } else { setting.default };
    effective.push(Effective { name: setting.name, value: shown.to_owned(), origin });
    Ok(value)
}

/// The key or its file; whichever stands on the higher layer. Both on one layer contradict each other.
fn master_key(
    layers: &Layers<'_>,
    flag: Option<PathBuf>,
    database: &DatabaseUrl,
) -> Result<(MasterKeySource, [Effective; 2]), ConfigError> {
    let shown = |file: (&str, Origin), key: (&str, Origin)| {
        [(setting::MASTER_KEY_FILE, file), (setting::MASTER_KEY, key)].map(|(setting, (value, origin))| {
            Effective { name: setting.name, value: value.to_owned(), origin }
        })
    };
    let file = |path: PathBuf, origin: Origin| {
        let none = (setting::MASTER_KEY.default, Origin::Default);
        let shown = shown((&path.display().to_string(), origin), none);
        Ok((MasterKeySource::File(path), shown))
    };
    if let Some(path) = flag {
        return file(path, Origin::Flag("--master-key-file"));
    }
    let named = layers.in_environment(&setting::MASTER_KEY_FILE)?;
    match (layers.in_environment(&setting::MASTER_KEY)?, named) {
        (Some(_), Some(_)) => Err(ConfigError::Both {
            first: setting::MASTER_KEY.variable,
            second: setting::MASTER_KEY_FILE.variable,
        }),
        (Some(found), None) => {
            let key: MasterKeyText = parse(&setting::MASTER_KEY, &found)?;
            let shown = shown(("not used", Origin::Default), ("(set)", found.origin));
            Ok((MasterKeySource::Value(key.0), shown))
        }
        (None, Some(found)) => path(found).and_then(|(path, origin)| file(path, origin)),
        (None, None) => match layers.in_file(&setting::MASTER_KEY_FILE) {
            Some(found) => path(found).and_then(|(path, origin)| file(path, origin)),
            None => file(database.directory().join("master.key"), Origin::Default),
        },
    }
}

fn path(found: Found) -> Result<(PathBuf, Origin), ConfigError> {
    let path: PathText = parse(&setting::MASTER_KEY_FILE, &found)?;
    Ok((path.0, found.origin))
}

/// The path of a file or folder; not empty.
struct PathText(PathBuf);

#[derive(Debug, thiserror::Error)]
#[error("the path is empty")]
struct PathError;

impl FromStr for PathText {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() { Err(PathError) } else { Ok(Self(PathBuf::from(text))) }
    }
}

impl fmt::Display for PathText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

struct NetworkList(Vec<IpNet>);

impl FromStr for NetworkList {
    type Err = IpNetError;

    fn from_str(text: &str) -> Result<Self, IpNetError> {
        if text.trim().is_empty() || text == setting::TRUSTED_PROXIES.default {
            return Ok(Self(Vec::new()));
        }
        text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for NetworkList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "[{}]", networks.join(", "))
    }
}

struct BrandText(Brand);

impl FromStr for BrandText {
    type Err = grantor_core::name::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for BrandText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}
