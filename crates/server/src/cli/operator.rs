//! `grantor operator`: who may do what in the whole installation.

use anyhow::bail;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Session;
use super::admin::{Admin, Path};
use super::confirm::{self, confirm};
use super::output::Column;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make an operator and show the token
    Create {
        /// The name; never given again
        name: String,
        /// admin: everything; support: partners and users; auditor: reads
        #[arg(long, default_value = "admin", value_parser = ["admin", "support", "auditor"])]
        role: String,
    },
    /// List operators
    List,
    /// End an operator's token at once
    End {
        /// The name, or the id
        operator: String,
        #[command(flatten)]
        confirm: confirm::Flag,
    },
}

const COLUMNS: &[Column] = &[
    Column("name", "/name"),
    Column("role", "/role"),
    Column("id", "/id"),
    Column("created_at", "/created_at"),
];
const CREATED: &[Column] = &[Column("name", "/name"), Column("role", "/role"), Column("token", "/token")];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let output = &mut session.output;
    match command {
        Command::Create { name, role } => {
            let answer = admin.post(Path::of(&["operators"])?, json!({"name": name, "role": role})).await?;
            output.answer(&answer, CREATED)?;
            Ok(output.shown_once("the token")?)
        }
        Command::List => output.answer(&admin.list(Path::of(&["operators"])?).await?, COLUMNS),
        Command::End { operator, confirm: flag } => {
            let id = id_of(&admin, &operator).await?;
            confirm(&flag, &format!("End the token of operator {operator}?"), output)?;
            let answer = admin.delete(Path::of(&["operators", &id])?).await?;
            output.done(&answer, &format!("Operator {operator} has ended."))
        }
    }
}

/// The id behind a name.
async fn id_of(admin: &Admin, operator: &str) -> anyhow::Result<String> {
    let all = admin.list(Path::of(&["operators"])?).await?.json()?;
    let items = all.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is = |one: &&Value| [one.get("name"), one.get("id")].contains(&Some(&json!(operator)));
    match items.iter().find(is).and_then(|one| one.get("id")?.as_str()) {
        Some(id) => Ok(id.to_owned()),
        None => bail!("there is no operator {operator}. `grantor operator list` lists them"),
    }
}
