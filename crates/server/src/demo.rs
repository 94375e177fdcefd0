//! `grantor demo`: a provider with its APIs, a partner with apps and keys, all on one loopback address.
//!
//! Everything it shows is made as a customer would make it: from manifests and through the admin API over HTTP. The
//! manifests are embedded; this code knows no profile, no API and no tenant by name.

mod admin;
mod callback;
mod credentials;
mod embedded;
mod folder;
mod landscape;
mod people;
mod ready;
mod site;
#[cfg(test)]
mod tests;
mod welcome;

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use crate::clock::{Clock, OsRandom, SystemClock};
use crate::config::{Config, DatabaseUrl, DemoConfig, IpNet, Leaks, MasterKeySource};
use crate::manifest::Manifest;
use crate::password::Cost;
use crate::serve::Running;
use admin::Admin;
use credentials::ShownApi;
use folder::Folder;
use landscape::{DemoApi, Landscape};
use people::ShownUser;
use site::Site;

/// What the demo is started with.
pub struct DemoOptions {
    /// Address and port of everything; a loopback address. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The management listener, if it shall be on.
    pub management: Option<SocketAddr>,
    /// The folder of the demo's files. `None` is the folder of the given database (for one on a server the working
    /// directory), else a fresh one for temporary files.
    pub data: Option<PathBuf>,
    /// The database; `None` is a file in the folder.
    pub database_url: Option<DatabaseUrl>,
    /// A manifest in place of the embedded ones, as TOML; `{listen}` in it becomes the address. Tests show with it that an
    /// exported manifest is whole.
    pub manifest: Option<String>,
    /// Print one line of JSON instead of text for people.
    pub json: bool,
    /// What a password hash costs. Tests go below what an installation may have.
    pub password_cost: Cost,
    /// How leaks are heard of.
    pub leaks: Leaks,
}

/// A demo that is ready. No `Debug`: it holds secrets.
pub struct Demo {
    /// The server.
    pub running: Running,
    /// What `--json` prints.
    pub contract: serde_json::Value,
    world: World,
}

/// What is told when the demo is ready. No `Debug`: it holds secrets.
struct World {
    /// As it was applied.
    manifest: Manifest,
    apis: Vec<ShownApi>,
    users: Vec<ShownUser>,
    /// The admin API.
    api_url: String,
    operator_token: Zeroizing<String>,
    /// The folder of the demo's files.
    folder: PathBuf,
    /// The folder of mails.
    mails: PathBuf,
    management: Option<SocketAddr>,
}

/// Runs the demo until Ctrl-C or SIGTERM.
///
/// # Errors
/// An address beyond this machine, a folder or database that cannot be used, a port that is taken; in words, with the
/// next step.
pub async fn run(options: DemoOptions) -> anyhow::Result<()> {
    let mut stop = Stop::new()?;
    let demo = tokio::select! {
        demo = start(&options, Arc::new(SystemClock::new())) => demo?,
        () = stop.asked() => return Ok(()),
    };
    let told = tell(&demo, options.json);
    if told.is_ok() {
        stop.asked().await;
    }
    shut_down(demo.running, &mut stop).await.and(told)
}

/// Starts the demo: database, operator, server, manifest, credentials, APIs.
///
/// # Errors
/// As [`run`].
pub async fn start(options: &DemoOptions, clock: Arc<dyn Clock>) -> anyhow::Result<Demo> {
    // Refused before anything is written.
    let address = address_to_use(options.listen)?;
    let folder = Folder::open(folder_of(options), &mut OsRandom::new())?;
    let mails = folder.mails()?;
    let config = config(options, address, folder.path(), &mails)?;
    crate::telemetry::init(config.log.level.as_str(), config.log.format);
    let made = first_operator(&config, clock.clone()).await?;
    let operator_token = folder.operator_token(made)?;

    let site = Site::default();
    let running = crate::serve::start_at(&config, Some(site.router()), clock.clone()).await?;
    let landscape = match &options.manifest {
        None => Landscape::read(embedded::FILES, running.address)?,
        Some(text) => Landscape::of(std::iter::once(text.as_str()), embedded::FILES, running.address)?,
    };
    let world = World {
        manifest: landscape.manifest,
        apis: Vec::new(),
        users: Vec::new(),
        api_url: format!("http://{}/admin/v1", running.address),
        operator_token,
        folder: folder.path().to_owned(),
        mails,
        management: running.management,
    };
    let prepared = prepare(world, landscape.apis, &folder).await;
    let opened = prepared.and_then(|world| Ok((open(&site, &world, &clock)?, world)));
    match opened.and_then(|((), world)| Ok((ready::contract(&world)?, world))) {
        Ok((contract, world)) => Ok(Demo { running, contract, world }),
        Err(error) => {
            running.shutdown().await;
            Err(error)
        }
    }
}

