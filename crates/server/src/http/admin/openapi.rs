//! The OpenAPI document, made of the route table and of the types of its handlers. It is the same on every server, names no
//! installation, and is public. The committed copy is `docs/admin-openapi.json`.

use grantor_core::permission::{OperatorRole, Right, SCOPES, member_has};
use grantor_core::user::Role;
use serde_json::{Map, Value, json};
use utoipa::PartialSchema as _;

use super::problem::ProblemBody;
use super::table::{Route, Table};
use super::{BASE, condition};

/// What the parts of paths are: name, text, example.
const PARTS: [(&str, &str, &str); 14] = [
    ("environment", "The environment's name.", "production"),
    ("tenant", "The tenant's short name or GUID.", "acme"),
    ("api", "The API's name.", "payments"),
    ("client_id", "The app's client id.", "acme-payments"),
    ("version", "The number of the secret's version.", "1"),
    ("key", "The key's id, not the key.", "key_00000000000000000000000000000000"),
    ("user", "The user's id or address.", "usr_00000000000000000000000000000000"),
    ("grant", "The Grant's id.", "gnt_0000000000000000"),
    ("case", "The case's id.", "case_00000000000000000000000000000000"),
    ("webhook", "The webhook's id.", "wh_00000000000000000000000000000000"),
    ("message", "The message's id.", "msg_00000000000000000000000000000000"),
    ("incident", "The incident's id.", "inc_00000000000000000000000000000000"),
    ("document", "The document's id.", "doc_00000000000000000000000000000000"),
    ("operator", "The operator's id.", "opr_00000000000000000000000000000000"),
];

const DESCRIPTION: &str = "\
Everything that an operator does, and everything that a member of a partner organisation does for it. Console, portal and \
command line use this API and have no other door.

A request carries a bearer token: an operator's, or the access token of a user who is a member of a tenant, for the audience \
`<origin>/admin/v1`. Lists come in pages (`cursor`, `limit`). A resource that is read has an `ETag`, and every change of it \
honours `If-Match`. A request that makes something honours `Idempotency-Key`. Every refusal is a problem (RFC 9457).";

/// The document.
pub(super) fn document(table: &Table) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let shown = table.shown();
    schemas.insert("Problem".to_owned(), json!(ProblemBody::schema()));
    for route in &table.routes {
        let item = paths.entry(route.path).or_insert_with(|| json!({ "parameters": parts(route.path) }));
        item[route.method.as_str().to_ascii_lowercase()] = operation(route, &shown);
        for (name, schema) in &route.draft.schemas {
            let known = schemas.insert(name.clone(), schema.clone());
            debug_assert!(known.is_none_or(|known| known == *schema), "two schemas are called {name}");
        }
    }
    let tags: Vec<Value> =
        table.tags.iter().map(|(name, text)| json!({ "name": name, "description": text })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Grantor admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": BASE }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": problem("A refusal, with what to do next.") },
            "securitySchemes": {
                "operator": { "type": "http", "scheme": "bearer", "description": "The token of an operator." },
                "member": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": format!(
                        "The access token of a user who is a member of a tenant, for this API. Its scopes: {}.",
                        SCOPES.map(|(name, text)| format!("`{name}` ({text})")).join(", ")
                    ),
                },
            },
        },
    })
}

fn problem(description: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    json!({ "description": description, "content": { "application/problem+json": { "schema": schema } } })
}

/// The parts of a path, in their order.
fn parts(path: &str) -> Vec<Value> {
    let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let shown = |name: &str| {
        let (_, text, example) =
            PARTS.iter().find(|(known, _, _)| *known == name).copied().unwrap_or((name, "", name));
        let schema = if name == "version" {
            json!({ "type": "integer", "format": "int64" })
        } else {
            json!({ "type": "string", "minLength": 1 })
        };
        let example = example.parse::<i64>().map_or_else(|_| json!(example), |number| json!(number));
        json!({ "name": name, "in": "path", "required": true, "description": text, "schema": schema, "example": example })
    };
    named.map(shown).collect()
}

