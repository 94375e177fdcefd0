//! One connection and the statements that were prepared on it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use tokio::task::AbortHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::failure::Failure;
use super::value::{Parameter, bind, row};
use crate::store::sql::{FromRow, Sql, Value};

/// A connection.
pub(super) struct Session {
    client: Client,
    moving: AbortHandle,
    ended: AtomicBool,
    /// By text, not by name: two texts under one name must never be taken for each other.
    prepared: Mutex<HashMap<&'static str, Statement>>,
}

impl Session {
    /// `moving` is the task that moves the connection's bytes.
    pub(super) fn new(client: Client, moving: AbortHandle) -> Self {
        Self { client, moving, ended: AtomicBool::new(false), prepared: Mutex::default() }
    }

    /// Whether the connection stands, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.ended.load(Relaxed) && !self.client.is_closed()
    }

    /// Closes the connection, whatever is under way on it. The server undoes an open transaction.
    pub(super) fn end(&self) {
        // The task notices a little later.
        self.ended.store(true, Relaxed);
        self.moving.abort();
    }

    /// Prepares a statement, once: from then on it costs no round trip.
    pub(super) async fn prepare(&self, sql: &'static Sql) -> Result<Statement, Failure> {
        if let Some(known) = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(sql.text) {
            return Ok(known.clone());
        }
        let made = self.client.prepare(sql.text).await.map_err(|error| Failure::of(sql.name, &error))?;
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.text, made.clone());
        Ok(made)
    }

    /// Reads all rows of one statement from one snapshot.
    pub(super) async fn read<T: FromRow>(
        &self,
        sql: &'static Sql,
        params: &[Value],
    ) -> Result<Vec<T>, Failure> {
        let statement = self.prepare(sql).await?;
        let bound = bind(sql, statement.params(), params).map_err(Failure::unsent)?;
        let bound: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|one| one as _).collect();
        let rows = self.client.query(&statement, &bound).await;
        let rows = rows.map_err(|error| Failure::of(sql.name, &error))?;
        let read = rows.iter().map(|found| T::from_row(&row(sql, found)?));
        read.collect::<Result<_, _>>().map_err(Failure::unsent)
    }

    /// Runs one write and tells how many rows it changed, or returned if it returns rows. It is sent by the first poll.
    pub(super) async fn execute(
        &self,
        name: &str,
        statement: &Statement,
        params: &[Parameter<'_>],
    ) -> Result<u64, Failure> {
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|one| one as _).collect();
        self.client.execute(statement, &params).await.map_err(|error| Failure::of(name, &error))
    }

    /// Transaction control. It is sent by the first poll.
    pub(super) async fn control(&self, text: &'static str) -> Result<(), Failure> {
        self.client.batch_execute(text).await.map_err(|error| Failure::of(text, &error))
    }
}
