//! How one SQLite connection reads the shared statement text: parameters renumbered, values bound, rows counted,
//! the engine's errors named.

use std::collections::HashMap;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ffi, params_from_iter};

use crate::store::sql::{FromRow, Row, Sql, Statement, StoreError, Value};

/// Prepared statements kept per connection. The default of 16 would prepare again at almost every request.
const CACHED_STATEMENTS: usize = 512;

/// A connection and the statement texts already rewritten for it.
pub(super) struct Session {
    pub(super) connection: Connection,
    texts: Texts,
}

/// Keyed by the place of the text: it is `'static`, so equal places are equal texts, and hashing two
/// words is cheaper than hashing the text.
type Texts = HashMap<(usize, usize), String>;

impl Session {
    pub(super) fn new(connection: Connection) -> Session {
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // Plans do not depend on values. Without this a statement whose table has a partial index is prepared again at
        // every single bind. It cannot fail on an open connection, and a plan that looks at values is right, too.
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
        Session { connection, texts: HashMap::new() }
    }

    /// Runs one write and tells how many rows it changed, or returned if it returns rows (`RETURNING`, or a
    /// `SELECT` used as a guard; PostgreSQL counts both in the same way).
    pub(super) fn execute(&mut self, statement: &Statement) -> rusqlite::Result<u64> {
        let text = rewritten(&mut self.texts, statement.sql);
        let mut prepared = self.connection.prepare_cached(text)?;
        let params = params_from_iter(&statement.params);
        if prepared.column_count() == 0 {
            return prepared.execute(params).map(|rows| rows as u64);
        }
        let mut rows = prepared.query(params)?;
        let mut count = 0;
        while rows.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Reads all rows of one statement from one snapshot.
    pub(super) fn read<T: FromRow>(
        &mut self,
        sql: &'static Sql,
        params: &[Value],
    ) -> Result<Vec<T>, StoreError> {
        let named = |error| store_error(sql.name, &error);
        let text = rewritten(&mut self.texts, sql);
        let mut prepared = self.connection.prepare_cached(text).map_err(named)?;
        let columns = prepared.column_count();
        let mut rows = prepared.query(params_from_iter(params)).map_err(named)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(named)? {
            let row = (0..columns).map(|index| column(sql, row, index)).collect::<Result<_, _>>()?;
            found.push(T::from_row(&Row::new(row))?);
        }
        Ok(found)
    }

    /// Prepares without running: number of parameters and of columns.
    pub(super) fn shape(&mut self, sql: &'static Sql) -> Result<(usize, usize), StoreError> {
        let text = rewritten(&mut self.texts, sql);
        let prepared = self.connection.prepare(text).map_err(|error| store_error(sql.name, &error))?;
        Ok((prepared.parameter_count(), prepared.column_count()))
    }
}

/// The storage meaning of an engine error. SQLite's messages hold names of columns and kinds of values, never the
/// values.
pub(in crate::store) fn store_error(name: &str, error: &rusqlite::Error) -> StoreError {
    let text = format!("{name}: {error}");
    let Some(failure) = error.sqlite_error() else {
        return StoreError::Corrupt(text);
    };
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            return StoreError::Duplicate;
        }
        // The row that the new one refers to was there when the decision was made: stale facts.
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return StoreError::Conflict,
        _ => {}
    }
    match failure.code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::OutOfMemory
        | ErrorCode::ReadOnly
        | ErrorCode::OperationInterrupted
        | ErrorCode::SystemIoFailure
        | ErrorCode::DiskFull
        | ErrorCode::CannotOpen
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::PermissionDenied
        | ErrorCode::SchemaChanged => StoreError::Unavailable(text),
        // Includes NOT NULL, CHECK, the type errors of STRICT tables, bad SQL and a damaged file.
        _ => StoreError::Corrupt(text),
    }
}

/// `$n` becomes `?n`: SQLite takes `$1` for a NAME and numbers it by first appearance. Literals, quoted
/// identifiers and comments stay as they are, and so does a `$` inside an identifier.
fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kept, parameter) = match first {
            '\'' | '"' => (quoted(rest, first), false),
            '-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => (rest[2..].find("*/").map_or(rest.len(), |end| end + 4), false),
            '$' => (1, rest[1..].starts_with(|next: char| next.is_ascii_digit())),
            _ if in_word(first) => (rest.find(ends_word).unwrap_or(rest.len()), false),
            _ => (first.len_utf8(), false),
        };
        let (token, after) = rest.split_at(kept);
        out.push_str(if parameter { "?" } else { token });
        rest = after;
    }
    out
}

/// Where the literal ends. A doubled quote inside it ends one literal and begins the next, which comes to the same.
fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

fn in_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn ends_word(character: char) -> bool {
    !in_word(character) && character != '$'
}

fn rewritten<'a>(texts: &'a mut Texts, sql: &'static Sql) -> &'a str {
    let place = (sql.text.as_ptr() as usize, sql.text.len());
    texts.entry(place).or_insert_with(|| numbered(sql.text))
}

