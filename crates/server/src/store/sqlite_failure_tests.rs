//! What the writer does when the engine or the disk says no in the middle of a batch.

use super::*;

#[test]
fn a_commit_that_fails_answers_the_whole_batch_as_unavailable_and_the_next_works() {
    let bench = bench();
    let dangling =
        Statement { sql: &LATE, params: vec![Value::Int(1), Value::Int(77)], expect: Expect::Rows(1) };
    let verdicts = in_one_batch(
        &bench.store,
        vec![vec![insert(1, "new")], vec![dangling], vec![insert(2, "new"), take(99, 0)]],
    );
    assert!(
        verdicts.iter().all(|verdict| matches!(verdict, Err(StoreError::Unavailable(_)))),
        "{verdicts:?}"
    );
    assert_eq!(count(&bench.store), 0);
    assert!(!bench.store.is_read_only());
    assert_eq!(block_on(bench.store.commit(vec![insert(3, "new")])), Ok(()));
}

#[test]
fn after_a_failed_flush_nothing_is_acknowledged_and_reads_go_on() {
    let Bench { store, directory } = bench();
    block_on(store.commit(vec![insert(1, "new")])).unwrap();
    *store.inner.shared.failing_commit.lock().unwrap() = Some(ffi::SQLITE_IOERR_FSYNC);
    let commits = store.commits();
    let failed = block_on(store.commit(vec![insert(2, "new")]));
    assert!(matches!(failed, Err(StoreError::Unavailable(_))));
    assert!(store.is_read_only());
    for id in 3..6 {
        let refused = block_on(store.commit(vec![insert(id, "new")]));
        assert!(matches!(refused, Err(StoreError::Unavailable(text)) if text.contains("read-only")));
    }
    // One that waited already when the flush failed.
    assert!(matches!(
        send(&store, vec![insert(7, "new")]).blocking_recv(),
        Ok(Err(StoreError::Unavailable(_)))
    ));
    assert_eq!((count(&store), store.commits()), (1, commits));
    drop(store);
    assert!(directory.path().join("g.db-wal").exists(), "the files were touched after the failed flush");
    let again = reopen(&directory).unwrap();
    assert_eq!(block_on(again.commit(vec![insert(8, "new")])), Ok(()));
    assert_eq!(count(&again), 2);
}

#[test]
fn a_full_disk_at_commit_refuses_the_batch_and_is_not_for_ever() {
    let bench = bench();
    *bench.store.inner.shared.failing_commit.lock().unwrap() = Some(ffi::SQLITE_FULL);
    assert!(matches!(block_on(bench.store.commit(vec![insert(1, "new")])), Err(StoreError::Unavailable(_))));
    assert_eq!(block_on(bench.store.commit(vec![insert(1, "new")])), Ok(()));
}

#[test]
fn a_statement_that_loses_the_transaction_takes_the_whole_batch_with_it() {
    static LOST: Sql = Sql { name: "lost", text: "INSERT OR ROLLBACK INTO t (id, state) VALUES ($1, $2)" };
    let bench = bench();
    block_on(bench.store.commit(vec![insert(1, "new")])).unwrap();
    let lost = Statement { sql: &LOST, params: vec![Value::Int(1), "new".into()], expect: Expect::Any };
    let verdicts =
        in_one_batch(&bench.store, vec![vec![insert(2, "new")], vec![lost], vec![insert(3, "new")]]);
    assert!(
        verdicts.iter().all(|verdict| matches!(verdict, Err(StoreError::Unavailable(_)))),
        "{verdicts:?}"
    );
    // The cause is told, not what it led to.
    assert!(
        verdicts.iter().all(|verdict| format!("{verdict:?}").contains("unique constraint")),
        "{verdicts:?}"
    );
    assert_eq!(count(&bench.store), 1);
    assert_eq!(block_on(bench.store.commit(vec![insert(4, "new")])), Ok(()));
}

#[test]
fn a_foreign_holder_of_the_write_lock_makes_writes_unavailable_and_not_stuck() {
    let bench = bench();
    let other = Connection::open(bench.directory.path().join("g.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = block_on(bench.store.commit(vec![insert(1, "new")]));
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(block_on(bench.store.commit(vec![insert(1, "new")])), Ok(()));
}
