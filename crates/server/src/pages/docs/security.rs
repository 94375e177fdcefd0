//! How to keep credentials, and what to do when one has leaked.

use serde::Serialize;

use super::{About, ArticleContext, Life};

/// The practices that fit the credentials of an API.
#[derive(Serialize)]
pub struct Security {
    /// The API.
    pub about: About,
    /// What must be kept secret for long.
    pub secrets: Vec<&'static str>,
    /// Whether apps have a client secret.
    pub client_secret: bool,
    /// Whether there are API keys.
    pub keys: bool,
    /// Whether users sign in by a code.
    pub code: bool,
    /// Whether apps without a secret exist.
    pub public: bool,
    /// Whether apps may still ask for passwords themselves.
    pub password: bool,
    /// Whether there are refresh tokens, and whether they change with each use.
    pub refresh: bool,
    /// Whether each refresh token is used once.
    pub rotates: bool,
    /// The longest life of an access token; nothing where there are none.
    pub token: Option<Life>,
    /// What secrets of this installation begin with, for scanners.
    pub prefixes: Vec<String>,
    /// Whether there are several environments.
    pub several_environments: bool,
}

impl ArticleContext for Security {
    const TEMPLATE: &'static str = "docs/security.md";
}
