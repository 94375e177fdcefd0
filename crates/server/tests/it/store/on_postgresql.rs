//! What only a database server can do to its clients: be gone, come back, hang, know others.

use std::sync::Arc;
use std::time::Duration;

use grantor_core::secret::Brand;
use grantor_server::clock::{Clock, SystemClock};
use grantor_server::config;
use grantor_server::leaks::Leaks;
use grantor_server::mail::Mailer;
use grantor_server::node::{BuildError, Node, Parts};
use grantor_server::pages::Pages;
use grantor_server::password::{Cost, Passwords, PoolSize};
use grantor_server::remote::Remote;
use grantor_server::vault::Vault;
use tokio_postgres::Client;

use super::*;

/// Ends the sessions of everybody else on this database.
async fn end_the_others(client: &Client) -> u64 {
    let text = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    client.execute(text, &[]).await.unwrap()
}

/// Waits until a session of ours waits for a lock of the test.
async fn until_somebody_waits(client: &Client) {
    let text = "SELECT 1 FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()";
    while client.execute(text, &[]).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
}

/// A connection that holds the row 1, so that whoever wants it waits.
async fn holder(bench: &Bench) -> Client {
    let client = bench.database().connect().await;
    client.batch_execute("BEGIN; UPDATE t SET by = 99 WHERE id = 1").await.unwrap();
    client
}

