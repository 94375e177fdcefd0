//! Where the master key comes from: the key that encrypts the private keys in the database.

use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The master key's source. No `Debug`: one variant holds the key itself.
///
/// ```compile_fail
/// let source = grantor_server::config::MasterKeySource::File("k".into());
/// println!("{source:?}");
/// ```
#[derive(Clone)]
pub enum MasterKeySource {
    /// A file with the key in base64; made together with a new database.
    File(PathBuf),
    /// The 32 bytes, given by the environment.
    Value(Zeroizing<[u8; 32]>),
}

/// The master key as written in the environment: 32 bytes in base64, standard or URL-safe, padded or not.
pub(super) struct MasterKeyText(pub(super) Zeroizing<[u8; 32]>);

/// The text is no master key. Says nothing about the text, because that may be the key with a typing error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the master key is 32 bytes in base64; make one with `openssl rand -base64 32`")]
pub struct MasterKeyError;

impl FromStr for MasterKeyText {
    type Err = MasterKeyError;

    fn from_str(text: &str) -> Result<Self, MasterKeyError> {
        let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
        let bytes = engines.iter().find_map(|engine| engine.decode(text.trim()).ok().map(Zeroizing::new));
        let bytes = bytes.filter(|bytes| bytes.len() == 32).ok_or(MasterKeyError)?;
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&bytes);
        Ok(Self(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_two_bytes_in_any_base64_spelling_are_a_key_and_nothing_else_is() {
        let key = [0xfb; 32];
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            let text = format!("{}\n", engine.encode(key));
            assert_eq!(text.parse::<MasterKeyText>().ok().map(|key| *key.0), Some(key), "{text}");
        }
        for bad in
            [STANDARD.encode([1; 31]), STANDARD.encode([1; 33]), String::new(), "not base64!".to_owned()]
        {
            assert!(bad.parse::<MasterKeyText>().is_err(), "{bad}");
        }
    }
}
