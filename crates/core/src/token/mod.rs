//! The token endpoint: parse the request, dispatch on the grant.

pub mod authorization_code;
pub mod client_credentials;
pub mod password;
pub mod refresh;

use crate::access::Access;
use crate::api::Api;
use crate::app::App;
use crate::client_auth::Presented;
use crate::client_metadata::Tenancy;
use crate::env::UnixMillis;
use crate::error::{Denial, OAuthError, Reason};
use crate::form::Form;
use crate::grant::Grant;
use crate::id::TenantId;
use crate::id_token::IdTokenDraft;
use crate::issue::TokenDraft;
use crate::profile::GrantType;
use crate::scope::ScopeSet;
use crate::secret::Secret;
use crate::session::Session;
use crate::user::Membership;

/// What a grant gives.
pub struct Granted<'a> {
    /// The access token, unsigned.
    pub draft: TokenDraft,
    /// Whose quota it counts against.
    pub access: &'a Access,
    /// The generation of the refresh token, where there is one.
    pub refresh: Option<i64>,
    /// The ID token, unsigned, where there is one.
    pub id_token: Option<IdTokenDraft>,
}

/// A token request, parsed. No `Debug`: it may hold a password, a code or a refresh token.
pub struct TokenRequest {
    /// The grant.
    pub grant: GrantType,
    /// The scopes asked for; an empty parameter counts as none.
    pub scopes: Option<ScopeSet>,
    /// Every `resource` (RFC 8707).
    pub resources: Vec<String>,
    /// The authorization code.
    pub code: Option<Secret>,
    /// The redirect URI of the authorization request.
    pub redirect_uri: Option<String>,
    /// The PKCE verifier.
    pub code_verifier: Option<String>,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
    /// The user's name and password, for the password grant.
    pub user: Option<(String, Secret)>,
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
        .find(|grant| grant.as_str() == name)
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
    let secret = |name: &str| form.get(name).map(|value| Secret::presented(value.to_owned()));
    let request = TokenRequest {
        grant,
        scopes,
        resources,
        code: secret("code"),
        redirect_uri: form.get("redirect_uri").map(str::to_owned),
        code_verifier: form.get("code_verifier").map(str::to_owned),
        refresh_token: secret("refresh_token"),
        user: form.get("username").map(str::to_owned).zip(secret("password")),
    };
    let missing = |hint| Err(Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, hint));
    match grant {
        GrantType::AuthorizationCode if request.code.is_none() => missing("The parameter code is missing."),
        GrantType::RefreshToken if request.refresh_token.is_none() => {
            missing("The parameter refresh_token is missing.")
        }
        GrantType::Password if request.user.is_none() => {
            missing("The parameters username and password are missing.")
        }
        _ => Ok(request),
    }
}

/// Whether the API has a grant on, the app may use it, and has authenticated as the API wants. One rule for every grant.
///
/// # Errors
/// `invalid_client`, `unsupported_grant_type`, `unauthorized_client`.
pub fn grant_is_on(grant: GrantType, app: &App, api: &Api, presented: &Presented) -> Result<(), Denial> {
    if !app.may_authenticate_by(presented.method(), &api.profile.client_auth) {
        return Err(Denial::hinted(
            OAuthError::InvalidClient,
            Reason::AuthMethodNotAllowed,
            "This way of client authentication is not accepted for this API.",
        ));
    }
    if !api.profile.grants.contains(&grant) {
        return Err(Denial::new(OAuthError::UnsupportedGrantType, Reason::GrantNotInProfile));
    }
    if !app.grants.contains(&grant) {
        return Err(Denial::new(OAuthError::UnauthorizedClient, Reason::GrantNotForApp));
    }
    Ok(())
}

/// Whether an app may ask for a grant at all: some API of its own offers it, and the app is registered for it. Asked before
/// anything that was presented is looked at, so that a grant that is off answers as off, whatever comes with it.
///
/// # Errors
/// `unsupported_grant_type`, `unauthorized_client`.
pub fn may_ask<'a>(
    grant: GrantType,
    app: &App,
    mut own: impl Iterator<Item = &'a Api>,
) -> Result<(), Denial> {
    if !own.any(|api| api.profile.offers(grant)) {
        return Err(Denial::new(OAuthError::UnsupportedGrantType, Reason::GrantNotInProfile));
    }
    if !app.grants.contains(&grant) {
        return Err(Denial::new(OAuthError::UnauthorizedClient, Reason::GrantNotForApp));
    }
    Ok(())
}

/// Whether the user is still a member of the Grant's tenant; where the app is the tenant's own, nobody has to be.
fn belongs(app: &App, memberships: &[Membership], tenant: TenantId) -> Result<(), Denial> {
    let is_member = || memberships.iter().any(|membership| membership.tenant == tenant);
    match app.metadata.tenancy {
        Tenancy::Members if !is_member() => Err(Denial::new(OAuthError::InvalidGrant, Reason::NoTenant)),
        Tenancy::Members | Tenancy::Own => Ok(()),
    }
}

/// A Grant that ends with its session needs it alive (OpenID Connect Core 11). Absent never means alive.
fn session_lives(grant: &Grant, session: Option<&Session>, now: UnixMillis) -> Result<(), Denial> {
    if grant.ends_with_session() && !session.is_some_and(|session| session.is_alive(now)) {
        return Err(Denial::new(OAuthError::InvalidGrant, Reason::SessionEnded));
    }
    Ok(())
}

/// RFC 8707 2.2: a token request may name only what was granted: here the one API of the Grant.
fn resource_fits(request: &TokenRequest, api: &Api) -> Result<(), Denial> {
    if request.resources.iter().all(|resource| *resource == api.audience) {
        return Ok(());
    }
    Err(Denial::new(OAuthError::InvalidTarget, Reason::ResourceNotAllowed))
}

/// RFC 8707 2: an absolute URI without fragment.
fn is_resource(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let letters = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    !scheme.is_empty() && letters && !text.contains('#')
}
