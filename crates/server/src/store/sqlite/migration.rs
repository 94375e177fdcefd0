//! Runs migrations on SQLite: after a copy, each in a transaction with the record of it.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::file::{copy_database, with_suffix};
use super::session::store_error;
use crate::store::migrate::{Applied, Dialect, MigrateError, Migration, Recorded, checksum, pending, render};
use crate::store::sql::StoreError;

/// Applies what is missing. `now_ms` is unix time in milliseconds. With `copy_beside`, a database that already holds
/// a schema is first copied, whole and durably, to `<copy_beside>.before-NNNN`, NNNN being the first new version.
pub(super) fn migrate_sqlite(
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
    let counts = connection.query_row(tables, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    match counts.map_err(reading)? {
        (0, _) => return Ok(Vec::new()),
        (_, 0) => return Err(MigrateError::Foreign),
        _ => {}
    }
    let text = "SELECT version, name, checksum FROM schema_migrations ORDER BY version";
    let mut rows = connection.prepare(text).map_err(reading)?;
    let rows = rows
        .query_map([], |row| Ok(Recorded { version: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? }));
    Ok(rows.map_err(reading)?.collect::<Result<_, _>>().map_err(reading)?)
}

fn apply(connection: &mut Connection, migration: &Migration, now_ms: i64) -> Result<(), MigrateError> {
    let failed =
        |reason: String| MigrateError::Failed { version: migration.version, name: migration.name, reason };
    let sql = |error: rusqlite::Error| failed(error.to_string());
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    // In the same transaction: a first migration that fails leaves an empty file, not one with a bare record.
    transaction.execute_batch(RECORD).map_err(sql)?;
    transaction.execute_batch(&render(migration.text, Dialect::Sqlite)).map_err(sql)?;
    if transaction.is_autocommit() {
        return Err(failed("its text ends the transaction".into()));
    }
    let broken = transaction.query_row("PRAGMA foreign_key_check", [], |row| row.get::<_, String>(0));
    if let Some(table) = broken.optional().map_err(sql)? {
        return Err(failed(format!("rows of {table} refer to rows that are not there")));
    }
    let row = (migration.version, migration.name, checksum(migration.text), now_ms);
    let record =
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(record, row).map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// Reads, and with a value sets, the enforcement of foreign keys.
fn enforcement(connection: &Connection, set: Option<i64>) -> Result<i64, StoreError> {
    if let Some(value) = set {
        connection.pragma_update(None, "foreign_keys", value).map_err(reading)?;
    }
    connection.pragma_query_value(None, "foreign_keys", |row| row.get(0)).map_err(reading)
}

fn reading(error: rusqlite::Error) -> StoreError {
    store_error("migrate", &error)
}

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
) STRICT";

#[cfg(test)]
#[path = "../migrate_tests.rs"]
mod tests;
