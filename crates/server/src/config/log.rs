//! How much is logged, and in which form.

use std::fmt;
use std::str::FromStr;

use super::position::nearest;

/// The setting `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// As it is written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LogFormat {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        [Self::Text, Self::Json].into_iter().find(|format| format.as_str() == text).ok_or(LogError::Format)
    }
}

/// The setting `log.level`: a level, or levels per module separated by commas, for example `info,grantor_server=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel(String);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl LogLevel {
    /// The text, as a `tracing` filter takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LogLevel {
    type Err = LogError;

    /// A filter takes a bare word that is no level for a module and logs *everything* of it: `inof` would silently be
    /// another configuration. So a bare word must be a level here.
    fn from_str(text: &str) -> Result<Self, LogError> {
        for part in text.split(',') {
            let level = match part.split_once('=') {
                Some((module, level)) if !module.is_empty() => level,
                Some(_) => {
                    return Err(LogError::Level { level: part.to_owned(), nearest: None });
                }
                None => part,
            };
            if !LEVELS.contains(&level) {
                let nearest = nearest(level, LEVELS).map(str::to_owned);
                return Err(LogError::Level { level: level.to_owned(), nearest });
            }
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why a log setting was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Neither `text` nor `json`.
    #[error("the log format is \"text\" or \"json\"")]
    Format,
    /// No level.
    #[error("{level:?} is no log level: off, error, warn, info, debug or trace{}", hint(.nearest))]
    Level {
        /// What was written.
        level: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_alone_and_per_module_are_taken() {
        for good in ["info", "off", "info,grantor_server=debug", "grantor_server::store=trace,warn"] {
            assert_eq!(good.parse::<LogLevel>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_misspelled_level_is_refused_and_the_right_one_named() {
        let error = "inof".parse::<LogLevel>().unwrap_err().to_string();
        assert!(error.contains("did you mean `info`"), "{error}");
        for bad in ["", "info,", "a=", "=info", "a=loud", "INFO "] {
            assert!(bad.parse::<LogLevel>().is_err(), "{bad:?}");
        }
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
