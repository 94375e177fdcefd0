//! What an operation demands of a credential, and whether a credential meets it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::challenge::Refusal;

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
    pub const ALL: [CredentialKind; 3] = [
        CredentialKind::Client,
        CredentialKind::User,
        CredentialKind::ApiKey,
    ];

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
        CredentialKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownCredentialKind)
    }
}

/// What a credential must be and hold.
///
/// `Requirement::default()` accepts no kind at all and so refuses everyone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirement {
    /// The accepted kinds. Empty: none is accepted.
    pub accepts: Vec<CredentialKind>,
    /// Alternatives: the credential must hold every scope of at least one of them. Empty: no scope is needed.
    pub scopes: Vec<Vec<String>>,
}

/// Judges an authentic credential of `kind` that holds the space-separated `scope` (RFC 6749 section 3.3).
///
/// # Errors
/// [`Refusal::CredentialKind`] before [`Refusal::MissingScope`]: a token of the wrong kind does not get better by
/// asking for more scopes. Both are 403 (RFC 6750 section 3.1).
pub fn judge(requirement: &Requirement, kind: CredentialKind, scope: &str) -> Result<(), Refusal> {
    judge_parts(&requirement.accepts, &requirement.scopes, kind, scope)
}

/// [`judge`] for callers that hold the two lists elsewhere.
pub(crate) fn judge_parts(
    accepts: &[CredentialKind],
    scopes: &[Vec<String>],
    kind: CredentialKind,
    scope: &str,
) -> Result<(), Refusal> {
    if !accepts.contains(&kind) {
        return Err(Refusal::CredentialKind {
            accepts: accepts.to_vec(),
            sent: kind,
        });
    }
    let holds = |needed: &String| scope.split(' ').any(|held| held == needed);
    if scopes.is_empty() || scopes.iter().any(|alternative| alternative.iter().all(holds)) {
        return Ok(());
    }
    Err(Refusal::MissingScope {
        needed: scopes.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use CredentialKind::{ApiKey, Client, User};

    fn requirement(accepts: &[CredentialKind], scopes: &[&[&str]]) -> Requirement {
        Requirement {
            accepts: accepts.to_vec(),
            scopes: scopes
                .iter()
                .map(|all| all.iter().map(ToString::to_string).collect())
                .collect(),
        }
    }

    #[test]
    fn a_credential_passes_only_with_an_accepted_kind_and_all_scopes_of_one_alternative() {
        let either = requirement(&[Client, User], &[&["a", "b"], &["c"]]);
        assert_eq!(judge(&either, Client, "a b"), Ok(()));
        assert_eq!(judge(&either, User, "x b a"), Ok(()));
        assert_eq!(judge(&either, User, "c"), Ok(()));
        let needed = || {
            Err(Refusal::MissingScope {
                needed: either.scopes.clone(),
            })
        };
        for too_little in ["", "a", "b", "a c2", "A B", "ab", "a,b", "cc", "ac"] {
            assert_eq!(judge(&either, Client, too_little), needed(), "{too_little:?}");
        }
    }

    #[test]
    fn a_wrong_kind_is_named_even_when_the_scope_is_missing_too() {
        let users = requirement(&[User], &[&["a"]]);
        for sent in [Client, ApiKey] {
            let refusal = Refusal::CredentialKind {
                accepts: vec![User],
                sent,
            };
            assert_eq!(judge(&users, sent, "a"), Err(refusal.clone()));
            assert_eq!(judge(&users, sent, ""), Err(refusal));
        }
    }

    #[test]
    fn without_alternatives_no_scope_is_needed_but_the_kind_still_counts() {
        assert_eq!(judge(&requirement(&[ApiKey], &[]), ApiKey, ""), Ok(()));
        assert!(judge(&requirement(&[ApiKey], &[]), User, "").is_err());
    }

    #[test]
    fn the_default_requirement_refuses_every_kind() {
        for kind in CredentialKind::ALL {
            assert!(judge(&Requirement::default(), kind, "a").is_err());
        }
    }

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
