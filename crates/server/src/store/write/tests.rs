//! Every write of users, sessions, interactions, Grants, documents and mails against a real database, read back by the loads.

mod credentials;
mod documents;
mod grants;
mod interactions;
mod lockout;
mod mails;
mod records;
mod sessions;
mod upkeep;
mod users;
mod webhooks;

use std::sync::Arc;

use grantor_core::api::Api;
use grantor_core::app::App;
use grantor_core::client_metadata::ClientMetadata;
use grantor_core::decision::Write;
use grantor_core::env::UnixMillis;
use grantor_core::environment::{Environment, OnLeak};
use grantor_core::grant::{ClaimsRequest, CodeBinding, Grant, GrantLogin, GrantState};
use grantor_core::id::{ApiId, AppId, EnvironmentId, GrantId, SessionId, TenantId, UserId};
use grantor_core::password::PasswordHash;
use grantor_core::profile::{GrantType, Profile};
use grantor_core::scope::ScopeSet;
use grantor_core::secret::{SecretHash, Stage};
use grantor_core::session::Session;
use grantor_core::tenant::{Status, Tenant};
use grantor_core::user::{Amr, User};
use tempfile::TempDir;

use super::statements_of;
use crate::store::Store;
use crate::store::sql::{Expect, Row, Sql, Statement, StoreError};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const LIVE: EnvironmentId = EnvironmentId::from_bytes([1; 16]);
const TEST: EnvironmentId = EnvironmentId::from_bytes([2; 16]);
const API: ApiId = ApiId::from_bytes([11; 16]);
const ACME: TenantId = TenantId::from_bytes([21; 16]);
const OTHER_TENANT: TenantId = TenantId::from_bytes([22; 16]);
const APP: AppId = AppId::from_bytes([31; 16]);
const OTHER_APP: AppId = AppId::from_bytes([32; 16]);
const ANN: UserId = UserId::from_bytes([41; 16]);
const BOB: UserId = UserId::from_bytes([42; 16]);
/// Ann's browser session.
const SESSION: SessionId = SessionId::from_bytes([51; 16]);

/// When the first Grant ended.
static ENDED_AT: Sql = Sql { name: "ended_at", text: "SELECT ended_at FROM grants WHERE id = 1" };
/// How many mails there are.
static MAILS: Sql = Sql { name: "mails", text: "SELECT COUNT(*) FROM outbox" };
/// The attempts of the only mail if it was given up and its content is gone, else -1.
static ATTEMPTS_GIVEN_UP: Sql = Sql {
    name: "attempts_given_up",
    text: "SELECT CASE WHEN content = '{}' AND next_at IS NULL THEN attempts ELSE -1 END FROM outbox",
};

/// A database with two environments, an API, two tenants, two apps and two users. The store is dropped first.
struct World {
    store: Store,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("g.db"), NOW).unwrap();
        let world = Self { store, _folder: folder };
        let profile = Arc::new(Profile::of_userinfo().unwrap());
        world
            .commit([
                Write::PutEnvironment(environment(LIVE, "live", Stage::Live)),
                Write::PutEnvironment(environment(TEST, "test", Stage::Test)),
                Write::PutProfile(profile.clone()),
                Write::PutApi(Arc::new(api(profile))),
                Write::InsertTenant(tenant(ACME, "acme"), NOW),
                Write::InsertTenant(tenant(OTHER_TENANT, "other"), NOW),
                Write::InsertApp(app(APP, "app-one")),
                Write::InsertApp(app(OTHER_APP, "app-two")),
                Write::InsertUser(Box::new(user(ANN, "Ann@example.org"))),
                Write::InsertUser(Box::new(user(BOB, "bob@example.org"))),
            ])
            .await
            .unwrap();
        world
    }

    /// All writes as one unit.
    async fn commit(&self, writes: impl IntoIterator<Item = Write>) -> Result<(), StoreError> {
        let unit = writes.into_iter().flat_map(|write| statements_of(&write)).collect();
        self.store.commit(unit).await
    }

    /// One write that must stand.
    async fn put(&self, write: Write) {
        self.commit([write]).await.unwrap();
    }

    /// A statement of a test, for what no write can say.
    async fn run(&self, sql: &'static Sql) {
        self.store.commit(vec![Statement { sql, params: vec![], expect: Expect::Rows(1) }]).await.unwrap();
    }

    /// The only number of the only row.
    async fn number(&self, sql: &'static Sql) -> Option<i64> {
        let rows: Vec<Row> = self.store.query(sql, vec![]).await.unwrap();
        rows.first().and_then(|row| row.opt_int(0).unwrap())
    }

    async fn grant(&self, id: GrantId) -> Grant {
        self.store.grant(LIVE, id).await.unwrap().unwrap()
    }
}

