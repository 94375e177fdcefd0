//! `grantor user`: people who sign in, as the provider's team handles them.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::Value;

use super::Session;
use super::answer::Answer;
use super::app::present;
use super::output::{Column, Output, Shape};
use super::reason::Reason;
use super::secret_input::from_stdin;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a user; without a password they cannot sign in yet
    Create(Create),
    /// List users
    List {
        /// Only members of this tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
    },
    /// Show a user and where they belong
    Show(Who),
    /// Suspend a user; their sessions and tokens end within a second
    Suspend {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        reason: Reason,
    },
    /// Let a suspended user sign in again; sessions and access tokens from before stay dead, refresh tokens go on
    Resume {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        reason: Reason,
    },
    /// Set a password; sessions and tokens end, and the user is told by mail
    #[command(group = ArgGroup::new("source").required(true))]
    SetPassword {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        password: Password,
    },
}

#[derive(Args)]
pub(super) struct Who {
    /// The user's address or id
    user: String,
}

#[derive(Args)]
pub(super) struct Create {
    /// The address that they sign in with
    email: String,
    /// Their name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// You answer for it that the address is theirs
    #[arg(long)]
    email_verified: bool,
    #[command(flatten)]
    password: Password,
}

/// Where a password comes from. Never from a flag, which every process can see.
#[derive(Args)]
pub(super) struct Password {
    /// Read the password from standard input
    #[arg(long, group = "source")]
    password_stdin: bool,
    /// Have a password made, and print it once
    #[arg(long, group = "source")]
    generate_password: bool,
}

impl Password {
    /// What is sent for it, from what standard input held.
    fn members(&self) -> anyhow::Result<[(&'static str, Option<Value>); 2]> {
        let typed = if self.password_stdin {
            Some(Value::String(from_stdin("the password")?.to_string()))
        } else {
            None
        };
        Ok([("password", typed), ("generate_password", self.generate_password.then_some(Value::Bool(true)))])
    }
}

const LIST: &[Column] = &[
    Column("email", "/email"),
    Column("id", "/id"),
    Column("name", "/name"),
    Column("status", "/status"),
    Column("verified", "/email_verified_at"),
];
const PASSWORD: &[Column] =
    &[Column("email", "/email"), Column("id", "/id"), Column("password", "/password")];
const MEMBERSHIPS: &[Column] = &[Column("tenant", "/tenant"), Column("roles", "/roles")];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    // Before the server is asked: who gives no password needs no server to be told so.
    let password = match &command {
        Command::Create(Create { password, .. }) | Command::SetPassword { password, .. } => {
            password.members()?
        }
        _ => [("password", None), ("generate_password", None)],
    };
    let admin = session.admin().await?;
    let output = &mut session.output;
    let place = admin.environment().to_owned();
    match command {
        Command::Create(create) => {
            let [chosen, generate] = password;
            let body = present([
                ("email", Some(Value::String(create.email))),
                ("name", create.name.map(Value::String)),
                ("email_verified", create.email_verified.then_some(Value::Bool(true))),
                chosen,
                generate,
            ]);
            made(&admin.post(admin.path(&["users"])?, body).await?, output)?;
        }
        Command::List { tenant } => {
            let answer = admin.list(admin.path(&["users"])?.filter("tenant", tenant.as_deref())).await?;
            output.answer(&answer, LIST)?;
        }
        Command::Show(Who { user }) => {
            let answer = admin.get(admin.path(&["users", &user])?).await?;
            show(&answer, output)?;
        }
        Command::Suspend { who: Who { user }, reason } => {
            let answer = admin.post(admin.path(&["users", &user, "suspend"])?, reason.body()).await?;
            output.done(&answer, &format!("User {user} in {place} is suspended."))?;
        }
        Command::Resume { who: Who { user }, reason } => {
            let answer = admin.post(admin.path(&["users", &user, "resume"])?, reason.body()).await?;
            output.done(&answer, &format!("User {user} in {place} is active."))?;
        }
        Command::SetPassword { who: Who { user }, .. } => {
            let answer = admin.put(admin.path(&["users", &user, "password"])?, present(password)).await?;
            made(&answer, output)?;
        }
    }
    Ok(())
}

/// A user, and the password if one was made.
fn made(answer: &Answer, output: &mut Output<'_>) -> anyhow::Result<()> {
    if answer.json()?.get("password").is_none() {
        return output.answer(answer, LIST);
    }
    output.answer(answer, PASSWORD)?;
    Ok(output.shown_once("the password")?)
}

fn show(answer: &Answer, output: &mut Output<'_>) -> anyhow::Result<()> {
    match output.shape() {
        Shape::Json => output.line(answer.text())?,
        Shape::Plain => output.members(&answer.json()?)?,
        Shape::Table => {
            let mut user = answer.json()?;
            let memberships =
                user.as_object_mut().and_then(|user| user.remove("memberships")).unwrap_or_default();
            output.members(&user)?;
            output.line("")?;
            output.rows(memberships.as_array().map_or(&[], Vec::as_slice), MEMBERSHIPS)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Cli;

    fn exit_code(line: &str) -> i32 {
        Cli::try_parse_from(line.split_whitespace()).err().map_or(0, |refusal| refusal.exit_code())
    }

    #[test]
    fn a_password_is_read_or_made_but_never_a_flag() {
        assert_eq!(exit_code("grantor user create a@example.org"), 0);
        assert_eq!(exit_code("grantor user create a@example.org --password-stdin"), 0);
        assert_eq!(exit_code("grantor user set-password a@example.org --generate-password"), 0);
        for wrong in [
            "grantor user create a@example.org --password secret",
            "grantor user create a@example.org --password-stdin --generate-password",
            "grantor user set-password a@example.org",
            "grantor user set-password a@example.org secret",
        ] {
            assert_eq!(exit_code(wrong), 2, "{wrong}");
        }
    }
}
