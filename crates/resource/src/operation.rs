//! One operation of an API: how it is called, and what it demands of a credential.

use serde_json::Value;

use crate::challenge::Refusal;
use crate::credential_kind::CredentialKind;
use crate::require::{Requirement, judge_parts};

/// One operation of an API.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The method in upper case, such as `GET`.
    pub method: String,
    /// The path template without the base path, such as `/deals/{id}`.
    pub path: String,
    /// The credential kinds that it takes; never empty.
    pub accepts: Vec<CredentialKind>,
    /// Alternatives; the caller needs all scopes of one of them. Empty: no scope is needed.
    pub scopes: Vec<Vec<String>>,
    /// The JSON example of its success answer, if the document has one.
    pub example: Option<Value>,
    /// The status code of that answer; 200 if the document names none.
    pub status: u16,
}

impl Operation {
    /// What a credential must satisfy to call this operation.
    pub fn requirement(&self) -> Requirement {
        Requirement { accepts: self.accepts.clone(), scopes: self.scopes.clone() }
    }

    /// Judges an authentic credential, as [`crate::judge`] does.
    ///
    /// # Errors
    /// 403 in both forms: wrong kind, missing scope (RFC 6750 section 3.1).
    pub fn judge(&self, kind: CredentialKind, scope: &str) -> Result<(), Refusal> {
        judge_parts(&self.accepts, &self.scopes, kind, scope)
    }
}
