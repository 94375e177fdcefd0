//! Apps and their secrets.

use std::sync::Arc;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use grantor_core::app::App;
use grantor_core::client_metadata::ClientMetadata;
use grantor_core::lifetime::Lifetime;
use grantor_core::name::ClientId;
use grantor_core::permission::Right;
use grantor_core::profile::{ClientAuthMethod, GrantType};
use grantor_core::redirect_uri::RedirectUri;
use grantor_core::registration::{NewSecret, Registration, id_token_algorithms};
use grantor_core::scope::{Scope, ScopeSet};
use grantor_jose::Algorithm;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answer::{Gone, List, Made, Shown};
use super::body::{Body, Why, given, unchanged};
use super::caller::{Caller, Granted};
use super::page::{PageOfTenant, Window};
use super::problem::Problem;
use super::schema::{ClientAuthMethodText, GrantTypeText, ScopeText};
use super::table::Table;
use super::{tenants, uses, view};
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::app;
use crate::flow::order::{Order, Switch};

pub(super) fn routes(table: &mut Table) {
    table.tag("Apps", "OAuth clients of tenants, and the dated versions of their secrets.");
    table
        .get("/environments/{environment}/apps", Right::ReadTenant, list)
        .says("List apps", "In order of client id, of all tenants or of one.");
    table
        .post("/environments/{environment}/apps", Right::ManageApps, create)
        .says("Register an app", "The answer shows its first secret, once.")
        .once();
    table
        .get("/environments/{environment}/apps/{client_id}", Right::ReadTenant, show)
        .says("Show an app", "");
    table
        .put("/environments/{environment}/apps/{client_id}", Right::ManageApps, change)
        .says(
            "Change an app",
            "Replaces its registration by the whole of a new one (RFC 7592 2.2): what is left out is unset. Read-only \
             members may be sent back as they were read. Send `If-Match`, so that nobody's change is lost unseen.",
        );
    table
        .delete("/environments/{environment}/apps/{client_id}", Right::ManageApps, delete)
        .says("Delete an app", "For ever: its client id is never given again.");
    table
        .post("/environments/{environment}/apps/{client_id}/suspend", Right::ManageApps, suspend)
        .says("Suspend an app", "Its credentials and tokens are refused from the next request.");
    table.post("/environments/{environment}/apps/{client_id}/resume", Right::ManagePartners, resume).says(
        "Resume an app",
        "Tokens from before stay dead. For the provider's team: it may have had its reasons.",
    );
    table
        .post("/environments/{environment}/apps/{client_id}/tokens/end", Right::ManageApps, end_tokens)
        .says("End all tokens of an app", "Access tokens, of users too. Its secrets live on.");
}

/// A new app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApp {
    /// The tenant whose it is, by name or GUID.
    tenant: String,
    /// Chosen, and unique in the environment for ever; else one is made.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    client_id: Option<ClientId>,
    /// Its name for people.
    #[serde(default)]
    name: String,
    /// The APIs that it calls, by name. `grantor-admin` is this API; only the provider's team gives that.
    #[serde(default)]
    apis: Vec<String>,
    /// The APIs that it is, whose tokens it may introspect. Only the provider's team gives that.
    #[serde(default)]
    introspects: Vec<String>,
    /// Its grants; else those that its APIs offer.
    #[serde(default)]
    #[schema(value_type = Option<Vec<GrantTypeText>>)]
    grants: Option<Vec<GrantType>>,
    /// What it may ask for; else all that the tenant's accesses allow.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScopeText>>)]
    scopes: Option<Vec<Scope>>,
    /// The one way in which it authenticates; else any that its APIs accept.
    #[serde(default)]
    #[schema(value_type = Option<ClientAuthMethodText>)]
    auth_method: Option<ClientAuthMethod>,
    /// What it says of itself for the flows with users (RFC 7591 2).
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Seconds until its first secret expires; else it has no end.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315360000)]
    secret_lifetime: Option<Lifetime>,
}

/// The whole of a registration. Members that are read-only may be sent back as they were read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangedApp {
    /// An app keeps its tenant: name or GUID of the one that it has.
    tenant: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    apis: Vec<String>,
    #[serde(default)]
    introspects: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<GrantTypeText>>)]
    grants: Option<Vec<GrantType>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScopeText>>)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    #[schema(value_type = Option<ClientAuthMethodText>)]
    auth_method: Option<ClientAuthMethod>,
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    client_id: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    environment: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    status: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    epoch: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    exposed_at: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    created_at: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<Object>>)]
    secrets: Option<Value>,
    #[serde(default, rename = "tokens_issued_last_day", deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    _tokens_issued_last_day: Option<Value>,
}

