//! The profile of an API: how its credentials look and how they are had. Data, never code.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use grantor_jose::Algorithm;

use crate::gate_rule::GateRule;
use crate::lifetime::Lifetime;
use crate::name::{Name, NameError};
use crate::scope::Scope;

/// How an app proves who it is at the token endpoint (RFC 6749 2.3, RFC 7591 names).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// HTTP Basic.
    ClientSecretBasic,
    /// Form fields of the body.
    ClientSecretPost,
    /// No secret: a public client.
    None,
}

impl ClientAuthMethod {
    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::None => "none",
        }
    }
}

/// Grant types that exist. Further ones are added with the step that builds them; until then they are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 4.4.
    ClientCredentials,
    /// RFC 6749 4.1.
    AuthorizationCode,
    /// RFC 6749 6.
    RefreshToken,
    /// RFC 6749 4.3, legacy.
    Password,
}

impl GrantType {
    /// Every grant type that a profile may name.
    pub const ALL: [Self; 4] =
        [Self::ClientCredentials, Self::AuthorizationCode, Self::RefreshToken, Self::Password];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::Password => "password",
        }
    }

    /// Whether a user takes part.
    pub fn has_user(self) -> bool {
        !matches!(self, Self::ClientCredentials)
    }
}

/// How an access token looks. Both carry the same claims, neither is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenFormat {
    /// A signed JWT (RFC 9068).
    Jwt,
    /// A sealed string that reveals nothing.
    Opaque,
}

/// Where a server-added claim takes its value from. The caller never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClaimSource {
    /// The tenant's GUID.
    #[serde(rename = "tenant.id")]
    TenantId,
    /// The tenant's short name.
    #[serde(rename = "tenant.name")]
    TenantName,
    /// The environment's name.
    #[serde(rename = "environment.name")]
    EnvironmentName,
    /// The app's client id.
    #[serde(rename = "app.client_id")]
    ClientId,
}

/// Whether refresh tokens exist, for which grants, and how they are rotated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshPolicy {
    /// The grants whose tokens may be refreshed; empty is never.
    #[serde(default)]
    pub grants: Vec<GrantType>,
    /// Whether a refresh gives a new refresh token.
    #[serde(default)]
    pub rotation: Rotation,
    /// Seconds from the first authentication to the absolute end. Rotation never extends it.
    #[serde(default = "thirty_days")]
    pub max_age: Lifetime,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self { grants: Vec::new(), rotation: Rotation::default(), max_age: thirty_days() }
    }
}

fn thirty_days() -> Lifetime {
    Lifetime::hours(30 * 24)
}

/// Whether a refresh gives a new refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rotation {
    /// Always, with a short grace for a lost answer.
    #[default]
    Always,
    /// Never, except for apps without a secret (RFC 9700 2.2.2).
    Never,
}

/// How long credentials live, in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetimes {
    /// Access token of an app.
    #[serde(default = "one_hour")]
    pub client_token: Lifetime,
    /// Access token of a signed-in user.
    #[serde(default = "one_hour")]
    pub user_token: Lifetime,
    /// API key.
    #[serde(default = "one_year")]
    pub api_key: Lifetime,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { client_token: one_hour(), user_token: one_hour(), api_key: one_year() }
    }
}

fn one_hour() -> Lifetime {
    Lifetime::hours(1)
}

fn one_year() -> Lifetime {
    Lifetime::hours(365 * 24)
}

/// Everything in which the credentials of one API may differ from those of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: Name,
    /// One sentence for people.
    #[serde(default)]
    pub title: String,
    /// Token endpoint paths below the issuer; the first is the canonical one.
    pub token_paths: Vec<TokenPath>,
    /// Accepted ways of client authentication.
    pub client_auth: Vec<ClientAuthMethod>,
    /// JWT or opaque.
    pub token_format: TokenFormat,
    /// What a JWT is signed with.
    #[serde(default = "es256")]
    pub signing_alg: Algorithm,
    /// How long credentials live.
    #[serde(default)]
    pub lifetimes: Lifetimes,
    /// The grants that are on.
    pub grants: Vec<GrantType>,
    /// Refresh tokens.
    #[serde(default)]
    pub refresh: RefreshPolicy,
    /// Scopes that the server puts into every credential; `{scope_prefix}` is the environment's.
    #[serde(default)]
    pub server_scopes: Vec<String>,
    /// Claims that the server puts into every JWT, beside the standard ones.
    #[serde(default)]
    pub server_claims: BTreeMap<String, ClaimSource>,
    /// What must hold before anything is issued.
    #[serde(default)]
    pub gates: Vec<GateRule>,
    /// Whether an application waits for a decision.
    #[serde(default)]
    pub approval: Approval,
    /// Who makes apps.
    #[serde(default)]
    pub apps: AppPolicy,
    /// Whether API keys exist for this API.
    #[serde(default)]
    pub api_keys: ApiKeyPolicy,
    /// How API keys look.
    #[serde(default)]
    pub api_key_format: ApiKeyFormat,
    /// Whether the FAPI 2.0 security profile applies: nothing weaker may be switched on beside it.
    #[serde(default)]
    pub fapi2: bool,
}

