//! API keys: made, rotated, narrowed, suspended, resumed, revoked with a reason.

use grantor_core::access::QuotaClass;
use grantor_core::address_list::AddressList;
use grantor_core::api::Api;
use grantor_core::api_key::{ApiKey, KeyTerms, NewKey, terms};
use grantor_core::api_key_change::{self, Holder, Narrowed, Narrowing, Rotation};
use grantor_core::api_key_jwt;
use grantor_core::credential_write::CredentialWrite;
use grantor_core::decision::{AuditEvent, StatusChange, Write};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::gate::Terms;
use grantor_core::id::ApiKeyId;
use grantor_core::lifetime::Lifetime;
use grantor_core::outbox::MailKind;
use grantor_core::permission::Maker;
use grantor_core::reminder;
use grantor_core::scope::ScopeSet;
use grantor_core::secret::{CredentialType, Secret};
use grantor_core::tenant::{Status, Tenant};
use grantor_jose::{Algorithm, SignError, Type};

use super::deed::Deed;
use super::notice::{login_page, moment, to_admins, values};
use super::order::{Order, Switch};
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
    /// From where it may be used; `None` is from everywhere.
    pub addresses: Option<AddressList>,
    /// How many calls it may make.
    pub quota: QuotaClass,
}

/// Makes a key, and tells the tenant's administrators. The key itself is returned once.
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
    let allowed = Narrowed {
        apis: request.apis.iter().map(|api| api.id).collect(),
        scopes: agreed.scopes.clone(),
        addresses: request.addresses,
        quota: request.quota,
        expires_at: node.now().plus_seconds(agreed.lifetime.seconds()),
    };
    let (secret, key) = mint(node, state, (tenant, named(request.name)?), allowed, &agreed)?;
    let mut writes = vec![insert(state, &secret, &key)];
    writes.extend(tell(node, state, tenant, &key, "was made").await?);
    let event = AuditEvent::new("key.create", key.id.to_string())
        .of_tenant(key.tenant)
        .detail("tenant", tenant.name.as_str());
    node.commit(&actor.within(state.environment.id), writes, vec![event]).await?;
    node.wake_mail();
    Ok((secret, key))
}

/// A name for people, as it stands in lists and mails.
fn named(name: String) -> Result<String, Denial> {
    if name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "A key's name has at most 200 characters and no control characters.",
        ));
    }
    Ok(name)
}

/// The key itself and its row, as agreed: a random string, or a JWT that the environment signs.
fn mint(
    node: &Node,
    state: &EnvironmentState,
    (tenant, name): (&Tenant, String),
    allowed: Narrowed,
    agreed: &KeyTerms,
) -> Result<(Secret, ApiKey), FlowError> {
    let (random, mut key) = node.decide(|env| {
        let random = Secret::generate(&node.brand, CredentialType::ApiKey, state.environment.stage, env);
        let key = ApiKey {
            id: ApiKeyId::generate(env),
            environment: state.environment.id,
            tenant: tenant.id,
            name,
            apis: allowed.apis,
            scopes: allowed.scopes,
            status: Status::Active,
            epoch: 0,
            last_four: String::new(),
            created_at: env.now,
            expires_at: allowed.expires_at,
            revoked_reason: None,
            addresses: allowed.addresses,
            quota: allowed.quota,
            signed_by: None,
            replaced_by: None,
            revision: 0,
        };
        (random, key)
    });
    let secret = match agreed.signed {
        None => random,
        Some(algorithm) => sign(state, &mut key, algorithm)?,
    };
    key.last_four = secret.last_four().to_owned();
    Ok((secret, key))
}

fn sign(state: &EnvironmentState, key: &mut ApiKey, algorithm: Algorithm) -> Result<Secret, FlowError> {
    let signer = state.keys.signer(algorithm).ok_or(Fault::Internal)?;
    key.signed_by = Some(signer.kid().to_owned());
    let apis = own_apis(state, key);
    let claims = api_key_jwt::draft(key, &state.environment, &apis);
    let payload = serde_json::to_vec(&claims).map_err(|_| Fault::Internal)?;
    match signer.sign(Type::ApiKey, &payload) {
        Ok(token) => Ok(Secret::presented(token)),
        Err(SignError::TooLong) => Err(Denial::hinted(
            OAuthError::InvalidScope,
            Reason::FieldTooLong,
            "A signed key of so many scopes would be too long. Ask for fewer.",
        )
        .into()),
        Err(SignError::Failed) => Err(Fault::Internal.into()),
    }
}

/// The APIs of a key, as they are now.
pub fn own_apis<'a>(state: &'a EnvironmentState, key: &ApiKey) -> Vec<&'a Api> {
    key.apis.iter().filter_map(|id| state.api_by_id(*id)).map(AsRef::as_ref).collect()
}

