//! The PostgreSQL driver: a few connections, statements prepared once on each, units in one or two round trips.
//!
//! Reads share connections and are pipelined; a unit has a connection alone, because what another caller sends between
//! BEGIN and COMMIT would be in its transaction. All of them go to the server that takes writes: a standby may not yet
//! know that a token was revoked.

mod connect;
mod failure;
mod migration;
mod pool;
mod presence;
mod session;
mod unit;
mod value;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Config;

use crate::store::migrate::{Applied, MigrateError, Migration};
use crate::store::sql::{FromRow, Sql, Statement, StoreError, Value, check_parameters};
use connect::{Connector, Purpose};
use pool::Pool;
pub use presence::Presence;

/// For one read. The server gives up a little earlier, and says so.
const READ_WITHIN: Duration = Duration::from_secs(15);
/// For one unit, waits for rows that others hold included.
const WRITTEN_WITHIN: Duration = Duration::from_secs(30);

/// Where the server is and how much may wait in front of it. No `Debug`: it may hold a password.
#[derive(Clone)]
pub struct PgOptions {
    /// Address, log-in, database, and whether TLS is spoken.
    pub config: Config,
    /// The certificates to trust, in PEM; `None` for those that the machine trusts.
    pub root_certificates: Option<PathBuf>,
    /// Connections that reads share; at least one.
    pub readers: usize,
    /// Connections for units, one unit at a time each; at least one.
    pub writers: usize,
    /// Most units, and most reads, that are under way or wait. Beyond it the answer is [`StoreError::Unavailable`] at
    /// once.
    pub queue: usize,
    /// How long a unit or read waits for a connection.
    pub patience: Duration,
}

impl PgOptions {
    /// The defaults: 4 readers, 16 writers (each COMMIT waits for the disk, and the server flushes for all at once), 4096 waiting, 5 seconds of patience; the certificates of the machine.
    pub fn new(config: Config) -> Self {
        let patience = Duration::from_secs(5);
        Self { config, root_certificates: None, readers: 4, writers: 16, queue: 4096, patience }
    }
}

/// A handle on one PostgreSQL database. Clones share it; its connections end with the last one. It belongs to the
/// runtime on which it was opened.
#[derive(Clone)]
pub struct PgStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Arc<Pool>,
    queue: usize,
    reading: AtomicUsize,
    writing: AtomicUsize,
    commits: AtomicU64,
}

impl PgStore {
    /// Connects, and brings the schema up to date before anything else runs. `now_ms` is unix time in milliseconds.
    ///
    /// # Errors
    /// A server that cannot be reached or does not let us in; a newer schema, or tables that are not ours.
    pub async fn open_migrated(
        options: PgOptions,
        list: &[Migration],
        now_ms: i64,
    ) -> Result<(Self, Applied), MigrateError> {
        let connector = Connector::new(&options)?;
        let (client, _moving) = connector.connect(Purpose::Schema).await?;
        let applied = migration::migrate(&client, list, now_ms).await?;
        let inner = Inner {
            pool: Pool::start(connector, &options),
            queue: options.queue.max(1),
            reading: AtomicUsize::new(0),
            writing: AtomicUsize::new(0),
            commits: AtomicU64::new(0),
        };
        Ok((Self { inner: Arc::new(inner) }, applied))
    }

    /// Looks into the database without changing anything.
    ///
    /// # Errors
    /// A server that cannot be reached or does not let us in; tables that are not ours.
    pub async fn look(options: &PgOptions) -> Result<Presence, MigrateError> {
        presence::look(&Connector::new(options)?).await
    }

    /// Writes the unit, all or nothing, and answers once it is durable. An empty unit is done at once. It runs in a task
    /// of its own: a caller that stops waiting neither stops its unit nor leaves a transaction open.
    ///
    /// # Errors
    /// As [`StoreError`] says. [`StoreError::Unavailable`] can mean that nobody knows whether the unit stands: the
    /// connection broke before the answer to COMMIT.
    pub async fn commit(&self, unit: Vec<Statement>) -> Result<(), StoreError> {
        if unit.is_empty() {
            return Ok(());
        }
        unit.iter().try_for_each(|statement| check_parameters(statement.sql, &statement.params))?;
        let inner = Arc::clone(&self.inner);
        // Counted before the task begins: it is not known when that will be.
        let waiting = Waiting::enter(&self.inner, |inner| &inner.writing, "writes")?;
        let written = tokio::spawn(async move {
            let _waiting = waiting;
            inner.write(&unit).await
        });
        written.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the unit was not finished".into())))
    }

    /// Reads all rows of one statement, from one snapshot that holds every unit answered before.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn query<T: FromRow + Send + 'static>(
        &self,
        sql: &'static Sql,
        params: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        check_parameters(sql, &params)?;
        let _waiting = Waiting::enter(&self.inner, |inner| &inner.reading, "reads")?;
        let session = self.inner.pool.reader().await?;
        match timeout(READ_WITHIN, session.read(sql, &params)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(failure)) => {
                if failure.lost {
                    session.end();
                }
                Err(failure.error)
            }
            Err(_) => {
                session.end();
                Err(StoreError::Unavailable(format!("{}: PostgreSQL did not answer in time", sql.name)))
            }
        }
    }

    /// Not by us.
    ///
    /// # Errors
    /// Always, with the tool that does it.
    pub fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        Err(StoreError::Unavailable(format!(
            "a PostgreSQL database is copied by PostgreSQL's own tools: pg_dump --format=custom --file={} DATABASE",
            path.display()
        )))
    }

    /// Units made durable so far, each by a COMMIT of its own.
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Relaxed)
    }

    /// Units under way now, those that wait for a connection among them.
    pub fn queued(&self) -> usize {
        self.inner.writing.load(Relaxed)
    }
}

impl Inner {
    async fn write(&self, unit: &[Statement]) -> Result<(), StoreError> {
        let session = self.pool.writer().await?;
        let Ok(written) = timeout(WRITTEN_WITHIN, unit::write(&session, unit)).await else {
            session.end();
            let text = "PostgreSQL did not answer in time, so whether the unit stands is not known";
            return Err(StoreError::Unavailable(text.into()));
        };
        match written {
            Ok(verdict) => {
                self.pool.give_back(session);
                if verdict.is_ok() {
                    self.commits.fetch_add(1, Relaxed);
                }
                verdict
            }
            Err(error) => {
                session.end();
                Err(error)
            }
        }
    }
}

/// Somebody who waits, for as long as it lives.
struct Waiting {
    inner: Arc<Inner>,
    of: fn(&Inner) -> &AtomicUsize,
}

impl Waiting {
    fn enter(inner: &Arc<Inner>, of: fn(&Inner) -> &AtomicUsize, what: &str) -> Result<Self, StoreError> {
        // Made first: a refused one takes itself back.
        let waiting = Self { inner: Arc::clone(inner), of };
        if of(inner).fetch_add(1, Relaxed) >= inner.queue {
            return Err(StoreError::Unavailable(format!("the queue of {what} is full")));
        }
        Ok(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        (self.of)(&self.inner).fetch_sub(1, Relaxed);
    }
}
