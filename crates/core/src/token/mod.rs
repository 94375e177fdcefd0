//! The token endpoint: parse the request, dispatch on the grant.

pub mod client_credentials;

use crate::error::{Denial, OAuthError, Reason};
use crate::form::Form;
use crate::profile::GrantType;
use crate::scope::ScopeSet;

/// A token request, parsed.
#[derive(Debug)]
pub struct TokenRequest {
    /// The grant.
    pub grant: GrantType,
    /// The scopes asked for; an empty parameter counts as none.
    pub scopes: Option<ScopeSet>,
    /// Every `resource` (RFC 8707).
    pub resources: Vec<String>,
}

/// Parses the form of a token request.
///
/// # Errors
/// `invalid_request` without grant type, `unsupported_grant_type` for one that this server does not perform,
/// `invalid_scope` and `invalid_target` for malformed values.
pub fn parse(form: &Form) -> Result<TokenRequest, Denial> {
    let name = form.get("grant_type").ok_or(Denial::hinted(
        OAuthError::InvalidRequest,
        Reason::MissingGrantType,
        "The parameter grant_type is missing.",
    ))?;
    let grant = GrantType::ALL
        .into_iter()
        .find(|grant| grant.as_str() == name && grant.is_built())
        .ok_or(Denial::new(OAuthError::UnsupportedGrantType, Reason::UnknownGrantType))?;
    let scopes = form.get("scope").map(ScopeSet::parse).transpose()?;
    // RFC 6749 3.3: a scope value holds at least one scope. Blanks are neither a list nor an omission.
    if scopes.as_ref().is_some_and(ScopeSet::is_empty) {
        return Err(Denial::new(OAuthError::InvalidScope, Reason::MalformedScope));
    }
    let resources: Vec<String> = form.all("resource").map(str::to_owned).collect();
    if resources.iter().any(|resource| !is_resource(resource)) {
        return Err(Denial::new(OAuthError::InvalidTarget, Reason::UnknownResource));
    }
    Ok(TokenRequest { grant, scopes, resources })
}

/// RFC 8707 2: an absolute URI without fragment.
fn is_resource(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let letters = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    !scheme.is_empty() && letters && !text.contains('#')
}
