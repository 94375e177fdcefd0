//! `grantor signing-key`: the keys of an environment that sign, seal and hash.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Session;
use super::app::present;
use super::output::Column;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the keys
    List,
    /// Make a new key, which takes over when every verifier can know it
    Rotate {
        /// What the key is for
        #[arg(long = "use", value_enum, default_value_t = Use::Sign)]
        usage: Use,
        /// Algorithm of a signing key, for example ES256 [default: those in use]
        #[arg(long, value_name = "ALGORITHM")]
        algorithm: Option<String>,
        /// Take over at once: verifiers that keep an old key set refuse new tokens until they fetch again
        #[arg(long)]
        now: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Use {
    /// Signs JWTs
    Sign,
    /// Encrypts opaque tokens
    Seal,
    /// Keys the stored hashes of secrets
    Pepper,
}

impl Use {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Seal => "seal",
            Self::Pepper => "pepper",
        }
    }
}

const COLUMNS: &[Column] = &[
    Column("kid", "/kid"),
    Column("use", "/use"),
    Column("algorithm", "/algorithm"),
    Column("state", "/state"),
    Column("created_at", "/created_at"),
    Column("activated_at", "/activated_at"),
    Column("retires_at", "/retires_at"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let answer = match command {
        Command::List => admin.get(admin.path(&["signing-keys"])?).await?,
        Command::Rotate { usage, algorithm, now } => {
            let body = present([
                ("use", Some(json!(usage.as_str()))),
                ("algorithm", algorithm.map(Value::String)),
                ("now", now.then_some(Value::Bool(true))),
            ]);
            admin.post(admin.path(&["signing-keys", "rotate"])?, body).await?
        }
    };
    session.output.answer(&answer, COLUMNS)
}
