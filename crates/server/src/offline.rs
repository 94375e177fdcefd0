//! The admin API in process, for commands that work on the database while no server runs. The lock on the file sees to that.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::config::Config;
use crate::http::admin;
use crate::init;

/// A router that answers the paths of the admin API as an operator.
///
/// # Errors
/// A running server, a wrong master key.
pub async fn router(config: &Config) -> anyhow::Result<axum::Router> {
    let node = init::open(config, Arc::new(SystemClock::new())).await?;
    let seen = admin::Seen {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST).to_string(),
        request_id: node.request_id(),
    };
    Ok(admin::trusted_router(node, "offline").layer(axum::Extension(seen)))
}
