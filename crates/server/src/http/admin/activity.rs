//! What apps and keys have done: their request log, notices, counts, and the last use of their credentials. All of it is for
//! their owner; what is held in memory still is shown with what is stored.

use std::sync::Arc;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::Response;
use grantor_core::api_key::ApiKey;
use grantor_core::app::App;
use grantor_core::env::UnixMillis;
use grantor_core::error::Reason;
use grantor_core::id::{ApiKeyId, EnvironmentId};
use grantor_core::record::Used;
use grantor_core::request_log::{Subject, fix};
use grantor_core::usage::Span;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Problem, answer, apps, keys, view};
use crate::catalogue::EnvironmentState;
use crate::flow::usage::{self, Bucket};
use crate::flow::{Fault, misplaced};
use crate::node::Node;

/// Entries of a log that are shown if nothing is said.
const ENTRIES: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// `ok` or `refused`; both if it is not given.
    #[serde(default)]
    outcome: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    /// `minute`, `hour` or `day`; `hour` if it is not given.
    #[serde(default)]
    by: Option<String>,
    /// How many of them, back from now.
    #[serde(default)]
    limit: Option<i64>,
}

type OfApp = Path<(String, String)>;
type OfKey = Path<(String, String)>;

pub(super) async fn app_log(
    admin: Admin,
    path: OfApp,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let (_, subject) = app(&admin, path).await?;
    log(&admin, subject, &which).await
}

pub(super) async fn app_notices(admin: Admin, path: OfApp) -> Result<Response, Problem> {
    let (_, subject) = app(&admin, path).await?;
    notices(&admin, subject).await
}

pub(super) async fn app_usage(admin: Admin, path: OfApp, Query(by): Query<By>) -> Result<Response, Problem> {
    let (_, subject) = app(&admin, path).await?;
    let day = usage::last_day(&admin.node, subject).await?;
    let mut shown = buckets(&admin, subject, &by).await?;
    shown["last_day"] = json!({
        "issued": day.issued,
        "verified": day.verified,
        "tokens_per_call": day.tokens_per_call,
        "grade": day.habit.as_str(),
        "advice": day.habit.advice(),
    });
    Ok(answer(StatusCode::OK, &shown))
}

pub(super) async fn key_log(
    admin: Admin,
    path: OfKey,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let subject = key(&admin, path).await?;
    log(&admin, subject, &which).await
}

pub(super) async fn key_notices(admin: Admin, path: OfKey) -> Result<Response, Problem> {
    let subject = key(&admin, path).await?;
    notices(&admin, subject).await
}

pub(super) async fn key_usage(admin: Admin, path: OfKey, Query(by): Query<By>) -> Result<Response, Problem> {
    let subject = key(&admin, path).await?;
    Ok(answer(StatusCode::OK, &buckets(&admin, subject, &by).await?))
}

async fn app(
    admin: &Admin,
    Path((environment, client_id)): OfApp,
) -> Result<(Arc<EnvironmentState>, Subject), Problem> {
    let (state, app) = apps::find(admin, &environment, &client_id).await?;
    Ok((state, Subject::App(app.id)))
}

async fn key(admin: &Admin, Path((environment, id)): OfKey) -> Result<Subject, Problem> {
    let (_, key) = keys::find(admin, &environment, &id).await?;
    Ok(Subject::Key(key.id))
}

