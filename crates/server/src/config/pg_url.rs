//! A PostgreSQL URL: read by the driver's own parser, after what would let a password slip into another part of it is
//! refused, and with a safe answer to whether TLS is spoken.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::database_url_error::DatabaseUrlError;

/// Where a PostgreSQL database is, and as whom to log in. Neither `Debug` nor `Display` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct PgUrl {
    // Boxed, because it is large and stands in an enum beside a path.
    config: Box<Config>,
    root_certificates: Option<PathBuf>,
}

impl PgUrl {
    /// What the driver connects with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `sslrootcert=FILE`: the certificates to trust, in PEM, instead of those that the machine trusts.
    pub fn root_certificates(&self) -> Option<&Path> {
        self.root_certificates.as_deref()
    }
}

impl FromStr for PgUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = rest.ok_or(DatabaseUrlError::Postgres)?;
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        // The driver looks for the first `@` anywhere. A second one, or one behind the authority, is a part of a
        // password that would be taken for the host or the database, and shown as such.
        if rest.matches('@').count() != authority.matches('@').count() || authority.matches('@').count() > 1 {
            return Err(DatabaseUrlError::PostgresPassword);
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = Query::read(query)?;
        let for_the_driver = format!("postgres://{place}?{}", query.others.join("&"));
        let mut config: Config = for_the_driver.parse().map_err(|_| DatabaseUrlError::Postgres)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(DatabaseUrlError::PostgresHost);
        }
        config.ssl_mode(query.ssl_mode.unwrap_or(default_ssl_mode(&config)));
        if config.get_application_name().is_none() {
            config.application_name("grantor");
        }
        Ok(Self { config: Box::new(config), root_certificates: query.root_certificates })
    }
}

/// The parameters, those apart that the driver does not know as people write them.
struct Query<'a> {
    ssl_mode: Option<SslMode>,
    root_certificates: Option<PathBuf>,
    others: Vec<&'a str>,
}

impl<'a> Query<'a> {
    fn read(text: &'a str) -> Result<Self, DatabaseUrlError> {
        let mut query = Self { ssl_mode: None, root_certificates: None, others: Vec::new() };
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').ok_or(DatabaseUrlError::Postgres)? {
                ("sslmode", mode) => query.ssl_mode = Some(ssl_mode(mode)?),
                ("sslrootcert", file) => {
                    let file = percent_decode_str(file).decode_utf8();
                    let file = file.ok().filter(|file| !file.is_empty()).ok_or(DatabaseUrlError::Postgres)?;
                    query.root_certificates = Some(PathBuf::from(file.as_ref()));
                }
                _ => query.others.push(pair),
            }
        }
        Ok(query)
    }
}

/// libpq's names. TLS always means that certificate and host name are checked, so the stricter three are one.
fn ssl_mode(text: &str) -> Result<SslMode, DatabaseUrlError> {
    match text {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        _ => Err(DatabaseUrlError::PostgresTls),
    }
}

/// Without a word about it: TLS, except where nothing leaves the machine. libpq's own `prefer` lets whoever sits in
/// between have it in clear.
fn default_ssl_mode(config: &Config) -> SslMode {
    let stays = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
    };
    let by_name = config.get_hosts().iter().all(stays);
    let by_address = config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    if by_name && by_address { SslMode::Disable } else { SslMode::Require }
}

impl fmt::Display for PgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        let mut sockets = Vec::new();
        let mut written = 0;
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let ports = self.config.get_ports();
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            let comma = if written > 0 { "," } else { "" };
            match host {
                Host::Unix(folder) => {
                    sockets.push(folder.display().to_string());
                    continue;
                }
                Host::Tcp(name) if name.contains(':') => write!(f, "{comma}[{name}]:{port}")?,
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
            }
            written += 1;
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())?;
        if sockets.is_empty() { Ok(()) } else { write!(f, "?host={}", sockets.join(",")) }
    }
}

impl fmt::Debug for PgUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PgUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> PgUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (text, shown) in [
            ("postgres://u:hunter2@h/d", "postgres://u@h:5432/d"),
            ("postgresql://u:hunter2@h:6432/d?connect_timeout=3", "postgres://u@h:6432/d"),
            ("postgres://u@a:1,b:2/d?password=hunter2", "postgres://u@a:1,b:2/d"),
            ("postgres://u:hunter2@[::1]:7/d", "postgres://u@[::1]:7/d"),
            ("postgres://u@/d?host=/run/postgresql", "postgres://u@/d?host=/run/postgresql"),
            ("postgres://h", "postgres://h:5432/"),
        ] {
            let url = url(text);
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("hunter2"), "{url:?}");
        }
        assert_eq!(url("postgres://u:hunter%402@h/d").config().get_password(), Some(b"hunter@2".as_slice()));
    }

    #[test]
    fn a_password_that_would_be_taken_for_another_part_is_refused() {
        for text in [
            "postgres://u:hun@ter2@h/d",
            "postgres://u:hun/ter2@h/d",
            "postgres://u:hun?ter2@h/d",
            "postgres://h/d?user=u&password=hun@ter2",
            "postgres://u:hun@ter2/hun@h/d",
        ] {
            let error = text.parse::<PgUrl>().unwrap_err();
            assert_eq!(error, DatabaseUrlError::PostgresPassword, "{text}");
        }
    }

    #[test]
    fn tls_is_spoken_unless_nothing_leaves_the_machine_or_the_url_says_so() {
        let mode = |text: &str| url(text).config().get_ssl_mode();
        for local in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert_eq!(mode(&format!("postgres://{local}/d")), SslMode::Disable, "{local}");
        }
        assert_eq!(mode("postgres:///d?host=/run/postgresql"), SslMode::Disable);
        for away in ["db.example.com", "10.0.0.1", "localhost,db.example.com", "[2001:db8::1]"] {
            assert_eq!(mode(&format!("postgres://{away}/d")), SslMode::Require, "{away}");
        }
        assert_eq!(mode("postgres://localhost/d?hostaddr=10.0.0.1"), SslMode::Require);
        assert_eq!(mode("postgres://db.example.com/d?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://db.example.com/d?sslmode=prefer"), SslMode::Prefer);
        for strict in ["require", "verify-ca", "verify-full"] {
            assert_eq!(mode(&format!("postgres://localhost/d?sslmode={strict}")), SslMode::Require);
        }
    }

    #[test]
    fn the_file_of_certificates_is_a_parameter_among_others() {
        let url =
            url("postgres://h/d?connect_timeout=3&sslrootcert=%2Fetc%2Fca%20one.pem&application_name=x");
        assert_eq!(url.root_certificates(), Some(Path::new("/etc/ca one.pem")));
        assert_eq!(url.config().get_application_name(), Some("x"));
        assert!(url.config().get_connect_timeout().is_some());
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        use DatabaseUrlError::*;
        for (text, reason) in [
            ("postgres:hunter2", Postgres),
            ("postgres://u:hunter2", Postgres),
            ("postgres://h:hunter2/d", Postgres),
            ("postgres://h/d?hunter2=1", Postgres),
            ("postgres://h/d?hunter2", Postgres),
            ("postgres://h/d?sslrootcert=", Postgres),
            ("postgres://", PostgresHost),
            ("postgres:///d?user=hunter2", PostgresHost),
            ("postgres://h/d?sslmode=hunter2", PostgresTls),
        ] {
            let error = text.parse::<PgUrl>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert_eq!(error, reason, "{text}");
        }
    }
}
