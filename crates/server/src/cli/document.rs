//! `grantor document`: what users accept. Documents belong to the provider or to a tenant, not to an environment.

use std::fs;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Session;
use super::admin::Path;
use super::app::present;
use super::failure::Misuse;
use super::output::{Column, Shape};
use crate::seconds::Seconds;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List documents with their latest versions
    List,
    /// Publish a version; published versions never change
    Publish(Publish),
}

#[derive(Args)]
pub(super) struct Publish {
    /// What it is, for example terms
    kind: String,
    /// A text: language tag and Markdown file, whose first line is the title (`# Title`); can be repeated
    #[arg(long = "text", value_name = "LANG=FILE", required = true, value_parser = pair)]
    texts: Vec<(String, String)>,
    /// What is new, in one language; can be repeated
    #[arg(long = "changes", value_name = "LANG=TEXT", value_parser = pair)]
    changes: Vec<(String, String)>,
    /// The tenant whose users must accept it [default: everybody]
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Its number [default: the next one]
    #[arg(long, value_name = "N")]
    number: Option<i64>,
    /// From when it must be accepted, as RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    effective_at: Option<String>,
    /// How long after that sign-ins from before may still be refreshed, for example 30d [default: 0]
    #[arg(long, value_name = "TIME")]
    grace: Option<Seconds>,
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((tag, value)) if !tag.is_empty() && !value.is_empty() => Ok((tag.to_owned(), value.to_owned())),
        _ => Err("write a language tag, =, and the rest, for example en=terms.md"),
    }
}

const COLUMNS: &[Column] = &[
    Column("kind", "/kind"),
    Column("tenant", "/tenant"),
    Column("version", "/latest/number"),
    Column("effective_at", "/latest/effective_at"),
    Column("languages", "/latest/languages"),
    Column("id", "/id"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let publication = match command {
        Command::List => None,
        // Before the server is asked: a file that is not there needs no server to be missed.
        Command::Publish(publish) => Some((publish.version()?, publish)),
    };
    let admin = session.admin().await?;
    let all = admin.list(Path::of(&["documents"])?).await?;
    let answer = match publication {
        None => all,
        Some((version, publish)) => {
            let known = all.json()?["items"].as_array().cloned().unwrap_or_default();
            let same = |document: &&Value| {
                document["kind"] == publish.kind.as_str()
                    && document["tenant"].as_str() == publish.tenant.as_deref()
            };
            match known.iter().find(same).and_then(|document| document["id"].as_str()) {
                Some(id) => admin.post(Path::of(&["documents", id, "versions"])?, version).await?,
                None => {
                    let body = present([
                        ("kind", Some(Value::String(publish.kind))),
                        ("tenant", publish.tenant.map(Value::String)),
                        ("version", Some(version)),
                    ]);
                    admin.post(Path::of(&["documents"])?, body).await?
                }
            }
        }
    };
    if session.output.shape() == Shape::Json {
        return Ok(session.output.line(answer.text())?);
    }
    let body = answer.json()?;
    let mut items = body["items"].as_array().cloned().unwrap_or_else(|| vec![body]);
    for document in &mut items {
        let latest = document["versions"].as_array().and_then(|versions| versions.last()).cloned();
        document["latest"] = latest.unwrap_or_default();
    }
    Ok(session.output.rows(&items, COLUMNS)?)
}

impl Publish {
    /// The version as it is sent, with its files read.
    fn version(&self) -> anyhow::Result<Value> {
        let mut texts = Map::new();
        for (tag, file) in &self.texts {
            let text = fs::read_to_string(file).with_context(|| format!("cannot read the text {file}"))?;
            let (title, body) = titled(file, &text)?;
            if texts.insert(tag.clone(), json!({"title": title, "body": body})).is_some() {
                return Err(Misuse(format!("--text {tag} is given twice")).into());
            }
        }
        for (tag, changes) in &self.changes {
            let text =
                texts.get_mut(tag).ok_or_else(|| Misuse(format!("--changes {tag} without --text {tag}")))?;
            text["changes"] = changes.as_str().into();
        }
        Ok(present([
            ("texts", Some(Value::Object(texts))),
            ("number", self.number.map(|number| json!(number))),
            ("effective_at", self.effective_at.clone().map(Value::String)),
            ("grace", self.grace.map(|span| json!(span.0))),
        ]))
    }
}

/// The title of a Markdown text, and what stands below it.
fn titled<'a>(file: &str, text: &'a str) -> anyhow::Result<(&'a str, &'a str)> {
    let (first, rest) = text.trim_start().split_once('\n').unwrap_or((text.trim(), ""));
    match first.strip_prefix("# ").map(str::trim) {
        Some(title) if !title.is_empty() => Ok((title, rest.trim())),
        _ => Err(Misuse(format!("{file}: the first line is the title, written as # Title")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_title_and_the_rest_the_text() {
        assert_eq!(titled("f", "\n# Terms of use\n\nBe kind.\n").unwrap(), ("Terms of use", "Be kind."));
        for bad in ["", "Terms\n\nBe kind.", "## Terms\n", "# \ntext"] {
            assert!(titled("f.md", bad).unwrap_err().to_string().starts_with("f.md: "), "{bad:?}");
        }
    }

    #[test]
    fn a_pair_is_cut_at_its_first_sign() {
        assert_eq!(pair("en=a=b"), Ok(("en".to_owned(), "a=b".to_owned())));
        for bad in ["en", "=a", "en="] {
            assert!(pair(bad).is_err(), "{bad}");
        }
    }
}
