//! Browser sessions, by the hash of their cookie and by id.

use grantor_core::env::UnixMillis;
use grantor_core::id::{EnvironmentId, SessionId, UserId};
use grantor_core::session::Session;

use super::json;
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&BY_MAC, &BY_ID];

/// The columns of a session, in the order that [`session_at`] reads.
macro_rules! session_columns {
    () => {
        "s.id, s.environment_id, s.user_id, s.user_epoch, s.sid, s.auth_time, s.amr, s.seen_at, s.ends_at, s.ended_at"
    };
}
pub(super) use session_columns;

const BY_MAC: Sql = Sql {
    name: "session_by_mac",
    text: concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s WHERE s.environment_id = $1 AND s.mac = $2"
    ),
};
const BY_ID: Sql = Sql {
    name: "session_by_id",
    text: concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s WHERE s.environment_id = $1 AND s.id = $2"
    ),
};

impl Store {
    /// A session by the keyed hash of its cookie, ended ones too: whether it counts is decided elsewhere.
    pub async fn session_by_mac(
        &self,
        environment: EnvironmentId,
        mac: [u8; 32],
    ) -> Result<Option<Session>, StoreError> {
        self.query_one(&BY_MAC, vec![environment.bytes().into(), mac.into()]).await
    }

    /// A session by its id, ended ones too.
    pub async fn session(
        &self,
        environment: EnvironmentId,
        id: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        self.query_one(&BY_ID, vec![environment.bytes().into(), id.bytes().into()]).await
    }
}

/// A session whose columns begin at an index.
pub(super) fn session_at(row: &Row, at: usize) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId::from_bytes(row.id(at)?),
        environment: EnvironmentId::from_bytes(row.id(at + 1)?),
        user: UserId::from_bytes(row.id(at + 2)?),
        epoch: row.int(at + 3)?,
        sid: row.text(at + 4)?.to_owned(),
        auth_time: UnixMillis(row.int(at + 5)?),
        amr: json(row.text(at + 6)?, "sessions.amr")?,
        seen_at: UnixMillis(row.int(at + 7)?),
        ends_at: UnixMillis(row.int(at + 8)?),
        ended_at: row.opt_int(at + 9)?.map(UnixMillis),
    })
}

impl FromRow for Session {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        session_at(row, 0)
    }
}
