//! Spans of time as people write them: on the command line, and in manifests.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A number of seconds: `3600`, `15m`, `24h`, `90d`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Seconds(pub u64);

/// The text is no span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a number of seconds, or a number with s, m, h or d, for example 90d")]
pub struct SecondsError;

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

/// A number, or a text such as `90d`.
impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Span;
        impl Visitor<'_> for Span {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds, or a number with s, m, h or d, for example 90d")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Seconds, E> {
                Ok(Seconds(number))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Seconds, E> {
                let seconds =
                    u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))?;
                Ok(Seconds(seconds))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Seconds, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Span)
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

    #[test]
    fn in_a_manifest_a_span_is_a_number_or_a_text() {
        let read = |json: &str| serde_json::from_str::<Seconds>(json).map(|seconds| seconds.0);
        assert_eq!((read("60").unwrap(), read("\"30d\"").unwrap()), (60, 2_592_000));
        for bad in ["-1", "1.5", "\"soon\"", "true", "null"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::to_string(&Seconds(60)).unwrap(), "60");
    }
}
