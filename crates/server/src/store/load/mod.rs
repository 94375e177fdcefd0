//! Typed reads: one function per need. What is stored and does not parse is [`StoreError::Corrupt`], never a default.

pub mod api_key;
pub mod app;
pub mod catalogue;
pub mod key_ring;
pub mod list;
pub mod tenant;

use serde::de::DeserializeOwned;

use super::sql::StoreError;

/// Parses JSON text of a column.
fn json<T: DeserializeOwned>(text: &str, column: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| corrupt(column))
}

/// Parses a text column.
fn parse<T: std::str::FromStr>(text: &str, column: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| corrupt(column))
}

fn corrupt(column: &str) -> StoreError {
    StoreError::Corrupt(format!("column {column} does not hold a valid value"))
}
