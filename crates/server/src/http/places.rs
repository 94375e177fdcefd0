//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections at most, in all and from one address (IPv6: from one /64). Loopback and trusted proxies are not counted by address.
const MAX_CONNECTIONS: usize = 8_192;
const MAX_PER_ADDRESS: usize = 100;

/// How many connections there are.
#[derive(Default)]
pub(super) struct Connections {
    total: AtomicUsize,
    by_client: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place; given back when it ends.
pub(super) struct Place {
    connections: Arc<Connections>,
    client: Option<IpAddr>,
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
