//! What only the SQLite driver has: batches, the queue, the files. What both engines promise is tested in `tests/it/store`.

use std::future::Future;
use std::sync::atomic::AtomicI64;
use std::thread;

use tempfile::TempDir;

use super::*;
use crate::store::sql::{Expect, Row};

static INSERT: Sql = Sql { name: "insert", text: "INSERT INTO t (id, state) VALUES ($1, $2)" };
static TAKE: Sql =
    Sql { name: "take", text: "UPDATE t SET state = 'used', by = $2 WHERE id = $1 AND state = 'new'" };
static STATE: Sql = Sql { name: "state", text: "SELECT state, by FROM t WHERE id = $1" };
static COUNT: Sql = Sql { name: "count", text: "SELECT count(*) FROM t" };
static CHILD: Sql = Sql { name: "child", text: "INSERT INTO child (id, parent) VALUES ($1, $2)" };
static LATE: Sql = Sql { name: "late", text: "INSERT INTO late (id, parent) VALUES ($1, $2)" };

const SCHEMA: &[Migration] = &[Migration {
    version: 1,
    name: "init",
    text: "CREATE TABLE t (id {int} PRIMARY KEY, state TEXT NOT NULL CHECK (state <> 'bad'), by {int}) {strict};
           CREATE TABLE child (id {int}, parent {int} NOT NULL REFERENCES t (id)) {strict};
           CREATE TABLE late (id {int}, parent {int} REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED) {strict};",
}];

/// A store in a folder of its own. The store is dropped first.
struct Bench {
    store: SqliteStore,
    directory: TempDir,
}

fn bench() -> Bench {
    bench_with(|_| {})
}

fn bench_with(change: impl FnOnce(&mut SqliteOptions)) -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let mut options = SqliteOptions::new(directory.path().join("g.db"));
    change(&mut options);
    let (store, _) = SqliteStore::open_migrated(options, SCHEMA, 0).unwrap();
    Bench { store, directory }
}

fn reopen(directory: &TempDir) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(SqliteOptions::new(directory.path().join("g.db")))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn insert(id: i64, state: &str) -> Statement {
    Statement { sql: &INSERT, params: vec![id.into(), state.into()], expect: Expect::Rows(1) }
}

fn take(id: i64, by: i64) -> Statement {
    Statement { sql: &TAKE, params: vec![id.into(), by.into()], expect: Expect::Rows(1) }
}

fn count(store: &SqliteStore) -> i64 {
    block_on(store.query::<Row>(&COUNT, vec![])).unwrap()[0].int(0).unwrap()
}

fn state(store: &SqliteStore, id: i64) -> Option<String> {
    let rows: Vec<Row> = block_on(store.query(&STATE, vec![id.into()])).unwrap();
    rows.first().map(|row| row.text(0).unwrap().to_owned())
}

/// Puts the units into one batch: the gate is shut until all of them wait behind the first, which is alone in its own.
fn in_one_batch(store: &SqliteStore, units: Vec<Vec<Statement>>) -> Vec<Result<(), StoreError>> {
    let shut = store.inner.shared.gate.enter();
    let mut answers = vec![send(store, vec![Statement { expect: Expect::Any, ..take(-1, 0) }])];
    until_queued(store, 0);
    answers.extend(units.into_iter().map(|unit| send(store, unit)));
    drop(shut);
    answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).skip(1).collect()
}

fn send(store: &SqliteStore, statements: Vec<Statement>) -> oneshot::Receiver<Result<(), StoreError>> {
    let (answer, verdict) = oneshot::channel();
    store.inner.enqueue(Unit { statements, answer }).unwrap();
    verdict
}

fn until_queued(store: &SqliteStore, units: usize) {
    while store.queued() != units {
        thread::yield_now();
    }
}

