//! What a token request with a code or a refresh token needs, in one round trip: the Grant, its user, its session.

use grantor_core::document::Acceptance;
use grantor_core::grant::Grant;
use grantor_core::id::{EnvironmentId, GrantId};
use grantor_core::session::Session;
use grantor_core::user::User;

use super::document::acceptance_columns;
use super::grant::{GRANT_COLUMNS, grant_at, grant_columns};
use super::session::{session_at, session_columns};
use super::user::{USER_COLUMNS, user_at, user_columns};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&BY_CODE, &BY_GRANT, &ACCEPTED_OF_GRANT];

/// A Grant with what stands behind it, of one moment.
#[derive(Clone)]
pub struct GrantFacts {
    /// The Grant, also an ended one.
    pub grant: Grant,
    /// Its user, also a suspended one.
    pub user: User,
    /// The browser session that it came from, if its row is still there; also an ended one.
    pub session: Option<Session>,
}

macro_rules! select {
    () => {
        concat!(
            "SELECT ",
            grant_columns!(),
            ", ",
            user_columns!(),
            ", ",
            session_columns!(),
            " FROM grants g JOIN users u ON u.id = g.user_id AND u.environment_id = g.environment_id \
              LEFT JOIN sessions s ON s.id = g.session_id AND s.environment_id = g.environment_id "
        )
    };
}

const BY_CODE: Sql =
    Sql { name: "code_facts", text: concat!(select!(), "WHERE g.environment_id = $1 AND g.code_mac = $2") };
const BY_GRANT: Sql =
    Sql { name: "refresh_facts", text: concat!(select!(), "WHERE g.environment_id = $1 AND g.id = $2") };

const ACCEPTED_OF_GRANT: Sql = Sql {
    name: "accepted_of_grant",
    text: concat!(
        "SELECT ",
        acceptance_columns!(),
        " FROM acceptances a JOIN grants g ON g.user_id = a.user_id \
          WHERE g.environment_id = $1 AND g.id = $2 ORDER BY a.document_id, a.tenant, a.version"
    ),
};

impl Store {
    /// What a code stands for, by its keyed hash; also a code that was redeemed.
    pub async fn code_facts(
        &self,
        environment: EnvironmentId,
        mac: [u8; 32],
    ) -> Result<Option<GrantFacts>, StoreError> {
        self.query_one(&BY_CODE, vec![environment.bytes().into(), mac.into()]).await
    }

    /// What a refresh token stands for, by the Grant that it names, and everything that its user has accepted.
    pub async fn refresh_facts(
        &self,
        environment: EnvironmentId,
        id: GrantId,
    ) -> Result<Option<(GrantFacts, Vec<Acceptance>)>, StoreError> {
        let ids = || vec![environment.bytes().into(), id.number().into()];
        let (facts, accepted) = self.query_both((&BY_GRANT, ids()), (&ACCEPTED_OF_GRANT, ids())).await?;
        Ok(facts.into_iter().next().map(|facts| (facts, accepted)))
    }
}

impl FromRow for GrantFacts {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let session = GRANT_COLUMNS + USER_COLUMNS;
        Ok(Self {
            grant: grant_at(row, 0)?,
            user: user_at(row, GRANT_COLUMNS)?,
            // Without a session the outer join gives NULL for its id.
            session: row.opt_id(session)?.map(|_| session_at(row, session)).transpose()?,
        })
    }
}
