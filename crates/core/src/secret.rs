//! Credentials that we make: their spelling, their hash at rest, their comparison.
//!
//! `<brand>_<type>_<stage>_<base62 of 32 bytes><6 base62 characters of CRC-32>`: a double click takes the whole, a
//! secret scanner finds it, a typing error or a credential of the wrong kind is refused before any look-up.
//! The checksum is no security check: the 256 random bits are.

use std::fmt::Write as _;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::env::Env;
use crate::name::NameError;

/// The first part of every credential of this installation, so that an operator's secret scanner can tell its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Brand(String);

impl Brand {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Brand {
    fn default() -> Self {
        Self("grt".to_owned())
    }
}

impl FromStr for Brand {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if (2..=16).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError("a brand has 2 to 16 of a-z and 0-9"))
        }
    }
}

/// Whether an environment's credentials open real doors; part of their spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Real money.
    Live,
    /// A sandbox.
    Test,
}

impl Stage {
    /// As it stands in a credential.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// What a credential is for; part of its spelling and of its hash, so that one kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialType {
    /// A client secret.
    ClientSecret,
    /// An API key.
    ApiKey,
    /// An opaque access token.
    AccessToken,
    /// A bearer token for the admin API.
    OperatorToken,
    /// An authorization code (RFC 6749 4.1.2).
    Code,
    /// A refresh token (RFC 6749 6).
    RefreshToken,
    /// A browser session's reference, in its cookie.
    Session,
    /// What ties an interaction to one browser, in its cookie.
    Browser,
    /// The handle of an interaction, in a link or form.
    Interaction,
    /// What proves that a form was made by us for this browser and this step.
    FormProof,
    /// A single-use link in a mail that ends a sign-up.
    SignupLink,
    /// What tells a browser that has signed in before, for the lockout.
    Device,
}

impl CredentialType {
    /// Every type.
    pub const ALL: [Self; 12] = [
        Self::ClientSecret,
        Self::ApiKey,
        Self::AccessToken,
        Self::OperatorToken,
        Self::Code,
        Self::RefreshToken,
        Self::Session,
        Self::Browser,
        Self::Interaction,
        Self::FormProof,
        Self::SignupLink,
        Self::Device,
    ];

    /// As it stands in a credential.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecret => "sk",
            Self::ApiKey => "key",
            Self::AccessToken => "at",
            Self::OperatorToken => "adm",
            Self::Code => "ac",
            Self::RefreshToken => "rt",
            Self::Session => "ses",
            Self::Browser => "brw",
            Self::Interaction => "int",
            Self::FormProof => "frm",
            Self::SignupLink => "sgn",
            Self::Device => "dev",
        }
    }
}

/// A credential in clear. It has no `Debug`, no `PartialEq`, no `Serialize`: it can be shown once and then only hashed.
///
/// ```compile_fail
/// let a = grantor_core::secret::Secret::presented("a".into());
/// let b = grantor_core::secret::Secret::presented("a".into());
/// assert!(a == b);
/// ```
/// ```compile_fail
/// let a = grantor_core::secret::Secret::presented("a".into());
/// println!("{a:?}");
/// ```
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Makes a credential with 256 random bits.
    pub fn generate(brand: &Brand, kind: CredentialType, stage: Stage, env: &mut Env<'_>) -> Self {
        let random = Zeroizing::new(env.bytes::<32>());
        Self(Zeroizing::new(spell(brand, kind, stage, &base62_of_32_bytes(&random))))
    }

    /// A credential that somebody presented.
    pub fn presented(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, to be shown once or to be hashed. Every use is a place to review.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four characters: enough for a person to tell two secrets apart.
    pub fn last_four(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or("")
    }
}

/// Writes prefix, body and checksum of a credential.
pub fn spell(brand: &Brand, kind: CredentialType, stage: Stage, body: &str) -> String {
    let mut text = String::with_capacity(body.len() + 32);
    // Writing to a String cannot fail.
    let _ = write!(text, "{}_{}_{}_{body}", brand.as_str(), kind.as_str(), stage.as_str());
    let checksum = checksum(&text);
    text.push_str(&checksum);
    text
}

/// What a presented text says that it is. Says nothing about whether it is genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling<'a> {
    /// What it is for.
    pub kind: CredentialType,
    /// Of which kind of environment.
    pub stage: Stage,
    /// The part between prefix and checksum.
    pub body: &'a str,
}

impl<'a> Spelling<'a> {
    /// Reads the prefix and compares the checksum. `None` for anything that this installation did not spell.
    pub fn parse(brand: &Brand, text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(brand.as_str())?.strip_prefix('_')?;
        let (kind, rest) = rest.split_once('_')?;
        let (stage, rest) = rest.split_once('_')?;
        let kind = CredentialType::ALL.into_iter().find(|known| known.as_str() == kind)?;
        let stage = [Stage::Live, Stage::Test].into_iter().find(|known| known.as_str() == stage)?;
        if !text.is_ascii() || rest.len() <= CHECKSUM_LENGTH {
            return None;
        }
        let (body, sum) = rest.split_at(rest.len() - CHECKSUM_LENGTH);
        let covered = &text[..text.len() - CHECKSUM_LENGTH];
        (checksum(covered) == sum).then_some(Self { kind, stage, body })
    }
}

const CHECKSUM_LENGTH: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut out = [b'0'; CHECKSUM_LENGTH];
    for slot in out.iter_mut().rev() {
        *slot = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    out.iter().map(|byte| char::from(*byte)).collect()
}

