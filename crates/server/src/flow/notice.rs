//! Notices to the people who answer for a tenant: its owners and admins, by mail.

use grantor_core::comment::Comment;
use grantor_core::decision::Write;
use grantor_core::email::EmailAddress;
use grantor_core::id::{EnvironmentId, MailId, TenantId};
use grantor_core::outbox::{Mail, MailKind};
use grantor_core::secret::Stage;
use serde_json::{Map, Value};

use super::Fault;
use super::tenant::Order;
use crate::moment::Moment;
use crate::node::Node;

/// Admins of one tenant and environment who are told at most.
const MOST: i64 = 50;

/// The mails to everybody who answers for a tenant in an environment and whose address is proved.
///
/// # Errors
/// Storage trouble.
pub async fn to_admins(
    node: &Node,
    tenant: TenantId,
    environment: EnvironmentId,
    kind: MailKind,
    values: &Map<String, Value>,
) -> Result<Vec<Write>, Fault> {
    let admins = node.store.admins_of(environment, tenant, MOST).await?;
    Ok(admins.into_iter().map(|admin| to(node, admin.email, environment, kind, values)).collect())
}

/// One mail into the outbox.
pub fn to(
    node: &Node,
    to: EmailAddress,
    environment: EnvironmentId,
    kind: MailKind,
    values: &Map<String, Value>,
) -> Write {
    let (id, next_at) = node.decide(|env| (MailId::generate(env), env.now));
    Write::Enqueue(Box::new(Mail { id, environment, to, kind, values: values.clone(), attempts: 0, next_at }))
}

/// What the provider's team has done to something of a tenant.
pub struct Deed<'a> {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where; `None` for the tenant itself, which is in every environment.
    pub environment: Option<EnvironmentId>,
    /// What it was done to, in words: `the app acme-banking`.
    pub thing: String,
    /// What was done: `suspended`.
    pub past: &'static str,
    /// What follows from it.
    pub effect: &'static str,
    /// Why.
    pub why: Option<&'a str>,
}

impl<'a> Deed<'a> {
    /// What an order does to a thing in an environment.
    pub fn of(order: &'a Order, tenant: TenantId, environment: EnvironmentId, thing: String) -> Self {
        let why = order.why.as_ref().map(Comment::as_str);
        let (past, effect) = (order.switch.past(), order.switch.effect());
        Self { tenant, environment: Some(environment), thing, past, effect, why }
    }

    /// The notices of it. Somebody who answers for the tenant in several environments is told once.
    ///
    /// # Errors
    /// Storage trouble.
    pub async fn notices(&self, node: &Node) -> Result<Vec<Write>, Fault> {
        let mut environments: Vec<_> = node.catalogue().environments.clone();
        environments.retain(|state| self.environment.is_none_or(|only| only == state.environment.id));
        environments.sort_by_key(|state| state.environment.stage != Stage::Live);
        let mut told: Vec<EmailAddress> = Vec::new();
        let mut writes = Vec::new();
        for state in environments {
            let values = Map::from_iter([
                ("thing".to_owned(), self.thing.as_str().into()),
                ("past".to_owned(), self.past.into()),
                ("effect".to_owned(), self.effect.into()),
                ("reason".to_owned(), self.why.unwrap_or("").into()),
                ("when".to_owned(), Moment(node.now()).to_string().into()),
                ("login".to_owned(), format!("{}/login", state.environment.issuer).into()),
            ]);
            let id = state.environment.id;
            for admin in node.store.admins_of(id, self.tenant, MOST).await? {
                if !told.contains(&admin.email) {
                    told.push(admin.email.clone());
                    writes.push(to(node, admin.email, id, MailKind::Switched, &values));
                }
            }
        }
        Ok(writes)
    }
}
