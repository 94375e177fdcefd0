//! The admin API in process, for commands that work on the database while no server runs: a server would not hear of the
//! change and go on with what it has cached. The lock on the file sees to that, and on PostgreSQL the look before.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::clock::SystemClock;
use crate::config::{Config, DatabaseUrl};
use crate::http::admin;
use crate::init;
use crate::store::migrate::MigrateError;
use crate::store::sql::StoreError;

/// A router that answers the paths of the admin API as an operator.
///
/// # Errors
/// No database, a running server, a wrong master key.
pub async fn router(config: &Config) -> anyhow::Result<axum::Router> {
    let url = &config.database.url;
    let installed = match url {
        DatabaseUrl::Sqlite(path) => path.exists(),
        DatabaseUrl::Postgres(there) => {
            let seen = init::look(there).await;
            let seen = seen.with_context(|| format!("cannot open the database {}", url.place()))?;
            if seen.in_use {
                bail!("a server runs on {}. Work without --offline, or stop the server first", url.place());
            }
            seen.installed
        }
    };
    // A mistyped path must not become a second, empty installation.
    if !installed {
        bail!(
            "there is no database {}. Is the right configuration named? `grantor init` makes a new one",
            url.place()
        );
    }
    let node = init::open(config, Arc::new(SystemClock::new())).await.map_err(next_step)?;
    let seen =
        admin::Seen { address: IpAddr::V4(Ipv4Addr::LOCALHOST).to_string(), request_id: node.request_id() };
    Ok(admin::trusted_router(node, "offline").layer(axum::Extension(seen)))
}

/// A database that cannot be had is most often that of a running server.
fn next_step(error: anyhow::Error) -> anyhow::Error {
    let is_unavailable = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(MigrateError::Store(StoreError::Unavailable(_))))
    };
    if error.chain().any(is_unavailable) {
        anyhow::anyhow!("{error:#}. If a server runs on it: work without --offline, or stop the server first")
    } else {
        error
    }
}
