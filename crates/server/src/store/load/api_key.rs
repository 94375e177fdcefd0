//! API keys, by hash and by id.

use grantor_core::access::QuotaClass;
use grantor_core::api_key::ApiKey;
use grantor_core::env::UnixMillis;
use grantor_core::id::{ApiKeyId, EnvironmentId, TenantId};
use grantor_core::tenant::Status;

use super::{corrupt, json};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&BY_MAC, &BY_ID, &LIST, &LAST_SIGNED];

/// The columns of a key, in the order that they are read.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, environment_id, tenant_id, name, apis, scopes, status, epoch, last_four, created_at, expires_at, revoked_reason, addresses, quota, signed_by, replaced_by, revision \
             FROM api_keys WHERE environment_id = $1 AND ",
            $rest
        )
    };
}

const BY_MAC: Sql = Sql { name: "api_key_by_mac", text: select!("mac = $2") };
const BY_ID: Sql = Sql { name: "api_key_by_id", text: select!("id = $2") };
const LIST: Sql = Sql { name: "api_keys", text: select!("id > $2 ORDER BY id LIMIT $3") };
const LAST_SIGNED: Sql = Sql {
    name: "last_signed_api_key_end",
    text: "SELECT COALESCE(MAX(expires_at), 0) FROM api_keys WHERE environment_id = $1 AND signed_by = $2 AND status <> 'closed'",
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

    /// When the last living API key ends that a signing key has signed; 1970 if there is none.
    pub async fn last_signed_api_key_end(
        &self,
        environment: EnvironmentId,
        kid: &str,
    ) -> Result<UnixMillis, StoreError> {
        let row: Option<Row> =
            self.query_one(&LAST_SIGNED, vec![environment.bytes().into(), kid.into()]).await?;
        row.map_or(Ok(UnixMillis(0)), |row| row.int(0).map(UnixMillis))
    }

    /// Keys in order of making, after one.
    pub async fn api_keys(
        &self,
        environment: EnvironmentId,
        after: [u8; 16],
        limit: i64,
    ) -> Result<Vec<ApiKey>, StoreError> {
        self.query(&LIST, vec![environment.bytes().into(), after.into(), limit.into()]).await
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
            addresses: row.opt_text(12)?.map(|text| json(text, "api_keys.addresses")).transpose()?,
            quota: QuotaClass::from_stored(row.text(13)?).ok_or_else(|| corrupt("api_keys.quota"))?,
            signed_by: row.opt_text(14)?.map(str::to_owned),
            replaced_by: row.opt_bytes(15)?.map(|_| row.id(15)).transpose()?.map(ApiKeyId::from_bytes),
            revision: row.int(16)?,
        })
    }
}
