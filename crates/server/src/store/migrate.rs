//! Schema changes: which ones are still to be applied. One text serves both engines, with three tokens where they
//! differ: `{bytes}`, `{int}`, `{strict}`. Each driver has a runner of its own.
//!
//! A migration is applied once, in order, in one transaction with the row that records it. A text that was applied
//! is never edited: its checksum is kept, and a changed one is refused.

use std::path::PathBuf;

use aws_lc_rs::digest;

use crate::store::sql::StoreError;

/// One numbered schema change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its number, from 1 upwards.
    pub version: i64,
    /// What it does, such as `init`.
    pub name: &'static str,
    /// SQL statements with dialect tokens. Neither BEGIN nor COMMIT.
    pub text: &'static str,
}

/// The engine that a text is rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `BLOB`, `INTEGER`, `STRICT`.
    Sqlite,
    /// `BYTEA`, `BIGINT`, nothing; and every `TEXT` compares by bytes, as it does in SQLite.
    Postgres,
}

/// A migration that the database says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Number.
    pub version: i64,
    /// Name when it was applied.
    pub name: String,
    /// [`checksum`] of the text that was applied.
    pub checksum: String,
}

/// What a run has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Versions applied by this run, in order; empty if the schema was up to date.
    pub versions: Vec<i64>,
    /// Where the database was copied to before.
    pub copy: Option<PathBuf>,
}

/// Why the schema was not touched, or not further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// The database was used by a newer release. Going back would misread it.
    #[error(
        "the database has migration {found} ({name}), this release knows only up to {known}: use a newer release"
    )]
    Newer {
        /// Highest version in the database.
        found: i64,
        /// Its name.
        name: String,
        /// Highest version in this binary.
        known: i64,
    },
    /// The text of an applied migration is not the one that was applied.
    #[error("migration {version} ({name}) differs from the one that was applied")]
    Changed {
        /// Its number.
        version: i64,
        /// Its name.
        name: String,
    },
    /// The database has a migration that this release does not have, or lacks one before its newest.
    #[error(
        "migration {version} ({name}) is out of order: it is only in the database, or came after a newer one"
    )]
    OutOfOrder {
        /// Its number.
        version: i64,
        /// Its name.
        name: String,
    },
    /// The list in the binary is not strictly ascending from 1.
    #[error("the list of migrations is not in order at {version}")]
    List {
        /// First number out of order.
        version: i64,
    },
    /// The file holds tables but no record of migrations: it belongs to something else.
    #[error("the database holds tables but no record of migrations: it is not one of ours")]
    Foreign,
    /// A migration failed and was undone. On SQLite those before it stay; on PostgreSQL a run is one transaction.
    #[error("migration {version} ({name}) failed and was undone: {reason}")]
    Failed {
        /// Its number.
        version: i64,
        /// Its name.
        name: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// Reading, copying or locking failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The text for one engine.
pub fn render(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => tokens(text, ["BLOB", "INTEGER", "STRICT"]),
        Dialect::Postgres => tokens(&compared_by_bytes(text), ["BYTEA", "BIGINT", ""]),
    }
}

fn tokens(text: &str, [bytes, int, strict]: [&str; 3]) -> String {
    text.replace("{bytes}", bytes).replace("{int}", int).replace("{strict}", strict)
}

/// PostgreSQL orders text by the locale of the database, where `b` may stand before `C` and two nodes of one cluster
/// may disagree after an upgrade of the C library. Pages (`name > $1 ORDER BY name`) need the order of the bytes, which
/// is SQLite's own, so each column says so. What stands between apostrophes is left alone.
fn compared_by_bytes(text: &str) -> String {
    const WORD: &str = "TEXT";
    let of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len() * 2);
    // A quotation mark in a comment would turn text and literals round.
    debug_assert!(
        text.lines().all(|line| line.split_once("--").is_none_or(|(_, comment)| !comment.contains('\''))),
        "a comment of a migration holds a quotation mark"
    );
    for (index, part) in text.split('\'').enumerate() {
        if index > 0 {
            out.push('\'');
        }
        let mut written = 0;
        for (at, _) in part.match_indices(WORD) {
            let after = at + WORD.len();
            let longer = part[..at].ends_with(of_a_word) || part[after..].starts_with(of_a_word);
            if index % 2 == 0 && !longer {
                out.push_str(&part[written..after]);
                out.push_str(" COLLATE \"C\"");
                written = after;
            }
        }
        out.push_str(&part[written..]);
    }
    out
}

/// SHA-256, in hex, of the text as written, tokens included: the same on both engines.
pub fn checksum(text: &str) -> String {
    use std::fmt::Write;
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The part of `list` that is still to be applied, or why nothing may be. `recorded` is in ascending order.
pub fn pending<'a>(list: &'a [Migration], recorded: &[Recorded]) -> Result<&'a [Migration], MigrateError> {
    if let Some(index) =
        (0..list.len()).find(|&i| list[i].version <= i.checked_sub(1).map_or(0, |j| list[j].version))
    {
        return Err(MigrateError::List { version: list[index].version });
    }
    let known = list.last().map_or(0, |last| last.version);
    if let Some(newest) = recorded.last().filter(|newest| newest.version > known) {
        return Err(MigrateError::Newer { found: newest.version, name: newest.name.clone(), known });
    }
    for (index, row) in recorded.iter().enumerate() {
        // `recorded` must be the beginning of `list`: a gap on either side shows as the smaller number.
        match list.get(index) {
            Some(migration) if migration.version == row.version => {
                if checksum(migration.text) != row.checksum {
                    return Err(MigrateError::Changed { version: row.version, name: row.name.clone() });
                }
            }
            Some(migration) if migration.version < row.version => {
                return Err(out_of_order(migration.version, migration.name));
            }
            _ => return Err(out_of_order(row.version, &row.name)),
        }
    }
    Ok(&list[recorded.len()..])
}

fn out_of_order(version: i64, name: &str) -> MigrateError {
    MigrateError::OutOfOrder { version, name: name.to_owned() }
}
