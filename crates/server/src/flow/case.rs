//! Cases: opened for a tenant, answered by the provider's team.

use grantor_core::api_key::ApiKey;
use grantor_core::case::{Case, CaseWrite};
use grantor_core::case_handling::{self, NewAnswer, NewCase, Outcome};
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::id::ApiKeyId;
use grantor_core::outbox::MailKind;
use grantor_core::tenant::Tenant;

use super::notice::{login_page, to_admins, values};
use super::{Fault, FlowError};
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node};

/// What is asked for.
pub struct CaseRequest {
    /// The key that shall be invalidated, if it is about one.
    pub key: Option<ApiKeyId>,
    /// In the tenant's words.
    pub text: String,
}

/// Opens a case. `None` if it is about a key that the tenant does not have.
///
/// # Errors
/// What the decision refuses; [`Fault::Duplicate`] where an open case asks for the same.
pub async fn open(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    tenant: &Tenant,
    request: CaseRequest,
) -> Result<Option<Case>, FlowError> {
    let key = match request.key {
        None => None,
        Some(id) => {
            let found = node.store.api_key(state.environment.id, id).await?;
            match found.filter(|key| key.tenant == tenant.id) {
                Some(key) => Some(key),
                None => return Ok(None),
            }
        }
    };
    let new = NewCase {
        tenant: tenant.id,
        environment: state.environment.id,
        key: key.as_ref(),
        text: request.text,
        by: &actor.name,
    };
    let case = node.decide(|env| case_handling::open(new, env))?;
    let event = AuditEvent::new("case.open", case.id.to_string())
        .of_tenant(case.tenant)
        .detail("tenant", tenant.name.as_str())
        .detail("kind", case.subject.kind())
        .detail("key", case.subject.key().map(|key| key.to_string()));
    let write = Write::Case(CaseWrite::Open(Box::new(case.clone())));
    node.commit(&actor.within(case.environment), vec![write], vec![event]).await?;
    Ok(Some(case))
}

/// Answers a case, and tells the tenant. A key that shall be invalidated is revoked in the same unit.
///
/// # Errors
/// What the decision refuses; [`Fault::Conflict`] if somebody else was quicker.
pub async fn answer(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    case: &Case,
    (outcome, text): (Outcome, String),
) -> Result<Case, FlowError> {
    let key: Option<ApiKey> = match case.subject.key() {
        Some(id) => node.store.api_key(case.environment, id).await?,
        None => None,
    };
    let answer = NewAnswer { outcome, text, by: &actor.name, key: key.as_ref() };
    let decision = case_handling::answer(case, answer, node.now());
    let closed = decision.outcome?;
    let told = values([
        ("title", format!("Your request {} was answered: {}", closed.id, closed.state.as_str())),
        ("happened", closed.answer.clone().unwrap_or_default()),
        ("advice", "Open a new request if something is left.".to_owned()),
        ("link", login_page(state)),
    ]);
    let mut writes = decision.writes;
    writes.extend(to_admins(node, case.tenant, case.environment, MailKind::Notice, told).await?);
    node.commit(&actor.within(case.environment), writes, decision.events).await?;
    node.wake_mail();
    Ok(closed)
}

/// A case by its id, in its environment.
///
/// # Errors
/// Storage trouble.
pub async fn find(node: &Node, state: &EnvironmentState, id: &str) -> Result<Option<Case>, Fault> {
    match id.parse() {
        Ok(id) => Ok(node.store.case(state.environment.id, id).await?),
        Err(_) => Ok(None),
    }
}
