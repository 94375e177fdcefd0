//! Who works on the database now. Each connection of a running server holds a shared lock for as long as it lives, so
//! that a command that works without the server can find out whether there is one.

use super::connect::{Connector, Purpose};
use super::failure::Failure;
use super::migration;
use crate::store::migrate::MigrateError;

/// The number of [`super::connect::TELL`].
const ALONE: &str = "SELECT pg_try_advisory_xact_lock(7454127460279349761)";

/// What is in a database, and who.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// It holds an installation already.
    pub installed: bool,
    /// Somebody is connected as a server, or as a command that works without one.
    pub in_use: bool,
}

/// Looks, and changes nothing.
pub(super) async fn look(connector: &Connector) -> Result<Presence, MigrateError> {
    let (client, _moving) = connector.connect(Purpose::Schema).await?;
    let installed = !migration::recorded(&client).await?.is_empty();
    let failed = |error: tokio_postgres::Error| Failure::of("presence", &error).error;
    let alone: bool = client.query_one(ALONE, &[]).await.map_err(failed)?.get(0);
    Ok(Presence { installed, in_use: !alone })
}
