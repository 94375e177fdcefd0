//! Small facts to decide on: one environment, two APIs, one tenant, one app. A test changes what it is about.

use std::sync::Arc;

use grantor_core::access::{Access, AccessStatus, QuotaClass};
use grantor_core::api::{Api, ScopeDefinition};
use grantor_core::api_key::ApiKey;
use grantor_core::app::{App, SecretVersion};
use grantor_core::client_auth::{Presented, authenticate};
use grantor_core::client_metadata::ClientMetadata;
use grantor_core::document::{Document, TenantAcceptance};
use grantor_core::env::{Env, Random, UnixMillis};
use grantor_core::environment::{Environment, OnLeak};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::gate::Terms;
use grantor_core::id::{ApiId, ApiKeyId, AppId, EnvironmentId, TenantId};
use grantor_core::introspect::{Revoked, Subjects, judge_key, judge_token};
use grantor_core::issue::TokenDraft;
use grantor_core::profile::{ApiKeyPolicy, GrantType, Profile};
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::secret::{CredentialType, PepperRing, Secret, Stage};
use grantor_core::tenant::{Status, Tenant};
use grantor_core::token::TokenRequest;
use grantor_core::token::client_credentials::{Facts, grant};
use serde_json::json;
use zeroize::Zeroizing;

/// Half a second after a full one, so that rounding shows.
pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_500);
/// The secret of the app's first version.
pub(crate) const SECRET: &str = "correct horse battery staple";
/// The audience of the first API.
pub(crate) const PAYMENTS: &str = "https://payments.example";
/// The audience of the second API.
pub(crate) const REPORTS: &str = "https://reports.example";

/// Repeatable randomness (splitmix64).
pub(crate) struct Seeded(pub(crate) u64);

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

pub(crate) fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).expect("scopes of a test are well formed")
}

pub(crate) fn refusal(error: OAuthError, reason: Reason) -> Option<(OAuthError, Reason)> {
    Some((error, reason))
}

/// Error and reason of a refusal; `None` for an answer.
pub(crate) fn refused<T>(outcome: Result<T, Denial>) -> Option<(OAuthError, Reason)> {
    outcome.err().map(|denial| (denial.error, denial.reason))
}

/// A profile document without anything optional.
pub(crate) fn profile_document(token_path: &str) -> serde_json::Value {
    json!({
        "name": "standard",
        "token_paths": [token_path],
        "client_auth": ["client_secret_basic", "client_secret_post"],
        "token_format": "jwt",
        "grants": ["client_credentials"],
    })
}

pub(crate) fn profile(token_path: &str) -> Profile {
    serde_json::from_value(profile_document(token_path)).expect("the profile of the tests parses")
}

pub(crate) fn environment(number: u8, name: &str) -> Environment {
    Environment {
        id: EnvironmentId::from_bytes([number; 16]),
        name: name.parse().expect("a name"),
        issuer: format!("https://{name}.bank.example").parse().expect("an issuer"),
        stage: Stage::Live,
        scope_prefix: name.to_owned(),
        on_leak: OnLeak::default(),
    }
}

pub(crate) fn api(number: u8, name: &str, scope_names: &str) -> Api {
    let define =
        |scope: &Scope| ScopeDefinition { name: scope.clone(), description: String::new(), required: false };
    Api {
        id: ApiId::from_bytes([number; 16]),
        environment: EnvironmentId::from_bytes([1; 16]),
        name: name.parse().expect("a name"),
        title: String::new(),
        audience: format!("https://{name}.example"),
        scopes: scopes(scope_names).iter().map(define).collect(),
        profile: Arc::new(profile(&format!("/{name}/token"))),
        server_scopes: ScopeSet::default(),
        openapi: None,
    }
}

pub(crate) fn access(tenant: &Tenant, api: &Api, scope_names: &str) -> Access {
    Access {
        tenant: tenant.id,
        api: api.id,
        status: AccessStatus::Approved,
        epoch: 0,
        scopes: scopes(scope_names),
        client_token_lifetime: None,
        user_token_lifetime: None,
        quota: QuotaClass::Standard,
        contract: None,
    }
}

