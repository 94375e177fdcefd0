//! The SQLite driver: one writer thread with group commit, a few readers with snapshot reads, checkpoints on a
//! thread of their own.
//!
//! `synchronous=FULL` throughout: with `NORMAL` a power cut may undo acknowledged commits, and a revoked token or a
//! used code would come back to life. Group commit pays for it.

mod checkpoint;
mod file;
mod gate;
mod migration;
mod readers;
mod session;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, ffi};
use tokio::sync::oneshot;

use file::copy_database;
use session::store_error;

use crate::store::migrate::{Applied, MigrateError, Migration};
use crate::store::sql::{FromRow, Sql, Statement, StoreError, Value, check_parameters};
use gate::Gate;
use migration::migrate_sqlite;
use readers::Readers;
use session::Session;
use writer::{Unit, Writer};

/// Where the database is and how much may wait in front of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The database file. Its log (`-wal`), its index (`-shm`) and its lock (`.lock`) lie beside it.
    pub path: PathBuf,
    /// Connections that read, one thread each; at least one.
    pub readers: usize,
    /// Most units that wait for the writer, and most reads that wait for a reader; at least one. Beyond it the
    /// answer is [`StoreError::Unavailable`] at once.
    pub queue: usize,
    /// Most units that share one COMMIT; at least one.
    pub batch: usize,
}

impl SqliteOptions {
    /// The defaults: 2 readers, 4096 waiting units, 256 units in one COMMIT.
    pub fn new(path: impl Into<PathBuf>) -> SqliteOptions {
        SqliteOptions { path: path.into(), readers: 2, queue: 4096, batch: 256 }
    }
}

/// What a statement takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Highest parameter number.
    pub parameters: usize,
    /// Columns of each row; 0 if it returns none.
    pub columns: usize,
}

/// A handle on one SQLite database. Clones share it; with the last one the waiting units are written, the log is
/// taken into the file, and the threads end (the drop waits for that).
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    readers: Readers,
    queue: Option<SyncSender<Unit>>,
    writer: Option<JoinHandle<()>>,
    checkpoint: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    path: PathBuf,
    _lock: File,
}

/// What the threads and the handles tell one another.
#[derive(Default)]
struct Shared {
    gate: Gate,
    read_only: AtomicBool,
    commits: AtomicU64,
    units: AtomicU64,
    queued: AtomicUsize,
    /// The next COMMIT fails with this code: a disk that fails cannot be had otherwise.
    #[cfg(test)]
    failing_commit: std::sync::Mutex<Option<std::ffi::c_int>>,
}

impl SqliteStore {
    /// Opens (or creates, mode 0600) the database and starts its threads. A second process, or a second store in this
    /// one, is refused as [`StoreError::Unavailable`].
    pub fn open(options: SqliteOptions) -> Result<SqliteStore, StoreError> {
        let (options, lock) = claim(options)?;
        let connection = open_writing(&options.path)?;
        start(options, lock, connection)
    }

    /// Like [`SqliteStore::open`], and brings the schema up to date before anything else runs, under the same lock. A
    /// database that already holds a schema is first copied to `<path>.before-NNNN`. `now_ms` is unix time in
    /// milliseconds.
    pub fn open_migrated(
        options: SqliteOptions,
        list: &[Migration],
        now_ms: i64,
    ) -> Result<(SqliteStore, Applied), MigrateError> {
        let (options, lock) = claim(options)?;
        let mut connection = open_writing(&options.path)?;
        let applied = migrate_sqlite(&mut connection, list, now_ms, Some(&options.path))?;
        Ok((start(options, lock, connection)?, applied))
    }

    /// Writes the unit, all or nothing, and answers once it is durable. Many units share one COMMIT. An empty unit is
    /// done at once. A caller that stops waiting does not stop its unit.
    pub async fn commit(&self, unit: Vec<Statement>) -> Result<(), StoreError> {
        if unit.is_empty() {
            return Ok(());
        }
        unit.iter().try_for_each(|statement| check_parameters(statement.sql, &statement.params))?;
        self.inner.shared.writable()?;
        let (answer, verdict) = oneshot::channel();
        self.inner.enqueue(Unit { statements: unit, answer })?;
        verdict.await.unwrap_or_else(|_| Err(writer_gone()))
    }

    /// Reads all rows of one statement, from one snapshot that holds every unit answered before.
    pub async fn query<T: FromRow + Send + 'static>(
        &self,
        sql: &'static Sql,
        params: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        check_parameters(sql, &params)?;
        self.inner.readers.run(move |session| session.read(sql, &params)).await
    }

    /// Reads all rows of two statements on one connection: the way to the thread and back is paid once.
    pub async fn query_both<T: FromRow + Send + 'static, U: FromRow + Send + 'static>(
        &self,
        (first, first_params): (&'static Sql, Vec<Value>),
        (second, second_params): (&'static Sql, Vec<Value>),
    ) -> Result<(Vec<T>, Vec<U>), StoreError> {
        check_parameters(first, &first_params)?;
        check_parameters(second, &second_params)?;
        let read = move |session: &mut Session| {
            Ok((session.read(first, &first_params)?, session.read(second, &second_params)?))
        };
        self.inner.readers.run(read).await
    }

    /// Prepares a statement without running it. The registry of statements is checked with this.
    pub async fn shape(&self, sql: &'static Sql) -> Result<Shape, StoreError> {
        let found = self.inner.readers.run(move |session| session.shape(sql)).await;
        found.map(|(parameters, columns)| Shape { parameters, columns })
    }

    /// Copies the database, as it is now, into a new file of mode 0600, while reads and writes go on. An existing
    /// file is never replaced.
    pub async fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        let (from, to) = (self.inner.path.clone(), path.to_owned());
        let (answer, copied) = oneshot::channel();
        spawn("grantor-backup", move || {
            let _ = answer.send(backup(&from, &to));
        })?;
        copied.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the backup was not finished".into())))
    }

    /// COMMITs so far.
    pub fn commits(&self) -> u64 {
        self.inner.shared.commits.load(Relaxed)
    }

    /// Units made durable so far.
    pub fn units(&self) -> u64 {
        self.inner.shared.units.load(Relaxed)
    }

    /// Units that wait for the writer now.
    pub fn queued(&self) -> usize {
        self.inner.shared.queued.load(Relaxed)
    }

    /// True after a failed flush: reads go on, every write is refused until a restart.
    pub fn is_read_only(&self) -> bool {
        self.inner.shared.read_only.load(Relaxed)
    }
}

