//! Webhooks: who hears of what, and what has become of it. The secret is in the answer that makes one, and nowhere else.

use std::sync::Arc;

use ::http::StatusCode;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Response};
use grantor_core::id::{MessageId, WebhookId};
use grantor_core::tenant::Status;
use grantor_core::webhook::secret::SigningSecret;
use grantor_core::webhook::{Topics, Webhook};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tenants::{PAGE, Page};
use super::{Admin, Body, Problem, answer, tenants, view};
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::webhook::{self, Wanted};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    #[serde(default)]
    tenant: Option<String>,
    url: String,
    #[serde(default)]
    description: String,
    events: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replacement {
    url: String,
    #[serde(default)]
    description: String,
    events: Vec<String>,
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Before {
    #[serde(default)]
    before: Option<MessageId>,
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
    let after = match page.after.as_str() {
        "" => [0; 16],
        id => id.parse::<WebhookId>().map_err(|_| Problem::bad("after is the id of a webhook."))?.bytes(),
    };
    let found = admin.node.store.webhooks(state.environment.id, after, PAGE).await.map_err(Fault::from)?;
    let next = if found.len() as i64 == PAGE { found.last().map(|last| last.id.to_string()) } else { None };
    let mut items = Vec::new();
    for webhook in found.iter().filter(|webhook| only.is_none_or(|tenant| webhook.tenant == Some(tenant))) {
        items.push(shown(&admin, &state, webhook).await?);
    }
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": next })))
}

pub(super) async fn create(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<NewWebhook>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let tenant = match &body.tenant {
        Some(name) => Some(tenants::find(&admin, name).await?),
        None => None,
    };
    let wanted = wanted(&admin, &body.url, body.description, &body.events)?;
    let (webhook, secret) =
        webhook::create(&admin.node, &admin.actor, &state, tenant.as_ref(), wanted).await?;
    let shown = with_secret(shown(&admin, &state, &webhook).await?, Some(&secret));
    Ok(answer(StatusCode::CREATED, &shown))
}

pub(super) async fn show(admin: Admin, Path(path): Path<(String, String)>) -> Result<Response, Problem> {
    let (state, webhook) = find(&admin, &path.0, &path.1).await?;
    Ok(answer(StatusCode::OK, &shown(&admin, &state, &webhook).await?))
}

pub(super) async fn change(
    admin: Admin,
    Path(path): Path<(String, String)>,
    Body(body): Body<Replacement>,
) -> Result<Response, Problem> {
    let (_, old) = find(&admin, &path.0, &path.1).await?;
    let status = body.status.unwrap_or(old.status);
    if status == Status::Closed {
        return Err(Problem::bad("A webhook is active or suspended. DELETE ends one for good."));
    }
    let wanted = wanted(&admin, &body.url, body.description, &body.events)?;
    let secret = webhook::change(&admin.node, &admin.actor, &old, wanted, status).await?;
    let (state, now) = find(&admin, &path.0, &path.1).await?;
    Ok(answer(StatusCode::OK, &with_secret(shown(&admin, &state, &now).await?, secret.as_ref())))
}

pub(super) async fn delete(admin: Admin, Path(path): Path<(String, String)>) -> Result<Response, Problem> {
    let (_, webhook) = find(&admin, &path.0, &path.1).await?;
    webhook::delete(&admin.node, &admin.actor, &webhook).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn roll(admin: Admin, Path(path): Path<(String, String)>) -> Result<Response, Problem> {
    let (_, old) = find(&admin, &path.0, &path.1).await?;
    let secret = webhook::roll(&admin.node, &admin.actor, &old).await?;
    let (state, now) = find(&admin, &path.0, &path.1).await?;
    Ok(answer(StatusCode::CREATED, &with_secret(shown(&admin, &state, &now).await?, Some(&secret))))
}

pub(super) async fn test(admin: Admin, Path(path): Path<(String, String)>) -> Result<Response, Problem> {
    let (state, webhook) = find(&admin, &path.0, &path.1).await?;
    let message = webhook::test(&admin.node, &admin.actor, &state, &webhook).await?;
    Ok(answer(StatusCode::ACCEPTED, &json!({ "message": message })))
}

pub(super) async fn deliveries(
    admin: Admin,
    Path(path): Path<(String, String)>,
    Query(page): Query<Before>,
) -> Result<Response, Problem> {
    let (_, webhook) = find(&admin, &path.0, &path.1).await?;
    let before = page.before.map_or([0xff; 16], MessageId::bytes);
    let found = admin.node.store.deliveries(webhook.id, before, PAGE).await.map_err(Fault::from)?;
    let next = found.last().filter(|_| found.len() as i64 == PAGE).map(|last| last.delivery.message);
    let items: Vec<Value> = found
        .iter()
        .map(|listed| {
            let delivery = &listed.delivery;
            let log: Vec<Value> = delivery
                .log
                .iter()
                .map(|one| json!({ "at": view::time(one.at), "outcome": one.outcome, "millis": one.millis }))
                .collect();
            json!({
                "message": delivery.message,
                "event": delivery.event,
                "created_at": view::time(listed.at),
                "state": delivery.state.as_str(),
                "attempts": delivery.attempts,
                "next_at": delivery.next_at.map(view::time),
                "log": log,
            })
        })
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items, "next": next })))
}

pub(super) async fn resend(
    admin: Admin,
    Path((environment, id, message)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let (_, webhook) = find(&admin, &environment, &id).await?;
    let sent = webhook::resend(&admin.node, &admin.actor, &webhook, &message).await?;
    sent.ok_or_else(|| {
        Problem::not_found("There is no such message to this webhook. They are kept for 30 days.")
    })?;
    Ok(answer(StatusCode::ACCEPTED, &json!({ "message": message })))
}

async fn find(
    admin: &Admin,
    environment: &str,
    id: &str,
) -> Result<(Arc<EnvironmentState>, Webhook), Problem> {
    let state = admin.environment(environment)?;
    let found = webhook::find(&admin.node, &state, id).await?;
    let webhook = found.ok_or_else(|| Problem::not_found("There is no such webhook in this environment."))?;
    Ok((state, webhook))
}

fn wanted(admin: &Admin, url: &str, description: String, events: &[String]) -> Result<Wanted, Problem> {
    let refused = |kind: &'static str, why: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, kind, why);
    let target = admin.node.remote.target(url).map_err(|why| refused("webhook_url", format!("{why}.")))?;
    let topics = Topics::parse(events).map_err(|why| refused("webhook_events", format!("{why}.")))?;
    Ok(Wanted { target, description, topics })
}

async fn shown(admin: &Admin, state: &EnvironmentState, webhook: &Webhook) -> Result<Value, Problem> {
    let names = tenants::names(admin, webhook.tenant.into_iter()).await?;
    Ok(json!({
        "id": webhook.id,
        "environment": state.environment.name,
        "tenant": webhook.tenant.map(|id| names[&id].as_str()),
        "url": webhook.url,
        "description": webhook.description,
        "events": webhook.topics,
        "status": webhook.status,
        "version": webhook.version,
        "failing_since": webhook.failing_since.map(view::time),
        "created_at": view::time(webhook.created_at),
    }))
}

fn with_secret(mut shown: Value, secret: Option<&SigningSecret>) -> Value {
    if let Some(secret) = secret {
        shown["secret"] = secret.reveal().as_str().into();
    }
    shown
}
