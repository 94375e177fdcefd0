//! Webhooks: who hears of what, and what has become of it. The secret is in the answer that makes one, and nowhere else.

use std::sync::Arc;

use axum::extract::{Path, Query};
use grantor_core::id::{MessageId, TenantId};
use grantor_core::permission::Right;
use grantor_core::tenant::Status;
use grantor_core::webhook::delivery::{Attempt, Outcome};
use grantor_core::webhook::secret::SigningSecret;
use grantor_core::webhook::{Topics, Webhook as WebhookRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{Gone, List, Made, Queued, Shown};
use super::body::{Body, given, unchanged};
use super::caller::{Caller, Granted};
use super::page::{Page, PageOfTenant, Window};
use super::problem::Problem;
use super::schema::StatusText;
use super::table::Table;
use super::tenants;
use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::webhook::{self, ListedDelivery, Wanted};
use crate::moment::Moment;

pub(super) fn routes(table: &mut Table) {
    table.tag("Webhooks", "Addresses that hear of events, by Standard Webhooks.");
    table
        .get("/environments/{environment}/webhooks", Right::ReadTenant, list)
        .says("List webhooks", "In order of making, of the provider and all tenants, or of one tenant.");
    table
        .post("/environments/{environment}/webhooks", Right::ManageWebhooks, create)
        .says("Make a webhook", "The answer shows the secret that its messages are signed with, once.")
        .once();
    table
        .get("/environments/{environment}/webhooks/{webhook}", Right::ReadTenant, show)
        .says("Show a webhook", "");
    table
        .put("/environments/{environment}/webhooks/{webhook}", Right::ManageWebhooks, change)
        .says(
            "Change a webhook",
            "All of it, but for its status, which stays if it is left out. Another address gets another secret, shown once.",
        );
    table
        .delete("/environments/{environment}/webhooks/{webhook}", Right::ManageWebhooks, delete)
        .says("Delete a webhook", "With its messages.");
    table
        .post("/environments/{environment}/webhooks/{webhook}/roll", Right::ManageWebhooks, roll)
        .says(
            "Change a webhook's secret",
            "Shown once. For a while messages are signed with the old one too.",
        )
        .once();
    table
        .post("/environments/{environment}/webhooks/{webhook}/test", Right::ManageWebhooks, test)
        .says("Try a webhook", "With a message that means nothing.");
    table
        .get("/environments/{environment}/webhooks/{webhook}/deliveries", Right::ReadTenant, deliveries)
        .says("List a webhook's messages", "Newest first, with every attempt to deliver them.");
    table
        .post(
            "/environments/{environment}/webhooks/{webhook}/deliveries/{message}/resend",
            Right::ManageWebhooks,
            resend,
        )
        .says("Send a message again", "They are kept for 30 days.");
}

/// A new webhook.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// The tenant whose events it hears, by name or GUID; else those of all, for the provider.
    #[serde(default)]
    tenant: Option<String>,
    /// Where messages go.
    url: String,
    #[serde(default)]
    description: String,
    /// The names of events, or `*` for all.
    events: Vec<String>,
}

/// The whole of a webhook. Members that are read-only may be sent back as they were read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangedWebhook {
    url: String,
    #[serde(default)]
    description: String,
    events: Vec<String>,
    /// `active` or `suspended`; else it stays what it is.
    #[serde(default)]
    #[schema(value_type = Option<StatusText>)]
    status: Option<Status>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    id: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    environment: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    tenant: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    version: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    failing_since: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    created_at: Option<Value>,
}

/// An address that hears of events.
#[derive(Serialize, ToSchema)]
struct Webhook {
    id: String,
    environment: String,
    /// The tenant's short name; `null` is the provider.
    tenant: Option<String>,
    url: String,
    description: String,
    /// The names of events, or `*`.
    #[schema(value_type = Vec<String>)]
    events: Topics,
    #[schema(value_type = StatusText)]
    status: &'static str,
    /// Raised by every change of its secret.
    version: i64,
    /// Since when no message has arrived.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Moment>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
}

/// A webhook with a secret that was made now.
#[derive(Serialize, ToSchema)]
struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: Webhook,
    /// The secret: shown now, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A message on its way.
#[derive(Serialize, ToSchema)]
struct QueuedMessage {
    /// Its id.
    message: String,
}

/// A message and what became of it.
#[derive(Serialize, ToSchema)]
struct Delivery {
    /// Its id.
    message: String,
    event: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    /// `waiting`, `delivered`, `given_up`.
    state: &'static str,
    attempts: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Moment>,
    /// The latest attempts.
    log: Vec<DeliveryAttempt>,
}

