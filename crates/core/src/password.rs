//! Passwords of people: what a new one must be, and what may be compared with a stored one. Hashing is not here.
//!
//! NIST SP 800-63B-4 3.1.1.2: length counts, composition rules do not; every character is accepted and none is changed;
//! what is common, expected or made of the account's own name is refused.

mod common;
mod pattern;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::email::EmailAddress;
use crate::env::Env;

/// Fewest characters of a new password.
pub const MIN_CHARACTERS: usize = 12;
/// Most characters of a new password: Unicode scalar values, so at most [`MAX_BYTES`] bytes.
pub const MAX_CHARACTERS: usize = 256;
/// Most bytes of a password that is hashed at all.
pub const MAX_BYTES: usize = 4 * MAX_CHARACTERS;

/// Part of an address that is shorter than this stands in too many passwords by chance.
const SHORTEST_NAME: usize = 4;

/// A password that somebody chooses, and that was found good enough. Its bytes are kept as they came: not trimmed, not
/// normalised, not cut. Zeroed when dropped; no `Debug`, no `==`.
///
/// ```compile_fail
/// # let email = "ann@example.org".parse().unwrap();
/// let chosen = grantor_core::password::NewPassword::choose("four score and seven".into(), &email);
/// println!("{:?}", chosen.unwrap());
/// ```
#[derive(Clone)]
pub struct NewPassword(Arc<Zeroizing<String>>);

/// Why a password was refused, as a sentence for the person who chose it. Never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Less than 12 characters.
    #[error("Choose a password of at least 12 characters. Several words in a row are easy to remember.")]
    TooShort,
    /// More than 256 characters.
    #[error("Choose a password of at most 256 characters.")]
    TooLong,
    /// On the list of common passwords, or a common word with a few digits and signs around it.
    #[error("This password is among the first that are guessed. Choose one that nobody else has.")]
    Common,
    /// A shorter text repeated, or made of sequences and rows of the keyboard.
    #[error("This password follows a simple pattern, which is guessed quickly. Choose another one.")]
    Pattern,
    /// Holds the e-mail address or the part of it before the `@`.
    #[error("Choose a password that does not contain your e-mail address.")]
    HoldsEmail,
}

impl NewPassword {
    /// Accepts or refuses what the owner of the address has chosen.
    ///
    /// # Errors
    /// The first rule that it breaks, in the order of [`PasswordRefusal`].
    pub fn choose(text: String, email: &EmailAddress) -> Result<Self, PasswordRefusal> {
        // Wrapped first: a refused password is a secret, too.
        let text = Zeroizing::new(text);
        match text.chars().count() {
            0..MIN_CHARACTERS => return Err(PasswordRefusal::TooShort),
            MIN_CHARACTERS..=MAX_CHARACTERS => {}
            _ => return Err(PasswordRefusal::TooLong),
        }
        let lowered = Zeroizing::new(text.to_lowercase());
        if common::is_common(&lowered) {
            return Err(PasswordRefusal::Common);
        }
        if pattern::is_trivial(&lowered) {
            return Err(PasswordRefusal::Pattern);
        }
        if holds_email(&lowered, email) {
            return Err(PasswordRefusal::HoldsEmail);
        }
        Ok(Self(Arc::new(text)))
    }

    /// Makes one of 125 random bits for somebody who will be told it: five groups of five letters and digits, without those
    /// that look alike.
    pub fn generate(env: &mut Env<'_>) -> Self {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        const GROUP: usize = 5;
        let random = Zeroizing::new(env.bytes::<25>());
        let mut text = Zeroizing::new(String::with_capacity(random.len() + random.len() / GROUP));
        for (at, byte) in random.iter().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(LETTERS[usize::from(byte % 32)]));
        }
        Self(Arc::new(text))
    }

    /// The text, to be shown to whom it was made for. Every use is a place to review.
    pub fn reveal_text(&self) -> &str {
        &self.0
    }

    /// The bytes, to be hashed. Every use is a place to review.
    pub fn reveal(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn holds_email(lowered: &str, email: &EmailAddress) -> bool {
    let (name, _) = email.key().split_at(email.local_part().len());
    lowered.contains(email.key()) || (name.len() >= SHORTEST_NAME && lowered.contains(name))
}

/// What somebody typed to sign in: any bytes. Zeroed when dropped; no `Debug`, no `==`. A clone shares the bytes.
///
/// ```compile_fail
/// println!("{:?}", grantor_core::password::PresentedPassword::new(b"secret".to_vec()));
/// ```
#[derive(Clone)]
pub struct PresentedPassword(Arc<Zeroizing<Vec<u8>>>);

impl PresentedPassword {
    /// Takes what was typed.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// The bytes to compare, or `None` if there are more than [`MAX_BYTES`]: no stored password has that many, so that
    /// is a mismatch like any other, found without hashing a megabyte.
    pub fn reveal(&self) -> Option<&[u8]> {
        (self.0.len() <= MAX_BYTES).then_some(&***self.0)
    }
}

/// The hash of a password as it is stored: a PHC string, read by whoever hashes. No `Debug`, no `==`: it is what an
/// attacker would take home to guess at.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash that was stored, or that is to be stored.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string, for storing and for comparing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
