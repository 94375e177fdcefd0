//! An authorization request, parsed. First whom the answer may go to, then everything else: an error is sent to a redirect
//! URI only after app and URI are trusted (RFC 6749 4.1.2.1, RFC 9700 4.11.2).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::{self, Api, OPENID_SCOPES, Target};
use crate::app::App;
use crate::error::{Denial, OAuthError, Reason};
use crate::form::Form;
use crate::grant::ClaimsRequest;
use crate::id::{ApiId, TenantId};
use crate::name::ClientId;
use crate::pkce;
use crate::profile::{ClientAuthMethod, GrantType};
use crate::scope::{Scope, ScopeSet};

/// Where the answer goes and how: what can be trusted before anything else is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyTo {
    /// The redirect URI, as requested, or the app's only one.
    pub redirect_uri: String,
    /// Whether the request named it.
    pub redirect_uri_sent: bool,
    /// Query or form.
    pub mode: ResponseMode,
    /// Echoed exactly.
    pub state: Option<String>,
}

/// How the answer travels. Fragments do not exist: no token leaves this endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query.
    #[default]
    Query,
    /// In a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// What the app asks for, after all checks that need no user. Stored while the user acts; the form fields of the pages
/// never change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationRequest {
    /// The app.
    pub client_id: ClientId,
    /// Where the answer goes.
    pub reply_to: ReplyTo,
    /// For which API; `None` is the userinfo endpoint alone.
    pub api: Option<ApiId>,
    /// The scopes in question, the server's own only where they were asked for.
    pub scopes: ScopeSet,
    /// The PKCE challenge (S256).
    pub challenge: Option<String>,
    /// Copied into the ID token.
    pub nonce: Option<String>,
    /// What the user shall be made to do.
    pub prompt: Prompt,
    /// The oldest log-in that counts, in seconds.
    pub max_age: Option<i64>,
    /// The address to begin with.
    pub login_hint: Option<String>,
    /// The subject that the answer must be about, from `id_token_hint` or the `claims` parameter.
    pub expected_sub: Option<String>,
    /// Languages, best first.
    pub ui_locales: Vec<String>,
    /// Whether an `acr` was asked for as essential that this server cannot reach.
    pub unmet_acr: bool,
    /// Claims asked for by name; none without `openid`.
    pub claims: ClaimsRequest,
    /// The tenant asked for.
    pub tenant_hint: Option<TenantId>,
}

impl AuthorizationRequest {
    /// Everything that the user is asked for: the scopes, and those that cover claims asked for by name
    /// (OpenID Connect Core 3.1.2.4: nothing is released that nobody has allowed).
    pub fn permissions(&self) -> ScopeSet {
        self.scopes.union(&self.claims.scopes())
    }
}

/// The values of `prompt` (OpenID Connect Core 3.1.2.1, Initiating User Registration).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// The user must authenticate again.
    pub login: bool,
    /// The user must be asked again.
    pub consent: bool,
    /// The user chooses an account.
    pub select_account: bool,
    /// The user begins with a sign-up.
    pub create: bool,
}

/// Why there is nobody to answer to: shown on a page of our own, status 400, never redirected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untrusted(pub Denial);

/// Finds out where the answer may go. Who calls has made sure that the app is known and active.
///
/// # Errors
/// [`Untrusted`] without one of the app's redirect URIs.
pub fn reply_to(form: &Form, app: &App) -> Result<ReplyTo, Untrusted> {
    let refuse = |reason, hint| Err(Untrusted(Denial::hinted(OAuthError::InvalidRequest, reason, hint)));
    let registered = &app.metadata.redirect_uris;
    let (redirect_uri, redirect_uri_sent) = match (form.get("redirect_uri"), &registered[..]) {
        (Some(requested), _) if registered.iter().any(|uri| uri.matches(requested)) => (requested, true),
        (Some(_), _) => {
            return refuse(
                Reason::RedirectUriMismatch,
                "The redirect URI is not registered for this app. It is compared character by character.",
            );
        }
        // RFC 6749 3.1.2.3: may be left out only where there is one. OpenID Connect Core 3.1.2.1 demands it always.
        (None, [only]) if !asks_for_openid(form) => (only.as_str(), false),
        (None, _) => return refuse(Reason::RedirectUriMissing, "The parameter redirect_uri is missing."),
    };
    let mode = match form.get("response_mode") {
        Some("form_post") => ResponseMode::FormPost,
        _ => ResponseMode::Query,
    };
    Ok(ReplyTo {
        redirect_uri: redirect_uri.to_owned(),
        redirect_uri_sent,
        mode,
        state: form.get("state").map(str::to_owned),
    })
}

fn asks_for_openid(form: &Form) -> bool {
    form.get("scope").is_some_and(|scope| scope.split(' ').any(|scope| scope == "openid"))
}

/// What parsing needs to know.
pub struct Facts<'a> {
    /// The app.
    pub app: &'a App,
    /// The environment's APIs.
    pub apis: &'a [Arc<Api>],
    /// The API of apps that have none: the userinfo endpoint.
    pub userinfo: &'a Arc<Api>,
    /// The subject of a genuine `id_token_hint` of ours, expired or not; `Some(None)` for one that is not genuine.
    pub hinted_sub: Option<Option<String>>,
}

