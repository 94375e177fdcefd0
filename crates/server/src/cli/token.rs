//! `grantor token`: access tokens.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::app::present;
use super::output::{Column, Shape};
use super::secret_input::from_stdin;
use super::{Session, token_get, token_inspect};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Get an access token with the client credentials grant; in a pipe the token stands alone
    Get(token_get::Flags),
    /// Look into a token: decoded here without judging it, or judged by the server with --online
    Inspect {
        #[command(flatten)]
        token: Token,
        /// Ask the server whether it is valid
        #[arg(long)]
        online: bool,
        /// Judge as this API would
        #[arg(long, value_name = "NAME", requires = "online")]
        api: Option<String>,
    },
    /// Revoke one token
    Revoke(Token),
}

#[derive(Args)]
pub(super) struct Token {
    /// The token; standard input if it is not given or "-"
    token: Option<String>,
}

const ONLINE: &[Column] = &[
    Column("active", "/active"),
    Column("reason", "/reason"),
    Column("credential", "/credential_kind"),
    Column("claims", "/claims"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Get(flags) => token_get::run(session, flags).await,
        Command::Inspect { token, online: false, .. } => {
            token_inspect::offline(&token.read()?, &mut session.output)
        }
        Command::Inspect { token, online: true, api } => {
            let token = token.read()?;
            let admin = session.admin().await?;
            let body = present([("token", Some(json!(token.as_str()))), ("api", api.map(Value::String))]);
            let answer = admin.post(admin.path(&["tokens", "inspect"])?, body).await?;
            if session.output.shape() == Shape::Table {
                return Ok(session.output.members(&answer.json()?)?);
            }
            session.output.answer(&answer, ONLINE)
        }
        Command::Revoke(token) => {
            let token = token.read()?;
            let admin = session.admin().await?;
            let path = admin.path(&["tokens", "revoke"])?;
            let answer = admin.post(path, json!({"token": token.as_str()})).await?;
            session.output.done(&answer, "The token is revoked.")
        }
    }
}

impl Token {
    fn read(self) -> anyhow::Result<Zeroizing<String>> {
        match self.token.filter(|token| token != "-") {
            Some(token) => Ok(Zeroizing::new(token)),
            None => Ok(Zeroizing::new(from_stdin("the token")?.trim().to_owned())),
        }
    }
}
