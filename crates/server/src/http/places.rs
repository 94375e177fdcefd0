//! How many connections there may be, and how many requests at once over those that carry many: in all, and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections at most, in all and from one address (IPv6: from one /64). Loopback and trusted proxies are not counted by address.
const MAX_CONNECTIONS: usize = 8_192;
const MAX_PER_ADDRESS: usize = 100;
/// Streams of HTTP/2 at most, in the same manner: as many requests in all as there are connections, so that whatever a request
/// may hold is held no more often than over HTTP/1.1.
const MAX_STREAMS: usize = MAX_CONNECTIONS;
const MAX_STREAMS_PER_ADDRESS: usize = 256;

/// How many connections there are.
#[derive(Default)]
pub(super) struct Connections {
    total: AtomicUsize,
    streams: AtomicUsize,
    by_client: Mutex<HashMap<IpAddr, Client>>,
}

/// What one client has.
#[derive(Default)]
struct Client {
    connections: usize,
    streams: Arc<AtomicUsize>,
}

/// One connection's place; given back when it ends.
pub(super) struct Place {
    connections: Arc<Connections>,
    client: Option<(IpAddr, Arc<AtomicUsize>)>,
}

impl Connections {
    /// Whether all places are free.
    pub(super) fn is_empty(&self) -> bool {
        self.total.load(Ordering::Acquire) == 0
    }

    /// A place for a connection, counted for an address unless that one may have any number.
    ///
    /// Whoever is refused leaves nothing behind. Only the accepting task comes here, so the total does not grow in between.
    pub(super) fn enter(connections: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        if connections.total.load(Ordering::Acquire) >= MAX_CONNECTIONS {
            return None;
        }
        let mut client = None;
        if let Some(address) = address.map(counted_as) {
            let mut by_client = connections.by_client.lock().unwrap_or_else(PoisonError::into_inner);
            let here = by_client.entry(address).or_default();
            // An entry that was made just now is below every limit, so a refusal makes none.
            if here.connections >= MAX_PER_ADDRESS {
                return None;
            }
            here.connections += 1;
            client = Some((address, here.streams.clone()));
        }
        connections.total.fetch_add(1, Ordering::AcqRel);
        Some(Place { connections: connections.clone(), client })
    }
}

/// Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits, because a single host has all of it to itself
/// (RFC 4291 section 2.5.4).
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

impl Place {
    /// Notes that this connection has `now` streams where it had `before`.
    pub(super) fn count_streams(&self, before: usize, now: usize) {
        let counters = [Some(&self.connections.streams), self.client.as_ref().map(|(_, streams)| &**streams)];
        for counter in counters.into_iter().flatten() {
            if now > before {
                counter.fetch_add(now - before, Ordering::AcqRel);
            } else {
                counter.fetch_sub(before - now, Ordering::AcqRel);
            }
        }
    }

    /// Whether there are more streams than may be, here or in all.
    pub(super) fn has_too_many_streams(&self) -> bool {
        let here = self.client.as_ref().map_or(0, |(_, streams)| streams.load(Ordering::Acquire));
        here > MAX_STREAMS_PER_ADDRESS || self.connections.streams.load(Ordering::Acquire) > MAX_STREAMS
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((address, _)) = self.client {
            let mut by_client = self.connections.by_client.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(here) = by_client.get_mut(&address) {
                here.connections -= 1;
                if here.connections == 0 {
                    by_client.remove(&address);
                }
            }
        }
        self.connections.total.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn m04_streams_are_counted_over_all_connections_of_an_address() {
        let connections = Arc::new(Connections::default());
        let enter = |host: u8| Connections::enter(&connections, Some([192, 0, 2, host].into())).unwrap();
        let (one, two, other) = (enter(1), enter(1), enter(2));
        one.count_streams(0, 128);
        two.count_streams(0, 128);
        assert!(!one.has_too_many_streams() && !two.has_too_many_streams());
        two.count_streams(128, 129);
        assert!(one.has_too_many_streams() && two.has_too_many_streams() && !other.has_too_many_streams());
        one.count_streams(128, 127);
        assert!(!one.has_too_many_streams() && !two.has_too_many_streams());
        // Whoever is not counted by address is counted in all.
        let proxy = Connections::enter(&connections, None).unwrap();
        proxy.count_streams(0, 8_192 - 256);
        assert!(!proxy.has_too_many_streams() && !other.has_too_many_streams());
        proxy.count_streams(8_192 - 256, 8_192 - 255);
        assert!(proxy.has_too_many_streams() && other.has_too_many_streams());
    }
}