/// Parses everything that is not about where the answer goes.
///
/// # Errors
/// The OAuth error that is sent to the redirect URI.
pub fn parse(form: &Form, reply_to: ReplyTo, facts: &Facts<'_>) -> Result<AuthorizationRequest, Denial> {
    let app = facts.app;
    response_type(form)?;
    // OpenID Connect Core 6: processed or refused by name, never ignored.
    for (parameter, error) in [
        ("request", OAuthError::RequestNotSupported),
        ("request_uri", OAuthError::RequestUriNotSupported),
        ("registration", OAuthError::RegistrationNotSupported),
    ] {
        if form.get(parameter).is_some() {
            return Err(Denial::new(error, Reason::ParameterNotSupported));
        }
    }
    let prompt = prompt(form)?;
    let challenge = challenge(form, app)?;
    let asked = form.get("scope").map(ScopeSet::parse).transpose()?;
    if asked.as_ref().is_some_and(ScopeSet::is_empty) {
        return Err(Denial::new(OAuthError::InvalidScope, Reason::MalformedScope));
    }
    let resources: Vec<String> = form.all("resource").map(str::to_owned).collect();
    let api = target(asked.as_ref(), &resources, facts)?;
    grant_is_on(api, app)?;
    let scopes = scopes(asked, api, app)?;
    let claims = form.get("claims").map(requested_claims).transpose()?.unwrap_or_default();
    let with_openid = scopes.has("openid");
    let expected_sub = expected_sub(facts.hinted_sub.clone(), claims.sub)?;
    Ok(AuthorizationRequest {
        client_id: app.client_id.clone(),
        reply_to,
        api: (api.id != facts.userinfo.id).then_some(api.id),
        scopes,
        challenge,
        nonce: form.get("nonce").map(str::to_owned),
        prompt,
        max_age: max_age(form)?.or(app.metadata.default_max_age),
        login_hint: form.get("login_hint").filter(|hint| hint.len() <= 254).map(str::to_owned),
        expected_sub,
        ui_locales: languages(form.get("ui_locales")),
        unmet_acr: claims.essential_acr,
        // Without openid there is no ID token and no userinfo to put them into.
        claims: if with_openid { claims.names } else { ClaimsRequest::default() },
        tenant_hint: form.get("tid").and_then(|tid| tid.parse().ok()),
    })
}

fn response_type(form: &Form) -> Result<(), Denial> {
    match form.get("response_type") {
        None => Err(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "The parameter response_type is missing; use code.",
        )),
        Some("code") => match form.get("response_mode") {
            None | Some("query" | "form_post") => Ok(()),
            Some(_) => Err(Denial::hinted(
                OAuthError::InvalidRequest,
                Reason::ParameterNotSupported,
                "This response_mode is not supported; use query or form_post.",
            )),
        },
        // Implicit and hybrid do not exist, however they are asked for.
        Some(_) => Err(Denial::new(OAuthError::UnsupportedResponseType, Reason::ResponseTypeNotSupported)),
    }
}

/// `none` stands alone; values that we do not know are let be (OpenID Connect Core 3.1.2.1).
fn prompt(form: &Form) -> Result<Prompt, Denial> {
    let mut prompt = Prompt::default();
    let values: Vec<&str> =
        form.get("prompt").unwrap_or("").split(' ').filter(|value| !value.is_empty()).collect();
    for value in &values {
        match *value {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            "create" => prompt.create = true,
            _ => {}
        }
    }
    if prompt.none && values.len() > 1 {
        return Err(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "prompt=none goes with no other value.",
        ));
    }
    Ok(prompt)
}

/// RFC 7636 4.3 and 4.4.1: S256 alone, and said so: an absent method would mean plain.
fn challenge(form: &Form, app: &App) -> Result<Option<String>, Denial> {
    let refuse = |hint| Err(Denial::hinted(OAuthError::InvalidRequest, Reason::PkceMissing, hint));
    let is_public = app.auth_method == Some(ClientAuthMethod::None);
    match (form.get("code_challenge"), form.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) if pkce::is_challenge(challenge) => Ok(Some(challenge.to_owned())),
        (Some(_), Some("S256")) => {
            refuse("code_challenge is not base64url of a SHA-256 hash (RFC 7636 4.2).")
        }
        (Some(_), _) => refuse("Send code_challenge_method=S256; plain is not supported."),
        (None, Some(_)) => refuse("code_challenge_method came without code_challenge."),
        (None, None) if is_public || app.metadata.require_pkce => {
            refuse("PKCE is required: send code_challenge and code_challenge_method=S256.")
        }
        (None, None) => Ok(None),
    }
}

/// The API of the request. An app without APIs gets the userinfo endpoint.
fn target<'a>(
    asked: Option<&ScopeSet>,
    resources: &[String],
    facts: &Facts<'a>,
) -> Result<&'a Arc<Api>, Denial> {
    if facts.app.apis.is_empty() {
        return match resources {
            [] => Ok(facts.userinfo),
            _ => Err(Denial::new(OAuthError::InvalidTarget, Reason::ResourceNotAllowed)),
        };
    }
    // No path of the token endpoint was called: an app with several APIs names one by scope or resource.
    api::choose(&Target { resources, scopes: asked, path: "" }, facts.app, facts.apis)
}

