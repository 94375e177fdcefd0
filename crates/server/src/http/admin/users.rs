//! Users, where they belong, and what they have allowed.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use axum::extract::{Path, Query};
use grantor_core::email::EmailAddress;
use grantor_core::id::{AppId, GrantId};
use grantor_core::password::NewPassword;
use grantor_core::permission::Right;
use grantor_core::user::{Address, NewUser, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Gone, List, Made, Shown, Told};
use super::body::{Body, Why};
use super::caller::Caller;
use super::page::{Page, PageOfTenant, Window};
use super::problem::Problem;
use super::table::Table;
use super::{tenants, view};
use crate::catalogue::EnvironmentState;
use crate::flow::order::{Order, Switch};
use crate::flow::{Fault, FlowError, app, user};

pub(super) fn routes(table: &mut Table) {
    table.tag("Users", "People of one environment, and what they have allowed.");
    table
        .get("/environments/{environment}/users", Right::ReadTenant, list)
        .says("List users", "All, in order of their address; or the members of a tenant, in order of id.");
    table
        .post("/environments/{environment}/users", Right::ManagePartners, create)
        .says("Make a user", "The answer shows a password that was made here, once.")
        .once();
    table
        .get("/environments/{environment}/users/{user}", Right::ReadTenant, show)
        .says("Show a user", "By id or address. A member sees members of their own tenant.");
    table
        .post("/environments/{environment}/users/{user}/suspend", Right::ManagePartners, suspend)
        .says("Suspend a user", "Sessions and tokens end with the next request.");
    table
        .post("/environments/{environment}/users/{user}/resume", Right::ManagePartners, resume)
        .says("Resume a user", "Tokens from before stay dead.");
    table.put("/environments/{environment}/users/{user}/password", Right::ManagePartners, set_password).says(
        "Set a password",
        "Ends sessions, Grants and tokens. The answer shows one that was made here, once.",
    );
    table
        .get("/environments/{environment}/users/{user}/consents", Right::ReadInstallation, consents)
        .says("List what a user has allowed", "");
    table
        .delete(
            "/environments/{environment}/users/{user}/consents/{client_id}",
            Right::ManagePartners,
            withdraw_consent,
        )
        .says("Withdraw a consent", "Everything that the app has got of it ends.");
    table
        .get("/environments/{environment}/users/{user}/grants", Right::ReadInstallation, grants)
        .says("List a user's Grants", "Newest first; ended ones for as long as they are kept.");
    table
        .delete("/environments/{environment}/users/{user}/grants/{grant}", Right::ManagePartners, end_grant)
        .says("End a Grant", "Its refresh tokens and its access tokens end.");
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateUser {
    /// How they sign in; unique in the environment.
    #[schema(value_type = String, format = Email)]
    email: EmailAddress,
    #[serde(default)]
    name: Option<String>,
    /// Whether you answer for the address.
    #[serde(default)]
    email_verified: bool,
    /// A password of your choice.
    #[serde(default)]
    #[schema(write_only)]
    password: Option<String>,
    /// Whether one is made here, and shown once.
    #[serde(default)]
    generate_password: bool,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetPassword {
    /// Of your choice.
    #[serde(default)]
    #[schema(write_only)]
    password: Option<String>,
    /// Whether one is made here, and shown once.
    #[serde(default)]
    generate_password: bool,
}

/// A user, with a password that was made here.
#[derive(Serialize, ToSchema)]
struct UserWithPassword {
    #[serde(flatten)]
    user: view::User,
    /// Shown now, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// A password that was chosen, or made here to be shown once.
enum Wanted {
    Chosen(NewPassword),
    Made(NewPassword),
}

impl Wanted {
    fn read(
        caller: &Caller,
        (chosen, generate): (Option<String>, bool),
        email: &EmailAddress,
    ) -> Result<Option<Self>, Problem> {
        match (chosen, generate) {
            (None, false) => Ok(None),
            (None, true) => Ok(Some(Self::Made(caller.node.decide(NewPassword::generate)))),
            (Some(text), false) => match NewPassword::choose(text, email) {
                Ok(password) => Ok(Some(Self::Chosen(password))),
                Err(why) => Err(Problem::unfit("password", why.to_string())),
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
    fn to_show(&self) -> Option<String> {
        match self {
            Self::Chosen(_) => None,
            Self::Made(password) => Some(password.reveal_text().to_owned()),
        }
    }
}

async fn list(
    caller: Caller,
    Path(environment): Path<String>,
    Query(query): Query<PageOfTenant>,
) -> Result<List<view::User>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::narrowed(&caller, query.tenant.as_deref()).await?;
    let of = tenant.map_or_else(String::new, |tenant| tenant.to_string());
    let window = Window::open(&caller, &query.page(), &["users", &environment, &of])?;
    let (store, id) = (&caller.node.store, state.environment.id);
    let (rows, next) = match tenant {
        Some(tenant) => {
            let rows = store.users_of_tenant(id, tenant, window.after_id()?, window.rows()).await;
            window.cut(rows.map_err(Fault::from)?, |user| user.id.bytes().to_vec())
        }
        None => {
            let rows = store.users(id, &window.after_text()?, window.rows()).await;
            window.cut(rows.map_err(Fault::from)?, |user| user.email.key().into())
        }
    };
    Ok(List { items: rows.iter().map(|user| view::User::of(&state, user)).collect(), next })
}

async fn create(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<CreateUser>,
) -> Result<Made<UserWithPassword>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let state = caller.environment(&environment)?;
    let wanted = Wanted::read(&caller, (body.password, body.generate_password), &body.email)?;
    let address = if body.email_verified { Address::Vouched } else { Address::Unproved };
    let new = NewUser { email: body.email, address, name: body.name };
    let password = wanted.as_ref().map(Wanted::password);
    let made = user::create(&granted.node, &granted.actor, &state, new, password).await.map_err(taken)?;
    let password = wanted.as_ref().and_then(Wanted::to_show);
    Ok(Made(UserWithPassword { user: view::User::of(&state, &made), password }))
}

fn taken(error: FlowError) -> Problem {
    match error {
        FlowError::Fault(Fault::Duplicate) => {
            Problem::conflict("This environment has a user with this address already.")
        }
        other => other.into(),
    }
}

/// A user by id or address, if they are there for the caller: a member knows the members of their own tenant.
pub(super) async fn find(
    caller: &Caller,
    environment: &str,
    id: &str,
) -> Result<(Arc<EnvironmentState>, User), Problem> {
    let state = caller.environment(environment)?;
    let missing = || Problem::not_found("There is no such user in this environment.");
    let found = user::find(&caller.node, &state, id).await?.ok_or_else(missing)?;
    if let Some(tenant) = caller.only() {
        let memberships = caller.node.store.memberships(found.id).await.map_err(Fault::from)?;
        memberships.iter().find(|member| member.tenant == tenant).ok_or_else(missing)?;
    }
    Ok((state, found))
}

type UserPath = Path<(String, String)>;

async fn show(caller: Caller, Path(path): UserPath) -> Result<Shown<view::User>, Problem> {
    again(&caller, &path).await
}

async fn again(caller: &Caller, (environment, id): &(String, String)) -> Result<Shown<view::User>, Problem> {
    let (state, user) = find(caller, environment, id).await?;
    let mut memberships = caller.node.store.memberships(user.id).await.map_err(Fault::from)?;
    memberships.retain(|member| caller.sees(member.tenant));
    let names = tenants::names(caller, memberships.iter().map(|member| member.tenant)).await?;
    let mut body = view::User::of(&state, &user);
    body.memberships =
        Some(memberships.iter().map(|member| view::Membership::of(member, &names[&member.tenant])).collect());
    Ok(Shown(body))
}

async fn suspend(
    caller: Caller,
    Path(path): UserPath,
    Body(why): Body<Why>,
) -> Result<Shown<view::User>, Problem> {
    switch(&caller, path, why.order(Switch::Suspend)).await
}

async fn resume(
    caller: Caller,
    Path(path): UserPath,
    Body(why): Body<Why>,
) -> Result<Shown<view::User>, Problem> {
    switch(&caller, path, why.order(Switch::Resume)).await
}

async fn switch(caller: &Caller, path: (String, String), order: Order) -> Result<Shown<view::User>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (_, found) = find(caller, &path.0, &path.1).await?;
    user::switch(&granted.node, &granted.actor, &found, &order).await?;
    again(caller, &path).await
}

async fn set_password(
    caller: Caller,
    Path((environment, id)): UserPath,
    Body(body): Body<SetPassword>,
) -> Result<Told<UserWithPassword>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (state, found) = find(&caller, &environment, &id).await?;
    let wanted = Wanted::read(&caller, (body.password, body.generate_password), &found.email)?
        .ok_or_else(|| Problem::bad("Give a password, or generate_password = true."))?;
    user::set_password(&granted.node, &granted.actor, &state, &found, wanted.password()).await?;
    let (state, now) = find(&caller, &environment, &id).await?;
    Ok(Told(UserWithPassword { user: view::User::of(&state, &now), password: wanted.to_show() }))
}

async fn consents(caller: Caller, Path((environment, id)): UserPath) -> Result<List<view::Consent>, Problem> {
    caller.operator(Right::ReadInstallation)?;
    let (state, found) = find(&caller, &environment, &id).await?;
    let rows =
        caller.node.store.consents_of_user(state.environment.id, found.id).await.map_err(Fault::from)?;
    let apps = client_ids(&caller, &state, rows.iter().map(|consent| consent.app)).await?;
    let tenants = tenants::names(&caller, rows.iter().map(|consent| consent.tenant)).await?;
    let items =
        rows.iter().map(|row| view::Consent::of(row, &apps[&row.app], &tenants[&row.tenant])).collect();
    Ok(List::whole(items))
}

async fn withdraw_consent(
    caller: Caller,
    Path((environment, id, client_id)): Path<(String, String, String)>,
) -> Result<Gone, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (state, found) = find(&caller, &environment, &id).await?;
    let app = app::find(&caller.node, &state, &client_id).await?;
    let app = app.ok_or_else(|| Problem::not_found("There is no such app in this environment."))?;
    user::withdraw_consent(&granted.node, &granted.actor, &found, &app).await?;
    Ok(Gone)
}

async fn grants(
    caller: Caller,
    Path((environment, id)): UserPath,
    Query(page): Query<Page>,
) -> Result<List<view::Grant>, Problem> {
    caller.operator(Right::ReadInstallation)?;
    let (state, found) = find(&caller, &environment, &id).await?;
    let window = Window::open(&caller, &page, &["grants", &environment, &found.id.to_string()])?;
    // Newest first: a page begins before the last of the one above it.
    let before = match window.after.as_deref().map(<[u8; 8]>::try_from) {
        None => GrantId::from_number(i64::MAX),
        Some(Ok(bytes)) => GrantId::from_number(i64::from_be_bytes(bytes)),
        Some(Err(_)) => return Err(Fault::Internal.into()),
    };
    let rows = caller.node.store.grants_of_user(state.environment.id, found.id, before, window.rows()).await;
    let (rows, next) =
        window.cut(rows.map_err(Fault::from)?, |grant| grant.id.number().to_be_bytes().to_vec());
    let apps = client_ids(&caller, &state, rows.iter().map(|grant| grant.app)).await?;
    let tenants = tenants::names(&caller, rows.iter().map(|grant| grant.tenant)).await?;
    let shown = |row: &grantor_core::grant::Grant| {
        view::Grant::of(&state, row, &apps[&row.app], &tenants[&row.tenant])
    };
    Ok(List { items: rows.iter().map(shown).collect(), next })
}

async fn end_grant(
    caller: Caller,
    Path((environment, id, grant)): Path<(String, String, String)>,
) -> Result<Gone, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (state, found) = find(&caller, &environment, &id).await?;
    let missing = || Problem::not_found("The user has no such Grant.");
    let grant: GrantId = grant.parse().map_err(|_| missing())?;
    let grant = caller.node.store.grant(state.environment.id, grant).await.map_err(Fault::from)?;
    let grant = grant.filter(|grant| grant.user == found.id).ok_or_else(missing)?;
    user::end_grant(&granted.node, &granted.actor, &grant).await?;
    Ok(Gone)
}

/// The client ids of apps, by row: people read lists.
async fn client_ids(
    caller: &Caller,
    state: &EnvironmentState,
    ids: impl Iterator<Item = AppId>,
) -> Result<BTreeMap<AppId, String>, Problem> {
    let mut names = BTreeMap::new();
    for id in ids.collect::<HashSet<_>>() {
        let app = caller.node.store.app_by_id(state.environment.id, id).await.map_err(Fault::from)?;
        names.insert(id, app.map_or_else(|| id.to_string(), |app| app.client_id.to_string()));
    }
    Ok(names)
}
