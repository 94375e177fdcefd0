//! Who calls: what the layer puts into the request extensions.

use crate::credential_kind::CredentialKind;

/// The verified caller of a request. Handlers read it from the request extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What was presented.
    pub credential_kind: CredentialKind,
    /// The user for a user token, else the app or key itself (`sub`, RFC 9068 section 2.2).
    pub subject: String,
    /// The app that the credential was issued to (`client_id`, RFC 8693 section 4.3).
    pub client_id: Option<String>,
    /// The partner organisation (claim `tid`).
    pub tenant: Option<String>,
    /// The environment's name (claim `env`).
    pub environment: Option<String>,
    /// The granted scopes, separated by spaces (RFC 6749 section 3.3); empty if there are none.
    pub scope: String,
    /// Whom the credential is for (`aud`); the own audience is among them.
    pub audience: Vec<String>,
    /// The credential's own id (`jti`).
    pub token_id: Option<String>,
    /// When it ends, in seconds since 1970 UTC (`exp`).
    pub expires_at: Option<i64>,
}

impl Caller {
    /// Does the caller hold this scope?
    pub fn has_scope(&self, scope: &str) -> bool {
        !scope.is_empty() && self.scope.split(' ').any(|held| held == scope)
    }
}
