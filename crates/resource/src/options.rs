//! What an API says about its issuer: who it is, where to ask it, and for how long its answers hold.

use std::time::Duration;

/// Options of [`Mode::Local`](crate::Mode::Local).
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

/// Options of [`Mode::Introspect`](crate::Mode::Introspect).
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