async fn log(admin: &Admin, subject: Subject, which: &Which) -> Result<Response, Problem> {
    let refused = match which.outcome.as_deref() {
        None => None,
        Some("ok") => Some(false),
        Some("refused") => Some(true),
        Some(_) => return Err(Problem::bad("outcome is ok or refused.")),
    };
    let entries = usage::log(&admin.node, subject).await?;
    let wanted =
        entries.iter().filter(|entry| refused.is_none_or(|refused| entry.reason.is_some() == refused));
    let shown = wanted.take(which.limit.unwrap_or(ENTRIES)).map(|entry| {
        // A reason of a newer release has no sentence here.
        let fix = entry.reason.as_deref().and_then(Reason::from_name).map(fix);
        json!({
            "at": view::time(entry.at),
            "endpoint": entry.door,
            "outcome": if entry.reason.is_some() { "refused" } else { "ok" },
            "status": entry.status,
            "error": entry.error,
            "reason": entry.reason,
            "fix": fix,
            "credential_ends_in": entry.credential,
            "address": entry.address,
            "request_id": entry.request_id,
            "api": entry.api,
            "grant_type": entry.grant,
            "took": entry.took,
            "count": entry.count,
        })
    });
    let items: Vec<Value> = shown.collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

async fn notices(admin: &Admin, subject: Subject) -> Result<Response, Problem> {
    misplaced::look_at_all(&admin.node).await?;
    let found = admin.node.store.notices(subject).await.map_err(Fault::from)?;
    let catalogue = admin.node.catalogue_full();
    let name = |id: EnvironmentId| {
        catalogue.environment_by_id(id).map_or(String::new(), |state| state.environment.name.to_string())
    };
    let shown = found.iter().map(|notice| {
        let (came, belongs) = (name(notice.presented_in), name(notice.belongs_to));
        json!({
            "kind": notice.kind,
            "text": format!("Right credential, wrong environment: one of {belongs} was presented in {came}."),
            "presented_in": came,
            "belongs_to": belongs,
            "first_seen_at": view::time(notice.first_seen_at),
            "last_seen_at": view::time(notice.last_seen_at),
            "count": notice.count,
            "address": notice.address,
        })
    });
    let items: Vec<Value> = shown.collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

async fn buckets(admin: &Admin, subject: Subject, by: &By) -> Result<Value, Problem> {
    let span = Span::from_name(by.by.as_deref().unwrap_or("hour"));
    let span = span.ok_or_else(|| Problem::bad("by is minute, hour or day."))?;
    let usual = match span {
        Span::Minute => 60,
        Span::Hour => 48,
        Span::Day => 31,
    };
    let count = by.limit.unwrap_or(usual);
    if !(1..=span.kept()).contains(&count) {
        return Err(Problem::bad(format!("limit is a number from 1 to {}.", span.kept())));
    }
    let found = usage::buckets(&admin.node, subject, span, count).await?;
    let shown = found.into_iter().map(|Bucket { starts, issued, verified, refused }| {
        let at = UnixMillis(starts * span.seconds() * 1_000);
        json!({ "starts_at": view::time(at), "issued": issued, "verified": verified, "refused": refused })
    });
    let items: Vec<Value> = shown.collect();
    Ok(json!({ "by": span.as_str(), "items": items }))
}

/// Last uses, those that wait to be written before those that are stored.
pub(super) struct Uses(Vec<Use>);

struct Use {
    credential: Used,
    at: UnixMillis,
    address: Option<String>,
}

impl Uses {
    /// Adds the members to a view of a version of a secret.
    pub(super) fn show(&self, shown: &mut Value, version: i64) {
        self.put(shown, |used| matches!(used, Used::Secret(_, known) if known == version));
    }

    /// Adds the members to a view of a key.
    pub(super) fn show_key(&self, shown: &mut Value, id: ApiKeyId) {
        self.put(shown, |used| used == Used::Key(id));
    }

    fn put(&self, shown: &mut Value, is: impl Fn(Used) -> bool) {
        let found = self.0.iter().find(|used| is(used.credential));
        shown["last_used_at"] = found.map_or(Value::Null, |used| view::time(used.at).into());
        shown["last_used_from"] = found.and_then(|used| used.address.clone()).into();
    }
}

/// The last uses of an app's secrets.
pub(super) async fn secret_uses(node: &Node, app: &App) -> Result<Uses, Fault> {
    let stored = node.store.last_uses(Subject::App(app.id)).await?;
    let used = |version| Used::Secret(app.id, version);
    let mut all = waiting_uses(node, app.secrets.iter().map(|secret| used(secret.version)));
    all.extend(stored.into_iter().map(|stored| Use {
        credential: used(stored.version),
        at: stored.at,
        address: stored.address,
    }));
    Ok(Uses(all))
}

/// The last uses of some keys of an environment, in order of their ids.
pub(super) async fn key_uses(
    node: &Node,
    environment: EnvironmentId,
    keys: &[ApiKey],
) -> Result<Uses, Fault> {
    let mut all = waiting_uses(node, keys.iter().map(|key| Used::Key(key.id)));
    let stored = match keys {
        [] => Vec::new(),
        [key] => node.store.last_uses(Subject::Key(key.id)).await?,
        [first, ..] => {
            let before = u128::from_be_bytes(first.id.bytes()).saturating_sub(1).to_be_bytes();
            let count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
            node.store.last_uses_of_keys(environment, before, count).await?
        }
    };
    all.extend(stored.into_iter().map(|stored| Use {
        credential: Used::Key(ApiKeyId::from_bytes(stored.subject)),
        at: stored.at,
        address: stored.address,
    }));
    Ok(Uses(all))
}

fn waiting_uses(node: &Node, credentials: impl Iterator<Item = Used>) -> Vec<Use> {
    let waiting = credentials.filter_map(|used| node.activity.uses.of(used));
    waiting
        .map(|used| Use {
            credential: used.credential,
            at: used.at,
            address: used.address.map(|address| address.to_string()),
        })
        .collect()
}
