//! The discovery documents: made from what is on, so that they cannot promise more (RFC 8414, OpenID Connect Discovery).

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_jose::Algorithm;
use serde::Serialize;

use crate::api::{Api, signing_algorithms};
use crate::environment::Environment;
use crate::profile::{ClientAuthMethod, GrantType};
use crate::user::ACR_PASSWORD;

/// The scopes of OpenID Connect that mean something here: there are no addresses and phone numbers to tell.
const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// RFC 8414 2. Members without values are left out (3.2).
#[derive(Debug, Serialize)]
pub struct Metadata {
    /// The issuer identifier.
    pub issuer: String,
    /// The canonical token endpoint.
    pub token_endpoint: String,
    /// The key set.
    pub jwks_uri: String,
    /// The revocation endpoint.
    pub revocation_endpoint: String,
    /// The introspection endpoint.
    pub introspection_endpoint: String,
    /// Grants that are on at some API and that exist. Stated, because the default would claim more; left out only where
    /// there is none to state (RFC 8414 3.2 forbids the empty array).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grant_types_supported: Vec<&'static str>,
    /// REQUIRED even where no grant uses the authorization endpoint, and never empty (RFC 8414 2 and 3.2): `none` then.
    pub response_types_supported: Vec<&'static str>,
    /// Union of the methods of all APIs.
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    /// Stated, because the default is client_secret_basic.
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    /// Stated for the same reason.
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    /// Where users are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// Stated, because the default includes fragments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response_modes_supported: Vec<&'static str>,
    /// RFC 7636: S256 alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<&'static str>,
    /// OpenID Connect Initiating User Registration 4.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt_values_supported: Vec<&'static str>,
    /// OpenID Connect Core 8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subject_types_supported: Vec<&'static str>,
    /// OpenID Connect Core 2.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    /// OpenID Connect Core 5.3.2.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub userinfo_signing_alg_values_supported: Vec<&'static str>,
    /// What a log-in can reach.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acr_values_supported: Vec<&'static str>,
    /// OpenID Connect Core 5.6.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claim_types_supported: Vec<&'static str>,
    /// What is said about users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims_supported: Vec<&'static str>,
    /// RFC 9207 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_response_iss_parameter_supported: Option<bool>,
    /// OpenID Connect Core 5.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_parameter_supported: Option<bool>,
    /// OpenID Connect Core 6: not processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_parameter_supported: Option<bool>,
    /// Stated, because the default is true (OpenID Connect Discovery 3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_uri_parameter_supported: Option<bool>,
    /// Scopes of all APIs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
}

/// The metadata of an environment with these APIs.
pub fn metadata(environment: &Environment, apis: &[Arc<Api>]) -> Metadata {
    let issuer = environment.issuer.as_str();
    // Each API names its canonical path; the document can name one: the first in order of API names.
    let first = apis.iter().min_by(|a, b| a.name.cmp(&b.name));
    let token_path =
        first.and_then(|api| api.profile.token_paths.first()).map_or("/oauth/token", |path| path.as_str());
    let offered = |grant: &GrantType| apis.iter().any(|api| api.profile.offers(*grant));
    let grants: BTreeSet<_> = GrantType::ALL.into_iter().filter(offered).map(GrantType::as_str).collect();
    let with_users = apis.iter().any(|api| api.profile.has_users());
    let by_code = grants.contains(GrantType::AuthorizationCode.as_str());
    let present = |member: String| by_code.then_some(member);
    // Without the code grant an app without secret gets no token, so its method is no promise to make.
    let methods: BTreeSet<ClientAuthMethod> = apis
        .iter()
        .flat_map(|api| api.profile.client_auth.iter().copied())
        .filter(|method| by_code || *method != ClientAuthMethod::None)
        .collect();
    let methods: Vec<_> = if methods.is_empty() {
        // The empty array is forbidden (RFC 8414 3.2), and to leave the member out means this (RFC 8414 2).
        vec![ClientAuthMethod::ClientSecretBasic.as_str()]
    } else {
        methods.into_iter().map(ClientAuthMethod::as_str).collect()
    };
    let scopes: BTreeSet<String> = apis
        .iter()
        .flat_map(|api| api.scope_set().iter().map(|scope| scope.as_str().to_owned()).collect::<Vec<_>>())
        .chain(OPENID.iter().filter(|_| by_code).map(|scope| (*scope).to_owned()))
        .collect();
    let list = |names: &[&'static str]| if by_code { names.to_vec() } else { Vec::new() };
    Metadata {
        issuer: issuer.to_owned(),
        token_endpoint: format!("{issuer}{token_path}"),
        jwks_uri: format!("{issuer}/jwks"),
        revocation_endpoint: format!("{issuer}/revoke"),
        introspection_endpoint: format!("{issuer}/introspect"),
        grant_types_supported: grants.into_iter().collect(),
        authorization_endpoint: present(format!("{issuer}/authorize")),
        userinfo_endpoint: with_users.then(|| format!("{issuer}/userinfo")),
        response_types_supported: vec![if by_code { "code" } else { "none" }],
        response_modes_supported: list(&["query", "form_post"]),
        code_challenge_methods_supported: list(&["S256"]),
        prompt_values_supported: list(&["none", "login", "consent", "select_account", "create"]),
        subject_types_supported: list(&["public", "pairwise"]),
        id_token_signing_alg_values_supported: if by_code { algorithms(apis) } else { Vec::new() },
        userinfo_signing_alg_values_supported: if by_code { algorithms(apis) } else { Vec::new() },
        acr_values_supported: list(&[ACR_PASSWORD]),
        claim_types_supported: list(&["normal"]),
        claims_supported: list(&[
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "acr",
            "amr",
            "sid",
            "at_hash",
            "email",
            "email_verified",
            "name",
            "updated_at",
        ]),
        authorization_response_iss_parameter_supported: by_code.then_some(true),
        claims_parameter_supported: by_code.then_some(true),
        request_parameter_supported: by_code.then_some(false),
        request_uri_parameter_supported: by_code.then_some(false),
        token_endpoint_auth_methods_supported: methods.clone(),
        revocation_endpoint_auth_methods_supported: methods,
        // An API authenticates by either; profiles are about the apps that call it.
        introspection_endpoint_auth_methods_supported: vec![
            ClientAuthMethod::ClientSecretBasic.as_str(),
            ClientAuthMethod::ClientSecretPost.as_str(),
        ],
        scopes_supported: scopes.into_iter().collect(),
    }
}

/// What an environment signs with, by name.
fn algorithms(apis: &[Arc<Api>]) -> Vec<&'static str> {
    let names: BTreeSet<_> = signing_algorithms(apis).into_iter().map(Algorithm::as_str).collect();
    names.into_iter().collect()
}