/// What a suspend writes.
pub(crate) fn suspend_access(access: &mut Access) {
    access.epoch += i64::from(access.status.is_open());
    access.status = AccessStatus::Suspended;
}

pub(crate) fn peppers() -> PepperRing {
    PepperRing::new(1, vec![(1, Zeroizing::new(vec![7; 32]))]).expect("version 1 is in the ring")
}

/// A secret version that began long ago and has no end.
pub(crate) fn secret_version(version: i64, secret: &str) -> SecretVersion {
    SecretVersion {
        version,
        hash: peppers().hash(CredentialType::ClientSecret, secret),
        last_four: String::new(),
        not_before: UnixMillis(0),
        expires_at: None,
        ended_at: None,
        created_at: UnixMillis(0),
        end_set_by: None,
        end_before: None,
    }
}

pub(crate) fn basic() -> Presented {
    Presented::Basic { decoded: Some(("acme".to_owned(), Secret::presented(SECRET.to_owned()))), raw: None }
}

pub(crate) fn post() -> Presented {
    Presented::Post { client_id: "acme".to_owned(), secret: Secret::presented(SECRET.to_owned()) }
}

pub(crate) fn id_only() -> Presented {
    Presented::IdOnly { client_id: "acme".to_owned() }
}

/// Everything that a decision about the app `acme` may need.
///
/// At `payments` each of API, access and app allows a scope that another one forbids; all three agree on `read write`.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) environment: Environment,
    pub(crate) apis: Vec<Arc<Api>>,
    pub(crate) tenant: Tenant,
    pub(crate) accesses: Vec<Access>,
    pub(crate) app: App,
    pub(crate) documents: Vec<Document>,
    pub(crate) accepted: Vec<TenantAcceptance>,
}

impl World {
    /// With the app at `payments` alone; `reports` is there and is not the app's.
    pub(crate) fn new() -> Self {
        let payments = api(11, "payments", "read write not-in-app not-in-access");
        let reports = api(12, "reports", "view read");
        let tenant = Tenant {
            id: TenantId::from_bytes([2; 16]),
            name: "acme-corp".parse().expect("a name"),
            title: "Acme".to_owned(),
            status: Status::Active,
            epoch: 0,
        };
        let app = App {
            id: AppId::from_bytes([3; 16]),
            environment: EnvironmentId::from_bytes([1; 16]),
            tenant: tenant.id,
            client_id: "acme".parse().expect("a client id"),
            name: "Acme".to_owned(),
            status: Status::Active,
            epoch: 0,
            auth_method: None,
            grants: vec![GrantType::ClientCredentials],
            apis: vec![payments.id],
            scopes: scopes("read write not-in-access not-in-api view"),
            metadata: ClientMetadata::default(),
            introspects: Vec::new(),
            secrets: vec![secret_version(1, SECRET)],
            exposed_at: None,
            created_at: UnixMillis(0),
        };
        let accesses = vec![
            access(&tenant, &payments, "read write not-in-app not-in-api"),
            access(&tenant, &reports, "view read"),
        ];
        Self {
            environment: environment(1, "production"),
            apis: vec![Arc::new(payments), Arc::new(reports)],
            tenant,
            accesses,
            app,
            documents: Vec::new(),
            accepted: Vec::new(),
        }
    }

    /// The same, with the app at both APIs.
    pub(crate) fn with_both_apis() -> Self {
        let mut world = Self::new();
        world.app.apis.push(world.apis[1].id);
        world
    }

    /// The API `payments`, to be changed.
    pub(crate) fn payments(&mut self) -> &mut Api {
        Arc::make_mut(&mut self.apis[0])
    }

    /// The API `reports`, to be changed.
    pub(crate) fn reports(&mut self) -> &mut Api {
        Arc::make_mut(&mut self.apis[1])
    }

    /// The profile of `payments`, to be changed.
    pub(crate) fn payments_profile(&mut self) -> &mut Profile {
        Arc::make_mut(&mut self.payments().profile)
    }

