//! Whether a message comes from GitHub's secret scanning: ECDSA over P-256 with SHA-256 over the bytes of the body, by one of
//! the keys that GitHub publishes at `https://api.github.com/meta/public_keys/secret_scanning`.
//!
//! The list is a file in GitHub's own format, read for every message, so that a new one counts at once.

use std::io;
use std::path::PathBuf;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// Longest file, in bytes.
const LONGEST: usize = 256 * 1024;

/// Where GitHub's keys are.
pub struct GithubKeys {
    file: PathBuf,
}

/// The list of keys cannot be read or understood. Nothing is genuine then.
#[derive(Debug, thiserror::Error)]
pub enum KeysUnreadable {
    /// The file.
    #[error("the file of GitHub's keys cannot be read: {0}")]
    File(#[from] io::Error),
    /// Its content.
    #[error("the file of GitHub's keys does not have GitHub's format")]
    Format,
}

/// The list, as GitHub publishes it.
#[derive(Deserialize)]
struct KeyList {
    public_keys: Vec<ListedKey>,
}

#[derive(Deserialize)]
struct ListedKey {
    key_identifier: String,
    key: String,
}

impl GithubKeys {
    /// Keys in a file.
    pub fn in_file(file: PathBuf) -> Self {
        Self { file }
    }

    /// Whether one of the keys, the one that the message names, has signed these bytes.
    ///
    /// # Errors
    /// See [`KeysUnreadable`].
    pub async fn has_signed(
        &self,
        identifier: &str,
        signature: &str,
        message: &[u8],
    ) -> Result<bool, KeysUnreadable> {
        let file = self.file.clone();
        let text =
            tokio::task::spawn_blocking(move || std::fs::read(file)).await.map_err(io::Error::other)??;
        is_signed(&text, identifier, signature, message)
    }
}

fn is_signed(list: &[u8], identifier: &str, signature: &str, message: &[u8]) -> Result<bool, KeysUnreadable> {
    if list.len() > LONGEST {
        return Err(KeysUnreadable::Format);
    }
    let list: KeyList = serde_json::from_slice(list).map_err(|_| KeysUnreadable::Format)?;
    let Some(named) = list.public_keys.iter().find(|key| key.key_identifier == identifier) else {
        return Ok(false);
    };
    let key = der_of_pem(&named.key).ok_or(KeysUnreadable::Format)?;
    let Ok(signature) = STANDARD.decode(signature) else { return Ok(false) };
    Ok(UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(message, &signature).is_ok())
}

/// RFC 7468: Base64 between two lines of dashes.
fn der_of_pem(pem: &str) -> Option<Vec<u8>> {
    let body =
        pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's documentation: its key, its body, its signature.
    const IDENTIFIER: &str = "90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a";
    const LIST: &str = concat!(
        r#"{"public_keys":[{"key_identifier":"another","key":"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"},"#,
        r#"{"key_identifier":"90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a","is_current":true,"#,
        r#""key":"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUq\n"#,
        r#"kCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==\n-----END PUBLIC KEY-----\n"}]}"#,
    );
    const MESSAGE: &str = r#"[{"token":"some_token","type":"some_type","url":"some_url"}]"#;
    const SIGNATURE: &str =
        "MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc=";

    fn is_good(list: &str, identifier: &str, signature: &str, message: &str) -> Option<bool> {
        is_signed(list.as_bytes(), identifier, signature, message.as_bytes()).ok()
    }

    #[test]
    fn the_example_of_githubs_documentation_is_genuine() {
        assert_eq!(is_good(LIST, IDENTIFIER, SIGNATURE, MESSAGE), Some(true));
    }

    #[test]
    fn another_byte_of_the_body_another_key_or_another_signature_is_not() {
        let spaced = MESSAGE.replace(':', ": ");
        for (identifier, signature, message) in [
            (IDENTIFIER, SIGNATURE, spaced.as_str()),
            (IDENTIFIER, SIGNATURE, ""),
            ("unknown", SIGNATURE, MESSAGE),
            ("", SIGNATURE, MESSAGE),
            (IDENTIFIER, "", MESSAGE),
            (IDENTIFIER, "no base64!", MESSAGE),
            (IDENTIFIER, &SIGNATURE.replace("MEUCIQDK", "MEUCIQDL"), MESSAGE),
        ] {
            assert_eq!(
                is_good(LIST, identifier, signature, message),
                Some(false),
                "{identifier} {signature}"
            );
        }
    }

    #[test]
    fn a_list_that_is_not_understood_makes_nothing_genuine() {
        for list in ["", "[]", "{}", "{\"public_keys\":[{}]}", &LIST.replace("BEGIN", "BEGUN")] {
            assert_eq!(is_good(list, IDENTIFIER, SIGNATURE, MESSAGE), None, "{list}");
        }
    }

    #[tokio::test]
    async fn the_file_is_read_anew_for_every_message() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        let keys = GithubKeys::in_file(file.clone());
        assert!(keys.has_signed(IDENTIFIER, SIGNATURE, MESSAGE.as_bytes()).await.is_err());
        std::fs::write(&file, LIST).unwrap();
        assert!(keys.has_signed(IDENTIFIER, SIGNATURE, MESSAGE.as_bytes()).await.unwrap());
        std::fs::write(&file, r#"{"public_keys":[]}"#).unwrap();
        assert!(!keys.has_signed(IDENTIFIER, SIGNATURE, MESSAGE.as_bytes()).await.unwrap());
    }
}
