//! What is printed, where and in which shape: the only place that writes to standard output and standard error.
//!
//! People get tables, pipes get tab-separated lines without header, `--json` gets the API's JSON as it came. Texts that
//! partners chose cannot steer the terminal of an operator: control characters are escaped.

use std::io::{self, Write};

use comfy_table::{Table, presets::NOTHING};
use serde_json::Value;

use super::answer::Answer;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// For people.
    Table,
    /// For pipes.
    Plain,
    /// For programs.
    Json,
}

impl Shape {
    /// JSON if asked for, else by what standard output is.
    pub(super) fn choose(json: bool, terminal: bool) -> Self {
        match (json, terminal) {
            (true, _) => Self::Json,
            (false, true) => Self::Table,
            (false, false) => Self::Plain,
        }
    }
}

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// ANSI colours.
    On,
    /// None.
    Off,
}

impl Colour {
    /// Colours only on a terminal, and never with `NO_COLOR` (no-color.org).
    pub(super) fn choose(no_colour: bool, terminal: bool) -> Self {
        if terminal && !no_colour { Self::On } else { Self::Off }
    }

    /// Paints the text with an ANSI colour number (31 red, 32 green, 33 yellow).
    pub(super) fn paint(self, code: u8, text: &str) -> String {
        match self {
            Self::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Off => text.to_owned(),
        }
    }
}

/// A column: its heading, and the JSON pointer (RFC 6901) to its value in an item.
pub(super) struct Column(pub(super) &'static str, pub(super) &'static str);

/// Standard output and standard error.
pub(super) struct Output<'a> {
    shape: Shape,
    colour: Colour,
    out: &'a mut dyn Write,
    notes: &'a mut dyn Write,
}

impl<'a> Output<'a> {
    /// Writes results to `out` and everything else to `notes`.
    pub(super) fn new(
        shape: Shape,
        colour: Colour,
        out: &'a mut dyn Write,
        notes: &'a mut dyn Write,
    ) -> Self {
        Self { shape, colour, out, notes }
    }

    /// The shape of results.
    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether colours are used.
    pub(super) fn colour(&self) -> Colour {
        self.colour
    }

    /// An answer of the API: its `items`, or the object itself as the only row.
    pub(super) fn answer(&mut self, answer: &Answer, columns: &[Column]) -> anyhow::Result<()> {
        if self.shape == Shape::Json {
            return Ok(self.line(answer.text())?);
        }
        let body = answer.json()?;
        match body.get("items").and_then(Value::as_array) {
            Some(items) => Ok(self.rows(items, columns)?),
            None => Ok(self.rows(std::slice::from_ref(&body), columns)?),
        }
    }

    /// An answer that says no more than that it was done.
    pub(super) fn done(&mut self, answer: &Answer, text: &str) -> anyhow::Result<()> {
        if self.shape != Shape::Json {
            return Ok(self.note(text)?);
        }
        if answer.text().is_empty() { Ok(()) } else { Ok(self.line(answer.text())?) }
    }

    /// Rows of a table or of tab-separated text.
    pub(super) fn rows(&mut self, items: &[Value], columns: &[Column]) -> io::Result<()> {
        let cells = |item: &Value| -> Vec<String> {
            columns
                .iter()
                .map(|Column(_, pointer)| item.pointer(pointer).map_or(String::new(), cell))
                .collect()
        };
        let rows: Vec<Vec<String>> = items.iter().map(cells).collect();
        if self.shape != Shape::Table {
            return rows.iter().try_for_each(|row| writeln!(self.out, "{}", row.join("\t")));
        }
        if rows.is_empty() {
            return self.note("none");
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(columns.iter().map(|Column(heading, _)| heading.to_uppercase()));
        table
            .add_rows(rows.iter().map(|row| row.iter().map(|cell| if cell.is_empty() { "-" } else { cell })));
        table
            .trim_fmt()
            .lines()
            .try_for_each(|line| writeln!(self.out, "{}", line.strip_prefix(' ').unwrap_or(line)))
    }

    /// One object, a line for each member.
    pub(super) fn members(&mut self, object: &Value) -> io::Result<()> {
        let none = serde_json::Map::new();
        let members = object.as_object().unwrap_or(&none);
        let width = members.keys().map(String::len).max().unwrap_or(0);
        for (name, value) in members {
            let (name, value) = (escape(name), cell(value));
            match self.shape {
                Shape::Table => {
                    writeln!(self.out, "{name:width$}  {}", if value.is_empty() { "-" } else { &value })?
                }
                Shape::Plain | Shape::Json => writeln!(self.out, "{name}\t{value}")?,
            }
        }
        Ok(())
    }

    /// A line on standard output, as it is.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Bytes on standard output, as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// A line on standard error.
    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.notes, "{}", escape_lines(text))
    }

    /// A question on standard error, without line feed.
    pub(super) fn ask(&mut self, question: &str) -> io::Result<()> {
        write!(self.notes, "{} ", escape(question))?;
        self.notes.flush()
    }

    /// Says on standard error that what was just printed cannot be asked for again.
    pub(super) fn shown_once(&mut self, what: &str) -> io::Result<()> {
        self.note(&format!("Store {what} now: it is not shown again."))
    }

    /// An error.
    pub(super) fn error(&mut self, text: &str) -> io::Result<()> {
        let head = self.colour.paint(31, "error:");
        writeln!(self.notes, "{head} {}", escape_lines(text))
    }
}

