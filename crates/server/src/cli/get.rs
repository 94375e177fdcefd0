//! `grantor get`: what there is, as a manifest for `grantor apply`.

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::Session;
use super::admin::Path;
use super::output::Shape;
use crate::manifest::Manifest;

#[derive(Args)]
pub(super) struct Flags {
    /// What to print
    #[arg(long, short = 'o', value_enum, default_value_t = Form::Manifest)]
    output: Form,
}

/// How it is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A manifest in TOML
    Manifest,
    /// The same as JSON
    Json,
}

/// Prints everything that a manifest can say of the installation.
pub(super) async fn run(session: &mut Session<'_>, flags: Flags) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let answer = admin.get(Path::of(&["manifest"])?).await?;
    if flags.output == Form::Json || session.output.shape() == Shape::Json {
        return Ok(session.output.line(answer.text())?);
    }
    let manifest: Manifest =
        serde_json::from_value(answer.json()?).context("the server's manifest is of another version")?;
    let text = toml::to_string(&manifest).context("the manifest cannot be written as TOML")?;
    Ok(session.output.line(text.trim_end())?)
}
