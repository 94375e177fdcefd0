use super::*;

const INIT: Migration = Migration {
    version: 1,
    name: "init",
    text: "CREATE TABLE parent (id {bytes} PRIMARY KEY, n {int} NOT NULL) {strict};
           CREATE TABLE child (id {int} PRIMARY KEY,
             parent {bytes} NOT NULL REFERENCES parent (id) ON DELETE CASCADE) {strict};",
};
const SECOND: Migration =
    Migration { version: 2, name: "second", text: "ALTER TABLE parent ADD COLUMN note TEXT;" };
const THIRD: Migration =
    Migration { version: 3, name: "third", text: "CREATE TABLE third (id {int}) {strict};" };

fn memory() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys=ON").unwrap();
    connection
}

fn run(connection: &mut Connection, list: &[Migration]) -> Result<Vec<i64>, MigrateError> {
    migrate_sqlite(connection, list, 1_700_000_000_000, None).map(|applied| applied.versions)
}

fn has_table(connection: &Connection, name: &str) -> bool {
    let text = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection.query_row(text, [name], |row| row.get::<_, i64>(0)).unwrap() == 1
}

#[test]
fn tokens_become_the_types_of_the_engine_and_other_braces_stay() {
    let text = "a {bytes}, b {int} DEFAULT '{}') {strict};";
    assert_eq!(render(text, Dialect::Sqlite), "a BLOB, b INTEGER DEFAULT '{}') STRICT;");
    assert_eq!(render(text, Dialect::Postgres), "a BYTEA, b BIGINT DEFAULT '{}') ;");
}

#[test]
fn text_of_postgresql_compares_by_bytes_and_literals_and_longer_words_stay() {
    let text = "a TEXT NOT NULL DEFAULT 'it''s TEXT', CONTEXT TEXT, TEXT_2 {int})";
    assert_eq!(
        render(text, Dialect::Postgres),
        "a TEXT COLLATE \"C\" NOT NULL DEFAULT 'it''s TEXT', CONTEXT TEXT COLLATE \"C\", TEXT_2 BIGINT)"
    );
    assert_eq!(render("a TEXT", Dialect::Sqlite), "a TEXT");
}

