//! The PostgreSQL server of P4b: where it is, what it promises, and a database of our own on it.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, anyhow, ensure};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};

pub(crate) mod rotations;

/// Ordinary sessions may have it switched off; Grantor switches it on again, so the ceiling does too.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false)
     WHERE current_setting('synchronous_commit') = 'off'";

/// A server and somebody who may make databases on it. `Debug` does not show the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PgServer {
    // Boxed, because it is large and stands among the options.
    config: Box<Config>,
}

impl FromStr for PgServer {
    type Err = anyhow::Error;

    /// No message repeats the text: it can hold a password.
    fn from_str(text: &str) -> Result<Self> {
        let config: Config = text
            .parse()
            .map_err(|_| anyhow!("this is no PostgreSQL URL; write postgres://USER@HOST:5432/DATABASE"))?;
        ensure!(
            config.get_hosts().len() == 1,
            "name one host, or for a socket postgres://USER@/DATABASE?host=/run/postgresql"
        );
        ensure!(
            config.get_ssl_mode() != SslMode::Require,
            "both sides of the ratio speak without TLS: leave sslmode=require out"
        );
        Ok(Self { config: Box::new(config) })
    }
}

/// What the server says about itself.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    version: String,
    fsync: bool,
}

impl Facts {
    /// Whether a COMMIT survives a power cut.
    pub(crate) fn durable(&self) -> bool {
        self.fsync
    }

    /// What a reader of the figure must know.
    pub(crate) fn note(&self) -> String {
        let Self { version, .. } = self;
        let place = "runs where its machine puts it: this program pins Grantor and the driver, not it";
        if self.durable() {
            format!("PostgreSQL {version} {place}; fsync is on")
        } else {
            format!(
                "PostgreSQL {version} {place}; fsync is OFF, so nothing is durable and the goal is not judged"
            )
        }
    }
}

/// A new database of this server.
pub(crate) struct Database {
    server: PgServer,
    name: String,
}

impl PgServer {
    /// Makes a database, does the work with it, and drops it, whatever came of the work.
    pub(crate) async fn with_database<T>(&self, work: impl AsyncFnOnce(&Database) -> Result<T>) -> Result<T> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("grantor_bench_{}_{number}", std::process::id());
        let admin = connect(&self.config).await?;
        // The product refuses another encoding; the locale of template0 is the installation's.
        let make = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
        admin.batch_execute(&make).await.context("PostgreSQL makes no database")?;
        let database = Database { server: self.clone(), name };
        let outcome = work(&database).await;
        // Whoever is still connected, for example a Grantor that has just been killed, is sent away.
        let drop = format!("DROP DATABASE {} WITH (FORCE)", database.name);
        let dropped = admin.batch_execute(&drop).await;
        let outcome = outcome?;
        dropped.with_context(|| format!("the database {} is left behind", database.name))?;
        Ok(outcome)
    }
}

impl Database {
    /// A session whose commits are durable, as far as the server lets them.
    pub(crate) async fn connect(&self) -> Result<Client> {
        let mut config = Config::clone(&self.server.config);
        let client = connect(config.dbname(&self.name)).await?;
        client.batch_execute(DURABLE).await?;
        Ok(client)
    }

    /// Asks the server about itself.
    pub(crate) async fn facts(&self) -> Result<Facts> {
        let text = "SELECT current_setting('server_version'), current_setting('fsync') = 'on'";
        let row = self.connect().await?.query_one(text, &[]).await?;
        Ok(Facts { version: row.try_get(0)?, fsync: row.try_get(1)? })
    }

    /// What `grantor demo --database-url` takes.
    pub(crate) fn url(&self) -> String {
        let encoded = |bytes: &[u8]| percent_encode(bytes, NON_ALPHANUMERIC).to_string();
        let config = &self.server.config;
        let user = config.get_user().map(|user| encoded(user.as_bytes())).unwrap_or_default();
        let password = config.get_password().map(|word| format!(":{}", encoded(word))).unwrap_or_default();
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let (host, socket) = match config.get_hosts().first() {
            Some(Host::Tcp(name)) if name.contains(':') => (format!("[{name}]:{port}"), String::new()),
            Some(Host::Tcp(name)) => (format!("{name}:{port}"), String::new()),
            Some(Host::Unix(folder)) => {
                let folder = encoded(folder.as_os_str().as_encoded_bytes());
                (String::new(), format!("&host={folder}&port={port}"))
            }
            None => (String::new(), String::new()),
        };
        format!("postgres://{user}{password}@{host}/{}?sslmode=disable{socket}", self.name)
    }
}

/// The session ends when the client is dropped.
async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await.context("PostgreSQL cannot be reached")?;
    tokio::spawn(connection);
    Ok(client)
}

#[cfg(test)]
mod tests;
