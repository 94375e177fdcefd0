//! An installation with many apps and API keys: rows like those that its admin API has made, with ids and credentials of
//! their own, made and written by the server's own library.
//!
//! What is written passes the same statements as everything else, so the rows have the right shape by construction, and
//! every one of the credentials works.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use grantor_core::access::Access;
use grantor_core::api_key::ApiKey;
use grantor_core::app::App;
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::document::TenantAcceptance;
use grantor_core::env::Env;
use grantor_core::id::{ApiKeyId, AppId, TenantId};
use grantor_core::registration::{NewSecret, new_secret};
use grantor_core::secret::{CredentialType, Secret};
use grantor_core::tenant::Tenant;
use grantor_server::cache::TenantFacts;
use grantor_server::catalogue::EnvironmentState;
use grantor_server::clock::SystemClock;
use grantor_server::config::{Config, DatabaseUrl, DemoConfig, MasterKeySource};
use grantor_server::init;
use grantor_server::node::{Actor, Node};
use grantor_server::password::Cost;

use crate::ceiling::Algorithm;
use crate::contract::{Contract, ENVIRONMENT};
use crate::grantor::{KEY_API, api_signing_with};

/// Apps of a tenant, and as many keys.
const OF_A_TENANT: usize = 10;
/// Tenants of one durable unit.
const IN_ONE_UNIT: usize = 100;

/// Credentials of apps and keys, evenly spread over all that were made. No `Debug`: they are good.
pub(crate) struct Credentials {
    /// Client ids with their secrets.
    pub(crate) apps: Vec<(String, String)>,
    /// API keys.
    pub(crate) keys: Vec<String>,
}

/// What new rows are like.
struct Pattern {
    state: Arc<EnvironmentState>,
    app: App,
    key: ApiKey,
    tenant: Arc<TenantFacts>,
}

/// Makes `count` apps and as many API keys in the installation whose files lie in `folder`, and gives the credentials of
/// at most `kept` of each. No server may run on it.
pub(crate) async fn fill(
    folder: &Path,
    contract: &Contract,
    count: usize,
    kept: usize,
) -> Result<Credentials> {
    let node = init::open(&config(folder)?, Arc::new(SystemClock::new())).await?;
    let pattern = Pattern::find(&node, contract).await?;
    let mut made = Credentials { apps: Vec::new(), keys: Vec::new() };
    let is_kept = |index: usize| count <= kept || (index + 1) * kept / count > index * kept / count;
    for first in (0..count).step_by(OF_A_TENANT * IN_ONE_UNIT) {
        let end = count.min(first + OF_A_TENANT * IN_ONE_UNIT);
        let mut unit = Vec::new();
        for own in (first..end).step_by(OF_A_TENANT) {
            let tenant = pattern.tenant(&node, own, &mut unit)?;
            for index in own..end.min(own + OF_A_TENANT) {
                let (client, key) =
                    node.decide(|env| pattern.pair(&node, (tenant, index), env, &mut unit))?;
                if is_kept(index) {
                    made.apps.push(client);
                    made.keys.push(key);
                }
            }
        }
        let event = AuditEvent::new("bench.fill", first.to_string());
        let written = node.commit(&Actor::system(), unit, vec![event]).await;
        written.map_err(|fault| anyhow!("the rows from {first} on were not written: {fault}"))?;
    }
    close(node).await?;
    Ok(made)
}

/// The database is free when the last handle is gone.
async fn close(node: Arc<Node>) -> Result<()> {
    let last = Arc::downgrade(&node);
    drop(node);
    for _ in 0..1_000 {
        if last.strong_count() == 0 {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Err(anyhow!("the database is still in use"))
}

/// The installation of `grantor demo` in this folder.
fn config(folder: &Path) -> Result<Config> {
    let data = folder.join("data");
    Ok(Config::for_demo(DemoConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        management: None,
        database: DatabaseUrl::Sqlite(data.join("grantor.db")),
        master_key: MasterKeySource::File(data.join("master.key")),
        trusted_proxies: Vec::new(),
        mail_folder: data.join("mail"),
        password_cost: Cost::DEFAULT,
    }))
}

impl Pattern {
    /// The app whose tokens are measured, and the key whose checks are.
    async fn find(node: &Node, contract: &Contract) -> Result<Self> {
        let catalogue = node.catalogue_full();
        let state = catalogue.environment(ENVIRONMENT).context("there is no such environment")?.clone();
        let environment = state.environment.id;
        let client = contract.api(api_signing_with(Algorithm::Es256))?.machine_client()?;
        let app = node.cache.app(&node.store, environment, &client.client_id).await?;
        let app = app.with_context(|| format!("there is no app {}", client.client_id))?;
        let presented = contract.api(KEY_API)?.api_key()?;
        let mut key = None;
        for hash in state.keys.peppers.candidates(CredentialType::ApiKey, presented) {
            key = key.or(node.cache.api_key(&node.store, environment, hash.mac).await?);
        }
        let key = key.context("there is no row behind the API key")?;
        ensure!(app.tenant == key.tenant, "the app and the key are of two tenants");
        let tenant = node.cache.tenant(&node.store, app.tenant).await?.context("the app has no tenant")?;
        Ok(Self { app: (*app).clone(), key: (*key).clone(), tenant, state })
    }

    /// A tenant that may do what the pattern's may, as far as the app and the key need it.
    fn tenant(&self, node: &Node, index: usize, unit: &mut Vec<Write>) -> Result<TenantId> {
        let known = &*self.tenant;
        let (id, now) = node.decide(|env| (TenantId::generate(env), env.now));
        let name = format!("grown-{index}").parse()?;
        unit.push(Write::InsertTenant(Tenant { id, name, ..known.tenant.clone() }, now));
        let needed = |api| self.app.apis.contains(api) || self.key.apis.contains(api);
        for access in known.accesses.iter().filter(|access| needed(&access.api)) {
            unit.push(Write::InsertAccess(Access { tenant: id, ..access.clone() }, now));
        }
        for accepted in &known.accepted {
            unit.push(Write::AcceptForTenant(TenantAcceptance { tenant: id, ..accepted.clone() }));
        }
        Ok(id)
    }

    /// An app and a key of a tenant, with credentials that nobody else has.
    fn pair(
        &self,
        node: &Node,
        (tenant, index): (TenantId, usize),
        env: &mut Env<'_>,
        unit: &mut Vec<Write>,
    ) -> Result<((String, String), String)> {
        let client_id = format!("grown-{index}");
        let app = App {
            id: AppId::generate(env),
            tenant,
            client_id: client_id.parse()?,
            secrets: Vec::new(),
            created_at: env.now,
            ..self.app.clone()
        };
        let peppers = &self.state.keys.peppers;
        let stage = self.state.environment.stage;
        let new = NewSecret { not_before: None, lifetime: None };
        let made = new_secret(&app, &new, peppers, (&node.brand, stage), env);
        let (secret, version) = made.map_err(|denial| anyhow!("no secret: {:?}", denial.reason))?;
        let text = Secret::generate(&node.brand, CredentialType::ApiKey, stage, env);
        let key = ApiKey {
            id: ApiKeyId::generate(env),
            tenant,
            last_four: text.last_four().to_owned(),
            created_at: env.now,
            ..self.key.clone()
        };
        let hash = peppers.hash(CredentialType::ApiKey, text.reveal());
        let app_id = app.id;
        unit.extend([
            Write::InsertApp(app),
            Write::InsertSecret(app_id, version),
            Write::InsertApiKey(key, hash),
        ]);
        Ok(((client_id, secret.reveal().to_owned()), text.reveal().to_owned()))
    }
}
