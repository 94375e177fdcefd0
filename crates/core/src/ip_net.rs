//! Which addresses belong to a network: for trusted proxies, and for the addresses that an API key is used from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network in CIDR notation (RFC 4632, RFC 4291 2.3), for example `10.0.0.0/8` or `2001:db8::/32`.
///
/// An IPv4 address that arrives as `::ffff:a.b.c.d` (RFC 4291 2.5.5.2), as on a dual-stack socket, is the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpNet {
    network: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IpNetError {
    /// The part before the slash is no address.
    #[error("{0:?} is no IP address; write for example 10.0.0.0/8")]
    Address(String),
    /// The part after the slash is no prefix length of this family.
    #[error("{0:?} is no prefix length; an IPv4 network has 0 to 32, an IPv6 network 0 to 128")]
    Prefix(String),
    /// The address names a host inside the network: it is unclear which of the two was meant.
    #[error("{0} has bits behind the prefix; write {1} for the network or {2} for the one address")]
    HostBits(String, IpNet, IpNet),
}

impl IpNet {
    /// Whether the address is in this network. IPv4-mapped IPv6 addresses count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => mask_v4(address, self.prefix) == network,
            (IpAddr::V6(network), IpAddr::V6(address)) => mask_v6(address, self.prefix) == network,
            _ => false,
        }
    }

    /// Whether every address of the other network is in this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.network)
    }
}

impl FromStr for IpNet {
    type Err = IpNetError;

    fn from_str(text: &str) -> Result<Self, IpNetError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| IpNetError::Address(address.to_owned()))?;
        let longest = width(written);
        let prefix =
            prefix.map_or(Some(longest), |digits| digits.parse().ok()).filter(|prefix| *prefix <= longest);
        let prefix = prefix
            .ok_or_else(|| IpNetError::Prefix(text.split_once('/').map_or("", |(_, p)| p).to_owned()))?;
        // `::ffff:10.0.0.0/104` is 10.0.0.0/8: `contains` compares IPv4 with IPv4 only.
        let (address, prefix) = match written.to_canonical() {
            IpAddr::V4(v4) if written.is_ipv6() && prefix >= 96 => (IpAddr::V4(v4), prefix - 96),
            _ => (written, prefix),
        };
        let network = mask(address, prefix);
        if network == address {
            Ok(Self { network, prefix })
        } else {
            let host = Self { network: address, prefix: width(address) };
            Err(IpNetError::HostBits(text.to_owned(), Self { network, prefix }, host))
        }
    }
}

impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4(mask_v4(v4, prefix)),
        IpAddr::V6(v6) => IpAddr::V6(mask_v6(v6, prefix)),
    }
}

// A shift by the whole width overflows, which is what prefix 0 asks for: no bit is compared.
fn mask_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn mask_v6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(net: &str, address: &str) -> bool {
        net.parse::<IpNet>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn the_first_and_last_address_are_inside_and_their_neighbours_are_not() {
        assert!(contains("10.0.0.0/8", "10.0.0.0") && contains("10.0.0.0/8", "10.255.255.255"));
        assert!(!contains("10.0.0.0/8", "9.255.255.255") && !contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("192.0.2.128/25", "192.0.2.128") && !contains("192.0.2.128/25", "192.0.2.127"));
        assert!(
            contains("2001:db8::/33", "2001:db8:7fff::1") && !contains("2001:db8::/33", "2001:db8:8000::1")
        );
    }

    #[test]
    fn prefix_zero_holds_the_whole_family_and_only_that() {
        assert!(contains("0.0.0.0/0", "255.1.2.3") && contains("::/0", "2001:db8::1"));
        assert!(!contains("::/0", "10.0.0.1") && !contains("0.0.0.0/0", "::1"));
    }

    #[test]
    fn a_v4_mapped_address_is_the_v4_address_on_both_sides() {
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!contains("10.0.0.0/8", "::ffff:11.1.2.3"));
        assert!(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!contains("::ffff:10.0.0.0/104", "11.1.2.3"));
        assert_eq!("::ffff:10.0.0.0/104".parse::<IpNet>().unwrap().to_string(), "10.0.0.0/8");
    }

    #[test]
    fn an_address_without_prefix_is_that_address_alone() {
        assert!(contains("127.0.0.1", "127.0.0.1") && !contains("127.0.0.1", "127.0.0.2"));
        assert_eq!("::1".parse::<IpNet>().unwrap().to_string(), "::1/128");
    }

    #[test]
    fn host_bits_wrong_prefixes_and_wrong_addresses_are_refused() {
        let error = "10.1.2.3/8".parse::<IpNet>().unwrap_err().to_string();
        assert!(error.contains("10.0.0.0/8") && error.contains("10.1.2.3/32"), "{error}");
        for bad in ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "", "proxy.example/8"] {
            assert!(bad.parse::<IpNet>().is_err(), "{bad:?}");
        }
    }
}
