//! `grantor demo`: its flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::Session;
use super::output::Shape;
use crate::config::{DatabaseUrl, ManagementListener};
use crate::demo::DemoOptions;

#[derive(Args)]
pub(super) struct Flags {
    /// Address and port of everything
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)))]
    listen: SocketAddr,
    /// Folder of the demo's files; a second start on the same folder keeps everything [default: a fresh one]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The database, sqlite:PATH [default: a file in the folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<DatabaseUrl>,
    /// Address and port of the management listener, or "off"
    #[arg(long, value_name = "ADDR:PORT", default_value_t = ManagementListener::Off)]
    management: ManagementListener,
}

/// Runs the demo. `--json` prints one line when it is ready.
pub(super) async fn run(session: &mut Session<'_>, flags: Flags) -> anyhow::Result<()> {
    let json = session.output.shape() == Shape::Json;
    let Flags { listen, data, database_url, management } = flags;
    crate::demo::run(DemoOptions { listen, management: management.address(), data, database_url, json }).await
}
