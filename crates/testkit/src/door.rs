//! A second way into the database of a server under test: for what no request can do or show.

use tokio_postgres::SimpleQueryMessage;

/// A connection of the test's own to the database that a server uses, or has used.
pub enum Door {
    /// To the file.
    Sqlite(rusqlite::Connection),
    /// To the database server.
    Postgres(tokio_postgres::Client),
}

impl Door {
    /// Runs statements that both engines read alike.
    pub async fn run(&self, text: &str) {
        match self {
            Self::Sqlite(file) => file.execute_batch(text).expect("the statements run"),
            Self::Postgres(client) => client.batch_execute(text).await.expect("the statements run"),
        }
    }

    /// The first column of each row, as text.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        match self {
            Self::Sqlite(file) => {
                let query = format!(
                    "SELECT CAST(first AS TEXT) FROM (WITH r(first) AS ({query}) SELECT first FROM r)"
                );
                let mut prepared = file.prepare(&query).expect("the query can be read");
                let rows = prepared.query_map([], |row| row.get(0)).expect("the query runs");
                rows.map(|text| text.expect("a text")).collect()
            }
            Self::Postgres(client) => {
                let rows = client.simple_query(query).await.expect("the query runs");
                let text = |row| match row {
                    SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                    _ => None,
                };
                rows.into_iter().filter_map(text).collect()
            }
        }
    }

    /// The number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        self.texts(query).await.first().and_then(|text| text.parse().ok()).expect("one number")
    }

    /// The names of the tables, in order.
    pub async fn tables(&self) -> Vec<String> {
        self.texts(match self {
            Self::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
            Self::Postgres(_) => {
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
            }
        })
        .await
    }
}
