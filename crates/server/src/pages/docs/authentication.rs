//! How to get a token and call the API.

use serde::Serialize;

use crate::pages::{PlainUrl, Shown};

use super::snippet::Snippet;
use super::{About, ArticleContext, Life};

/// Everything about tokens of an API.
#[derive(Serialize)]
pub struct Authentication {
    /// The API.
    pub about: About,
    /// Whether API keys open it.
    pub keys: bool,
    /// Where tokens are had; nothing where there are none.
    pub endpoint: Option<PlainUrl>,
    /// Further paths of the same endpoint.
    pub aliases: Vec<PlainUrl>,
    /// A token request by HTTP Basic for a shell, where that is accepted.
    pub basic: Option<String>,
    /// The same in the body, where that is accepted.
    pub post: Option<String>,
    /// The client-credentials grant.
    pub machine: Option<MachineFlow>,
    /// The code grant.
    pub code: Option<CodeFlow>,
    /// The password grant.
    pub password: Option<PasswordFlow>,
    /// Refresh tokens.
    pub refresh: Option<RefreshRules>,
    /// How a token looks.
    pub token: Option<TokenLook>,
    /// The audience of its tokens.
    pub audience: String,
    /// How long credentials live.
    pub lives: Vec<LifeRow>,
    /// The scopes.
    pub scopes: Vec<ScopeRow>,
    /// The path of the table of flows.
    pub flows: String,
    /// A call with a token or key for a shell.
    pub call: Option<String>,
    /// What the API answers where the space behind `Bearer` is missing.
    pub missing_space: &'static str,
    /// Programs that get a credential and use it.
    pub snippets: Vec<Snippet>,
}

/// The client-credentials grant (RFC 6749 4.4).
#[derive(Serialize)]
pub struct MachineFlow {
    /// The answer to a token request.
    pub answer: String,
    /// How long its tokens live.
    pub life: Life,
}

/// The code grant (RFC 6749 4.1).
#[derive(Serialize)]
pub struct CodeFlow {
    /// The address that a browser is sent to.
    pub ask: String,
    /// The request that redeems a code, for a shell: one for each way of client authentication.
    pub redeem: Vec<String>,
    /// Whether apps without a secret may use it.
    pub public: bool,
    /// How long a code lives.
    pub code_life: Life,
    /// How long its tokens live.
    pub life: Life,
}

/// The password grant (RFC 6749 4.3).
#[derive(Serialize)]
pub struct PasswordFlow {
    /// The request, for a shell.
    pub request: String,
}

/// Refresh tokens (RFC 6749 6).
#[derive(Serialize)]
pub struct RefreshRules {
    /// The request, for a shell.
    pub request: String,
    /// The grants whose tokens are refreshed.
    pub grants: Vec<&'static str>,
    /// From the first authentication to the end.
    pub max_age: Life,
    /// Whether each refresh gives a new one.
    pub rotates: bool,
    /// Whether it does so for apps without a secret alone.
    pub rotates_for_public_apps: bool,
    /// How long a lost answer can be asked for again.
    pub grace: Option<Life>,
}

/// How an access token looks.
#[derive(Serialize)]
pub struct TokenLook {
    /// What a JWT is signed with; nothing for an opaque token.
    pub algorithm: Option<&'static str>,
    /// The key set.
    pub jwks: String,
    /// The introspection endpoint.
    pub introspection: String,
    /// The issuer.
    pub issuer: String,
    /// The claims that the server adds to a JWT.
    pub claims: Vec<ClaimRow>,
}

/// A claim that the server adds.
#[derive(Serialize)]
pub struct ClaimRow {
    /// Its name.
    pub name: String,
    /// Where its value comes from.
    pub value: &'static str,
}

/// The life of a kind of credential.
#[derive(Serialize)]
pub struct LifeRow {
    /// What lives.
    pub what: &'static str,
    /// How long.
    pub life: Life,
}

/// A scope.
#[derive(Serialize)]
pub struct ScopeRow {
    /// Its name.
    pub name: String,
    /// What its owner says that it means; maybe nothing.
    pub meaning: Shown,
    /// Whether the server puts it into every credential.
    pub added: bool,
    /// Whether a user cannot deny it.
    pub required: bool,
}

impl ArticleContext for Authentication {
    const TEMPLATE: &'static str = "docs/authentication.md";
}
