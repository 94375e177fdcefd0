//! Units: guards, conflicts, all or nothing.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::*;

on_both_engines! {
    a_failed_guard_undoes_its_whole_unit,
    more_rows_than_expected_is_a_conflict_too,
    a_statement_that_returns_rows_is_guarded_by_their_number,
    of_64_that_take_one_row_at_the_same_time_exactly_one_succeeds,
    of_64_that_insert_one_id_at_the_same_time_exactly_one_succeeds,
    an_error_of_the_data_is_named_and_undoes_its_unit,
    the_first_fault_of_a_unit_is_the_one_that_is_told,
    an_unguarded_unit_is_all_or_nothing_too,
    an_error_never_repeats_a_parameter,
    a_caller_who_goes_away_does_not_stop_his_unit,
    units_that_cross_each_other_end_in_a_conflict_and_not_in_half,
    what_was_answered_is_read_by_everybody_at_once,
    an_empty_unit_is_done_at_once,
    a_read_cannot_write,
    a_row_that_cannot_be_read_is_corrupt,
}

async fn a_failed_guard_undoes_its_whole_unit(bench: &Bench) {
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    let unit = vec![insert(2, "new"), take(99, 0), insert(3, "new")];
    assert_eq!(bench.commit(unit).await, Err(StoreError::Conflict));
    let unit = vec![insert(4, "new"), take(1, 7)];
    assert_eq!(bench.commit(unit).await, Ok(()));
    assert_eq!((bench.state(2).await, bench.state(3).await), (None, None));
    assert_eq!(bench.state(1).await.as_deref(), Some("used"));
    assert_eq!(bench.state(4).await.as_deref(), Some("new"));
    // The guard alone, too, and after it the connection is clean.
    assert_eq!(bench.commit(vec![take(1, 8)]).await, Err(StoreError::Conflict));
    assert_eq!(bench.commit(vec![insert(5, "new")]).await, Ok(()));
    assert_eq!(bench.store.figures().units, 3);
}

async fn more_rows_than_expected_is_a_conflict_too(bench: &Bench) {
    bench.commit(vec![insert(1, "new"), insert(2, "new")]).await.unwrap();
    let all = |expect| vec![Statement { sql: &ALL, params: vec![], expect }];
    let mut pair = all(Expect::Rows(1));
    pair.push(insert(3, "new"));
    assert_eq!(bench.commit(pair).await, Err(StoreError::Conflict));
    assert_eq!((bench.state(1).await.as_deref(), bench.state(3).await), (Some("new"), None));
    // Alone it is a transaction by itself. Ours name one row by its key: more is a table that is not ours.
    assert!(matches!(bench.commit(all(Expect::Rows(1))).await, Err(StoreError::Corrupt(_))));
    assert_eq!(bench.commit(all(Expect::Rows(2))).await, Ok(()));
    assert_eq!(bench.commit(all(Expect::Any)).await, Ok(()));
}

async fn a_statement_that_returns_rows_is_guarded_by_their_number(bench: &Bench) {
    static BACK: Sql = Sql { name: "back", text: "UPDATE t SET by = $1 WHERE by IS NULL RETURNING id" };
    static GUARD: Sql = Sql { name: "guard", text: "SELECT 1 FROM t WHERE id = $1 AND state = $2" };
    bench.commit(vec![insert(1, "new"), insert(2, "new")]).await.unwrap();
    let guard = |state: &str| Statement {
        sql: &GUARD,
        params: vec![Value::Int(1), state.into()],
        expect: Expect::Rows(1),
    };
    let back = Statement { sql: &BACK, params: vec![Value::Int(5)], expect: Expect::Rows(2) };
    assert_eq!(bench.commit(vec![guard("used"), insert(3, "new")]).await, Err(StoreError::Conflict));
    assert_eq!(bench.commit(vec![guard("new"), back]).await, Ok(()));
    assert_eq!(bench.count().await, 2);
}