impl Inner {
    fn enqueue(&self, unit: Unit) -> Result<(), StoreError> {
        let Some(queue) = &self.queue else {
            return Err(writer_gone());
        };
        // Counted before it is sent: the writer may take it, and count it off, before `try_send` returns.
        self.shared.queued.fetch_add(1, Relaxed);
        queue.try_send(unit).map_err(|refused| {
            self.shared.queued.fetch_sub(1, Relaxed);
            match refused {
                TrySendError::Full(_) => StoreError::Unavailable("the queue of writes is full".into()),
                TrySendError::Disconnected(_) => writer_gone(),
            }
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The last checkpoint needs the others gone, and the lock outlives them all. Without a sender the writer ends
        // after what waits; without the writer the checkpoint thread ends.
        self.readers.end();
        self.queue = None;
        for thread in [self.writer.take(), self.checkpoint.take()].into_iter().flatten() {
            if thread.join().is_err() {
                tracing::error!("a storage thread had panicked");
            }
        }
    }
}

impl Shared {
    fn writable(&self) -> Result<(), StoreError> {
        if self.read_only.load(Relaxed) {
            return Err(StoreError::Unavailable("read-only since a flush to disk failed".into()));
        }
        Ok(())
    }

    fn go_read_only(&self, error: &rusqlite::Error) {
        if !self.read_only.swap(true, Relaxed) {
            tracing::error!(%error, "a flush to disk failed: the store is read-only until a restart");
        }
    }
}

fn claim(options: SqliteOptions) -> Result<(SqliteOptions, File), StoreError> {
    let path = file::real_path(&options.path)?;
    let lock = file::lock_for_writing(&path)?;
    file::create_private(&path)?;
    let options = SqliteOptions {
        path,
        readers: options.readers.max(1),
        queue: options.queue.max(1),
        batch: options.batch.max(1),
    };
    Ok((options, lock))
}

fn start(options: SqliteOptions, lock: File, connection: Connection) -> Result<SqliteStore, StoreError> {
    let shared = Arc::new(Shared::default());
    let checkpointing = open_writing(&options.path)?;
    checkpointing.busy_timeout(checkpoint::PATIENCE_WITH_READERS).map_err(opening)?;
    let sessions = (0..options.readers).map(|_| open_reading(&options.path).map(Session::new));
    let readers = Readers::start(sessions.collect::<Result<_, _>>()?, options.queue)?;

    let (queue, waiting) = sync_channel(options.queue);
    let (wake, woken) = sync_channel(1);
    let writer = Writer {
        session: Session::new(connection),
        shared: Arc::clone(&shared),
        batch: options.batch,
        checkpoint: wake,
    };
    let writer = spawn("grantor-write", move || writer.run(&waiting))?;
    let observed = Arc::clone(&shared);
    let checkpoint = spawn("grantor-checkpoint", move || checkpoint::run(&checkpointing, &observed, &woken))?;
    Ok(SqliteStore {
        inner: Arc::new(Inner {
            readers,
            queue: Some(queue),
            writer: Some(writer),
            checkpoint: Some(checkpoint),
            shared,
            path: options.path,
            _lock: lock,
        }),
    })
}

/// A connection of the writer's kind. No URI names: a path is a path, whatever characters it has.
fn open_writing(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(opening)?;
    // We own the queue: whoever else holds the write lock is a mistake to be seen, not to be waited for.
    connection.busy_timeout(Duration::ZERO).map_err(opening)?;
    let mode = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get::<_, String>(0));
    if mode.map_err(opening)? != "wal" {
        return Err(StoreError::Unavailable("the file system does not allow a write-ahead log".into()));
    }
    // Savepoints keep their journal in memory: it never has to outlive the process.
    connection
        .execute_batch(
            "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;
             PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0;",
        )
        .map_err(opening)?;
    Ok(connection)
}

fn open_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(opening)?;
    connection
        .execute_batch("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;")
        .map_err(opening)?;
    Ok(connection)
}

fn backup(from: &Path, to: &Path) -> Result<(), StoreError> {
    // The live database among them: a rename over it would leave the store on a file without a name.
    if to.try_exists().unwrap_or(true) {
        return Err(StoreError::Unavailable(format!("{} exists already", to.display())));
    }
    copy_database(&open_reading(from)?, to)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let spawned = Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(|error| StoreError::Unavailable(format!("thread {name} cannot be started: {error}")))
}

fn is_failed_flush(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|failure| {
        matches!(failure.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
    })
}

fn opening(error: rusqlite::Error) -> StoreError {
    store_error("open", &error)
}

fn writer_gone() -> StoreError {
    StoreError::Unavailable("the writer has ended".into())
}

#[cfg(test)]
#[path = "sqlite_tests.rs"]
mod tests;
