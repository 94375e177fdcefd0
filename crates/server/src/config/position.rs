//! Where in a file an error stands, and what was probably meant.

use std::fmt;

/// An error in a TOML or JSON file, told as `FILE:LINE:COLUMN: message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Located {
    /// The file as the person named it.
    pub file: String,
    /// The line, from 1. 0 if the place is unknown.
    pub line: usize,
    /// The column in characters, from 1. 0 if the place is unknown.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The name that was probably meant.
    pub hint: Option<String>,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(word) => write!(f, " (did you mean `{word}`?)"),
            None => Ok(()),
        }
    }
}

/// An error of the TOML parser. Leaves out the source line that the parser would repeat: it may hold a secret.
pub fn toml_error(file: &str, text: &str, error: &toml::de::Error) -> Located {
    let message = one_line(error.message());
    let (line, column) = error.span().map_or((0, 0), |span| line_and_column(text, span.start));
    let hint = hint(&message);
    Located { file: file.to_owned(), line, column, message, hint }
}

/// An error of the JSON parser.
pub fn json_error(file: &str, error: &serde_json::Error) -> Located {
    let told = error.to_string();
    let message = one_line(told.rsplit_once(" at line ").map_or(told.as_str(), |(message, _)| message));
    let hint = hint(&message);
    Located { file: file.to_owned(), line: error.line(), column: error.column(), message, hint }
}

/// Line and column, both from 1, of a byte offset.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before: String =
        String::from_utf8_lossy(text.as_bytes().get(..offset).unwrap_or(text.as_bytes())).into_owned();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// The candidate that is most like the word, if one is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (strsim::jaro_winkler(word, candidate), candidate));
    scored
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// serde says "unknown field `a`, expected one of `b`, `c`" (the same for variants): the first quoted word is wrong,
/// the others are right.
fn hint(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let wrong = quoted.next()?;
    nearest(wrong, quoted).map(str::to_owned)
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_and_column_count_characters_from_one() {
        assert_eq!(line_and_column("abc", 0), (1, 1));
        assert_eq!(line_and_column("a\nbc", 3), (2, 2));
        assert_eq!(line_and_column("é=1\nüx", 6), (2, 2));
        assert_eq!(line_and_column("a\n", 99), (2, 1));
    }

    #[test]
    fn the_nearest_name_is_found_and_a_stranger_has_none() {
        assert_eq!(nearest("lisen", ["level", "listen", "brand"]), Some("listen"));
        assert_eq!(nearest("zzz", ["level", "listen", "brand"]), None);
        assert_eq!(hint("unknown field `apis`, expected one of `api`, `app`").as_deref(), Some("api"));
        assert_eq!(hint("invalid type: integer `3`, expected a string"), None);
    }

    #[test]
    fn the_wrong_word_itself_is_never_the_hint() {
        assert_eq!(hint("unknown field `aaa`, expected `zzz`"), None);
    }
}
