//! Is this credential good for this API, now? One verdict for introspection, forward-auth and inspection.
//!
//! Local checks first (spelling, signature or seal), then claims that were verified before, then the subjects from the
//! cache. Status, epochs, audience and expiry are judged on every call.

use std::sync::Arc;

use grantor_core::api::Api;
use grantor_core::api_key::ApiKey;
use grantor_core::claims::AccessClaims;
use grantor_core::error::Reason;
use grantor_core::introspect::{Revoked, Subjects, judge_key, judge_token};
use grantor_core::secret::{CredentialType, Spelling};
use grantor_jose::{Registered, Type, jws};
use grantor_resource::CredentialKind;

use super::Fault;
use crate::cache::TenantFacts;
use crate::catalogue::EnvironmentState;
use crate::keys::token_digest;
use crate::node::Node;

/// Seconds by which a token may begin in the future: the clock of the node that signed it may be ahead.
const START_SKEW: i64 = 60;

/// A genuine credential of this environment. Whether it is good for an API is judged by [`Genuine::judge`].
pub enum Genuine {
    /// An access token, signed or sealed.
    Token(Arc<AccessClaims>),
    /// An API key.
    Key(Arc<ApiKey>),
}

/// A credential that is good for an API now.
pub struct Good {
    /// The credential.
    pub credential: Genuine,
    /// Its tenant.
    pub tenant: Arc<TenantFacts>,
}

/// Recognises a credential: the checksum of its spelling, then signature, seal or keyed hash.
///
/// # Errors
/// Storage trouble is a [`Fault`], never "inactive" and never "active".
pub async fn recognise(
    node: &Node,
    state: &EnvironmentState,
    credential: &str,
) -> Result<Result<Genuine, Reason>, Fault> {
    match Spelling::parse(&node.brand, credential) {
        Some(spelling) if spelling.stage != state.environment.stage => Ok(Err(Reason::WrongEnvironment)),
        Some(spelling) if spelling.kind == CredentialType::ApiKey => {
            for hash in state.keys.peppers.candidates(CredentialType::ApiKey, credential) {
                if let Some(key) = node.cache.api_key(&node.store, state.environment.id, hash.mac).await? {
                    return Ok(Ok(Genuine::Key(key)));
                }
            }
            Ok(Err(Reason::UnknownCredential))
        }
        Some(spelling) if spelling.kind == CredentialType::AccessToken => {
            Ok(token_claims(node, state, credential, || {
                state.keys.seal.unseal(credential, &node.brand, state.environment.stage)
            }))
        }
        Some(_) => Ok(Err(Reason::UnknownCredential)),
        None => Ok(token_claims(node, state, credential, || signed_claims(node, state, credential))),
    }
}

fn token_claims(
    node: &Node,
    state: &EnvironmentState,
    token: &str,
    open: impl FnOnce() -> Option<AccessClaims>,
) -> Result<Genuine, Reason> {
    let digest = token_digest(token);
    if let Some(claims) = node.cache.claims(state.environment.id, digest) {
        return Ok(Genuine::Token(claims));
    }
    let claims = Arc::new(open().ok_or(Reason::UnknownCredential)?);
    node.cache.remember_claims(state.environment.id, digest, claims.clone());
    Ok(Genuine::Token(claims))
}

/// Signature, `typ`, claims of the right types, and their beginning (RFC 7662 2.2, RFC 7519 4.1.5). Issuer, audience and
/// expiry are judged with the subjects, on every use.
fn signed_claims(node: &Node, state: &EnvironmentState, token: &str) -> Option<AccessClaims> {
    let verified = jws::verify(token, &state.keys.verifying).ok()?;
    if !Type::AccessToken.accepts(verified.header.typ.as_deref()) {
        return None;
    }
    // Strict: a time that is no number is an error, not an absent one.
    let registered: Registered = serde_json::from_slice(&verified.payload).ok()?;
    let latest = node.now().seconds().saturating_add(START_SKEW);
    if [registered.nbf, registered.iat].into_iter().flatten().any(|start| start > latest) {
        return None;
    }
    serde_json::from_slice(&verified.payload).ok()
}

impl Genuine {
    /// Judges the credential for an API, with the present state of its subjects.
    ///
    /// # Errors
    /// Storage trouble is a [`Fault`].
    pub async fn judge(
        self,
        node: &Node,
        state: &EnvironmentState,
        api: &Api,
    ) -> Result<Result<Good, Reason>, Fault> {
        let tenant = match &self {
            Self::Token(claims) => claims.tid.parse().ok(),
            Self::Key(key) => Some(key.tenant),
        };
        let Some(tenant) = tenant else {
            return Ok(Err(Reason::UnknownCredential));
        };
        let Some(facts) = node.cache.tenant(&node.store, tenant).await? else {
            return Ok(Err(Reason::UnknownCredential));
        };
        let subjects = Subjects {
            environment: &state.environment,
            api,
            tenant: &facts.tenant,
            accesses: &facts.accesses,
        };
        let verdict = match &self {
            Self::Key(key) => judge_key(key, &subjects, node.now()),
            Self::Token(claims) => {
                let app = node.cache.app(&node.store, state.environment.id, &claims.client_id).await?;
                let Some(app) = app else {
                    return Ok(Err(Reason::UnknownCredential));
                };
                let revoked = if node.cache.is_revoked(state.environment.id, &claims.jti) {
                    Revoked::Yes
                } else {
                    Revoked::No
                };
                judge_token(claims, &subjects, &app, revoked, node.now())
            }
        };
        Ok(verdict.map(|()| Good { credential: self, tenant: facts }))
    }

    /// The audience that the credential names itself, if it names one.
    pub fn audience(&self) -> Option<&str> {
        match self {
            Self::Token(claims) => Some(&claims.aud),
            Self::Key(_) => None,
        }
    }
}

impl Good {
    /// Whether it stands for an app, a user or a tenant's key.
    pub fn kind(&self) -> CredentialKind {
        match &self.credential {
            Genuine::Token(claims) if claims.is_client() => CredentialKind::Client,
            Genuine::Token(_) => CredentialKind::User,
            Genuine::Key(_) => CredentialKind::ApiKey,
        }
    }

    /// The scopes that count at an API, space-delimited. A key's are those that its tenant's access still allows.
    pub fn scope(&self, api: &Api) -> std::borrow::Cow<'_, str> {
        match &self.credential {
            Genuine::Token(claims) => claims.scope.as_str().into(),
            Genuine::Key(key) => {
                let access = self.tenant.accesses.iter().find(|access| access.api == api.id);
                let allowed =
                    access.map(|access| access.scopes.union(&api.server_scopes)).unwrap_or_default();
                key.scopes.intersection(&api.scope_set()).intersection(&allowed).to_string().into()
            }
        }
    }
}
