//! Where a request comes from: the peer, or what a trusted proxy says. Nobody else is believed.

use std::net::{IpAddr, SocketAddr};

use ::http::HeaderMap;

use crate::config::IpNet;

/// The other end of a connection, as the socket knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address and port.
    pub address: SocketAddr,
    /// How it speaks to us.
    pub link: Link,
}

/// Whether anybody between us and the peer can read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// In clear.
    Clear,
    /// Over TLS that ends here.
    Tls,
}

/// The origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address: for limits, logs and audit.
    pub address: IpAddr,
    /// Whether the peer is a trusted proxy.
    pub through_proxy: bool,
    /// Whether the request came over plain HTTP from elsewhere than this machine.
    pub is_plain: bool,
}

/// Finds the origin. `None` where a trusted proxy sends something that is no address: not knowing is not "local".
pub fn origin(peer: Peer, headers: &HeaderMap, proxies: &[IpNet]) -> Option<Origin> {
    let Peer { address, link } = peer;
    let peer = address.ip().to_canonical();
    // This machine's own traffic is seen by nobody.
    let is_open = link == Link::Clear && !peer.is_loopback();
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    if !trusted(peer) {
        return Some(Origin { address: peer, through_proxy: false, is_plain: is_open });
    }
    Some(Origin {
        address: rightmost_untrusted(peer, headers, &trusted)?,
        through_proxy: true,
        is_plain: is_plain(headers).unwrap_or(is_open),
    })
}

/// The address nearest to us that is not one of our proxies. What stands left of it, anybody could have written.
fn rightmost_untrusted(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut nearest = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        for part in value.to_str().ok()?.rsplit(',') {
            let part = part.trim();
            let address = part
                .parse::<IpAddr>()
                .or_else(|_| part.parse::<SocketAddr>().map(|address| address.ip()))
                .ok()?;
            nearest = address.to_canonical();
            if !trusted(nearest) {
                return Some(nearest);
            }
        }
    }
    Some(nearest)
}

/// What the proxy nearest to us says of the scheme; `None` if it is silent, so that only its own connection is known.
fn is_plain(headers: &HeaderMap) -> Option<bool> {
    let value = headers.get_all("x-forwarded-proto").iter().next_back()?;
    let last = value.to_str().ok().and_then(|text| text.rsplit(',').next()).map(str::trim);
    Some(!last.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn over(link: Link, peer: &str, pairs: &[(&'static str, &str)]) -> Option<Origin> {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
        let address = SocketAddr::new(peer.parse().unwrap(), 4711);
        origin(Peer { address, link }, &headers(pairs), &proxies)
    }

    fn of(peer: &str, pairs: &[(&'static str, &str)]) -> Option<Origin> {
        over(Link::Clear, peer, pairs)
    }

    #[test]
    fn l05_an_untrusted_peer_is_itself_whatever_it_claims() {
        let origin =
            of("203.0.113.9", &[("x-forwarded-for", "10.1.1.1"), ("x-forwarded-proto", "https")]).unwrap();
        assert_eq!(origin.address.to_string(), "203.0.113.9");
        assert!(!origin.through_proxy && origin.is_plain);
    }

    #[test]
    fn l05_the_rightmost_untrusted_address_counts() {
        let address =
            |value| of("10.0.0.1", &[("x-forwarded-for", value)]).map(|origin| origin.address.to_string());
        assert_eq!(address("1.1.1.1, 203.0.113.9, 10.2.2.2").as_deref(), Some("203.0.113.9"));
        assert_eq!(address("10.3.3.3").as_deref(), Some("10.3.3.3"));
        assert_eq!(address("203.0.113.9:4711").as_deref(), Some("203.0.113.9"));
        assert_eq!(address("nonsense"), None);
        assert_eq!(address("203.0.113.9, nonsense"), None);
    }

    #[test]
    fn l05_several_header_lines_are_one_list() {
        let origin =
            of("10.0.0.1", &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")]).unwrap();
        assert_eq!(origin.address.to_string(), "203.0.113.9");
    }

    #[test]
    fn the_scheme_is_the_nearest_proxys_word() {
        let plain = |peer, pairs: &[(&'static str, &str)]| of(peer, pairs).unwrap().is_plain;
        assert!(!plain("10.0.0.1", &[("x-forwarded-proto", "https")]));
        assert!(plain("10.0.0.1", &[("x-forwarded-proto", "http")]));
        assert!(plain("10.0.0.1", &[("x-forwarded-proto", "https, http")]));
        assert!(plain("10.0.0.1", &[]), "silence of a proxy elsewhere");
        assert!(!plain("127.0.0.1", &[]), "this machine");
        assert!(plain("127.0.0.1", &[("x-forwarded-proto", "http")]));
    }

    #[test]
    fn over_tls_a_stranger_is_not_plain_and_his_headers_change_nothing() {
        for proto in ["http", "https", "nonsense"] {
            let pairs =
                [("x-forwarded-proto", proto), ("x-forwarded-for", "10.1.1.1"), ("forwarded", "proto=http")];
            let origin = over(Link::Tls, "203.0.113.9", &pairs).unwrap();
            assert_eq!(origin.address.to_string(), "203.0.113.9");
            assert!(!origin.through_proxy && !origin.is_plain, "{proto}");
        }
    }

    #[test]
    fn over_tls_a_proxy_is_believed_if_it_says_that_its_client_came_in_clear() {
        let plain = |pairs: &[(&'static str, &str)]| over(Link::Tls, "10.0.0.1", pairs).unwrap().is_plain;
        assert!(plain(&[("x-forwarded-proto", "http")]));
        assert!(!plain(&[("x-forwarded-proto", "https")]));
        assert!(!plain(&[]), "silence: the connection itself is over TLS");
    }
}
