//! Which of the layers decides a setting: default < file < environment < flag.

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;
use zeroize::Zeroizing;

use super::position::{Located, line_and_column, nearest, toml_error};
use super::setting::{self, SETTINGS, Setting};

/// Where the value of a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File {
        /// The file as it was named.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// An environment variable.
    Variable(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Why the configuration was refused. No variant repeats the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {file} ({origin}): {source}")]
    Read {
        /// The file.
        file: String,
        /// Who named it: a variable or a flag.
        origin: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is no TOML, or has a key that does not exist.
    #[error(transparent)]
    File(#[from] Located),
    /// A value is refused.
    #[error("{origin}: {setting}: {message}")]
    Value {
        /// The setting.
        setting: &'static str,
        /// Where the value stands.
        origin: Origin,
        /// What is wrong with it.
        message: String,
    },
    /// Two ways of giving the same thing on the same layer.
    #[error("both {first} and {second} are set; set one of them")]
    Both {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A variable that looks like a setting and is none.
    #[error("unknown environment variable {name}{}", hint(.nearest))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The one that was probably meant.
        nearest: Option<&'static str>,
    },
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}

/// The file and the environment, read but not yet parsed into final types.
pub(super) struct Layers<'a> {
    file: Vec<(&'static str, Spanned<String>)>,
    name: String,
    text: Zeroizing<String>,
    env: &'a dyn Fn(&str) -> Option<String>,
}

/// A value as text, with its origin.
pub(super) struct Found {
    pub(super) text: Zeroizing<String>,
    pub(super) origin: Origin,
}

impl<'a> Layers<'a> {
    /// Reads the file, if there is one.
    pub(super) fn read(
        file: Option<&Path>,
        env: &'a dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let Some(path) = file else {
            return Ok(Self { file: Vec::new(), name: String::new(), text: Zeroizing::default(), env });
        };
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            file: name.clone(),
            origin: "configuration file",
            source,
        })?;
        let text = Zeroizing::new(text);
        let parsed: FileLayer = toml::from_str(&text).map_err(|error| toml_error(&name, &text, &error))?;
        let file = parsed.values(&name, &text)?;
        Ok(Self { file, name, text, env })
    }

    /// The final value of a setting, and where it came from.
    pub(super) fn resolve<T>(&self, setting: &Setting, flag: Option<(T, &'static str)>) -> Resolved<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        if let Some((value, flag)) = flag {
            return Ok((value, Origin::Flag(flag)));
        }
        match self.find(setting)? {
            Some(found) => parse(setting, &found).map(|value| (value, found.origin)),
            None => {
                let text = Zeroizing::new(setting.default.to_owned());
                parse(setting, &Found { text, origin: Origin::Default }).map(|value| (value, Origin::Default))
            }
        }
    }

    /// What environment or file say; `None` if nothing.
    pub(super) fn find(&self, setting: &Setting) -> Result<Option<Found>, ConfigError> {
        Ok(self.in_environment(setting)?.or_else(|| self.in_file(setting)))
    }

    /// What the environment says. An empty variable is no variable: `NAME=${OTHER:-}` is common in compose files.
    pub(super) fn in_environment(&self, setting: &Setting) -> Result<Option<Found>, ConfigError> {
        let read = |name: &'static str| (self.env)(name).filter(|text| !text.is_empty()).map(Zeroizing::new);
        let direct =
            read(setting.variable).map(|text| Found { text, origin: Origin::Variable(setting.variable) });
        let Some(variable) = setting.file_variable() else {
            return Ok(direct);
        };
        match (direct, read(variable)) {
            (Some(_), Some(_)) => Err(ConfigError::Both { first: setting.variable, second: variable }),
            (None, Some(path)) => {
                let text = fs::read_to_string(path.as_str()).map(Zeroizing::new);
                let text = text.map_err(|source| ConfigError::Read {
                    file: path.to_string(),
                    origin: variable,
                    source,
                })?;
                // Editors and `echo` end a file with a line feed that is not part of the value.
                let text = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
                Ok(Some(Found { text, origin: Origin::Variable(variable) }))
            }
            (direct, None) => Ok(direct),
        }
    }

    /// What the file says.
    pub(super) fn in_file(&self, setting: &Setting) -> Option<Found> {
        let (_, value) = self.file.iter().find(|(name, _)| *name == setting.name)?;
        let (line, column) = line_and_column(&self.text, value.span().start);
        let origin = Origin::File { file: self.name.clone(), line, column };
        Some(Found { text: Zeroizing::new(value.get_ref().clone()), origin })
    }
}

