//! What is signed by this environment: an access token or an API key, each by its own type (RFC 8725 3.11). Signature, type,
//! and the claims' beginning; nothing of this says that a credential is good.

use std::sync::Arc;

use grantor_core::api_key_jwt::KeyClaims;
use grantor_core::claims::AccessClaims;
use grantor_jose::jws::Verified;
use grantor_jose::{Type, jws};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};

use crate::cache::{SignedClaims, SignedKey};
use crate::catalogue::EnvironmentState;
use crate::keys::token_digest;
use crate::node::Node;

/// Seconds by which a token may begin in the future: the clock of the node that signed it may be ahead.
const START_SKEW: i64 = 60;

/// A JWT whose signature is good.
pub(super) enum Signed {
    /// An access token.
    Token(Arc<SignedClaims>),
    /// An API key. Its row is still to be found.
    Key(Arc<SignedKey>),
}

/// A JWT that was verified before, by a key that still verifies; else its signature is checked now.
pub(super) fn signed(node: &Node, state: &EnvironmentState, credential: &str) -> Option<Signed> {
    let (environment, digest) = (state.environment.id, token_digest(credential));
    let verifies = |kid: &str| state.keys.verifying.get(kid).is_some();
    if let Some(known) = node.cache.claims(environment, digest) {
        return verifies(&known.kid).then_some(Signed::Token(known));
    }
    if let Some(known) = node.cache.signed_key(environment, digest) {
        return verifies(&known.kid).then_some(Signed::Key(known));
    }
    let verified = jws::verify(credential, &state.keys.verifying).ok()?;
    let kid = verified.header.kid.clone();
    if Type::AccessToken.accepts(verified.header.typ.as_deref()) {
        let claims: AccessClaims = begun(node, &verified, |claims: &AccessClaims| (claims.iat, claims.exp))?;
        let signed = Arc::new(SignedClaims { claims, kid });
        node.cache.remember_claims(environment, digest, signed.clone());
        return Some(Signed::Token(signed));
    }
    if Type::ApiKey.accepts(verified.header.typ.as_deref()) {
        let claims: KeyClaims = begun(node, &verified, |claims: &KeyClaims| (claims.iat, claims.exp))?;
        let signed = Arc::new(SignedKey { claims, kid });
        node.cache.remember_signed_key(environment, digest, signed.clone());
        return Some(Signed::Key(signed));
    }
    None
}

/// Claims of the right types that have begun (RFC 7662 2.2, RFC 7519 4.1.5). Issuer, audience and expiry are judged with the
/// subjects, on every use.
fn begun<T: DeserializeOwned>(
    node: &Node,
    verified: &Verified,
    times: impl Fn(&T) -> (i64, i64),
) -> Option<T> {
    /// Strict: a time that is no number is an error, not an absent one.
    #[derive(Deserialize)]
    struct Start {
        #[serde(default, deserialize_with = "number")]
        nbf: Option<u64>,
    }
    fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        Deserialize::deserialize(deserializer).map(Some)
    }
    let claims: T = serde_json::from_slice(&verified.payload).ok()?;
    let (iat, exp) = times(&claims);
    let latest = node.now().seconds().saturating_add(START_SKEW);
    let nbf = match memchr::memmem::find(&verified.payload, b"nbf") {
        // We never write it; a token that has it is read once more.
        Some(_) => serde_json::from_slice::<Start>(&verified.payload).ok()?.nbf,
        None => None,
    };
    let in_future = |start: i64| start > latest;
    if in_future(iat)
        || iat < 0
        || exp < 0
        || nbf.is_some_and(|nbf| i64::try_from(nbf).map_or(true, in_future))
    {
        return None;
    }
    Some(claims)
}