/// Starts as many units at the same time and gives their answers.
async fn race(
    bench: &Bench,
    units: i64,
    unit: impl Fn(i64) -> Vec<Statement>,
) -> Vec<Result<(), StoreError>> {
    let mut tries = Vec::new();
    for by in 0..units {
        let (store, unit) = (bench.store.clone(), unit(by));
        tries.push(tokio::spawn(async move { store.commit(unit).await }));
    }
    let mut answers = Vec::new();
    for one in tries {
        answers.push(one.await.unwrap());
    }
    answers
}

async fn of_64_that_take_one_row_at_the_same_time_exactly_one_succeeds(bench: &Bench) {
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    // Each with a second statement, so that a loser has something to be undone.
    let answers = race(bench, 64, |by| vec![insert(100 + by, "new"), take(1, by)]).await;
    let winner = answers.iter().position(Result::is_ok).expect("a winner");
    for (by, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, if by == winner { Ok(()) } else { Err(StoreError::Conflict) }, "{by}");
    }
    let rows: Vec<Row> = bench.query(&STATE, vec![Value::Int(1)]).await.unwrap();
    assert_eq!(rows[0].int(1), Ok(winner as i64));
    assert_eq!(bench.count().await, 2, "something of a loser is left");
}

async fn of_64_that_insert_one_id_at_the_same_time_exactly_one_succeeds(bench: &Bench) {
    let answers = race(bench, 64, |_| vec![insert(1, "new")]).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Err(StoreError::Duplicate)).count(), 63);
}

async fn an_error_of_the_data_is_named_and_undoes_its_unit(bench: &Bench) {
    static NOWHERE: Sql = Sql { name: "nowhere", text: "INSERT INTO nowhere (id) VALUES ($1)" };
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    let with = |sql, params| vec![insert(9, "new"), any(sql, params)];
    assert_eq!(bench.commit(vec![insert(2, "new"), insert(1, "again")]).await, Err(StoreError::Duplicate));
    let dangling = bench.commit(with(&CHILD, vec![Value::Int(1), Value::Int(77)])).await;
    assert_eq!(dangling, Err(StoreError::Conflict), "the row that it refers to is gone");
    for (sql, params) in [
        (&INSERT, vec![Value::Int(3), Value::Null]),
        (&INSERT, vec![Value::Int(3), "bad".into()]),
        (&INSERT, vec![Value::Int(3), vec![1_u8].into()]),
        (&INSERT, vec!["three".into(), "new".into()]),
        (&INSERT, vec![Value::Int(3)]),
        (&NOWHERE, vec![Value::Int(3)]),
    ] {
        let name = sql.name;
        let verdict = bench.commit(with(sql, params)).await;
        assert!(matches!(&verdict, Err(StoreError::Corrupt(text)) if text.starts_with(name)), "{verdict:?}");
    }
    assert_eq!(bench.commit(vec![insert(5, "new")]).await, Ok(()));
    assert_eq!(bench.count().await, 2);
}

async fn the_first_fault_of_a_unit_is_the_one_that_is_told(bench: &Bench) {
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    let dangling = || any(&CHILD, vec![Value::Int(1), Value::Int(77)]);
    assert_eq!(bench.commit(vec![insert(1, "again"), dangling()]).await, Err(StoreError::Duplicate));
    assert_eq!(bench.commit(vec![dangling(), insert(1, "again")]).await, Err(StoreError::Conflict));
    assert_eq!(bench.commit(vec![take(99, 0), insert(1, "again")]).await, Err(StoreError::Conflict));
}

async fn an_unguarded_unit_is_all_or_nothing_too(bench: &Bench) {
    let unguarded = |id: i64| Statement { expect: Expect::Any, ..insert(id, "new") };
    assert_eq!(bench.commit(vec![unguarded(1), unguarded(2)]).await, Ok(()));
    assert_eq!(bench.commit(vec![unguarded(3), unguarded(1)]).await, Err(StoreError::Duplicate));
    let misfit = any(&INSERT, vec![Value::Int(5), vec![1_u8].into()]);
    assert!(matches!(bench.commit(vec![unguarded(4), misfit]).await, Err(StoreError::Corrupt(_))));
    assert_eq!(bench.commit(vec![unguarded(1)]).await, Err(StoreError::Duplicate));
    assert_eq!(bench.count().await, 2);
    assert_eq!(bench.store.figures().units, 1);
}

