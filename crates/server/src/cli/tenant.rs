//! `grantor tenant`: partner organisations. They span environments.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Session;
use super::admin::Path;
use super::app::present;
use super::confirm::{self, confirm};
use super::output::Column;
use super::reason::Reason;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a tenant
    Create {
        /// Its short name
        name: String,
        /// Its name for people
        #[arg(long, value_name = "TEXT")]
        title: Option<String>,
        /// Its GUID; generated if it is not given
        #[arg(long, value_name = "GUID")]
        id: Option<String>,
    },
    /// List tenants
    List,
    /// Accept a document in a tenant's name, for what its apps and keys do without a user
    Accept {
        /// Its short name or id
        tenant: String,
        /// The document's kind or id, for example terms
        document: String,
        /// The version that was read
        #[arg(long, value_name = "N")]
        version: i64,
        /// How it is known, for example the number of a signed letter
        #[arg(long, value_name = "TEXT")]
        evidence: Option<String>,
    },
    /// What was accepted in a tenant's name, by whom and when
    Acceptances {
        /// Its short name or id
        tenant: String,
    },
    /// Suspend a tenant in all environments; everything of it ends within a second
    Suspend {
        /// Its short name or id
        tenant: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Let a suspended tenant work again; tokens from before stay dead
    Resume {
        /// Its short name or id
        tenant: String,
        #[command(flatten)]
        reason: Reason,
    },
    /// Close a tenant for ever, in all environments
    Close {
        /// Its short name or id
        tenant: String,
        #[command(flatten)]
        reason: Reason,
        #[command(flatten)]
        confirm: confirm::Flag,
    },
}

const COLUMNS: &[Column] = &[
    Column("name", "/name"),
    Column("id", "/id"),
    Column("title", "/title"),
    Column("status", "/status"),
    Column("epoch", "/epoch"),
];

const ACCEPTED: &[Column] = &[
    Column("document", "/document"),
    Column("version", "/version"),
    Column("sha256", "/sha256"),
    Column("accepted_by", "/accepted_by"),
    Column("accepted_at", "/accepted_at"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let answer = match command {
        Command::Create { name, title, id } => {
            let (title, id) = (title.map(Value::String), id.map(Value::String));
            let body = present([("name", Some(Value::String(name))), ("title", title), ("id", id)]);
            admin.post(Path::of(&["tenants"])?, body).await?
        }
        Command::List => admin.list(Path::of(&["tenants"])?).await?,
        Command::Accept { tenant, document, version, evidence } => {
            let body = present([
                ("document", Some(Value::String(document))),
                ("version", Some(json!(version))),
                ("evidence", evidence.map(Value::String)),
            ]);
            let answer = admin.post(Path::of(&["tenants", &tenant, "acceptances"])?, body).await?;
            return session.output.answer(&answer, ACCEPTED);
        }
        Command::Acceptances { tenant } => {
            let answer = admin.get(Path::of(&["tenants", &tenant, "acceptances"])?).await?;
            return session.output.answer(&answer, ACCEPTED);
        }
        Command::Suspend { tenant, reason } => {
            let answer = admin.post(Path::of(&["tenants", &tenant, "suspend"])?, reason.body()).await?;
            return session
                .output
                .done(&answer, &format!("Tenant {tenant} is suspended in all environments."));
        }
        Command::Resume { tenant, reason } => {
            let answer = admin.post(Path::of(&["tenants", &tenant, "resume"])?, reason.body()).await?;
            return session.output.done(&answer, &format!("Tenant {tenant} is active."));
        }
        Command::Close { tenant, reason, confirm: flag } => {
            confirm(
                &flag,
                &format!("Close tenant {tenant} in all environments for ever?"),
                &mut session.output,
            )?;
            let answer = admin.post(Path::of(&["tenants", &tenant, "close"])?, reason.body()).await?;
            return session.output.done(&answer, &format!("Tenant {tenant} is closed in all environments."));
        }
    };
    session.output.answer(&answer, COLUMNS)
}
