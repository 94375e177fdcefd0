//! What an error of PostgreSQL means for a caller, and whether its connection can be used again.

use std::error::Error as _;

use tokio_postgres::error::Severity;

use crate::store::sql::StoreError;

/// A statement that did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the caller is told.
    pub(super) error: StoreError,
    /// Whether the connection is gone, or of no more use.
    pub(super) lost: bool,
}

impl Failure {
    /// The meaning of an engine error. `name` is the statement's.
    pub(super) fn of(name: &str, error: &tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            // Not an answer of the server: the connection broke, or what came was not the protocol.
            return Self { error: StoreError::Unavailable(format!("{name}: {}", chain(error))), lost: true };
        };
        let code = told.code().code();
        let ended = matches!(told.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
        // The message of class 22 (data exceptions) repeats the value. DETAIL and HINT do so in others: never told.
        let text = if code.starts_with("22") {
            format!("{name}: SQLSTATE {code}")
        } else {
            format!("{name}: {} (SQLSTATE {code})", told.message())
        };
        Self { error: meaning(code, text), lost: ended || must_reconnect(code) }
    }

    /// A refusal of our own: nothing was sent.
    pub(super) fn unsent(error: StoreError) -> Self {
        Self { error, lost: false }
    }
}

/// The storage meaning of a SQLSTATE (PostgreSQL manual, appendix A), the same as of SQLite's codes.
fn meaning(code: &str, text: String) -> StoreError {
    match (code, code.get(..2).unwrap_or(code)) {
        ("23505", _) => StoreError::Duplicate,
        // A row that is referred to is gone; a serialization failure; a deadlock; a lock that was not given in time.
        ("23503" | "40001" | "40P01" | "55P03", _) => StoreError::Conflict,
        // What was given or stored does not fit the schema, or the statement does not; a damaged file (XX001, XX002).
        (_, "21" | "22" | "23" | "42") | ("XX001" | "XX002", _) => StoreError::Corrupt(text),
        // 08 connection, 25 read-only, 53 resources, 57 operator intervention, 58 system error, and what we do not know.
        _ => StoreError::Unavailable(text),
    }
}

/// Errors that would come back for ever on this connection: the server became a standby, its prepared statements are
/// gone (a pooler in between), or another release changed a table under them.
fn must_reconnect(code: &str) -> bool {
    matches!(code, "25006" | "26000" | "0A000")
}

/// An error with its causes. Those of the driver hold no values and no password.
pub(super) fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = match error.as_db_error() {
        // Without DETAIL and HINT.
        Some(told) => return format!("{} (SQLSTATE {})", told.message(), told.code().code()),
        None => error.to_string(),
    };
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_the_meaning_that_it_has_on_sqlite() {
        let told = |code| meaning(code, String::new());
        assert_eq!(told("23505"), StoreError::Duplicate);
        for code in ["23503", "40001", "40P01", "55P03"] {
            assert_eq!(told(code), StoreError::Conflict, "{code}");
        }
        for code in ["23502", "23514", "22021", "22P02", "21000", "42P01", "42703", "XX001"] {
            assert!(matches!(told(code), StoreError::Corrupt(_)), "{code}");
        }
        for code in ["57P01", "57014", "53300", "53100", "08006", "25006", "58030", "XX000", "99999", ""] {
            assert!(matches!(told(code), StoreError::Unavailable(_)), "{code}");
        }
    }
}
