//! `grantor demo`: a provider with its APIs, a partner with apps and keys, all on one loopback address.
//!
//! Everything it shows is made as a customer would make it: from manifests and through the admin API over HTTP. The
//! manifests are embedded; this code knows no profile, no API and no tenant by name.

mod admin;
mod credentials;
mod embedded;
mod folder;
mod landscape;
mod ready;
mod site;
mod welcome;

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use crate::clock::{Clock, OsRandom, SystemClock};
use crate::config::{Config, DatabaseUrl, IpNet, MasterKeySource};
use crate::manifest::Manifest;
use crate::serve::Running;
use admin::Admin;
use credentials::ShownApi;
use folder::Folder;
use landscape::{DemoApi, Landscape};
use site::Site;

/// What the demo is started with.
pub struct DemoOptions {
    /// Address and port of everything; a loopback address. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The management listener, if it shall be on.
    pub management: Option<SocketAddr>,
    /// The folder of the demo's files. `None` is the folder of the given database, else a fresh one for temporary files.
    pub data: Option<PathBuf>,
    /// The database; `None` is a file in the folder.
    pub database_url: Option<DatabaseUrl>,
    /// Print one line of JSON instead of text for people.
    pub json: bool,
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
    /// The admin API.
    api_url: String,
    operator_token: Zeroizing<String>,
    /// The folder of the demo's files.
    folder: PathBuf,
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
    refuse_other_machines(options.listen)?;
    let folder = Folder::open(folder_of(options), &mut OsRandom::new())?;
    let config = config(options, options.listen, folder.path())?;
    crate::telemetry::init(config.log.level.as_str(), config.log.format);
    let made = first_operator(&config, clock.clone()).await?;
    let operator_token = folder.operator_token(made)?;

    let site = Site::default();
    let running = listen(options, &folder, &site, clock.clone()).await?;
    let landscape = Landscape::read(embedded::FILES, running.address)?;
    let world = World {
        manifest: landscape.manifest,
        apis: Vec::new(),
        api_url: format!("http://{}/admin/v1", running.address),
        operator_token,
        folder: folder.path().to_owned(),
        management: running.management,
    };
    let prepared = prepare(world, landscape.apis).await;
    let opened = prepared.and_then(|world| Ok((open(&site, &world, &clock)?, world)));
    match opened.and_then(|((), world)| Ok((ready::contract(&world)?, world))) {
        Ok((contract, world)) => Ok(Demo {
            running,
            contract,
            world,
        }),
        Err(error) => {
            running.shutdown().await;
            Err(error)
        }
    }
}

