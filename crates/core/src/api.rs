//! A protected API, and which API a token request is for.

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_jose::Algorithm;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::{Denial, OAuthError, Reason};
use crate::id::{ApiId, EnvironmentId};
use crate::name::Name;
use crate::profile::Profile;
use crate::scope::{Scope, ScopeSet};

/// A protected API of one environment.
#[derive(Debug, Clone)]
pub struct Api {
    /// Its row.
    pub id: ApiId,
    /// Where it stands.
    pub environment: EnvironmentId,
    /// Its name in manifests and paths, unique in the environment.
    pub name: Name,
    /// Its name for people.
    pub title: String,
    /// The claim `aud` of its tokens, and its resource indicator (RFC 8707). Compared as a string.
    pub audience: String,
    /// Its scopes with human wording.
    pub scopes: Vec<ScopeDefinition>,
    /// How its credentials look.
    pub profile: Arc<Profile>,
    /// The profile's server-added scopes, spelled for this environment.
    pub server_scopes: ScopeSet,
    /// Its OpenAPI document, as uploaded.
    pub openapi: Option<Arc<str>>,
}

/// A scope and what it means to the person who grants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeDefinition {
    /// The scope.
    pub name: Scope,
    /// What it lets the app do, in the words of the API's owner.
    #[serde(default)]
    pub description: String,
    /// Whether a user who goes on at all cannot deny it.
    #[serde(default)]
    pub required: bool,
}

impl Api {
    /// Whether a scope belongs to this API.
    pub fn knows(&self, scope: &Scope) -> bool {
        self.scopes.iter().any(|known| known.name == *scope) || self.server_scopes.contains(scope)
    }

    /// All its scopes.
    pub fn scope_set(&self) -> ScopeSet {
        let named: Vec<Scope> = self.scopes.iter().map(|scope| scope.name.clone()).collect();
        ScopeSet::from(named).union(&self.server_scopes)
    }
}

/// What an environment with these APIs signs with: what their profiles name, and RS256 where users sign in, because an ID
/// token is signed with it unless its app says otherwise (OpenID Connect Core 15.1).
pub fn signing_algorithms<'a>(apis: impl IntoIterator<Item = &'a Arc<Api>>) -> BTreeSet<Algorithm> {
    let mut algorithms = BTreeSet::new();
    for api in apis {
        algorithms.insert(api.profile.signing_alg);
        if api.profile.has_users() {
            algorithms.insert(Algorithm::Rs256);
        }
    }
    algorithms
}

/// Scopes of OpenID Connect: they belong to no API and do not count when an API is chosen.
pub const OPENID_SCOPES: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

/// What a token request says about its target.
pub struct Target<'a> {
    /// Every `resource` parameter (RFC 8707).
    pub resources: &'a [String],
    /// The scopes asked for, if any.
    pub scopes: Option<&'a ScopeSet>,
    /// The token path that was called, below the issuer.
    pub path: &'a str,
}

/// Chooses the one API that a token is for: the resource if sent; else the API of the scopes; else the app's only API;
/// else the only one of the app's APIs that has this path alias.
///
/// # Errors
/// `invalid_target` if that leaves none or several, `invalid_scope` for unknown scopes and for scopes of two APIs.
pub fn choose<'a>(target: &Target<'_>, app: &App, apis: &'a [Arc<Api>]) -> Result<&'a Arc<Api>, Denial> {
    let mine = |api: &&Arc<Api>| app.apis.contains(&api.id);
    if let Some(first) = target.resources.first() {
        if target.resources.iter().any(|other| other != first) {
            return Err(Denial::hinted(
                OAuthError::InvalidTarget,
                Reason::AmbiguousApi,
                "A token is for exactly one API: send one resource.",
            ));
        }
        let api = apis
            .iter()
            .find(|api| api.audience == *first)
            .ok_or(Denial::new(OAuthError::InvalidTarget, Reason::UnknownResource))?;
        return if mine(&api) {
            Ok(api)
        } else {
            Err(Denial::new(OAuthError::InvalidTarget, Reason::ResourceNotAllowed))
        };
    }
    let own: Vec<&Arc<Api>> = apis.iter().filter(mine).collect();
    let candidates = match target.scopes {
        Some(scopes) => apis_of_scopes(scopes, own)?,
        None => own,
    };
    if let [only] = candidates[..] {
        return Ok(only);
    }
    let mut by_path = candidates
        .iter()
        .filter(|api| api.profile.token_paths.iter().any(|path| path.as_str() == target.path));
    match (by_path.next(), by_path.next()) {
        (Some(api), None) => Ok(api),
        (Some(_), Some(_)) => Err(Denial::new(OAuthError::InvalidTarget, Reason::AmbiguousApi)),
        (None, _) => Err(Denial::new(OAuthError::InvalidTarget, Reason::NoApi)),
    }
}

/// The app's APIs that know every requested scope.
fn apis_of_scopes<'a>(scopes: &ScopeSet, own: Vec<&'a Arc<Api>>) -> Result<Vec<&'a Arc<Api>>, Denial> {
    let counted: Vec<&Scope> =
        scopes.iter().filter(|scope| !OPENID_SCOPES.contains(&scope.as_str())).collect();
    let all: Vec<_> =
        own.iter().copied().filter(|api| counted.iter().all(|scope| api.knows(scope))).collect();
    if !all.is_empty() {
        return Ok(all);
    }
    let each_known = counted.iter().all(|scope| own.iter().any(|api| api.knows(scope)));
    Err(if each_known && !counted.is_empty() {
        Denial::hinted(
            OAuthError::InvalidScope,
            Reason::ScopesOfTwoApis,
            "The scopes belong to different APIs; ask for one token per API.",
        )
    } else if counted.is_empty() {
        Denial::new(OAuthError::InvalidTarget, Reason::NoApi)
    } else {
        Denial::new(OAuthError::InvalidScope, Reason::UnknownScope)
    })
}
