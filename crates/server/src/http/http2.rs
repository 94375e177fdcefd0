//! HTTP/2 on one connection (RFC 9113), and the limits that it has.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::frames::{Frames, MAX_STREAMS, Standing};
use super::listener::ticks;
use super::respond::Body;
use super::source::Peer;
use super::watched::{Witness, Witnessed, Writes};

/// Longest head, decoded, in bytes; for each field 32 more than it has (RFC 9113 section 6.5.2).
const MAX_HEAD: u32 = 16 * 1024;
/// What one stream, and all of them together, may send before we have read it: the longest form, and four of them.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// What is kept of one answer that its peer does not take.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a peer may give up before we have looked at them.
const UNSEEN_RESETS: usize = 20;
/// Streams that we end because of what the peer sent on them (CVE-2025-8671).
const PROVOKED_RESETS: usize = 128;
/// A peer that is gone without a word is asked after so long, and has so long for its answer.
const PING_AFTER: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(20);
/// Ticks for a peer to take leave, once no stream is open.
const FAREWELL_TICKS: u8 = 2;

/// Serves one connection until it ends or is ended.
pub(super) async fn serve<S, H, F>(
    stream: S,
    writes: &Writes,
    peer: Peer,
    handler: H,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let seen = Arc::new(Seen::default());
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(handler(peer, request).await) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(PROVOKED_RESETS)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PONG_WITHIN)
        .serve_connection(TokioIo::new(Witnessed::new(stream, seen.clone())), service);
    let mut connection = std::pin::pin!(connection);
    let mut ticks = ticks();
    // Ticks that are left after we have said that no new stream is taken.
    let mut leaving: Option<u8> = None;
    loop {
        tokio::select! {
            biased;
            // Broken and refused connections end here, too; there is nobody to tell.
            _ = connection.as_mut() => return,
            _ = ticks.tick() => {
                let standing = seen.frames().tick();
                if writes.tick_is_too_late() || standing == Standing::TooLate {
                    return;
                }
                match &mut leaving {
                    None if standing == Standing::Idle => {
                        leaving = Some(FAREWELL_TICKS);
                        connection.as_mut().graceful_shutdown();
                    }
                    Some(0) if seen.frames().is_quiet() => return,
                    Some(left) if seen.frames().is_quiet() => *left -= 1,
                    _ => {}
                }
            }
            _ = stop.changed(), if leaving.is_none() => {
                leaving = Some(FAREWELL_TICKS);
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The frames of a connection, as its stream sees them.
#[derive(Default)]
struct Seen(Mutex<Frames>);

impl Seen {
    fn frames(&self) -> MutexGuard<'_, Frames> {
        // Held for a look only; it is never left half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Witness for Seen {
    fn received(&self, bytes: &[u8]) -> io::Result<()> {
        self.frames().received(bytes).map_err(|flood| {
            // Whoever floods chooses how often, so it is no warning.
            tracing::debug!(%flood, "an HTTP/2 connection was dropped");
            io::Error::new(io::ErrorKind::InvalidData, flood)
        })
    }

    fn sent(&self, bytes: &[u8]) {
        self.frames().sent(bytes);
    }
}
