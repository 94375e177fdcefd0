//! API keys, by hash and by id.

use grantor_core::api_key::ApiKey;
use grantor_core::env::UnixMillis;
use grantor_core::id::{ApiKeyId, EnvironmentId, TenantId};
use grantor_core::tenant::Status;

use super::{corrupt, json};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&BY_MAC, &BY_ID, &LIST, &LIST_OF_TENANT];

const BY_MAC: Sql = Sql {
    name: "api_key_by_mac",
    text: "SELECT id, environment_id, tenant_id, name, apis, scopes, status, epoch, last_four, created_at, expires_at, revoked_reason \
           FROM api_keys WHERE environment_id = $1 AND mac = $2",
};
const BY_ID: Sql = Sql {
    name: "api_key_by_id",
    text: "SELECT id, environment_id, tenant_id, name, apis, scopes, status, epoch, last_four, created_at, expires_at, revoked_reason \
           FROM api_keys WHERE environment_id = $1 AND id = $2",
};
const LIST: Sql = Sql {
    name: "api_keys",
    text: "SELECT id, environment_id, tenant_id, name, apis, scopes, status, epoch, last_four, created_at, expires_at, revoked_reason \
           FROM api_keys WHERE environment_id = $1 AND id > $2 ORDER BY id LIMIT $3",
};
const LIST_OF_TENANT: Sql = Sql {
    name: "api_keys_of_tenant",
    text: "SELECT id, environment_id, tenant_id, name, apis, scopes, status, epoch, last_four, created_at, expires_at, revoked_reason \
           FROM api_keys WHERE environment_id = $1 AND id > $2 AND tenant_id = $4 ORDER BY id LIMIT $3",
};

impl Store {
    /// A key by its keyed hash, in its environment.
    pub async fn api_key_by_mac(
        &self,
        environment: EnvironmentId,
        mac: [u8; 32],
    ) -> Result<Option<ApiKey>, StoreError> {
        self.query_one(&BY_MAC, vec![environment.bytes().into(), mac.into()]).await
    }

    /// A key by its id, in its environment.
    pub async fn api_key(
        &self,
        environment: EnvironmentId,
        id: ApiKeyId,
    ) -> Result<Option<ApiKey>, StoreError> {
        self.query_one(&BY_ID, vec![environment.bytes().into(), id.bytes().into()]).await
    }

    /// Keys of all tenants or of one, in order of making, after one.
    pub async fn api_keys(
        &self,
        environment: EnvironmentId,
        tenant: Option<TenantId>,
        after: [u8; 16],
        limit: i64,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let page = vec![environment.bytes().into(), after.into(), limit.into()];
        match tenant {
            None => self.query(&LIST, page).await,
            Some(tenant) => self.query(&LIST_OF_TENANT, [page, vec![tenant.bytes().into()]].concat()).await,
        }
    }
}

impl FromRow for ApiKey {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ApiKeyId::from_bytes(row.id(0)?),
            environment: EnvironmentId::from_bytes(row.id(1)?),
            tenant: TenantId::from_bytes(row.id(2)?),
            name: row.text(3)?.to_owned(),
            apis: json(row.text(4)?, "api_keys.apis")?,
            scopes: json(row.text(5)?, "api_keys.scopes")?,
            status: Status::from_stored(row.text(6)?).ok_or_else(|| corrupt("api_keys.status"))?,
            epoch: row.int(7)?,
            last_four: row.text(8)?.to_owned(),
            created_at: UnixMillis(row.int(9)?),
            expires_at: UnixMillis(row.int(10)?),
            revoked_reason: row.opt_text(11)?.map(str::to_owned),
        })
    }
}