#[test]
fn the_checksum_is_sha_256_in_hex() {
    // FIPS 180-2, appendix B.1.
    assert_eq!(checksum("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn each_migration_is_applied_once_and_in_order() {
    let mut connection = memory();
    assert_eq!(run(&mut connection, &[INIT]), Ok(vec![1]));
    assert_eq!(run(&mut connection, &[INIT, SECOND, THIRD]), Ok(vec![2, 3]));
    assert_eq!(run(&mut connection, &[INIT, SECOND, THIRD]), Ok(vec![]));
    let record = "SELECT name, checksum, applied_at FROM schema_migrations WHERE version = 2";
    let row = connection.query_row(record, [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    });
    assert_eq!(row.unwrap(), ("second".into(), checksum(SECOND.text), 1_700_000_000_000));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let mut connection = memory();
    run(&mut connection, &[INIT, SECOND]).unwrap();
    let refused = run(&mut connection, &[INIT]);
    assert_eq!(refused, Err(MigrateError::Newer { found: 2, name: "second".into(), known: 1 }));
    assert!(refused.unwrap_err().to_string().contains("2 (second)"));
    assert!(matches!(run(&mut connection, &[]), Err(MigrateError::Newer { known: 0, .. })));
}

#[test]
fn a_changed_text_is_refused_by_name_before_anything_is_applied() {
    let mut connection = memory();
    run(&mut connection, &[INIT, SECOND]).unwrap();
    let edited = Migration { text: "ALTER TABLE parent ADD COLUMN remark TEXT;", ..SECOND };
    let refused = run(&mut connection, &[INIT, edited, THIRD]);
    assert_eq!(refused, Err(MigrateError::Changed { version: 2, name: "second".into() }));
    assert!(!has_table(&connection, "third"));
}

#[test]
fn a_gap_on_either_side_is_refused() {
    let mut connection = memory();
    run(&mut connection, &[INIT, THIRD]).unwrap();
    let late = run(&mut connection, &[INIT, SECOND, THIRD]);
    assert_eq!(late, Err(MigrateError::OutOfOrder { version: 2, name: "second".into() }));

    let mut connection = memory();
    run(&mut connection, &[INIT, SECOND, THIRD]).unwrap();
    let lost = run(&mut connection, &[INIT, THIRD]);
    assert_eq!(lost, Err(MigrateError::OutOfOrder { version: 2, name: "second".into() }));
}

#[test]
fn a_list_that_is_not_ascending_is_refused() {
    assert_eq!(pending(&[SECOND, INIT], &[]), Err(MigrateError::List { version: 1 }));
    assert_eq!(pending(&[INIT, INIT], &[]), Err(MigrateError::List { version: 1 }));
    assert_eq!(pending(&[Migration { version: 0, ..INIT }], &[]), Err(MigrateError::List { version: 0 }));
}

#[test]
fn a_migration_that_fails_is_undone_with_its_record_and_those_before_stay() {
    let mut connection = memory();
    let broken =
        Migration { version: 3, name: "broken", text: "CREATE TABLE half (id {int}); CREATE TABEL x;" };
    let failed = run(&mut connection, &[INIT, SECOND, broken]);
    assert!(matches!(failed, Err(MigrateError::Failed { version: 3, name: "broken", .. })));
    assert!(!has_table(&connection, "half"));
    assert_eq!(run(&mut connection, &[INIT, SECOND, THIRD]), Ok(vec![3]));
}

#[test]
fn a_first_migration_that_fails_leaves_an_empty_database() {
    let mut connection = memory();
    let broken = Migration { text: "CREATE TABEL x;", ..INIT };
    assert!(run(&mut connection, &[broken]).is_err());
    assert!(!has_table(&connection, "schema_migrations"));
}

#[test]
fn a_text_that_commits_is_refused() {
    let mut connection = memory();
    let text = "CREATE TABLE half (id {int}); COMMIT;";
    let failed = run(&mut connection, &[Migration { text, ..INIT }]);
    assert!(
        matches!(failed, Err(MigrateError::Failed { reason, .. }) if reason.contains("ends the transaction"))
    );
    let recorded =
        connection.query_row("SELECT count(*) FROM schema_migrations", [], |row| row.get::<_, i64>(0));
    assert_eq!(recorded.unwrap(), 0, "it counts as applied");
}

#[test]
fn somebody_elses_database_is_refused() {
    let mut connection = memory();
    connection.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    assert_eq!(run(&mut connection, &[INIT]), Err(MigrateError::Foreign));
    assert!(!has_table(&connection, "schema_migrations"));
}

#[test]
fn a_table_can_be_rebuilt_without_losing_the_rows_that_refer_to_it() {
    let mut connection = memory();
    run(&mut connection, &[INIT]).unwrap();
    connection
        .execute_batch("INSERT INTO parent VALUES (x'01', 1); INSERT INTO child VALUES (1, x'01')")
        .unwrap();
    let text = "CREATE TABLE fresh (id {bytes} PRIMARY KEY, n {int}) {strict};
                INSERT INTO fresh SELECT id, n FROM parent; DROP TABLE parent; ALTER TABLE fresh RENAME TO parent;";
    assert_eq!(run(&mut connection, &[INIT, Migration { text, ..SECOND }]), Ok(vec![2]));
    let children = connection.query_row("SELECT count(*) FROM child", [], |row| row.get::<_, i64>(0));
    assert_eq!(children.unwrap(), 1, "the cascade ran");
    let enforced = connection.query_row("PRAGMA foreign_keys", [], |row| row.get::<_, i64>(0));
    assert_eq!(enforced.unwrap(), 1, "enforcement was not switched on again");
}

#[test]
fn a_migration_that_leaves_a_dangling_reference_is_undone() {
    let mut connection = memory();
    run(&mut connection, &[INIT]).unwrap();
    connection
        .execute_batch("INSERT INTO parent VALUES (x'01', 1); INSERT INTO child VALUES (1, x'01')")
        .unwrap();
    let failed = run(&mut connection, &[INIT, Migration { text: "DELETE FROM parent;", ..SECOND }]);
    assert!(
        matches!(failed, Err(MigrateError::Failed { version: 2, reason, .. }) if reason.contains("child"))
    );
    let parents = connection.query_row("SELECT count(*) FROM parent", [], |row| row.get::<_, i64>(0));
    assert_eq!(parents.unwrap(), 1);
    let enforced = connection.query_row("PRAGMA foreign_keys", [], |row| row.get::<_, i64>(0));
    assert_eq!(enforced.unwrap(), 1, "enforcement was not switched on again");
}

#[test]
fn a_database_with_a_schema_is_copied_first_and_an_empty_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("g.db");
    let mut connection = Connection::open(&path).unwrap();
    let first = migrate_sqlite(&mut connection, &[INIT], 1, Some(&path)).unwrap();
    assert_eq!(first.copy, None);
    connection.execute_batch("INSERT INTO parent VALUES (x'01', 1)").unwrap();
    let second = migrate_sqlite(&mut connection, &[INIT, SECOND, THIRD], 2, Some(&path)).unwrap();
    let copy = directory.path().join("g.db.before-0002");
    assert_eq!(second.copy.as_deref(), Some(copy.as_path()));

    let before = Connection::open(&copy).unwrap();
    assert!(!has_table(&before, "third"));
    let parents = before.query_row("SELECT count(*) FROM parent", [], |row| row.get::<_, i64>(0));
    assert_eq!(parents.unwrap(), 1);
    let unchanged = migrate_sqlite(&mut connection, &[INIT, SECOND, THIRD], 3, Some(&path)).unwrap();
    assert_eq!(unchanged, Applied::default());
}
