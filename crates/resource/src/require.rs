//! What an operation demands of a credential, and whether a credential meets it.

use crate::challenge::Refusal;
use crate::credential_kind::CredentialKind;

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
        return Err(Refusal::CredentialKind { accepts: accepts.to_vec(), sent: kind });
    }
    let holds = |needed: &String| scope.split(' ').any(|held| held == needed);
    if scopes.is_empty() || scopes.iter().any(|alternative| alternative.iter().all(holds)) {
        return Ok(());
    }
    Err(Refusal::MissingScope { needed: scopes.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use CredentialKind::{ApiKey, Client, User};

    fn requirement(accepts: &[CredentialKind], scopes: &[&[&str]]) -> Requirement {
        Requirement {
            accepts: accepts.to_vec(),
            scopes: scopes.iter().map(|all| all.iter().map(ToString::to_string).collect()).collect(),
        }
    }

    #[test]
    fn a_credential_passes_only_with_an_accepted_kind_and_all_scopes_of_one_alternative() {
        let either = requirement(&[Client, User], &[&["a", "b"], &["c"]]);
        assert_eq!(judge(&either, Client, "a b"), Ok(()));
        assert_eq!(judge(&either, User, "x b a"), Ok(()));
        assert_eq!(judge(&either, User, "c"), Ok(()));
        let needed = || Err(Refusal::MissingScope { needed: either.scopes.clone() });
        for too_little in ["", "a", "b", "a c2", "A B", "ab", "a,b", "cc", "ac"] {
            assert_eq!(judge(&either, Client, too_little), needed(), "{too_little:?}");
        }
    }

    #[test]
    fn a_wrong_kind_is_named_even_when_the_scope_is_missing_too() {
        let users = requirement(&[User], &[&["a"]]);
        for sent in [Client, ApiKey] {
            let refusal = Refusal::CredentialKind { accepts: vec![User], sent };
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
}
