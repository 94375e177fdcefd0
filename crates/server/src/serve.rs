//! `grantor serve`: opens everything, listens, and stops in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::http::{self, Service, admin, listener, management};
use crate::init;
use crate::jobs;
use crate::node::Node;
use crate::tls::{self, Certificates};

/// Hundredths of a second that a stop waits for the last handle on the node.
const CLOSING: usize = 200;

/// A server that listens.
pub struct Running {
    /// Where.
    pub address: SocketAddr,
    /// Where the management listener is, if it is on.
    pub management: Option<SocketAddr>,
    /// The node, for tests.
    pub node: Arc<Node>,
    /// The certificate in force, if TLS ends here.
    pub certificates: Option<Arc<Certificates>>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Reads the certificate and its key again, if TLS ends here. What cannot be used is told in the log, and what was in
    /// force stays.
    pub async fn reload(&self) {
        match &self.certificates {
            Some(certificates) => tls::reload(certificates.clone()).await,
            None => tracing::info!("nothing is read again: TLS does not end here"),
        }
    }

    /// Stops accepting, lets requests in flight finish, writes what is counted.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
        jobs::last_leaks(&self.node).await;
        // The database is closed with the last handle on the node: whoever opens it next must find it free.
        let node = Arc::downgrade(&self.node);
        drop(self.node);
        for _ in 0..CLOSING {
            if node.strong_count() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Starts with the machine's clock and nothing beside.
///
/// # Errors
/// In words, with the next step.
pub async fn start(config: &Config) -> anyhow::Result<Running> {
    start_with(config, None).await
}

/// Starts with another site on the same listener.
///
/// # Errors
/// In words, with the next step.
pub async fn start_with(config: &Config, beside: Option<axum::Router>) -> anyhow::Result<Running> {
    start_at(config, beside, Arc::new(SystemClock::new())).await
}

/// Starts with a clock of the caller's. For tests: the binary has no way to this.
///
/// # Errors
/// In words, with the next step.
pub async fn start_at(
    config: &Config,
    beside: Option<axum::Router>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Running> {
    allow_plain_http(config)?;
    // Before the database is opened: a wrong certificate must cost nothing.
    let certificates = config.tls.as_ref().map(Certificates::open).transpose()?;
    let tls = certificates.as_ref().map(Certificates::server_config).transpose()?;
    let node = init::open(config, clock).await?;
    let bind = |address: SocketAddr| async move {
        TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}. Is another server running there?"))
    };
    let public = bind(config.server.listen).await?;
    let address = public.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let service = Arc::new(Service {
        admin: admin::router(node.clone()),
        node: node.clone(),
        proxies: config.server.trusted_proxies.clone(),
        bodies: Semaphore::new(http::body::SLOTS),
        beside,
    });
    let handler = move |peer, request| {
        let service = service.clone();
        // hyper moves a request's future about before it runs: this one is a pointer.
        Box::pin(async move { http::answer(&service, peer, request).await })
    };
    let mut tasks = vec![
        tokio::spawn(listener::run(
            public,
            listener::Terms { proxies: config.server.trusted_proxies.clone(), tls },
            handler,
            stopped.clone(),
        )),
        tokio::spawn(jobs::run(node.clone(), stopped.clone())),
        tokio::spawn(jobs::run_mail(node.clone(), stopped.clone())),
        tokio::spawn(jobs::run_leaks(node.clone(), stopped.clone())),
        tokio::spawn(jobs::run_audit(node.clone(), stopped.clone())),
        tokio::spawn(jobs::run_webhooks(node.clone(), stopped.clone())),
        tokio::spawn(jobs::run_misplaced(node.clone(), stopped.clone())),
    ];
    if let Some(certificates) = certificates.clone() {
        tasks.push(tokio::spawn(tls::watch_files(certificates, stopped.clone())));
    }
    let mut management_address = None;
    if let Some(wanted) = config.server.management {
        let management = bind(wanted).await?;
        management_address = Some(management.local_addr()?);
        let node = node.clone();
        let in_clear = listener::Terms { proxies: Vec::new(), tls: None };
        let handler = move |_peer, request| management::answer(node.clone(), request);
        tasks.push(tokio::spawn(listener::run(management, in_clear, handler, stopped)));
    }
    Ok(Running { address, management: management_address, node, certificates, stop, tasks })
}

/// Plain HTTP is served on loopback, or to a proxy that is named and ends TLS.
fn allow_plain_http(config: &Config) -> anyhow::Result<()> {
    let listen = config.server.listen;
    let named = &config.server.trusted_proxies;
    if config.tls.is_none() && !listen.ip().is_loopback() && named.is_empty() {
        bail!(
            "refusing to serve plain HTTP on {listen}: secrets would cross the network in clear. \
             Name a certificate in tls.cert and its key in tls.key, \
             or listen on a loopback address behind a TLS-terminating proxy on this machine, \
             or name the proxies that terminate TLS in server.trusted_proxies"
        );
    }
    Ok(())
}
