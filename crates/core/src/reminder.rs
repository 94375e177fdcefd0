//! When people are reminded that a credential ends: 30, 7 and 1 days before, each once.
//!
//! A credential's row holds the moment of its next reminder, so that what is due is found by an index and not by looking
//! at every credential. A reminder that is late (the server was down) is sent for the nearest threshold alone.

use crate::env::UnixMillis;

/// Days before the end at which people are reminded, the first one first.
pub const DAYS: [i64; 3] = [30, 7, 1];

const DAY: i64 = 86_400;

/// A reminder that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The threshold that was reached: at most so many days are left.
    pub days: i64,
    /// When the next one is due.
    pub next: Option<UnixMillis>,
}

/// The first threshold after a moment. `None` where the credential has no end, or no threshold is left before it: whoever
/// makes a key for an hour need not be told that it ends soon.
pub fn next_after(now: UnixMillis, end: Option<UnixMillis>) -> Option<UnixMillis> {
    let end = end?;
    DAYS.into_iter().map(|days| end.plus_seconds(-days * DAY)).find(|at| *at > now)
}

/// The reminder for a credential that ends then. `None` before the first threshold, and from the end on.
pub fn due(now: UnixMillis, end: UnixMillis) -> Option<Due> {
    if end <= now {
        return None;
    }
    let nearest = DAYS.into_iter().rev().find(|days| end.plus_seconds(-days * DAY) <= now)?;
    Some(Due { days: nearest, next: next_after(now, Some(end)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: UnixMillis = UnixMillis(100 * DAY * 1000);

    fn day(days: i64) -> UnixMillis {
        UnixMillis(days * DAY * 1000)
    }

    #[test]
    fn a_long_life_has_three_reminders_each_at_its_threshold() {
        let mut at = next_after(day(0), Some(END));
        let mut seen = Vec::new();
        while let Some(now) = at {
            let reminder = due(now, END).unwrap();
            seen.push((now, reminder.days));
            assert!(reminder.next.is_none_or(|next| next > now), "no reminder is due twice");
            at = reminder.next;
        }
        assert_eq!(seen, [(day(70), 30), (day(93), 7), (day(99), 1)]);
    }

    #[test]
    fn nothing_is_due_before_the_first_threshold_and_from_the_end_on() {
        assert_eq!(due(UnixMillis(day(70).0 - 1), END), None);
        assert_eq!((due(END, END), due(day(101), END)), (None, None));
        assert_eq!(due(UnixMillis(END.0 - 1), END), Some(Due { days: 1, next: None }));
    }

    #[test]
    fn a_late_reminder_is_the_nearest_one_and_stands_for_those_that_were_missed() {
        assert_eq!(due(day(95), END), Some(Due { days: 7, next: Some(day(99)) }));
    }

    #[test]
    fn a_short_life_begins_with_the_threshold_that_lies_ahead() {
        assert_eq!(next_after(day(90), Some(END)), Some(day(93)));
        assert_eq!(next_after(day(93), Some(END)), Some(day(99)), "the moment itself is over");
        assert_eq!(next_after(day(99), Some(END)), None);
        assert_eq!(next_after(day(0), None), None);
    }
}
