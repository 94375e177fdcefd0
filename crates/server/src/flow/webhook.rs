//! Webhooks: made, changed, rolled, deleted; a message asked for to try one, or again.

use grantor_core::decision::{AuditEvent, Write};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::id::{MessageId, WebhookId};
use grantor_core::tenant::{Status, Tenant};
use grantor_core::webhook::delivery::State;
use grantor_core::webhook::event::TEST;
use grantor_core::webhook::secret::{OVERLAP_SECONDS, SigningSecret};
use grantor_core::webhook::write::{Message, WebhookWrite};
use grantor_core::webhook::{MOST_OF_ONE_OWNER, Topics, Webhook};
use serde_json::Map;

use super::{Fault, FlowError};
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node, message_body};
use crate::remote::Target;

/// Longest description, in characters.
const LONGEST_DESCRIPTION: usize = 200;
/// Webhooks that are looked at to count those of an owner.
const PAGE: i64 = 200;

/// What a person says of a webhook.
pub struct Wanted {
    /// Where messages go.
    pub target: Target,
    /// What it is for.
    pub description: String,
    /// Which events.
    pub topics: Topics,
}

/// Makes a webhook of a tenant, or of the operators. The secret is returned once.
///
/// # Errors
/// Too many of one owner; a description that is too long; storage trouble.
pub async fn create(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    tenant: Option<&Tenant>,
    wanted: Wanted,
) -> Result<(Webhook, SigningSecret), FlowError> {
    let tenant = tenant.map(|tenant| tenant.id);
    let environment = state.environment.id;
    let mut after = [0; 16];
    let mut owned = 0;
    loop {
        let page = node.store.webhooks(environment, after, PAGE).await?;
        owned += page.iter().filter(|webhook| webhook.tenant == tenant).count();
        match page.last() {
            Some(last) if page.len() as i64 == PAGE => after = last.id.bytes(),
            _ => break,
        }
    }
    if owned >= MOST_OF_ONE_OWNER {
        return Err(refused("There are ten webhooks already. Delete one, or let one hear of more events."));
    }
    let description = described(wanted.description)?;
    let (webhook, secret) = node.decide(|env| {
        let webhook = Webhook {
            id: WebhookId::generate(env),
            environment,
            tenant,
            url: wanted.target.as_str().to_owned(),
            description,
            topics: wanted.topics,
            status: Status::Active,
            version: 1,
            failing_since: None,
            created_at: env.now,
        };
        (webhook, SigningSecret::generate(env))
    });
    let sealed = seal(node, webhook.id, &secret)?;
    let event = event("webhook.create", &webhook).detail("host", wanted.target.host());
    write(node, actor, &webhook, vec![WebhookWrite::Insert(webhook.clone(), sealed)], event).await?;
    Ok((webhook, secret))
}

/// Finds a webhook of an environment.
///
/// # Errors
/// Storage trouble.
pub async fn find(node: &Node, state: &EnvironmentState, id: &str) -> Result<Option<Webhook>, Fault> {
    match id.parse::<WebhookId>() {
        Ok(id) => Ok(node.store.webhook(state.environment.id, id).await?),
        Err(_) => Ok(None),
    }
}

/// Replaces what a person says of a webhook, and suspends or resumes it. Messages to another place are signed with a new
/// secret, which is returned once: what was shared with one receiver is worth nothing to another.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker; a description that is too long.
pub async fn change(
    node: &Node,
    actor: &Actor,
    old: &Webhook,
    wanted: Wanted,
    status: Status,
) -> Result<Option<SigningSecret>, FlowError> {
    let to = Webhook {
        url: wanted.target.as_str().to_owned(),
        description: described(wanted.description)?,
        topics: wanted.topics,
        version: old.version.saturating_add(1),
        ..old.clone()
    };
    // A URL that the rules refuse by now counts as another place.
    let moved = !node.remote.target(&old.url).is_ok_and(|before| before.is_at_the_place_of(&wanted.target));
    let secret = moved.then(|| node.decide(SigningSecret::generate));
    let sealed = secret.as_ref().map(|secret| seal(node, old.id, secret)).transpose()?;
    let mut writes = vec![WebhookWrite::Change { to, secret: sealed }];
    let mut events =
        vec![event("webhook.change", old).detail("host", wanted.target.host()).detail("new_secret", moved)];
    if status != old.status {
        writes.push(WebhookWrite::Switch { id: old.id, to: status, at: node.now() });
        let action = if status.is_active() { "webhook.resume" } else { "webhook.suspend" };
        events.push(event(action, old).detail("reason", "asked_for"));
    }
    let writes = writes.into_iter().map(|write| Write::Webhook(Box::new(write))).collect();
    node.commit(&actor.within(old.environment), writes, events).await?;
    node.wake_webhooks();
    Ok(secret)
}

