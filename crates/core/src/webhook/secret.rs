//! The secret of a webhook and the signatures made with it (Standard Webhooks 1.0.0, "Signature scheme").

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::env::{Env, UnixMillis};
use crate::id::MessageId;

/// How a secret begins.
const PREFIX: &str = "whsec_";
/// How many bytes a secret may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// So long the secret before the last roll still signs, in seconds: the receiver changes over without a lost message.
pub const OVERLAP_SECONDS: i64 = 24 * 3600;

/// The secret that signs messages to one webhook. No `Debug`, no comparison.
pub struct SigningSecret(Zeroizing<Vec<u8>>);

/// The stored secrets of a webhook, sealed under the master key.
#[derive(Clone)]
pub struct SealedSecrets {
    /// The one that was shown last.
    pub current: Vec<u8>,
    /// The one before, and until when it signs as well.
    pub previous: Option<(Vec<u8>, UnixMillis)>,
}

impl SealedSecrets {
    /// Those that sign at a moment, the newest first.
    pub fn signing(&self, now: UnixMillis) -> impl Iterator<Item = &[u8]> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        [self.current.as_slice()].into_iter().chain(previous.map(|(sealed, _)| sealed.as_slice()))
    }
}

impl SigningSecret {
    /// Makes one with 256 random bits.
    pub fn generate(env: &mut Env<'_>) -> Self {
        Self(Zeroizing::new(env.bytes::<32>().to_vec()))
    }

    /// The secret of these bytes; `None` if they are too few or too many.
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        LENGTHS.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// Reads one as it is shown.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).map(Zeroizing::new).ok()?;
        Self::from_bytes(bytes)
    }

    /// The bytes, to be sealed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As it is shown, once.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(self.0.as_slice())))
    }

    /// The signature of a message that is sent at a moment, `v1,` and base64.
    pub fn sign(&self, message: MessageId, at: UnixMillis, body: &str) -> String {
        self.sign_text(&message.to_string(), at.seconds(), body)
    }

    fn sign_text(&self, id: &str, seconds: i64, body: &str) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(context.sign().as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test of the reference libraries of Standard Webhooks.
    #[test]
    fn the_vector_of_the_specification_is_met() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            secret.sign_text("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_read_as_it_is_shown_and_never_too_short() {
        let secret = SigningSecret::from_bytes(Zeroizing::new(vec![7; 32])).unwrap();
        assert_eq!(SigningSecret::parse(&secret.reveal()).unwrap().bytes(), [7; 32]);
        for length in [0, 23, 65] {
            assert!(SigningSecret::from_bytes(Zeroizing::new(vec![7; length])).is_none(), "{length}");
        }
        assert!(SigningSecret::parse(&secret.reveal()[PREFIX.len()..]).is_none());
    }

    #[test]
    fn the_secret_before_signs_until_its_end_and_no_longer() {
        let sealed = SealedSecrets { current: vec![2], previous: Some((vec![1], UnixMillis(1_000))) };
        let at = |now: i64| sealed.signing(UnixMillis(now)).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(at(999), [vec![2], vec![1]]);
        assert_eq!(at(1_000), [vec![2]]);
    }
}
