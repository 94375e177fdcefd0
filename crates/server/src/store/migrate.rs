//! Schema changes: which ones are still to be applied, and the SQLite runner. One text serves both engines, with
//! three tokens where they differ: `{bytes}`, `{int}`, `{strict}`.
//!
//! A migration is applied once, in order, in one transaction with the row that records it. A text that was applied
//! is never edited: its checksum is kept, and a changed one is refused.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::store::sql::StoreError;
use crate::store::sqlite::{copy_database, store_error, with_suffix};

/// One numbered schema change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its number, from 1 upwards.
    pub version: i64,
    /// What it does, such as `init`.
    pub name: &'static str,
    /// SQL statements with dialect tokens. Neither BEGIN nor COMMIT.
    pub text: &'static str,
}

/// The engine that a text is rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `BLOB`, `INTEGER`, `STRICT`.
    Sqlite,
    /// `BYTEA`, `BIGINT`, nothing.
    Postgres,
}

/// A migration that the database says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Number.
    pub version: i64,
    /// Name when it was applied.
    pub name: String,
    /// [`checksum`] of the text that was applied.
    pub checksum: String,
}

/// What a run has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Versions applied by this run, in order; empty if the schema was up to date.
    pub versions: Vec<i64>,
    /// Where the database was copied to before.
    pub copy: Option<PathBuf>,
}

/// Why the schema was not touched, or not further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// The database was used by a newer release. Going back would misread it.
    #[error(
        "the database has migration {found} ({name}), this release knows only up to {known}: use a newer release"
    )]
    Newer {
        /// Highest version in the database.
        found: i64,
        /// Its name.
        name: String,
        /// Highest version in this binary.
        known: i64,
    },
    /// The text of an applied migration is not the one that was applied.
    #[error("migration {version} ({name}) differs from the one that was applied")]
    Changed {
        /// Its number.
        version: i64,
        /// Its name.
        name: String,
    },
    /// The database has a migration that this release does not have, or lacks one before its newest.
    #[error(
        "migration {version} ({name}) is out of order: it is only in the database, or came after a newer one"
    )]
    OutOfOrder {
        /// Its number.
        version: i64,
        /// Its name.
        name: String,
    },
    /// The list in the binary is not strictly ascending from 1.
    #[error("the list of migrations is not in order at {version}")]
    List {
        /// First number out of order.
        version: i64,
    },
    /// The file holds tables but no record of migrations: it belongs to something else.
    #[error("the database holds tables but no record of migrations: it is not one of ours")]
    Foreign,
    /// A migration failed and was undone. Those before it stay.
    #[error("migration {version} ({name}) failed and was undone: {reason}")]
    Failed {
        /// Its number.
        version: i64,
        /// Its name.
        name: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// Reading, copying or locking failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The text for one engine.
pub fn render(text: &str, dialect: Dialect) -> String {
    let (bytes, int, strict) = match dialect {
        Dialect::Sqlite => ("BLOB", "INTEGER", "STRICT"),
        Dialect::Postgres => ("BYTEA", "BIGINT", ""),
    };
    text.replace("{bytes}", bytes)
        .replace("{int}", int)
        .replace("{strict}", strict)
}

/// SHA-256, in hex, of the text as written, tokens included: the same on both engines.
pub fn checksum(text: &str) -> String {
    use std::fmt::Write;
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest
        .as_ref()
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing into a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// The part of `list` that is still to be applied, or why nothing may be. `recorded` is in ascending order.
pub fn pending<'a>(list: &'a [Migration], recorded: &[Recorded]) -> Result<&'a [Migration], MigrateError> {
    if let Some(index) =
        (0..list.len()).find(|&i| list[i].version <= i.checked_sub(1).map_or(0, |j| list[j].version))
    {
        return Err(MigrateError::List {
            version: list[index].version,
        });
    }
    let known = list.last().map_or(0, |last| last.version);
    if let Some(newest) = recorded.last().filter(|newest| newest.version > known) {
        return Err(MigrateError::Newer {
            found: newest.version,
            name: newest.name.clone(),
            known,
        });
    }
    for (index, row) in recorded.iter().enumerate() {
        // `recorded` must be the beginning of `list`: a gap on either side shows as the smaller number.
        match list.get(index) {
            Some(migration) if migration.version == row.version => {
                if checksum(migration.text) != row.checksum {
                    return Err(MigrateError::Changed {
                        version: row.version,
                        name: row.name.clone(),
                    });
                }
            }
            Some(migration) if migration.version < row.version => {
                return Err(out_of_order(migration.version, migration.name));
            }
            _ => return Err(out_of_order(row.version, &row.name)),
        }
    }
    Ok(&list[recorded.len()..])
}

