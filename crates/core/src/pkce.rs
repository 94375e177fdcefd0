//! PKCE (RFC 7636), S256 alone: `plain` does not exist here.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Whether a text is an S256 challenge: base64url of 32 bytes (RFC 7636 4.2).
pub fn is_challenge(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// Whether a verifier is well-formed (RFC 7636 4.1) and belongs to the challenge (4.6). Compared in constant time.
pub fn verifies(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return false;
    }
    let hashed = digest::digest(&digest::SHA256, verifier.as_bytes());
    let made = URL_SAFE_NO_PAD.encode(hashed.as_ref());
    verify_slices_are_equal(made.as_bytes(), challenge.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_verifies_and_nothing_near_it_does() {
        assert!(is_challenge(CHALLENGE));
        assert!(verifies(VERIFIER, CHALLENGE));
        assert!(!verifies(&VERIFIER.replace('k', "K"), CHALLENGE));
        assert!(!verifies(CHALLENGE, CHALLENGE), "plain does not exist");
        assert!(!verifies(VERIFIER, &format!("{CHALLENGE}=")));
        assert!(!is_challenge(&format!("{CHALLENGE}=")) && !is_challenge("short") && !is_challenge(""));
    }

    #[test]
    fn b09_a_verifier_of_a_wrong_length_or_alphabet_is_refused_even_if_its_hash_fits() {
        let challenge_of =
            |text: &str| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        for (length, good) in [(42, false), (43, true), (128, true), (129, false)] {
            let verifier = "a".repeat(length);
            assert_eq!(verifies(&verifier, &challenge_of(&verifier)), good, "{length}");
        }
        for odd in ["+", "/", "=", " ", "ä"] {
            let verifier = format!("{}{odd}", "a".repeat(43));
            assert!(!verifies(&verifier, &challenge_of(&verifier)), "{odd}");
        }
    }
}
