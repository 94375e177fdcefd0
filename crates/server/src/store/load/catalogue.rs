//! What is small and held whole: environments, profiles, APIs, operators, revoked token ids, and the values of `meta`.

use std::sync::Arc;

use grantor_core::api::ScopeDefinition;
use grantor_core::env::UnixMillis;
use grantor_core::environment::{Environment, OnLeak};
use grantor_core::id::{ApiId, EnvironmentId, OperatorId};
use grantor_core::name::Name;
use grantor_core::permission::OperatorRole;
use grantor_core::profile::Profile;
use grantor_core::secret::{SecretHash, Stage};

use super::{corrupt, json, parse};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&ENVIRONMENTS, &PROFILES, &APIS, &OPERATORS, &REVOKED, &META];

const ENVIRONMENTS: Sql = Sql {
    name: "environments",
    text: "SELECT id, name, issuer, stage, scope_prefix, on_leak FROM environments ORDER BY name",
};
const PROFILES: Sql = Sql { name: "profiles", text: "SELECT document FROM profiles ORDER BY name" };
const APIS: Sql = Sql {
    name: "apis",
    text: "SELECT id, environment_id, name, title, audience, scopes, profile, openapi FROM apis ORDER BY environment_id, name",
};
// Whoever has ended is nobody any more; the row keeps the name from being given again.
const OPERATORS: Sql = Sql {
    name: "operators",
    text: "SELECT id, name, pepper, mac, role, created_at FROM operators WHERE ended_at IS NULL ORDER BY name",
};
const REVOKED: Sql = Sql {
    name: "revoked_tokens",
    text: "SELECT environment_id, jti, expires_at FROM revoked_tokens WHERE expires_at > $1",
};
const META: Sql = Sql { name: "meta", text: "SELECT value FROM meta WHERE name = $1" };

/// An API as stored: its profile by name.
#[derive(Debug, Clone)]
pub struct StoredApi {
    /// Its row.
    pub id: ApiId,
    /// Where it stands.
    pub environment: EnvironmentId,
    /// Its name.
    pub name: Name,
    /// Its name for people.
    pub title: String,
    /// Its audience.
    pub audience: String,
    /// Its scopes.
    pub scopes: Vec<ScopeDefinition>,
    /// Its profile's name.
    pub profile: Name,
    /// Its contract.
    pub openapi: Option<Arc<str>>,
}

/// An operator's row.
#[derive(Clone)]
pub struct StoredOperator {
    /// Its id.
    pub id: OperatorId,
    /// Who.
    pub name: String,
    /// The token's keyed hash.
    pub hash: SecretHash,
    /// What for.
    pub role: OperatorRole,
    /// Since when.
    pub created_at: UnixMillis,
}

/// A revoked token id.
#[derive(Debug, Clone)]
pub struct RevokedToken {
    /// Where it was issued.
    pub environment: EnvironmentId,
    /// The id.
    pub jti: String,
    /// Its end, in seconds.
    pub expires_at: i64,
}

impl Store {
    /// Every environment.
    pub async fn environments(&self) -> Result<Vec<Environment>, StoreError> {
        self.query(&ENVIRONMENTS, vec![]).await
    }

    /// Every profile.
    pub async fn profiles(&self) -> Result<Vec<Profile>, StoreError> {
        self.query(&PROFILES, vec![]).await
    }

    /// Every API of every environment, in order of name.
    pub async fn apis(&self) -> Result<Vec<StoredApi>, StoreError> {
        self.query(&APIS, vec![]).await
    }

    /// Every operator who has not ended.
    pub async fn operators(&self) -> Result<Vec<StoredOperator>, StoreError> {
        self.query(&OPERATORS, vec![]).await
    }

    /// The revoked token ids that still matter at this second.
    pub async fn revoked_tokens(&self, now_seconds: i64) -> Result<Vec<RevokedToken>, StoreError> {
        self.query(&REVOKED, vec![now_seconds.into()]).await
    }

    /// A small value of the installation.
    pub async fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let rows: Vec<Row> = self.query(&META, vec![name.into()]).await?;
        rows.first().map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
    }
}

impl FromRow for Environment {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let stage = match row.text(3)? {
            "live" => Stage::Live,
            "test" => Stage::Test,
            _ => return Err(corrupt("environments.stage")),
        };
        Ok(Self {
            id: EnvironmentId::from_bytes(row.id(0)?),
            name: parse(row.text(1)?, "environments.name")?,
            issuer: parse(row.text(2)?, "environments.issuer")?,
            stage,
            scope_prefix: row.text(4)?.to_owned(),
            on_leak: OnLeak::from_stored(row.text(5)?).ok_or_else(|| corrupt("environments.on_leak"))?,
        })
    }
}

impl FromRow for Profile {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        json(row.text(0)?, "profiles.document")
    }
}

impl FromRow for StoredApi {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ApiId::from_bytes(row.id(0)?),
            environment: EnvironmentId::from_bytes(row.id(1)?),
            name: parse(row.text(2)?, "apis.name")?,
            title: row.text(3)?.to_owned(),
            audience: row.text(4)?.to_owned(),
            scopes: json(row.text(5)?, "apis.scopes")?,
            profile: parse(row.text(6)?, "apis.profile")?,
            openapi: row.opt_text(7)?.map(Arc::from),
        })
    }
}

impl FromRow for StoredOperator {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: OperatorId::from_bytes(row.id(0)?),
            name: row.text(1)?.to_owned(),
            hash: SecretHash { pepper: row.int(2)?, mac: row.fixed(3)? },
            role: OperatorRole::from_stored(row.text(4)?).ok_or_else(|| corrupt("operators.role"))?,
            created_at: UnixMillis(row.int(5)?),
        })
    }
}

impl FromRow for RevokedToken {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            environment: EnvironmentId::from_bytes(row.id(0)?),
            jti: row.text(1)?.to_owned(),
            expires_at: row.int(2)?,
        })
    }
}
