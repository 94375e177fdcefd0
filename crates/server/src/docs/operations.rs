//! The operations of the contract: which credential and scopes each takes, and which of them an example may call.

use grantor_resource::{CredentialKind, Operation};
use serde_json::Value;

use super::place::Place;
use crate::pages::{OperationRow, PlainUrl, Shown};

/// What people call a kind of credential.
pub(super) fn kind_name(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Client => "client token",
        CredentialKind::User => "user token",
        CredentialKind::ApiKey => "API key",
    }
}

/// The operations, if there is a contract.
pub(super) fn operations<'a>(place: &Place<'a>) -> &'a [Operation] {
    place.contract.map_or(&[], |contract| contract.operations())
}

/// Method and path, as they stand behind the base URL.
pub(super) fn call(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

/// One row each.
pub(super) fn rows(place: &Place<'_>) -> Vec<OperationRow> {
    let document: Option<Value> =
        place.api.openapi.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let row = |operation: &Operation| OperationRow {
        call: call(operation),
        summary: Shown::text(document.as_ref().and_then(|all| summary(all, operation)).unwrap_or("")),
        accepts: operation.accepts.iter().copied().map(kind_name).collect(),
        scopes: operation.scopes.iter().map(|all| all.join(" ")).collect(),
    };
    operations(place).iter().map(row).collect()
}

fn summary<'d>(document: &'d Value, operation: &Operation) -> Option<&'d str> {
    let item = document.get("paths")?.get(&operation.path)?;
    item.get(operation.method.to_ascii_lowercase())?.get("summary")?.as_str()
}

/// The address of an operation that can be read with such a credential and without knowing anything else.
pub(super) fn example(place: &Place<'_>, kind: CredentialKind) -> Option<PlainUrl> {
    let base = place.base_url()?;
    let readable = |operation: &&Operation| {
        operation.method == "GET" && operation.accepts.contains(&kind) && !operation.path.contains('{')
    };
    operations(place).iter().filter(readable).find_map(|operation| base.join(&operation.path))
}
