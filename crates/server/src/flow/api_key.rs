//! API keys: made, suspended, resumed, revoked with a reason.

use grantor_core::api::Api;
use grantor_core::api_key::{ApiKey, NewKey, terms};
use grantor_core::decision::{AuditEvent, StatusChange, Write};
use grantor_core::error::Denial;
use grantor_core::id::ApiKeyId;
use grantor_core::lifetime::Lifetime;
use grantor_core::scope::ScopeSet;
use grantor_core::secret::{CredentialType, Secret};
use grantor_core::tenant::{Status, Tenant};

use super::notice::Deed;
use super::tenant::{Order, Switch};
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
    state: &EnvironmentState,
    tenant: &Tenant,
    request: KeyRequest<'_>,
) -> Result<(Secret, ApiKey), FlowError> {
    let accesses = node.store.accesses(tenant.id).await?;
    let new = NewKey { apis: &request.apis, scopes: request.scopes.as_ref(), lifetime: request.lifetime };
    let agreed = terms(&new, tenant, &accesses)?;
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
    let event = AuditEvent::new("key.create", key.id.to_string()).detail("tenant", tenant.name.as_str());
    node.commit(
        &actor.within(state.environment.id),
        vec![Write::InsertApiKey(key.clone(), hash)],
        vec![event],
    )
    .await?;
    Ok((secret, key))
}

/// Suspends, resumes or closes (which is: revokes) a key, and tells those who answer for it. What is revoked stays so; being
/// there already is no error and no write.
///
/// # Errors
/// [`Fault::Conflict`] for a revoked key, or if somebody else was quicker.
pub async fn switch(node: &Node, actor: &Actor, key: &ApiKey, order: &Order) -> Result<(), Fault> {
    let (from, to) = order.switch.states(key.status);
    if key.status == to {
        return Ok(());
    }
    let action = match order.switch {
        Switch::Suspend => "key.suspend",
        Switch::Resume => "key.resume",
        Switch::Close => "key.revoke",
    };
    let change = StatusChange { id: key.id, from, to };
    let why = order.why.as_ref().filter(|_| to == Status::Closed).map(ToString::to_string);
    let mut deed = Deed::of(order, key.tenant, key.environment, format!("the API key {}", key.id));
    if to == Status::Closed {
        deed.past = "revoked";
    }
    let mut writes = vec![Write::SetApiKeyStatus(change, why)];
    writes.extend(deed.notices(node).await?);
    let event = order.reason(AuditEvent::new(action, key.id.to_string()));
    node.commit(&actor.within(key.environment), writes, vec![event]).await?;
    node.wake_mail();
    Ok(())
}
