//! From where a credential may be used: a list of networks that is never empty. No list is no limit, and says so by its
//! type.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ip_net::IpNet;
use crate::name::NameError;

/// Most networks in one list: each call looks at all of them.
pub const MAX_NETWORKS: usize = 64;

/// Networks, at least one, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct AddressList(Vec<IpNet>);

impl AddressList {
    /// A list of these networks.
    ///
    /// # Errors
    /// The sentence for the person who wrote it: an empty list would open nothing, a very long one costs every call.
    pub fn new(networks: Vec<IpNet>) -> Result<Self, NameError> {
        match networks.len() {
            0 => Err(NameError("an address list names at least one network; leave it out for no limit")),
            1..=MAX_NETWORKS => Ok(Self(networks)),
            _ => Err(NameError("an address list names at most 64 networks")),
        }
    }

    /// Whether an address is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whether each network of this list lies within one network of the other. Two halves beside each other do not count
    /// as their whole: the answer may be a false "no", never a false "yes".
    pub fn is_within(&self, wider: &Self) -> bool {
        self.0.iter().all(|network| wider.0.iter().any(|outer| outer.covers(network)))
    }
}

impl TryFrom<Vec<String>> for AddressList {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, String> {
        let networks = texts.iter().map(|text| text.parse::<IpNet>()).collect::<Result<_, _>>();
        Self::new(networks.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
    }
}

impl From<AddressList> for Vec<String> {
    fn from(list: AddressList) -> Self {
        list.0.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(networks: &[&str]) -> AddressList {
        AddressList::new(networks.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
    }

    #[test]
    fn an_address_is_looked_for_in_every_network_of_its_own_family() {
        let office = list(&["192.0.2.0/24", "2001:db8::/32"]);
        for inside in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1::1"] {
            assert!(office.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["192.0.3.7", "2001:db9::1", "::1", "127.0.0.1"] {
            assert!(!office.contains(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn a_list_is_within_another_if_each_of_its_networks_is() {
        let wide = list(&["10.0.0.0/8", "192.0.2.0/25", "192.0.2.128/25"]);
        assert!(list(&["10.1.0.0/16", "192.0.2.1"]).is_within(&wide) && wide.is_within(&wide));
        assert!(!list(&["10.1.0.0/16", "11.0.0.0/8"]).is_within(&wide), "one is outside");
        assert!(!list(&["0.0.0.0/0"]).is_within(&wide) && !list(&["::/0"]).is_within(&wide));
        assert!(!list(&["192.0.2.0/24"]).is_within(&wide), "two halves are not asked to be a whole");
    }

    #[test]
    fn a_list_is_read_from_texts_and_is_never_empty_or_endless() {
        let read = |json: &str| serde_json::from_str::<AddressList>(json);
        assert_eq!(read(r#"["10.0.0.0/8","::1"]"#).unwrap(), list(&["10.0.0.0/8", "::1/128"]));
        assert!(read("[]").is_err() && read(r#"["10.1.0.0/8"]"#).is_err() && read(r#"[""]"#).is_err());
        let many = vec!["10.0.0.0/8"; MAX_NETWORKS + 1];
        assert!(AddressList::try_from(many.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).is_err());
    }
}
