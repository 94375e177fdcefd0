//! Which APIs there are, and where one of them is found.

use serde::Serialize;

use crate::pages::{PlainUrl, Shown};

use super::{About, ArticleContext};

/// The APIs of an environment.
#[derive(Serialize)]
pub struct DocsIndex {
    /// The name of the environment.
    pub environment: Shown,
    /// One each, in order of name.
    pub apis: Vec<ApiLink>,
}

/// An API and the way to its documentation.
#[derive(Serialize)]
pub struct ApiLink {
    /// Its title.
    pub title: Shown,
    /// What its profile says of itself; maybe nothing.
    pub sentence: Shown,
    /// The path of its documentation.
    pub path: String,
}

/// Where an API is found, in each environment, and what it can do.
#[derive(Serialize)]
pub struct Overview {
    /// The API.
    pub about: About,
    /// What its profile says of itself; maybe nothing.
    pub sentence: Shown,
    /// Where the API is reached, if its contract says so.
    pub base_url: Option<PlainUrl>,
    /// Where tokens are had, if they are.
    pub token_endpoint: Option<PlainUrl>,
    /// Where browsers are sent to sign in, if they are.
    pub authorization_endpoint: Option<String>,
    /// The issuer identifier.
    pub issuer: String,
    /// The audience of its tokens.
    pub audience: String,
    /// It in every environment, this one first.
    pub environments: Vec<EnvironmentRow>,
    /// The other pages.
    pub pages: Vec<PageLink>,
    /// The path of the table of flows.
    pub flows: String,
    /// Its operations, if it has a contract.
    pub operations: Vec<OperationRow>,
}

/// An API in one environment.
#[derive(Serialize)]
pub struct EnvironmentRow {
    /// The environment's name.
    pub name: Shown,
    /// Whether nothing there is real.
    pub sandbox: bool,
    /// Where the API is reached there.
    pub base_url: Option<PlainUrl>,
    /// Where tokens are had there.
    pub token_endpoint: Option<PlainUrl>,
    /// What its secrets and keys begin with.
    pub stage: &'static str,
}

/// A page of the documentation and what it is about.
#[derive(Serialize)]
pub struct PageLink {
    /// Its title.
    pub title: &'static str,
    /// What it answers.
    pub about: &'static str,
    /// Its path.
    pub path: String,
}

/// An operation of the contract, and what opens it.
#[derive(Serialize)]
pub struct OperationRow {
    /// Method and path.
    pub call: String,
    /// What the contract calls it; maybe nothing.
    pub summary: Shown,
    /// The kinds of credentials that it takes.
    pub accepts: Vec<&'static str>,
    /// The scopes that it needs: alternatives, each a list separated by spaces.
    pub scopes: Vec<String>,
}

impl ArticleContext for DocsIndex {
    const TEMPLATE: &'static str = "docs/index.md";
}

impl ArticleContext for Overview {
    const TEMPLATE: &'static str = "docs/overview.md";
}
