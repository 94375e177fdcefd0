//! The ceilings: the least a server on the same stack (axum, hyper, one tokio thread, mimalloc, aws-lc-rs) must do for
//! the same answer. No revocation, no audit, no limits, and storage only where the answer must be durable: what Grantor
//! adds to this is its price.

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;

use crate::target::Target;

mod clients;
mod jws;
mod ledger;
mod password;
mod plain;
mod token;
mod user;
mod verify;

pub(crate) use clients::{client_id, client_secret};
pub(crate) use jws::Algorithm;
pub(crate) use password::PASSWORD;
pub(crate) use user::VERIFIER;

/// Registered clients of a ceiling server.
pub(crate) const CLIENTS: usize = 1000;

/// Which ceiling a process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `/plain` only.
    Plain,
    /// `/oauth/token`, `/introspect` and `/forward-auth` with this signature.
    Signed(Algorithm),
    /// `/code` and `/oauth/token` for codes and refresh tokens: ES256, each answer durable.
    Durable,
    /// `/oauth/token` for passwords: ES256, one argon2id hash each.
    Password,
}

impl Kind {
    /// The word on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Signed(Algorithm::Es256) => "es256",
            Self::Signed(Algorithm::EdDsa) => "eddsa",
            Self::Signed(Algorithm::Rs256) => "rs256",
            Self::Durable => "durable",
            Self::Password => "password",
        }
    }
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        let kinds =
            [Self::Plain, Self::Durable, Self::Password].into_iter().chain(Algorithm::ALL.map(Self::Signed));
        match kinds.into_iter().find(|kind| kind.name() == word) {
            Some(kind) => Ok(kind),
            None => bail!("unknown ceiling {word:?}: use plain, es256, eddsa, rs256, durable or password"),
        }
    }
}

/// Serves one ceiling until the process is ended. What is durable goes into `folder`.
pub(crate) async fn serve(kind: Kind, listen: SocketAddr, folder: &Path) -> Result<()> {
    // Also refuses to listen where others could reach it.
    let address = Target::new(listen, "/")?.address();
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let listener = listener.tap_io(|stream| {
        // Without it a ceiling would be a measure of delayed acknowledgements; a socket that refuses is slow, not wrong.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router(kind, folder)?).await?)
}

/// The routes of one ceiling.
pub(crate) fn router(kind: Kind, folder: &Path) -> Result<Router> {
    let routes = match kind {
        Kind::Plain => Router::new().route("/plain", get(plain::get).post(plain::post)),
        Kind::Signed(algorithm) => Router::new()
            .route("/oauth/token", post(token::post))
            .route("/introspect", post(verify::introspect))
            .route("/forward-auth", get(verify::forward_auth))
            .with_state(Arc::new(Server::new(algorithm)?)),
        Kind::Durable => {
            let ledger = ledger::Ledger::open(&folder.join("ceiling.db"))?;
            let keeper = user::Keeper::new(Server::new(Algorithm::Es256)?, ledger).context("no key")?;
            Router::new()
                .route("/code", get(user::code))
                .route("/oauth/token", post(user::post))
                .with_state(Arc::new(keeper))
        }
        Kind::Password => {
            let door = password::Doorkeeper::new(Server::new(Algorithm::Es256)?)?;
            Router::new().route("/oauth/token", post(password::post)).with_state(Arc::new(door))
        }
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
