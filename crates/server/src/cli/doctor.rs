//! `grantor doctor`: what is well, what is doubtful, what is broken, and what to do about it.

use serde_json::Value;

use super::Session;
use super::admin::Path;
use super::failure::AlreadyTold;
use super::output::{Column, Output, Shape, cell};

const COLUMNS: &[Column] =
    &[Column("level", "/level"), Column("name", "/name"), Column("text", "/text"), Column("next", "/next")];

/// Fails (exit code 1) if a check fails; warnings do not.
pub(super) async fn run(session: &mut Session<'_>) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let answer = admin.get(Path::of(&["doctor"])?).await?;
    let body = answer.json()?;
    let checks = body["checks"].as_array().map_or(&[][..], Vec::as_slice);
    match session.output.shape() {
        Shape::Json => session.output.line(answer.text())?,
        Shape::Plain => session.output.rows(checks, COLUMNS)?,
        Shape::Table => checks.iter().try_for_each(|check| tell(check, &mut session.output))?,
    }
    if checks.iter().any(|check| check["level"] == "fail") { Err(AlreadyTold.into()) } else { Ok(()) }
}

fn tell(check: &Value, output: &mut Output<'_>) -> std::io::Result<()> {
    let level = format!("{:4}", cell(&check["level"]));
    let level = match check["level"].as_str() {
        Some("ok") => output.colour().paint(32, &level),
        Some("warn") => output.colour().paint(33, &level),
        _ => output.colour().paint(31, &level),
    };
    output.line(&format!("{level}  {}: {}", cell(&check["name"]), cell(&check["text"])))?;
    match check["next"].as_str() {
        Some(next) => output.line(&format!("      next: {}", super::output::escape(next))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::output::Colour;
    use super::*;

    #[test]
    fn a_check_is_told_with_its_next_step() {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let mut output = Output::new(Shape::Table, Colour::On, &mut out, &mut notes);
        tell(
            &json!({"level": "warn", "name": "clock", "text": "off by 3 s", "next": "run NTP"}),
            &mut output,
        )
        .unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "\u{1b}[33mwarn\u{1b}[0m  clock: off by 3 s\n      next: run NTP\n");
    }
}
