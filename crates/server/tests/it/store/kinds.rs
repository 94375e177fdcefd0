//! The four kinds of value, there and back, and their order.

use grantor_server::store::sql::MOST_PARAMETER_BYTES;

use super::*;

on_both_engines! {
    every_kind_of_value_comes_back_as_it_was,
    null_goes_into_every_kind_of_column,
    text_is_ordered_by_its_bytes_and_pages_follow_that_order,
    a_text_with_u0000_is_refused_alike,
    m15_a_value_that_no_length_field_carries_never_reaches_the_engine,
    a_number_is_as_wide_as_it_can_be,
}

static PUT: Sql =
    Sql { name: "put", text: "INSERT INTO kinds (id, number, word, raw) VALUES ($1, $2, $3, $4)" };
static GET: Sql = Sql { name: "get", text: "SELECT number, word, raw FROM kinds WHERE id = $1" };

fn put(id: i64, values: [Value; 3]) -> Vec<Statement> {
    let params = std::iter::once(Value::Int(id)).chain(values).collect();
    vec![Statement { sql: &PUT, params, expect: Expect::Rows(1) }]
}

async fn every_kind_of_value_comes_back_as_it_was(bench: &Bench) {
    let values = [
        [Value::Int(0), "".into(), Vec::new().into()],
        [Value::Int(-1), "ä€😀\u{1}\t' \"\\ $1".into(), vec![0_u8, 255, 0].into()],
        [Value::Int(i64::MAX), "x".repeat(100_000).into(), vec![7_u8; 100_000].into()],
        [Value::Int(i64::MIN), "\u{10ffff}".into(), (0..=255).collect::<Vec<u8>>().into()],
    ];
    for (id, values) in (0..).zip(values) {
        bench.commit(put(id, values.clone())).await.unwrap();
        let rows: Vec<Row> = bench.query(&GET, vec![id.into()]).await.unwrap();
        assert!(rows == [Row::new(values.to_vec())], "row {id}");
    }
}

async fn null_goes_into_every_kind_of_column(bench: &Bench) {
    static NULLS: Sql = Sql {
        name: "nulls",
        text: "SELECT id FROM kinds WHERE number IS NULL AND word IS NULL AND raw IS NULL",
    };
    bench.commit(put(1, [Value::Null, Value::Null, Value::Null])).await.unwrap();
    let rows: Vec<Row> = bench.query(&GET, vec![Value::Int(1)]).await.unwrap();
    assert!(rows == [Row::new(vec![Value::Null, Value::Null, Value::Null])]);
    assert_eq!(bench.query::<Row>(&NULLS, vec![]).await.unwrap()[0].int(0), Ok(1));
}

async fn text_is_ordered_by_its_bytes_and_pages_follow_that_order(bench: &Bench) {
    static PAGE: Sql =
        Sql { name: "page", text: "SELECT word FROM kinds WHERE word > $1 ORDER BY word LIMIT $2" };
    let mut words = ["b", "C", "a-b", "ab", "a_b", "B", "é", "z", "_", "a", "-", "Z", "aB"];
    for (id, word) in (0..).zip(words) {
        bench.commit(put(id, [Value::Null, word.into(), Value::Null])).await.unwrap();
    }
    words.sort_unstable();
    let mut seen: Vec<String> = Vec::new();
    loop {
        let after = seen.last().cloned().unwrap_or_default();
        let page: Vec<Row> = bench.query(&PAGE, vec![after.into(), Value::Int(3)]).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|row| row.text(0).unwrap().to_owned()));
    }
    assert_eq!(seen, words);
}

async fn a_text_with_u0000_is_refused_alike(bench: &Bench) {
    let refused = bench.commit(put(1, [Value::Null, "a\0b".into(), Value::Null])).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(text)) if text.starts_with("put:")));
    let read = bench.query::<Row>(&STATE, vec!["a\0b".into()]).await;
    assert!(matches!(read, Err(StoreError::Corrupt(text)) if text.starts_with("state:")));
    assert_eq!(bench.commit(put(1, [Value::Null, "a".into(), vec![0_u8].into()])).await, Ok(()));
}

async fn m15_a_value_that_no_length_field_carries_never_reaches_the_engine(bench: &Bench) {
    let large = |length| [Value::Null, Value::Null, vec![0_u8; length].into()];
    let refused = bench.commit(put(1, large(MOST_PARAMETER_BYTES + 1))).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt(text)) if text.starts_with("put:") && text.contains("64 MiB"))
    );
    assert_eq!(bench.store.figures().units, 0);
    assert!(bench.query::<Row>(&GET, vec![Value::Int(1)]).await.unwrap().is_empty());
    assert_eq!(bench.commit(put(1, large(1 << 20))).await, Ok(()));
}

async fn a_number_is_as_wide_as_it_can_be(bench: &Bench) {
    static SUM: Sql = Sql { name: "sum", text: "UPDATE kinds SET number = number + $2 WHERE id = $1" };
    bench.commit(put(1, [Value::Int(1 << 40), Value::Null, Value::Null])).await.unwrap();
    let add = |number: i64| vec![any(&SUM, vec![Value::Int(1), number.into()])];
    assert_eq!(bench.commit(add(1 << 50)).await, Ok(()));
    let rows: Vec<Row> = bench.query(&GET, vec![Value::Int(1)]).await.unwrap();
    assert_eq!(rows[0].int(0), Ok((1 << 40) + (1 << 50)));
}
