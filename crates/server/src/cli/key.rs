//! `grantor key`: API keys.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::app::present;
use super::confirm::{self, confirm};
use super::output::Column;
use super::reason::Reason;
use crate::seconds::Seconds;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a key and show it
    Create(Create),
    /// List keys, without the keys themselves
    List {
        /// Only those of this tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
    },
    /// Revoke a key for ever
    Revoke {
        #[command(flatten)]
        id: Id,
        /// Why, for the audit
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        confirm: confirm::Flag,
    },
    /// Suspend a key
    Suspend {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        reason: Reason,
    },
    /// Let a suspended key work again
    Resume {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        reason: Reason,
    },
}

#[derive(Args)]
pub(super) struct Id {
    /// The key's id, as in `key list`; not the key itself
    id: String,
}

#[derive(Args)]
pub(super) struct Create {
    /// The tenant that it belongs to
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// An API that it opens; can be repeated
    #[arg(long = "api", value_name = "NAME", required = true)]
    apis: Vec<String>,
    /// Its name for people
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// A scope that it has; can be repeated [default: all that its tenant may]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// How long it is valid, for example 90d [default: the profile's]
    #[arg(long, value_name = "TIME")]
    lifetime: Option<Seconds>,
}

const CREATED: &[Column] = &[Column("id", "/id"), Column("key", "/key"), Column("expires_at", "/expires_at")];
const LIST: &[Column] = &[
    Column("id", "/id"),
    Column("tenant", "/tenant"),
    Column("name", "/name"),
    Column("status", "/status"),
    Column("expires_at", "/expires_at"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let output = &mut session.output;
    let place = admin.environment().to_owned();
    match command {
        Command::Create(create) => {
            let answer = admin.post(admin.path(&["keys"])?, create.body()).await?;
            output.answer(&answer, CREATED)?;
            output.shown_once("the key")?;
        }
        Command::List { tenant } => {
            let answer = admin.get(admin.path(&["keys"])?.filter("tenant", tenant.as_deref())).await?;
            output.answer(&answer, LIST)?;
        }
        Command::Revoke { id: Id { id }, reason, confirm: flag } => {
            confirm(&flag, &format!("Revoke key {id} in {place} for ever?"), output)?;
            let answer = admin.post(admin.path(&["keys", &id, "revoke"])?, json!({"reason": reason})).await?;
            output.done(&answer, &format!("Key {id} in {place} is revoked."))?;
        }
        Command::Suspend { id: Id { id }, reason } => {
            let answer = admin.post(admin.path(&["keys", &id, "suspend"])?, reason.body()).await?;
            output.done(&answer, &format!("Key {id} in {place} is suspended."))?;
        }
        Command::Resume { id: Id { id }, reason } => {
            let answer = admin.post(admin.path(&["keys", &id, "resume"])?, reason.body()).await?;
            output.done(&answer, &format!("Key {id} in {place} is active."))?;
        }
    }
    Ok(())
}

impl Create {
    fn body(self) -> Value {
        present([
            ("tenant", Some(Value::String(self.tenant))),
            ("apis", Some(json!(self.apis))),
            ("name", self.name.map(Value::String)),
            ("scopes", (!self.scopes.is_empty()).then(|| json!(self.scopes))),
            ("lifetime", self.lifetime.map(|span| json!(span.0))),
        ])
    }
}
