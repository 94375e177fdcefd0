//! What a new password must be, and what is left of it.

use super::*;

fn choose(text: &str) -> Result<NewPassword, PasswordRefusal> {
    choose_as(text, "annabel@example.org")
}

fn choose_as(text: &str, email: &str) -> Result<NewPassword, PasswordRefusal> {
    NewPassword::choose(text.to_owned(), &email.parse().unwrap())
}

fn refusal(text: &str) -> Option<PasswordRefusal> {
    choose(text).err()
}

/// A text of so many characters that breaks no other rule.
fn long(characters: usize) -> String {
    "river stone lamp, ".chars().chain("0q7x2k9w4z".chars().cycle()).take(characters).collect()
}

#[test]
fn length_is_counted_in_characters_at_both_ends() {
    assert_eq!(refusal("river lamp "), Some(PasswordRefusal::TooShort));
    assert_eq!(refusal("river lamp u"), None);
    assert_eq!(refusal("größe übt ño"), None, "12 characters, 16 bytes");
    assert_eq!(refusal("größe übt ñ"), Some(PasswordRefusal::TooShort), "11 characters, 15 bytes");
    assert_eq!(refusal(&long(256)), None);
    assert_eq!(refusal(&long(257)), Some(PasswordRefusal::TooLong));
    let widest = format!("river lamp u{}", "𝄞".repeat(244));
    assert_eq!(refusal(&widest), None, "256 characters of up to four bytes each");
}

#[test]
fn g17_a_long_password_with_nul_and_spaces_is_kept_to_the_byte() {
    let text = format!("  {}\0 Tail\u{301} ", long(200));
    let kept = choose(&text).ok().unwrap();
    assert_eq!(kept.reveal(), text.as_bytes());
}

#[test]
fn a_common_password_is_refused_in_any_case() {
    for bad in ["leavemealone", "LeaveMeAlone", "LEAVEMEALONE", "Password123!"] {
        assert_eq!(refusal(bad), Some(PasswordRefusal::Common), "{bad}");
    }
}

#[test]
fn a_pattern_is_refused_in_any_case() {
    for bad in ["ABCdefGHIjklM", "XkQxKqXkQxKq"] {
        assert_eq!(refusal(bad), Some(PasswordRefusal::Pattern), "{bad}");
    }
}

#[test]
fn the_own_address_is_refused_anywhere_and_in_any_case() {
    for bad in ["annabel@example.org", "my ANNABEL@Example.org 7", "rivers of Annabel"] {
        assert_eq!(refusal(bad), Some(PasswordRefusal::HoldsEmail), "{bad}");
    }
    assert_eq!(
        choose_as("rivers of annabel", "Annabel@example.org").err(),
        Some(PasswordRefusal::HoldsEmail)
    );
    assert_eq!(choose_as("rivers of joan", "joan@example.org").err(), Some(PasswordRefusal::HoldsEmail));
    assert!(choose_as("rivers of joe", "joe@example.org").is_ok(), "three letters stand in too much");
    assert_eq!(choose_as("from joe@b.test", "joe@b.test").err(), Some(PasswordRefusal::HoldsEmail));
}

#[test]
fn every_refusal_is_a_sentence() {
    use PasswordRefusal::*;
    for refusal in [TooShort, TooLong, Common, Pattern, HoldsEmail] {
        let told = refusal.to_string();
        assert!(told.ends_with('.') && told.starts_with(char::is_uppercase), "{told}");
    }
}

#[test]
fn g17_a_presented_password_is_kept_to_the_byte_and_too_long_a_one_has_none() {
    let bytes = |length: usize| vec![0xff; length];
    assert_eq!(PresentedPassword::new(b"\0 \xff ".to_vec()).reveal(), Some(&b"\0 \xff "[..]));
    assert_eq!(PresentedPassword::new(Vec::new()).reveal(), Some(&[][..]));
    assert_eq!(PresentedPassword::new(bytes(MAX_BYTES)).reveal().map(<[u8]>::len), Some(MAX_BYTES));
    assert!(PresentedPassword::new(bytes(MAX_BYTES + 1)).reveal().is_none());
    assert!(PresentedPassword::new(bytes(1 << 20)).reveal().is_none());
}
