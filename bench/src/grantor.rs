//! Grantor itself: its release binary, started as the demo a newcomer sees, on the server core.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::ceiling::Algorithm;
use crate::clock;
use crate::contract::Contract;
use crate::load::Fleet;
use crate::process::{self, Server};
use crate::requests::get;
use crate::target::Target;

/// Manifests applied before the runs.
const MANIFESTS: [(&str, &str); 1] = [("algorithms.toml", include_str!("../manifests/algorithms.toml"))];

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The API whose opaque tokens are measured.
pub(crate) const OPAQUE_API: &str = "banking";
/// The API whose keys are measured.
pub(crate) const KEY_API: &str = "assets";

/// A running Grantor.
pub(crate) struct Grantor {
    server: Server,
    metrics: Target,
    /// What it says about itself.
    pub(crate) contract: Contract,
    /// From the start of the process to the first answer with status 200.
    pub(crate) start_up: Duration,
}

/// The API that signs its tokens with this algorithm once the manifests are applied.
pub(crate) fn api_signing_with(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Es256 => "payments",
        Algorithm::EdDsa => "channel",
        Algorithm::Rs256 => "deals",
    }
}

/// The release binary beside this program; built if it is missing.
pub(crate) fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let profiles = own.parent().and_then(Path::parent).context("this program lies in no target folder")?;
    let binary = profiles.join("release").join("grantor");
    if !binary.exists() {
        let built = Command::new("cargo").args(["build", "--release", "-p", "grantor-server"]).status();
        ensure!(built.context("cargo is needed to build grantor")?.success(), "grantor could not be built");
    }
    ensure!(binary.exists(), "{} does not exist", binary.display());
    Ok(binary)
}

/// A free loopback port.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Asks for `target` until the answer has status 200, and says how long that took from `since`.
pub(crate) async fn first_answer(server: &mut Server, target: Target, since: Instant) -> Result<Duration> {
    let request = get(&target, &[]);
    let probe = Fleet::new(target);
    loop {
        if matches!(probe.once(&request).await, Ok((200, _))) {
            return Ok(clock::now().saturating_duration_since(since));
        }
        server.alive()?;
        if clock::now().saturating_duration_since(since) > PATIENCE {
            bail!("no answer with status 200 within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Where it keeps what is durable.
pub(crate) enum Storage {
    /// A SQLite file beside its other files.
    File,
    /// The PostgreSQL database with this URL.
    Server(String),
}

/// What the store has written so far.
#[derive(Clone, Copy)]
pub(crate) struct Written {
    /// COMMITs.
    pub(crate) commits: f64,
    /// Units that shared them.
    pub(crate) units: f64,
}

impl Grantor {
    /// Starts the demo on these cores with its files in `folder`.
    pub(crate) async fn start(
        cores: &str,
        binary: &Path,
        folder: &Path,
        address: SocketAddr,
        storage: Storage,
    ) -> Result<Self> {
        let (data, listen) = (folder.join("data"), address.to_string());
        let data = data.to_str().context("the folder's name is not UTF-8")?;
        let management = free_address()?;
        let told = management.to_string();
        let mut arguments =
            vec!["demo", "--json", "--listen", &listen, "--management", &told, "--data", data];
        if let Storage::Server(url) = &storage {
            arguments.extend(["--database-url", url]);
        }
        let since = clock::now();
        let mut server = Server::start_on(cores, binary, &arguments, folder.join("grantor.log"))?;
        let discovery = Target::new(address, "/.well-known/openid-configuration")?;
        let start_up = first_answer(&mut server, discovery, since).await?;
        let contract = Contract::parse(&server.line(PATIENCE)?)?;
        Ok(Self { server, metrics: Target::new(management, "/metrics")?, contract, start_up })
    }

    /// Starts the installation that a demo has left in `folder`, as an operator would: `grantor serve`. It listens where
    /// the demo did, because that address is its issuer's.
    pub(crate) async fn serve(binary: &Path, folder: &Path, contract: Contract) -> Result<Self> {
        let home = Target::parse(contract.issuer()?)?;
        let (listen, management) = (home.address().to_string(), free_address()?);
        let told = management.to_string();
        let (file, data) = (folder.join("grantor.toml"), folder.join("data"));
        // The driver plays the reverse proxy that asks for others.
        std::fs::write(&file, "[server]\ntrusted_proxies = [\"127.0.0.0/8\"]\n")?;
        let database = format!("sqlite:{}", data.join("grantor.db").display());
        let (file, key) = (file.display().to_string(), data.join("master.key").display().to_string());
        let mut arguments = vec!["--config", &file, "serve", "--listen", &listen, "--management", &told];
        arguments.extend(["--database-url", &database, "--master-key-file", &key]);
        let since = clock::now();
        let log = folder.join("grantor.log");
        let mut server = Server::start_on(process::SERVER_CORE, binary, &arguments, log)?;
        let discovery = Target::new(home.address(), "/.well-known/openid-configuration")?;
        let start_up = first_answer(&mut server, discovery, since).await?;
        Ok(Self { server, metrics: Target::new(management, "/metrics")?, contract, start_up })
    }

    /// Ends it in order, and keeps what it has said about itself.
    pub(crate) fn into_contract(self) -> Result<Contract> {
        self.server.stop()?;
        Ok(self.contract)
    }

    /// The counters of its store.
    pub(crate) async fn written(&self) -> Result<Written> {
        let (status, page) = Fleet::new(self.metrics.clone()).once(&get(&self.metrics, &[])).await?;
        ensure!(status == 200, "the metrics have status {status}");
        let page = String::from_utf8_lossy(&page);
        Ok(Written {
            commits: counter(&page, "grantor_store_commits_total")?,
            units: counter(&page, "grantor_store_units_total")?,
        })
    }

    /// Gives the demo what the measurement needs beyond it.
    pub(crate) fn prepare(&self, binary: &Path, folder: &Path) -> Result<()> {
        for (name, text) in MANIFESTS {
            if !says_something(text) {
                continue;
            }
            let file = folder.join(name);
            std::fs::write(&file, text)?;
            let operator = &self.contract.operator;
            let output = Command::new(binary)
                .args(["apply", "-f"])
                .arg(&file)
                .env("GRANTOR_URL", &operator.api_url)
                .env("GRANTOR_TOKEN", &operator.api_token)
                .output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{name} was not applied: {}", said.trim());
        }
        Ok(())
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    /// Ends it in order.
    pub(crate) fn stop(self) -> Result<()> {
        self.server.stop()
    }
}

fn counter(page: &str, name: &str) -> Result<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|rest| rest.trim().parse().ok());
    value.with_context(|| format!("the metrics have no {name}"))
}

fn says_something(manifest: &str) -> bool {
    manifest.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_read_by_its_whole_name() {
        let page = "# TYPE grantor_store_units counter\ngrantor_store_units_total 41\n";
        assert_eq!(counter(page, "grantor_store_units_total").unwrap(), 41.0);
        assert!(counter(page, "grantor_store_commits_total").is_err());
    }

    #[test]
    fn a_manifest_of_comments_says_nothing() {
        assert!(!says_something("# a\n\n   # b\n"));
        assert!(says_something("# a\n[[api]]\n"));
    }
}
