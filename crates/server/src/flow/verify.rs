//! Is this credential good for this API, now? One verdict for introspection, forward-auth and inspection.
//!
//! Local checks first (spelling, signature or seal), then claims that were verified before, then the subjects from the
//! cache. Status, epochs, audience and expiry are judged on every call.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use grantor_core::api::{Api, OPENID_SCOPES};
use grantor_core::api_key::ApiKey;
use grantor_core::app::App;
use grantor_core::claims::AccessClaims;
use grantor_core::error::Reason;
use grantor_core::grant::Grant;
use grantor_core::introspect::{Revoked, Subjects, UserSubjects, judge_key, judge_token};
use grantor_core::request_log::Owned;
use grantor_core::scope::Scope;
use grantor_core::secret::{CredentialType, Spelling};
use grantor_core::user::User;
use grantor_resource::CredentialKind;

use super::Fault;
use super::signed::{Signed, signed};
use crate::cache::{SignedClaims, TenantFacts};
use crate::catalogue::EnvironmentState;
use crate::limits::{Holder, RetryAfter};
use crate::node::Node;

/// A genuine credential of this environment. Whether it is good for an API is judged by [`Genuine::judge`].
pub enum Genuine {
    /// An access token.
    Token(TokenClaims),
    /// An API key.
    Key(Arc<ApiKey>),
}

/// The claims of a genuine token, in either dress.
pub enum TokenClaims {
    /// Signed; shared with the cache.
    Signed(Arc<SignedClaims>),
    /// Sealed; opened for this question.
    Sealed(Box<AccessClaims>),
}

impl Deref for TokenClaims {
    type Target = AccessClaims;

    fn deref(&self) -> &AccessClaims {
        match self {
            Self::Signed(signed) => &signed.claims,
            Self::Sealed(claims) => claims,
        }
    }
}

/// A credential that is good for an API now.
pub struct Good {
    /// The credential.
    pub credential: Genuine,
    /// The app of a token.
    app: Option<Arc<App>>,
    /// What stands behind a user's token.
    user: Option<UserFacts>,
    /// Its tenant.
    pub tenant: Arc<TenantFacts>,
}

/// A genuine credential that is not good for an API now.
pub struct Unfit {
    /// Why.
    pub reason: Reason,
    /// Whose it is, as far as that is known.
    pub whose: Option<Owned>,
}

/// What stands behind a user's token.
struct UserFacts {
    grant: Arc<Grant>,
    user: Arc<User>,
    /// The tenant of the app.
    owner: Arc<TenantFacts>,
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
            let key = key_by_hash(node, state, credential).await?;
            Ok(key.map(Genuine::Key).ok_or(Reason::UnknownCredential))
        }
        Some(spelling) if spelling.kind == CredentialType::AccessToken => {
            let claims = state.keys.seal.unseal(credential, &node.brand, state.environment.stage);
            Ok(claims
                .map(|claims| Genuine::Token(TokenClaims::Sealed(Box::new(claims))))
                .ok_or(Reason::UnknownCredential))
        }
        Some(_) => Ok(Err(Reason::UnknownCredential)),
        None => match signed(node, state, credential) {
            Some(Signed::Token(signed)) => Ok(Ok(Genuine::Token(TokenClaims::Signed(signed)))),
            Some(Signed::Key(signed)) => {
                // By its hash, too: whoever got hold of a signing key cannot make keys for rows that are there.
                let key = key_by_hash(node, state, credential).await?;
                let own = key.filter(|key| signed.claims.are_of(key, &signed.kid, &state.environment));
                Ok(own.map(Genuine::Key).ok_or(Reason::UnknownCredential))
            }
            None => Ok(Err(Reason::UnknownCredential)),
        },
    }
}

