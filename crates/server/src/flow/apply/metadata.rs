//! What an app of a manifest says of itself, spelled for one environment.

use grantor_core::client_metadata::{ClientMetadata, WebUri};
use grantor_core::environment::Environment;
use grantor_core::redirect_uri::RedirectUri;

use crate::catalogue::expand;
use crate::flow::plan::ManifestError;
use crate::manifest::AppEntry;

/// The metadata of an entry.
///
/// # Errors
/// The name of the first member that does not fit, and why.
pub(super) fn metadata(entry: &AppEntry, environment: &Environment) -> Result<ClientMetadata, ManifestError> {
    let refuse = |member: &str, why: &dyn std::fmt::Display| {
        ManifestError(format!("app {} in {}: {member}: {why}", entry.client_id, environment.name))
    };
    let link = |member: &str, text: &Option<String>| {
        let parse = |text: &String| expand(text, environment).parse::<WebUri>();
        text.as_ref().map(parse).transpose().map_err(|why| refuse(member, &why))
    };
    let redirect_uris: Result<Vec<RedirectUri>, _> =
        entry.redirect_uris.iter().map(|uri| expand(uri, environment).parse()).collect();
    let default = ClientMetadata::default();
    Ok(ClientMetadata {
        redirect_uris: redirect_uris.map_err(|why| refuse("redirect_uris", &why))?,
        application_type: entry.application_type,
        client_uri: link("client_uri", &entry.client_uri)?,
        logo_uri: link("logo_uri", &entry.logo_uri)?,
        policy_uri: link("policy_uri", &entry.policy_uri)?,
        tos_uri: link("tos_uri", &entry.tos_uri)?,
        contacts: entry.contacts.clone(),
        software_id: entry.software_id.clone(),
        software_version: entry.software_version.clone(),
        jwks: entry.jwks.clone(),
        subject_type: entry.subject_type,
        id_token_signed_response_alg: entry
            .id_token_signed_response_alg
            .unwrap_or(default.id_token_signed_response_alg),
        userinfo_signed_response_alg: entry.userinfo_signed_response_alg,
        default_max_age: entry.default_max_age,
        require_auth_time: entry.require_auth_time,
        require_pkce: entry.require_pkce.unwrap_or(default.require_pkce),
        tenancy: entry.tenancy,
    })
}
