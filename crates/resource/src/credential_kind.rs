//! Which kinds of credentials there are, and what they are called on the wire and in documents.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a caller can present: all three travel as `Authorization: Bearer ...` (RFC 6750 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A token that an app got for itself (RFC 6749 section 4.4); no user stands behind it.
    Client,
    /// A token of a signed-in user.
    User,
    /// A long-lived API key of a tenant.
    ApiKey,
}

impl CredentialKind {
    /// Every kind, in the order in which answers list them.
    pub const ALL: [CredentialKind; 3] =
        [CredentialKind::Client, CredentialKind::User, CredentialKind::ApiKey];

    /// The name on the wire: `client`, `user` or `api_key`.
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialKind::Client => "client",
            CredentialKind::User => "user",
            CredentialKind::ApiKey => "api_key",
        }
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not one of `client`, `user`, `api_key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a credential kind is one of client, user, api_key")]
pub struct UnknownCredentialKind;

impl FromStr for CredentialKind {
    type Err = UnknownCredentialKind;

    /// Reads the name on the wire; case counts.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        CredentialKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownCredentialKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CredentialKind::{ApiKey, Client, User};

    #[test]
    fn the_names_of_the_kinds_are_the_same_in_text_and_json() {
        for (kind, name) in [(Client, "client"), (User, "user"), (ApiKey, "api_key")] {
            assert_eq!(kind.as_str(), name);
            assert_eq!(name.parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{name}\""));
        }
        for wrong in ["Client", "apikey", "api-key", "", " user"] {
            assert_eq!(wrong.parse::<CredentialKind>(), Err(UnknownCredentialKind));
        }
    }
}
