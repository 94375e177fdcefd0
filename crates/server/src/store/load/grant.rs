//! Grants and consents.

use grantor_core::env::UnixMillis;
use grantor_core::grant::{Consent, EndReason, Grant, GrantState};
use grantor_core::id::{ApiId, AppId, EnvironmentId, GrantId, TenantId, UserId};
use grantor_core::profile::GrantType;

use super::{corrupt, json};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError, Value};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&GRANT, &GRANT_BY_CODE, &GRANTS_OF_USER, &CONSENTS, &CONSENTS_OF_USER];

/// The columns of a Grant, in the order that [`grant_at`] reads.
macro_rules! grant_columns {
    () => {
        "g.id, g.environment_id, g.app_id, g.tenant_id, g.user_id, g.api_id, g.origin, g.scopes, g.state, g.epoch, \
         g.generation, g.rotated_at, g.nonce, g.ends_at, g.code, g.login, g.created_at, g.ended_reason, g.management"
    };
}
pub(super) use grant_columns;

/// How many there are.
pub(super) const GRANT_COLUMNS: usize = 19;

const GRANT: Sql = Sql {
    name: "grant",
    text: concat!("SELECT ", grant_columns!(), " FROM grants g WHERE g.environment_id = $1 AND g.id = $2"),
};
const GRANT_BY_CODE: Sql = Sql {
    name: "grant_by_code",
    text: concat!(
        "SELECT ",
        grant_columns!(),
        " FROM grants g WHERE g.environment_id = $1 AND g.code_mac = $2"
    ),
};
const GRANTS_OF_USER: Sql = Sql {
    name: "grants_of_user",
    text: concat!(
        "SELECT ",
        grant_columns!(),
        " FROM grants g WHERE g.environment_id = $1 AND g.user_id = $2 AND g.id < $3 ORDER BY g.id DESC LIMIT $4"
    ),
};
// A consent is in the environment of its user and its app, who were loaded there.
const CONSENTS: Sql = Sql {
    name: "consents",
    text: "SELECT user_id, app_id, tenant_id, scopes, granted_at FROM consents \
           WHERE user_id = $1 AND app_id = $2 ORDER BY tenant_id",
};
const CONSENTS_OF_USER: Sql = Sql {
    name: "consents_of_user",
    text: "SELECT c.user_id, c.app_id, c.tenant_id, c.scopes, c.granted_at FROM consents c JOIN users u ON u.id = c.user_id \
           WHERE u.environment_id = $1 AND c.user_id = $2 ORDER BY c.app_id, c.tenant_id",
};

impl Store {
    /// A Grant by its id, ended ones too.
    pub async fn grant(&self, environment: EnvironmentId, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.query_one(&GRANT, vec![environment.bytes().into(), id.number().into()]).await
    }

    /// A Grant by the keyed hash of its code, also after the code was redeemed.
    pub async fn grant_by_code(
        &self,
        environment: EnvironmentId,
        mac: [u8; 32],
    ) -> Result<Option<Grant>, StoreError> {
        self.query_one(&GRANT_BY_CODE, vec![environment.bytes().into(), mac.into()]).await
    }

    /// The Grants of a user that are older than one, newest first, ended ones too as long as they are kept.
    pub async fn grants_of_user(
        &self,
        environment: EnvironmentId,
        user: UserId,
        before: GrantId,
        limit: i64,
    ) -> Result<Vec<Grant>, StoreError> {
        let of: [Value; 2] = [environment.bytes().into(), user.bytes().into()];
        self.query(&GRANTS_OF_USER, [of, [before.number().into(), limit.into()]].concat()).await
    }

    /// What a user has allowed an app, for each tenant.
    pub async fn consents(&self, user: UserId, app: AppId) -> Result<Vec<Consent>, StoreError> {
        self.query(&CONSENTS, vec![user.bytes().into(), app.bytes().into()]).await
    }

    /// Everything that a user has allowed, for every app.
    pub async fn consents_of_user(
        &self,
        environment: EnvironmentId,
        user: UserId,
    ) -> Result<Vec<Consent>, StoreError> {
        self.query(&CONSENTS_OF_USER, vec![environment.bytes().into(), user.bytes().into()]).await
    }
}

/// A Grant whose columns begin at an index.
pub(super) fn grant_at(row: &Row, at: usize) -> Result<Grant, StoreError> {
    let origin = row.text(at + 6)?;
    let origin = GrantType::ALL.into_iter().find(|grant| grant.as_str() == origin);
    let state = GrantState::from_stored(row.text(at + 8)?).ok_or_else(|| corrupt("grants.state"))?;
    let reason = row
        .opt_text(at + 17)?
        .map(|text| EndReason::from_stored(text).ok_or_else(|| corrupt("grants.ended_reason")));
    Ok(Grant {
        id: GrantId::from_number(row.int(at)?),
        environment: EnvironmentId::from_bytes(row.id(at + 1)?),
        app: AppId::from_bytes(row.id(at + 2)?),
        tenant: TenantId::from_bytes(row.id(at + 3)?),
        user: UserId::from_bytes(row.id(at + 4)?),
        api: if row.flag(at + 18)? {
            Some(ApiId::MANAGEMENT)
        } else {
            row.opt_id(at + 5)?.map(ApiId::from_bytes)
        },
        origin: origin.ok_or_else(|| corrupt("grants.origin"))?,
        scopes: json(row.text(at + 7)?, "grants.scopes")?,
        state,
        epoch: row.int(at + 9)?,
        generation: row.int(at + 10)?,
        rotated_at: UnixMillis(row.int(at + 11)?),
        nonce: row.fixed(at + 12)?,
        ends_at: UnixMillis(row.int(at + 13)?),
        code: row.opt_text(at + 14)?.map(|text| json(text, "grants.code")).transpose()?,
        login: json(row.text(at + 15)?, "grants.login")?,
        created_at: UnixMillis(row.int(at + 16)?),
        ended_reason: reason.transpose()?,
    })
}

impl FromRow for Grant {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        grant_at(row, 0)
    }
}

impl FromRow for Consent {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            user: UserId::from_bytes(row.id(0)?),
            app: AppId::from_bytes(row.id(1)?),
            tenant: TenantId::from_bytes(row.id(2)?),
            scopes: json(row.text(3)?, "consents.scopes")?,
            granted_at: UnixMillis(row.int(4)?),
        })
    }
}
