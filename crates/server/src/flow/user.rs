//! Users as the provider's team handles them: made, suspended, resumed, given a password and memberships.

use grantor_core::app::App;
use grantor_core::decision::{AuditEvent, StatusChange, Write};
use grantor_core::email::EmailAddress;
use grantor_core::env::UnixMillis;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::grant::{EndReason, Grant, GrantState};
use grantor_core::id::{MailId, UserId};
use grantor_core::name::NameError;
use grantor_core::outbox::{Mail, MailKind};
use grantor_core::password::{NewPassword, PasswordHash};
use grantor_core::tenant::{Status, Tenant};
use grantor_core::user::{Membership, NewUser, Role, User};

use super::deed::Deed;
use super::order::{Order, Switch};
use super::sign_in::busy;
use super::{Fault, FlowError};
use crate::catalogue::EnvironmentState;
use crate::moment::Moment;
use crate::node::{Actor, Node};
use crate::password::Salt;

/// Makes a user, with a password if one is given.
///
/// # Errors
/// What the decision refuses; a full queue of passwords; [`Fault::Duplicate`] for an address that is taken.
pub async fn create(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    new: NewUser,
    password: Option<&NewPassword>,
) -> Result<User, FlowError> {
    let environment = state.environment.id;
    let mut user = node.decide(|env| User::create(new, environment, env)).map_err(refused)?;
    if let Some(password) = password {
        user.password = Some(hash(node, password).await?);
    }
    let event = AuditEvent::new("user.create", user.id.to_string())
        .detail("origin", "operator")
        .detail("verified", user.email_verified_at.is_some())
        .detail("password", user.password.is_some());
    let write = Write::InsertUser(Box::new(user.clone()));
    node.commit(&actor.within(environment), vec![write], vec![event]).await?;
    Ok(user)
}

fn refused(why: NameError) -> FlowError {
    Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, why.0).into()
}

async fn hash(node: &Node, password: &NewPassword) -> Result<PasswordHash, FlowError> {
    let salt = Salt(node.decide(|env| env.bytes()));
    node.passwords.hash(password, salt).await.map_err(busy)
}

/// Finds a user by id or by address. Closed ones are not found.
///
/// # Errors
/// Storage trouble.
pub async fn find(node: &Node, state: &EnvironmentState, id_or_email: &str) -> Result<Option<User>, Fault> {
    let environment = state.environment.id;
    let found = match (id_or_email.parse::<UserId>(), id_or_email.parse::<EmailAddress>()) {
        (Ok(id), _) => node.store.user(environment, id).await?,
        (_, Ok(email)) => node.store.user_by_email(environment, email.key()).await?,
        (Err(_), Err(_)) => None,
    };
    Ok(found.filter(|user| user.status != Status::Closed))
}

/// Suspends or resumes a user. Suspending ends sessions and access tokens for good: resuming revives none. Refresh tokens
/// are refused meanwhile and go on after; a new password ends them, too. Those who answer for the user's tenants are told.
/// Already being there is no error and no write.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn switch(node: &Node, actor: &Actor, user: &User, order: &Order) -> Result<(), Fault> {
    let (from, to) = order.switch.states(user.status);
    if user.status == to {
        return Ok(());
    }
    let action = match order.switch {
        Switch::Suspend => "user.suspend",
        Switch::Resume => "user.resume",
        Switch::Close => "user.close",
    };
    let mut writes = vec![Write::SetUserStatus(StatusChange { id: user.id, from, to })];
    for membership in node.store.memberships(user.id).await? {
        let thing = format!("the user {}", user.email);
        let deed = Deed::of(order, membership.tenant, user.environment, thing);
        writes.extend(deed.notices(node).await?);
    }
    let event = order.reason(AuditEvent::new(action, user.id.to_string()).change("status", from, to));
    node.commit(&actor.within(user.environment), writes, vec![event]).await?;
    node.wake_mail();
    Ok(())
}

/// Sets a password. Sessions, Grants and tokens end: whoever has taken the account over by the old one is out. The user is
/// told by mail.
///
/// # Errors
/// A full queue of passwords; storage trouble.
pub async fn set_password(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    user: &User,
    password: &NewPassword,
) -> Result<(), FlowError> {
    let to = hash(node, password).await?;
    let mut writes = vec![Write::SetPassword { user: user.id, to, at: node.now() }];
    // Whoever had one learns that it is no longer theirs; to the others nothing was changed.
    if user.password.is_some() {
        writes.push(Write::Enqueue(Box::new(password_changed(node, state, user))));
    }
    let event = AuditEvent::new("user.password_set", user.id.to_string());
    node.commit(&actor.within(user.environment), writes, vec![event]).await?;
    node.wake_mail();
    Ok(())
}

