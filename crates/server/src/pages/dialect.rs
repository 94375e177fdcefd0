//! Values in templates that are Markdown: as words they stay words, as code they stay code.
//!
//! CommonMark lets a backslash stand before any ASCII punctuation. Escaped is what could begin markup where a value may
//! stand; the rest stays readable for those who read the Markdown itself.

use minijinja::value::Value;
use minijinja::{AutoEscape, Error, ErrorKind, Output, State};

/// The name of the escaping.
pub(super) const MARKDOWN: &str = "markdown";

/// Whether the template is Markdown.
pub(super) fn is_spoken(state: &State<'_, '_>) -> bool {
    matches!(state.auto_escape(), AutoEscape::Custom(name) if name == MARKDOWN)
}

/// Writes a value as words.
pub(super) fn escape(out: &mut Output<'_>, value: &Value) -> Result<(), Error> {
    if value.is_safe() || value.is_number() {
        return Ok(out.write_str(&value.to_string())?);
    }
    let Some(text) = value.as_str() else {
        return Err(Error::new(ErrorKind::InvalidOperation, "only texts and numbers can be shown"));
    };
    // What begins a list or underlines a heading, if the value begins a line.
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let item = digits > 0 && text[digits..].starts_with(['.', ')']);
    for (at, c) in text.char_indices() {
        let at_start = (at == 0 && matches!(c, '+' | '-' | '=')) || (item && at == digits);
        if at_start || matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&') {
            out.write_str("\\")?;
        }
        // A value is one line.
        let shown = if c.is_control() { ' ' } else { c };
        out.write_str(shown.encode_utf8(&mut [0; 4]))?;
    }
    Ok(())
}

/// A value as code within a sentence.
pub(super) fn code(state: &State<'_, '_>, text: &str) -> Result<Value, Error> {
    spoken(state, span(&one_line(text)))
}

/// A value as code in a cell of a table, where a bar would end the cell even within code.
pub(super) fn cell(state: &State<'_, '_>, text: &str) -> Result<Value, Error> {
    spoken(state, span(&one_line(text).replace('|', "\\|")))
}

/// A block of code in a language.
pub(super) fn fenced(state: &State<'_, '_>, text: &str, language: &str) -> Result<Value, Error> {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    spoken(state, format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n')))
}

/// In HTML these filters would be a way around its escaping.
fn spoken(state: &State<'_, '_>, text: String) -> Result<Value, Error> {
    if is_spoken(state) {
        return Ok(Value::from_safe_string(text));
    }
    Err(Error::new(ErrorKind::InvalidOperation, "code, cell and fenced are for templates in Markdown"))
}

/// One empty line where a template has left several, but not within code.
pub(super) fn tidy(markdown: &str) -> String {
    let mut tidied = String::with_capacity(markdown.len());
    let (mut fence, mut was_empty) = (None, true);
    for line in markdown.lines() {
        let marks = line.bytes().take_while(|byte| *byte == b'`').count();
        match fence {
            None if marks >= 3 => fence = Some(marks),
            Some(open) if marks >= open && line.len() == marks => fence = None,
            _ => {}
        }
        let is_empty = line.is_empty() && fence.is_none();
        if !(is_empty && was_empty) {
            tidied.push_str(line);
            tidied.push('\n');
        }
        was_empty = is_empty;
    }
    tidied.truncate(tidied.trim_end().len());
    tidied.push('\n');
    tidied
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// CommonMark 6.1: the marks around code are a longer run than any inside.
fn span(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let marks = "`".repeat(longest_run(text) + 1);
    let room = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{marks}{room}{text}{room}{marks}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
