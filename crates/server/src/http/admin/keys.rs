//! API keys.

use std::sync::Arc;

use axum::extract::{Path, Query};
use grantor_core::access::QuotaClass;
use grantor_core::address_list::AddressList;
use grantor_core::api::Api;
use grantor_core::api_key::ApiKey;
use grantor_core::api_key_change::{Narrowing, Rotation};
use grantor_core::id::ApiKeyId;
use grantor_core::lifetime::Lifetime;
use grantor_core::name::NameError;
use grantor_core::permission::Right;
use grantor_core::scope::{Scope, ScopeSet};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{List, Made, Shown};
use super::body::{Body, Why};
use super::caller::{Caller, Granted};
use super::page::{PageOfTenant, Window};
use super::problem::Problem;
use super::schema::{CommentText, NetworkText, QuotaText, ScopeText};
use super::table::Table;
use super::{tenants, uses, view};
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::api_key::{self, KeyRequest};
use crate::flow::app::apis_by_name;
use crate::flow::order::{Order, Switch};
use crate::moment::Moment;

pub(super) fn routes(table: &mut Table) {
    table.tag("Keys", "API keys: long-lived credentials of a tenant in one environment.");
    table
        .get("/environments/{environment}/keys", Right::ReadTenant, list)
        .says("List keys", "In order of making, of all tenants or of one.");
    table
        .post("/environments/{environment}/keys", Right::ManageKeys, create)
        .says(
            "Make a key",
            "The answer shows it, once. A member makes keys where the API's profile lets tenants do so.",
        )
        .once();
    table.get("/environments/{environment}/keys/{key}", Right::ReadTenant, show).says("Show a key", "");
    table
        .post("/environments/{environment}/keys/{key}/rotate", Right::ManageKeys, rotate)
        .says(
            "Rotate a key",
            "A new one, shown once; the old one works on for an overlap. It may be narrower, never wider.",
        )
        .once();
    table.post("/environments/{environment}/keys/{key}/narrow", Right::ManageKeys, narrow).says(
        "Narrow a key",
        "Fewer APIs, scopes or addresses, a smaller quota, an earlier end. Never wider.",
    );
    table
        .post("/environments/{environment}/keys/{key}/revoke", Right::ManageKeys, revoke)
        .says("Revoke a key", "For ever, from the next request.");
    table
        .post("/environments/{environment}/keys/{key}/suspend", Right::ManageKeys, suspend)
        .says("Suspend a key", "It is refused from the next request.");
    table
        .post("/environments/{environment}/keys/{key}/resume", Right::ManagePartners, resume)
        .says("Resume a key", "For the provider's team: it may have had its reasons.");
}

/// A new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// The tenant whose it is, by name or GUID.
    tenant: String,
    /// Its name for people.
    #[serde(default)]
    name: String,
    /// The APIs that it opens, by name.
    apis: Vec<String>,
    /// What it may do there; else all that the tenant's accesses allow.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScopeText>>)]
    scopes: Option<Vec<Scope>>,
    /// Seconds that it lives; else what the profile says.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315360000)]
    lifetime: Option<Lifetime>,
    /// The networks that it is good from, for example `203.0.113.0/24`; else any.
    #[serde(default)]
    #[schema(value_type = Option<Vec<NetworkText>>, min_items = 1)]
    addresses: Option<AddressList>,
    /// How many calls it may make; else the API alone sets limits.
    #[serde(default)]
    #[schema(value_type = Option<QuotaText>)]
    quota: Option<QuotaClass>,
}

/// A key that takes another one's place. What is not named stays as it was.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyRotation {
    /// Seconds for which the old key works on; 0 ends it at once.
    #[schema(minimum = 0)]
    overlap: i64,
    /// Seconds that the new one lives; else what the profile says.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315360000)]
    lifetime: Option<Lifetime>,
    #[serde(default)]
    apis: Option<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScopeText>>)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<NetworkText>>, min_items = 1)]
    addresses: Option<AddressList>,
    #[serde(default)]
    #[schema(value_type = Option<QuotaText>)]
    quota: Option<QuotaClass>,
}

