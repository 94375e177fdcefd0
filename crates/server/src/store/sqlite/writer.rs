//! Group commit: one thread owns the only writing connection, and many units share one durable COMMIT.
//!
//! Every unit of several statements runs inside its own SAVEPOINT, so a failed guard undoes that unit alone. No answer leaves before the
//! COMMIT, not even a refusal: it was judged against rows that the COMMIT may still lose, and whoever reloads after
//! a refusal must see the row that beat him.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender};

use rusqlite::ErrorCode;
use tokio::sync::oneshot;

use super::Shared;
use super::session::{Session, store_error};
use crate::store::sql::{Expect, Statement, StoreError};

/// Units after which the checkpoint thread is woken before its time.
const UNITS_PER_CHECKPOINT: u64 = 16_384;

/// How often the writer lets others run before it begins a batch.
const YIELDS: usize = 1;

/// What one caller wants written, all or nothing.
pub(super) struct Unit {
    pub(super) statements: Vec<Statement>,
    pub(super) answer: oneshot::Sender<Verdict>,
}

pub(super) type Verdict = Result<(), StoreError>;

/// State of the writer thread.
pub(super) struct Writer {
    pub(super) session: Session,
    pub(super) shared: Arc<Shared>,
    /// Most units in one COMMIT.
    pub(super) batch: usize,
    /// Wakes the checkpoint thread; dropped with the writer, which ends that thread.
    pub(super) checkpoint: SyncSender<()>,
}

