//! First start: the database, the master key, the first operator. Whoever can run this command is the operator; there is no
//! window in which the first visitor becomes one.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::env::Random as _;
use grantor_core::id::OperatorId;
use grantor_core::permission::OperatorRole;
use grantor_core::secret::{CredentialType, Secret, Stage};
use zeroize::Zeroizing;

use crate::clock::{Clock, OsRandom, SystemClock};
use crate::config::{Config, DatabaseUrl, MasterKeySource, PgUrl};
use crate::leaks::Leaks;
use crate::mail::Mailer;
use crate::node::{Actor, Node, Parts};
use crate::pages::Pages;
use crate::password::Passwords;
use crate::remote::Remote;
use crate::store::Store;
use crate::store::migrate::MigrateError;
use crate::store::postgres::{PgOptions, PgStore, Presence};
use crate::vault::Vault;

/// What `grantor init` has made.
pub struct InitOutcome {
    /// The first operator's token, shown once; `None` if there is an operator already.
    pub operator_token: Option<String>,
    /// Where the database is.
    pub database: String,
    /// The file of the master key, if it is in one.
    pub master_key: Option<PathBuf>,
}

/// Makes what is missing: database, master key file, first operator.
///
/// # Errors
/// In words, with the next step.
pub async fn init(config: &Config, operator_name: &str) -> anyhow::Result<InitOutcome> {
    let node = open(config, Arc::new(SystemClock::new())).await?;
    let operator_token = first_operator(&node, operator_name).await?;
    let master_key = match &config.keys.master_key {
        MasterKeySource::File(path) => Some(path.clone()),
        MasterKeySource::Value(_) => None,
    };
    Ok(InitOutcome { operator_token, database: config.database.url.place(), master_key })
}

/// Makes the first operator's token, if there is none.
///
/// # Errors
/// Storage trouble.
pub async fn first_operator(node: &Node, name: &str) -> anyhow::Result<Option<String>> {
    if !node.catalogue().operators.is_empty() {
        return Ok(None);
    }
    let (secret, id) = node.decide(|env| {
        (
            Secret::generate(&node.brand, CredentialType::OperatorToken, Stage::Live, env),
            OperatorId::generate(env),
        )
    });
    let hash = node.operator_pepper.hash(CredentialType::OperatorToken, secret.reveal());
    let write =
        Write::InsertOperator { id, name: name.to_owned(), role: OperatorRole::Admin, hash, at: node.now() };
    let event = AuditEvent::new("operator.create", id.to_string()).detail("name", name);
    node.commit(&Actor::system(), vec![write], vec![event]).await?;
    Ok(Some(secret.reveal().to_owned()))
}

/// Opens the database under the master key and builds a node.
///
/// # Errors
/// In words, with the next step.
pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<Node>> {
    let url = &config.database.url;
    let cannot_open = || format!("cannot open the database {}", url.place());
    let existed = match url {
        DatabaseUrl::Sqlite(path) => {
            make_folder_of(path)?;
            path.exists()
        }
        DatabaseUrl::Postgres(url) => alone(url).await?,
    };
    let master = master_key(&config.keys.master_key, existed)?;
    let vault = Vault::new(&master).context("the master key cannot be used")?;
    let store = match url {
        DatabaseUrl::Sqlite(path) => Store::open_sqlite(path, clock.wall()),
        DatabaseUrl::Postgres(url) => Store::open_postgres(pg_options(url), clock.wall()).await,
    };
    let store = store.with_context(cannot_open)?;
    let passwords = Passwords::start(config.passwords.cost, config.passwords.pool)
        .context("the threads that hash passwords cannot be started")?;
    let parts = Parts {
        store,
        vault,
        clock,
        brand: config.server.brand.clone(),
        passwords,
        pages: Pages::load(config.pages.theme.as_deref()).context("the theme cannot be used")?,
        mailer: Mailer::new(&config.mail).context("mail cannot be set up")?,
        leaks: Leaks::new(&config.leaks),
        remote: Remote::new(&config.remote).context("requests to others cannot be set up")?,
    };
    let node = Node::build(parts).await?;
    Ok(node)
}

/// Whether an installation is in the database, once nobody else works on it. Caches of two servers would not hear of each
/// other: what one has revoked the other would let in.
async fn alone(url: &PgUrl) -> anyhow::Result<bool> {
    // A server that is stopping holds its place until its connections are closed.
    const TRIES: u32 = 20;
    let place = DatabaseUrl::Postgres(url.clone()).place();
    for left in (0..TRIES).rev() {
        let seen = look(url).await.with_context(|| format!("cannot open the database {place}"))?;
        if !seen.in_use {
            return Ok(seen.installed);
        }
        if left > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
    }
    bail!("another server runs on {place}. One server works on a database: stop the other one first")
}

/// Looks whether an installation is in a database on a server, and whether somebody works on it.
///
/// # Errors
/// A server that cannot be reached or does not let us in; tables that are not ours.
pub(crate) async fn look(url: &PgUrl) -> Result<Presence, MigrateError> {
    PgStore::look(&pg_options(url)).await
}

fn pg_options(url: &PgUrl) -> PgOptions {
    let root_certificates = url.root_certificates().map(Path::to_owned);
    PgOptions { root_certificates, ..PgOptions::new(url.config().clone()) }
}

fn make_folder_of(path: &Path) -> anyhow::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", folder.display())),
        None => Ok(()),
    }
}

/// Reads the master key; makes its file at the first start. Never makes a new key for a database that exists.
fn master_key(source: &MasterKeySource, database_exists: bool) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let path = match source {
        MasterKeySource::Value(key) => return Ok(key.clone()),
        MasterKeySource::File(path) => path,
    };
    match read_key(path)? {
        Some(key) => Ok(key),
        None if database_exists => bail!(
            "the database exists but its master key {} does not. Restore the key file from your backup; without it the keys in the database cannot be opened",
            path.display()
        ),
        None => create_key(path),
    }
}

fn read_key(path: &Path) -> anyhow::Result<Option<Zeroizing<[u8; 32]>>> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read the master key {}", path.display()));
        }
    };
    let mode = file.metadata()?.permissions().mode();
    // A service manager hands credentials over readable for the service's group.
    if mode & 0o037 != 0 {
        bail!(
            "the master key {} can be read by others (mode {:o}). Run: chmod 600 {}",
            path.display(),
            mode & 0o777,
            path.display()
        );
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)
        .with_context(|| format!("the master key {} is not text", path.display()))?;
    let decoded = Zeroizing::new(
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text.trim()).unwrap_or_default(),
    );
    let key: [u8; 32] = decoded
        .as_slice()
        .try_into()
        .map_err(|_| anyhow::anyhow!("the master key {} is not base64 of 32 bytes", path.display()))?;
    Ok(Some(Zeroizing::new(key)))
}

fn create_key(path: &Path) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    OsRandom::new().fill(key.as_mut_slice());
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot create the master key {}", path.display()))?;
    let text =
        Zeroizing::new(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.as_slice()));
    writeln!(file, "{}", text.as_str())?;
    file.sync_all()?;
    Ok(key)
}
