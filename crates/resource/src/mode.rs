//! Where the truth about a credential comes from: the issuer's public keys, or the issuer itself.

use std::sync::Arc;
use std::time::Duration;

use crate::caller::Caller;
use crate::challenge::Refusal;
use crate::introspect::Introspection;
use crate::local::LocalKeys;
use crate::options::{IntrospectOptions, LocalOptions};
use crate::setup_error::SetupError;

/// How credentials are verified.
///
/// | | [`Mode::Local`] | [`Mode::Introspect`] |
/// |---|---|---|
/// | takes | JWT access tokens | JWT and opaque access tokens, API keys |
/// | a revoked credential is refused | when it expires | after [`IntrospectOptions::cache`] at the latest |
/// | the server cannot be reached | goes on with the keys it has | 503 |
pub enum Mode {
    /// Checks signatures with the issuer's public keys (RFC 7517, RFC 9068 section 4). No request per call.
    Local(LocalOptions),
    /// Asks the issuer (RFC 7662).
    Introspect(IntrospectOptions),
}

/// A [`Mode`] at work.
pub(crate) enum Verifier {
    Local(Arc<LocalKeys>),
    Introspect(Box<Introspection>),
}

impl Verifier {
    pub(crate) fn new(mode: Mode) -> Result<Verifier, SetupError> {
        let (issuer, audience) = match &mode {
            Mode::Local(options) => (&options.issuer, &options.audience),
            Mode::Introspect(options) => (&options.issuer, &options.audience),
        };
        if issuer.is_empty() || audience.is_empty() {
            return Err(SetupError::Empty);
        }
        Ok(match mode {
            Mode::Local(options) => Verifier::Local(Arc::new(LocalKeys::new(options)?)),
            Mode::Introspect(options) => Verifier::Introspect(Box::new(Introspection::new(options)?)),
        })
    }

    /// Who presents this token at `now` (time since 1970 UTC)?
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`], or [`Refusal::Unavailable`] where nobody can say.
    pub(crate) async fn verify(&self, token: &str, now: Duration) -> Result<Caller, Refusal> {
        match self {
            Verifier::Local(keys) => keys.verify(token, now).await,
            Verifier::Introspect(introspection) => introspection.verify(token, now).await,
        }
    }
}
