//! HTTP/1.1 on one connection, and the time it has.
//!
//! Time is counted in coarse ticks by one timer per connection, so that a request costs no timer of its own.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ::http::header::CONNECTION;
use ::http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::framing::{Ends, Framing};
use super::respond::Body;
use super::source::Peer;
use super::watched::{Witness, Witnessed, Writes, ticks};

/// Ticks for a head, from its first byte.
const HEAD_TICKS: u8 = 10;
/// Ticks for a connection without a request.
const IDLE_TICKS: u8 = 60;

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
    let pulse = Arc::new(Pulse::default());
    let service_pulse = pulse.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, pulse) = (handler.clone(), service_pulse.clone());
        async move { Ok::<_, Infallible>(handle(&handler, peer, request, &pulse).await) }
    });
    // No `pipeline_flush`: it keeps an answer back while more bytes wait, and loses it if the connection ends there.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(64)
        .max_buf_size(32 * 1024)
        .serve_connection(TokioIo::new(Witnessed::new(stream, pulse.clone())), service);
    let mut connection = std::pin::pin!(connection);
    let mut ticks = ticks();
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            // Broken and refused connections end here, too; there is nobody to tell.
            _ = connection.as_mut() => return,
            _ = ticks.tick() => {
                let late = writes.tick_is_too_late() || pulse.tick_is_too_late();
                // Half a head is no request in flight: it does not hold up the end.
                if late || stopping && pulse.phase.load(Ordering::Relaxed) == HEAD {
                    return;
                }
            }
            _ = stop.changed(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn handle<H, F>(
    handler: &H,
    peer: Peer,
    mut request: Request<Incoming>,
    pulse: &Pulse,
) -> Response<Body>
where
    H: Fn(Peer, Request<Incoming>) -> F,
    F: Future<Output = Response<Body>>,
{
    let framed = pulse
        .framing
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .request(request.method(), request.headers());
    pulse.phase.store(IN_REQUEST, Ordering::Relaxed);
    if let Err(ambiguous) = framed {
        // The handler answers, with the request's id; it looks for this mark first.
        request.extensions_mut().insert(ambiguous);
    }
    let mut response = handler(peer, request).await;
    if framed != Ok(Ends::Known) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    pulse.waits.store(0, Ordering::Relaxed);
    pulse.phase.store(IDLE, Ordering::Relaxed);
    response
}

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const IN_REQUEST: u8 = 2;

/// What a connection is waiting for, and for how many ticks.
#[derive(Default)]
struct Pulse {
    phase: AtomicU8,
    waits: AtomicU8,
    framing: Mutex<Framing>,
}

impl Pulse {
    fn tick_is_too_late(&self) -> bool {
        match self.phase.load(Ordering::Relaxed) {
            IDLE => self.waits.fetch_add(1, Ordering::Relaxed) >= IDLE_TICKS,
            HEAD => self.waits.fetch_add(1, Ordering::Relaxed) >= HEAD_TICKS,
            // Bodies have their own time; a decision takes as long as the store.
            _ => false,
        }
    }
}

impl Witness for Pulse {
    fn received(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.framing.lock().unwrap_or_else(PoisonError::into_inner).received(bytes);
        if self.phase.compare_exchange(IDLE, HEAD, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.waits.store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    fn sent(&self, _bytes: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks until the connection ends; 200 if it does not.
    fn ticks(pulse: &Pulse) -> usize {
        (0..200).take_while(|_| !pulse.tick_is_too_late()).count()
    }

    #[test]
    fn m03_an_idle_connection_has_a_minute() {
        assert_eq!(ticks(&Pulse::default()), 60);
    }

    #[test]
    fn m03_a_head_has_ten_seconds_from_its_first_byte_and_no_later_byte_prolongs_it() {
        let pulse = Pulse::default();
        (0..50).for_each(|_| assert!(!pulse.tick_is_too_late()));
        pulse.received(b"G").unwrap();
        let trickled = (0..200).take_while(|_| {
            pulse.received(b"x").unwrap();
            !pulse.tick_is_too_late()
        });
        assert_eq!(trickled.count(), 10);
    }

    #[test]
    fn m03_reading_nothing_begins_no_head() {
        let pulse = Pulse::default();
        pulse.received(b"").unwrap();
        assert_eq!(ticks(&pulse), 60);
    }

    #[test]
    fn m03_a_request_in_flight_is_not_ended_by_ticks() {
        let pulse = Pulse::default();
        pulse.phase.store(IN_REQUEST, Ordering::Relaxed);
        assert_eq!(ticks(&pulse), 200);
    }
}