/// A value as one cell: no tabs, no line feeds, no control characters.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escape(text),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(cell).collect::<Vec<_>>().join(",")
        }
        other => escape(&other.to_string()),
    }
}

/// Spells control characters (among them ESC, tab and line feed) and direction overrides as `\u{..}`.
pub(super) fn escape(text: &str) -> String {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] =
        &[Column("name", "/name"), Column("version", "/secret/version"), Column("apis", "/apis")];
    const BODY: &str = r#"{"items":[{"name":"a\tb\u001b[2J","secret":{"version":2},"apis":["x","y"]},{"name":"c","apis":[]}],"z":1.0}"#;

    fn print(shape: Shape, body: &str) -> (String, String) {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let mut output = Output::new(shape, Colour::Off, &mut out, &mut notes);
        output.answer(&Answer::of(body.to_owned().into()), COLUMNS).unwrap();
        (String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap())
    }

    #[test]
    fn a_pipe_gets_tabs_without_header_and_without_control_characters() {
        let (out, notes) = print(Shape::Plain, BODY);
        assert_eq!(out, "a\\tb\\u{1b}[2J\t2\tx,y\nc\t\t\n");
        assert_eq!(notes, "");
        assert_eq!(print(Shape::Plain, r#"{"items":[]}"#), (String::new(), String::new()));
    }

    #[test]
    fn a_terminal_gets_a_header_and_a_dash_for_nothing() {
        let (out, _) = print(Shape::Table, BODY);
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["NAME", "VERSION", "APIS"]);
        assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["c", "-", "-"]);
        assert!(!out.contains('\u{1b}'), "{out:?}");
        assert_eq!(print(Shape::Table, r#"{"items":[]}"#), (String::new(), "none\n".to_owned()));
    }

    #[test]
    fn json_is_the_api_s_text_byte_for_byte() {
        assert_eq!(print(Shape::Json, BODY).0, format!("{BODY}\n"));
    }

    #[test]
    fn an_object_without_items_is_one_row() {
        assert_eq!(print(Shape::Plain, r#"{"name":"a","secret":{"version":1}}"#).0, "a\t1\t\n");
    }

    #[test]
    fn json_wins_over_the_terminal_and_a_pipe_is_plain() {
        assert_eq!(Shape::choose(true, true), Shape::Json);
        assert_eq!(Shape::choose(false, true), Shape::Table);
        assert_eq!(Shape::choose(false, false), Shape::Plain);
    }

    #[test]
    fn colour_needs_a_terminal_and_no_objection() {
        assert_eq!(Colour::choose(false, true), Colour::On);
        assert_eq!(Colour::choose(true, true), Colour::Off);
        assert_eq!(Colour::choose(false, false), Colour::Off);
        assert_eq!(Colour::Off.paint(31, "a"), "a");
    }

    #[test]
    fn notes_and_secrets_go_to_different_places() {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let mut output = Output::new(Shape::Plain, Colour::Off, &mut out, &mut notes);
        output.members(&json!({"a": "x", "b": null})).unwrap();
        output.shown_once("the secret").unwrap();
        output.error("bad\u{1b}\nsecond line").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a\tx\nb\t\n");
        let notes = String::from_utf8(notes).unwrap();
        assert_eq!(notes, "Store the secret now: it is not shown again.\nerror: bad\\u{1b}\nsecond line\n");
    }

    #[test]
    fn a_direction_override_does_not_reach_the_terminal() {
        assert_eq!(escape("a\u{202e}b é"), "a\\u{202e}b é");
    }
}