/// An app as it was made, with its first secret if it has one.
#[derive(Serialize, ToSchema)]
struct CreatedApp {
    #[serde(flatten)]
    app: view::App,
    /// The secret: shown now, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<view::Secret>,
}

async fn list(
    caller: Caller,
    Path(environment): Path<String>,
    Query(query): Query<PageOfTenant>,
) -> Result<List<view::App>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::narrowed(&caller, query.tenant.as_deref()).await?;
    let of = tenant.map_or_else(String::new, |tenant| tenant.to_string());
    let window = Window::open(&caller, &query.page(), &["apps", &environment, &of])?;
    let after = window.after_text()?;
    let store = &caller.node.store;
    let rows = store.apps(state.environment.id, tenant, &after, window.rows()).await.map_err(Fault::from)?;
    let (rows, next) = window.cut(rows, |app| app.client_id.as_str().into());
    let names = tenants::names(&caller, rows.iter().map(|app| app.tenant)).await?;
    let items = rows.iter().map(|app| view::App::of(&state, app, &names[&app.tenant])).collect();
    Ok(List { items, next })
}

async fn create(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<NewApp>,
) -> Result<Made<CreatedApp>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::find(&caller, &body.tenant).await?;
    let granted = caller.in_tenant(tenant.id, Right::ManageApps)?;
    let first = NewSecret { not_before: None, lifetime: body.secret_lifetime };
    let signing = id_token_algorithms(&state.apis);
    let registration = registration(&state, &signing, body.into())?;
    if caller.only().is_some() && registration.is_provided() {
        return Err(for_provider());
    }
    let (of, wanted) = ((&*state, &tenant), (registration, first));
    let created = app::create(&granted.node, &granted.actor, caller.maker(), of, wanted).await?;
    let now = caller.node.now();
    let (client_secret, secret) = match &created.secret {
        Some((secret, version)) => (Some(secret.reveal().to_owned()), Some(view::Secret::of(version, now))),
        None => (None, None),
    };
    let app = view::App::of(&state, &created.app, tenant.name.as_str());
    Ok(Made(CreatedApp { app, client_secret, secret }))
}

/// Security case K05: nobody of a partner makes an app that reaches beyond the partner.
fn for_provider() -> Problem {
    Problem::forbidden(
        "An app that is an API, signs in members of all tenants or manages tenants is made and changed by the provider's \
         team. Ask them.",
    )
}

/// What an app shall be, as it was sent.
struct Wanted {
    client_id: Option<ClientId>,
    name: String,
    apis: Vec<String>,
    introspects: Vec<String>,
    grants: Option<Vec<GrantType>>,
    scopes: Option<Vec<Scope>>,
    auth_method: Option<ClientAuthMethod>,
    metadata: Map<String, Value>,
}

impl From<NewApp> for Wanted {
    fn from(body: NewApp) -> Self {
        let NewApp { client_id, name, apis, introspects, grants, scopes, auth_method, metadata, .. } = body;
        Self { client_id, name, apis, introspects, grants, scopes, auth_method, metadata }
    }
}

impl From<ChangedApp> for Wanted {
    fn from(body: ChangedApp) -> Self {
        let ChangedApp { name, apis, introspects, grants, scopes, auth_method, metadata, .. } = body;
        Self { client_id: None, name, apis, introspects, grants, scopes, auth_method, metadata }
    }
}

/// What is asked for, with its APIs looked up.
fn registration<'a>(
    state: &'a EnvironmentState,
    signing: &'a [Algorithm],
    wanted: Wanted,
) -> Result<Registration<'a>, Problem> {
    let unknown =
        |name| Problem::unfit("unknown_api", format!("There is no API {name} in this environment."));
    Ok(Registration {
        apis: app::targets_by_name(state, &wanted.apis).map_err(unknown)?,
        introspects: app::apis_by_name(state, &wanted.introspects).map_err(unknown)?,
        client_id: wanted.client_id,
        name: wanted.name,
        auth_method: wanted.auth_method,
        grants: wanted.grants,
        scopes: wanted.scopes.map(ScopeSet::from),
        metadata: metadata(wanted.metadata)?,
        signing,
    })
}

/// The metadata, or which of the two errors of RFC 7591 3.2.2 it is.
fn metadata(members: Map<String, Value>) -> Result<ClientMetadata, Problem> {
    let refuse = |kind, why: &dyn std::fmt::Display| {
        Problem::new(StatusCode::BAD_REQUEST, kind, format!("The metadata does not fit: {why}."))
    };
    if let Some(uris) = members.get("redirect_uris") {
        Vec::<RedirectUri>::deserialize(uris)
            .map_err(|why| refuse("invalid_redirect_uri", &format!("redirect_uris: {why}")))?;
    }
    ClientMetadata::deserialize(Value::Object(members)).map_err(|why| refuse("invalid_client_metadata", &why))
}

