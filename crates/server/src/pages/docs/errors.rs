//! Every refusal that an app can meet, what it means and what to do.

use serde::Serialize;

use super::{About, ArticleContext};

/// The refusals of an API and of its token endpoint.
#[derive(Serialize)]
pub struct Errors {
    /// The API.
    pub about: About,
    /// At the token endpoint; empty where there are no tokens.
    pub token: Vec<ErrorRow>,
    /// At the authorization endpoint; empty where nobody signs in.
    pub authorization: Vec<ErrorRow>,
    /// At the API.
    pub api: ApiErrors,
    /// The names of the gates.
    pub gates: Vec<String>,
    /// What is answered while a gate is closed.
    pub gate_refusal: Option<String>,
    /// Whether users accept documents, which may be the reason of a refusal.
    pub documents: bool,
    /// The classes of quota.
    pub quotas: Vec<QuotaRow>,
    /// Whether API keys exist.
    pub keys: bool,
}

/// The refusals of the guard before the API.
#[derive(Serialize)]
pub struct ApiErrors {
    /// All of them.
    pub rows: Vec<ErrorRow>,
    /// The answer to a credential of a kind that an operation does not take, where a contract says so.
    pub wrong_kind: Option<String>,
    /// The answer to a missing scope, where a contract has scopes.
    pub missing_scope: Option<String>,
}

/// One refusal.
#[derive(Serialize)]
pub struct ErrorRow {
    /// The status codes; empty where the answer is a redirect.
    pub status: String,
    /// The member `error`.
    pub code: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// A class of quota.
#[derive(Serialize)]
pub struct QuotaRow {
    /// Its name.
    pub class: &'static str,
    /// Token requests of an app in a second; nothing where there is no limit.
    pub rate: Option<u32>,
    /// How many at once; nothing where there is no limit.
    pub burst: Option<u32>,
}

impl ArticleContext for Errors {
    const TEMPLATE: &'static str = "docs/errors.md";
}