/// The token of the first operator, if there was none. The database is closed again before the server opens it.
async fn first_operator(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Option<Zeroizing<String>>> {
    let node = crate::init::open(config, clock).await?;
    Ok(crate::init::first_operator(&node, ready::OPERATOR).await?.map(Zeroizing::new))
}

/// Applies the manifest and makes credentials, as a customer would.
async fn prepare(world: World, apis: Vec<DemoApi>, folder: &Folder) -> anyhow::Result<World> {
    let admin = Admin::new(&world.api_url, &world.operator_token)?;
    admin.apply(&world.manifest).await.context("the demo's manifest was not applied")?;
    people::accept_for_tenants(&admin, &world.manifest).await?;
    let apis = credentials::make(&admin, &world.manifest, apis).await?;
    let users = people::make(&admin, &world.manifest, folder).await?;
    Ok(World { apis, users, ..world })
}

/// Puts the APIs behind their layers, and a page behind the redirect URIs that lie at this site.
fn open(site: &Site, world: &World, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    let mounted = world.apis.iter().map(|shown| site::mount(shown, clock.clone()));
    site.fill(mounted.collect::<anyhow::Result<_>>()?, callback::paths(&world.manifest));
    Ok(())
}

/// Whatever reads this waits for a whole line: it is written and flushed at once.
fn tell(demo: &Demo, json: bool) -> anyhow::Result<()> {
    let text = if json { demo.contract.to_string() } else { welcome::text(&demo.world) };
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("cannot write to standard output")
}

/// The address, if it is one of this machine alone and free.
fn address_to_use(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    if !listen.ip().is_loopback() {
        anyhow::bail!(
            "the demo prints its secrets and speaks plain HTTP, so it listens on this machine only; {} is no loopback \
             address. Use for example --listen 127.0.0.1:{}, or `grantor serve` for a real installation",
            listen.ip(),
            listen.port()
        );
    }
    // A free port is bound once, by the server; a given one is tried before anything is written.
    if listen.port() != 0 {
        TcpListener::bind(listen).with_context(|| {
            format!(
                "cannot listen on {listen}. If another server runs there, choose another port with --listen"
            )
        })?;
    }
    Ok(listen)
}

/// Master key and operator token belong to the database, so they stand beside it if nothing else is said.
fn folder_of(options: &DemoOptions) -> Option<PathBuf> {
    let beside_database = || options.database_url.as_ref().map(|url| url.directory().to_owned());
    options.data.clone().or_else(beside_database)
}

fn config(options: &DemoOptions, listen: SocketAddr, folder: &Path, mails: &Path) -> anyhow::Result<Config> {
    let in_folder = || DatabaseUrl::Sqlite(folder.join("grantor.db"));
    let database = options.database_url.clone().unwrap_or_else(in_folder);
    let master_key = MasterKeySource::File(folder.join("master.key"));
    // A reverse proxy on this machine may be tried with the demo.
    let loopback: Vec<IpNet> = vec!["127.0.0.0/8".parse()?, "::1/128".parse()?];
    let mut config = Config::for_demo(DemoConfig {
        listen,
        management: options.management,
        database,
        master_key,
        trusted_proxies: loopback,
        mail_folder: mails.to_owned(),
        password_cost: options.password_cost,
    });
    config.leaks = options.leaks.clone();
    Ok(config)
}

/// Ctrl-C and SIGTERM. Made before the start: a signal during it must not be lost.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn shut_down(running: Running, stop: &mut Stop) -> anyhow::Result<()> {
    tokio::select! {
        () = running.shutdown() => Ok(()),
        () = stop.asked() => anyhow::bail!("stopped before running requests had ended"),
    }
}