fn under_way(bench: &Bench, unit: Vec<Statement>) -> tokio::task::JoinHandle<Result<(), StoreError>> {
    let store = bench.store.clone();
    tokio::spawn(async move { store.commit(unit).await })
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_are_unavailable_at_most_and_made_again() {
    let bench = Bench::postgres().await;
    let client = bench.database().connect().await;
    bench.commit(vec![insert(0, "new")]).await.unwrap();
    let mut done = 1;
    for id in 1..20 {
        if id % 5 == 0 {
            assert!(end_the_others(&client).await > 0);
        }
        match bench.commit(vec![insert(id, "new")]).await {
            Ok(()) => done += 1,
            Err(StoreError::Unavailable(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    // Three times four connections for units were broken, each of which may have cost the unit that found it so.
    assert!(done >= 20 - 3 * 4, "{done}");
    // The same with reads, for as many as there are connections.
    for _ in 0..4 {
        let _ = bench.query::<Row>(&COUNT, vec![]).await;
    }
    assert_eq!(bench.count().await, done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_within_a_unit_leaves_nothing_of_it() {
    let bench = Bench::postgres().await;
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    let holder = holder(&bench).await;
    let unit = under_way(&bench, vec![insert(2, "new"), take(1, 7), insert(3, "new")]);
    until_somebody_waits(&holder).await;
    end_the_others(&holder).await;
    assert!(matches!(unit.await.unwrap(), Err(StoreError::Unavailable(_))));
    holder.batch_execute("ROLLBACK").await.unwrap();
    while bench.commit(vec![insert(4, "new")]).await.is_err() {}
    for _ in 0..4 {
        let _ = bench.query::<Row>(&COUNT, vec![]).await;
    }
    assert_eq!(bench.count().await, 2);
    assert_eq!(bench.state(1).await.as_deref(), Some("new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_commit_is_told_as_an_outcome_that_nobody_knows() {
    let bench = Bench::postgres().await;
    // At COMMIT, and not before, the session ends.
    let planted = "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS \
                   'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'; \
                   CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED \
                   FOR EACH ROW WHEN (NEW.state = 'fatal') EXECUTE FUNCTION die()";
    bench.database().connect().await.batch_execute(planted).await.unwrap();
    let guarded = insert(1, "fatal");
    let unguarded = Statement { expect: Expect::Any, ..insert(1, "fatal") };
    for unit in [vec![guarded], vec![unguarded]] {
        let told = bench.commit(unit).await;
        assert!(
            matches!(&told, Err(StoreError::Unavailable(text)) if text.contains("not known")),
            "{told:?}"
        );
    }
    assert_eq!(bench.commit(vec![insert(2, "new")]).await, Ok(()));
    assert_eq!(bench.store.figures().units, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_the_server_refuses_has_undone_the_unit() {
    let bench = Bench::postgres().await;
    let late = "ALTER TABLE child ALTER CONSTRAINT child_parent_fkey DEFERRABLE INITIALLY DEFERRED";
    bench.database().connect().await.batch_execute(late).await.unwrap();
    let dangling =
        Statement { sql: &CHILD, params: vec![Value::Int(1), Value::Int(77)], expect: Expect::Rows(1) };
    assert_eq!(bench.commit(vec![insert(1, "new"), dangling]).await, Err(StoreError::Conflict));
    assert_eq!(bench.count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_does_not_see_a_unit_that_is_under_way_and_does_not_wait_for_it() {
    let bench = Bench::postgres().await;
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    let holder = holder(&bench).await;
    let unit = under_way(&bench, vec![insert(2, "new"), take(1, 7)]);
    until_somebody_waits(&holder).await;
    // More reads than there are connections.
    for _ in 0..20 {
        assert_eq!(bench.count().await, 1);
    }
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(unit.await.unwrap(), Ok(()));
    assert_eq!(bench.count().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once_and_takes_units_again_later() {
    let bench = Bench::postgres_with(|options| options.queue = 1).await;
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    let holder = holder(&bench).await;
    let unit = under_way(&bench, vec![take(1, 7)]);
    until_somebody_waits(&holder).await;
    assert_eq!(bench.store.figures().queued, 1);
    let refused = bench.commit(vec![insert(2, "new")]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(text)) if text.contains("full")));
    assert_eq!(bench.store.figures().queued, 1, "a refused unit is still counted");
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(unit.await.unwrap(), Ok(()));
    assert_eq!(bench.commit(vec![insert(2, "new")]).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_connection_for_ever() {
    let bench = Bench::postgres_with(|options| {
        options.writers = 1;
        options.patience = Duration::from_millis(300);
    })
    .await;
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    let holder = holder(&bench).await;
    let unit = under_way(&bench, vec![take(1, 7)]);
    until_somebody_waits(&holder).await;
    let refused = bench.commit(vec![insert(2, "new")]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(text)) if text.contains("no connection")));
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(unit.await.unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_within_a_transaction_leaves_none_open() {
    let bench = Bench::postgres_with(|options| options.writers = 1).await;
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    let holder = holder(&bench).await;
    let caller = under_way(&bench, vec![insert(2, "new"), take(1, 7)]);
    until_somebody_waits(&holder).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    holder.batch_execute("ROLLBACK").await.unwrap();
    // The only connection for units is free again, and the unit was finished.
    assert_eq!(bench.commit(vec![insert(3, "new")]).await, Ok(()));
    assert_eq!(bench.state(1).await.as_deref(), Some("used"));
    assert_eq!(bench.count().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_writes_only_within_a_unit_and_flushes_whatever_the_default_is() {
    static SETTING: Sql =
        Sql { name: "setting", text: "UPDATE t SET state = current_setting($2) WHERE id = $1" };
    let database = Database::fresh();
    let careless = "ALTER DATABASE {} SET synchronous_commit = off";
    let careless = careless.replace("{}", database.config().get_dbname().unwrap());
    database.connect().await.batch_execute(&careless).await.unwrap();
    let options = PgOptions::new(database.config());
    let (store, _) = PgStore::open_migrated(options, SCHEMA, 0).await.unwrap();
    let bench = Bench { store: Store::Postgres(store), place: Place::Postgres(database) };
    bench.commit(vec![insert(1, "new")]).await.unwrap();
    for (setting, value) in [
        ("default_transaction_read_only", "on"),
        ("transaction_read_only", "off"),
        ("synchronous_commit", "on"),
    ] {
        bench.commit(vec![any(&SETTING, vec![Value::Int(1), setting.into()])]).await.unwrap();
        assert_eq!(bench.state(1).await.as_deref(), Some(value), "{setting}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_error_of_the_server_does_not_repeat_the_value() {
    static CAST: Sql = Sql {
        name: "cast",
        text: "INSERT INTO t (id, state) VALUES ($1, CAST(CAST(CAST($2 AS TEXT) AS BIGINT) AS TEXT))",
    };
    let bench = Bench::postgres().await;
    let told = bench.commit(vec![any(&CAST, vec![Value::Int(1), "hunter2".into()])]).await;
    assert_eq!(told, Err(StoreError::Corrupt("cast: SQLSTATE 22P02".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_told_without_the_password() {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(1).user("grantor").password("hunter2");
    let refused = PgStore::open_migrated(PgOptions::new(config), SCHEMA, 0).await.map(|_| ());
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("refused") && !told.contains("hunter2"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_sees_the_installation_and_who_works_on_it() {
    let database = Database::fresh();
    let options = PgOptions::new(database.config());
    let seen = PgStore::look(&options).await.unwrap();
    assert_eq!((seen.installed, seen.in_use), (false, false));
    let (store, _) = PgStore::open_migrated(options.clone(), SCHEMA, 0).await.unwrap();
    store.query::<Row>(&COUNT, vec![]).await.unwrap();
    let seen = PgStore::look(&options).await.unwrap();
    assert_eq!((seen.installed, seen.in_use), (true, true));
    drop(store);
    // The server notices a little later that the connections are gone.
    while PgStore::look(&options).await.unwrap().in_use {}
}

#[tokio::test(flavor = "multi_thread")]
async fn n02_of_nodes_that_bring_a_master_key_each_to_a_new_database_one_is_let_in() {
    let database = Database::fresh();
    let clock = Arc::new(SystemClock::new());
    let store = Store::open_postgres(PgOptions::new(database.config()), clock.wall()).await.unwrap();
    let nodes: Vec<_> = (0..16)
        .map(|key| {
            let vault = Vault::new(&[key; 32].into()).unwrap();
            let (store, clock) = (store.clone(), clock.clone());
            tokio::spawn(Node::build(parts(store, vault, clock)))
        })
        .collect();
    let mut built = 0;
    for node in nodes {
        match node.await.unwrap() {
            Ok(_) => built += 1,
            Err(error) => assert!(matches!(error, BuildError::WrongMasterKey), "{error}"),
        }
    }
    assert_eq!(built, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_names_the_tool_that_makes_it() {
    let bench = Bench::postgres().await;
    let told = bench.store.backup_to(std::path::Path::new("/backup/g.dump")).await.unwrap_err().to_string();
    assert!(told.contains("pg_dump") && told.contains("/backup/g.dump"), "{told}");
}

/// What a node needs beside its database, as cheap as it may be.
fn parts(store: Store, vault: Vault, clock: Arc<dyn Clock>) -> Parts {
    let cost = Cost::new(64, 1).expect("a cost that argon2 can do");
    Parts {
        store,
        vault,
        clock,
        brand: Brand::default(),
        passwords: Passwords::start(cost, PoolSize::of_this_machine()).expect("threads"),
        pages: Pages::load(None).expect("the built-in pages"),
        mailer: Mailer::Off,
        leaks: Leaks::new(&config::Leaks::default()),
        remote: Remote::new(&Default::default()).expect("the strictest rules"),
    }
}
