//! Where the truth about a credential comes from: the issuer's public keys, or the issuer itself.

use std::sync::Arc;
use std::time::Duration;

use crate::caller::Caller;
use crate::challenge::Refusal;
use crate::introspect::Introspection;
use crate::local::LocalKeys;

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

/// Options of [`Mode::Local`].
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The issuer, exactly as it stands in `iss`.
    pub issuer: String,
    /// The audience of this API; it must be in `aud` (RFC 9068 section 4).
    pub audience: String,
    /// Where the public keys are.
    pub keys: KeySource,
    /// After which age the keys are fetched again in the background.
    pub refresh: Duration,
}

/// Where the issuer's public keys are.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// At the `jwks_uri` of the issuer's discovery document (OpenID Connect Discovery section 4).
    Discovery,
    /// At this address.
    JwksUri(String),
}

impl LocalOptions {
    /// Keys by discovery, fetched again after five minutes.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> LocalOptions {
        LocalOptions {
            issuer: issuer.into(),
            audience: audience.into(),
            keys: KeySource::Discovery,
            refresh: Duration::from_secs(300),
        }
    }
}

/// Options of [`Mode::Introspect`].
pub struct IntrospectOptions {
    /// The introspection endpoint (RFC 7662 section 2).
    pub endpoint: String,
    /// The issuer, exactly as it stands in `iss`.
    pub issuer: String,
    /// The audience of this API; it must be in `aud`.
    pub audience: String,
    /// The id with which this API introduces itself.
    pub client_id: String,
    /// The secret that belongs to it.
    pub client_secret: ClientSecret,
    /// For how long a positive answer may be used again, never beyond the credential's end. Zero asks every time.
    pub cache: Duration,
}

/// The secret of this API at the introspection endpoint. It cannot be printed.
pub struct ClientSecret(pub(crate) String);

impl From<String> for ClientSecret {
    fn from(secret: String) -> Self {
        ClientSecret(secret)
    }
}

impl From<&str> for ClientSecret {
    fn from(secret: &str) -> Self {
        ClientSecret(secret.to_owned())
    }
}

/// Why a layer cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// This setting is not an absolute `http` or `https` address, or it carries a user name or password.
    #[error("{0} must be an absolute http or https address without a user name")]
    Address(&'static str),
    /// The HTTP client cannot be made, for example because the system has no root certificates.
    #[error("the HTTP client cannot be made")]
    Http(#[from] reqwest::Error),
    /// Issuer or audience is empty, so every credential would be refused.
    #[error("issuer and audience must not be empty")]
    Empty,
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
