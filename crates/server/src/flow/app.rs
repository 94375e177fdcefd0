//! Apps: registered, suspended, resumed, closed; their secrets made and ended.

use std::sync::Arc;

use grantor_core::access::Access;
use grantor_core::api::Api;
use grantor_core::app::{App, SecretVersion};
use grantor_core::decision::{AuditEvent, StatusChange, Write};
use grantor_core::env::UnixMillis;
use grantor_core::error::Denial;
use grantor_core::name::ClientId;
use grantor_core::outbox::MailKind;
use grantor_core::permission::Maker;
use grantor_core::registration::{
    NewSecret, Registration, is_already, may_have_secret, new_secret, register,
};
use grantor_core::secret::Secret;
use grantor_core::secret_version;
use grantor_core::tenant::{Status, Tenant};
use serde_json::{Value, json};

use super::client_id;
use super::deed::Deed;
use super::notice::{login_page, moment, to_admins, values};
use super::order::{Order, Switch};
use super::{Fault, FlowError};
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node};

/// A new app, and its first secret if it has one. The secret is shown once.
pub struct Created {
    /// The app.
    pub app: App,
    /// Its first secret.
    pub secret: Option<(Secret, SecretVersion)>,
}

/// Registers an app of a tenant, with a first secret where it needs one.
///
/// # Errors
/// What the registration refuses; [`Fault::Duplicate`] for a client id that is or ever was taken, or looks like one.
pub async fn create(
    node: &Node,
    actor: &Actor,
    maker: Maker<'_>,
    (state, tenant): (&EnvironmentState, &Tenant),
    (registration, first): (Registration<'_>, NewSecret),
) -> Result<Created, FlowError> {
    if let Some(chosen) = &registration.client_id {
        client_id::must_be_free(node, state, chosen).await?;
    }
    let accesses = accesses(node, tenant).await?;
    let (app, secret) = node.decide(|env| {
        let app = register(registration, maker, (tenant, &accesses), state.environment.id, env)?;
        let public = app.auth_method == Some(grantor_core::profile::ClientAuthMethod::None);
        let secret = if public {
            None
        } else {
            Some(new_secret(&app, &first, &state.keys.peppers, (&node.brand, state.environment.stage), env)?)
        };
        Ok::<_, Denial>((app, secret))
    })?;
    let mut writes = vec![Write::InsertApp(app.clone())];
    if let Some((_, version)) = &secret {
        writes.push(Write::InsertSecret(app.id, version.clone()));
    }
    let event = AuditEvent::new("app.create", app.id.to_string())
        .of_tenant(app.tenant)
        .detail("client_id", app.client_id.as_str())
        .detail("tenant", tenant.name.as_str());
    node.commit(&actor.within(state.environment.id), writes, vec![event]).await?;
    Ok(Created { app, secret })
}

/// What a tenant has access to, the admin API among it: who may list that is decided before.
async fn accesses(node: &Node, tenant: &Tenant) -> Result<Vec<Access>, Fault> {
    let mut accesses = node.store.accesses(tenant.id).await?;
    accesses.push(Access::to_management(tenant.id));
    Ok(accesses)
}

/// Replaces what an app may do and says of itself. Its id, status and secrets stay. What it is already is no write.
///
/// # Errors
/// What the registration refuses.
pub async fn change(
    node: &Node,
    actor: &Actor,
    maker: Maker<'_>,
    (tenant, app): (&Tenant, &App),
    registration: Registration<'_>,
) -> Result<(), FlowError> {
    if is_already(&registration, app) {
        return Ok(());
    }
    let accesses = accesses(node, tenant).await?;
    let new = node.decide(|env| register(registration, maker, (tenant, &accesses), app.environment, env))?;
    let new = app.registered_as(new);
    let event = AuditEvent::new("app.change", app.id.to_string())
        .of_tenant(app.tenant)
        .detail("client_id", app.client_id.as_str())
        .changes(&registered(app), &registered(&new));
    let write = Write::ChangeApp(new);
    Ok(node.commit(&actor.within(app.environment), vec![write], vec![event]).await?)
}

/// What a change of an app can change, for the audit.
fn registered(app: &App) -> Value {
    json!({
        "name": app.name,
        "auth_method": app.auth_method,
        "grants": app.grants,
        "apis": app.apis,
        "introspects": app.introspects,
        "scopes": app.scopes,
        "metadata": app.metadata,
    })
}

/// Loads an app with its secrets. Closed ones are not found.
///
/// # Errors
/// Storage trouble.
pub async fn find(node: &Node, state: &EnvironmentState, client_id: &str) -> Result<Option<App>, Fault> {
    let Ok(client_id) = client_id.parse::<ClientId>() else {
        return Ok(None);
    };
    let app = node.store.app(state.environment.id, &client_id).await?;
    Ok(app.filter(|app| app.status != Status::Closed))
}

/// Suspends, resumes or closes an app, and tells those who answer for it. Already being there is no error and no write. The
/// client id of a closed app stays taken.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn switch(node: &Node, actor: &Actor, app: &App, order: &Order) -> Result<(), Fault> {
    let (from, to) = order.switch.states(app.status);
    if app.status == to {
        return Ok(());
    }
    let action = match order.switch {
        Switch::Suspend => "app.suspend",
        Switch::Resume => "app.resume",
        Switch::Close => "app.delete",
    };
    let event = AuditEvent::new(action, app.id.to_string())
        .of_tenant(app.tenant)
        .detail("client_id", app.client_id.as_str())
        .change("status", from, to);
    let deed = Deed::of(order, app.tenant, app.environment, format!("the app {}", app.client_id));
    let mut writes = vec![Write::SetAppStatus(StatusChange { id: app.id, from, to })];
    writes.extend(deed.notices(node).await?);
    node.commit(&actor.within(app.environment), writes, vec![order.reason(event)]).await?;
    node.wake_mail();
    Ok(())
}

