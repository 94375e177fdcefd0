//! Passwords that are long and yet say little: repeated, counted up, or walked along the keyboard.

use super::MIN_CHARACTERS;

/// A password in which fewer characters than this were chosen freely is a pattern.
const FEWEST_CHOICES: usize = 5;

/// Rows and columns of the common keyboards, each walked in both directions.
const WALKS: [&str; 22] = [
    "`1234567890-=",
    "qwertyuiop[]\\",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "yxcvbnm,.-",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "!@#$%^&*()_+",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik,",
    "9ol.",
    "0p;/",
    "1qay",
    "1aqw",
];

/// Whether a password, in lower case, is a shorter text repeated, or has next to no freely chosen characters.
pub(super) fn is_trivial(lowered: &str) -> bool {
    let mut letters = zeroize::Zeroizing::new(Vec::with_capacity(lowered.len()));
    letters.extend(lowered.chars());
    let unit = period(&letters);
    let repeated = unit < MIN_CHARACTERS && unit * 2 <= letters.len();
    repeated || choices(&letters) < FEWEST_CHOICES
}

/// Length of the shortest beginning that, repeated and cut, makes the whole.
fn period(letters: &[char]) -> usize {
    let repeats = |length: &usize| letters.iter().zip(&letters[*length..]).all(|(early, late)| early == late);
    (1..letters.len()).find(repeats).unwrap_or(letters.len())
}

/// How many characters do not simply follow from the one before them.
fn choices(letters: &[char]) -> usize {
    let free = letters.windows(2).filter(|pair| !follows(pair[0], pair[1])).count();
    free + usize::from(!letters.is_empty())
}

/// Whether a character is the same as the one before, the next or previous of its kind, or the key beside it.
fn follows(before: char, after: char) -> bool {
    let alike = before.is_alphanumeric() && after.is_alphanumeric();
    let next = alike && u32::from(before).abs_diff(u32::from(after)) == 1;
    before == after || next || WALKS.iter().any(|walk| stand_together(walk, before, after))
}

fn stand_together(walk: &str, one: char, other: char) -> bool {
    let together =
        |(left, right): (char, char)| (left, right) == (one, other) || (left, right) == (other, one);
    walk.chars().zip(walk.chars().skip(1)).any(together)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_sequences_and_keyboard_walks_are_trivial() {
        for bad in [
            "aaaaaaaaaaaa",
            "123456789012",
            "098765432109",
            "abcdefghijklm",
            "zyxwvutsrqpon",
            "qwertyuiopas",
            "asdfghjklasdf",
            "1qaz2wsx3edc4rfv",
            "qwertzuiopü+",
            "azertyuiopqs",
            "111122223333",
            "aaaabbbbcccc",
            "passwordpassword",
            "tr0ub4dor&tr0ub4dor&",
            "xkqxkqxkqxkq",
            "abc123abc123abc",
            "............",
            "            ",
            "!@#$%^&*()_+",
        ] {
            assert!(is_trivial(bad), "{bad}");
        }
    }

    #[test]
    fn what_people_and_generators_choose_is_not_trivial() {
        for good in [
            "four score and seven",
            "wassertreten",
            "mississippi mud",
            "feedeefood bees",
            "x9$kqm2!vwpz",
            "kw8-tz3-qm5p",
            "großmutters garten",
            "пароль без смысла",
            "a shorter one a shorter one",
        ] {
            assert!(!is_trivial(good), "{good}");
        }
    }

    #[test]
    fn the_period_is_that_of_the_whole() {
        let period = |text: &str| super::period(&text.chars().collect::<Vec<_>>());
        assert_eq!((period("abcabcab"), period("abcabcax"), period("aaaa"), period("ab")), (3, 8, 1, 2));
    }

    #[test]
    fn a_choice_is_what_the_character_before_does_not_say() {
        let choices = |text: &str| super::choices(&text.chars().collect::<Vec<_>>());
        assert_eq!(
            (choices(""), choices("a"), choices("aab"), choices("qwe9"), choices("ap")),
            (0, 1, 1, 2, 2)
        );
    }
}
