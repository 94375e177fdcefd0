//! Which key a token's `kid` means. A look-up among keys that we hold, nothing else.

use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::jwk::{Jwk, JwkSet};
use crate::verifying_key::VerifyingKey;

/// Verifying keys by id.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    /// Sorted by `kid`; keys with the same one keep the order in which they came.
    keys: Vec<VerifyingKey>,
}

impl KeySet {
    /// Makes a set of these keys.
    pub fn new(mut keys: Vec<VerifyingKey>) -> Self {
        keys.sort_by(|a, b| a.kid().cmp(b.kid()));
        KeySet { keys }
    }

    /// Takes from a published set the keys that can verify for us. RFC 7517 section 5: keys of an unknown type,
    /// with values out of range, for encryption, or without a clear algorithm are left out, not an error.
    pub fn from_jwks(set: &JwkSet) -> KeySet {
        KeySet::new(set.keys.iter().filter_map(usable).collect())
    }

    /// The first key with this id.
    pub fn get(&self, kid: &str) -> Option<&VerifyingKey> {
        self.all_with(kid).next()
    }

    /// The keys, ordered by id.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter()
    }

    /// Is there no key at all?
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key for a header. Ids should be unique; where a client publishes one twice for two algorithms, the
    /// algorithm chooses (RFC 7517 section 4.5 allows that for keys that are equivalent alternatives).
    pub(crate) fn find(&self, kid: &str, alg: Algorithm) -> Result<&VerifyingKey, TokenError> {
        let mut refusal = TokenError::UnknownKey;
        for key in self.all_with(kid) {
            if key.algorithm() == alg {
                return Ok(key);
            }
            refusal = TokenError::UnsupportedAlgorithm;
        }
        Err(refusal)
    }

    fn all_with(&self, kid: &str) -> impl Iterator<Item = &VerifyingKey> {
        let start = self.keys.partition_point(|key| key.kid() < kid);
        self.keys[start..].iter().take_while(move |key| key.kid() == kid)
    }
}

fn usable(jwk: &Jwk) -> Option<VerifyingKey> {
    VerifyingKey::from_jwk(jwk, jwk.algorithm()?).ok()
}