fn environment(id: EnvironmentId, name: &str, stage: Stage) -> Environment {
    Environment {
        id,
        name: name.parse().unwrap(),
        issuer: format!("https://{name}.bank.example").parse().unwrap(),
        stage,
        scope_prefix: name.to_owned(),
        on_leak: OnLeak::default(),
    }
}

fn api(profile: Arc<Profile>) -> Api {
    Api {
        id: API,
        environment: LIVE,
        name: "payments".parse().unwrap(),
        title: "Payments".to_owned(),
        audience: "https://payments.example".to_owned(),
        scopes: Vec::new(),
        profile,
        server_scopes: ScopeSet::default(),
        openapi: None,
    }
}

fn tenant(id: TenantId, name: &str) -> Tenant {
    Tenant { id, name: name.parse().unwrap(), title: name.to_owned(), status: Status::Active, epoch: 0 }
}

fn app(id: AppId, client_id: &str) -> App {
    App {
        id,
        environment: LIVE,
        tenant: ACME,
        client_id: client_id.parse().unwrap(),
        name: "An app".to_owned(),
        status: Status::Active,
        epoch: 0,
        auth_method: None,
        grants: vec![GrantType::AuthorizationCode],
        apis: vec![API],
        scopes: scopes("read"),
        metadata: ClientMetadata::default(),
        introspects: Vec::new(),
        secrets: Vec::new(),
        exposed_at: None,
        created_at: NOW,
    }
}

fn user(id: UserId, email: &str) -> User {
    User {
        id,
        environment: LIVE,
        email: email.parse().unwrap(),
        email_verified_at: Some(NOW.plus_seconds(1)),
        name: Some("Somebody".to_owned()),
        password: Some(PasswordHash::new("$argon2id$one".to_owned())),
        status: Status::Active,
        epoch: 3,
        created_at: NOW.plus_seconds(2),
        updated_at: NOW.plus_seconds(3),
    }
}

fn session() -> Session {
    Session {
        id: SESSION,
        environment: LIVE,
        user: ANN,
        epoch: 3,
        sid: "sid-of-apps".to_owned(),
        auth_time: NOW.plus_seconds(-5),
        amr: vec![Amr::Pwd],
        seen_at: NOW,
        ends_at: NOW.plus_seconds(3600),
        ended_at: None,
    }
}

/// A Grant that waits for its code: Ann's, of the first app, in her session, every field with a value of its own.
fn grant(number: i64) -> Grant {
    Grant {
        id: GrantId::from_number(number),
        environment: LIVE,
        app: APP,
        tenant: ACME,
        user: ANN,
        api: Some(API),
        origin: GrantType::AuthorizationCode,
        scopes: scopes("openid read"),
        state: GrantState::Code,
        epoch: 4,
        generation: 5,
        rotated_at: NOW.plus_seconds(6),
        nonce: [7; 16],
        ends_at: NOW.plus_seconds(8),
        code: Some(CodeBinding {
            expires_at: NOW.plus_seconds(60),
            redirect_uri: "https://app.example/back".to_owned(),
            redirect_uri_sent: true,
            challenge: Some("challenge".to_owned()),
        }),
        login: GrantLogin {
            auth_time: NOW.plus_seconds(-5),
            amr: vec![Amr::Pwd],
            acr: "urn:acr".to_owned(),
            session: Some(SESSION),
            sid: Some("sid-of-apps".to_owned()),
            nonce: Some("nonce".to_owned()),
            claims: ClaimsRequest { userinfo: vec!["name".to_owned()], id_token: vec!["email".to_owned()] },
        },
        created_at: NOW.plus_seconds(9),
        ended_reason: None,
    }
}

/// The same, redeemed, at the first generation.
fn active(number: i64) -> Grant {
    Grant { state: GrantState::Active, generation: 1, code: None, ..grant(number) }
}

fn insert_grant(grant: Grant) -> Write {
    let code = (grant.state == GrantState::Code).then(|| hash(u8::try_from(grant.id.number()).unwrap()));
    Write::InsertGrant(Box::new(grant), code)
}

fn hash(seed: u8) -> SecretHash {
    SecretHash { pepper: i64::from(seed) + 100, mac: [seed; 32] }
}

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

fn is_same(a: &SecretHash, b: &SecretHash) -> bool {
    (a.pepper, a.mac) == (b.pepper, b.mac)
}
