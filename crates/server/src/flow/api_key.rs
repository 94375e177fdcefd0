//! API keys: made, suspended, resumed, revoked with a reason.

use grantor_core::api::Api;
use grantor_core::api_key::{ApiKey, NewKey, terms};
use grantor_core::decision::{AuditEvent, StatusChange, Write};
use grantor_core::error::Denial;
use grantor_core::gate::Terms;
use grantor_core::id::ApiKeyId;
use grantor_core::lifetime::Lifetime;
use grantor_core::permission::Maker;
use grantor_core::scope::ScopeSet;
use grantor_core::secret::{CredentialType, Secret};
use grantor_core::tenant::{Status, Tenant};

use super::tenant::Switch;
use super::{Fault, FlowError};
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node};

/// What a new key shall be.
pub struct KeyRequest<'a> {
    /// A name for people.
    pub name: String,
    /// The APIs that it opens.
    pub apis: Vec<&'a Api>,
    /// Its scopes; `None` takes all that the tenant's access allows.
    pub scopes: Option<ScopeSet>,
    /// Its life; `None` takes the profile's.
    pub lifetime: Option<Lifetime>,
}

/// Makes a key. The key itself is returned once.
///
/// # Errors
/// What the gates refuse.
pub async fn create(
    node: &Node,
    actor: &Actor,
    maker: Maker<'_>,
    (state, tenant): (&EnvironmentState, &Tenant),
    request: KeyRequest<'_>,
) -> Result<(Secret, ApiKey), FlowError> {
    let accesses = node.store.accesses(tenant.id).await?;
    let accepted = node.store.tenant_acceptances(tenant.id).await?;
    let catalogue = node.catalogue_full();
    let standing = Terms { documents: &catalogue.documents, accepted: &accepted, now: node.now() };
    let new = NewKey { apis: &request.apis, scopes: request.scopes.as_ref(), lifetime: request.lifetime };
    let agreed = terms(&new, maker, (tenant, &accesses), &standing)?;
    let (secret, key) = node.decide(|env| {
        let secret = Secret::generate(&node.brand, CredentialType::ApiKey, state.environment.stage, env);
        let key = ApiKey {
            id: ApiKeyId::generate(env),
            environment: state.environment.id,
            tenant: tenant.id,
            name: request.name,
            apis: request.apis.iter().map(|api| api.id).collect(),
            scopes: agreed.scopes,
            status: Status::Active,
            epoch: 0,
            last_four: secret.last_four().to_owned(),
            created_at: env.now,
            expires_at: env.now.plus_seconds(agreed.lifetime.seconds()),
            revoked_reason: None,
        };
        Ok::<_, Denial>((secret, key))
    })?;
    let hash = state.keys.peppers.hash(CredentialType::ApiKey, secret.reveal());
    let event = AuditEvent::new("key.create", key.id.to_string())
        .of_tenant(key.tenant)
        .detail("tenant", tenant.name.as_str());
    node.commit(
        &actor.within(state.environment.id),
        vec![Write::InsertApiKey(key.clone(), hash)],
        vec![event],
    )
    .await?;
    Ok((secret, key))
}

/// Suspends or resumes a key. A revoked key is neither.
///
/// # Errors
/// [`Fault::Conflict`] for a revoked key, or if somebody else was quicker.
pub async fn switch(node: &Node, actor: &Actor, key: &ApiKey, switch: Switch) -> Result<(), Fault> {
    let (from, to) = switch.states();
    if key.status == to {
        return Ok(());
    }
    let action = match switch {
        Switch::Suspend => "key.suspend",
        Switch::Resume => "key.resume",
    };
    let change = StatusChange { id: key.id, from, to };
    node.commit(
        &actor.within(key.environment),
        vec![Write::SetApiKeyStatus(change, None)],
        vec![AuditEvent::new(action, key.id.to_string()).of_tenant(key.tenant).change("status", from, to)],
    )
    .await
}

/// Revokes a key for good, with a reason. A key that is revoked already stays as it is.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn revoke(node: &Node, actor: &Actor, key: &ApiKey, reason: String) -> Result<(), Fault> {
    if key.status == Status::Closed {
        return Ok(());
    }
    let change = StatusChange { id: key.id, from: key.status, to: Status::Closed };
    let event = AuditEvent::new("key.revoke", key.id.to_string())
        .of_tenant(key.tenant)
        .detail("reason", reason.as_str())
        .change("status", change.from, change.to);
    node.commit(
        &actor.within(key.environment),
        vec![Write::SetApiKeyStatus(change, Some(reason))],
        vec![event],
    )
    .await
}
