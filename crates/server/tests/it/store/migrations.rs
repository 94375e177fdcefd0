//! Migrations on PostgreSQL. Those on SQLite are tested beside their runner.

use grantor_server::store::MIGRATIONS;
use grantor_server::store::migrate::{Applied, MigrateError};

use super::*;

const SECOND: Migration =
    Migration { version: 2, name: "second", text: "CREATE TABLE second (id {int}) {strict};" };

async fn run(database: &Database, list: &[Migration]) -> Result<Vec<i64>, MigrateError> {
    let opened = PgStore::open_migrated(PgOptions::new(database.config()), list, 7).await;
    opened.map(|(_, Applied { versions, copy })| {
        assert_eq!(copy, None);
        versions
    })
}

async fn tables(database: &Database) -> Vec<String> {
    let text =
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    database.connect().await.query(text, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nodes_that_start_at_the_same_time_one_migrates() {
    let database = Database::fresh();
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let options = PgOptions::new(database.config());
            tokio::spawn(
                async move { PgStore::open_migrated(options, MIGRATIONS, 7).await.map(|(_, done)| done) },
            )
        })
        .collect();
    let mut applied = 0;
    for start in starts {
        let done = start.await.unwrap().unwrap();
        applied += done.versions.len();
    }
    assert_eq!(applied, MIGRATIONS.len());
    let rows = database.connect().await.query("SELECT applied_at FROM schema_migrations", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), vec![7; MIGRATIONS.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_applied_is_not_applied_again_and_what_is_new_is() {
    let database = Database::fresh();
    assert_eq!(run(&database, SCHEMA).await, Ok(vec![1]));
    assert_eq!(run(&database, SCHEMA).await, Ok(vec![]));
    assert_eq!(run(&database, &[SCHEMA[0], SECOND]).await, Ok(vec![2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_and_a_changed_text_and_a_gap_are_refused() {
    let database = Database::fresh();
    run(&database, &[SCHEMA[0], SECOND]).await.unwrap();
    assert!(matches!(run(&database, SCHEMA).await, Err(MigrateError::Newer { found: 2, known: 1, .. })));
    let changed = Migration { text: "CREATE TABLE second (id {int}, x {int}) {strict};", ..SECOND };
    assert!(matches!(
        run(&database, &[SCHEMA[0], changed]).await,
        Err(MigrateError::Changed { version: 2, .. })
    ));
    let third = Migration { version: 3, ..SECOND };
    assert!(matches!(run(&database, &[SCHEMA[0], third]).await, Err(MigrateError::OutOfOrder { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_leaves_nothing_and_can_be_repeated() {
    let database = Database::fresh();
    let broken =
        Migration { version: 3, name: "broken", text: "CREATE TABLE half (id {int}); CREATE TABEL x;" };
    let failed = run(&database, &[SCHEMA[0], SECOND, broken]).await;
    assert!(matches!(failed, Err(MigrateError::Failed { version: 3, name: "broken", .. })), "{failed:?}");
    assert_eq!(tables(&database).await, Vec::<String>::new());
    assert_eq!(run(&database, &[SCHEMA[0], SECOND]).await, Ok(vec![1, 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_commits_is_refused() {
    let database = Database::fresh();
    let failed =
        run(&database, &[Migration { text: "CREATE TABLE half (id {int}); COMMIT;", ..SCHEMA[0] }]).await;
    assert!(
        matches!(&failed, Err(MigrateError::Failed { reason, .. }) if reason.contains("ends the transaction")),
        "{failed:?}"
    );
    let recorded = database.connect().await.query("SELECT 1 FROM schema_migrations", &[]).await.unwrap();
    assert!(recorded.is_empty(), "it counts as applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_database_is_refused() {
    let database = Database::fresh();
    database.connect().await.batch_execute("CREATE TABLE bookmarks (url TEXT)").await.unwrap();
    assert_eq!(run(&database, SCHEMA).await, Err(MigrateError::Foreign));
    assert_eq!(tables(&database).await, ["bookmarks"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_its_own_is_enough() {
    let database = Database::fresh();
    let setup =
        "CREATE TABLE bookmarks (url TEXT); CREATE SCHEMA apart; ALTER DATABASE {} SET search_path = apart";
    let setup = setup.replace("{}", database.config().get_dbname().unwrap());
    database.connect().await.batch_execute(&setup).await.unwrap();
    assert_eq!(run(&database, SCHEMA).await, Ok(vec![1]));
    assert_eq!(tables(&database).await, ["bookmarks"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_of_the_product_compares_by_bytes() {
    let database = Database::fresh();
    run(&database, MIGRATIONS).await.unwrap();
    let text = "SELECT table_name || '.' || column_name FROM information_schema.columns \
                WHERE table_schema = 'public' AND data_type IN ('text', 'character varying') \
                AND table_name <> 'schema_migrations' AND collation_name IS DISTINCT FROM 'C'";
    let rows = database.connect().await.query(text, &[]).await.unwrap();
    let others: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(others, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_encoding_is_refused_with_the_next_step() {
    let database = Database::fresh();
    let client = database.connect().await;
    let name = format!("{}_latin", database.config().get_dbname().unwrap());
    let make = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    client.batch_execute(&make).await.unwrap();
    let mut config = database.config();
    config.dbname(&name);
    let refused = PgStore::open_migrated(PgOptions::new(config), SCHEMA, 0).await.map(|_| ());
    client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("LATIN1") && told.contains("ENCODING 'UTF8'"), "{told}");
}
