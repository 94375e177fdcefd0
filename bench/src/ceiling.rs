//! The ceilings: the least a server on the same stack (axum, hyper, one tokio thread, mimalloc, aws-lc-rs) must do for
//! the same answer. No storage, no revocation, no audit, no limits: what Grantor adds to this is its price.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;

use crate::target::Target;

mod clients;
mod jws;
mod plain;
mod token;
mod verify;

pub(crate) use clients::{client_id, client_secret};
pub(crate) use jws::Algorithm;

/// Registered clients of a ceiling server.
pub(crate) const CLIENTS: usize = 1000;

/// Which ceiling a process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `/plain` only.
    Plain,
    /// `/oauth/token`, `/introspect` and `/forward-auth` with this signature.
    Signed(Algorithm),
}

impl Kind {
    /// The word on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Signed(Algorithm::Es256) => "es256",
            Self::Signed(Algorithm::EdDsa) => "eddsa",
            Self::Signed(Algorithm::Rs256) => "rs256",
        }
    }
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        let kinds = [Self::Plain].into_iter().chain(Algorithm::ALL.map(Self::Signed));
        match kinds.into_iter().find(|kind| kind.name() == word) {
            Some(kind) => Ok(kind),
            None => bail!("unknown ceiling {word:?}: use plain, es256, eddsa or rs256"),
        }
    }
}

/// Serves one ceiling until the process is ended.
pub(crate) async fn serve(kind: Kind, listen: SocketAddr) -> Result<()> {
    // Also refuses to listen where others could reach it.
    let address = Target::new(listen, "/")?.address();
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let listener = listener.tap_io(|stream| {
        // Without it a ceiling would be a measure of delayed acknowledgements; a socket that refuses is slow, not wrong.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router(kind)?).await?)
}

/// The routes of one ceiling.
pub(crate) fn router(kind: Kind) -> Result<Router> {
    let routes = match kind {
        Kind::Plain => Router::new().route("/plain", get(plain::get).post(plain::post)),
        Kind::Signed(algorithm) => Router::new()
            .route("/oauth/token", post(token::post))
            .route("/introspect", post(verify::introspect))
            .route("/forward-auth", get(verify::forward_auth))
            .with_state(Arc::new(Server::new(algorithm)?)),
    };
    Ok(routes.route("/ready", get(async || "ready")))
}

/// What a signed ceiling holds in memory.
struct Server {
    clients: clients::Clients,
    keys: jws::Keys,
}

impl Server {
    fn new(algorithm: Algorithm) -> Result<Self> {
        Ok(Self { clients: clients::Clients::new(CLIENTS), keys: jws::Keys::generate(algorithm)? })
    }
}

#[cfg(test)]
mod tests;