/// The token of the first operator, if there was none. The database is closed again before the server opens it.
async fn first_operator(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Option<Zeroizing<String>>> {
    let node = crate::init::open(config, clock).await?;
    Ok(crate::init::first_operator(&node, "demo")
        .await?
        .map(Zeroizing::new))
}

/// Starts the server with the site beside it. A free port may be taken between being found and being used.
async fn listen(
    options: &DemoOptions,
    folder: &Folder,
    site: &Site,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Running> {
    const ATTEMPTS: usize = 5;
    let mut attempt = 1;
    loop {
        let address = address_to_use(options.listen)?;
        let config = config(options, address, folder.path())?;
        match crate::serve::start_at(&config, Some(site.router()), clock.clone()).await {
            Err(error) if attempt < ATTEMPTS && options.listen.port() == 0 && is_taken(&error) => {
                attempt += 1
            }
            started => return started,
        }
    }
}

fn is_taken(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    io.is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// Applies the manifest and makes credentials, as a customer would.
async fn prepare(world: World, apis: Vec<DemoApi>) -> anyhow::Result<World> {
    let admin = Admin::new(&world.api_url, &world.operator_token)?;
    admin
        .apply(&world.manifest)
        .await
        .context("the demo's manifest was not applied")?;
    let apis = credentials::make(&admin, &world.manifest, apis).await?;
    Ok(World { apis, ..world })
}

/// Puts the APIs behind their layers.
fn open(site: &Site, world: &World, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    let mounted = world.apis.iter().map(|shown| site::mount(shown, clock.clone()));
    site.fill(mounted.collect::<anyhow::Result<_>>()?);
    Ok(())
}

/// Whatever reads this waits for a whole line: it is written and flushed at once.
fn tell(demo: &Demo, json: bool) -> anyhow::Result<()> {
    let text = if json {
        demo.contract.to_string()
    } else {
        welcome::text(&demo.world)
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

fn refuse_other_machines(listen: SocketAddr) -> anyhow::Result<()> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    anyhow::bail!(
        "the demo prints its secrets and speaks plain HTTP, so it listens on this machine only; {} is no loopback \
         address. Use for example --listen 127.0.0.1:{}, or `grantor serve` for a real installation",
        listen.ip(),
        listen.port()
    )
}

/// The address with its final port: issuers hold the port, so it must be known before anything listens.
fn address_to_use(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    if listen.port() != 0 {
        return Ok(listen);
    }
    let probe = TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    probe.local_addr().context("the system names no free port")
}

/// Master key and operator token belong to the database, so they stand beside it if nothing else is said.
fn folder_of(options: &DemoOptions) -> Option<PathBuf> {
    let beside_database = || {
        options
            .database_url
            .as_ref()
            .map(|url| url.directory().to_owned())
    };
    options.data.clone().or_else(beside_database)
}

fn config(options: &DemoOptions, listen: SocketAddr, folder: &Path) -> anyhow::Result<Config> {
    let in_folder = || DatabaseUrl::Sqlite(folder.join("grantor.db"));
    let database = options.database_url.clone().unwrap_or_else(in_folder);
    let master_key = MasterKeySource::File(folder.join("master.key"));
    // A reverse proxy on this machine may be tried with the demo.
    let loopback: Vec<IpNet> = vec!["127.0.0.0/8".parse()?, "::1/128".parse()?];
    Ok(Config::for_demo(
        listen,
        options.management,
        database,
        master_key,
        loopback,
    ))
}

/// Ctrl-C and SIGTERM. Made before the start: a signal during it must not be lost.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_can_reach_is_refused_by_name() {
        for address in ["0.0.0.0:8080", "192.0.2.1:0", "[::]:8080", "[2001:db8::1]:1"] {
            let refusal = refuse_other_machines(address.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(refusal.contains("no loopback address"), "{refusal}");
        }
    }

    #[test]
    fn a_given_port_stays_and_port_zero_becomes_a_free_one() {
        assert_eq!(
            address_to_use("127.0.0.1:1".parse().unwrap())
                .unwrap()
                .to_string(),
            "127.0.0.1:1"
        );
        assert_ne!(address_to_use("127.0.0.1:0".parse().unwrap()).unwrap().port(), 0);
    }

    fn options(data: Option<&str>, database_url: Option<&str>) -> DemoOptions {
        DemoOptions {
            listen: "127.0.0.1:8080".parse().unwrap(),
            management: None,
            data: data.map(PathBuf::from),
            database_url: database_url.map(|url| url.parse().unwrap()),
            json: true,
        }
    }

    #[test]
    fn the_folder_is_the_given_one_else_the_database_s() {
        assert_eq!(
            folder_of(&options(Some("/a"), Some("sqlite:/b/c.db"))),
            Some("/a".into())
        );
        assert_eq!(
            folder_of(&options(None, Some("sqlite:/b/c.db"))),
            Some("/b".into())
        );
        assert_eq!(folder_of(&options(None, None)), None);
    }

    #[test]
    fn loopback_is_a_trusted_proxy_and_the_files_stand_in_the_folder() {
        let folder = Path::new("/some/folder");
        let options = options(None, None);
        let config = config(&options, options.listen, folder).unwrap();
        let trusted = |address: &str| {
            config
                .server
                .trusted_proxies
                .iter()
                .any(|net| net.contains(address.parse().unwrap()))
        };
        assert!(trusted("127.0.0.1") && trusted("127.9.9.9") && trusted("::1"));
        assert!(!trusted("10.0.0.1") && !trusted("::2"));
        assert_eq!(config.database.url.directory(), folder);
        assert!(
            matches!(&config.keys.master_key, MasterKeySource::File(path) if path.parent() == Some(folder))
        );
    }
}
