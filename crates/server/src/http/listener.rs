//! Accepts connections, speaks TLS on them if there is a certificate, and hands them to HTTP/1.1 or HTTP/2.
//!
//! HTTP/2 is spoken where TLS has agreed on it (RFC 9113 section 3.2, ALPN). In clear it is not: no browser speaks it so, and a
//! proxy before us that passes an upgrade on would lose sight of the requests behind it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::places::{Connections, Place};
use super::respond::Body;
use super::source::{Link, Peer};
use super::watched::{Taken, Writes};
use super::{http1, http2};
use crate::config::IpNet;
use crate::tls::HTTP_2;

/// Longest time until TLS is agreed on.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Whom a listener serves, and how.
pub struct Terms {
    /// Networks whose connections are not counted by address: proxies.
    pub proxies: Vec<IpNet>,
    /// How TLS is spoken; `None` for none.
    pub tls: Option<Arc<ServerConfig>>,
}

/// Serves connections until `stop` says so, then lets those in flight finish.
pub async fn run<H, F>(listener: TcpListener, terms: Terms, handler: H, mut stop: watch::Receiver<bool>)
where
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let connections = Arc::new(Connections::default());
    let acceptor = terms.tls.map(TlsAcceptor::from);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: wait for some to be given back instead of spinning.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let many = peer.ip().is_loopback()
            || terms.proxies.iter().any(|network| network.contains(peer.ip().to_canonical()));
        let counted = if many { None } else { Some(peer.ip()) };
        let Some(place) = Connections::enter(&connections, counted) else {
            continue;
        };
        let (handler, stop) = (handler.clone(), stop.clone());
        match acceptor.clone() {
            None => tokio::spawn(in_clear(stream, peer, handler, stop, place)),
            Some(acceptor) => tokio::spawn(over_tls(acceptor, stream, peer, handler, stop, place)),
        };
    }
    // Those in flight hold a place each. Eight seconds are enough for any answer of ours; supervisors kill after ten.
    for _ in 0..80 {
        if connections.is_empty() {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn in_clear<H, F>(
    stream: TcpStream,
    address: SocketAddr,
    handler: H,
    stop: watch::Receiver<bool>,
    place: Place,
) where
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _place = place;
    let _ = stream.set_nodelay(true);
    let writes = Arc::new(Writes::default());
    let stream = Taken::new(stream, writes.clone());
    http1::serve(stream, &writes, Peer { address, link: Link::Clear }, handler, stop).await;
}

async fn over_tls<H, F>(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
    handler: H,
    mut stop: watch::Receiver<bool>,
    place: Place,
) where
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let writes = Arc::new(Writes::default());
    // Boxed: the state of a handshake is large, and gone when the first request comes.
    let agreeing = Box::pin(timeout(HANDSHAKE, acceptor.accept(Taken::new(stream, writes.clone()))));
    let stream = tokio::select! {
        agreed = agreeing => match agreed {
            Ok(Ok(stream)) => stream,
            // Scanners and old clients cause these at will, so they are no warnings.
            Ok(Err(error)) => return tracing::debug!(%address, %error, "no TLS was agreed on"),
            Err(_) => return tracing::debug!(%address, "no TLS was agreed on in time"),
        },
        _ = stop.changed() => return,
    };
    let peer = Peer { address, link: Link::Tls };
    if stream.get_ref().1.alpn_protocol() == Some(HTTP_2) {
        http2::serve(stream, &writes, peer, place, handler, stop).await;
    } else {
        let _place = place;
        http1::serve(stream, &writes, peer, handler, stop).await;
    }
}
