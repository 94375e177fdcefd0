//! Foreign text made fit to be read: it stays on one line, in one direction, and ends.

use serde::Serialize;

/// Longest name, in characters.
const NAME: usize = 80;
/// Longest text, in characters.
const TEXT: usize = 1000;

/// Text from a person, a partner or a request, for display only. Characters that reorder, hide or break what stands
/// around them are gone (Unicode Technical Report 36, 2.1 and 3.6), and what is too long ends in an ellipsis. It is not
/// escaped: templates do that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shown(String);

impl Shown {
    /// A name, a title, an address: at most 80 characters.
    pub fn name(text: &str) -> Self {
        Self(fit(text, NAME))
    }

    /// A sentence or a paragraph: at most 1000 characters.
    pub fn text(text: &str) -> Self {
        Self(fit(text, TEXT))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fit(text: &str, longest: usize) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let mut shown = String::new();
    let mut length = 0;
    for c in spaced.filter(|c| !misleads(*c)) {
        if c == ' ' && (shown.is_empty() || shown.ends_with(' ')) {
            continue;
        }
        if length == longest {
            shown.pop();
            shown.push('\u{2026}');
            return shown;
        }
        shown.push(c);
        length += 1;
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// Controls, marks of direction, and what takes no room. The joiners stay: Persian and many Indian scripts need them.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180e}'
            | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}' | '\u{e0000}'..='\u{e0fff}')
}