fn insert(state: &EnvironmentState, secret: &Secret, key: &ApiKey) -> Write {
    let hash = state.keys.peppers.hash(CredentialType::ApiKey, secret.reveal());
    Write::InsertApiKey(key.clone(), hash)
}

/// Rotates a key: a successor with the same or narrower terms, beside which the old one works until the overlap is over.
///
/// # Errors
/// What the gates refuse; [`Fault::Conflict`] if the key was changed meanwhile.
pub async fn rotate(
    node: &Node,
    actor: &Actor,
    maker: Maker<'_>,
    (state, tenant, old): (&EnvironmentState, &Tenant, &ApiKey),
    rotation: Rotation<'_>,
) -> Result<(Secret, ApiKey), FlowError> {
    let accesses = node.store.accesses(tenant.id).await?;
    let accepted = node.store.tenant_acceptances(tenant.id).await?;
    let catalogue = node.catalogue_full();
    let standing = Terms { documents: &catalogue.documents, accepted: &accepted, now: node.now() };
    let holder = Holder { maker, tenant, accesses: &accesses, terms: &standing };
    let now = node.now();
    let rotated = api_key_change::rotate(old, &rotation, &own_apis(state, old), &holder, now)?;
    let (secret, new) = mint(node, state, (tenant, old.name.clone()), rotated.successor, &rotated.terms)?;
    let ends_at = rotated.old_ends_at;
    let mut writes = vec![
        insert(state, &secret, &new),
        Write::Credential(CredentialWrite::ReplaceApiKey {
            id: old.id,
            from: old.revision,
            by: new.id,
            at: ends_at,
            remind_at: reminder::next_after(now, Some(ends_at)),
        }),
    ];
    let how = format!("takes the place of (...{}), which works until {}", old.last_four, moment(ends_at));
    writes.extend(tell(node, state, tenant, &new, &how).await?);
    let event = AuditEvent::new("key.rotate", old.id.to_string())
        .of_tenant(old.tenant)
        .detail("tenant", tenant.name.as_str())
        .detail("successor", new.id.to_string())
        .detail("old_ends_at", moment(ends_at));
    node.commit(&actor.within(state.environment.id), writes, vec![event]).await?;
    node.wake_mail();
    Ok((secret, new))
}

/// Narrows a key. Nothing to narrow is no write.
///
/// # Errors
/// What would widen it; [`Fault::Conflict`] if the key was changed meanwhile.
pub async fn narrow(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    key: &ApiKey,
    wanted: &Narrowing<'_>,
) -> Result<(), FlowError> {
    let now = node.now();
    let to = api_key_change::narrow(key, wanted, &own_apis(state, key), now)?;
    let is = Narrowed {
        apis: key.apis.clone(),
        scopes: key.scopes.clone(),
        addresses: key.addresses.clone(),
        quota: key.quota,
        expires_at: key.expires_at,
    };
    if to == is {
        return Ok(());
    }
    let scopes: Vec<&str> = to.scopes.iter().map(|scope| scope.as_str()).collect();
    let event = AuditEvent::new("key.narrow", key.id.to_string())
        .of_tenant(key.tenant)
        .detail("scopes", scopes)
        .detail("apis", to.apis.iter().map(ToString::to_string).collect::<Vec<_>>())
        .detail("addresses", to.addresses.clone().map(Vec::<String>::from))
        .detail("quota", to.quota.as_str())
        .detail("expires_at", moment(to.expires_at));
    let remind_at = reminder::next_after(now, Some(to.expires_at));
    let write = CredentialWrite::NarrowApiKey { id: key.id, from: key.revision, to: Box::new(to), remind_at };
    Ok(node.commit(&actor.within(key.environment), vec![Write::Credential(write)], vec![event]).await?)
}

/// The mails about a new key.
async fn tell(
    node: &Node,
    state: &EnvironmentState,
    tenant: &Tenant,
    key: &ApiKey,
    how: &str,
) -> Result<Vec<Write>, Fault> {
    let told = values([
        ("credential", in_words(&key.name, &key.last_four)),
        ("tenant", tenant.title.clone()),
        ("how", how.to_owned()),
        ("when", moment(key.created_at)),
        ("login", login_page(state)),
    ]);
    to_admins(node, tenant.id, state.environment.id, MailKind::CredentialChanged, told).await
}

/// A key in words: never the key itself.
pub fn in_words(name: &str, last_four: &str) -> String {
    if name.is_empty() {
        format!("API key (...{last_four})")
    } else {
        format!("API key {name} (...{last_four})")
    }
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
    let event = AuditEvent::new(action, key.id.to_string()).of_tenant(key.tenant).change("status", from, to);
    node.commit(&actor.within(key.environment), writes, vec![order.reason(event)]).await?;
    node.wake_mail();
    Ok(())
}