/// Puts a new secret in place, which is returned once. The one before signs as well for a day.
///
/// # Errors
/// [`Fault::Conflict`] if somebody else was quicker.
pub async fn roll(node: &Node, actor: &Actor, webhook: &Webhook) -> Result<SigningSecret, Fault> {
    let secret = node.decide(SigningSecret::generate);
    let roll = WebhookWrite::Roll {
        id: webhook.id,
        from: webhook.version,
        secret: seal(node, webhook.id, &secret)?,
        previous_until: node.now().plus_seconds(OVERLAP_SECONDS),
    };
    write(node, actor, webhook, vec![roll], event("webhook.roll", webhook)).await?;
    Ok(secret)
}

/// Deletes a webhook, and what was on its way to it.
///
/// # Errors
/// [`Fault::Conflict`] if it is gone already.
pub async fn delete(node: &Node, actor: &Actor, webhook: &Webhook) -> Result<(), Fault> {
    let mut deleted = event("webhook.delete", webhook);
    if let Ok(target) = node.remote.target(&webhook.url) {
        deleted = deleted.detail("host", target.host());
    }
    write(node, actor, webhook, vec![WebhookWrite::Delete(webhook.id)], deleted).await
}

/// Puts a message on its way that means nothing: to try a webhook.
///
/// # Errors
/// A webhook that is suspended; storage trouble.
pub async fn test(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    webhook: &Webhook,
) -> Result<MessageId, FlowError> {
    awake(webhook)?;
    let mut data = Map::new();
    data.insert("tenant".to_owned(), webhook.tenant.map(|tenant| tenant.to_string()).into());
    data.insert("environment".to_owned(), state.environment.name.as_str().into());
    data.insert("subject".to_owned(), webhook.id.to_string().into());
    let (id, at) = node.decide(|env| (MessageId::generate(env), env.now));
    let message = Message { id, event: TEST.to_owned(), body: message_body(TEST, at, data), at };
    let tried = event("webhook.test", webhook).detail("message", id.to_string());
    write(node, actor, webhook, vec![WebhookWrite::Enqueue(message, vec![webhook.id])], tried).await?;
    node.wake_webhooks();
    Ok(id)
}

/// Puts a message on its way again, under the same id. `None` if there is no such message to this webhook.
///
/// # Errors
/// A webhook that is suspended; storage trouble.
pub async fn resend(
    node: &Node,
    actor: &Actor,
    webhook: &Webhook,
    message: &str,
) -> Result<Option<()>, FlowError> {
    let Ok(message) = message.parse::<MessageId>() else { return Ok(None) };
    let Some(known) = node.store.delivery(webhook.id, message).await? else { return Ok(None) };
    awake(webhook)?;
    let resent = event("webhook.resend", webhook)
        .detail("message", message.to_string())
        .detail("again", known.delivery.state == State::Delivered);
    let again = WebhookWrite::Resend { webhook: webhook.id, message, at: node.now() };
    write(node, actor, webhook, vec![again], resent).await?;
    node.wake_webhooks();
    Ok(Some(()))
}

/// Where the secret of a webhook belongs: a sealed one that was moved does not open.
pub(super) fn place(id: WebhookId) -> String {
    format!("webhooks/{id}/secret")
}

fn seal(node: &Node, id: WebhookId, secret: &SigningSecret) -> Result<Vec<u8>, Fault> {
    node.decide(|env| node.vault.seal(secret.bytes(), &place(id), env.rng)).map_err(|_| Fault::Internal)
}

/// An event about a webhook. Those of the operators concern no tenant.
fn event(action: &'static str, webhook: &Webhook) -> AuditEvent {
    let event = AuditEvent::new(action, webhook.id.to_string());
    match webhook.tenant {
        Some(tenant) => event.of_tenant(tenant),
        None => event,
    }
}

async fn write(
    node: &Node,
    actor: &Actor,
    webhook: &Webhook,
    writes: Vec<WebhookWrite>,
    event: AuditEvent,
) -> Result<(), Fault> {
    let writes = writes.into_iter().map(|write| Write::Webhook(Box::new(write))).collect();
    node.commit(&actor.within(webhook.environment), writes, vec![event]).await
}

fn awake(webhook: &Webhook) -> Result<(), FlowError> {
    if webhook.status.is_active() {
        return Ok(());
    }
    Err(refused("The webhook is suspended. Resume it first."))
}

fn described(text: String) -> Result<String, FlowError> {
    if text.chars().count() > LONGEST_DESCRIPTION || text.contains(char::is_control) {
        return Err(refused("A description has at most 200 characters, in one line."));
    }
    Ok(text)
}

fn refused(why: &'static str) -> FlowError {
    Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, why).into()
}
