//! Where the database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::database_url_error::DatabaseUrlError;
use super::pg_url::PgUrl;

/// The setting `database.url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`: one file on this machine. A relative path starts at the working directory.
    Sqlite(PathBuf),
    /// `postgres://...`: a database on a server.
    Postgres(PgUrl),
}

impl DatabaseUrl {
    /// The folder that the database file stands in; the working directory is `.`, also for a database on a server.
    pub fn directory(&self) -> &Path {
        let Self::Sqlite(path) = self else { return Path::new(".") };
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Where it is, for people: the path of the file, or the URL without its password.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(url) => url.to_string(),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if ["postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme)) {
            return text.parse().map(Self::Postgres);
        }
        let rest = text.strip_prefix("sqlite:").ok_or(DatabaseUrlError::Scheme)?;
        let path = match rest.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => return Err(DatabaseUrlError::Host),
            None => rest,
        };
        match path {
            "" => Err(DatabaseUrlError::NoPath),
            ":memory:" => Err(DatabaseUrlError::Memory),
            _ if path.ends_with('/') => Err(DatabaseUrlError::NoPath),
            _ if path.contains('?') => Err(DatabaseUrlError::Parameters),
            _ => Ok(Self::Sqlite(PathBuf::from(path))),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_and_relative_paths_are_read() {
        let path = |text: &str| text.parse::<DatabaseUrl>().unwrap().to_string();
        assert_eq!(path("sqlite:/a/b.db"), "sqlite:/a/b.db");
        assert_eq!(path("sqlite:///a/b.db"), "sqlite:/a/b.db");
        assert_eq!(path("sqlite:b.db"), "sqlite:b.db");
    }

    #[test]
    fn the_folder_of_a_bare_file_name_is_the_working_directory() {
        assert_eq!("sqlite:b.db".parse::<DatabaseUrl>().unwrap().directory(), Path::new("."));
        assert_eq!("sqlite:/a/b.db".parse::<DatabaseUrl>().unwrap().directory(), Path::new("/a"));
        assert_eq!("postgres://h/a".parse::<DatabaseUrl>().unwrap().directory(), Path::new("."));
    }

    #[test]
    fn every_other_url_is_refused_for_its_own_reason_without_repeating_it() {
        use DatabaseUrlError::*;
        for (text, reason) in [
            ("postgres:u:hunter2@h/d", Postgres),
            ("postgresql://u:hun@ter2@h/d", PostgresPassword),
            ("sqlite:", NoPath),
            ("sqlite:/a/", NoPath),
            ("sqlite::memory:", Memory),
            ("sqlite://host/a", Host),
            ("sqlite:/a?mode=ro", Parameters),
            ("/var/lib/grantor.db", Scheme),
            ("mysql://u:hunter2@h/d", Scheme),
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
            assert_eq!(error, reason, "{text}");
        }
    }
}
