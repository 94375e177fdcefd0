//! Where a name leads: every address that it has is judged, and the connection goes to one of those that were.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::may_be_called;
use crate::config::IpNet;

/// Why a name is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// It leads to an address that may not be called.
    #[error("the name leads to an address that may not be called")]
    Forbidden,
    /// It leads nowhere.
    #[error("the name has no address")]
    Unresolved,
}

/// The system's resolver behind the guard. The client asks it once for each connection and nobody else.
pub(super) struct Guarded {
    allowed: Vec<IpNet>,
}

impl Guarded {
    pub(super) fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            // Port 0 stands for the one of the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Refusal::Unresolved)?;
            let judged = judge(found, &allowed)?;
            Ok(Box::new(judged.into_iter()) as Addrs)
        })
    }
}

/// All of the addresses, or none: a name of which one address is inside was not made to be called by us.
pub(super) fn judge(
    found: impl Iterator<Item = SocketAddr>,
    allowed: &[IpNet],
) -> Result<Vec<SocketAddr>, Refusal> {
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        return Err(Refusal::Unresolved);
    }
    match found.iter().all(|address| may_be_called(address.ip(), allowed)) {
        true => Ok(found),
        false => Err(Refusal::Forbidden),
    }
}
