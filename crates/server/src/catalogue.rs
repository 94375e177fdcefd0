//! What is small and held whole in memory: environments with their APIs, keys and documents; the routes of their endpoints.
//!
//! One value, replaced as a whole when something in it changes. A request sees one catalogue from beginning to end.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use grantor_core::api::Api;
use grantor_core::document::Document;
use grantor_core::env::Random as _;
use grantor_core::environment::Environment;
use grantor_core::id::{ApiId, EnvironmentId};
use grantor_core::metadata::metadata;
use grantor_core::name::Name;
use grantor_core::profile::Profile;
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::subject::PairwiseKey;
use grantor_resource::Contract;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::clock::OsRandom;
use crate::docs::path::{DocsFile, files};
use crate::keys::{EnvironmentKeys, KeysError};
use crate::store::Store;
use crate::store::load::catalogue::{StoredApi, StoredOperator};
use crate::store::sql::{Expect, Statement, StoreError};
use crate::store::write::PUT_META_ONCE;
use crate::vault::Vault;

/// Why the catalogue could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key refused.
    #[error("environment {environment}: {source}")]
    Keys {
        /// Where.
        environment: String,
        /// Why.
        source: KeysError,
    },
    /// An API names a profile that is not there, or holds a contract that does not parse.
    #[error("API {0} is stored with a profile or contract that cannot be used")]
    Api(String),
}

/// Everything that is held whole.
pub struct Catalogue {
    /// The environments in order of name.
    pub environments: Vec<Arc<EnvironmentState>>,
    /// The profiles in order of name.
    pub profiles: Vec<Arc<Profile>>,
    /// The operators.
    pub operators: Vec<StoredOperator>,
    /// What users accept: documents of the provider and of tenants.
    pub documents: Vec<Document>,
    routes: HashMap<String, Vec<(Arc<EnvironmentState>, Endpoint)>>,
    several_hosts: bool,
}

/// One environment with everything that its endpoints need.
pub struct EnvironmentState {
    /// The issuer.
    pub environment: Environment,
    /// Its APIs in order of name.
    pub apis: Vec<Arc<Api>>,
    /// The contracts of those that have one.
    pub contracts: HashMap<ApiId, Arc<Contract>>,
    /// The API of apps that ask for nothing but who somebody is.
    pub userinfo: Arc<Api>,
    /// Its keys.
    pub keys: EnvironmentKeys,
    /// The discovery document.
    pub metadata: Bytes,
    /// Its entity tag.
    pub metadata_tag: HeaderValue,
    /// The key set's entity tag.
    pub jwks_tag: HeaderValue,
}

/// What stands behind a path of an environment.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// The token endpoint, by the path below the issuer that was called.
    Token(Arc<str>),
    /// RFC 7662.
    Introspect,
    /// RFC 7009.
    Revoke,
    /// RFC 7517.
    Jwks,
    /// RFC 8414 and OpenID Connect Discovery.
    Metadata,
    /// The question of a reverse proxy.
    ForwardAuth(Arc<Api>),
    /// RFC 6749 3.1.
    Authorize,
    /// OpenID Connect Core 5.3.
    Userinfo,
    /// A page for people.
    Page(PagePath),
    /// A file that pages need, by its name.
    Static(Arc<str>),
    /// The ways to a token of an API, as a page or as JSON.
    Flows(Arc<Api>, Dress),
    /// The documentation of the APIs.
    Docs(Arc<DocsFile>),
}

/// How a table is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dress {
    /// For people.
    Page,
    /// For programs.
    Json,
}

/// The pages of an environment, each with a path of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PagePath {
    /// Sign in.
    Login,
    /// Signed in, with nowhere to go on to.
    LoginDone,
    /// Sign up.
    Signup,
    /// The link of a mail.
    SignupVerify,
    /// Go on as whom?
    Account,
    /// For which organisation?
    Tenant,
    /// Accept documents.
    Terms,
    /// Allow an app.
    Consent,
    /// Sign out.
    Logout,
}

impl PagePath {
    /// Every page.
    pub const ALL: [Self; 9] = [
        Self::Login,
        Self::LoginDone,
        Self::Signup,
        Self::SignupVerify,
        Self::Account,
        Self::Tenant,
        Self::Terms,
        Self::Consent,
        Self::Logout,
    ];

    /// Its path below the issuer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "/login",
            Self::LoginDone => "/login/done",
            Self::Signup => "/signup",
            Self::SignupVerify => "/signup/verify",
            Self::Account => "/login/account",
            Self::Tenant => "/login/tenant",
            Self::Terms => "/terms",
            Self::Consent => "/consent",
            Self::Logout => "/logout",
        }
    }
}