#[test]
fn a_failed_guard_undoes_its_whole_unit_and_no_other_of_the_batch() {
    let bench = bench();
    let verdicts = in_one_batch(
        &bench.store,
        vec![
            vec![insert(1, "new")],
            vec![insert(2, "new"), take(99, 0), insert(3, "new")],
            vec![insert(4, "new"), take(1, 7)],
        ],
    );
    assert_eq!(verdicts, [Ok(()), Err(StoreError::Conflict), Ok(())]);
    assert_eq!((state(&bench.store, 2), state(&bench.store, 3)), (None, None));
    assert_eq!(state(&bench.store, 1).as_deref(), Some("used"));
    assert_eq!(state(&bench.store, 4).as_deref(), Some("new"));
    // One COMMIT for the unit alone behind the gate, one for the batch.
    assert_eq!((bench.store.commits(), bench.store.units()), (2, 3));
}

#[test]
fn of_64_that_take_one_row_at_the_same_time_exactly_one_succeeds() {
    let bench = bench();
    block_on(bench.store.commit(vec![insert(1, "new")])).unwrap();
    let winner = AtomicI64::new(-1);
    let wins = thread::scope(|scope| {
        let tries: Vec<_> = (0..64)
            .map(|by| {
                let (store, winner) = (&bench.store, &winner);
                scope.spawn(move || match block_on(store.commit(vec![take(1, by)])) {
                    Ok(()) => {
                        winner.store(by, Relaxed);
                        1
                    }
                    Err(error) => {
                        assert_eq!(error, StoreError::Conflict);
                        // Whoever lost sees at once who won: no refusal leaves before the COMMIT.
                        assert_eq!(state(store, 1).as_deref(), Some("used"));
                        0
                    }
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).sum::<i32>()
    });
    assert_eq!(wins, 1);
    let rows: Vec<Row> = block_on(bench.store.query(&STATE, vec![Value::Int(1)])).unwrap();
    assert_eq!(rows[0].int(1), Ok(winner.load(Relaxed)));
}

#[test]
fn what_was_answered_is_there_after_the_store_is_opened_again() {
    let Bench { store, directory } = bench();
    block_on(store.commit(vec![insert(1, "new")])).unwrap();
    // A copy of the files as a crash would leave them, before any checkpoint at the end.
    let crashed = tempfile::tempdir().unwrap();
    for name in ["g.db", "g.db-wal"] {
        std::fs::copy(directory.path().join(name), crashed.path().join(name)).unwrap();
    }
    drop(store);
    assert_eq!(count(&reopen(&directory).unwrap()), 1);
    assert_eq!(count(&reopen(&crashed).unwrap()), 1);
}

#[test]
fn the_last_handle_leaves_one_file_with_everything_in_it() {
    let Bench { store, directory } = bench();
    let clone = store.clone();
    drop(store);
    block_on(clone.commit(vec![insert(1, "new")])).unwrap();
    drop(clone);
    assert!(!directory.path().join("g.db-wal").exists());
    let alone = tempfile::tempdir().unwrap();
    std::fs::copy(directory.path().join("g.db"), alone.path().join("g.db")).unwrap();
    assert_eq!(count(&reopen(&alone).unwrap()), 1);
}

#[test]
fn units_that_wait_when_the_last_handle_goes_are_written_and_answered() {
    let Bench { store, directory } = bench();
    let answers: Vec<_> = (0..50).map(|id| send(&store, vec![insert(id, "new")])).collect();
    drop(store);
    assert!(answers.into_iter().all(|answer| answer.blocking_recv() == Ok(Ok(()))));
    assert_eq!(count(&reopen(&directory).unwrap()), 50);
}

#[test]
fn an_error_of_the_data_is_named_and_undoes_only_its_unit() {
    let bench = bench();
    block_on(bench.store.commit(vec![insert(1, "new")])).unwrap();
    let with = |sql, params| vec![insert(9, "new"), Statement { sql, params, expect: Expect::Any }];
    let verdicts = in_one_batch(
        &bench.store,
        vec![
            vec![insert(2, "new"), insert(1, "again")],
            with(&CHILD, vec![Value::Int(1), Value::Int(77)]),
            with(&INSERT, vec![Value::Int(3), Value::Null]),
            with(&INSERT, vec![Value::Int(3), "bad".into()]),
            with(&INSERT, vec![Value::Int(3), vec![1_u8].into()]),
            with(&INSERT, vec!["three".into(), "new".into()]),
            with(&INSERT, vec![Value::Int(3)]),
            vec![insert(5, "new")],
        ],
    );
    assert_eq!(verdicts[0], Err(StoreError::Duplicate));
    assert_eq!(verdicts[1], Err(StoreError::Conflict), "the row that it refers to is gone");
    for verdict in &verdicts[2..7] {
        assert!(
            matches!(verdict, Err(StoreError::Corrupt(text)) if text.starts_with("insert:")),
            "{verdict:?}"
        );
    }
    assert_eq!(verdicts[7], Ok(()));
    assert_eq!(count(&bench.store), 2);
}

#[test]
fn a_full_queue_refuses_at_once_and_takes_units_again_later() {
    let bench = bench_with(|options| (options.queue, options.batch) = (2, 1));
    let shut = bench.store.inner.shared.gate.enter();
    let taken = send(&bench.store, vec![insert(1, "new")]);
    until_queued(&bench.store, 0);
    let waiting = [send(&bench.store, vec![insert(2, "new")]), send(&bench.store, vec![insert(3, "new")])];
    assert_eq!(bench.store.queued(), 2);
    let refused = block_on(bench.store.commit(vec![insert(4, "new")]));
    assert!(matches!(refused, Err(StoreError::Unavailable(text)) if text.contains("full")));
    assert_eq!(bench.store.queued(), 2);
    drop(shut);
    assert_eq!(taken.blocking_recv(), Ok(Ok(())));
    assert!(waiting.into_iter().all(|answer| answer.blocking_recv() == Ok(Ok(()))));
    assert_eq!(block_on(bench.store.commit(vec![insert(5, "new")])), Ok(()));
    assert_eq!(count(&bench.store), 4);
}

#[test]
fn waiting_units_share_a_commit_and_a_batch_has_a_bound() {
    let bench = bench_with(|options| options.batch = 100);
    let verdicts = in_one_batch(&bench.store, (0..256).map(|id| vec![insert(id, "new")]).collect());
    assert!(verdicts.iter().all(Result::is_ok));
    // 1 alone behind the gate, then 100 + 100 + 56.
    assert_eq!((bench.store.commits(), bench.store.units()), (4, 257));
}

#[test]
fn callers_at_the_same_time_need_fewer_commits_than_units() {
    let bench = bench();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..256)
            .map(|id| {
                let store = bench.store.clone();
                tokio::spawn(async move { store.commit(vec![insert(id, "new")]).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
    });
    assert_eq!(bench.store.units(), 256);
    assert!(bench.store.commits() < 256, "{} commits", bench.store.commits());
    assert_eq!(count(&bench.store), 256);
}

#[test]
fn an_empty_unit_is_done_without_the_writer() {
    let bench = bench();
    let _shut = bench.store.inner.shared.gate.enter();
    assert_eq!(block_on(bench.store.commit(vec![])), Ok(()));
    assert_eq!(bench.store.commits(), 0);
}

#[test]
fn a_read_after_a_commit_sees_it_on_every_reader() {
    let bench = bench_with(|options| options.readers = 3);
    for id in 0..100 {
        block_on(bench.store.commit(vec![insert(id, "new")])).unwrap();
        assert_eq!(count(&bench.store), id + 1);
    }
}

#[test]
fn a_row_that_cannot_be_read_fails_its_caller_and_nobody_else() {
    struct Picky;
    impl FromRow for Picky {
        fn from_row(row: &Row) -> Result<Picky, StoreError> {
            row.text(0).map(|_| Picky)
        }
    }
    struct Panics;
    impl FromRow for Panics {
        fn from_row(_: &Row) -> Result<Panics, StoreError> {
            panic!("planted")
        }
    }
    let bench = bench_with(|options| options.readers = 1);
    assert!(matches!(block_on(bench.store.query::<Picky>(&COUNT, vec![])), Err(StoreError::Corrupt(_))));
    assert!(matches!(block_on(bench.store.query::<Panics>(&COUNT, vec![])), Err(StoreError::Unavailable(_))));
    assert_eq!(count(&bench.store), 0);
}

#[path = "sqlite_file_tests.rs"]
mod files;

#[path = "sqlite_failure_tests.rs"]
mod failures;