/// Whether API keys exist for an API, and who makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyPolicy {
    /// None.
    #[default]
    Off,
    /// The provider's team makes them.
    Provider,
    /// Administrators of the tenant make them, too.
    SelfService,
}

/// Whether an application for access waits for a decision of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// It waits until somebody approves or refuses it.
    #[default]
    Manual,
    /// It is approved at once. For APIs that everybody may try.
    Automatic,
}

/// Who makes the apps of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppPolicy {
    /// The provider's team makes them, on request.
    Provider,
    /// Members of the tenant make them, too.
    #[default]
    SelfService,
}

/// How an API key looks. Both are judged by the same row, on every use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiKeyFormat {
    /// A random string that says what it is and nothing else.
    #[default]
    Opaque,
    /// A long-lived signed JWT of a type of its own.
    Jwt,
}

fn es256() -> Algorithm {
    Algorithm::Es256
}

impl Profile {
    /// The profile of the userinfo endpoint, for apps that ask for nothing but who somebody is: the code grant, and RS256
    /// like ID tokens (OpenID Connect Core 15.1), so that it needs no key that is not there.
    pub fn of_userinfo() -> Result<Self, NameError> {
        Ok(Self {
            name: "userinfo".parse()?,
            title: "Who the user is".to_owned(),
            token_paths: vec![TokenPath("/oauth/token".to_owned())],
            client_auth: vec![
                ClientAuthMethod::ClientSecretBasic,
                ClientAuthMethod::ClientSecretPost,
                ClientAuthMethod::None,
            ],
            token_format: TokenFormat::Jwt,
            signing_alg: Algorithm::Rs256,
            lifetimes: Lifetimes::default(),
            grants: vec![GrantType::AuthorizationCode],
            refresh: RefreshPolicy { grants: vec![GrantType::AuthorizationCode], ..RefreshPolicy::default() },
            server_scopes: Vec::new(),
            server_claims: BTreeMap::new(),
            gates: Vec::new(),
            approval: Approval::Manual,
            apps: AppPolicy::SelfService,
            api_keys: ApiKeyPolicy::Off,
            api_key_format: ApiKeyFormat::Opaque,
            fapi2: false,
        })
    }

    /// Whether a grant can be had: named in `grants`, or, for refresh tokens, given with some other one.
    pub fn offers(&self, grant: GrantType) -> bool {
        match grant {
            GrantType::RefreshToken => self.refresh.grants.iter().any(|origin| self.grants.contains(origin)),
            other => self.grants.contains(&other),
        }
    }

    /// Whether users sign in to apps of this API.
    pub fn has_users(&self) -> bool {
        self.grants.iter().any(|grant| grant.has_user())
    }

    /// What cannot be said in a type.
    ///
    /// # Errors
    /// The sentence for the person who wrote the profile.
    pub fn check(&self) -> Result<(), NameError> {
        if self.token_paths.is_empty() {
            return Err(NameError(
                "a profile needs at least one token path, for example token_paths = [\"/oauth/token\"]",
            ));
        }
        if self.client_auth.is_empty() {
            return Err(NameError("a profile needs at least one method in client_auth"));
        }
        let machine_only = self.grants.contains(&GrantType::ClientCredentials)
            && self.client_auth.iter().all(|method| *method == ClientAuthMethod::None);
        if machine_only {
            return Err(NameError(
                "client_credentials needs a client authentication method with a secret (RFC 6749 4.4)",
            ));
        }
        if self.fapi2 && self.grants.contains(&GrantType::Password) {
            return Err(NameError("fapi2 does not go with the password grant"));
        }
        if self.refresh.grants.contains(&GrantType::ClientCredentials) {
            return Err(NameError("client_credentials never gets a refresh token (RFC 6749 4.4.3)"));
        }
        let spelled = |text: &String| {
            text.replace("{scope_prefix}", "x").replace("{environment}", "x").replace("{issuer}", "x")
        };
        if !self.server_scopes.iter().all(|text| Scope::parse(&spelled(text)).is_some()) {
            return Err(NameError("server_scopes holds something that is no scope"));
        }
        if let Some(name) = self.server_claims.keys().find(|name| RESERVED_CLAIMS.contains(&name.as_str())) {
            return Err(match name.as_str() {
                "tid" => NameError("the claim tid is always the tenant's GUID and needs no entry"),
                _ => NameError("server_claims may not replace a registered claim"),
            });
        }
        Ok(())
    }
}

/// Claims that no rule may set: the server's own.
pub const RESERVED_CLAIMS: [&str; 19] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "tid",
    "env",
    "rev",
    "gid",
    "sid",
    "cnf",
    "act",
    "auth_time",
    "acr",
    "amr",
];

/// A path of the token endpoint below the issuer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct TokenPath(String);

impl TokenPath {
    /// The text, beginning with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for TokenPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let segment = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        let good =
            text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment)) && text.len() <= 128;
        let first = text.split('/').nth(1).unwrap_or("");
        if !good {
            return Err(serde::de::Error::custom(
                "a token path is a slash and plain segments, for example /oauth/token",
            ));
        }
        if crate::environment::RESERVED_SEGMENTS.contains(&first) {
            return Err(serde::de::Error::custom("this token path is used by the server itself"));
        }
        Ok(Self(text))
    }
}
