//! A tenant with its accesses.

use grantor_core::access::{Access, AccessStatus, QuotaClass};
use grantor_core::id::{ApiId, TenantId};
use grantor_core::lifetime::Lifetime;
use grantor_core::name::Name;
use grantor_core::tenant::{Status, Tenant};

use super::{corrupt, json, parse};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&TENANT, &TENANT_BY_NAME, &TENANTS, &ACCESSES, &ALL_ACCESSES];

const TENANT: Sql =
    Sql { name: "tenant", text: "SELECT id, name, title, status, epoch FROM tenants WHERE id = $1" };
const TENANT_BY_NAME: Sql = Sql {
    name: "tenant_by_name",
    text: "SELECT id, name, title, status, epoch FROM tenants WHERE name = $1",
};
const TENANTS: Sql = Sql {
    name: "tenants",
    text: "SELECT id, name, title, status, epoch FROM tenants WHERE name > $1 ORDER BY name LIMIT $2",
};
// A tenant spans environments, and so do its accesses; the API of each names its environment.
const ACCESSES: Sql = Sql {
    name: "accesses",
    text: "SELECT tenant_id, api_id, status, epoch, scopes, client_token_lifetime, user_token_lifetime, quota, contract \
           FROM accesses WHERE tenant_id = $1 ORDER BY api_id",
};
const ALL_ACCESSES: Sql = Sql {
    name: "all_accesses",
    text: "SELECT a.tenant_id, a.api_id, a.status, a.epoch, a.scopes, a.client_token_lifetime, a.user_token_lifetime, a.quota, a.contract \
           FROM accesses a JOIN apis p ON p.id = a.api_id WHERE p.environment_id = $1 ORDER BY a.tenant_id, a.api_id LIMIT $2",
};

impl Store {
    /// A tenant by its GUID.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.query_one(&TENANT, vec![id.bytes().into()]).await
    }

    /// A tenant by its short name.
    pub async fn tenant_by_name(&self, name: &Name) -> Result<Option<Tenant>, StoreError> {
        self.query_one(&TENANT_BY_NAME, vec![name.as_str().into()]).await
    }

    /// Tenants in order of name, after one.
    pub async fn tenants(&self, after: &str, limit: i64) -> Result<Vec<Tenant>, StoreError> {
        self.query(&TENANTS, vec![after.into(), limit.into()]).await
    }

    /// All accesses of a tenant.
    pub async fn accesses(&self, tenant: TenantId) -> Result<Vec<Access>, StoreError> {
        self.query(&ACCESSES, vec![tenant.bytes().into()]).await
    }

    /// The accesses of all tenants in an environment.
    pub async fn all_accesses(
        &self,
        environment: grantor_core::id::EnvironmentId,
        limit: i64,
    ) -> Result<Vec<Access>, StoreError> {
        self.query(&ALL_ACCESSES, vec![environment.bytes().into(), limit.into()]).await
    }
}

impl FromRow for Tenant {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: TenantId::from_bytes(row.id(0)?),
            name: parse(row.text(1)?, "tenants.name")?,
            title: row.text(2)?.to_owned(),
            status: Status::from_stored(row.text(3)?).ok_or_else(|| corrupt("tenants.status"))?,
            epoch: row.int(4)?,
        })
    }
}

impl FromRow for Access {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let lifetime = |seconds: Option<i64>| match seconds {
            None => Ok(None),
            Some(seconds) => {
                Lifetime::from_seconds(seconds).map(Some).ok_or_else(|| corrupt("accesses.lifetime"))
            }
        };
        Ok(Self {
            tenant: TenantId::from_bytes(row.id(0)?),
            api: ApiId::from_bytes(row.id(1)?),
            status: AccessStatus::from_stored(row.text(2)?).ok_or_else(|| corrupt("accesses.status"))?,
            epoch: row.int(3)?,
            scopes: json(row.text(4)?, "accesses.scopes")?,
            client_token_lifetime: lifetime(row.opt_int(5)?)?,
            user_token_lifetime: lifetime(row.opt_int(6)?)?,
            quota: QuotaClass::from_stored(row.text(7)?).ok_or_else(|| corrupt("accesses.quota"))?,
            contract: row.opt_text(8)?.map(|text| json(text, "accesses.contract")).transpose()?,
        })
    }
}
