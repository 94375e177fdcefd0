//! An app with its secret versions.

use grantor_core::app::{App, SecretVersion};
use grantor_core::client_id_choice::Alike;
use grantor_core::env::UnixMillis;
use grantor_core::id::{AppId, EnvironmentId, TenantId};
use grantor_core::name::ClientId;
use grantor_core::profile::ClientAuthMethod;
use grantor_core::secret::SecretHash;
use grantor_core::tenant::Status;

use super::{corrupt, json, parse};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&APP, &APP_BY_ID, &APPS, &ALIKE, &SECRETS];

const APP: Sql = Sql {
    name: "app",
    text: "SELECT id, environment_id, tenant_id, client_id, name, status, epoch, auth_method, grants, apis, scopes, introspects, metadata, exposed_at, created_at \
           FROM apps WHERE environment_id = $1 AND client_id = $2",
};
const APP_BY_ID: Sql = Sql {
    name: "app_by_id",
    text: "SELECT id, environment_id, tenant_id, client_id, name, status, epoch, auth_method, grants, apis, scopes, introspects, metadata, exposed_at, created_at \
           FROM apps WHERE environment_id = $1 AND id = $2",
};
const APPS: Sql = Sql {
    name: "apps",
    text: "SELECT id, environment_id, tenant_id, client_id, name, status, epoch, auth_method, grants, apis, scopes, introspects, metadata, exposed_at, created_at \
           FROM apps WHERE environment_id = $1 AND client_id > $2 ORDER BY client_id LIMIT $3",
};
const ALIKE: Sql = Sql {
    name: "app_alike",
    text: "SELECT client_id, status, created_at FROM apps WHERE environment_id = $1 AND skeleton = $2",
};
const SECRETS: Sql = Sql {
    name: "app_secrets",
    text: "SELECT s.version, s.pepper, s.mac, s.last_four, s.not_before, s.expires_at, s.ended_at, s.created_at, s.end_set_by, s.end_before \
           FROM app_secrets s JOIN apps a ON a.id = s.app_id WHERE a.environment_id = $1 AND s.app_id = $2 ORDER BY s.version",
};

impl Store {
    /// An app with its secret versions, closed ones too.
    pub async fn app(
        &self,
        environment: EnvironmentId,
        client_id: &ClientId,
    ) -> Result<Option<App>, StoreError> {
        let found: Option<App> =
            self.query_one(&APP, vec![environment.bytes().into(), client_id.as_str().into()]).await?;
        let Some(mut app) = found else { return Ok(None) };
        app.secrets = self.query(&SECRETS, vec![environment.bytes().into(), app.id.bytes().into()]).await?;
        Ok(Some(app))
    }

    /// An app by its row, closed ones too; without its secrets.
    pub async fn app_by_id(&self, environment: EnvironmentId, id: AppId) -> Result<Option<App>, StoreError> {
        self.query_one(&APP_BY_ID, vec![environment.bytes().into(), id.bytes().into()]).await
    }

    /// The app whose client id looks like this one, closed ones too: there is at most one in an environment.
    pub async fn app_alike(
        &self,
        environment: EnvironmentId,
        client_id: &ClientId,
    ) -> Result<Option<Alike>, StoreError> {
        self.query_one(&ALIKE, vec![environment.bytes().into(), client_id.skeleton().into()]).await
    }

    /// Apps in order of client id, after one; without their secrets.
    pub async fn apps(
        &self,
        environment: EnvironmentId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<App>, StoreError> {
        self.query(&APPS, vec![environment.bytes().into(), after.into(), limit.into()]).await
    }
}

impl FromRow for App {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let auth_method = match row.opt_text(7)? {
            None => None,
            Some(text) => Some(
                [
                    ClientAuthMethod::ClientSecretBasic,
                    ClientAuthMethod::ClientSecretPost,
                    ClientAuthMethod::None,
                ]
                .into_iter()
                .find(|method| method.as_str() == text)
                .ok_or_else(|| corrupt("apps.auth_method"))?,
            ),
        };
        Ok(Self {
            id: AppId::from_bytes(row.id(0)?),
            environment: EnvironmentId::from_bytes(row.id(1)?),
            tenant: TenantId::from_bytes(row.id(2)?),
            client_id: parse(row.text(3)?, "apps.client_id")?,
            name: row.text(4)?.to_owned(),
            status: Status::from_stored(row.text(5)?).ok_or_else(|| corrupt("apps.status"))?,
            epoch: row.int(6)?,
            auth_method,
            grants: json(row.text(8)?, "apps.grants")?,
            apis: json(row.text(9)?, "apps.apis")?,
            scopes: json(row.text(10)?, "apps.scopes")?,
            introspects: json(row.text(11)?, "apps.introspects")?,
            metadata: json(row.text(12)?, "apps.metadata")?,
            secrets: Vec::new(),
            exposed_at: row.opt_int(13)?.map(UnixMillis),
            created_at: UnixMillis(row.int(14)?),
        })
    }
}

impl FromRow for Alike {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            client_id: parse(row.text(0)?, "apps.client_id")?,
            status: Status::from_stored(row.text(1)?).ok_or_else(|| corrupt("apps.status"))?,
            created_at: UnixMillis(row.int(2)?),
        })
    }
}

impl FromRow for SecretVersion {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            version: row.int(0)?,
            hash: SecretHash { pepper: row.int(1)?, mac: row.fixed(2)? },
            last_four: row.text(3)?.to_owned(),
            not_before: UnixMillis(row.int(4)?),
            expires_at: row.opt_int(5)?.map(UnixMillis),
            ended_at: row.opt_int(6)?.map(UnixMillis),
            created_at: UnixMillis(row.int(7)?),
            end_set_by: row.opt_int(8)?,
            end_before: row.opt_int(9)?.map(UnixMillis),
        })
    }
}
