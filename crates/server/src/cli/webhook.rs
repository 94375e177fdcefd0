//! `grantor webhook`: addresses that hear of events.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::admin::Admin;
use super::app::present;
use super::confirm::{self, confirm};
use super::output::Column;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a webhook and show its secret
    Create(Create),
    /// List webhooks
    List {
        /// Only those of this tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
    },
    /// Show a webhook, without its secret
    Show(Id),
    /// Change where a webhook leads, what it is for or what it hears of; another host gets a new secret
    Change(Change),
    /// Send nothing more to a webhook
    Suspend(Id),
    /// Send again, what has waited too
    Resume(Id),
    /// Delete a webhook and what was on its way to it
    Delete {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        confirm: confirm::Flag,
    },
    /// Make a new secret and show it; for 24 hours the old one signs as well
    Roll(Id),
    /// Send a message that means nothing
    Test(Id),
    /// List messages to a webhook and what has become of them
    Deliveries(Id),
    /// Send a message again, under the same id
    Resend {
        #[command(flatten)]
        id: Id,
        /// The message, as in `webhook deliveries`
        message: String,
    },
}

#[derive(Args)]
pub(super) struct Id {
    /// The webhook's id, as in `webhook list`
    id: String,
}

#[derive(Args)]
pub(super) struct Create {
    /// Where messages go, https://...
    #[arg(value_name = "URL")]
    to: String,
    /// The tenant whose events it hears of [default: all tenants; the webhook is the operators']
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// An event, for example key.revoked; can be repeated [default: all]
    #[arg(long = "event", value_name = "NAME")]
    events: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

#[derive(Args)]
pub(super) struct Change {
    #[command(flatten)]
    id: Id,
    /// Where messages go
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// An event, or * for all; can be repeated; replaces those of before
    #[arg(long = "event", value_name = "NAME")]
    events: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

const CREATED: &[Column] = &[Column("id", "/id"), Column("secret", "/secret"), Column("url", "/url")];
const LIST: &[Column] = &[
    Column("id", "/id"),
    Column("tenant", "/tenant"),
    Column("url", "/url"),
    Column("status", "/status"),
    Column("failing_since", "/failing_since"),
];
const ONE: &[Column] = &[
    Column("id", "/id"),
    Column("tenant", "/tenant"),
    Column("url", "/url"),
    Column("description", "/description"),
    Column("events", "/events"),
    Column("status", "/status"),
    Column("failing_since", "/failing_since"),
];
const DELIVERIES: &[Column] = &[
    Column("message", "/message"),
    Column("event", "/event"),
    Column("created_at", "/created_at"),
    Column("state", "/state"),
    Column("attempts", "/attempts"),
    Column("next_at", "/next_at"),
];
const SENT: &[Column] = &[Column("message", "/message")];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let output = &mut session.output;
    let place = admin.environment().to_owned();
    match command {
        Command::Create(create) => {
            let answer = admin.post(admin.path(&["webhooks"])?, create.body()).await?;
            output.answer(&answer, CREATED)?;
            output.shown_once("the secret")?;
        }
        Command::List { tenant } => {
            let path = admin.path(&["webhooks"])?.filter("tenant", tenant.as_deref());
            output.answer(&admin.get(path).await?, LIST)?;
        }
        Command::Show(Id { id }) => {
            output.answer(&admin.get(admin.path(&["webhooks", &id])?).await?, ONE)?;
        }
        Command::Change(Change { id: Id { id }, to, events, description }) => {
            let mut body = replacement(&admin, &id).await?;
            if let Some(url) = to {
                body["url"] = url.into();
            }
            if !events.is_empty() {
                body["events"] = json!(events);
            }
            if let Some(description) = description {
                body["description"] = description.into();
            }
            let answer = admin.put(admin.path(&["webhooks", &id])?, body).await?;
            match answer.json()?.get("secret") {
                None => output.answer(&answer, ONE)?,
                Some(_) => {
                    output.answer(&answer, CREATED)?;
                    output.note("The host is another one, so the old secret is worth nothing any more.")?;
                    output.shown_once("the secret")?;
                }
            }
        }
        Command::Suspend(Id { id }) => {
            let answer = switch(&admin, &id, "suspended").await?;
            output.done(&answer, &format!("Webhook {id} in {place} is suspended."))?;
        }
        Command::Resume(Id { id }) => {
            let answer = switch(&admin, &id, "active").await?;
            output.done(&answer, &format!("Webhook {id} in {place} is active."))?;
        }
        Command::Delete { id: Id { id }, confirm: flag } => {
            confirm(&flag, &format!("Delete webhook {id} in {place} with its messages?"), output)?;
            let answer = admin.delete(admin.path(&["webhooks", &id])?).await?;
            output.done(&answer, &format!("Webhook {id} in {place} is deleted."))?;
        }
        Command::Roll(Id { id }) => {
            let answer = admin.post(admin.path(&["webhooks", &id, "roll"])?, json!({})).await?;
            output.answer(&answer, CREATED)?;
            output.shown_once("the secret")?;
        }
        Command::Test(Id { id }) => {
            let answer = admin.post(admin.path(&["webhooks", &id, "test"])?, json!({})).await?;
            output.answer(&answer, SENT)?;
        }
        Command::Deliveries(Id { id }) => {
            output.answer(&admin.get(admin.path(&["webhooks", &id, "deliveries"])?).await?, DELIVERIES)?;
        }
        Command::Resend { id: Id { id }, message } => {
            let path = admin.path(&["webhooks", &id, "deliveries", &message, "resend"])?;
            let answer = admin.post(path, json!({})).await?;
            output.done(&answer, &format!("Message {message} is on its way again."))?;
        }
    }
    Ok(())
}

/// What a webhook is now, as the body that would leave it as it is.
async fn replacement(admin: &Admin, id: &str) -> anyhow::Result<Value> {
    let now = admin.get(admin.path(&["webhooks", id])?).await?.json()?;
    Ok(
        json!({ "url": now["url"], "description": now["description"], "events": now["events"], "status": now["status"] }),
    )
}

async fn switch(admin: &Admin, id: &str, status: &str) -> anyhow::Result<super::answer::Answer> {
    let mut body = replacement(admin, id).await?;
    body["status"] = status.into();
    admin.put(admin.path(&["webhooks", id])?, body).await
}

impl Create {
    fn body(self) -> Value {
        let events = if self.events.is_empty() { vec!["*".to_owned()] } else { self.events };
        present([
            ("url", Some(Value::String(self.to))),
            ("tenant", self.tenant.map(Value::String)),
            ("events", Some(json!(events))),
            ("description", self.description.map(Value::String)),
        ])
    }
}
