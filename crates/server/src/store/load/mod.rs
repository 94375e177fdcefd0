//! Typed reads: one function per need. What is stored and does not parse is [`StoreError::Corrupt`], never a default.

pub mod api_key;
pub mod app;
pub mod audit;
pub mod case;
pub mod catalogue;
pub mod claimed_request;
pub mod document;
pub mod grant;
pub mod grant_facts;
pub mod incident;
pub mod interaction;
pub mod key_ring;
pub mod lockout;
pub mod onboarding;
pub mod outbox;
pub mod record;
pub mod reminder;
pub mod session;
pub mod signup;
pub mod tenant;
pub mod user;
pub mod webhook;

use grantor_core::secret::SecretHash;
use grantor_core::tenant::Status;
use serde::de::DeserializeOwned;

use super::sql::{Row, StoreError};

/// Parses JSON text of a column.
fn json<T: DeserializeOwned>(text: &str, column: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| corrupt(column))
}

/// Parses a text column.
fn parse<T: std::str::FromStr>(text: &str, column: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| corrupt(column))
}

/// A status column.
fn status(text: &str, column: &str) -> Result<Status, StoreError> {
    Status::from_stored(text).ok_or_else(|| corrupt(column))
}

/// A keyed hash from two columns in a row: the pepper's number, then the hash.
fn secret_hash(row: &Row, index: usize) -> Result<SecretHash, StoreError> {
    Ok(SecretHash { pepper: row.int(index)?, mac: row.fixed(index + 1)? })
}

fn corrupt(column: &str) -> StoreError {
    StoreError::Corrupt(format!("column {column} does not hold a valid value"))
}
