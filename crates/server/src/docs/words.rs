//! Numbers in words.

use grantor_core::lifetime::Lifetime;

use crate::pages::Life;

/// A lifetime in the largest unit that divides it: hours up to two days, because that is how people speak of them.
pub(super) fn life(lifetime: Lifetime) -> Life {
    life_of(lifetime.seconds())
}

/// The same for a number of seconds.
pub(super) fn life_of(seconds: i64) -> Life {
    const UNITS: [(i64, i64, &str); 4] =
        [(86_400, 3, "day"), (3_600, 1, "hour"), (60, 1, "minute"), (1, 0, "second")];
    let fits = |(length, least, _): &&(i64, i64, &str)| seconds % length == 0 && seconds / length >= *least;
    let (length, _, name) = UNITS.iter().find(fits).copied().unwrap_or((1, 0, "second"));
    let count = seconds / length;
    let plural = if count == 1 { "" } else { "s" };
    Life { words: format!("{count} {name}{plural}"), seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_told_in_the_unit_that_people_would_use() {
        for (seconds, words) in [
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (90, "90 seconds"),
            (3_600, "1 hour"),
            (5_400, "90 minutes"),
            (86_400, "24 hours"),
            (172_800, "48 hours"),
            (259_200, "3 days"),
            (2_592_000, "30 days"),
            (31_536_000, "365 days"),
            (3_601, "3601 seconds"),
        ] {
            assert_eq!(life_of(seconds).words, words);
        }
    }
}
