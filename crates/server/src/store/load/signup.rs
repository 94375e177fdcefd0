//! Sign-ups, by the hash of their mail link.

use grantor_core::env::UnixMillis;
use grantor_core::id::{EnvironmentId, SignupId};
use grantor_core::password::PasswordHash;
use grantor_core::signup::Signup;

use super::{parse, secret_hash};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&BY_LINK];

const BY_LINK: Sql = Sql {
    name: "signup_by_link",
    text: "SELECT id, environment_id, link_pepper, link_mac, browser_pepper, browser_mac, email, name, password, created_at, expires_at \
           FROM signups WHERE environment_id = $1 AND link_mac = $2",
};

impl Store {
    /// A sign-up by the keyed hash of its link, late ones too.
    pub async fn signup_by_link(
        &self,
        environment: EnvironmentId,
        mac: [u8; 32],
    ) -> Result<Option<Signup>, StoreError> {
        self.query_one(&BY_LINK, vec![environment.bytes().into(), mac.into()]).await
    }
}

impl FromRow for Signup {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: SignupId::from_bytes(row.id(0)?),
            environment: EnvironmentId::from_bytes(row.id(1)?),
            link: secret_hash(row, 2)?,
            browser: secret_hash(row, 4)?,
            email: parse(row.text(6)?, "signups.email")?,
            name: row.opt_text(7)?.map(str::to_owned),
            password: PasswordHash::new(row.text(8)?.to_owned()),
            created_at: UnixMillis(row.int(9)?),
            expires_at: UnixMillis(row.int(10)?),
        })
    }
}