/// Environment and client id.
pub(super) type AppPath = Path<(String, String)>;

async fn change(
    caller: Caller,
    Path(path): AppPath,
    Body(body): Body<ChangedApp>,
) -> Result<Shown<view::App>, Problem> {
    let (state, found, granted) = find_to_change(&caller, &path).await?;
    let tenant = tenants::find(&caller, &body.tenant).await?;
    if tenant.id != found.tenant {
        return Err(Problem::unfit("read_only", "An app keeps its tenant. Make another app."));
    }
    let read_only = [
        ("client_id", &body.client_id),
        ("environment", &body.environment),
        ("status", &body.status),
        ("epoch", &body.epoch),
        ("exposed_at", &body.exposed_at),
        ("created_at", &body.created_at),
        ("secrets", &body.secrets),
    ];
    unchanged(&shown(&caller, &state, &found).await?, &read_only)?;
    let signing = id_token_algorithms(&state.apis);
    let registration = registration(&state, &signing, body.into())?;
    if caller.only().is_some() && registration.is_provided() {
        return Err(for_provider());
    }
    let of = (&tenant, &found);
    app::change(&granted.node, &granted.actor, caller.maker(), of, registration).await?;
    again(&caller, &path).await
}

async fn show(caller: Caller, Path(path): AppPath) -> Result<Shown<view::App>, Problem> {
    again(&caller, &path).await
}

/// An app as it is now.
pub(super) async fn again(caller: &Caller, path: &(String, String)) -> Result<Shown<view::App>, Problem> {
    let (state, app) = find(caller, path).await?;
    Ok(Shown(shown(caller, &state, &app).await?))
}

async fn shown(caller: &Caller, state: &EnvironmentState, app: &App) -> Result<view::App, Problem> {
    let node = &caller.node;
    let names = tenants::names(caller, [app.tenant].into_iter()).await?;
    let yesterday = node.now().seconds() / 60 - 24 * 60;
    let issued = node.store.issued_since(app.id, yesterday).await.map_err(Fault::from)?;
    let secrets = uses::secrets(node, app).await?;
    Ok(view::App::of(state, app, &names[&app.tenant]).whole(secrets, issued))
}

/// An app, if it is there for the caller.
pub(super) async fn find(
    caller: &Caller,
    (environment, client_id): &(String, String),
) -> Result<(Arc<EnvironmentState>, App), Problem> {
    let state = caller.environment(environment)?;
    let found = app::find(&caller.node, &state, client_id).await?.filter(|app| caller.sees(app.tenant));
    Ok((state, found.ok_or_else(|| Problem::not_found("There is no such app in this environment."))?))
}

/// An app that the caller may change.
pub(super) async fn find_to_change(
    caller: &Caller,
    path: &(String, String),
) -> Result<(Arc<EnvironmentState>, App, Granted), Problem> {
    let (state, app) = find(caller, path).await?;
    let granted = caller.in_tenant(app.tenant, Right::ManageApps)?;
    if caller.only().is_some() && app.is_provided() {
        return Err(for_provider());
    }
    Ok((state, app, granted))
}

async fn delete(caller: Caller, Path(path): AppPath) -> Result<Gone, Problem> {
    let (_, found, granted) = find_to_change(&caller, &path).await?;
    let order = Order { switch: Switch::Close, why: None };
    app::switch(&granted.node, &granted.actor, &found, &order).await?;
    Ok(Gone)
}

async fn suspend(
    caller: Caller,
    Path(path): AppPath,
    Body(why): Body<Why>,
) -> Result<Shown<view::App>, Problem> {
    let (_, found, granted) = find_to_change(&caller, &path).await?;
    app::switch(&granted.node, &granted.actor, &found, &why.order(Switch::Suspend)).await?;
    again(&caller, &path).await
}

async fn resume(
    caller: Caller,
    Path(path): AppPath,
    Body(why): Body<Why>,
) -> Result<Shown<view::App>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (_, found) = find(&caller, &path).await?;
    app::switch(&granted.node, &granted.actor, &found, &why.order(Switch::Resume)).await?;
    again(&caller, &path).await
}

async fn end_tokens(caller: Caller, Path(path): AppPath) -> Result<Shown<view::App>, Problem> {
    let (_, found, granted) = find_to_change(&caller, &path).await?;
    app::end_tokens(&granted.node, &granted.actor, &found).await?;
    again(&caller, &path).await
}