fn grant_is_on(api: &Api, app: &App) -> Result<(), Denial> {
    let code = GrantType::AuthorizationCode;
    if !api.profile.grants.contains(&code) {
        return Err(Denial::new(OAuthError::UnauthorizedClient, Reason::GrantNotInProfile));
    }
    if !app.grants.contains(&code) {
        return Err(Denial::new(OAuthError::UnauthorizedClient, Reason::GrantNotForApp));
    }
    Ok(())
}

/// What was asked for, if the app may have all of it; with nothing asked, all of the app's scopes at that API. Without
/// `openid` the other scopes of OpenID Connect mean nothing and are left out (OpenID Connect Core 3.1.2.1).
fn scopes(asked: Option<ScopeSet>, api: &Api, app: &App) -> Result<ScopeSet, Denial> {
    let own = app.scopes.intersection(&api.scope_set()).union(&api.server_scopes);
    let Some(asked) = asked else { return Ok(own) };
    let is_openid = |scope: &Scope| OPENID_SCOPES.contains(&scope.as_str());
    if !asked.iter().all(|scope| is_openid(scope) || own.contains(scope)) {
        return Err(Denial::new(OAuthError::InvalidScope, Reason::ScopeNotAllowed));
    }
    let with_openid = asked.has("openid");
    Ok(asked.iter().filter(|scope| with_openid || !is_openid(scope)).cloned().collect::<Vec<_>>().into())
}

fn max_age(form: &Form) -> Result<Option<i64>, Denial> {
    let Some(text) = form.get("max_age") else { return Ok(None) };
    // `parse` would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(Some).ok_or(Denial::hinted(
        OAuthError::InvalidRequest,
        Reason::Malformed,
        "max_age is a number of seconds.",
    ))
}

/// At most a handful of well-formed tags; anything else is no error (OpenID Connect Core 3.1.2.1).
fn languages(text: Option<&str>) -> Vec<String> {
    let is_tag = |tag: &&str| {
        (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.unwrap_or("").split(' ').filter(is_tag).take(8).map(str::to_owned).collect()
}

#[derive(Default)]
struct ParsedClaims {
    names: ClaimsRequest,
    sub: Option<String>,
    essential_acr: bool,
}

/// OpenID Connect Core 5.5. Unknown names are let be; `sub` with a value names the user; an essential `acr` that cannot be
/// reached is an error later (5.5.1.1).
fn requested_claims(text: &str) -> Result<ParsedClaims, Denial> {
    const BAD: Denial = Denial::hinted(
        OAuthError::InvalidRequest,
        Reason::Malformed,
        "The parameter claims is not the JSON of OpenID Connect Core 5.5.",
    );
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Claims {
        userinfo: Option<serde_json::Map<String, serde_json::Value>>,
        id_token: Option<serde_json::Map<String, serde_json::Value>>,
    }
    // A struct would be read from an array, too.
    let object: serde_json::Map<_, _> = serde_json::from_str(text).map_err(|_| BAD)?;
    let claims: Claims = serde_json::from_value(object.into()).map_err(|_| BAD)?;
    let names = |of: &Option<serde_json::Map<String, serde_json::Value>>| {
        let known = |name: &&String| crate::userinfo::scope_of(name).is_some();
        of.iter().flat_map(|members| members.keys()).filter(known).cloned().collect()
    };
    let member = |name: &str| {
        [&claims.id_token, &claims.userinfo].into_iter().flatten().find_map(|members| members.get(name))
    };
    let sub = member("sub").and_then(|wanted| wanted.get("value")).and_then(|value| value.as_str());
    let essential_acr = member("acr").is_some_and(|wanted| {
        let is_essential = wanted.get("essential").and_then(serde_json::Value::as_bool) == Some(true);
        let one = wanted.get("value").into_iter();
        let many = wanted.get("values").and_then(serde_json::Value::as_array).into_iter().flatten();
        let mut values = one.chain(many).filter_map(serde_json::Value::as_str).peekable();
        is_essential && values.peek().is_some() && !values.any(|value| value == crate::user::ACR_PASSWORD)
    });
    Ok(ParsedClaims {
        names: ClaimsRequest { userinfo: names(&claims.userinfo), id_token: names(&claims.id_token) },
        sub: sub.map(str::to_owned),
        essential_acr,
    })
}

/// Both ways of naming a user must name the same one.
fn expected_sub(hinted: Option<Option<String>>, claimed: Option<String>) -> Result<Option<String>, Denial> {
    match (hinted, claimed) {
        (Some(None), _) => Err(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "The id_token_hint was not issued here.",
        )),
        (Some(Some(hinted)), Some(claimed)) if hinted != claimed => Err(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "The id_token_hint and the claims parameter name different users.",
        )),
        (Some(hinted), claimed) => Ok(hinted.or(claimed)),
        (None, claimed) => Ok(claimed),
    }
}