/// A value and its origin, or why there is none.
pub(super) type Resolved<T> = Result<(T, Origin), ConfigError>;

/// Parses a found text into its final type.
pub(super) fn parse<T>(setting: &Setting, found: &Found) -> Result<T, ConfigError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    found.text.parse().map_err(|error: T::Err| ConfigError::Value {
        setting: setting.name,
        origin: found.origin.clone(),
        message: error.to_string(),
    })
}

/// Refuses `GRANTOR_<SECTION>__<KEY>` variables that are no setting: a misspelled variable must not be a silent default.
/// Variables without the double underscore belong to the command line or to somebody else (`GRANTOR_PORT_80_TCP`).
pub fn refuse_unknown_variables(names: impl IntoIterator<Item = String>) -> Result<(), ConfigError> {
    let known =
        || SETTINGS.iter().flat_map(|setting| [Some(setting.variable), setting.file_variable()]).flatten();
    let looks_like_setting =
        |name: &String| name.strip_prefix("GRANTOR_").is_some_and(|rest| rest.contains("__"));
    let mut unknown = names.into_iter().filter(looks_like_setting).filter(|name| !known().any(|k| k == name));
    match unknown.next() {
        Some(name) => Err(ConfigError::UnknownVariable { nearest: nearest(&name, known()), name }),
        None => Ok(()),
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct FileLayer {
    server: ServerSection,
    database: DatabaseSection,
    keys: KeysSection,
    log: LogSection,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct ServerSection {
    listen: Option<Spanned<String>>,
    management: Option<Spanned<String>>,
    trusted_proxies: Option<Spanned<Vec<String>>>,
    brand: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct DatabaseSection {
    url: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct KeysSection {
    master_key_file: Option<Spanned<String>>,
    master_key: Option<Spanned<IgnoredAny>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct LogSection {
    format: Option<Spanned<String>>,
    level: Option<Spanned<String>>,
}

impl FileLayer {
    fn values(self, name: &str, text: &str) -> Result<Vec<(&'static str, Spanned<String>)>, ConfigError> {
        if let Some(key) = self.keys.master_key {
            let (line, column) = line_and_column(text, key.span().start);
            let message = "the master key does not stand in a configuration file, which is read, copied and \
                           committed by many; use keys.master_key_file or GRANTOR_KEYS__MASTER_KEY"
                .to_owned();
            return Err(Located { file: name.to_owned(), line, column, message, hint: None }.into());
        }
        let proxies = self.server.trusted_proxies.map(|list| {
            let span: Range<usize> = list.span();
            // No network has a comma in it, so the list and the variable can have one spelling.
            Spanned::new(span, list.into_inner().join(","))
        });
        let all = [
            (setting::LISTEN.name, self.server.listen),
            (setting::MANAGEMENT.name, self.server.management),
            (setting::TRUSTED_PROXIES.name, proxies),
            (setting::BRAND.name, self.server.brand),
            (setting::DATABASE_URL.name, self.database.url),
            (setting::MASTER_KEY_FILE.name, self.keys.master_key_file),
            (setting::LOG_FORMAT.name, self.log.format),
            (setting::LOG_LEVEL.name, self.log.level),
        ];
        Ok(all.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect())
    }
}
