//! THE client for everything that the server asks of others because somebody has named an address: one door, guarded.
//!
//! What may be named is judged when it is named (`target.rs`); where a name leads is judged when it is resolved, and the
//! connection goes to the very address that was judged (`resolver.rs`): a name that leads elsewhere a moment later is of no
//! use. No redirect, no proxy, no cookie, no decompression, no second try. Time and length are bounded. What comes back is
//! one of a closed set of outcomes; nobody who asked for a request sees more of its answer.

pub mod address;
mod resolver;
pub mod target;
#[cfg(test)]
mod tests;
mod tls;

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, RequestBuilder};
use rustls::pki_types::CertificateDer;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::config::{PlainHttp, Remote as Rules};
use resolver::{Guarded, Refusal};
pub use target::{Target, TargetError};
pub use tls::RemoteSetupError;

/// From the look-up of the name to the last byte of the answer.
const TOTAL: Duration = Duration::from_secs(5);
/// Of which so much for the look-up and the connection.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest answer, in bytes. Counted as it comes: a length that is announced proves nothing.
pub const LONGEST_ANSWER: usize = 256 * 1024;

/// The guarded client.
pub struct Remote {
    rules: Rules,
    extra_roots: Vec<CertificateDer<'static>>,
    // Made at the first request: most commands make none, and reading the system's certificates takes a while.
    client: OnceCell<Client>,
    patience: Patience,
}

#[derive(Clone, Copy)]
struct Patience {
    total: Duration,
    connect: Duration,
}

/// What came back. For the code that asked, never for whoever named the address.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as it was sent.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// The name leads to an address that may not be called.
    #[error("the host leads to an address that may not be called")]
    Forbidden,
    /// The name leads nowhere.
    #[error("the host has no address")]
    Unresolved,
    /// Nobody takes the connection.
    #[error("nobody takes the connection")]
    Unreachable,
    /// No TLS, or no certificate for this host that leads to an authority that we trust.
    #[error("no TLS with a certificate that is trusted")]
    Tls,
    /// Not all of the answer came in time.
    #[error("no answer in time")]
    Slow,
    /// More than [`LONGEST_ANSWER`].
    #[error("the answer is too long")]
    Long,
    /// The connection broke, or what came was no HTTP.
    #[error("the connection broke, or the answer is no HTTP")]
    Broken,
}

impl Remote {
    /// Prepares a client under these rules. Connects nowhere.
    ///
    /// # Errors
    /// A file of certificates that cannot be used.
    pub fn new(rules: &Rules) -> Result<Self, RemoteSetupError> {
        let extra_roots = tls::extra_roots(rules.extra_roots.as_deref())?;
        let patience = Patience { total: TOTAL, connect: CONNECT };
        Ok(Self { rules: rules.clone(), extra_roots, client: OnceCell::new(), patience })
    }

    /// What may be called, for whoever checks the installation.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// An address that may be called, as far as its text tells.
    ///
    /// # Errors
    /// See [`TargetError`]; in words for the person who wrote it.
    pub fn target(&self, url: &str) -> Result<Target, TargetError> {
        Target::parse(url, &self.rules)
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn get(&self, target: &Target) -> Result<Answer, Failure> {
        self.send(self.client().await?.get(target.url().clone())).await
    }

    /// Sends JSON, with headers beside.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(&'static str, String)],
        json: String,
    ) -> Result<Answer, Failure> {
        let mut request = self.client().await?.post(target.url().clone());
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(json);
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), value);
        }
        self.send(request).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        timeout(self.patience.total, receive(request)).await.unwrap_or(Err(Failure::Slow))
    }

    async fn client(&self) -> Result<&Client, Failure> {
        let made = self.client.get_or_try_init(|| async {
            let extra = self.extra_roots.clone();
            // Files are read.
            let tls = tokio::task::spawn_blocking(move || tls::client_config(extra)).await;
            let tls = tls.map_err(|_| Failure::Tls)?.map_err(|error| {
                tracing::error!(%error, "TLS for requests that leave the server cannot be set up");
                Failure::Tls
            })?;
            let builder = Client::builder()
                .tls_backend_preconfigured(tls)
                .dns_resolver(Guarded::new(self.rules.allow.clone()))
                .https_only(self.rules.plain_http == PlainHttp::Refused)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                // A connection serves one request: nothing of one caller's is there for another one's.
                .pool_max_idle_per_host(0)
                .connect_timeout(self.patience.connect)
                .default_headers([(USER_AGENT, HeaderValue::from_static("Grantor"))].into_iter().collect());
            builder.build().map_err(|error| {
                tracing::error!(%error, "the client for requests that leave the server cannot be made");
                Failure::Tls
            })
        });
        made.await
    }
}

async fn receive(request: RequestBuilder) -> Result<Answer, Failure> {
    let mut response = request.send().await.map_err(|error| told(&error))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| told(&error))? {
        if body.len() + part.len() > LONGEST_ANSWER {
            return Err(Failure::Long);
        }
        body.extend_from_slice(&part);
    }
    Ok(Answer { status, body: body.into() })
}

/// Which failure an error stands for. Its text is dropped: it can hold the address and what the other side wrote.
fn told(error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refusal) = inner.downcast_ref::<Refusal>() {
            return match refusal {
                Refusal::Forbidden => Failure::Forbidden,
                Refusal::Unresolved => Failure::Unresolved,
            };
        }
        if is_tls(inner) {
            return Failure::Tls;
        }
        cause = inner.source();
    }
    match error {
        error if error.is_timeout() => Failure::Slow,
        error if error.is_connect() => Failure::Unreachable,
        _ => Failure::Broken,
    }
}

/// Whether an error is one of TLS. An I/O error that holds another one names that one's cause as its own, so it is opened.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || held.is_some_and(|held| is_tls(held))
}
