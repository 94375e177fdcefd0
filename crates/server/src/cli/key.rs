//! `grantor key`: API keys.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::app::present;
use super::confirm::{self, confirm};
use super::output::Column;
use super::reason::Reason;
use super::{Session, activity};
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
    /// Make a successor with the same or narrower terms and show it; the old key works until the overlap is over
    Rotate(Rotate),
    /// Take something from a key: APIs, scopes, addresses, calls, time. Nothing is ever added
    Narrow(Narrow),
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
    /// Show how the last calls with a key ended, why they were refused, and what mends it
    Log {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        log: activity::LogFlags,
    },
    /// Show what the owner of a key should know
    Notices(Id),
    /// Count what was done with a key
    Usage {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        usage: activity::UsageFlags,
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
    #[command(flatten)]
    limits: Limits,
}

/// Limits that a key may have.
#[derive(Args)]
struct Limits {
    /// A network from which alone it may be used, for example 192.0.2.0/24; can be repeated
    #[arg(long = "address", value_name = "NETWORK")]
    addresses: Vec<String>,
    /// How many calls it may make: trial, standard, high, unlimited
    #[arg(long, value_name = "CLASS")]
    quota: Option<String>,
}

#[derive(Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    id: Id,
    /// How long the old key works on, for example 24h; 0 ends it at once
    #[arg(long, value_name = "TIME")]
    overlap: Seconds,
    /// How long the new key is valid [default: as long as the old one was]
    #[arg(long, value_name = "TIME")]
    lifetime: Option<Seconds>,
    #[command(flatten)]
    less: Less,
    #[command(flatten)]
    limits: Limits,
}

#[derive(Args)]
pub(super) struct Narrow {
    #[command(flatten)]
    id: Id,
    /// An earlier end, as RFC 3339
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    #[command(flatten)]
    less: Less,
    #[command(flatten)]
    limits: Limits,
}

/// What is left to a key.
#[derive(Args)]
struct Less {
    /// An API that it still opens; can be repeated [default: all of its own]
    #[arg(long = "api", value_name = "NAME")]
    apis: Vec<String>,
    /// A scope that it still has; can be repeated [default: all of its own]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

const CREATED: &[Column] = &[Column("id", "/id"), Column("key", "/key"), Column("expires_at", "/expires_at")];
const ROTATED: &[Column] = &[
    Column("id", "/id"),
    Column("key", "/key"),
    Column("expires_at", "/expires_at"),
    Column("old_ends_at", "/replaces/expires_at"),
];
const LIST: &[Column] = &[
    Column("id", "/id"),
    Column("tenant", "/tenant"),
    Column("name", "/name"),
    Column("status", "/status"),
    Column("expires_at", "/expires_at"),
    Column("last_used_at", "/last_used_at"),
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
            let answer = admin.list(admin.path(&["keys"])?.filter("tenant", tenant.as_deref())).await?;
            output.answer(&answer, LIST)?;
        }
        Command::Rotate(rotate) => {
            let path = admin.path(&["keys", &rotate.id.id, "rotate"])?;
            let answer = admin.post(path, rotate.body()).await?;
            output.answer(&answer, ROTATED)?;
            output.shown_once("the key")?;
        }
        Command::Narrow(narrow) => {
            let id = narrow.id.id.clone();
            let path = admin.path(&["keys", &id, "narrow"])?;
            let answer = admin.post(path, narrow.body()).await?;
            output.done(&answer, &format!("Key {id} in {place} is narrowed."))?;
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
        Command::Log { id: Id { id }, log } => activity::log(&admin, output, &["keys", &id], log).await?,
        Command::Notices(Id { id }) => activity::notices(&admin, output, &["keys", &id]).await?,
        Command::Usage { id: Id { id }, usage } => {
            activity::usage(&admin, output, &["keys", &id], usage).await?;
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
            ("scopes", listed(&self.scopes)),
            ("lifetime", self.lifetime.map(|span| json!(span.0))),
            ("addresses", listed(&self.limits.addresses)),
            ("quota", self.limits.quota.map(Value::String)),
        ])
    }
}

impl Rotate {
    fn body(self) -> Value {
        present([
            ("overlap", Some(json!(self.overlap.0))),
            ("lifetime", self.lifetime.map(|span| json!(span.0))),
            ("apis", listed(&self.less.apis)),
            ("scopes", listed(&self.less.scopes)),
            ("addresses", listed(&self.limits.addresses)),
            ("quota", self.limits.quota.map(Value::String)),
        ])
    }
}

impl Narrow {
    fn body(self) -> Value {
        present([
            ("expires_at", self.expires_at.map(Value::String)),
            ("apis", listed(&self.less.apis)),
            ("scopes", listed(&self.less.scopes)),
            ("addresses", listed(&self.limits.addresses)),
            ("quota", self.limits.quota.map(Value::String)),
        ])
    }
}

/// A list that was given.
fn listed(values: &[String]) -> Option<Value> {
    (!values.is_empty()).then(|| json!(values))
}
