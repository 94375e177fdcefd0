//! `grantor access`: what tenants may do with the APIs of an environment. Their terms change by manifest.

use clap::{Args, Subcommand};

use super::Session;
use super::confirm::{self, confirm};
use super::output::Column;
use super::reason::Reason;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List accesses
    List,
    /// Suspend a tenant's access to an API; its tokens for that API end within a second
    Suspend {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        reason: Reason,
    },
    /// Let a suspended access work again; tokens from before stay dead
    Resume {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        reason: Reason,
    },
    /// Close a tenant's access to an API for ever
    Close {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        reason: Reason,
        #[command(flatten)]
        confirm: confirm::Flag,
    },
}

#[derive(Args)]
pub(super) struct Which {
    /// The tenant's short name or id
    tenant: String,
    /// The API's name
    api: String,
}

const LIST: &[Column] = &[
    Column("tenant", "/tenant"),
    Column("api", "/api"),
    Column("status", "/status"),
    Column("quota", "/quota"),
    Column("scopes", "/scopes"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let output = &mut session.output;
    let place = admin.environment().to_owned();
    let (verb, which, reason, now) = match command {
        Command::List => return output.answer(&admin.get(admin.path(&["accesses"])?).await?, LIST),
        Command::Suspend { which, reason } => ("suspend", which, reason, "suspended"),
        Command::Resume { which, reason } => ("resume", which, reason, "active"),
        Command::Close { which, reason, confirm: flag } => {
            let Which { tenant, api } = &which;
            confirm(&flag, &format!("Close the access of {tenant} to {api} in {place} for ever?"), output)?;
            ("close", which, reason, "closed")
        }
    };
    let Which { tenant, api } = which;
    let answer = admin.post(admin.path(&["accesses", &tenant, &api, verb])?, reason.body()).await?;
    output.done(&answer, &format!("The access of {tenant} to {api} in {place} is {now}."))
}