/// What a key is narrowed to. What is not named stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyNarrowing {
    #[serde(default)]
    apis: Option<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScopeText>>)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<NetworkText>>, min_items = 1)]
    addresses: Option<AddressList>,
    #[serde(default)]
    #[schema(value_type = Option<QuotaText>)]
    quota: Option<QuotaClass>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
}

/// Why a key is revoked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeKey {
    /// The partner will ask.
    #[schema(value_type = CommentText)]
    reason: String,
}

/// A key that has taken another one's place.
#[derive(Serialize, ToSchema)]
struct RotatedKey {
    #[serde(flatten)]
    row: view::Key,
    /// The key: shown now, and never again.
    key: String,
    /// The old one, as it is now.
    replaces: view::Key,
}

/// A key as it was made.
#[derive(Serialize, ToSchema)]
struct CreatedKey {
    #[serde(flatten)]
    row: view::Key,
    /// The key: shown now, and never again.
    key: String,
}

async fn list(
    caller: Caller,
    Path(environment): Path<String>,
    Query(query): Query<PageOfTenant>,
) -> Result<List<view::Key>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::narrowed(&caller, query.tenant.as_deref()).await?;
    let of = tenant.map_or_else(String::new, |tenant| tenant.to_string());
    let window = Window::open(&caller, &query.page(), &["keys", &environment, &of])?;
    let (store, after) = (&caller.node.store, window.after_id()?);
    let rows =
        store.api_keys(state.environment.id, tenant, after, window.rows()).await.map_err(Fault::from)?;
    let (rows, next) = window.cut(rows, |key| key.id.bytes().to_vec());
    let names = tenants::names(&caller, rows.iter().map(|key| key.tenant)).await?;
    let uses = uses::of_keys(&caller.node, (state.environment.id, tenant), &rows).await?;
    let now = caller.node.now();
    let shown = |key: &ApiKey| view::Key::of(&state, key, &names[&key.tenant], now).used(uses.of_key(key.id));
    Ok(List { items: rows.iter().map(shown).collect(), next })
}

async fn create(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<NewKey>,
) -> Result<Made<CreatedKey>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::find(&caller, &body.tenant).await?;
    let granted = caller.in_tenant(tenant.id, Right::ManageKeys)?;
    if body.name.chars().count() > 200 || body.name.chars().any(char::is_control) {
        return Err(Problem::unfit(
            "malformed",
            "A name has at most 200 characters and no control characters.",
        ));
    }
    let request = KeyRequest {
        name: body.name,
        apis: apis(&state, &body.apis)?,
        scopes: body.scopes.map(ScopeSet::from),
        lifetime: body.lifetime,
        addresses: body.addresses,
        quota: body.quota.unwrap_or(QuotaClass::Unlimited),
    };
    let (secret, key) =
        api_key::create(&granted.node, &granted.actor, caller.maker(), (&state, &tenant), request).await?;
    let row = view::Key::of(&state, &key, tenant.name.as_str(), caller.node.now());
    Ok(Made(CreatedKey { row, key: secret.reveal().to_owned() }))
}

fn apis<'a>(state: &'a EnvironmentState, names: &[String]) -> Result<Vec<&'a Api>, Problem> {
    let found = apis_by_name(state, names).map_err(|name| {
        Problem::unfit("unknown_api", format!("There is no API {name} in this environment."))
    })?;
    Ok(found.into_iter().map(AsRef::as_ref).collect())
}

async fn rotate(
    caller: Caller,
    Path(path): KeyPath,
    Body(body): Body<KeyRotation>,
) -> Result<Made<RotatedKey>, Problem> {
    let (state, old, granted) = find_to_change(&caller, &path).await?;
    let tenant = caller.node.store.tenant(old.tenant).await.map_err(Fault::from)?.ok_or(Fault::Internal)?;
    let rotation = Rotation {
        narrowing: Narrowing {
            apis: body.apis.map(|names| apis(&state, &names)).transpose()?,
            scopes: body.scopes.map(ScopeSet::from),
            addresses: body.addresses,
            quota: body.quota,
            expires_at: None,
        },
        lifetime: body.lifetime,
        overlap: body.overlap,
    };
    let of = (&*state, &tenant, &old);
    let (secret, new) = api_key::rotate(&granted.node, &granted.actor, caller.maker(), of, rotation).await?;
    let row = view::Key::of(&state, &new, tenant.name.as_str(), caller.node.now());
    let Shown(replaces) = again(&caller, &path).await?;
    Ok(Made(RotatedKey { row, key: secret.reveal().to_owned(), replaces }))
}