/// The row of a key, by the keyed hash of the whole of it.
async fn key_by_hash(
    node: &Node,
    state: &EnvironmentState,
    credential: &str,
) -> Result<Option<Arc<ApiKey>>, Fault> {
    for hash in state.keys.peppers.candidates(CredentialType::ApiKey, credential) {
        if let Some(key) = node.cache.api_key(&node.store, state.environment.id, hash.mac).await? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

impl Genuine {
    /// Whose key it is; `None` for a token, whose app is known once it is judged.
    pub fn key_owner(&self) -> Option<Owned> {
        owned(self, None)
    }

    /// Judges the credential for an API, with the present state of its subjects. `caller` is the address that it is used from,
    /// `None` where nobody says: a key that has a list of addresses is not good then.
    ///
    /// # Errors
    /// Storage trouble is a [`Fault`].
    pub async fn judge(
        self,
        node: &Node,
        state: &EnvironmentState,
        api: &Api,
        caller: Option<IpAddr>,
    ) -> Result<Result<Good, Unfit>, Fault> {
        let nobody = || Ok(Err(Unfit { reason: Reason::UnknownCredential, whose: None }));
        let tenant = match &self {
            Self::Token(claims) => claims.tid.parse().ok(),
            Self::Key(key) => Some(key.tenant),
        };
        let Some(tenant) = tenant else { return nobody() };
        let Some(facts) = node.cache.tenant(&node.store, tenant).await? else { return nobody() };
        let subjects = Subjects {
            environment: &state.environment,
            api,
            tenant: &facts.tenant,
            accesses: &facts.accesses,
        };
        let (verdict, app, user) = match &self {
            Self::Key(key) => (judge_key(key, &subjects, caller, node.now()), None, None),
            Self::Token(claims) => {
                let Some(app) = app_of(node, state, claims).await? else { return nobody() };
                let revoked = if node.cache.is_revoked(state.environment.id, &claims.jti) {
                    Revoked::Yes
                } else {
                    Revoked::No
                };
                let user = behind(node, state, claims, &app).await?;
                let known = user.as_ref().map(|user| UserSubjects {
                    grant: &user.grant,
                    user: &user.user,
                    owner: &user.owner.tenant,
                });
                (judge_token(claims, &subjects, &app, known.as_ref(), revoked, node.now()), Some(app), user)
            }
        };
        Ok(match verdict {
            Ok(()) => Ok(Good { credential: self, app, user, tenant: facts }),
            Err(reason) => Err(Unfit { reason, whose: owned(&self, app.as_deref()) }),
        })
    }
}

/// The app that a token names.
///
/// # Errors
/// Storage trouble.
pub async fn app_of(
    node: &Node,
    state: &EnvironmentState,
    claims: &AccessClaims,
) -> Result<Option<Arc<App>>, Fault> {
    Ok(node.cache.app(&node.store, state.environment.id, &claims.client_id).await?)
}

fn owned(credential: &Genuine, app: Option<&App>) -> Option<Owned> {
    match credential {
        Genuine::Key(key) => Some(Owned::key(key)),
        Genuine::Token(_) => app.map(Owned::app),
    }
}

/// Grant, user and the app's tenant of a user's token. `None` for an app's token, and where one of them is gone: the
/// judgement takes that for an unknown credential.
async fn behind(
    node: &Node,
    state: &EnvironmentState,
    claims: &AccessClaims,
    app: &App,
) -> Result<Option<UserFacts>, Fault> {
    let Some(grant) = claims.gid else { return Ok(None) };
    let environment = state.environment.id;
    let Some(grant) = node.cache.grant(&node.store, environment, grant).await? else { return Ok(None) };
    let Some(user) = node.cache.user(&node.store, environment, grant.user).await? else { return Ok(None) };
    let Some(owner) = node.cache.tenant(&node.store, app.tenant).await? else { return Ok(None) };
    Ok(Some(UserFacts { grant, user, owner }))
}

impl Good {
    /// Whose it is: a key its own, a token its app's.
    pub fn owned(&self) -> Option<Owned> {
        owned(&self.credential, self.app.as_deref())
    }

    /// Takes one call from the quota of a key. A token has none here: the quota of its app was taken when it was issued.
    ///
    /// # Errors
    /// How long to wait.
    pub fn take_quota(&self, node: &Node) -> Result<(), RetryAfter> {
        match &self.credential {
            Genuine::Key(key) => node.limits.take(key.quota, Holder::Key(key.id)),
            Genuine::Token(_) => Ok(()),
        }
    }

    /// App, Grant and user of a user's token.
    pub fn user(&self) -> Option<(&App, &Grant, &User)> {
        let user = self.user.as_ref()?;
        Some((self.app.as_deref()?, &user.grant, &user.user))
    }

    /// Whether it stands for an app, a user or a tenant's key.
    pub fn kind(&self) -> CredentialKind {
        match &self.credential {
            Genuine::Token(claims) if claims.is_client() => CredentialKind::Client,
            Genuine::Token(_) => CredentialKind::User,
            Genuine::Key(_) => CredentialKind::ApiKey,
        }
    }

    /// The scopes that count at an API, space-delimited: those of the credential that app and access still allow. A scope
    /// that was taken away does not live on in what was issued before.
    pub fn scope(&self, api: &Api) -> Cow<'_, str> {
        let access = self.tenant.accesses.iter().find(|access| access.api == api.id);
        let allowed = |scope: &str| {
            let by_access = access.is_some_and(|access| access.scopes.has(scope));
            let by_app = self.app.as_ref().is_none_or(|app| app.scopes.has(scope));
            let of_user = self.user.is_some() && OPENID_SCOPES.contains(&scope);
            of_user || api.server_scopes.has(scope) || (by_access && by_app)
        };
        match &self.credential {
            Genuine::Token(claims) if claims.scope.split(' ').all(allowed) || claims.scope.is_empty() => {
                claims.scope.as_str().into()
            }
            Genuine::Token(claims) => {
                claims.scope.split(' ').filter(|scope| allowed(scope)).collect::<Vec<_>>().join(" ").into()
            }
            Genuine::Key(key) => {
                let here = key.scopes.iter().filter(|scope| api.knows(scope) && allowed(scope.as_str()));
                here.map(Scope::as_str).collect::<Vec<_>>().join(" ").into()
            }
        }
    }
}
