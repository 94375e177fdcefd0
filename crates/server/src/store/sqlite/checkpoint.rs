//! When the write-ahead log goes into the database file: on another thread and connection, so that no commit
//! waits for it (a checkpoint on the commit path costs tens of milliseconds with a few million rows).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::Shared;

/// Between two looks at the log.
const TICK: Duration = Duration::from_secs(1);

/// Pages (64 MiB) from which the log is brought back to its beginning even under constant load. A PASSIVE
/// checkpoint never overtakes a writer that goes on appending, and the log would grow for ever.
const LONG_LOG_PAGES: i64 = 16_384;

/// How long a checkpoint that shuts the writer out waits for readers of old snapshots.
pub(super) const PATIENCE_WITH_READERS: Duration = Duration::from_millis(5);

/// Works until the writer, the only one who can wake it, is gone; then empties the log for good.
pub(super) fn run(connection: &Connection, shared: &Arc<Shared>, wake: &Receiver<()>) {
    let mut seen = 0;
    // The log may hold the commits of a run that crashed: the first quiet moment takes them in.
    let mut emptied = false;
    loop {
        let quiet = match wake.recv_timeout(TICK) {
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => true,
            Ok(()) => false,
        };
        let commits = shared.commits.load(Relaxed);
        if commits != seen {
            (seen, emptied) = (commits, false);
            take_in(connection, shared);
        } else if quiet && !emptied {
            emptied = empty(connection, shared);
        }
    }
    if !empty(connection, shared) && shared.writable().is_err() {
        // Closing the last connection would be one more checkpoint.
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

fn take_in(connection: &Connection, shared: &Shared) {
    let Some(log) = checkpoint(connection, shared, "PRAGMA wal_checkpoint(PASSIVE)") else {
        return;
    };
    if log.pages > LONG_LOG_PAGES {
        // Once more for what was appended meanwhile, so that little is left for the pause of the writer.
        checkpoint(connection, shared, "PRAGMA wal_checkpoint(PASSIVE)");
        let _turn = shared.gate.enter();
        checkpoint(connection, shared, "PRAGMA wal_checkpoint(RESTART)");
    }
}

/// True if the log is empty now.
fn empty(connection: &Connection, shared: &Shared) -> bool {
    let _turn = shared.gate.enter();
    checkpoint(connection, shared, "PRAGMA wal_checkpoint(TRUNCATE)").is_some_and(|log| log.complete)
}

struct Log {
    complete: bool,
    pages: i64,
}

fn checkpoint(connection: &Connection, shared: &Shared, text: &'static str) -> Option<Log> {
    // After a failed flush the files stay as they are until a restart reads them again.
    shared.writable().ok()?;
    let row = |row: &rusqlite::Row<'_>| Ok(Log { complete: row.get::<_, i64>(0)? == 0, pages: row.get(1)? });
    match connection.prepare_cached(text).and_then(|mut prepared| prepared.query_row([], row)) {
        Ok(log) => Some(log),
        Err(error) => {
            if super::is_failed_flush(&error) {
                shared.go_read_only(&error);
            } else {
                // The log keeps everything; the next tick tries again.
                tracing::warn!(%error, "checkpoint failed");
            }
            None
        }
    }
}
