//! `grantor apply`: sends manifests and shows what changed.

use clap::Args;
use serde_json::{Value, json};

use super::Session;
use super::admin::Path;
use super::manifest_file;
use super::output::{Column, Shape, cell};

#[derive(Args)]
pub(super) struct Flags {
    /// A manifest in TOML or JSON; several files become one manifest; "-" is standard input
    #[arg(long = "file", short = 'f', value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

const COLUMNS: &[Column] = &[
    Column("action", "/action"),
    Column("kind", "/kind"),
    Column("name", "/name"),
    Column("fields", "/summary"),
];

/// Reads the files before it talks to the server, so that a typing error needs no server to be found.
pub(super) async fn run(session: &mut Session<'_>, flags: Flags) -> anyhow::Result<()> {
    let manifest = manifest_file::read_all(&flags.files)?;
    let admin = session.admin().await?;
    let body = json!({"manifest": manifest, "dry_run": flags.dry_run});
    let answer = admin.post(Path::of(&["apply"])?, body).await?;
    if session.output.shape() == Shape::Json {
        return Ok(session.output.line(answer.text())?);
    }
    let mut changes = answer.json()?["changes"].as_array().cloned().unwrap_or_default();
    for change in &mut changes {
        change["summary"] = Value::String(summary(change));
    }
    session.output.rows(&changes, COLUMNS)?;
    let count = |action: &str| changes.iter().filter(|change| change["action"] == action).count();
    let head = if flags.dry_run { "Would be" } else { "Done" };
    let (created, updated, unchanged) = (count("create"), count("update"), count("unchanged"));
    Ok(session
        .output
        .note(&format!("{head}: {created} created, {updated} updated, {unchanged} unchanged."))?)
}

fn summary(change: &Value) -> String {
    let fields = change["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let one = |field: &Value| match (&field["from"], &field["to"]) {
        (Value::Null, Value::Null) => cell(&field["field"]),
        (from, to) => format!("{}: {} -> {}", cell(&field["field"]), short(from), short(to)),
    };
    fields.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A whole contract does not fit into a line; `--json` has it.
fn short(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = if value.is_null() { "none".to_owned() } else { cell(value) };
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_field_by_field() {
        let change = json!({"fields": [{"field": "token_format", "from": "jwt", "to": "opaque"},
                                       {"field": "url", "from": null, "to": "https://a"}, {"field": "openapi"}]});
        assert_eq!(summary(&change), "token_format: jwt -> opaque; url: none -> https://a; openapi");
        assert_eq!(summary(&json!({"action": "create"})), "");
    }

    #[test]
    fn a_long_value_is_cut_at_a_character() {
        assert_eq!(short(&json!("é".repeat(61))), format!("{}...", "é".repeat(60)));
        assert_eq!(short(&json!("é".repeat(60))), "é".repeat(60));
    }
}
