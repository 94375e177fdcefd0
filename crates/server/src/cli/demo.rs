//! `grantor demo`: its flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::Session;
use super::output::Shape;
use super::static_config::DatabaseUrlFlag;
use crate::config::{Leaks, ManagementListener};
use crate::demo::DemoOptions;
use crate::password::Cost;

#[derive(Args)]
pub(super) struct Flags {
    /// Address and port of everything
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)))]
    listen: SocketAddr,
    /// Folder of the demo's files; a second start on the same folder keeps everything [default: a fresh one]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The database, sqlite:PATH or postgres://USER@HOST/DATABASE [default: a file in the folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<DatabaseUrlFlag>,
    /// Address and port of the management listener, or "off"
    #[arg(long, value_name = "ADDR:PORT", default_value_t = ManagementListener::Off)]
    management: ManagementListener,
}

/// Runs the demo. `--json` prints one line when it is ready.
pub(super) async fn run(session: &mut Session<'_>, flags: Flags) -> anyhow::Result<()> {
    let json = session.output.shape() == Shape::Json;
    let Flags { listen, data, database_url, management } = flags;
    let database_url = database_url.map(DatabaseUrlFlag::read).transpose()?;
    let management = management.address();
    crate::demo::run(DemoOptions {
        manifest: None,
        listen,
        management,
        data,
        database_url,
        json,
        password_cost: Cost::FLOOR,
        leaks: Leaks::default(),
    })
    .await
}
