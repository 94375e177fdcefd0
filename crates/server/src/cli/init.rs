//! `grantor init`: database, master key, first operator.

use clap::Args;
use serde_json::json;

use super::output::Shape;
use super::{Session, static_config};

#[derive(Args)]
pub(super) struct Flags {
    /// Name of the first operator
    #[arg(long, value_name = "NAME", default_value = "admin")]
    operator: String,
    #[command(flatten)]
    config: static_config::SettingFlags,
}

/// Prepares an installation. In a pipe the operator token stands alone on standard output.
pub(super) async fn run(session: &mut Session<'_>, flags: Flags) -> anyhow::Result<()> {
    let config = static_config::load(&session.global, flags.config.try_into()?)?;
    let outcome = crate::init::init(&config, &flags.operator).await?;
    let output = &mut session.output;
    if output.shape() == Shape::Json {
        let object = json!({
            "operator_token": outcome.operator_token,
            "database": outcome.database,
            "master_key": outcome.master_key.map(|path| path.display().to_string()),
        });
        return Ok(output.line(&object.to_string())?);
    }
    output.note(&format!("Database: {}", outcome.database))?;
    if let Some(path) = &outcome.master_key {
        output.note(&format!("Master key: {}. Keep a copy apart from the database's.", path.display()))?;
    }
    let Some(token) = outcome.operator_token else {
        return Ok(output.note("An operator exists already; no token was made.")?);
    };
    output.note(&format!("Token of the operator {}, for GRANTOR_TOKEN:", flags.operator))?;
    output.line(&token)?;
    output.shown_once("the token")?;
    Ok(output.note("Next: `grantor serve`, then `grantor apply -f FILE`.")?)
}