/// An attempt to deliver a message.
#[derive(Serialize, ToSchema)]
struct DeliveryAttempt {
    #[schema(value_type = String, format = DateTime)]
    at: Moment,
    /// `taken`, or a word for what went wrong.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// How long it took.
    millis: i64,
}

impl Delivery {
    fn of(listed: &ListedDelivery) -> Self {
        let delivery = &listed.delivery;
        let attempt =
            |one: &Attempt| DeliveryAttempt { at: Moment(one.at), outcome: one.outcome, millis: one.millis };
        Self {
            message: delivery.message.to_string(),
            event: delivery.event.clone(),
            created_at: Moment(listed.at),
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            next_at: delivery.next_at.map(Moment),
            log: delivery.log.iter().map(attempt).collect(),
        }
    }
}

async fn list(
    caller: Caller,
    Path(environment): Path<String>,
    Query(query): Query<PageOfTenant>,
) -> Result<List<Webhook>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = tenants::narrowed(&caller, query.tenant.as_deref()).await?;
    let of = tenant.map_or_else(String::new, |tenant| tenant.to_string());
    let window = Window::open(&caller, &query.page(), &["webhooks", &environment, &of])?;
    let (store, after) = (&caller.node.store, window.after_id()?);
    let rows =
        store.webhooks(state.environment.id, tenant, after, window.rows()).await.map_err(Fault::from)?;
    let (rows, next) = window.cut(rows, |webhook| webhook.id.bytes().to_vec());
    let names = tenants::names(&caller, rows.iter().filter_map(|webhook| webhook.tenant)).await?;
    let named = |id: TenantId| names[&id].clone();
    let shown = |webhook: &WebhookRow| Webhook::of(&state, webhook, webhook.tenant.map(named));
    Ok(List { items: rows.iter().map(shown).collect(), next })
}

async fn create(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<NewWebhook>,
) -> Result<Made<WebhookWithSecret>, Problem> {
    let state = caller.environment(&environment)?;
    let tenant = match &body.tenant {
        Some(name) => Some(tenants::find(&caller, name).await?),
        None => None,
    };
    let granted = allowed(&caller, tenant.as_ref().map(|tenant| tenant.id))?;
    let wanted = wanted(&caller, &body.url, body.description, &body.events)?;
    let (webhook, secret) =
        webhook::create(&granted.node, &granted.actor, &state, tenant.as_ref(), wanted).await?;
    let webhook = Webhook::of(&state, &webhook, tenant.map(|tenant| tenant.name.to_string()));
    Ok(Made(webhook.with(Some(&secret))))
}

type WebhookPath = Path<(String, String)>;

async fn show(caller: Caller, Path(path): WebhookPath) -> Result<Shown<Webhook>, Problem> {
    Ok(Shown(again(&caller, &path).await?))
}

async fn change(
    caller: Caller,
    Path(path): WebhookPath,
    Body(body): Body<ChangedWebhook>,
) -> Result<Shown<WebhookWithSecret>, Problem> {
    let (_, old, granted) = find_to_change(&caller, &path).await?;
    let read_only = [
        ("id", &body.id),
        ("environment", &body.environment),
        ("tenant", &body.tenant),
        ("version", &body.version),
        ("failing_since", &body.failing_since),
        ("created_at", &body.created_at),
    ];
    unchanged(&again(&caller, &path).await?, &read_only)?;
    let status = body.status.unwrap_or(old.status);
    if status == Status::Closed {
        return Err(Problem::bad("A webhook is active or suspended. DELETE ends one for good."));
    }
    let wanted = wanted(&caller, &body.url, body.description, &body.events)?;
    let secret = webhook::change(&granted.node, &granted.actor, &old, wanted, status).await?;
    Ok(Shown(again(&caller, &path).await?.with(secret.as_ref())))
}

async fn delete(caller: Caller, Path(path): WebhookPath) -> Result<Gone, Problem> {
    let (_, webhook, granted) = find_to_change(&caller, &path).await?;
    webhook::delete(&granted.node, &granted.actor, &webhook).await?;
    Ok(Gone)
}

async fn roll(caller: Caller, Path(path): WebhookPath) -> Result<Made<WebhookWithSecret>, Problem> {
    let (_, old, granted) = find_to_change(&caller, &path).await?;
    let secret = webhook::roll(&granted.node, &granted.actor, &old).await?;
    Ok(Made(again(&caller, &path).await?.with(Some(&secret))))
}