impl Writer {
    /// Works until every sender is gone and the queue is empty: a unit that was accepted is always answered.
    pub(super) fn run(mut self, queue: &Receiver<Unit>) {
        let mut woken_at = 0;
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            // Whoever is about to send a unit gets to run first, so that it shares the COMMIT: on a busy machine that makes
            // few large batches of many small ones. On an idle one nobody else wants to run, and nobody waits.
            for _ in 0..YIELDS {
                let before = batch.len();
                batch.extend(queue.try_iter().take(self.batch - before));
                if batch.len() == self.batch {
                    break;
                }
                std::thread::yield_now();
            }
            batch.extend(queue.try_iter().take(self.batch - batch.len()));
            self.shared.queued.fetch_sub(batch.len(), Relaxed);
            self.commit(batch);
            let units = self.shared.units.load(Relaxed);
            if units - woken_at >= UNITS_PER_CHECKPOINT {
                woken_at = units;
                // Full means that it is awake already.
                let _ = self.checkpoint.try_send(());
            }
        }
    }

    fn commit(&mut self, batch: Vec<Unit>) {
        let shared = Arc::clone(&self.shared);
        let turn = shared.gate.enter();
        let outcome = self.write(&batch);
        if outcome.is_err() {
            self.roll_back();
        }
        drop(turn);
        match outcome {
            Ok(verdicts) => {
                for (unit, verdict) in batch.into_iter().zip(verdicts) {
                    // A caller that went away does not undo what is durable.
                    let _ = unit.answer.send(verdict);
                }
            }
            Err(error) => {
                for unit in batch {
                    let _ = unit.answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// Runs the batch up to its COMMIT. An error means that nothing of the batch stands.
    fn write(&mut self, batch: &[Unit]) -> Result<Vec<Verdict>, StoreError> {
        self.shared.writable()?;
        self.control("BEGIN IMMEDIATE")?;
        let mut verdicts = Vec::with_capacity(batch.len());
        for unit in batch {
            verdicts.push(self.write_unit(&unit.statements)?);
        }
        let kept = verdicts.iter().filter(|verdict| verdict.is_ok()).count() as u64;
        if kept == 0 {
            self.control("ROLLBACK")?;
            return Ok(verdicts);
        }
        self.make_durable()?;
        self.shared.commits.fetch_add(1, Relaxed);
        self.shared.units.fetch_add(kept, Relaxed);
        Ok(verdicts)
    }

    /// The outer error is the end of the whole batch, the inner one of this unit.
    fn write_unit(&mut self, statements: &[Statement]) -> Result<Verdict, StoreError> {
        if let [statement] = statements {
            return self.write_alone(statement);
        }
        self.control("SAVEPOINT unit")?;
        let verdict = statements.iter().try_for_each(|statement| self.write_statement(statement));
        // After some errors (disk full, I/O) SQLite has rolled back the transaction itself, and with it the units
        // that looked well. What would run next would run, and stay, outside of any transaction.
        if self.session.connection.is_autocommit() {
            let why = verdict.err().map_or_else(String::new, |error| format!(": {error}"));
            return Err(StoreError::Unavailable(format!("the transaction was lost{why}")));
        }
        if verdict.is_err() {
            self.control("ROLLBACK TO unit")?;
        }
        self.control("RELEASE unit")?;
        Ok(verdict)
    }

    /// A unit of one statement needs no savepoint: a statement that fails, or whose guard finds no row, has changed nothing.
    fn write_alone(&mut self, statement: &Statement) -> Result<Verdict, StoreError> {
        let rows = match self.changed_rows(statement) {
            Ok(rows) => rows,
            Err(error) if self.session.connection.is_autocommit() => {
                return Err(StoreError::Unavailable(format!("the transaction was lost: {error}")));
            }
            Err(error) => return Ok(Err(error)),
        };
        match statement.expect {
            Expect::Rows(expected) if rows < expected => Ok(Err(StoreError::Conflict)),
            // A guarded write names one row by its key: more is a table that is not ours.
            Expect::Rows(expected) if rows > expected => {
                Err(StoreError::Corrupt(format!("{}: {rows} rows", statement.sql.name)))
            }
            Expect::Rows(_) | Expect::Any => Ok(Ok(())),
        }
    }

    fn write_statement(&mut self, statement: &Statement) -> Verdict {
        let rows = self.changed_rows(statement)?;
        match statement.expect {
            Expect::Rows(expected) if rows != expected => Err(StoreError::Conflict),
            Expect::Rows(_) | Expect::Any => Ok(()),
        }
    }

    fn changed_rows(&mut self, statement: &Statement) -> Result<u64, StoreError> {
        self.session.execute(statement).map_err(|error| {
            self.note_failed_flush(&error);
            store_error(statement.sql.name, &error)
        })
    }

    fn make_durable(&mut self) -> Result<(), StoreError> {
        self.commit_now().map_err(|error| {
            if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
                // After a failed write or fsync the kernel may have dropped the pages and report the next fsync
                // as a success. Only a restart, which reads the log again, tells what is there.
                self.shared.go_read_only(&error);
            }
            StoreError::Unavailable(format!("COMMIT failed: {error}"))
        })
    }

    fn commit_now(&self) -> rusqlite::Result<()> {
        #[cfg(test)]
        if let Some(code) = self.shared.failing_commit.lock().ok().and_then(|mut code| code.take()) {
            return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        }
        self.session.connection.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Transaction control. Its failure always ends the batch.
    fn control(&mut self, text: &'static str) -> Result<(), StoreError> {
        let done = self.session.connection.prepare_cached(text).and_then(|mut prepared| prepared.execute([]));
        done.map(drop).map_err(|error| {
            self.note_failed_flush(&error);
            StoreError::Unavailable(format!("{text}: {error}"))
        })
    }

    fn roll_back(&mut self) {
        if self.session.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.session.connection.execute_batch("ROLLBACK") {
            // The next batch would begin inside the remains of this one.
            self.shared.go_read_only(&error);
        }
    }

    /// A cache that spills, or a log that starts over, flushes in the middle of a transaction too.
    fn note_failed_flush(&self, error: &rusqlite::Error) {
        if super::is_failed_flush(error) {
            self.shared.go_read_only(error);
        }
    }
}
