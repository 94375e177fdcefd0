//! Apps and their secrets.

use std::sync::Arc;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Response};
use grantor_core::app::{App, SecretVersion};
use grantor_core::client_metadata::ClientMetadata;
use grantor_core::lifetime::Lifetime;
use grantor_core::name::ClientId;
use grantor_core::permission::Maker;
use grantor_core::profile::{ClientAuthMethod, GrantType};
use grantor_core::redirect_uri::RedirectUri;
use grantor_core::registration::{NewSecret, Registration, id_token_algorithms};
use grantor_core::scope::{Scope, ScopeSet};
use grantor_jose::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::tenants::{PAGE, Page};
use super::{Admin, Body, Problem, Why, activity, answer, tenants, view};
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::app::{self, Tokens};
use crate::flow::tenant::{Order, Switch};
use crate::moment::Moment;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewApp {
    tenant: String,
    #[serde(default)]
    client_id: Option<ClientId>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    apis: Vec<String>,
    #[serde(default)]
    introspects: Vec<String>,
    #[serde(default)]
    grants: Option<Vec<GrantType>>,
    #[serde(default)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    auth_method: Option<ClientAuthMethod>,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    secret_lifetime: Option<Lifetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateSecret {
    #[serde(default)]
    lifetime: Option<Lifetime>,
    /// When it begins to authenticate; now if it is not given.
    #[serde(default)]
    not_before: Option<Moment>,
    /// Seconds until the other versions cease to authenticate; they live on if it is not given.
    #[serde(default)]
    end_others_after: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndSecret {
    #[serde(default)]
    end_tokens: bool,
}

pub(super) async fn list(
    admin: Admin,
    Path(environment): Path<String>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let only = match &page.tenant {
        Some(name) => Some(tenants::find(&admin, name).await?.id),
        None => None,
    };
    let apps = admin.node.store.apps(state.environment.id, &page.after, PAGE).await.map_err(Fault::from)?;
    let next =
        if apps.len() as i64 == PAGE { apps.last().map(|app| app.client_id.to_string()) } else { None };
    let tenants = tenants::names(&admin, apps.iter().map(|app| app.tenant)).await?;
    let shown = apps.iter().filter(|app| only.is_none_or(|tenant| app.tenant == tenant));
    let items: Vec<Value> = shown.map(|app| view::app(&state, app, &tenants[&app.tenant])).collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": next })))
}

pub(super) async fn create(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<NewApp>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let tenant = tenants::find(&admin, &body.tenant).await?;
    let first = NewSecret { not_before: None, lifetime: body.secret_lifetime };
    let signing = id_token_algorithms(&state.apis);
    let registration = registration(&state, body, &signing)?;
    let created =
        app::create(&admin.node, &admin.actor, Maker::Provider, (&state, &tenant), (registration, first))
            .await?;
    let mut shown = view::app(&state, &created.app, tenant.name.as_str());
    if let Some((secret, version)) = &created.secret {
        shown["client_secret"] = secret.reveal().into();
        shown["secret"] = view::secret(version, admin.node.now());
    }
    Ok(answer(StatusCode::CREATED, &shown))
}

/// What a body asks for, with its APIs looked up.
fn registration<'a>(
    state: &'a EnvironmentState,
    body: NewApp,
    signing: &'a [Algorithm],
) -> Result<Registration<'a>, Problem> {
    let named = |names: &[String]| {
        app::apis_by_name(state, names).map_err(|name| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown_api",
                format!("There is no API {name} in this environment."),
            )
        })
    };
    Ok(Registration {
        apis: named(&body.apis)?,
        introspects: named(&body.introspects)?,
        client_id: body.client_id,
        name: body.name,
        auth_method: body.auth_method,
        grants: body.grants,
        scopes: body.scopes.map(ScopeSet::from),
        metadata: metadata(body.metadata)?,
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

/// Replaces the registration by the whole of a new one (RFC 7592 2.2): what is left out is unset.
pub(super) async fn change(
    admin: Admin,
    Path((environment, client_id)): Path<(String, String)>,
    Body(body): Body<NewApp>,
) -> Result<Response, Problem> {
    let (state, found) = find(&admin, &environment, &client_id).await?;
    let tenant = tenants::find(&admin, &body.tenant).await?;
    if tenant.id != found.tenant || body.client_id.as_ref().is_some_and(|id| *id != found.client_id) {
        return Err(Problem::bad("An app keeps its tenant and its client id. Make another app."));
    }
    if body.secret_lifetime.is_some() {
        return Err(Problem::bad("A change makes no secret. POST to secrets makes one."));
    }
    let signing = id_token_algorithms(&state.apis);
    let registration = registration(&state, body, &signing)?;
    app::change(&admin.node, &admin.actor, Maker::Provider, (&tenant, &found), registration).await?;
    let (state, now) = find(&admin, &environment, &client_id).await?;
    shown(&admin, &state, &now).await
}

pub(super) async fn show(
    admin: Admin,
    Path((environment, client_id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (state, app) = find(&admin, &environment, &client_id).await?;
    shown(&admin, &state, &app).await
}

async fn shown(admin: &Admin, state: &EnvironmentState, app: &App) -> Result<Response, Problem> {
    let now = admin.node.now();
    let tenant = admin.node.store.tenant(app.tenant).await.map_err(Fault::from)?;
    let mut body = view::app(state, app, tenant.as_ref().map_or("", |tenant| tenant.name.as_str()));
    let uses = activity::secret_uses(&admin.node, app).await?;
    let shown = |version: &SecretVersion| {
        let mut shown = view::secret(version, now);
        uses.show(&mut shown, version.version);
        shown
    };
    body["secrets"] = app.secrets.iter().map(shown).collect();
    body["tokens_issued_last_day"] = admin
        .node
        .store
        .issued_since(app.id, now.seconds() / 60 - 24 * 60)
        .await
        .map_err(Fault::from)?
        .into();
    Ok(answer(StatusCode::OK, &body))
}

pub(super) async fn find(
    admin: &Admin,
    environment: &str,
    client_id: &str,
) -> Result<(Arc<EnvironmentState>, App), Problem> {
    let state = admin.environment(environment)?;
    let found = app::find(&admin.node, &state, client_id).await?;
    Ok((state, found.ok_or_else(|| Problem::not_found("There is no such app in this environment."))?))
}

pub(super) async fn delete(
    admin: Admin,
    Path((environment, client_id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (_, found) = find(&admin, &environment, &client_id).await?;
    let order = Order { switch: Switch::Close, why: None };
    app::switch(&admin.node, &admin.actor, &found, &order).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
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
    (environment, client_id): (String, String),
    order: Order,
) -> Result<Response, Problem> {
    let (_, found) = find(admin, &environment, &client_id).await?;
    app::switch(&admin.node, &admin.actor, &found, &order).await?;
    let (state, now) = find(admin, &environment, &client_id).await?;
    shown(admin, &state, &now).await
}

pub(super) async fn rotate_secret(
    admin: Admin,
    Path((environment, client_id)): Path<(String, String)>,
    Body(body): Body<RotateSecret>,
) -> Result<Response, Problem> {
    let (state, found) = find(&admin, &environment, &client_id).await?;
    let end_others_at = match body.end_others_after {
        Some(seconds) if seconds < 0 => {
            return Err(Problem::bad("end_others_after is a number of seconds from now."));
        }
        Some(seconds) => Some(admin.node.now().plus_seconds(seconds)),
        None => None,
    };
    let new = NewSecret { not_before: body.not_before.map(|Moment(at)| at), lifetime: body.lifetime };
    let (secret, version) =
        app::rotate_secret(&admin.node, &admin.actor, &state, &found, new, end_others_at).await?;
    let mut shown = view::secret(&version, admin.node.now());
    shown["client_id"] = found.client_id.as_str().into();
    shown["client_secret"] = secret.reveal().into();
    Ok(answer(StatusCode::CREATED, &shown))
}

pub(super) async fn end_secret(
    admin: Admin,
    Path((environment, client_id, version)): Path<(String, String, i64)>,
    Body(body): Body<EndSecret>,
) -> Result<Response, Problem> {
    let (_, found) = find(&admin, &environment, &client_id).await?;
    let tokens = if body.end_tokens { Tokens::End } else { Tokens::Keep };
    let ended = app::end_secret(&admin.node, &admin.actor, &found, version, tokens).await?;
    ended.ok_or_else(|| Problem::not_found("There is no such living version of the secret."))?;
    let (state, now) = find(&admin, &environment, &client_id).await?;
    shown(&admin, &state, &now).await
}

pub(super) async fn end_tokens(
    admin: Admin,
    Path((environment, client_id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (state, found) = find(&admin, &environment, &client_id).await?;
    app::end_tokens(&admin.node, &admin.actor, &found).await?;
    let (_, now) = find(&admin, &environment, &client_id).await?;
    shown(&admin, &state, &now).await
}
