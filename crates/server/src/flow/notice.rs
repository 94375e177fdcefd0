//! Mails to those who answer for a tenant. They are writes of the unit that causes them: whoever is told of something is
//! told of what has happened.

use grantor_core::decision::Write;
use grantor_core::email::EmailAddress;
use grantor_core::env::UnixMillis;
use grantor_core::id::{EnvironmentId, MailId, TenantId};
use grantor_core::outbox::{Mail, MailKind};
use serde_json::{Map, Value};

use super::Fault;
use crate::catalogue::EnvironmentState;
use crate::moment::Moment;
use crate::node::Node;

/// Most people who get one notice.
pub const RECIPIENTS: i64 = 50;

/// One mail to each owner and administrator of a tenant in an environment whose address is verified. An empty list where
/// there is nobody. After the commit, `Node::wake_mail` lets them leave at once.
///
/// # Errors
/// Storage trouble.
pub async fn to_admins(
    node: &Node,
    tenant: TenantId,
    environment: EnvironmentId,
    kind: MailKind,
    values: Map<String, Value>,
) -> Result<Vec<Write>, Fault> {
    let recipients = node.store.admin_addresses(environment, tenant, RECIPIENTS).await?;
    Ok(recipients.into_iter().map(|to| mail(node, to, environment, kind, values.clone())).collect())
}

/// One mail, into the outbox.
pub fn mail(
    node: &Node,
    to: EmailAddress,
    environment: EnvironmentId,
    kind: MailKind,
    values: Map<String, Value>,
) -> Write {
    let (id, next_at) = node.decide(|env| (MailId::generate(env), env.now));
    Write::Enqueue(Box::new(Mail { id, environment, to, kind, values, attempts: 0, next_at }))
}

/// What a mail is told, by the names of its template.
pub fn values<const N: usize>(pairs: [(&str, String); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// The page where people of an environment sign in.
pub fn login_page(state: &EnvironmentState) -> String {
    format!("{}/login", state.environment.issuer)
}

/// A moment as it stands in a mail, to the second.
pub fn moment(at: UnixMillis) -> String {
    Moment(UnixMillis(at.seconds() * 1_000)).to_string()
}
