//! The table of flows of an API: which of them are on, and what each is for.

use serde::Serialize;

use super::PageContext;
use super::frame::Frame;
use super::shown::Shown;

/// The flows of one API, as they are enforced.
#[derive(Serialize)]
pub struct FlowTable {
    /// What stands around the page.
    pub frame: Frame,
    /// The title of the API.
    pub api: Shown,
    /// The issuer, as clients must know it (RFC 8414 2).
    pub issuer: String,
    /// The path of the same table as JSON.
    pub json: String,
    /// The path of the API's documentation.
    pub docs: String,
    /// One row each.
    pub flows: Vec<Flow>,
}

/// One way to a token.
#[derive(Serialize)]
pub struct Flow {
    /// Its name, such as "Authorization code".
    pub name: Shown,
    /// When to take it.
    pub description: Shown,
    /// Whether its tokens reach what belongs to a person.
    pub user_resources: bool,
    /// Whether the app needs a secret.
    pub secret: bool,
    /// Whether there are refresh tokens.
    pub refresh: bool,
    /// Whether it is on for this API.
    pub supported: bool,
}

impl PageContext for FlowTable {
    const TEMPLATE: &'static str = "flow_table.html";
}
