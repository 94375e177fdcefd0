//! Runs migrations on PostgreSQL: all that are missing in one transaction, under a lock, so that of two nodes that start
//! at once one does it and the other finds it done. There is no copy before, as there is on SQLite: `pg_dump` makes one.

use tokio_postgres::Client;

use super::failure::{Failure, chain};
use crate::store::migrate::{Applied, Dialect, MigrateError, Migration, Recorded, checksum, pending, render};
use crate::store::sql::StoreError;

/// Held to the end of the transaction. The number is "grantor" and 0, as bytes.
const LOCK: &str = "BEGIN; SELECT pg_advisory_xact_lock(7454127460279349760)";

/// Applies what is missing. `now_ms` is unix time in milliseconds. After an error the connection must be dropped, which
/// undoes everything.
pub(super) async fn migrate(
    client: &Client,
    list: &[Migration],
    now_ms: i64,
) -> Result<Applied, MigrateError> {
    if pending(list, &recorded(client).await?)?.is_empty() {
        return Ok(Applied::default());
    }
    client.batch_execute(LOCK).await.map_err(trouble)?;
    // Read again: the other node may have been faster.
    let recorded = recorded(client).await?;
    let mut applied = Applied::default();
    for migration in pending(list, &recorded)? {
        apply(client, migration, now_ms).await?;
        applied.versions.push(migration.version);
    }
    client.batch_execute("COMMIT").await.map_err(trouble)?;
    Ok(applied)
}

/// The migrations that the database says it has, in the schema that new tables are made in.
pub(super) async fn recorded(client: &Client) -> Result<Vec<Recorded>, MigrateError> {
    let tables = "SELECT count(*), count(*) FILTER (WHERE table_name = 'schema_migrations') \
                  FROM information_schema.tables \
                  WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'";
    let counts = client.query_one(tables, &[]).await.map_err(trouble)?;
    match (counts.get::<_, i64>(0), counts.get::<_, i64>(1)) {
        (0, _) => return Ok(Vec::new()),
        (_, 0) => return Err(MigrateError::Foreign),
        _ => {}
    }
    let text = "SELECT version, name, checksum FROM schema_migrations ORDER BY version";
    let rows = client.query(text, &[]).await.map_err(trouble)?;
    Ok(rows
        .iter()
        .map(|row| Recorded { version: row.get(0), name: row.get(1), checksum: row.get(2) })
        .collect())
}

async fn apply(client: &Client, migration: &Migration, now_ms: i64) -> Result<(), MigrateError> {
    let failed =
        |reason: String| MigrateError::Failed { version: migration.version, name: migration.name, reason };
    let sql = |error: tokio_postgres::Error| failed(chain(&error));
    client.batch_execute(RECORD).await.map_err(sql)?;
    let transaction = transaction(client).await.map_err(sql)?;
    client.batch_execute(&render(migration.text, Dialect::Postgres)).await.map_err(sql)?;
    if self::transaction(client).await.map_err(sql)? != transaction {
        return Err(failed("its text ends the transaction".into()));
    }
    let record =
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
    let checksum = checksum(migration.text);
    let row: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&migration.version, &migration.name, &checksum, &now_ms];
    client.execute(record, &row).await.map(drop).map_err(sql)
}

/// The number of the transaction that is open; without one, of one that is over when it is told.
async fn transaction(client: &Client) -> Result<i64, tokio_postgres::Error> {
    client.query_one("SELECT txid_current()", &[]).await.map(|row| row.get(0))
}

fn trouble(error: tokio_postgres::Error) -> StoreError {
    Failure::of("migrate", &error).error
}

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
)";