/// Makes a new version of the secret; the others live on, or end together after an overlap.
///
/// # Errors
/// What the decision refuses.
pub async fn rotate_secret(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    app: &App,
    new: NewSecret,
    end_others_at: Option<UnixMillis>,
) -> Result<(Secret, SecretVersion), FlowError> {
    let spelling = (&node.brand, state.environment.stage);
    let tenant = node.store.tenant(app.tenant).await?.ok_or(Fault::Internal)?;
    may_have_secret(app, &tenant, &accesses(node, &tenant).await?, &state.targets)?;
    let (secret, version) = node.decide(|env| new_secret(app, &new, &state.keys.peppers, spelling, env))?;
    let mut writes = vec![Write::InsertSecret(app.id, version.clone())];
    if let Some(at) = end_others_at {
        writes.extend(secret_version::end_others(app, &version, at, node.now())?);
    }
    // The first one is no rotation: whoever makes the app makes it.
    if !app.secrets.is_empty() {
        writes.extend(tell(node, state, app, (&version, end_others_at)).await?);
    }
    let event = AuditEvent::new("app.secret_create", app.id.to_string())
        .of_tenant(app.tenant)
        .detail("client_id", app.client_id.as_str())
        .detail("version", version.version);
    node.commit(&actor.within(app.environment), writes, vec![event]).await?;
    node.wake_mail();
    Ok((secret, version))
}

/// The mails about a new version.
async fn tell(
    node: &Node,
    state: &EnvironmentState,
    app: &App,
    (version, end_others_at): (&SecretVersion, Option<UnixMillis>),
) -> Result<Vec<Write>, Fault> {
    let tenant = node.cache.tenant(&node.store, app.tenant).await?.ok_or(Fault::Internal)?;
    let how = match end_others_at {
        None => "was made; the other versions work on".to_owned(),
        Some(at) => format!("was made; the other versions work until {}", moment(at)),
    };
    let told = values([
        (
            "credential",
            format!("Client secret {} (...{}) of app {}", version.version, version.last_four, app.client_id),
        ),
        ("tenant", tenant.tenant.title.clone()),
        ("how", how),
        ("when", moment(version.created_at)),
        ("login", login_page(state)),
    ]);
    to_admins(node, app.tenant, app.environment, MailKind::CredentialChanged, told).await
}

/// What happens to tokens that were had with a secret that is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// They live on.
    Keep,
    /// The app's epoch rises: all of them end.
    End,
}

