//! What an app says of itself for the flows with users (RFC 7591 2, OpenID Connect Registration 2). Every field that is
//! supported stands here; what is not supported is refused, never stored and ignored.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use grantor_jose::{Algorithm, JwkSet};

use crate::name::NameError;
use crate::redirect_uri::{MAX_REDIRECT_URIS, RedirectUri};

/// The metadata of an app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientMetadata {
    /// Where answers may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// Whether it runs in a browser or on a server, or on a device.
    pub application_type: ApplicationType,
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<WebUri>,
    /// Its logo. Linked, never fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<WebUri>,
    /// How it uses data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<WebUri>,
    /// Its own terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<WebUri>,
    /// People responsible for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// An id of the software (RFC 7591 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Its public keys, inline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// Whether its users' subjects are its own.
    pub subject_type: SubjectType,
    /// What its ID tokens are signed with (OpenID Connect Core 15.1: RS256 unless it says otherwise).
    pub id_token_signed_response_alg: Algorithm,
    /// What userinfo answers are signed with; JSON if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// The `max_age` of requests that name none, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,
    /// Whether ID tokens always say when the user signed in.
    pub require_auth_time: bool,
    /// Whether a request without PKCE is refused. A public app is always held to it.
    pub require_pkce: bool,
    /// Whose users it signs in.
    pub tenancy: Tenancy,
}

impl Default for ClientMetadata {
    fn default() -> Self {
        Self {
            redirect_uris: Vec::new(),
            application_type: ApplicationType::Web,
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            contacts: Vec::new(),
            software_id: None,
            software_version: None,
            jwks: None,
            subject_type: SubjectType::Public,
            id_token_signed_response_alg: Algorithm::Rs256,
            userinfo_signed_response_alg: None,
            default_max_age: None,
            require_auth_time: false,
            require_pkce: true,
            tenancy: Tenancy::Own,
        }
    }
}

/// OpenID Connect Registration 2, `application_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// `https` redirect URIs; `http` on a loopback address for development.
    #[default]
    Web,
    /// Loopback addresses and private-use schemes, too (RFC 8252).
    Native,
}

/// OpenID Connect Core 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// Every app sees the same subject.
    #[default]
    Public,
    /// Apps of different hosts cannot tell that they know the same person.
    Pairwise,
}

/// Whose users an app signs in, and so for which tenant its tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tenancy {
    /// Anybody, for the app's own tenant.
    #[default]
    Own,
    /// Members of tenants, each for a tenant of theirs: an app of the provider for all partners.
    Members,
}

/// An `https` URL that is shown as a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WebUri(String);

impl WebUri {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for WebUri {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for WebUri {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte));
        let host = text.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
        let good =
            plain && text.len() <= 2_000 && host.is_some_and(|host| !host.is_empty() && !host.contains('@'));
        if good { Ok(Self(text.to_owned())) } else { Err(NameError("write an https URL")) }
    }
}

impl ClientMetadata {
    /// What cannot be said in a type. `by_code` says whether the app uses the code grant.
    ///
    /// # Errors
    /// The sentence for the person who registers the app.
    pub fn check(&self, by_code: bool) -> Result<(), NameError> {
        let refuse = |why| Err(NameError(why));
        if by_code && self.redirect_uris.is_empty() {
            return refuse("an app with the authorization_code grant needs at least one redirect URI");
        }
        if self.redirect_uris.len() > MAX_REDIRECT_URIS {
            return refuse("an app has at most 50 redirect URIs");
        }
        if self.application_type == ApplicationType::Web
            && self.redirect_uris.iter().any(|uri| uri.is_native() && !uri.as_str().starts_with("http://"))
        {
            return refuse("a private-use scheme needs application_type = native");
        }
        if self.default_max_age.is_some_and(|age| age < 0) {
            return refuse("default_max_age is a number of seconds, 0 or more");
        }
        let short = |text: &String| text.len() <= 200 && !text.chars().any(char::is_control);
        if self.contacts.len() > 20
            || !self.contacts.iter().all(short)
            || !self.software_id.iter().chain(&self.software_version).all(short)
        {
            return refuse(
                "contacts, software_id and software_version are short texts without control characters",
            );
        }
        if self.jwks.as_ref().is_some_and(|set| set.keys.len() > 20) {
            return refuse("a key set holds at most 20 keys");
        }
        if self.subject_type == SubjectType::Pairwise && self.sector().is_none() {
            return refuse(
                "pairwise subjects need redirect URIs that all have the same host (OpenID Connect Core 8.1)",
            );
        }
        Ok(())
    }

    /// The host that all redirect URIs share: the sector of pairwise subjects (OpenID Connect Core 8.1). Only a host that
    /// somebody can own counts: every app may register the scheme of another, and every machine is `localhost`.
    pub fn sector(&self) -> Option<&str> {
        fn host(uri: &RedirectUri) -> Option<&str> {
            let rest = uri.as_str().strip_prefix("https://")?;
            let authority = rest.split(['/', '?']).next()?;
            Some(if authority.starts_with('[') {
                authority.split(']').next()?
            } else {
                authority.split(':').next()?
            })
        }
        let mut hosts = self.redirect_uris.iter().map(host);
        let first = hosts.next()??;
        hosts.all(|other| other == Some(first)).then_some(first)
    }
}
