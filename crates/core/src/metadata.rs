//! The discovery documents: made from what is on, so that they cannot promise more (RFC 8414, OpenID Connect Discovery).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use crate::api::Api;
use crate::environment::Environment;
use crate::profile::ClientAuthMethod;

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
    let grants: BTreeSet<_> = apis
        .iter()
        .flat_map(|api| &api.profile.grants)
        .filter(|grant| grant.is_built())
        .map(|grant| grant.as_str())
        .collect();
    // An app without secret gets no token by the grants that exist, so its method is no promise to make.
    let methods: BTreeSet<ClientAuthMethod> = apis
        .iter()
        .flat_map(|api| api.profile.client_auth.iter().copied())
        .filter(|method| *method != ClientAuthMethod::None)
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
        .collect();
    Metadata {
        issuer: issuer.to_owned(),
        token_endpoint: format!("{issuer}{token_path}"),
        jwks_uri: format!("{issuer}/jwks"),
        revocation_endpoint: format!("{issuer}/revoke"),
        introspection_endpoint: format!("{issuer}/introspect"),
        grant_types_supported: grants.into_iter().collect(),
        response_types_supported: vec!["none"],
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