fn password_changed(node: &Node, state: &EnvironmentState, user: &User) -> Mail {
    let now = node.now();
    let values = [
        ("when".to_owned(), Moment(UnixMillis(now.seconds() * 1_000)).to_string().into()),
        ("login".to_owned(), format!("{}/login", state.environment.issuer).into()),
    ];
    Mail {
        id: node.decide(MailId::generate),
        environment: user.environment,
        to: user.email.clone(),
        kind: MailKind::PasswordChanged,
        values: values.into_iter().collect(),
        attempts: 0,
        next_at: now,
    }
}

/// Makes a user a member of a tenant, or gives a member other roles. The same roles again are no write.
///
/// # Errors
/// A membership without roles; storage trouble.
pub async fn put_membership(
    node: &Node,
    actor: &Actor,
    user: &User,
    tenant: &Tenant,
    roles: Vec<Role>,
) -> Result<Membership, FlowError> {
    let new = Membership::new(user.id, tenant.id, roles).map_err(refused)?;
    let before = membership(node, user, tenant).await?;
    if before.as_ref() == Some(&new) {
        return Ok(new);
    }
    let (before, membership) = (before.map(|membership| membership.roles), new);
    let event = AuditEvent::new("membership.put", user.id.to_string())
        .of_tenant(tenant.id)
        .detail("tenant", tenant.name.as_str())
        .detail("roles", serde_json::json!(membership.roles))
        .change("roles", before, &membership.roles);
    let write = Write::PutMembership(membership.clone());
    node.commit(&actor.within(user.environment), vec![write], vec![event]).await?;
    Ok(membership)
}

/// The membership of a user in a tenant.
///
/// # Errors
/// Storage trouble.
pub async fn membership(node: &Node, user: &User, tenant: &Tenant) -> Result<Option<Membership>, Fault> {
    let all = node.store.memberships(user.id).await?;
    Ok(all.into_iter().find(|membership| membership.tenant == tenant.id))
}

/// Ends a membership, and with it every Grant that the user gave for the tenant. `None` if there is no membership.
///
/// # Errors
/// Storage trouble.
pub async fn remove_membership(
    node: &Node,
    actor: &Actor,
    user: &User,
    tenant: &Tenant,
) -> Result<Option<()>, Fault> {
    let Some(before) = membership(node, user, tenant).await? else {
        return Ok(None);
    };
    let event = AuditEvent::new("membership.remove", user.id.to_string())
        .of_tenant(tenant.id)
        .detail("tenant", tenant.name.as_str())
        .change("roles", Some(before.roles), None::<Vec<Role>>);
    let write = Write::RemoveMembership { user: user.id, tenant: tenant.id, at: node.now() };
    node.commit(&actor.within(user.environment), vec![write], vec![event]).await?;
    Ok(Some(()))
}

/// Ends a Grant. One that has ended stays as it is.
///
/// # Errors
/// Storage trouble.
pub async fn end_grant(node: &Node, actor: &Actor, grant: &Grant) -> Result<(), Fault> {
    if grant.state == GrantState::Ended {
        return Ok(());
    }
    let reason = EndReason::ByOperator;
    let event = AuditEvent::new("grant.end", grant.id.to_string()).detail("reason", reason.as_str());
    let write = Write::EndGrant { grant: grant.id, reason, at: node.now() };
    node.commit(&actor.within(grant.environment), vec![write], vec![event]).await
}

/// Takes back what a user has allowed an app, and ends everything that the app has got of it.
///
/// # Errors
/// Storage trouble.
pub async fn withdraw_consent(node: &Node, actor: &Actor, user: &User, app: &App) -> Result<(), Fault> {
    let event =
        AuditEvent::new("consent.withdraw", user.id.to_string()).detail("client_id", app.client_id.as_str());
    let write = Write::WithdrawConsent { user: user.id, app: app.id, at: node.now() };
    node.commit(&actor.within(user.environment), vec![write], vec![event]).await
}
