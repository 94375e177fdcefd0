//! The durable half of a composite ceiling: SQLite with `synchronous=FULL` and a group commit, and the least that an
//! authorization can be stored as. No reads: a guarded statement says by its row count what it found.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::oneshot;

/// Most units in one COMMIT, and most that wait: as in the product.
const BATCH: usize = 256;
const QUEUE: usize = 4096;

/// What is written, all or nothing.
pub(super) enum Unit {
    /// A new authorization with the hash of its code.
    Begin([u8; 32]),
    /// The code with this hash is redeemed, once.
    Redeem([u8; 32]),
    /// The family's generation rises from this one.
    Rotate {
        /// The family.
        family: i64,
        /// Its present generation.
        from: i64,
    },
}

/// The family that a unit was about, once it is durable. `None`: the guard did not hold.
type Outcome = Option<i64>;

/// A handle on the writer thread.
pub(super) struct Ledger {
    queue: SyncSender<(Unit, oneshot::Sender<Outcome>)>,
}

impl Ledger {
    /// Makes the file and starts the thread.
    pub(super) fn open(file: &Path) -> Result<Self> {
        let connection = Connection::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        connection.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16384;
             CREATE TABLE families (id INTEGER PRIMARY KEY, code BLOB NOT NULL, redeemed INTEGER NOT NULL,
                 generation INTEGER NOT NULL, rotated_at INTEGER NOT NULL, nonce BLOB NOT NULL) STRICT;
             CREATE UNIQUE INDEX families_by_code ON families (code);",
        )?;
        let (queue, waiting) = sync_channel(QUEUE);
        std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            // Without an answer every caller gets an error, which fails the run.
            let _ = write(&connection, &waiting);
        })?;
        Ok(Self { queue })
    }

    /// Answers when the unit is durable.
    pub(super) async fn commit(&self, unit: Unit) -> Option<i64> {
        let (answer, outcome) = oneshot::channel();
        self.queue.try_send((unit, answer)).ok()?;
        outcome.await.ok().flatten()
    }
}

fn write(
    connection: &Connection,
    waiting: &Receiver<(Unit, oneshot::Sender<Outcome>)>,
) -> rusqlite::Result<()> {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH - 1));
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let outcomes: Vec<_> =
            batch.iter().map(|(unit, _)| run(connection, unit)).collect::<rusqlite::Result<_>>()?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        for ((_, answer), outcome) in batch.into_iter().zip(outcomes) {
            let _ = answer.send(outcome);
        }
    }
    Ok(())
}

fn run(connection: &Connection, unit: &Unit) -> rusqlite::Result<Outcome> {
    let id = |row: &rusqlite::Row<'_>| row.get(0);
    match unit {
        Unit::Begin(code) => connection
            .prepare_cached(
                "INSERT INTO families (code, redeemed, generation, rotated_at, nonce)
                 VALUES (?1, 0, 0, 0, randomblob(16)) RETURNING id",
            )?
            .query_row(params![code], id)
            .optional(),
        Unit::Redeem(code) => connection
            .prepare_cached(
                "UPDATE families SET redeemed = 1, generation = 1 WHERE code = ?1 AND redeemed = 0 RETURNING id",
            )?
            .query_row(params![code], id)
            .optional(),
        Unit::Rotate { family, from } => connection
            .prepare_cached(
                "UPDATE families SET generation = generation + 1, rotated_at = ?3
                 WHERE id = ?1 AND generation = ?2 RETURNING id",
            )?
            .query_row(params![family, from, crate::clock::unix_seconds() as i64], id)
            .optional(),
    }
}
