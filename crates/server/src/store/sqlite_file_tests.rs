//! What lies on the disk: the lock, modes, pragmas, the log and its checkpoints, copies.

use super::*;

#[test]
fn a_second_writer_is_refused_by_name_until_the_first_is_gone() {
    let Bench { store, directory } = bench();
    let Err(StoreError::Unavailable(text)) = reopen(&directory) else { panic!("two writers") };
    assert!(text.contains("another process") && text.contains("g.db.lock"), "{text}");
    // The refused try must not have loosened the locks of the first.
    assert_eq!(block_on(store.commit(vec![insert(1, "new")])), Ok(()));
    drop(store);
    assert_eq!(count(&reopen(&directory).unwrap()), 1);
}

#[cfg(unix)]
#[test]
fn a_second_name_of_the_file_meets_the_same_lock() {
    let Bench { store: _first, directory } = bench();
    let alias = directory.path().join("alias.db");
    std::os::unix::fs::symlink(directory.path().join("g.db"), &alias).unwrap();
    assert!(matches!(SqliteStore::open(SqliteOptions::new(alias)), Err(StoreError::Unavailable(_))));
}

#[cfg(unix)]
#[test]
fn every_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let bench = bench();
    block_on(bench.store.commit(vec![insert(1, "new")])).unwrap();
    block_on(bench.store.backup_to(&bench.directory.path().join("copy.db"))).unwrap();
    for name in ["g.db", "g.db-wal", "g.db-shm", "g.db.lock", "copy.db"] {
        let mode = std::fs::metadata(bench.directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(directory.path().join("none").join("g.db"));
    assert!(matches!(SqliteStore::open(options), Err(StoreError::Unavailable(_))));
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("g.db");
    std::fs::write(&path, "no database, but long enough to be one. ".repeat(100)).unwrap();
    assert!(matches!(reopen(&directory), Err(StoreError::Corrupt(_))));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("no database"));
}

#[test]
fn writing_connections_are_durable_and_enforce_the_schema() {
    let bench = bench();
    let connection = open_writing(&bench.directory.path().join("g.db")).unwrap();
    let pragma = |name: &str| {
        let text = format!("SELECT CAST((SELECT * FROM pragma_{name}) AS TEXT)");
        connection.query_row(&text, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let set =
        ["journal_mode", "synchronous", "foreign_keys", "trusted_schema", "cell_size_check"].map(pragma);
    // synchronous 2 is FULL.
    assert_eq!(set, ["wal", "2", "1", "0", "1"]);
    let automatic = connection.query_row("PRAGMA wal_autocheckpoint", [], |row| row.get::<_, i64>(0));
    assert_eq!(automatic.unwrap(), 0, "a commit would wait for a checkpoint");
}

#[test]
fn a_quiet_moment_empties_the_log() {
    let bench = bench();
    let log = bench.directory.path().join("g.db-wal");
    for id in 0..20 {
        block_on(bench.store.commit(vec![insert(id, "new")])).unwrap();
    }
    let long = std::fs::metadata(&log).unwrap().len();
    assert!(long > 0);
    let connection = open_writing(&bench.directory.path().join("g.db")).unwrap();
    let shared = Arc::clone(&bench.store.inner.shared);
    let (wake, woken) = sync_channel(1);
    // Without a writer behind it the checkpoint thread does its last work at once.
    drop(wake);
    checkpoint::run(&connection, &shared, &woken);
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    assert_eq!(count(&bench.store), 20);
    assert_eq!(block_on(bench.store.commit(vec![insert(20, "new")])), Ok(()));
}

#[test]
fn after_a_failed_flush_no_checkpoint_touches_the_files() {
    let bench = bench();
    let log = bench.directory.path().join("g.db-wal");
    let connection = open_writing(&bench.directory.path().join("g.db")).unwrap();
    block_on(bench.store.commit(vec![insert(1, "new")])).unwrap();
    bench.store.inner.shared.go_read_only(&rusqlite::Error::InvalidQuery);
    let long = std::fs::metadata(&log).unwrap().len();
    let (wake, woken) = sync_channel(1);
    drop(wake);
    checkpoint::run(&connection, &bench.store.inner.shared, &woken);
    assert_eq!(std::fs::metadata(&log).unwrap().len(), long);
}

#[test]
fn a_backup_of_a_live_store_holds_what_was_answered() {
    let bench = bench();
    block_on(bench.store.commit(vec![insert(1, "new"), insert(2, "new")])).unwrap();
    let copies = tempfile::tempdir().unwrap();
    block_on(bench.store.backup_to(&copies.path().join("g.db"))).unwrap();
    block_on(bench.store.commit(vec![insert(3, "new")])).unwrap();
    let names: Vec<_> =
        std::fs::read_dir(copies.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["g.db"], "one whole file and nothing half-done");
    assert_eq!(count(&reopen(&copies).unwrap()), 2);
    assert_eq!(count(&bench.store), 3);
}

#[test]
fn a_backup_replaces_no_file_and_least_of_all_the_live_one() {
    let bench = bench();
    block_on(bench.store.commit(vec![insert(1, "new")])).unwrap();
    let live = bench.directory.path().join("g.db");
    assert!(matches!(block_on(bench.store.backup_to(&live)), Err(StoreError::Unavailable(_))));
    assert_eq!(block_on(bench.store.commit(vec![insert(2, "new")])), Ok(()));
    assert_eq!(count(&bench.store), 2);
}

#[test]
fn a_new_release_migrates_on_opening_and_keeps_a_copy() {
    let Bench { store, directory } = bench();
    block_on(store.commit(vec![insert(1, "new")])).unwrap();
    drop(store);
    let list =
        [SCHEMA[0], Migration { version: 2, name: "two", text: "CREATE TABLE two (id {int}) {strict};" }];
    let options = SqliteOptions::new(directory.path().join("g.db"));
    let (store, applied) = SqliteStore::open_migrated(options.clone(), &list, 5).unwrap();
    assert_eq!(applied.versions, [2]);
    assert!(directory.path().join("g.db.before-0002").exists());
    drop(store);
    let older = SqliteStore::open_migrated(options, SCHEMA, 6);
    assert!(matches!(older, Err(MigrateError::Newer { found: 2, known: 1, .. })));
}

#[test]
fn a_statement_tells_its_shape_without_running() {
    let bench = bench();
    assert_eq!(block_on(bench.store.shape(&STATE)), Ok(Shape { parameters: 1, columns: 2 }));
    assert_eq!(block_on(bench.store.shape(&INSERT)), Ok(Shape { parameters: 2, columns: 0 }));
    assert_eq!(count(&bench.store), 0);
}
