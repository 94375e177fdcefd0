//! A moment as people write it: RFC 3339, with an offset.

use std::fmt;
use std::str::FromStr;

use grantor_core::env::UnixMillis;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub UnixMillis);

/// The text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a moment as RFC 3339, for example 2026-01-31T00:00:00Z")]
pub struct MomentError;

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| MomentError)?;
        Ok(Self(UnixMillis(moment.as_millisecond())))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.0) {
            Ok(moment) => moment.fmt(f),
            // Beyond the year 9999 there is no spelling.
            Err(_) => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_with_its_offset_and_written_in_utc() {
        let read = |text: &str| text.parse::<Moment>().map(|moment| moment.to_string());
        assert_eq!(read("2026-01-31T00:00:00Z").unwrap(), "2026-01-31T00:00:00Z");
        assert_eq!(read("2026-01-31T01:00:00+01:00").unwrap(), "2026-01-31T00:00:00Z");
        for bad in ["", "2026-01-31", "2026-01-31T00:00:00", "tomorrow", "2026-13-01T00:00:00Z"] {
            assert_eq!(read(bad), Err(MomentError), "{bad}");
        }
    }
}
