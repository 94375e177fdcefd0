//! What is refused before the first request: settings that could never work.

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
