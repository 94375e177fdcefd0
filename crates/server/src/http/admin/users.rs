//! Users, where they belong, and what they have allowed.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Response};
use grantor_core::email::EmailAddress;
use grantor_core::id::{AppId, GrantId};
use grantor_core::password::NewPassword;
use grantor_core::user::{Address, NewUser, Role, User};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tenants::{PAGE, Page};
use super::{Admin, Body, Problem, Why, answer, tenants, view};
use crate::catalogue::EnvironmentState;
use crate::flow::tenant::{Order, Switch};
use crate::flow::{Fault, FlowError, app, user};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    email: EmailAddress,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    generate_password: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPassword {
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    generate_password: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PutMembership {
    roles: Vec<Role>,
}

/// A password that was chosen, or made here to be shown once.
enum Wanted {
    Chosen(NewPassword),
    Made(NewPassword),
}

impl Wanted {
    fn read(
        admin: &Admin,
        (chosen, generate): (Option<String>, bool),
        email: &EmailAddress,
    ) -> Result<Option<Self>, Problem> {
        match (chosen, generate) {
            (None, false) => Ok(None),
            (None, true) => Ok(Some(Self::Made(admin.node.decide(NewPassword::generate)))),
            (Some(text), false) => match NewPassword::choose(text, email) {
                Ok(password) => Ok(Some(Self::Chosen(password))),
                Err(why) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "password", why.to_string())),
            },
            (Some(_), true) => Err(Problem::bad("Give a password, or have one made; not both.")),
        }
    }

    fn password(&self) -> &NewPassword {
        match self {
            Self::Chosen(password) | Self::Made(password) => password,
        }
    }

    /// What nobody knows yet must be shown.
    fn show(&self, body: &mut Value) {
        if let Self::Made(password) = self {
            body["password"] = password.reveal_text().into();
        }
    }
}

pub(super) async fn list(
    admin: Admin,
    Path(environment): Path<String>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let store = &admin.node.store;
    let members: Option<HashSet<_>> = match &page.tenant {
        Some(name) => {
            let tenant = tenants::find(&admin, name).await?;
            let members = store.members_of(state.environment.id, tenant.id).await.map_err(Fault::from)?;
            Some(members.into_iter().map(|member| member.user).collect())
        }
        None => None,
    };
    let users = store.users(state.environment.id, &page.after, PAGE).await.map_err(Fault::from)?;
    let next =
        if users.len() as i64 == PAGE { users.last().map(|user| user.email.key().to_owned()) } else { None };
    let shown = users.iter().filter(|user| members.as_ref().is_none_or(|members| members.contains(&user.id)));
    let items: Vec<Value> = shown.map(|user| view::user(&state, user)).collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": next })))
}

pub(super) async fn create(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<Create>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let wanted = Wanted::read(&admin, (body.password, body.generate_password), &body.email)?;
    let address = if body.email_verified { Address::Vouched } else { Address::Unproved };
    let new = NewUser { email: body.email, address, name: body.name };
    let password = wanted.as_ref().map(Wanted::password);
    let made = user::create(&admin.node, &admin.actor, &state, new, password).await.map_err(taken)?;
    let mut shown = view::user(&state, &made);
    if let Some(wanted) = &wanted {
        wanted.show(&mut shown);
    }
    Ok(answer(StatusCode::CREATED, &shown))
}

fn taken(error: FlowError) -> Problem {
    match error {
        FlowError::Fault(Fault::Duplicate) => {
            Problem::conflict("This environment has a user with this address already.")
        }
        other => other.into(),
    }
}

/// A user by id or address.
pub(super) async fn find(
    admin: &Admin,
    environment: &str,
    id: &str,
) -> Result<(Arc<EnvironmentState>, User), Problem> {
    let state = admin.environment(environment)?;
    let found = user::find(&admin.node, &state, id).await?;
    Ok((state, found.ok_or_else(|| Problem::not_found("There is no such user in this environment."))?))
}

pub(super) async fn show(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (state, found) = find(&admin, &environment, &id).await?;
    shown(&admin, &state, &found).await
}

async fn shown(admin: &Admin, state: &EnvironmentState, user: &User) -> Result<Response, Problem> {
    let memberships = admin.node.store.memberships(user.id).await.map_err(Fault::from)?;
    let names = tenants::names(admin, memberships.iter().map(|member| member.tenant)).await?;
    let mut body = view::user(state, user);
    body["memberships"] =
        memberships.iter().map(|member| view::membership(member, &names[&member.tenant])).collect();
    Ok(answer(StatusCode::OK, &body))
}

pub(super) async fn suspend(
    admin: Admin,
    Path(path): Path<(String, String)>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch(&admin, path, why.order(Switch::Suspend)).await
}

pub(super) async fn resume(
    admin: Admin,
    Path(path): Path<(String, String)>,
    Body(why): Body<Why>,
) -> Result<Response, Problem> {
    switch(&admin, path, why.order(Switch::Resume)).await
}