async fn narrow(
    caller: Caller,
    Path(path): KeyPath,
    Body(body): Body<KeyNarrowing>,
) -> Result<Shown<view::Key>, Problem> {
    let (state, key, granted) = find_to_change(&caller, &path).await?;
    let wanted = Narrowing {
        apis: body.apis.map(|names| apis(&state, &names)).transpose()?,
        scopes: body.scopes.map(ScopeSet::from),
        addresses: body.addresses,
        quota: body.quota,
        expires_at: body.expires_at.map(|Moment(at)| at),
    };
    api_key::narrow(&granted.node, &granted.actor, &state, &key, &wanted).await?;
    again(&caller, &path).await
}

type KeyPath = Path<(String, String)>;

async fn show(caller: Caller, Path(path): KeyPath) -> Result<Shown<view::Key>, Problem> {
    again(&caller, &path).await
}

/// A key, if it is there for the caller.
pub(super) async fn find(
    caller: &Caller,
    (environment, id): &(String, String),
) -> Result<(Arc<EnvironmentState>, ApiKey), Problem> {
    let state = caller.environment(environment)?;
    let missing = || Problem::not_found("There is no such key in this environment.");
    let id: ApiKeyId = id.parse().map_err(|_| missing())?;
    let key = caller.node.store.api_key(state.environment.id, id).await.map_err(Fault::from)?;
    Ok((state, key.filter(|key| caller.sees(key.tenant)).ok_or_else(missing)?))
}

/// A key that the caller may change.
async fn find_to_change(
    caller: &Caller,
    path: &(String, String),
) -> Result<(Arc<EnvironmentState>, ApiKey, Granted), Problem> {
    let (state, key) = find(caller, path).await?;
    let granted = caller.in_tenant(key.tenant, Right::ManageKeys)?;
    Ok((state, key, granted))
}

async fn revoke(
    caller: Caller,
    Path(path): KeyPath,
    Body(body): Body<RevokeKey>,
) -> Result<Shown<view::Key>, Problem> {
    let (_, key, granted) = find_to_change(&caller, &path).await?;
    let reason = body.reason.parse();
    let reason =
        reason.map_err(|why: NameError| Problem::bad(format!("Say why, the partner will ask: {why}.")))?;
    let order = Order { switch: Switch::Close, why: Some(reason) };
    api_key::switch(&granted.node, &granted.actor, &key, &order).await?;
    again(&caller, &path).await
}

async fn suspend(
    caller: Caller,
    Path(path): KeyPath,
    Body(why): Body<Why>,
) -> Result<Shown<view::Key>, Problem> {
    let (_, key, granted) = find_to_change(&caller, &path).await?;
    api_key::switch(&granted.node, &granted.actor, &key, &why.order(Switch::Suspend)).await?;
    again(&caller, &path).await
}

async fn resume(
    caller: Caller,
    Path(path): KeyPath,
    Body(why): Body<Why>,
) -> Result<Shown<view::Key>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (_, key) = find(&caller, &path).await?;
    api_key::switch(&granted.node, &granted.actor, &key, &why.order(Switch::Resume)).await?;
    again(&caller, &path).await
}

async fn again(caller: &Caller, path: &(String, String)) -> Result<Shown<view::Key>, Problem> {
    let (state, key) = find(caller, path).await?;
    let names = tenants::names(caller, [key.tenant].into_iter()).await?;
    let of = (state.environment.id, None);
    let uses = uses::of_keys(&caller.node, of, std::slice::from_ref(&key)).await?;
    let shown = view::Key::of(&state, &key, &names[&key.tenant], caller.node.now());
    Ok(Shown(shown.used(uses.of_key(key.id))))
}
