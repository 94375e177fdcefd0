//! The contract of an API: per operation, which credential kinds and scopes. Read from its OpenAPI document, so what
//! is enforced and what is documented cannot drift apart.

use crate::credential_kind::CredentialKind;
use crate::openapi::{self, ContractError};
use crate::operation::Operation;
use crate::require::Requirement;
use crate::route::{RouteTree, normal_segments, without_query};

/// What a contract knows about a method and a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup<'c> {
    /// This operation.
    Operation(&'c Operation),
    /// The path exists, with these methods only.
    OtherMethod(Vec<&'c str>),
    /// No such path, or a spelling of a path that is refused.
    Unknown,
}

/// The operations of one API, ready for lookups.
#[derive(Debug, Clone)]
pub struct Contract {
    base_path: String,
    operations: Vec<Operation>,
    /// Leaves are indexes into `paths`.
    tree: RouteTree,
    /// Per path template, the indexes of its operations.
    paths: Vec<Vec<usize>>,
}

impl Contract {
    /// Reads an OpenAPI 3.0 or 3.1 document in JSON.
    ///
    /// Who may call: `x-grantor-credential: ["client", "user", "api_key"]` at the operation, else at the document
    /// root. An operation with `security: []` (which OpenAPI calls public) must have its own.
    /// Which scopes: those of the operation's `security`, else the root's, for schemes of type `oauth2`,
    /// `openIdConnect` and `http` bearer. Several requirement objects are alternatives; one without scopes beside
    /// others with scopes is no way around them and is left out, because the kinds of credentials are not its business.
    ///
    /// # Errors
    /// Says where and why: too long, no JSON, not version 3.0 or 3.1, an operation that nobody is named for, an
    /// unknown security scheme, a path or server URL that could be read in two ways.
    pub fn from_openapi(json: &str) -> Result<Contract, ContractError> {
        let openapi::Parts { base_path, operations, tree, paths } = openapi::read(json)?;
        Ok(Contract { base_path, operations, tree, paths })
    }

    /// The operation for a method and a path as sent, with base path and perhaps a query.
    ///
    /// `None` for every path that is not in normal form (`//`, `..`, `%2f`, `;` and their relatives). The path
    /// decides before the method: the template with the most literal segments wins, and only its methods count. HEAD
    /// is served by GET if that path has no HEAD of its own (RFC 9110 section 9.3.2).
    pub fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        match self.look_up(method, path) {
            Lookup::Operation(operation) => Some(operation),
            Lookup::OtherMethod(_) | Lookup::Unknown => None,
        }
    }

    /// [`Contract::find`] that tells an unknown path from an unknown method.
    pub fn look_up(&self, method: &str, path: &str) -> Lookup<'_> {
        let Some(path) = without_query(path) else {
            return Lookup::Unknown;
        };
        // What is left must begin with a slash, as every path: `/api` is not the start of `/apis`.
        path.strip_prefix(self.base_path.as_str())
            .map_or(Lookup::Unknown, |rest| self.look_up_inside(method, rest))
    }

    /// [`Contract::look_up`] for a path from which the base path has been taken off, as routers do when they nest.
    pub fn look_up_inside(&self, method: &str, path: &str) -> Lookup<'_> {
        let known = without_query(path)
            .and_then(normal_segments)
            .and_then(|segments| self.tree.find(&segments))
            .and_then(|leaf| self.paths.get(leaf));
        let Some(indexes) = known else {
            return Lookup::Unknown;
        };
        let at_path = || indexes.iter().filter_map(|index| self.operations.get(*index));
        let with = |wanted: &str| at_path().find(|operation| operation.method == wanted);
        let found = with(method).or_else(|| if method == "HEAD" { with("GET") } else { None });
        match found {
            Some(operation) => Lookup::Operation(operation),
            None => Lookup::OtherMethod(at_path().map(|operation| operation.method.as_str()).collect()),
        }
    }

    /// All operations, sorted by path and method.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The path part of the first server URL, without a slash at its end; empty if there is none.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// What a credential must satisfy when nobody knows which operation it will be used for: a kind that every
    /// operation takes, and the scopes of all of them. Who satisfies this may call each operation.
    ///
    /// Where an operation has alternatives, all of them are demanded: more than needed, never less.
    pub fn strictest(&self) -> Requirement {
        let everywhere = |kind: &CredentialKind| self.operations.iter().all(|one| one.accepts.contains(kind));
        let mut scopes: Vec<String> =
            self.operations.iter().flat_map(|one| one.scopes.iter().flatten().cloned()).collect();
        scopes.sort();
        scopes.dedup();
        Requirement {
            accepts: CredentialKind::ALL.into_iter().filter(everywhere).collect(),
            scopes: if scopes.is_empty() { Vec::new() } else { vec![scopes] },
        }
    }
}

#[cfg(test)]
#[path = "contract_tests.rs"]
mod tests;