    /// Authenticates the app by its secret and decides the request.
    pub(crate) fn grant(&self, request: &TokenRequest) -> Result<TokenDraft, Denial> {
        self.grant_at(request, NOW, 1)
    }

    /// The same at another time, with other randomness.
    pub(crate) fn grant_at(
        &self,
        request: &TokenRequest,
        now: UnixMillis,
        seed: u64,
    ) -> Result<TokenDraft, Denial> {
        self.decide(request, &basic(), now, seed)
    }

    /// Authenticates the app by what is presented and decides the request.
    pub(crate) fn grant_by(
        &self,
        request: &TokenRequest,
        presented: &Presented,
    ) -> Result<TokenDraft, Denial> {
        self.decide(request, presented, NOW, 1)
    }

    fn decide(
        &self,
        request: &TokenRequest,
        presented: &Presented,
        now: UnixMillis,
        seed: u64,
    ) -> Result<TokenDraft, Denial> {
        let secret = presented.candidates().next().and_then(|(_, secret)| secret);
        let client = authenticate(&self.app, &self.tenant, secret, &peppers(), now)?;
        let facts = Facts {
            environment: &self.environment,
            apis: &self.apis,
            accesses: &self.accesses,
            terms: self.terms(now),
            path: "/oauth/token",
            presented,
        };
        let mut rng = Seeded(seed);
        grant(request, &client, &facts, &mut Env { now, rng: &mut rng }).map(|granted| granted.draft)
    }

    /// What there is to accept, and what was accepted in the tenant's name.
    pub(crate) fn terms(&self, now: UnixMillis) -> Terms<'_> {
        Terms { documents: &self.documents, accepted: &self.accepted, now }
    }

    /// What is known to the API with this index when a credential is judged.
    pub(crate) fn subjects(&self, api: usize) -> Subjects<'_> {
        Subjects {
            environment: &self.environment,
            api: &self.apis[api],
            tenant: &self.tenant,
            accesses: &self.accesses,
        }
    }

    /// The verdict on a token at `payments`.
    pub(crate) fn judge(&self, draft: &TokenDraft, now: UnixMillis) -> Result<(), Reason> {
        judge_token(&draft.claims, &self.subjects(0), &self.app, None, Revoked::No, now)
    }

    /// As `new`, with API keys at every API.
    pub(crate) fn with_keys() -> Self {
        let mut world = Self::new();
        for api in &mut world.apis {
            let api = Arc::make_mut(api);
            Arc::make_mut(&mut api.profile).api_keys = ApiKeyPolicy::Provider;
        }
        world
    }

    /// An API key of the tenant for `payments`, one day long.
    pub(crate) fn key(&self) -> ApiKey {
        ApiKey {
            id: ApiKeyId::from_bytes([4; 16]),
            environment: self.environment.id,
            tenant: self.tenant.id,
            name: "Key".to_owned(),
            apis: vec![self.apis[0].id],
            scopes: scopes("read"),
            status: Status::Active,
            epoch: 0,
            last_four: String::new(),
            created_at: NOW,
            expires_at: NOW.plus_seconds(86_400),
            revoked_reason: None,
            addresses: None,
            quota: QuotaClass::Standard,
            signed_by: None,
            replaced_by: None,
            revision: 0,
        }
    }

    /// The verdict on a key at the API with this index.
    pub(crate) fn judge_key(&self, key: &ApiKey, api: usize) -> Result<(), Reason> {
        judge_key(key, &self.subjects(api), None, NOW)
    }
}

/// A request without parameters.
pub(crate) fn plain() -> TokenRequest {
    TokenRequest {
        grant: GrantType::ClientCredentials,
        scopes: None,
        resources: Vec::new(),
        code: None,
        redirect_uri: None,
        code_verifier: None,
        refresh_token: None,
        user: None,
    }
}

/// A request for these scopes.
pub(crate) fn asking(text: &str) -> TokenRequest {
    TokenRequest { scopes: Some(scopes(text)), ..plain() }
}

/// A request for these resources.
pub(crate) fn targeting(resources: &[&str]) -> TokenRequest {
    TokenRequest { resources: resources.iter().map(|resource| (*resource).to_owned()).collect(), ..plain() }
}