/// Applies what is missing. `now_ms` is unix time in milliseconds. With `copy_beside`, a database that already holds
/// a schema is first copied, whole and durably, to `<copy_beside>.before-NNNN`, NNNN being the first new version.
pub fn migrate_sqlite(
    connection: &mut Connection,
    list: &[Migration],
    now_ms: i64,
    copy_beside: Option<&Path>,
) -> Result<Applied, MigrateError> {
    let recorded = recorded(connection)?;
    let mut applied = Applied::default();
    let todo = pending(list, &recorded)?;
    let Some(first) = todo.first() else {
        return Ok(applied);
    };
    if let Some(path) = copy_beside.filter(|_| !recorded.is_empty()) {
        let copy = with_suffix(path, &format!(".before-{:04}", first.version));
        copy_database(connection, &copy)?;
        applied.copy = Some(copy);
    }
    let enforced = enforcement(connection, None)?;
    // Rebuilding a table means dropping the old one; with enforcement on, that deletes every row that refers to it.
    // The pragma does nothing inside a transaction, so it is set around them all.
    enforcement(connection, Some(0))?;
    let outcome = todo.iter().try_for_each(|migration| {
        apply(connection, migration, now_ms)?;
        applied.versions.push(migration.version);
        Ok(())
    });
    enforcement(connection, Some(enforced))?;
    outcome.map(|()| applied)
}

fn recorded(connection: &Connection) -> Result<Vec<Recorded>, MigrateError> {
    let tables = "SELECT count(*), coalesce(sum(name = 'schema_migrations'), 0) FROM sqlite_schema \
                  WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let counts = connection.query_row(tables, [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    });
    match counts.map_err(reading)? {
        (0, _) => return Ok(Vec::new()),
        (_, 0) => return Err(MigrateError::Foreign),
        _ => {}
    }
    let text = "SELECT version, name, checksum FROM schema_migrations ORDER BY version";
    let mut rows = connection.prepare(text).map_err(reading)?;
    let rows = rows.query_map([], |row| {
        Ok(Recorded {
            version: row.get(0)?,
            name: row.get(1)?,
            checksum: row.get(2)?,
        })
    });
    Ok(rows
        .map_err(reading)?
        .collect::<Result<_, _>>()
        .map_err(reading)?)
}

fn apply(connection: &mut Connection, migration: &Migration, now_ms: i64) -> Result<(), MigrateError> {
    let failed = |reason: String| MigrateError::Failed {
        version: migration.version,
        name: migration.name,
        reason,
    };
    let sql = |error: rusqlite::Error| failed(error.to_string());
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(sql)?;
    // In the same transaction: a first migration that fails leaves an empty file, not one with a bare record.
    transaction.execute_batch(RECORD).map_err(sql)?;
    transaction
        .execute_batch(&render(migration.text, Dialect::Sqlite))
        .map_err(sql)?;
    if transaction.is_autocommit() {
        return Err(failed("its text ends the transaction".into()));
    }
    let broken = transaction.query_row("PRAGMA foreign_key_check", [], |row| row.get::<_, String>(0));
    if let Some(table) = broken.optional().map_err(sql)? {
        return Err(failed(format!(
            "rows of {table} refer to rows that are not there"
        )));
    }
    let row = (
        migration.version,
        migration.name,
        checksum(migration.text),
        now_ms,
    );
    let record =
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(record, row).map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// Reads, and with a value sets, the enforcement of foreign keys.
fn enforcement(connection: &Connection, set: Option<i64>) -> Result<i64, StoreError> {
    if let Some(value) = set {
        connection
            .pragma_update(None, "foreign_keys", value)
            .map_err(reading)?;
    }
    connection
        .pragma_query_value(None, "foreign_keys", |row| row.get(0))
        .map_err(reading)
}

fn out_of_order(version: i64, name: &str) -> MigrateError {
    MigrateError::OutOfOrder {
        version,
        name: name.to_owned(),
    }
}

fn reading(error: rusqlite::Error) -> StoreError {
    store_error("migrate", &error)
}

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
) STRICT";

#[cfg(test)]
#[path = "migrate_tests.rs"]
mod tests;
