//! What is said about a user: at the userinfo endpoint (OpenID Connect Core 5.3) and in ID tokens where asked for.

use serde_json::{Map, Value};

use crate::scope::ScopeSet;
use crate::user::User;

/// Claims that this server can say, with the scope that covers each (5.4). What it does not know it leaves out: never null,
/// never empty (5.3.2).
const CLAIMS: [(&str, &str); 4] =
    [("email", "email"), ("email_verified", "email"), ("name", "profile"), ("updated_at", "profile")];

/// The scope that covers a claim; `None` for a claim that this server cannot say. Who asks for the claim by its name asks
/// the user for the same permission (5.5, 3.1.2.4).
pub fn scope_of(claim: &str) -> Option<&'static str> {
    CLAIMS.iter().find(|(name, _)| *name == claim).map(|(_, scope)| *scope)
}

/// The claims that scopes and the `claims` parameter ask for (OpenID Connect Core 5.4, 5.5).
pub fn claims(user: &User, scopes: &ScopeSet, asked: &[String]) -> Map<String, Value> {
    let wanted = |name: &str| {
        scope_of(name).is_some_and(|scope| scopes.has(scope)) || asked.iter().any(|asked| asked == name)
    };
    let mut claims = Map::new();
    if wanted("email") {
        claims.insert("email".to_owned(), user.email.to_string().into());
    }
    if wanted("email_verified") {
        claims.insert("email_verified".to_owned(), user.email_verified_at.is_some().into());
    }
    if let Some(name) = user.name.as_deref().filter(|_| wanted("name")) {
        claims.insert("name".to_owned(), name.into());
    }
    if wanted("updated_at") {
        claims.insert("updated_at".to_owned(), user.updated_at.seconds().into());
    }
    claims
}
