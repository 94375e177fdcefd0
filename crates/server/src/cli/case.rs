//! `grantor case`: what tenants ask the provider's team for.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::app::present;
use super::output::{Column, Shape};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Ask the provider's team for something in a tenant's name
    Open(Open),
    /// List cases, in the order in which they were opened
    List {
        /// Only those of this tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
    },
    /// Show a case
    Show(Id),
    /// Answer a case; "done" about a key revokes it
    Answer {
        #[command(flatten)]
        id: Id,
        /// done or declined
        #[arg(value_parser = ["done", "declined"])]
        state: String,
        /// What the tenant is told
        #[arg(long, value_name = "TEXT")]
        text: String,
    },
}

#[derive(Args)]
pub(super) struct Id {
    /// The case's id, as in `case list`
    id: String,
}

#[derive(Args)]
pub(super) struct Open {
    /// The tenant that asks
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The id of a key that shall be invalidated [default: a case about anything else]
    #[arg(long, value_name = "ID")]
    invalidate_key: Option<String>,
    /// In the tenant's words
    #[arg(long, value_name = "TEXT")]
    text: String,
}

const LIST: &[Column] = &[
    Column("id", "/id"),
    Column("tenant", "/tenant"),
    Column("kind", "/kind"),
    Column("key", "/key"),
    Column("state", "/state"),
    Column("opened_at", "/opened_at"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let output = &mut session.output;
    match command {
        Command::Open(open) => {
            let answer = admin.post(admin.path(&["cases"])?, open.body()).await?;
            output.answer(&answer, LIST)?;
        }
        Command::List { tenant } => {
            let answer = admin.get(admin.path(&["cases"])?.filter("tenant", tenant.as_deref())).await?;
            output.answer(&answer, LIST)?;
        }
        Command::Show(Id { id }) => {
            let answer = admin.get(admin.path(&["cases", &id])?).await?;
            match output.shape() {
                Shape::Json => output.line(answer.text())?,
                Shape::Plain | Shape::Table => output.members(&answer.json()?)?,
            }
        }
        Command::Answer { id: Id { id }, state, text } => {
            let body = json!({"state": state, "text": text});
            let answer = admin.post(admin.path(&["cases", &id, "answer"])?, body).await?;
            output.done(&answer, &format!("Case {id} is {state}."))?;
        }
    }
    Ok(())
}

impl Open {
    fn body(self) -> Value {
        let kind = if self.invalidate_key.is_some() { "invalidate_key" } else { "other" };
        present([
            ("tenant", Some(Value::String(self.tenant))),
            ("kind", Some(json!(kind))),
            ("key", self.invalidate_key.map(Value::String)),
            ("text", Some(Value::String(self.text))),
        ])
    }
}