fn operation(route: &Route, shown: &[&str]) -> Value {
    let changes = route.method != ::http::Method::GET;
    let has_condition = changes && condition::nearest(route.path, shown).is_some();
    let mut parameters = route.draft.parameters.clone();
    if has_condition {
        parameters.push(header(
            "If-Match",
            "The `ETag` of what you have seen: 412 if it has changed since.",
            false,
        ));
    }
    if route.creates() {
        parameters.push(header(
            "Idempotency-Key",
            "A text of your choice, 1 to 200 characters. The same request with the same key within a day is answered alike, \
             and carried out once.",
            false,
        ));
    }
    let mut responses = Map::new();
    if let Some((status, response)) = &route.draft.success {
        responses.insert((*status).to_owned(), response.clone());
    }
    let reference = json!({ "$ref": "#/components/responses/Problem" });
    let mut refusals = vec!["400", "401", "403", "404", "429", "503"];
    if changes {
        refusals.extend(["408", "409", "413", "415", "422"]);
    }
    if has_condition {
        refusals.push("412");
    }
    refusals.sort_unstable();
    responses.extend(refusals.into_iter().map(|status| (status.to_owned(), reference.clone())));
    let mut operation = json!({
        "operationId": route.summary.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
        "tags": [route.tag],
        "summary": route.summary,
        "description": format!("{}{}{}", route.text, if route.text.is_empty() { "" } else { "\n\n" }, who(route.right)),
        "parameters": parameters,
        "responses": responses,
        "security": security(route.right),
    });
    if let Some(body) = &route.draft.body {
        operation["requestBody"] = body.clone();
    }
    operation
}

fn header(name: &str, text: &str, required: bool) -> Value {
    let schema = json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]*$" });
    json!({ "name": name, "in": "header", "required": required, "description": text, "schema": schema })
}

/// Who may do it, read off the table of permissions.
fn who(right: Right) -> String {
    let operators: Vec<&str> =
        OperatorRole::ALL.into_iter().filter(|role| role.has(right)).map(OperatorRole::as_str).collect();
    let roles = [
        (Role::Owner, "owner"),
        (Role::Admin, "admin"),
        (Role::Developer, "developer"),
        (Role::Viewer, "viewer"),
    ];
    let members: Vec<&str> =
        roles.iter().filter(|(role, _)| member_has(&[*role], right)).map(|(_, name)| *name).collect();
    let members = if members.is_empty() { "none".to_owned() } else { members.join(", ") };
    format!("Operators: {}. Members: {members}.", operators.join(", "))
}

fn security(right: Right) -> Value {
    let everybody = [Role::Owner, Role::Admin, Role::Developer, Role::Viewer];
    if member_has(&everybody, right) {
        json!([{ "operator": [] }, { "member": [right.scope()] }])
    } else {
        json!([{ "operator": [] }])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::http::admin::table;

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
        let table = table();
        let mut names = HashSet::new();
        for route in &table.routes {
            let operation = operation(route, &table.shown());
            assert!(!route.summary.is_empty() && !route.tag.is_empty(), "{} {}", route.method, route.path);
            assert!(names.insert(operation["operationId"].to_string()), "{} {}", route.method, route.path);
            assert!(route.draft.success.is_some(), "{} {}", route.method, route.path);
            for part in parts(route.path) {
                assert!(PARTS.iter().any(|(name, _, _)| part["name"] == *name), "{}: {part}", route.path);
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document(&table());
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn the_committed_document_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin-openapi.json");
        let served = serde_json::to_string_pretty(&document(&table())).unwrap() + "\n";
        if std::env::var_os("RENEW_OPENAPI").is_some() {
            std::fs::write(path, &served).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == served,
            "docs/admin-openapi.json is stale. Renew it: RENEW_OPENAPI=1 cargo test -p grantor-server --lib openapi"
        );
    }
}
