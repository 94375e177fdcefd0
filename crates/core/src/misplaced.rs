//! The right credential in the wrong environment: who is told of it. The answer on the wire is that of any bad credential.

use std::net::IpAddr;

use crate::env::UnixMillis;
use crate::id::EnvironmentId;
use crate::request_log::{Owned, Subject};

/// That a genuine credential of one environment was presented in another. One row a day for each pair of environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// To whom.
    pub subject: Subject,
    /// Where the credential came.
    pub presented_in: EnvironmentId,
    /// Where it belongs.
    pub belongs_to: EnvironmentId,
    /// When.
    pub at: UnixMillis,
    /// From where.
    pub address: IpAddr,
}

/// The stored name of this kind of notice.
pub const WRONG_ENVIRONMENT: &str = "wrong_environment";

/// Days that a notice is kept.
pub const NOTICES_KEPT_DAYS: i64 = 90;

/// Who reads of it: always the owner of the credential, and the app that was named where it came, if both belong to the same
/// tenant. A client id means nothing across environments, so an equal name of a stranger's app tells the stranger nothing.
pub fn told(owner: Owned, named: Option<Owned>) -> impl Iterator<Item = Subject> {
    let same = named.filter(|named| named.tenant == owner.tenant && named.subject != owner.subject);
    [Some(owner.subject), same.map(|named| named.subject)].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ApiKeyId, AppId, TenantId};

    fn owned(id: u8, tenant: u8) -> Owned {
        let subject = Subject::App(AppId::from_bytes([id; 16]));
        Owned { subject, tenant: TenantId::from_bytes([tenant; 16]) }
    }

    fn ids(owner: Owned, named: Option<Owned>) -> Vec<Subject> {
        told(owner, named).collect()
    }

    #[test]
    fn s004_14_the_owner_is_told_and_a_stranger_with_the_same_client_id_is_not() {
        let (mine, mine_here, strangers) = (owned(1, 1), owned(2, 1), owned(3, 2));
        assert_eq!(ids(mine, None), [mine.subject]);
        assert_eq!(ids(mine, Some(mine_here)), [mine.subject, mine_here.subject]);
        assert_eq!(ids(mine, Some(strangers)), [mine.subject]);
    }

    #[test]
    fn a_key_has_its_own_reader() {
        let key = Owned { subject: Subject::Key(ApiKeyId::from_bytes([9; 16])), ..owned(1, 1) };
        assert_eq!(ids(key, None), [key.subject]);
    }
}