impl Catalogue {
    /// Loads everything and opens the keys.
    ///
    /// # Errors
    /// What is stored and cannot be used, by name.
    pub async fn load(store: &Store, vault: &Vault, assets: &[&str]) -> Result<Self, CatalogueError> {
        let profiles: Vec<Arc<Profile>> = store.profiles().await?.into_iter().map(Arc::new).collect();
        let stored = store.apis().await?;
        let mut environments = Vec::new();
        for environment in store.environments().await? {
            let mut apis = Vec::new();
            let mut contracts = HashMap::new();
            for api in stored.iter().filter(|api| api.environment == environment.id) {
                let (api, contract) = resolve(api, &environment, &profiles)?;
                if let Some(contract) = contract {
                    contracts.insert(api.id, Arc::new(contract));
                }
                apis.push(Arc::new(api));
            }
            let ring = store.key_ring(environment.id).await?;
            let pairwise = pairwise_key(store, vault, environment.id).await?;
            let keys = EnvironmentKeys::open((environment.id, pairwise), &ring, vault).map_err(|source| {
                CatalogueError::Keys { environment: environment.name.to_string(), source }
            })?;
            let metadata =
                Bytes::from(serde_json::to_vec(&metadata(&environment, &apis)).unwrap_or_default());
            let (metadata_tag, jwks_tag) = (tag(&metadata), tag(&keys.jwks));
            environments.push(Arc::new(EnvironmentState {
                userinfo: userinfo_api(&environment)?,
                environment,
                apis,
                contracts,
                keys,
                metadata,
                metadata_tag,
                jwks_tag,
            }));
        }
        let routes = routes(&environments, assets);
        let first = environments.first().map(|state| state.environment.issuer.authority());
        let several_hosts =
            environments.iter().any(|state| Some(state.environment.issuer.authority()) != first);
        Ok(Self {
            environments,
            profiles,
            operators: store.operators().await?,
            documents: store.documents().await?,
            routes,
            several_hosts,
        })
    }

    /// The environment and endpoint behind a path. Where the issuers have different hosts, the host must be the issuer's: an
    /// environment never answers at another one's address. The host never enters any document or token.
    pub fn route(&self, path: &str, host: Option<&str>) -> Option<(&Arc<EnvironmentState>, &Endpoint)> {
        let candidates = self.routes.get(path)?;
        if let ([(state, endpoint)], false) = (&candidates[..], self.several_hosts) {
            return Some((state, endpoint));
        }
        let host = host?;
        let matches = |(state, _): &&(Arc<EnvironmentState>, Endpoint)| {
            state.environment.issuer.authority().eq_ignore_ascii_case(host)
        };
        candidates.iter().find(matches).map(|(state, endpoint)| (state, endpoint))
    }

    /// An environment by name.
    pub fn environment(&self, name: &str) -> Option<&Arc<EnvironmentState>> {
        self.environments.iter().find(|state| state.environment.name.as_str() == name)
    }

    /// An environment by id.
    pub fn environment_by_id(&self, id: EnvironmentId) -> Option<&Arc<EnvironmentState>> {
        self.environments.iter().find(|state| state.environment.id == id)
    }

    /// A profile by name.
    pub fn profile(&self, name: &Name) -> Option<&Arc<Profile>> {
        self.profiles.iter().find(|profile| profile.name == *name)
    }
}

impl EnvironmentState {
    /// An API by name.
    pub fn api(&self, name: &str) -> Option<&Arc<Api>> {
        self.apis.iter().find(|api| api.name.as_str() == name)
    }

    /// An API by audience.
    pub fn api_by_audience(&self, audience: &str) -> Option<&Arc<Api>> {
        self.apis.iter().chain([&self.userinfo]).find(|api| api.audience == audience)
    }

    /// An API by id.
    pub fn api_by_id(&self, id: ApiId) -> Option<&Arc<Api>> {
        if id == ApiId::USERINFO {
            return Some(&self.userinfo);
        }
        self.apis.iter().find(|api| api.id == id)
    }
}

/// The userinfo endpoint as an API: every token is for one.
fn userinfo_api(environment: &Environment) -> Result<Arc<Api>, CatalogueError> {
    let unusable = || CatalogueError::Api(format!("{}/userinfo", environment.name));
    let profile = Profile::of_userinfo().map_err(|_| unusable())?;
    Ok(Arc::new(Api {
        id: ApiId::USERINFO,
        environment: environment.id,
        name: profile.name.clone(),
        title: profile.title.clone(),
        audience: format!("{}/userinfo", environment.issuer),
        scopes: Vec::new(),
        profile: Arc::new(profile),
        server_scopes: ScopeSet::default(),
        openapi: None,
    }))
}

/// The key of an environment's pairwise subjects: made once, kept for ever, sealed like every other key.
async fn pairwise_key(
    store: &Store,
    vault: &Vault,
    environment: EnvironmentId,
) -> Result<PairwiseKey, CatalogueError> {
    let name = format!("pairwise/{environment}");
    let unusable = |_| CatalogueError::Keys {
        environment: environment.to_string(),
        source: KeysError::Parse("pairwise subjects".to_owned()),
    };
    if store.meta(&name).await?.is_none() {
        let mut rng = OsRandom::new();
        let mut key = Zeroizing::new([0; 32]);
        rng.fill(key.as_mut_slice());
        let sealed = vault.seal(key.as_slice(), &name, &mut rng).map_err(unusable)?;
        let statement = Statement {
            sql: &PUT_META_ONCE,
            params: vec![name.as_str().into(), sealed.into()],
            // Another node may have been first: its key is the one.
            expect: Expect::Any,
        };
        store.commit(vec![statement]).await?;
    }
    let sealed = store.meta(&name).await?.ok_or(StoreError::Conflict)?;
    Ok(PairwiseKey::new(&vault.open(&sealed, &name).map_err(unusable)?))
}

