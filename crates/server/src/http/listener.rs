//! Accepts connections, serves HTTP/1.1 on them, and ends those that stall.
//!
//! Time on a connection is counted in coarse ticks by one timer per connection, so that a request costs no timer of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::header::CONNECTION;
use ::http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::framing::{Ends, Framing};
use super::respond::Body;
use crate::config::IpNet;

/// Length of a tick.
const TICK: Duration = Duration::from_secs(1);
/// Ticks for a head, from its first byte.
const HEAD_TICKS: u8 = 10;
/// Ticks for a connection without a request.
const IDLE_TICKS: u8 = 60;
/// Ticks for a peer that does not take what we write.
const WRITE_TICKS: u8 = 30;
/// Connections at most, in all and from one address (IPv6: from one /64). Loopback and trusted proxies are not counted by address.
const MAX_CONNECTIONS: usize = 8_192;
const MAX_PER_ADDRESS: usize = 100;

/// Serves connections until `stop` says so, then lets those in flight finish.
pub async fn run<H, F>(
    listener: TcpListener,
    proxies: Vec<IpNet>,
    handler: H,
    mut stop: watch::Receiver<bool>,
) where
    H: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let connections = Arc::new(Connections::default());
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
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let many = peer.ip().is_loopback()
            || proxies.iter().any(|network| network.contains(peer.ip().to_canonical()));
        let counted = if many { None } else { Some(peer.ip()) };
        let Some(place) = Connections::enter(&connections, counted) else {
            continue;
        };
        tokio::spawn(serve(stream, peer, handler.clone(), stop.clone(), place));
    }
    // Those in flight hold a place each. Eight seconds are enough for any answer of ours; supervisors kill after ten.
    for _ in 0..80 {
        if connections.total.load(Ordering::Acquire) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn serve<H, F>(
    stream: TcpStream,
    peer: SocketAddr,
    handler: H,
    mut stop: watch::Receiver<bool>,
    place: Place,
) where
    H: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _place = place;
    let _ = stream.set_nodelay(true);
    let pulse = Arc::new(Pulse::default());
    let watched = Watched { stream, pulse: pulse.clone() };
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
        .serve_connection(TokioIo::new(watched), service);
    let mut connection = std::pin::pin!(connection);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            // Broken and refused connections end here, too; there is nobody to tell.
            _ = connection.as_mut() => return,
            _ = ticks.tick() => {
                // Half a head is no request in flight: it does not hold up the end.
                if pulse.tick_is_too_late() || stopping && pulse.phase.load(Ordering::Relaxed) == HEAD {
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
    peer: SocketAddr,
    mut request: Request<Incoming>,
    pulse: &Pulse,
) -> Response<Body>
where
    H: Fn(SocketAddr, Request<Incoming>) -> F,
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
    writes: AtomicU8,
    write_blocked: AtomicU8,
    framing: Mutex<Framing>,
}

impl Pulse {
    fn tick_is_too_late(&self) -> bool {
        if self.write_blocked.load(Ordering::Relaxed) == 1
            && self.writes.fetch_add(1, Ordering::Relaxed) >= WRITE_TICKS
        {
            return true;
        }
        match self.phase.load(Ordering::Relaxed) {
            IDLE => self.waits.fetch_add(1, Ordering::Relaxed) >= IDLE_TICKS,
            HEAD => self.waits.fetch_add(1, Ordering::Relaxed) >= HEAD_TICKS,
            // Bodies have their own time; a decision takes as long as the store.
            _ => false,
        }
    }

    fn received(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.framing.lock().unwrap_or_else(PoisonError::into_inner).received(bytes);
        if self.phase.compare_exchange(IDLE, HEAD, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.waits.store(0, Ordering::Relaxed);
        }
    }

    fn wrote(&self, blocked: bool) {
        self.write_blocked.store(u8::from(blocked), Ordering::Relaxed);
        if !blocked {
            self.writes.store(0, Ordering::Relaxed);
        }
    }
}

/// A stream that tells its pulse.
struct Watched {
    stream: TcpStream,
    pulse: Arc<Pulse>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(poll, Poll::Ready(Ok(()))) {
            self.pulse.received(&buffer.filled()[before..]);
        }
        poll
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.pulse.wrote(poll.is_pending());
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.pulse.wrote(poll.is_pending());
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// How many connections there are.
#[derive(Default)]
struct Connections {
    total: AtomicUsize,
    by_client: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place; given back when it ends.
struct Place {
    connections: Arc<Connections>,
    client: Option<IpAddr>,
}

impl Connections {
    /// A place for a connection, counted for an address unless that one may have any number.
    ///
    /// Whoever is refused leaves nothing behind. Only the accepting task comes here, so the total does not grow in between.
    fn enter(connections: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        if connections.total.load(Ordering::Acquire) >= MAX_CONNECTIONS {
            return None;
        }
        let client = address.map(client);
        if let Some(client) = client {
            let mut by_client = connections.by_client.lock().unwrap_or_else(PoisonError::into_inner);
            let here = by_client.entry(client).or_insert(0);
            // An entry that was made just now is below every limit, so a refusal makes none.
            if *here >= MAX_PER_ADDRESS {
                return None;
            }
            *here += 1;
        }
        connections.total.fetch_add(1, Ordering::AcqRel);
        Some(Place { connections: connections.clone(), client })
    }
}

/// Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits, because a single host has all of it to itself
/// (RFC 4291 section 2.5.4).
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(client) = self.client {
            let mut by_client = self.connections.by_client.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(here) = by_client.get_mut(&client) {
                *here -= 1;
                if *here == 0 {
                    by_client.remove(&client);
                }
            }
        }
        self.connections.total.fetch_sub(1, Ordering::AcqRel);
    }
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
        pulse.received(b"G");
        let trickled = (0..200).take_while(|_| {
            pulse.received(b"x");
            !pulse.tick_is_too_late()
        });
        assert_eq!(trickled.count(), 10);
    }

    #[test]
    fn m03_reading_nothing_begins_no_head() {
        let pulse = Pulse::default();
        pulse.received(b"");
        assert_eq!(ticks(&pulse), 60);
    }

    #[test]
    fn m03_a_request_in_flight_is_not_ended_by_ticks() {
        let pulse = Pulse::default();
        pulse.phase.store(IN_REQUEST, Ordering::Relaxed);
        assert_eq!(ticks(&pulse), 200);
    }

    #[test]
    fn m03_a_peer_that_takes_nothing_has_half_a_minute_also_in_a_request() {
        for phase in [HEAD, IN_REQUEST] {
            let pulse = Pulse::default();
            pulse.phase.store(phase, Ordering::Relaxed);
            pulse.wrote(true);
            // A head that never ends would end first.
            assert_eq!(ticks(&pulse), if phase == HEAD { 10 } else { 30 });
        }
        let pulse = Pulse::default();
        pulse.phase.store(IN_REQUEST, Ordering::Relaxed);
        pulse.wrote(true);
        (0..29).for_each(|_| assert!(!pulse.tick_is_too_late()));
        pulse.wrote(false);
        assert_eq!(ticks(&pulse), 200, "a peer that takes something has its time again");
    }

    fn clients(connections: &Connections) -> usize {
        connections.by_client.lock().unwrap().len()
    }

    /// As many places as addresses that were let in.
    fn enter_all(
        connections: &Arc<Connections>,
        addresses: impl Iterator<Item = Option<IpAddr>>,
    ) -> Vec<Place> {
        addresses.filter_map(|address| Connections::enter(connections, address)).collect()
    }

    #[test]
    fn one_address_has_its_share_of_connections_and_gives_it_back() {
        let connections = Arc::new(Connections::default());
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        let mut places = enter_all(&connections, std::iter::repeat_n(here, 150));
        assert_eq!(places.len(), 100);
        assert!(Connections::enter(&connections, there).is_some());
        places.pop();
        assert!(Connections::enter(&connections, here).is_some());
        drop(places);
        assert_eq!(connections.total.load(Ordering::Acquire), 0);
        assert_eq!(clients(&connections), 0);
    }

    #[test]
    fn an_ipv6_network_of_64_bits_has_the_share_of_one_address() {
        let connections = Arc::new(Connections::default());
        let network: u128 = 0x2001_0db8_0000_0001 << 64;
        let spread = (0..150_u128).map(|host| Some(Ipv6Addr::from_bits(network | host << 56 | host).into()));
        let places = enter_all(&connections, spread);
        assert_eq!((places.len(), clients(&connections)), (100, 1));
        let neighbour = Ipv6Addr::from_bits(network + (1 << 64)).into();
        assert!(Connections::enter(&connections, Some(neighbour)).is_some());
        drop(places);
        assert_eq!(clients(&connections), 0);
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_counted_as_itself() {
        let connections = Arc::new(Connections::default());
        let mapped = |host| {
            Some("::ffff:192.0.2.0".parse::<Ipv6Addr>().unwrap().to_bits() + host)
                .map(|bits| Ipv6Addr::from_bits(bits).into())
        };
        let _others = enter_all(&connections, (1..=200).map(mapped));
        assert_eq!(clients(&connections), 200, "not one network");
        let plain = Some([192, 0, 2, 1].into());
        assert_eq!(enter_all(&connections, std::iter::repeat_n(plain, 150)).len(), 99);
    }

    #[test]
    fn whoever_is_refused_leaves_nothing_behind() {
        let connections = Arc::new(Connections::default());
        let places = enter_all(&connections, std::iter::repeat_n(None, 9_000));
        assert_eq!((places.len(), clients(&connections)), (8_192, 0));
        let many = (0..1_000_u32).map(|host| Some(std::net::Ipv4Addr::from_bits(host << 8).into()));
        assert_eq!(enter_all(&connections, many).len(), 0);
        assert_eq!(clients(&connections), 0);
        drop(places);
        assert_eq!(connections.total.load(Ordering::Acquire), 0);
    }
}
