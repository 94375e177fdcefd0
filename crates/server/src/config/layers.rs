//! Which of the layers decides a setting: default < file < environment < flag.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use toml::Spanned;
use zeroize::Zeroizing;

use super::file;
use super::position::{line_and_column, nearest};
use super::refusal::{ConfigError, Origin};
use super::setting::{SETTINGS, Setting};

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
        let file = file::read(&name, &text)?;
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

    /// The final value of a setting that may be absent, and where it came from.
    pub(super) fn resolve_optional<T>(&self, setting: &Setting) -> Resolved<Option<T>>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match self.find(setting)? {
            Some(found) => parse(setting, &found).map(|value| (Some(value), found.origin)),
            None => Ok((None, Origin::Default)),
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