/// Ends a version of the secret at once. `None` if there is no such living version.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn end_secret(
    node: &Node,
    actor: &Actor,
    app: &App,
    version: i64,
    tokens: Tokens,
) -> Result<Option<()>, Fault> {
    if !app.secrets.iter().any(|known| known.version == version && known.ended_at.is_none()) {
        return Ok(None);
    }
    let mut writes = vec![Write::EndSecret { app: app.id, version, at: node.now() }];
    if tokens == Tokens::End {
        writes.push(Write::EndAppTokens(app.id));
    }
    let deed = Deed {
        tenant: app.tenant,
        environment: Some(app.environment),
        thing: format!("version {version} of the secret of the app {}", app.client_id),
        past: "ended",
        effect: "It no longer authenticates. The app needs another one.",
        why: None,
    };
    writes.extend(deed.notices(node).await?);
    let event = AuditEvent::new("app.secret_end", app.id.to_string())
        .of_tenant(app.tenant)
        .detail("client_id", app.client_id.as_str())
        .detail("version", version)
        .detail("end_tokens", tokens == Tokens::End);
    node.commit(&actor.within(app.environment), writes, vec![event]).await?;
    node.wake_mail();
    Ok(Some(()))
}

/// Sets the end of a version of the secret. It may come earlier than what was planned, never later.
///
/// # Errors
/// What the decision refuses; [`Fault::Conflict`] if somebody else was quicker.
pub async fn schedule_secret_end(
    node: &Node,
    actor: &Actor,
    app: &App,
    version: i64,
    at: UnixMillis,
) -> Result<(), FlowError> {
    let write = secret_version::schedule_end(app, version, at, node.now())?;
    let event = AuditEvent::new("app.secret_schedule_end", app.id.to_string())
        .of_tenant(app.tenant)
        .detail("client_id", app.client_id.as_str())
        .detail("version", version)
        .detail("at", moment(at));
    Ok(node.commit(&actor.within(app.environment), vec![write], vec![event]).await?)
}

/// Takes a rotation back: its version ends now, and those whose end it has set live on as before.
///
/// # Errors
/// What the decision refuses; [`Fault::Conflict`] if somebody else was quicker.
pub async fn cancel_rotation(node: &Node, actor: &Actor, app: &App, version: i64) -> Result<(), FlowError> {
    let writes = secret_version::cancel(app, version, node.now())?;
    let event = AuditEvent::new("app.secret_cancel", app.id.to_string())
        .of_tenant(app.tenant)
        .detail("client_id", app.client_id.as_str())
        .detail("version", version);
    Ok(node.commit(&actor.within(app.environment), writes, vec![event]).await?)
}

/// Ends every token of an app.
///
/// # Errors
/// Storage trouble.
pub async fn end_tokens(node: &Node, actor: &Actor, app: &App) -> Result<(), Fault> {
    let event = AuditEvent::new("app.tokens_end", app.id.to_string())
        .of_tenant(app.tenant)
        .detail("client_id", app.client_id.as_str());
    node.commit(&actor.within(app.environment), vec![Write::EndAppTokens(app.id)], vec![event]).await
}

/// APIs that an app calls, by name: the environment's and the admin API.
///
/// # Errors
/// The first name that is none.
pub fn targets_by_name<'a>(
    state: &'a EnvironmentState,
    names: &[String],
) -> Result<Vec<&'a Arc<Api>>, String> {
    each(names, |name| state.target(name))
}

/// APIs by name.
///
/// # Errors
/// The first name that is none.
pub fn apis_by_name<'a>(state: &'a EnvironmentState, names: &[String]) -> Result<Vec<&'a Arc<Api>>, String> {
    each(names, |name| state.api(name))
}

/// Each once, however often it is named.
fn each<'a>(
    names: &[String],
    find: impl Fn(&str) -> Option<&'a Arc<Api>>,
) -> Result<Vec<&'a Arc<Api>>, String> {
    let mut found: Vec<&Arc<Api>> = Vec::new();
    for name in names {
        let api = find(name).ok_or_else(|| name.clone())?;
        if !found.iter().any(|known| known.id == api.id) {
            found.push(api);
        }
    }
    Ok(found)
}