fn column(sql: &Sql, row: &rusqlite::Row<'_>, index: usize) -> Result<Value, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("{}: column {index}: {what}", sql.name));
    match row.get_ref(index).map_err(|error| store_error(sql.name, &error))? {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Real(_) => Err(corrupt("a floating-point number, which no column holds")),
        ValueRef::Text(text) => {
            std::str::from_utf8(text).map(Value::from).map_err(|_| corrupt("text is not UTF-8"))
        }
        ValueRef::Blob(bytes) => Ok(Value::from(bytes)),
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn parameters_are_numbered_and_ten_is_not_one() {
        assert_eq!(numbered("a = $1 AND b = $10 AND c=$2"), "a = ?1 AND b = ?10 AND c=?2");
        assert_eq!(numbered("VALUES($2,$1)"), "VALUES(?2,?1)");
        assert_eq!(numbered("$1"), "?1");
    }

    #[test]
    fn literals_quoted_names_comments_and_names_keep_their_dollar() {
        for text in [
            "'costs $1'",
            "'it''s $1'",
            "\"col $1\"",
            "-- $1 here",
            "/* $1 */",
            "/*/ $1 */",
            "a$1",
            "é$1",
            "$name",
            "$",
            "'open $1",
        ] {
            let kept = numbered(text);
            assert_eq!(kept, text);
        }
        assert_eq!(numbered("'$1' || $1 -- $2\n, $2 /* $3 */ $3"), "'$1' || ?1 -- $2\n, ?2 /* $3 */ ?3");
        assert_eq!(numbered("'ü' || $1 - $2 / $3"), "'ü' || ?1 - ?2 / ?3");
    }

    #[test]
    fn a_parameter_means_its_number_wherever_it_stands_first() {
        static SWAPPED: Sql = Sql { name: "swapped", text: "SELECT $2, $1, '$1'" };
        let mut session = Session::new(Connection::open_in_memory().unwrap());
        let rows: Vec<Row> = session.read(&SWAPPED, &[Value::Int(1), Value::Int(2)]).unwrap();
        assert_eq!((rows[0].int(0), rows[0].int(1), rows[0].text(2)), (Ok(2), Ok(1), Ok("$1")));
        assert_eq!(session.shape(&SWAPPED), Ok((2, 3)));
    }

    #[test]
    fn a_statement_over_a_partial_index_is_prepared_once_whatever_is_bound() {
        static READ: Sql = Sql { name: "partial", text: "SELECT a FROM t WHERE a = $1 AND b = $2" };
        let mut session = Session::new(Connection::open_in_memory().unwrap());
        let schema = "CREATE TABLE t (a INTEGER, b INTEGER); CREATE INDEX t_by_a ON t (a) WHERE b = 1;";
        session.connection.execute_batch(schema).unwrap();
        for number in 0..3 {
            session.read::<Row>(&READ, &[Value::Int(number), Value::Int(number)]).unwrap();
        }
        let prepared = session.connection.prepare_cached(&numbered(READ.text)).unwrap();
        let count = |what| prepared.get_status(what);
        assert_eq!((count(StatementStatus::Run), count(StatementStatus::RePrepare)), (3, 0));
    }

    #[test]
    fn two_texts_of_one_length_are_two_statements() {
        static ONE: Sql = Sql { name: "one", text: "SELECT 1" };
        static TWO: Sql = Sql { name: "two", text: "SELECT 2" };
        let mut session = Session::new(Connection::open_in_memory().unwrap());
        for (sql, number) in [(&ONE, 1), (&TWO, 2), (&ONE, 1)] {
            let rows: Vec<Row> = session.read(sql, &[]).unwrap();
            assert_eq!(rows[0].int(0), Ok(number));
        }
    }

    #[test]
    fn a_missing_parameter_and_a_real_number_are_corrupt() {
        static TWO: Sql = Sql { name: "two", text: "SELECT $1, $2" };
        static REAL: Sql = Sql { name: "real", text: "SELECT 1.5" };
        let mut session = Session::new(Connection::open_in_memory().unwrap());
        let short = session.read::<Row>(&TWO, &[Value::Int(1)]);
        assert!(matches!(short, Err(StoreError::Corrupt(text)) if text.starts_with("two:")));
        let real = session.read::<Row>(&REAL, &[]);
        assert!(matches!(real, Err(StoreError::Corrupt(text)) if text.contains("column 0")));
    }

    #[test]
    fn trouble_of_the_disk_is_unavailable_and_trouble_of_the_data_is_corrupt() {
        let told = |code| store_error("x", &rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_FULL, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_READONLY] {
            assert!(matches!(told(code), StoreError::Unavailable(_)), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_ERROR, ffi::SQLITE_CONSTRAINT_CHECK]
        {
            assert!(matches!(told(code), StoreError::Corrupt(_)), "{code}");
        }
        assert_eq!(told(ffi::SQLITE_CONSTRAINT_UNIQUE), StoreError::Duplicate);
        assert_eq!(told(ffi::SQLITE_CONSTRAINT_PRIMARYKEY), StoreError::Duplicate);
        assert_eq!(told(ffi::SQLITE_CONSTRAINT_FOREIGNKEY), StoreError::Conflict);
    }
}
