//! Spans of time as people write them on the command line.

use std::str::FromStr;

/// A number of seconds: `3600`, `15m`, `24h`, `90d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) u64);

/// The text is no span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a number of seconds, or a number with s, m, h or d, for example 90d")]
pub(super) struct SecondsError;

impl FromStr for Seconds {
    type Err = SecondsError;

    fn from_str(text: &str) -> Result<Self, SecondsError> {
        let (digits, factor) = match text.char_indices().next_back().ok_or(SecondsError)? {
            (at, 's') => (&text[..at], 1),
            (at, 'm') => (&text[..at], 60),
            (at, 'h') => (&text[..at], 3_600),
            (at, 'd') => (&text[..at], 86_400),
            _ => (text, 1),
        };
        // `parse` would take a plus sign.
        let number =
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
        number.and_then(|number| number.checked_mul(factor)).map(Self).ok_or(SecondsError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_has_its_length() {
        let seconds = |text: &str| text.parse::<Seconds>().map(|seconds| seconds.0);
        assert_eq!(seconds("3600"), Ok(3_600));
        assert_eq!(
            (seconds("5s"), seconds("15m"), seconds("24h"), seconds("90d")),
            (Ok(5), Ok(900), Ok(86_400), Ok(7_776_000))
        );
        for bad in
            ["", "d", "+5", "-5d", "1.5h", "5 d", "5w", "é", "99999999999999999999", "999999999999999999d"]
        {
            assert_eq!(seconds(bad), Err(SecondsError), "{bad:?}");
        }
    }
}
