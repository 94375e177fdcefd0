//! Which addresses are public: the only ones that may be called unless the operator says otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::IpNet;

/// Networks of IPv4 that are not public, or lead somewhere else (RFC 6890 and the IANA registry of special addresses).
const NOT_PUBLIC_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8), // this network; 0.0.0.0 reaches the machine itself
    (Ipv4Addr::new(10, 0, 0, 0), 8), // private (RFC 1918)
    (Ipv4Addr::new(100, 64, 0, 0), 10), // shared by carriers (RFC 6598)
    (Ipv4Addr::new(127, 0, 0, 0), 8), // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // the host of a virtual machine, at one provider of clouds
    (Ipv4Addr::new(169, 254, 0, 0), 16), // link-local (RFC 3927); the metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12), // private
    (Ipv4Addr::new(192, 0, 0, 0), 24), // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24), // documentation (RFC 5737)
    (Ipv4Addr::new(192, 88, 99, 0), 24), // relays of 6to4 (RFC 7526)
    (Ipv4Addr::new(192, 168, 0, 0), 16), // private
    (Ipv4Addr::new(198, 18, 0, 0), 15), // benchmarks (RFC 2544)
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24), // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4), // multicast (RFC 5771)
    (Ipv4Addr::new(240, 0, 0, 0), 4), // reserved, and broadcast
];

/// What IPv6 has of public addresses (RFC 4291 2.4). Loopback, link-local, site-local, unique local (RFC 4193), multicast and
/// the IPv4-compatible ones stand outside.
const PUBLIC_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What stands inside and leads elsewhere all the same.
const NOT_PUBLIC_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo with an IPv4 address inside
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation (RFC 3849)
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, with an IPv4 address inside (RFC 7526)
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation (RFC 9637)
];

/// What a translator on the way turns into the IPv4 address in its last 32 bits (RFC 6052 2.1).
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether an address may be called: it is public, or in one of the networks that the operator has named.
pub fn may_be_called(address: IpAddr, allowed: &[IpNet]) -> bool {
    // An IPv4-mapped address (RFC 4291 2.5.5.2) is the IPv4 address.
    let address = match address.to_canonical() {
        IpAddr::V6(v6) if within_v6(v6, NAT64) => IpAddr::V4(Ipv4Addr::from_bits(last_32_bits(v6))),
        other => other,
    };
    allowed.iter().any(|network| network.contains(address)) || is_public(address)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !NOT_PUBLIC_V4.iter().any(|network| within_v4(v4, *network)),
        IpAddr::V6(v6) => {
            within_v6(v6, PUBLIC_V6) && !NOT_PUBLIC_V6.iter().any(|network| within_v6(v6, *network))
        }
    }
}

fn within_v4(address: Ipv4Addr, (network, prefix): (Ipv4Addr, u8)) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= u32::from(prefix)
}

fn within_v6(address: Ipv6Addr, (network, prefix): (Ipv6Addr, u8)) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= u32::from(prefix)
}

fn last_32_bits(address: Ipv6Addr) -> u32 {
    let [.., a, b, c, d] = address.octets();
    u32::from_be_bytes([a, b, c, d])
}