async fn switch(
    admin: &Admin,
    (environment, id): (String, String),
    order: Order,
) -> Result<Response, Problem> {
    let (_, found) = find(admin, &environment, &id).await?;
    user::switch(&admin.node, &admin.actor, &found, &order).await?;
    let (state, now) = find(admin, &environment, &id).await?;
    shown(admin, &state, &now).await
}

pub(super) async fn set_password(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
    Body(body): Body<SetPassword>,
) -> Result<Response, Problem> {
    let (state, found) = find(&admin, &environment, &id).await?;
    let wanted = Wanted::read(&admin, (body.password, body.generate_password), &found.email)?
        .ok_or_else(|| Problem::bad("Give a password, or generate_password = true."))?;
    user::set_password(&admin.node, &admin.actor, &state, &found, wanted.password()).await?;
    let (state, now) = find(&admin, &environment, &id).await?;
    let mut shown = view::user(&state, &now);
    wanted.show(&mut shown);
    Ok(answer(StatusCode::OK, &shown))
}

pub(super) async fn membership(
    admin: Admin,
    Path((environment, id, tenant)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let (_, found) = find(&admin, &environment, &id).await?;
    let tenant = tenants::find(&admin, &tenant).await?;
    let membership = user::membership(&admin.node, &found, &tenant).await?.ok_or_else(no_member)?;
    Ok(answer(StatusCode::OK, &view::membership(&membership, tenant.name.as_str())))
}

pub(super) async fn put_membership(
    admin: Admin,
    Path((environment, id, tenant)): Path<(String, String, String)>,
    Body(body): Body<PutMembership>,
) -> Result<Response, Problem> {
    let (_, found) = find(&admin, &environment, &id).await?;
    let tenant = tenants::find(&admin, &tenant).await?;
    let membership = user::put_membership(&admin.node, &admin.actor, &found, &tenant, body.roles).await?;
    Ok(answer(StatusCode::OK, &view::membership(&membership, tenant.name.as_str())))
}

pub(super) async fn remove_membership(
    admin: Admin,
    Path((environment, id, tenant)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let (_, found) = find(&admin, &environment, &id).await?;
    let tenant = tenants::find(&admin, &tenant).await?;
    let removed = user::remove_membership(&admin.node, &admin.actor, &found, &tenant).await?;
    removed.ok_or_else(no_member)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn no_member() -> Problem {
    Problem::not_found("The user is no member of this tenant.")
}

pub(super) async fn consents(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (state, found) = find(&admin, &environment, &id).await?;
    let rows =
        admin.node.store.consents_of_user(state.environment.id, found.id).await.map_err(Fault::from)?;
    let apps = client_ids(&admin, &state, rows.iter().map(|consent| consent.app)).await?;
    let tenants = tenants::names(&admin, rows.iter().map(|consent| consent.tenant)).await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|consent| view::consent(consent, &apps[&consent.app], &tenants[&consent.tenant]))
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

pub(super) async fn withdraw_consent(
    admin: Admin,
    Path((environment, id, client_id)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let (state, found) = find(&admin, &environment, &id).await?;
    let app = app::find(&admin.node, &state, &client_id).await?;
    let app = app.ok_or_else(|| Problem::not_found("There is no such app in this environment."))?;
    user::withdraw_consent(&admin.node, &admin.actor, &found, &app).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The newest Grants of a user, ended ones among them for as long as they are kept.
pub(super) async fn grants(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (state, found) = find(&admin, &environment, &id).await?;
    let store = &admin.node.store;
    let rows = store.grants_of_user(state.environment.id, found.id, PAGE).await.map_err(Fault::from)?;
    let apps = client_ids(&admin, &state, rows.iter().map(|grant| grant.app)).await?;
    let tenants = tenants::names(&admin, rows.iter().map(|grant| grant.tenant)).await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|grant| view::grant(&state, grant, &apps[&grant.app], &tenants[&grant.tenant]))
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

pub(super) async fn end_grant(
    admin: Admin,
    Path((environment, id, grant)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let (state, found) = find(&admin, &environment, &id).await?;
    let missing = || Problem::not_found("The user has no such Grant.");
    let grant: GrantId = grant.parse().map_err(|_| missing())?;
    let grant = admin.node.store.grant(state.environment.id, grant).await.map_err(Fault::from)?;
    let grant = grant.filter(|grant| grant.user == found.id).ok_or_else(missing)?;
    user::end_grant(&admin.node, &admin.actor, &grant).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The client ids of apps, by row: people read lists.
async fn client_ids(
    admin: &Admin,
    state: &EnvironmentState,
    ids: impl Iterator<Item = AppId>,
) -> Result<BTreeMap<AppId, String>, Problem> {
    let mut names = BTreeMap::new();
    for id in ids.collect::<HashSet<_>>() {
        let app = admin.node.store.app_by_id(state.environment.id, id).await.map_err(Fault::from)?;
        names.insert(id, app.map_or_else(|| id.to_string(), |app| app.client_id.to_string()));
    }
    Ok(names)
}
