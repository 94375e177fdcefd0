//! What the provider's team does to something of a tenant, told to those who answer for the tenant.

use grantor_core::comment::Comment;
use grantor_core::decision::Write;
use grantor_core::email::EmailAddress;
use grantor_core::id::{EnvironmentId, TenantId};
use grantor_core::outbox::MailKind;
use grantor_core::secret::Stage;

use super::Fault;
use super::notice::{self, RECIPIENTS, login_page, moment, values};
use super::order::Order;
use crate::node::Node;

/// What was done.
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
            let id = state.environment.id;
            let told_of = values([
                ("thing", self.thing.clone()),
                ("past", self.past.to_owned()),
                ("effect", self.effect.to_owned()),
                ("reason", self.why.unwrap_or("").to_owned()),
                ("when", moment(node.now())),
                ("login", login_page(&state)),
            ]);
            for address in node.store.admin_addresses(id, self.tenant, RECIPIENTS).await? {
                if !told.contains(&address) {
                    writes.push(notice::mail(node, address.clone(), id, MailKind::Switched, told_of.clone()));
                    told.push(address);
                }
            }
        }
        Ok(writes)
    }
}
