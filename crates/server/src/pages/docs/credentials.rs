//! Which credentials there are, how they are had, kept, changed and ended.

use serde::Serialize;

use super::overview::{EnvironmentRow, OperationRow};
use super::{About, ArticleContext, Life};

/// Everything about the credentials of an API.
#[derive(Serialize)]
pub struct Credentials {
    /// The API.
    pub about: About,
    /// Client id and secret.
    pub secrets: Option<SecretRules>,
    /// Apps without a secret.
    pub public: Option<PublicApps>,
    /// API keys.
    pub keys: Option<KeyRules>,
    /// How long the token of a signed-in user lives, where users sign in.
    pub user_token: Option<Life>,
    /// Whether there are tokens at all.
    pub tokens: bool,
    /// The API in every environment, this one first.
    pub environments: Vec<EnvironmentRow>,
    /// What opens which operation.
    pub operations: Vec<OperationRow>,
}

/// The rules of client secrets.
#[derive(Serialize)]
pub struct SecretRules {
    /// What a secret begins with.
    pub prefix: String,
    /// How many versions may be alive at once.
    pub versions: usize,
    /// How long a token lives that an app gets with it, where it gets one for itself.
    pub token: Option<Life>,
}

/// Apps that cannot keep a secret.
#[derive(Serialize)]
pub struct PublicApps {
    /// Whether apps with a secret exist, too.
    pub beside_secrets: bool,
}

/// The rules of API keys.
#[derive(Serialize)]
pub struct KeyRules {
    /// What a key begins with.
    pub prefix: String,
    /// How long it lives at most.
    pub life: Life,
    /// Whether administrators of the tenant make them, too.
    pub self_service: bool,
    /// Whether they are for administrators of the tenant alone.
    pub administrators_only: bool,
}

impl ArticleContext for Credentials {
    const TEMPLATE: &'static str = "docs/credentials.md";
}
