//! Users, and where they belong.

use grantor_core::email::EmailAddress;
use grantor_core::env::UnixMillis;
use grantor_core::id::{EnvironmentId, TenantId, UserId};
use grantor_core::password::PasswordHash;
use grantor_core::user::{Membership, User};

use super::{corrupt, json, parse, status};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&USER, &USER_BY_EMAIL, &USERS, &MEMBERSHIPS, &MEMBERS, &ADMINS];

/// The columns of a user, in the order that [`user_at`] reads.
macro_rules! user_columns {
    () => {
        "u.id, u.environment_id, u.email, u.email_verified_at, u.name, u.password, u.status, u.epoch, u.created_at, u.updated_at"
    };
}
pub(super) use user_columns;

/// How many there are.
pub(super) const USER_COLUMNS: usize = 10;

const USER: Sql = Sql {
    name: "user",
    text: concat!("SELECT ", user_columns!(), " FROM users u WHERE u.environment_id = $1 AND u.id = $2"),
};
const USER_BY_EMAIL: Sql = Sql {
    name: "user_by_email",
    text: concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.environment_id = $1 AND u.email_key = $2"
    ),
};
const USERS: Sql = Sql {
    name: "users",
    text: concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.environment_id = $1 AND u.email_key > $2 ORDER BY u.email_key LIMIT $3"
    ),
};
// What hangs on a user is in the environment of that user, who was loaded there.
const MEMBERSHIPS: Sql = Sql {
    name: "memberships",
    text: "SELECT user_id, tenant_id, roles FROM memberships WHERE user_id = $1 ORDER BY tenant_id",
};
// A tenant spans environments: of its members only those of one are asked for.
const MEMBERS: Sql = Sql {
    name: "members_of",
    text: "SELECT m.user_id, m.tenant_id, m.roles FROM memberships m JOIN users u ON u.id = m.user_id \
           WHERE u.environment_id = $1 AND m.tenant_id = $2 ORDER BY m.user_id",
};
// Whoever answers for a tenant, in one environment. The roles are a list as JSON; each stands there in quotation marks.
const ADMINS: Sql = Sql {
    name: "admin_addresses",
    text: "SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id \
           WHERE u.environment_id = $1 AND m.tenant_id = $2 AND u.status = 'active' AND u.email_verified_at IS NOT NULL \
           AND (m.roles LIKE '%\"owner\"%' OR m.roles LIKE '%\"admin\"%') ORDER BY u.email_key LIMIT $3",
};

impl Store {
    /// A user by id, closed ones too.
    pub async fn user(&self, environment: EnvironmentId, id: UserId) -> Result<Option<User>, StoreError> {
        self.query_one(&USER, vec![environment.bytes().into(), id.bytes().into()]).await
    }

    /// A user by the key of their address (`EmailAddress::key`), closed ones too.
    pub async fn user_by_email(
        &self,
        environment: EnvironmentId,
        key: &str,
    ) -> Result<Option<User>, StoreError> {
        self.query_one(&USER_BY_EMAIL, vec![environment.bytes().into(), key.into()]).await
    }

    /// Users in order of their address' key, after one.
    pub async fn users(
        &self,
        environment: EnvironmentId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<User>, StoreError> {
        self.query(&USERS, vec![environment.bytes().into(), after.into(), limit.into()]).await
    }

    /// Where a user belongs.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        self.query(&MEMBERSHIPS, vec![user.bytes().into()]).await
    }

    /// The verified addresses of a tenant's owners and administrators in one environment, at most so many.
    pub async fn admin_addresses(
        &self,
        environment: EnvironmentId,
        tenant: TenantId,
        limit: i64,
    ) -> Result<Vec<EmailAddress>, StoreError> {
        let params = vec![environment.bytes().into(), tenant.bytes().into(), limit.into()];
        let rows: Vec<Row> = self.query(&ADMINS, params).await?;
        rows.iter().map(|row| parse(row.text(0)?, "users.email")).collect()
    }

    /// Who belongs to a tenant, among the users of one environment.
    pub async fn members_of(
        &self,
        environment: EnvironmentId,
        tenant: TenantId,
    ) -> Result<Vec<Membership>, StoreError> {
        self.query(&MEMBERS, vec![environment.bytes().into(), tenant.bytes().into()]).await
    }
}

/// A user whose columns begin at an index.
pub(super) fn user_at(row: &Row, at: usize) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_bytes(row.id(at)?),
        environment: EnvironmentId::from_bytes(row.id(at + 1)?),
        email: parse(row.text(at + 2)?, "users.email")?,
        email_verified_at: row.opt_int(at + 3)?.map(UnixMillis),
        name: row.opt_text(at + 4)?.map(str::to_owned),
        password: row.opt_text(at + 5)?.map(|phc| PasswordHash::new(phc.to_owned())),
        status: status(row.text(at + 6)?, "users.status")?,
        epoch: row.int(at + 7)?,
        created_at: UnixMillis(row.int(at + 8)?),
        updated_at: UnixMillis(row.int(at + 9)?),
    })
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        user_at(row, 0)
    }
}

impl FromRow for Membership {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let roles: Vec<_> = json(row.text(2)?, "memberships.roles")?;
        if roles.is_empty() {
            return Err(corrupt("memberships.roles"));
        }
        Ok(Self { user: UserId::from_bytes(row.id(0)?), tenant: TenantId::from_bytes(row.id(1)?), roles })
    }
}
