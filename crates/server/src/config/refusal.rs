//! Why a configuration is refused, and where the value in question stands.

use std::fmt;

use super::position::Located;

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
