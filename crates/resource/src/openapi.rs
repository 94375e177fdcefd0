//! Which parts of an OpenAPI document bind, and which documents are refused because they leave something open.

use serde_json::{Map, Value};

use crate::credential_kind::CredentialKind;
use crate::operation::Operation;
use crate::route::{BadTemplate, RouteTree, normal_segments};

/// The longest document that is read, in bytes.
pub const MAX_DOCUMENT: usize = 1024 * 1024;

/// The members of a path item that are operations (OpenAPI 3.1 section 4.8.9).
const METHODS: [&str; 8] = ["delete", "get", "head", "options", "patch", "post", "put", "trace"];

/// The extension that names the credential kinds.
const CREDENTIAL: &str = "x-grantor-credential";

/// A document that is no contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("OpenAPI document, at {pointer:?}: {why}")]
pub struct ContractError {
    /// Where: a JSON pointer (RFC 6901); empty for the document as a whole.
    pub pointer: String,
    /// Why, in one sentence.
    pub why: String,
}

/// What a document says.
pub(crate) struct Parts {
    /// The path part of the first server URL, without a slash at its end.
    pub(crate) base_path: String,
    /// Sorted by path and method.
    pub(crate) operations: Vec<Operation>,
    /// Leaves are indexes into `paths`.
    pub(crate) tree: RouteTree,
    /// Per path template, the indexes of its operations.
    pub(crate) paths: Vec<Vec<usize>>,
}

/// Reads a document; see [`crate::Contract::from_openapi`]. Nesting is bounded by the JSON parser (128 levels).
pub(crate) fn read(json: &str) -> Result<Parts, ContractError> {
    if json.len() > MAX_DOCUMENT {
        return Err(error("", format!("it is longer than {MAX_DOCUMENT} bytes")));
    }
    let root: Value = serde_json::from_str(json).map_err(|e| error("", format!("it is not JSON: {e}")))?;
    let version = root.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if !(version.starts_with("3.0.") || version.starts_with("3.1.")) {
        return Err(error("/openapi", "must be a version 3.0.x or 3.1.x"));
    }
    let document = Document { root: &root };
    let base_path = document.base_path()?;
    let mut path_items: Vec<_> = document.object(root.get("paths"), "/paths")?.iter().collect();
    path_items.sort_by_key(|(template, _)| template.as_str());

    let (mut operations, mut tree, mut paths) = (Vec::new(), RouteTree::default(), Vec::new());
    for (template, item) in path_items {
        // Extensions may stand beside paths (OpenAPI 3.1 section 4.8.8).
        if template.starts_with("x-") {
            continue;
        }
        let at = format!("/paths/{}", escaped(template));
        tree.insert(template, paths.len()).map_err(|bad| error(&at, explain(bad)))?;
        let first = operations.len();
        document.path_item(template, item, &mut operations)?;
        paths.push((first..operations.len()).collect());
    }
    if operations.is_empty() {
        return Err(error("/paths", "there is no operation"));
    }
    Ok(Parts { base_path, operations, tree, paths })
}

fn explain(bad: BadTemplate) -> &'static str {
    match bad {
        BadTemplate::Malformed => {
            "must begin with a slash, be in normal form, and have braces around whole segments only"
        }
        BadTemplate::Taken => "another path differs from this one in the names of its parameters only",
    }
}

struct Document<'d> {
    root: &'d Value,
}

