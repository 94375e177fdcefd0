//! Storage: one SQL text, thin drivers.
//!
//! Writing goes through [`Store::commit`] alone; reading through the typed loads in [`load`]. Nothing else knows SQL.

pub mod load;
pub mod migrate;
pub mod postgres;
pub mod sql;
pub mod sqlite;
pub mod write;

use std::path::Path;

use grantor_core::env::UnixMillis;

use migrate::{Applied, MigrateError, Migration};
use postgres::{PgOptions, PgStore};
use sql::{FromRow, Sql, Statement, StoreError, Value};
use sqlite::{SqliteOptions, SqliteStore};

/// The migrations, in order. Never changed once released; a new one is added.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "init", text: include_str!("../../migrations/0001_init.sql") },
    Migration { version: 2, name: "users", text: include_str!("../../migrations/0002_users.sql") },
    Migration { version: 3, name: "partners", text: include_str!("../../migrations/0003_partners.sql") },
    Migration { version: 4, name: "audit", text: include_str!("../../migrations/0004_audit.sql") },
    Migration {
        version: 5,
        name: "request_log",
        text: include_str!("../../migrations/0005_request_log.sql"),
    },
    Migration { version: 6, name: "webhooks", text: include_str!("../../migrations/0006_webhooks.sql") },
    Migration {
        version: 7,
        name: "credentials",
        text: include_str!("../../migrations/0007_credentials.sql"),
    },
    Migration { version: 8, name: "admin", text: include_str!("../../migrations/0008_admin.sql") },
    Migration { version: 9, name: "incidents", text: include_str!("../../migrations/0009_incidents.sql") },
];

/// The database. A closed set of engines is an enum.
#[derive(Clone)]
pub enum Store {
    /// The embedded database.
    Sqlite(SqliteStore),
    /// A database server.
    Postgres(PgStore),
}

/// What the metrics tell of the database.
#[derive(Debug, Clone, Copy)]
pub struct StoreFigures {
    /// COMMITs so far.
    pub commits: u64,
    /// Units written so far.
    pub units: u64,
    /// Units that wait.
    pub queued: usize,
    /// Whether writing has been given up.
    pub read_only: bool,
}

impl Store {
    /// Opens the embedded database, and makes or upgrades its tables after a copy.
    ///
    /// # Errors
    /// A second process on the file, a database newer than this program, a damaged file.
    pub fn open_sqlite(path: &Path, now: UnixMillis) -> Result<Self, MigrateError> {
        let (store, applied) = SqliteStore::open_migrated(SqliteOptions::new(path), MIGRATIONS, now.0)?;
        tell(&applied);
        Ok(Self::Sqlite(store))
    }

    /// Connects to a PostgreSQL server, and makes or upgrades the tables there.
    ///
    /// # Errors
    /// A server that cannot be reached or does not let us in, a database newer than this program, or not ours.
    pub async fn open_postgres(options: PgOptions, now: UnixMillis) -> Result<Self, MigrateError> {
        let (store, applied) = PgStore::open_migrated(options, MIGRATIONS, now.0).await?;
        tell(&applied);
        Ok(Self::Postgres(store))
    }

    /// Writes a unit: all of it, durably, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where a guard no longer holds, [`StoreError::Duplicate`] where an id is taken.
    pub async fn commit(&self, unit: Vec<Statement>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.commit(unit).await,
            Self::Postgres(store) => store.commit(unit).await,
        }
    }

    /// A consistent copy of the embedded database in a new file.
    ///
    /// # Errors
    /// An existing target, a full disk; a database server, which has tools of its own.
    pub async fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.backup_to(path).await,
            Self::Postgres(store) => store.backup_to(path),
        }
    }

    /// Figures for the metrics.
    pub fn figures(&self) -> StoreFigures {
        match self {
            Self::Sqlite(store) => StoreFigures {
                commits: store.commits(),
                units: store.units(),
                queued: store.queued(),
                read_only: store.is_read_only(),
            },
            Self::Postgres(store) => StoreFigures {
                commits: store.commits(),
                units: store.commits(),
                queued: store.queued(),
                read_only: false,
            },
        }
    }

    /// Whether writing has been given up after a failed flush. PostgreSQL restarts itself then, and is reached again.
    pub fn is_read_only(&self) -> bool {
        match self {
            Self::Sqlite(store) => store.is_read_only(),
            Self::Postgres(_) => false,
        }
    }

    async fn query<T: FromRow + Send + 'static>(
        &self,
        sql: &'static Sql,
        params: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(store) => store.query(sql, params).await,
            Self::Postgres(store) => store.query(sql, params).await,
        }
    }

    /// Two statements at the cost of one way to the database. Each sees a moment of its own.
    async fn query_both<T: FromRow + Send + 'static, U: FromRow + Send + 'static>(
        &self,
        first: (&'static Sql, Vec<Value>),
        second: (&'static Sql, Vec<Value>),
    ) -> Result<(Vec<T>, Vec<U>), StoreError> {
        match self {
            Self::Sqlite(store) => store.query_both(first, second).await,
            Self::Postgres(store) => {
                tokio::try_join!(store.query(first.0, first.1), store.query(second.0, second.1))
            }
        }
    }

    async fn query_one<T: FromRow + Send + 'static>(
        &self,
        sql: &'static Sql,
        params: Vec<Value>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }
}

fn tell(applied: &Applied) {
    if !applied.versions.is_empty() {
        tracing::info!(versions = ?applied.versions, "database schema brought up to date");
    }
}

/// Every statement of the program, so that a test can prepare each on every engine.
pub fn statements() -> Vec<&'static Sql> {
    let reading = [
        load::app::STATEMENTS,
        load::api_key::STATEMENTS,
        load::audit::STATEMENTS,
        load::case::STATEMENTS,
        load::catalogue::STATEMENTS,
        load::claimed_request::STATEMENTS,
        load::document::STATEMENTS,
        load::grant::STATEMENTS,
        load::grant_facts::STATEMENTS,
        load::incident::STATEMENTS,
        load::interaction::STATEMENTS,
        load::key_ring::STATEMENTS,
        load::lockout::STATEMENTS,
        load::outbox::STATEMENTS,
        load::record::STATEMENTS,
        load::reminder::STATEMENTS,
        load::session::STATEMENTS,
        load::signup::STATEMENTS,
        load::onboarding::STATEMENTS,
        load::tenant::STATEMENTS,
        load::user::STATEMENTS,
        load::webhook::STATEMENTS,
    ];
    [reading.concat(), write::statements()].concat()
}
