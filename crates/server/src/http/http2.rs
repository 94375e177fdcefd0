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
use super::places::Place;
use super::respond::Body;
use super::source::Peer;
use super::watched::{Witness, Witnessed, Writes, ticks};

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
    place: Place,
    handler: H,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let seen = Arc::new(Seen { place, frames: Mutex::default() });
    let streams = seen.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        if streams.place.has_too_many_streams() {
            // The handler answers, with the request's id; it looks for this mark first.
            request.extensions_mut().insert(Crowded);
        }
        let answer = handler(peer, request);
        async move { Ok::<_, Infallible>(answer.await) }
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
                    Some(0) if seen.frames().open() == 0 => return,
                    Some(left) if seen.frames().open() == 0 => *left -= 1,
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

/// The mark of a request for which there is no place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowded;

/// The frames of a connection, as its stream sees them.
struct Seen {
    place: Place,
    frames: Mutex<Frames>,
}

impl Seen {
    fn frames(&self) -> MutexGuard<'_, Frames> {
        // Held for a look only; it is never left half-changed.
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows some bytes, and counts the streams that they open and end.
    fn follow<T>(&self, pass: impl FnOnce(&mut Frames) -> T) -> T {
        let mut frames = self.frames();
        let before = frames.open();
        let passed = pass(&mut frames);
        let now = frames.open();
        if now != before {
            self.place.count_streams(before, now);
        }
        passed
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let open = self.frames().open();
        self.place.count_streams(open, 0);
    }
}

impl Witness for Seen {
    fn received(&self, bytes: &[u8]) -> io::Result<()> {
        self.follow(|frames| frames.received(bytes)).map_err(|flood| {
            // Whoever floods chooses how often, so it is no warning.
            tracing::debug!(%flood, "an HTTP/2 connection was dropped");
            io::Error::new(io::ErrorKind::InvalidData, flood)
        })
    }

    fn sent(&self, bytes: &[u8]) {
        self.follow(|frames| frames.sent(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::Connections;
    use super::*;

    /// The preface, and so many heads of requests.
    fn requests(count: u32) -> Vec<u8> {
        let head = |number: u32| [&[0, 0, 0, 1, 5][..], &(2 * number + 1).to_be_bytes()].concat();
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), (0..count).flat_map(head).collect()].concat()
    }

    #[test]
    fn m04_an_address_has_its_share_of_streams_over_all_its_connections_and_gives_it_back() {
        let connections = Arc::new(Connections::default());
        let begin = || {
            let place = Connections::enter(&connections, Some([192, 0, 2, 1].into())).unwrap();
            Seen { place, frames: Mutex::default() }
        };
        let (one, two, three) = (begin(), begin(), begin());
        one.received(&requests(128)).unwrap();
        two.received(&requests(128)).unwrap();
        assert!(!three.place.has_too_many_streams());
        three.received(&requests(1)).unwrap();
        assert!(three.place.has_too_many_streams());
        // One is answered: the last byte of its answer gives its place to another.
        two.sent(&[0, 0, 0, 0, 1, 0, 0, 0, 1]);
        assert!(!three.place.has_too_many_streams());
        three.received(&requests(1)[24..]).unwrap();
        drop(one);
        three.received(&requests(120)[24..]).unwrap();
        assert!(!three.place.has_too_many_streams(), "a connection that ends gives all of them back");
    }
}