impl<'d> Document<'d> {
    /// The path of the first server URL (OpenAPI 3.1 section 4.8.5).
    fn base_path(&self) -> Result<String, ContractError> {
        let at = "/servers/0/url";
        let Some(first) = self.root.get("servers").and_then(|servers| servers.get(0)) else {
            return Ok(String::new());
        };
        let url = first.get("url").and_then(Value::as_str).ok_or_else(|| error(at, "must be a text"))?;
        let path = match url.split_once("://") {
            Some((_, after)) => after.find('/').map_or("", |slash| &after[slash..]),
            None => url,
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        let usable = path.is_empty() || normal_segments(path).is_some_and(|all| !all.contains(&""));
        if !usable || path.contains(['{', '}', '?', '#']) {
            return Err(error(
                at,
                "its path must begin with a slash, be in normal form, and have no variables or query",
            ));
        }
        Ok(path.to_owned())
    }

    fn path_item(
        &self,
        template: &str,
        item: &'d Value,
        into: &mut Vec<Operation>,
    ) -> Result<(), ContractError> {
        let at = format!("/paths/{}", escaped(template));
        let item = self.object(Some(item), &at)?;
        refuse_own_servers(item, &at)?;
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let at = format!("{at}/{method}");
            let operation = self.object(Some(operation), &at)?;
            refuse_own_servers(operation, &at)?;
            let (status, example) = self.success(operation);
            into.push(Operation {
                method: method.to_ascii_uppercase(),
                path: template.to_owned(),
                accepts: self.accepts(operation, &at)?,
                scopes: self.scopes(operation, &at)?,
                example,
                status,
            });
        }
        Ok(())
    }

    /// Absent never means allowed: somebody has to be named, and `security: []` without a name of its own contradicts
    /// whatever the root says.
    fn accepts(
        &self,
        operation: &Map<String, Value>,
        at: &str,
    ) -> Result<Vec<CredentialKind>, ContractError> {
        let (value, at) = match operation.get(CREDENTIAL) {
            Some(own) => (own, format!("{at}/{CREDENTIAL}")),
            None if operation.get("security").is_some_and(is_public) => {
                return Err(error(at, format!("security asks for nothing, so {CREDENTIAL} must stand here")));
            }
            None => match self.root.get(CREDENTIAL) {
                Some(general) => (general, format!("/{CREDENTIAL}")),
                None => return Err(error(at, format!("{CREDENTIAL} is missing here and at the root"))),
            },
        };
        let listed: Vec<CredentialKind> = serde_json::from_value(value.clone())
            .map_err(|_| error(&at, "must be a list of client, user, api_key"))?;
        // In the order of ALL and once each, so that answers do not depend on how the document was typed.
        let accepts: Vec<_> = CredentialKind::ALL.into_iter().filter(|kind| listed.contains(kind)).collect();
        if accepts.is_empty() {
            return Err(error(&at, "must name at least one kind"));
        }
        Ok(accepts)
    }

    /// The alternatives of scopes (OpenAPI 3.1 section 4.8.30).
    fn scopes(&self, operation: &Map<String, Value>, at: &str) -> Result<Vec<Vec<String>>, ContractError> {
        let (security, at) = match (operation.get("security"), self.root.get("security")) {
            (Some(own), _) => (own, format!("{at}/security")),
            (None, Some(general)) => (general, "/security".to_owned()),
            (None, None) => return Ok(Vec::new()),
        };
        let list = security.as_array().ok_or_else(|| error(&at, "must be a list"))?;
        let mut alternatives = Vec::new();
        for (index, requirement) in list.iter().enumerate() {
            let at = format!("{at}/{index}");
            let requirement = requirement.as_object().ok_or_else(|| error(&at, "must be an object"))?;
            let mut all = Vec::new();
            for (scheme, scopes) in requirement {
                self.scopes_of_scheme(scheme, scopes, &mut all)
                    .map_err(|why| error(&format!("{at}/{}", escaped(scheme)), why))?;
            }
            all.sort();
            all.dedup();
            if !all.is_empty() && !alternatives.contains(&all) {
                alternatives.push(all);
            }
        }
        Ok(alternatives)
    }

