//! What a store promises, on both engines: guards, conflicts, all or nothing, the four kinds of value.

mod kinds;
mod migrations;
mod on_postgresql;
mod tls;
mod units;

use grantor_server::store::Store;
use grantor_server::store::migrate::Migration;
use grantor_server::store::postgres::{PgOptions, PgStore};
use grantor_server::store::sql::{Expect, FromRow, Row, Sql, Statement, StoreError, Value};
use grantor_server::store::sqlite::{SqliteOptions, SqliteStore};
use grantor_testkit::postgres::Database;

/// Makes two tests of each behaviour, one for each engine.
macro_rules! on_both_engines {
    ($($behaviour:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() { super::$behaviour(&crate::store::Bench::sqlite()).await; })*
        }
        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() { super::$behaviour(&crate::store::Bench::postgres().await).await; })*
        }
    };
}
use on_both_engines;

static INSERT: Sql = Sql { name: "insert", text: "INSERT INTO t (id, state) VALUES ($1, $2)" };
static TAKE: Sql =
    Sql { name: "take", text: "UPDATE t SET state = 'used', by = $2 WHERE id = $1 AND state = 'new'" };
static ALL: Sql = Sql { name: "all", text: "UPDATE t SET state = 'used'" };
static STATE: Sql = Sql { name: "state", text: "SELECT state, by FROM t WHERE id = $1" };
static COUNT: Sql = Sql { name: "count", text: "SELECT count(*) FROM t" };
static CHILD: Sql = Sql { name: "child", text: "INSERT INTO child (id, parent) VALUES ($1, $2)" };

const SCHEMA: &[Migration] = &[Migration {
    version: 1,
    name: "init",
    text:
        "CREATE TABLE t (id {int} PRIMARY KEY, state TEXT NOT NULL CHECK (state <> 'bad'), by {int}) {strict};
           CREATE TABLE child (id {int}, parent {int} NOT NULL REFERENCES t (id)) {strict};
           CREATE TABLE kinds (id {int} PRIMARY KEY, number {int}, word TEXT UNIQUE, raw {bytes}) {strict};",
}];

/// A store, and what it lies on. The store is dropped first.
struct Bench {
    store: Store,
    place: Place,
}

enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(Database),
}

impl Bench {
    fn sqlite() -> Self {
        let place = Place::Sqlite(tempfile::tempdir().unwrap());
        let Place::Sqlite(folder) = &place else { unreachable!() };
        let options = SqliteOptions::new(folder.path().join("g.db"));
        let (store, _) = SqliteStore::open_migrated(options, SCHEMA, 0).unwrap();
        Self { store: Store::Sqlite(store), place }
    }

    async fn postgres() -> Self {
        Self::postgres_with(|_| {}).await
    }

    async fn postgres_with(change: impl FnOnce(&mut PgOptions)) -> Self {
        let database = Database::fresh();
        let mut options = PgOptions::new(database.config());
        change(&mut options);
        let (store, _) = PgStore::open_migrated(options, SCHEMA, 0).await.unwrap();
        Self { store: Store::Postgres(store), place: Place::Postgres(database) }
    }

    async fn query<T: FromRow + Send + 'static>(
        &self,
        sql: &'static Sql,
        params: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        match &self.store {
            Store::Sqlite(store) => store.query(sql, params).await,
            Store::Postgres(store) => store.query(sql, params).await,
        }
    }

    async fn commit(&self, unit: Vec<Statement>) -> Result<(), StoreError> {
        self.store.commit(unit).await
    }

    async fn count(&self) -> i64 {
        self.query::<Row>(&COUNT, vec![]).await.unwrap()[0].int(0).unwrap()
    }

    async fn state(&self, id: i64) -> Option<String> {
        let rows: Vec<Row> = self.query(&STATE, vec![id.into()]).await.unwrap();
        rows.first().map(|row| row.text(0).unwrap().to_owned())
    }

    fn database(&self) -> &Database {
        match &self.place {
            Place::Postgres(database) => database,
            Place::Sqlite(_) => panic!("this is a test of PostgreSQL"),
        }
    }
}

fn insert(id: i64, state: &str) -> Statement {
    Statement { sql: &INSERT, params: vec![id.into(), state.into()], expect: Expect::Rows(1) }
}

fn take(id: i64, by: i64) -> Statement {
    Statement { sql: &TAKE, params: vec![id.into(), by.into()], expect: Expect::Rows(1) }
}

fn any(sql: &'static Sql, params: Vec<Value>) -> Statement {
    Statement { sql, params, expect: Expect::Any }
}