/// 43 characters for 256 bits, most significant first, always the same length.
fn base62_of_32_bytes(bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut number = Zeroizing::new(*bytes);
    let mut out = Zeroizing::new([b'0'; 43]);
    for slot in out.iter_mut().rev() {
        let mut remainder = 0u32;
        for byte in number.iter_mut() {
            let value = remainder << 8 | u32::from(*byte);
            *byte = (value / 62) as u8;
            remainder = value % 62;
        }
        *slot = BASE62[remainder as usize];
    }
    Zeroizing::new(out.iter().map(|byte| char::from(*byte)).collect())
}

/// The keyed hash of a credential, as stored. No `PartialEq`: compare with [`PepperRing::verify`].
///
/// ```compile_fail
/// fn same(a: grantor_core::secret::SecretHash, b: grantor_core::secret::SecretHash) -> bool { a == b }
/// ```
#[derive(Clone, Copy)]
pub struct SecretHash {
    /// Which pepper made it.
    pub pepper: i64,
    /// HMAC-SHA-256 over type and whole credential.
    pub mac: [u8; 32],
}

/// The HMAC keys of one environment. A writer to the database cannot plant a credential without them.
pub struct PepperRing {
    active: i64,
    keys: Vec<(i64, hmac::Key)>,
}

impl PepperRing {
    /// A ring of versioned keys; `None` if the active version is not among them.
    pub fn new(active: i64, keys: Vec<(i64, Zeroizing<Vec<u8>>)>) -> Option<Self> {
        let keys: Vec<_> = keys
            .into_iter()
            .map(|(version, key)| (version, hmac::Key::new(hmac::HMAC_SHA256, &key)))
            .collect();
        keys.iter().any(|(version, _)| *version == active).then_some(Self { active, keys })
    }

    /// The hash under the active pepper, for storing.
    pub fn hash(&self, kind: CredentialType, secret: &str) -> SecretHash {
        // The constructor has checked that the active version is there.
        let mac = self
            .keys
            .iter()
            .find(|(version, _)| *version == self.active)
            .map(|(_, key)| mac(key, kind, secret));
        SecretHash { pepper: self.active, mac: mac.unwrap_or([0; 32]) }
    }

    /// The hash under every pepper, newest first, for look-up by hash.
    pub fn candidates<'a>(
        &'a self,
        kind: CredentialType,
        secret: &'a str,
    ) -> impl Iterator<Item = SecretHash> + 'a {
        self.keys
            .iter()
            .rev()
            .map(move |(version, key)| SecretHash { pepper: *version, mac: mac(key, kind, secret) })
    }

    /// Whether the presented text has this hash, in constant time.
    pub fn verify(&self, kind: CredentialType, presented: &str, stored: &SecretHash) -> bool {
        self.keys
            .iter()
            .find(|(version, _)| *version == stored.pepper)
            .is_some_and(|(_, key)| verify_slices_are_equal(&mac(key, kind, presented), &stored.mac).is_ok())
    }
}

fn mac(key: &hmac::Key, kind: CredentialType, secret: &str) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(kind.as_str().as_bytes());
    context.update(b"\0");
    context.update(secret.as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Random, UnixMillis};

    struct Counting(u8);
    impl Random for Counting {
        fn fill(&mut self, buffer: &mut [u8]) {
            for byte in buffer {
                self.0 = self.0.wrapping_add(37);
                *byte = self.0;
            }
        }
    }

    fn secret() -> Secret {
        let mut rng = Counting(1);
        let mut env = Env { now: UnixMillis(0), rng: &mut rng };
        Secret::generate(&Brand::default(), CredentialType::ClientSecret, Stage::Live, &mut env)
    }

    #[test]
    fn a_credential_is_spelled_as_documented() {
        let secret = secret();
        let text = secret.reveal();
        assert!(text.starts_with("grt_sk_live_"), "{text}");
        assert_eq!(text.len(), "grt_sk_live_".len() + 43 + 6);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        let spelling = Spelling::parse(&Brand::default(), text).unwrap();
        assert_eq!((spelling.kind, spelling.stage), (CredentialType::ClientSecret, Stage::Live));
    }

    #[test]
    fn every_single_altered_character_fails_the_checksum() {
        let text = secret().reveal().to_owned();
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] = if bytes[index] == b'a' { b'b' } else { b'a' };
            let altered = String::from_utf8(bytes).unwrap();
            assert_eq!(Spelling::parse(&Brand::default(), &altered), None, "{index}");
        }
        assert_eq!(Spelling::parse(&Brand::default(), &text[..text.len() - 1]), None);
        assert_eq!(Spelling::parse(&Brand::default(), &format!("{text}0")), None);
    }

    #[test]
    fn the_largest_and_the_smallest_number_have_the_same_length() {
        assert_eq!(base62_of_32_bytes(&[0; 32]).as_str(), "0".repeat(43));
        // 2^256 - 1 in base 62 has exactly 43 digits.
        let largest = base62_of_32_bytes(&[0xff; 32]);
        assert_eq!(largest.len(), 43);
        assert_ne!(largest.as_bytes()[0], b'0');
    }

    fn ring(active: i64) -> PepperRing {
        let keys = vec![(1, Zeroizing::new(vec![1; 32])), (2, Zeroizing::new(vec![2; 32]))];
        PepperRing::new(active, keys).unwrap()
    }

    #[test]
    fn a_hash_verifies_only_its_own_text_type_and_pepper() {
        let hash = ring(1).hash(CredentialType::ApiKey, "abc");
        assert!(ring(2).verify(CredentialType::ApiKey, "abc", &hash), "an old pepper still verifies");
        assert!(!ring(1).verify(CredentialType::ApiKey, "abd", &hash));
        assert!(!ring(1).verify(CredentialType::ClientSecret, "abc", &hash));
        let moved = SecretHash { pepper: 2, ..hash };
        assert!(!ring(1).verify(CredentialType::ApiKey, "abc", &moved));
    }
}
