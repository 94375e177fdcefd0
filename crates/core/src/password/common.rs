//! Passwords that are guessed first.
//!
//! `common.txt`: 3000 passwords of 12 to 64 characters, the most frequent of their length among the passwords of public
//! breaches, and some that everybody knows. `words.txt`: the most frequent words of breaches from 6 to 12 letters.
//! Where they come from stands in `ORIGIN.md` beside them. They stop the first thousand guesses, no more: a password
//! that is not on the list may still be known from a breach.

const COMMON: &str = include_str!("common.txt");
const WORDS: &str = include_str!("words.txt");

/// Digits and signs around a common word that make no difference to who guesses.
const FEW_SIGNS: usize = 6;

/// Whether a password, in lower case, is on the list, or is a common word between a few digits and signs.
pub(super) fn is_common(lowered: &str) -> bool {
    let word = lowered.trim_matches(|c: char| !c.is_alphabetic());
    let signs = lowered.chars().count() - word.chars().count();
    lists(COMMON, lowered) || (signs <= FEW_SIGNS && lists(WORDS, word))
}

/// One pass over some thousand lines; a password is chosen once, and its hash costs a hundred times as much.
fn lists(list: &str, entry: &str) -> bool {
    list.lines().any(|line| line == entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::MIN_CHARACTERS;

    #[test]
    fn the_lists_hold_only_what_can_match() {
        let sorted =
            |list: &str| list.lines().is_sorted() && list.lines().all(|line| line == line.to_lowercase());
        assert!(sorted(COMMON) && sorted(WORDS));
        assert!(COMMON.lines().count() >= 3000 && WORDS.lines().count() >= 2000);
        assert!(COMMON.lines().all(|line| line.chars().count() >= MIN_CHARACTERS));
        let can_match =
            |line: &str| line.chars().all(char::is_alphabetic) && line.len() + FEW_SIGNS >= MIN_CHARACTERS;
        assert!(WORDS.lines().all(can_match));
    }

    #[test]
    fn a_listed_password_is_common_and_one_letter_more_is_not() {
        for listed in ["1q2w3e4r5t6y", "qwerty123456", "leavemealone", "correct horse battery staple"] {
            assert!(is_common(listed), "{listed}");
        }
        assert!(!is_common("leavemealonex") && !is_common("leavemealon"));
    }

    #[test]
    fn a_common_word_is_recognised_between_up_to_six_signs() {
        for bad in ["password123!", "!!password99", "welcome12345", "letmein-2026", "changeme!!!!"] {
            assert!(is_common(bad), "{bad}");
        }
        assert!(is_common("password123456") && !is_common("password1234567"));
        assert!(!is_common("pass-word-1-2"));
    }
}
