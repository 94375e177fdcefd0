//! Where a request comes from: the peer, or what a trusted proxy says. Nobody else is believed.

use std::net::{IpAddr, SocketAddr};

use ::http::HeaderMap;

use crate::config::IpNet;

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
pub fn origin(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Option<Origin> {
    let peer = peer.to_canonical();
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    if !trusted(peer) {
        return Some(Origin { address: peer, through_proxy: false, is_plain: !peer.is_loopback() });
    }
    Some(Origin {
        address: rightmost_untrusted(peer, headers, &trusted)?,
        through_proxy: true,
        is_plain: is_plain(peer, headers),
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

/// What the proxy nearest to us says of the scheme. Silence is plain, but from this machine itself.
fn is_plain(peer: IpAddr, headers: &HeaderMap) -> bool {
    match headers.get_all("x-forwarded-proto").iter().next_back() {
        None => !peer.is_loopback(),
        Some(value) => {
            let last = value.to_str().ok().and_then(|text| text.rsplit(',').next()).map(str::trim);
            !last.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
        }
    }
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

    fn of(peer: &str, pairs: &[(&'static str, &str)]) -> Option<Origin> {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
        origin(peer.parse().unwrap(), &headers(pairs), &proxies)
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
}