async fn an_error_never_repeats_a_parameter(bench: &Bench) {
    let units = [
        vec![any(&CHILD, vec![Value::Int(1), "hunter2".into()])],
        vec![insert(1, "hunter2"), any(&INSERT, vec![Value::Int(1), "hunter2".into()])],
    ];
    for unit in units {
        let told = bench.commit(unit).await.unwrap_err().to_string();
        assert!(!told.contains("hunter2"), "{told}");
    }
}

async fn a_caller_who_goes_away_does_not_stop_his_unit(bench: &Bench) {
    for id in 0..50 {
        let mut unit = pin!(bench.commit(vec![insert(id, "new"), insert(1000 + id, "new")]));
        // Polled once, then dropped: the caller is gone before any answer.
        let _ = poll_fn(|context| Poll::Ready(unit.as_mut().poll(context))).await;
    }
    // No connection is left in a transaction, and none of them holds a lock that others wait for.
    while bench.store.figures().queued > 0 {
        tokio::task::yield_now().await;
    }
    for id in 2000..2020 {
        bench.commit(vec![insert(id, "new")]).await.unwrap();
    }
    // The SQLite writer counts a unit off before it has written it; the last commits came behind it.
    assert_eq!(bench.count().await, 120);
}

async fn units_that_cross_each_other_end_in_a_conflict_and_not_in_half(bench: &Bench) {
    static ADD: Sql = Sql { name: "add", text: "UPDATE t SET by = COALESCE(by, 0) + $2 WHERE id = $1" };
    bench.commit(vec![insert(1, "new"), insert(2, "new")]).await.unwrap();
    let add =
        |id: i64| Statement { sql: &ADD, params: vec![id.into(), Value::Int(1)], expect: Expect::Rows(1) };
    // Half of them take the rows in one order, half in the other: some deadlock, which is a conflict. PostgreSQL needs a
    // second to see each, so there are few.
    let answers =
        race(bench, 6, |by| if by % 2 == 0 { vec![add(1), add(2)] } else { vec![add(2), add(1)] }).await;
    let done = answers.iter().filter(|answer| answer.is_ok()).count() as i64;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(StoreError::Conflict))), "{answers:?}");
    assert!(done > 0);
    for id in [1, 2] {
        let rows: Vec<Row> = bench.query(&STATE, vec![id.into()]).await.unwrap();
        assert_eq!(rows[0].int(1), Ok(done), "a unit was committed in part, or lost");
    }
}

async fn what_was_answered_is_read_by_everybody_at_once(bench: &Bench) {
    for id in 0..100 {
        bench.commit(vec![insert(id, "new")]).await.unwrap();
        assert_eq!(bench.count().await, id + 1);
    }
}

async fn an_empty_unit_is_done_at_once(bench: &Bench) {
    assert_eq!(bench.commit(vec![]).await, Ok(()));
    let figures = bench.store.figures();
    assert_eq!((figures.commits, figures.units, figures.queued, figures.read_only), (0, 0, 0, false));
}

async fn a_read_cannot_write(bench: &Bench) {
    let written = bench.query::<Row>(&INSERT, vec![Value::Int(1), "new".into()]).await;
    assert!(matches!(written, Err(StoreError::Unavailable(text)) if text.starts_with("insert:")));
    assert_eq!(bench.count().await, 0);
}

async fn a_row_that_cannot_be_read_is_corrupt(bench: &Bench) {
    struct Picky;
    impl FromRow for Picky {
        fn from_row(row: &Row) -> Result<Picky, StoreError> {
            row.text(0).map(|_| Picky)
        }
    }
    assert!(matches!(bench.query::<Picky>(&COUNT, vec![]).await, Err(StoreError::Corrupt(_))));
    assert_eq!(bench.count().await, 0);
}
