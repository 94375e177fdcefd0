//! Accesses: applied for, decided, opened, stopped. Every step is a row of the history, in the unit of what it changes.

use grantor_core::access::Access;
use grantor_core::api::Api;
use grantor_core::contract::Contract;
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::error::Denial;
use grantor_core::gate::Terms;
use grantor_core::name::NameError;
use grantor_core::onboarding::{
    AccessMove, AccessTerms, Application, Remark, Step, Taken, advance_access, apply as decide_application,
    approve as decide_approval, record_contract as decide_contract, settle,
};
use grantor_core::scope::ScopeSet;
use grantor_core::secret::Stage;
use grantor_core::tenant::Tenant;

use super::deed::Deed;
use super::order::Switch;
use super::{Fault, FlowError};
use crate::catalogue::{Catalogue, EnvironmentState};
use crate::node::{Actor, Node};

/// Which access: one tenant, one API of one environment.
pub struct Place<'a> {
    /// Where.
    pub state: &'a EnvironmentState,
    /// Whose.
    pub tenant: &'a Tenant,
    /// To what.
    pub api: &'a Api,
}

/// An access with what its gates are judged by.
pub struct Known {
    /// The access.
    pub access: Access,
    /// All accesses of the tenant.
    pub accesses: Vec<Access>,
}

/// Finds an access.
///
/// # Errors
/// Storage trouble.
pub async fn find(node: &Node, place: &Place<'_>) -> Result<Option<Known>, Fault> {
    let accesses = node.store.accesses(place.tenant.id).await?;
    let access = accesses.iter().find(|access| access.api == place.api.id).cloned();
    Ok(access.map(|access| Known { access, accesses }))
}

/// Applies for an access, for the first time or after a refusal.
///
/// # Errors
/// What the decision refuses; [`Fault::Conflict`] or [`Fault::Duplicate`] if somebody else was quicker.
pub async fn apply(
    node: &Node,
    actor: &Actor,
    place: &Place<'_>,
    scopes: Option<&ScopeSet>,
    comment: String,
) -> Result<Access, FlowError> {
    let accesses = node.store.accesses(place.tenant.id).await?;
    let current = accesses.iter().find(|access| access.api == place.api.id);
    let catalogue = node.catalogue_full();
    let rehearsals = rehearsals(&catalogue, place);
    let application = Application {
        tenant: place.tenant,
        api: place.api,
        scopes,
        rehearsals: &rehearsals,
        accesses: &accesses,
    };
    let remark = remark(actor, comment);
    let taken = node.decide(|env| decide_application(&application, current, remark, env))?;
    let change = match taken.from {
        None => vec![Write::InsertAccess(taken.access.clone(), node.now())],
        Some(from) => vec![moved(&taken, from), Write::ChangeAccess(taken.access.clone())],
    };
    commit(node, actor, place, taken, change).await
}