/// Joins a stored API with its profile and spells the server's scopes for the environment.
pub fn resolve(
    api: &StoredApi,
    environment: &Environment,
    profiles: &[Arc<Profile>],
) -> Result<(Api, Option<Contract>), CatalogueError> {
    let unusable = || CatalogueError::Api(format!("{}/{}", environment.name, api.name));
    let profile = profiles.iter().find(|profile| profile.name == api.profile).ok_or_else(unusable)?;
    let server_scopes = server_scopes(profile, environment).ok_or_else(unusable)?;
    let contract = match &api.openapi {
        None => None,
        Some(text) => Some(Contract::from_openapi(text).map_err(|_| unusable())?),
    };
    let api = Api {
        id: api.id,
        environment: api.environment,
        name: api.name.clone(),
        title: api.title.clone(),
        audience: api.audience.clone(),
        scopes: api.scopes.clone(),
        profile: profile.clone(),
        server_scopes,
        openapi: api.openapi.clone(),
    };
    Ok((api, contract))
}

/// The scopes that the server adds, as they are spelled in an environment. `None` if one is no scope.
pub fn server_scopes(profile: &Profile, environment: &Environment) -> Option<ScopeSet> {
    profile
        .server_scopes
        .iter()
        .map(|text| Scope::parse(&expand(text, environment)))
        .collect::<Option<Vec<_>>>()
        .map(ScopeSet::from)
}

/// Replaces `{issuer}`, `{environment}` and `{scope_prefix}`.
pub fn expand(text: &str, environment: &Environment) -> String {
    text.replace("{issuer}", environment.issuer.as_str())
        .replace("{environment}", environment.name.as_str())
        .replace("{scope_prefix}", &environment.scope_prefix)
}

/// A strong entity tag: half of the SHA-256 of the bytes.
pub fn tag(bytes: &[u8]) -> HeaderValue {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let hex: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

fn routes(
    environments: &[Arc<EnvironmentState>],
    assets: &[&str],
) -> HashMap<String, Vec<(Arc<EnvironmentState>, Endpoint)>> {
    let mut routes: HashMap<String, Vec<_>> = HashMap::new();
    for state in environments {
        let base = state.environment.issuer.path();
        let mut add = |path: String, endpoint: Endpoint| {
            let entries = routes.entry(path).or_default();
            if !entries.iter().any(|(known, _): &(Arc<EnvironmentState>, Endpoint)| {
                known.environment.id == state.environment.id
            }) {
                entries.push((state.clone(), endpoint));
            }
        };
        for path in state.apis.iter().flat_map(|api| &api.profile.token_paths) {
            add(format!("{base}{}", path.as_str()), Endpoint::Token(path.as_str().into()));
        }
        // An environment without APIs may still sign users in.
        if state.apis.is_empty() {
            for path in &state.userinfo.profile.token_paths {
                add(format!("{base}{}", path.as_str()), Endpoint::Token(path.as_str().into()));
            }
        }
        add(format!("{base}/authorize"), Endpoint::Authorize);
        add(format!("{base}/userinfo"), Endpoint::Userinfo);
        for page in PagePath::ALL {
            add(format!("{base}{}", page.as_str()), Endpoint::Page(page));
        }
        for name in assets {
            add(format!("{base}/static/{name}"), Endpoint::Static((*name).into()));
        }
        for api in &state.apis {
            add(format!("{base}/docs/{}/flows", api.name), Endpoint::Flows(api.clone(), Dress::Page));
            add(format!("{base}/docs/{}/flows.json", api.name), Endpoint::Flows(api.clone(), Dress::Json));
        }
        for (path, file) in files(&state.environment, &state.apis) {
            add(path, Endpoint::Docs(Arc::new(file)));
        }
        add(format!("{base}/introspect"), Endpoint::Introspect);
        add(format!("{base}/revoke"), Endpoint::Revoke);
        add(format!("{base}/jwks"), Endpoint::Jwks);
        for api in &state.apis {
            add(format!("{base}/forward-auth/{}", api.name), Endpoint::ForwardAuth(api.clone()));
        }
        // RFC 8414 3.1 inserts the well-known part before the issuer's path, OpenID Connect Discovery 4 appends it.
        // Clients in the field try both for both documents, and they are one document.
        for document in ["oauth-authorization-server", "openid-configuration"] {
            add(format!("/.well-known/{document}{base}"), Endpoint::Metadata);
            add(format!("{base}/.well-known/{document}"), Endpoint::Metadata);
        }
    }
    routes
}