    fn scopes_of_scheme(
        &self,
        scheme: &str,
        scopes: &Value,
        into: &mut Vec<String>,
    ) -> Result<(), &'static str> {
        let schemes = self.root.pointer("/components/securitySchemes");
        let declared =
            schemes.and_then(|all| all.get(scheme)).ok_or("no such scheme in /components/securitySchemes")?;
        let declared = self.resolve(declared).ok_or("its scheme is a reference that leads nowhere")?;
        let text = |member: &str| declared.get(member).and_then(Value::as_str).unwrap_or_default();
        let carries_scopes = match text("type") {
            "oauth2" | "openIdConnect" => true,
            "http" => text("scheme").eq_ignore_ascii_case("bearer"),
            "apiKey" | "mutualTLS" => false,
            _ => return Err("its scheme has no known type"),
        };
        let scopes = scopes.as_array().ok_or("must be a list of scopes")?;
        if !carries_scopes && !scopes.is_empty() {
            return Err("a scheme of this type carries no scopes, so these would not be enforced");
        }
        for scope in scopes {
            let scope = scope
                .as_str()
                .filter(|text| is_scope(text))
                .ok_or("has a scope that RFC 6749 section 3.3 does not allow")?;
            into.push(scope.to_owned());
        }
        Ok(())
    }

    /// Status and JSON example of the first success answer: the lowest 2xx with JSON, else the lowest 2xx.
    fn success(&self, operation: &Map<String, Value>) -> (u16, Option<Value>) {
        let Some(responses) = operation.get("responses").and_then(Value::as_object) else {
            return (200, None);
        };
        let mut answers: Vec<(u16, Option<&Value>)> = responses
            .iter()
            .filter_map(|(code, response)| {
                let status = if code == "2XX" {
                    200
                } else {
                    code.parse().ok().filter(|code| (200..300).contains(code))?
                };
                let json =
                    self.resolve(response).and_then(|found| found.get("content")?.get("application/json"));
                Some((status, json))
            })
            .collect();
        answers.sort_by_key(|(status, json)| (json.is_none(), *status));
        let (status, json) = answers.first().copied().unwrap_or((200, None));
        (status, json.and_then(|media| self.example(media)))
    }

    /// `example`, else the first of `examples`, else the example of the schema (OpenAPI 3.1 sections 4.8.14, 4.8.24).
    fn example(&self, media: &Value) -> Option<Value> {
        if let Some(example) = media.get("example") {
            return Some(example.clone());
        }
        if let Some(first) =
            media.get("examples").and_then(Value::as_object).and_then(|all| all.values().next())
        {
            return self.resolve(first)?.get("value").cloned();
        }
        let schema = self.resolve(media.get("schema")?)?;
        schema.get("example").or_else(|| schema.get("examples")?.get(0)).cloned()
    }

    fn object(&self, value: Option<&'d Value>, at: &str) -> Result<&'d Map<String, Value>, ContractError> {
        value
            .and_then(|found| self.resolve(found))
            .and_then(Value::as_object)
            .ok_or_else(|| error(at, "must be an object, or a reference inside this document to one"))
    }

    /// Follows `$ref` inside the document; a chain longer than eight is a circle.
    fn resolve(&self, value: &'d Value) -> Option<&'d Value> {
        let mut current = value;
        for _ in 0..8 {
            let Some(reference) = current.get("$ref") else {
                return Some(current);
            };
            current = self.root.pointer(reference.as_str()?.strip_prefix('#')?)?;
        }
        None
    }
}

/// `security` that OpenAPI reads as "anonymous is fine".
fn is_public(security: &Value) -> bool {
    let empty = |requirement: &Value| requirement.as_object().is_some_and(Map::is_empty);
    security.as_array().is_some_and(|list| list.is_empty() || list.iter().any(empty))
}

/// Only the first server of the document counts, so another one below it would be a promise that is not kept.
fn refuse_own_servers(object: &Map<String, Value>, at: &str) -> Result<(), ContractError> {
    if object.contains_key("servers") {
        return Err(error(&format!("{at}/servers"), "servers may stand at the root only"));
    }
    Ok(())
}

/// `scope-token` of RFC 6749 section 3.3.
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

fn error(pointer: &str, why: impl Into<String>) -> ContractError {
    ContractError { pointer: pointer.to_owned(), why: why.into() }
}

/// RFC 6901 section 3.
fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}