/// Approves an application, with what is settled by it.
///
/// # Errors
/// As [`apply`].
pub async fn approve(
    node: &Node,
    actor: &Actor,
    (place, known): (&Place<'_>, &Known),
    terms: AccessTerms,
    comment: String,
) -> Result<Access, FlowError> {
    let catalogue = node.catalogue_full();
    let rehearsals = rehearsals(&catalogue, place);
    let application = Application {
        tenant: place.tenant,
        api: place.api,
        scopes: None,
        rehearsals: &rehearsals,
        accesses: &known.accesses,
    };
    let remark = remark(actor, comment);
    let taken = node.decide(|env| decide_approval(&application, &known.access, terms, remark, env))?;
    let change = vec![moved(&taken, known.access.status), Write::ChangeAccess(taken.access.clone())];
    commit(node, actor, place, taken, change).await
}

/// Refuses, suspends, resumes or closes.
///
/// # Errors
/// As [`apply`].
pub async fn advance(
    node: &Node,
    actor: &Actor,
    (place, known): (&Place<'_>, &Known),
    step: Step,
    comment: String,
) -> Result<Access, FlowError> {
    let remark = remark(actor, comment);
    let taken = node.decide(|env| advance_access(step, &known.access, remark, env))?;
    let mut change = vec![moved(&taken, known.access.status)];
    change.extend(notices(node, place, &taken).await?);
    let access = commit(node, actor, place, taken, change).await?;
    node.wake_mail();
    Ok(access)
}

/// What those who answer for the tenant are told of an access that was stopped, goes on or has ended.
async fn notices(node: &Node, place: &Place<'_>, taken: &Taken) -> Result<Vec<Write>, Fault> {
    let mut writes = Vec::new();
    for step in &taken.steps {
        let Some(switch) = switch(step.step) else { continue };
        let deed = Deed {
            tenant: place.tenant.id,
            environment: Some(place.state.environment.id),
            thing: format!("the access to {}", place.api.title),
            past: switch.past(),
            effect: switch.effect(),
            why: Some(step.comment.as_str()),
        };
        writes.extend(deed.notices(node).await?);
    }
    Ok(writes)
}

/// A step that stops a partner or lets it go on, as people are told of it.
fn switch(step: Step) -> Option<Switch> {
    match step {
        Step::Suspend => Some(Switch::Suspend),
        Step::Resume => Some(Switch::Resume),
        Step::Close => Some(Switch::Close),
        Step::Apply | Step::Approve | Step::Refuse | Step::RecordContract => None,
    }
}

/// Records a contract as signed.
///
/// # Errors
/// As [`apply`].
pub async fn record_contract(
    node: &Node,
    actor: &Actor,
    (place, known): (&Place<'_>, &Known),
    contract: Contract,
    comment: String,
) -> Result<Access, FlowError> {
    let contract = Contract::record(contract.sha256, contract.signed_at, contract.reference, node.now())
        .map_err(refused)?;
    let remark = remark(actor, comment);
    let taken = node.decide(|env| decide_contract(&known.access, contract.clone(), remark, env))?;
    let change = vec![Write::RecordContract(place.tenant.id, place.api.id, contract)];
    commit(node, actor, place, taken, change).await
}

/// Changes the terms of an access: scopes, lifetimes, quota class. What is issued from then on has them.
///
/// # Errors
/// Scopes that the API does not have; storage trouble.
pub async fn change_terms(
    node: &Node,
    actor: &Actor,
    (place, known): (&Place<'_>, &Known),
    terms: AccessTerms,
) -> Result<Access, FlowError> {
    let access = settle(&known.access, terms, place.api)?;
    if access == known.access {
        return Ok(access);
    }
    let event =
        event("access.terms", place).detail("from", shown(&known.access)).detail("to", shown(&access));
    let write = Write::ChangeAccess(access.clone());
    node.commit(&actor.within(place.state.environment.id), vec![write], vec![event]).await?;
    Ok(access)
}

/// The terms of an access, for the audit.
fn shown(access: &Access) -> serde_json::Value {
    serde_json::json!({
        "scopes": access.scopes,
        "quota": access.quota,
        "client_token_lifetime": access.client_token_lifetime,
        "user_token_lifetime": access.user_token_lifetime,
    })
}

/// What the gates of a tenant are judged by at this moment, read from the store.
///
/// # Errors
/// Storage trouble.
pub async fn accepted(
    node: &Node,
    tenant: &Tenant,
) -> Result<Vec<grantor_core::document::TenantAcceptance>, Fault> {
    Ok(node.store.tenant_acceptances(tenant.id).await?)
}

/// The terms as they stand now.
pub fn terms<'a>(
    catalogue: &'a Catalogue,
    accepted: &'a [grantor_core::document::TenantAcceptance],
    node: &Node,
) -> Terms<'a> {
    Terms { documents: &catalogue.documents, accepted, now: node.now() }
}

/// The API of the same name in every test environment, for an application in a live one.
fn rehearsals<'a>(catalogue: &'a Catalogue, place: &Place<'_>) -> Vec<&'a Api> {
    if place.state.environment.stage == Stage::Test {
        return Vec::new();
    }
    let tests = catalogue.environments.iter().filter(|state| state.environment.stage == Stage::Test);
    tests.filter_map(|state| state.api(place.api.name.as_str()).map(|api| &**api)).collect()
}

fn remark(actor: &Actor, comment: String) -> Remark {
    Remark { by: actor.name.clone(), comment, evidence: None }
}

fn moved(taken: &Taken, from: grantor_core::access::AccessStatus) -> Write {
    let access = &taken.access;
    Write::MoveAccess(AccessMove { tenant: access.tenant, api: access.api, from, to: access.status })
}

fn event(action: &'static str, place: &Place<'_>) -> AuditEvent {
    AuditEvent::new(action, format!("{}/{}", place.tenant.id, place.api.id))
        .of_tenant(place.tenant.id)
        .detail("tenant", place.tenant.name.as_str())
        .detail("api", place.api.name.as_str())
}

async fn commit(
    node: &Node,
    actor: &Actor,
    place: &Place<'_>,
    taken: Taken,
    mut writes: Vec<Write>,
) -> Result<Access, FlowError> {
    let mut events = Vec::new();
    for step in taken.steps {
        let mut noted = event(step.step.action(), place);
        if !step.comment.is_empty() {
            // Why something is refused, stopped or goes on is written for the partner; other remarks are the provider's own.
            let told = step.step == Step::Refuse || switch(step.step).is_some();
            let name = if told { "reason" } else { "comment" };
            noted = noted.detail(name, step.comment.as_str());
        }
        if let Some(evidence) = &step.evidence {
            noted = noted.detail("sha256", evidence.as_str());
        }
        events.push(noted);
        writes.push(Write::NoteAccessStep(Box::new(step)));
    }
    node.commit(&actor.within(place.state.environment.id), writes, events).await?;
    Ok(taken.access)
}

fn refused(why: NameError) -> FlowError {
    use grantor_core::error::{OAuthError, Reason};
    Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, why.0).into()
}