async fn test(caller: Caller, Path(path): WebhookPath) -> Result<Queued<QueuedMessage>, Problem> {
    let (state, webhook, granted) = find_to_change(&caller, &path).await?;
    let message = webhook::test(&granted.node, &granted.actor, &state, &webhook).await?;
    Ok(Queued(QueuedMessage { message: message.to_string() }))
}

async fn deliveries(
    caller: Caller,
    Path(path): WebhookPath,
    Query(page): Query<Page>,
) -> Result<List<Delivery>, Problem> {
    let (_, webhook) = find(&caller, &path).await?;
    let window = Window::open(&caller, &page, &["deliveries", &webhook.id.to_string()])?;
    // Newest first: nothing stands behind the last id that could be.
    let before = if window.after.is_some() { window.after_id()? } else { [0xff; 16] };
    let rows = caller.node.store.deliveries(webhook.id, before, window.rows()).await.map_err(Fault::from)?;
    let (rows, next) = window.cut(rows, |listed| MessageId::bytes(listed.delivery.message).to_vec());
    Ok(List { items: rows.iter().map(Delivery::of).collect(), next })
}

async fn resend(
    caller: Caller,
    Path((environment, id, message)): Path<(String, String, String)>,
) -> Result<Queued<QueuedMessage>, Problem> {
    let (_, webhook, granted) = find_to_change(&caller, &(environment, id)).await?;
    let sent = webhook::resend(&granted.node, &granted.actor, &webhook, &message).await?;
    sent.ok_or_else(|| {
        Problem::not_found("There is no such message to this webhook. They are kept for 30 days.")
    })?;
    Ok(Queued(QueuedMessage { message }))
}

/// Whoever may manage the webhooks of a tenant; those of the provider are for the provider's team.
fn allowed(caller: &Caller, tenant: Option<TenantId>) -> Result<Granted, Problem> {
    match tenant {
        Some(tenant) => caller.in_tenant(tenant, Right::ManageWebhooks),
        None => caller.operator(Right::ManageWebhooks),
    }
}

/// A webhook, if it is there for the caller.
async fn find(
    caller: &Caller,
    (environment, id): &(String, String),
) -> Result<(Arc<EnvironmentState>, WebhookRow), Problem> {
    let state = caller.environment(environment)?;
    let sees = |webhook: &WebhookRow| match webhook.tenant {
        Some(tenant) => caller.sees(tenant),
        None => caller.only().is_none(),
    };
    let found = webhook::find(&caller.node, &state, id).await?.filter(sees);
    Ok((state, found.ok_or_else(|| Problem::not_found("There is no such webhook in this environment."))?))
}

/// A webhook that the caller may change.
async fn find_to_change(
    caller: &Caller,
    path: &(String, String),
) -> Result<(Arc<EnvironmentState>, WebhookRow, Granted), Problem> {
    let (state, webhook) = find(caller, path).await?;
    let granted = allowed(caller, webhook.tenant)?;
    Ok((state, webhook, granted))
}

async fn again(caller: &Caller, path: &(String, String)) -> Result<Webhook, Problem> {
    let (state, webhook) = find(caller, path).await?;
    let names = tenants::names(caller, webhook.tenant.into_iter()).await?;
    let tenant = webhook.tenant.map(|id| names[&id].clone());
    Ok(Webhook::of(&state, &webhook, tenant))
}

fn wanted(caller: &Caller, url: &str, description: String, events: &[String]) -> Result<Wanted, Problem> {
    let target =
        caller.node.remote.target(url).map_err(|why| Problem::unfit("webhook_url", format!("{why}.")))?;
    let topics = Topics::parse(events).map_err(|why| Problem::unfit("webhook_events", format!("{why}.")))?;
    Ok(Wanted { target, description, topics })
}

impl Webhook {
    fn of(state: &EnvironmentState, webhook: &WebhookRow, tenant: Option<String>) -> Self {
        Self {
            id: webhook.id.to_string(),
            environment: state.environment.name.to_string(),
            tenant,
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            events: webhook.topics.clone(),
            status: webhook.status.as_str(),
            version: webhook.version,
            failing_since: webhook.failing_since.map(Moment),
            created_at: Moment(webhook.created_at),
        }
    }

    fn with(self, secret: Option<&SigningSecret>) -> WebhookWithSecret {
        WebhookWithSecret { webhook: self, secret: secret.map(|secret| secret.reveal().as_str().to_owned()) }
    }
}
