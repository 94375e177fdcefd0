//! The pages between the log-in and the answer: which account, which organisation, which documents, which scopes. Each takes
//! what the user chose, and only if the interaction stands at exactly that step: nothing can be skipped or done early.

use grantor_core::authorize::interaction::{Progress, Step, allowed};
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::document::Acceptance;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::id::TenantId;
use grantor_core::scope::{Scope, ScopeSet};

use super::FlowError;
use super::authorize::{Onward, Taken, Waiting, decline, go_on, go_on_after};
use super::browser::BrowserCall;
use super::situation::Situation;
use crate::node::Node;

/// What a page shows, or where the browser must go instead because another step is due.
pub enum Look {
    /// The step is due: the page may be shown.
    Due(Box<(Situation, Waiting)>),
    /// Another one is.
    Elsewhere(Onward),
}

/// Which step a page is for.
pub type IsStep = fn(&Step<'_>) -> bool;

/// Loads the interaction of a page and sees whether its step is due.
///
/// # Errors
/// A refusal in words for an unknown interaction; storage trouble.
pub async fn look(
    node: &Node,
    call: &BrowserCall<'_>,
    waiting: Waiting,
    is_step: IsStep,
) -> Result<Look, FlowError> {
    let situation = situation(node, call, &waiting).await?;
    let due = situation.next().is_ok_and(|step| is_step(&step));
    if due {
        return Ok(Look::Due(Box::new((situation, waiting))));
    }
    Ok(Look::Elsewhere(go_on(node, call, situation, Some(waiting)).await?))
}

async fn situation(node: &Node, call: &BrowserCall<'_>, waiting: &Waiting) -> Result<Situation, FlowError> {
    let Waiting { interaction, .. } = waiting;
    Situation::load(node, call, interaction.request.clone(), interaction.progress.clone()).await
}

/// "Go on as who I am", or begin a new log-in.
///
/// # Errors
/// Storage trouble.
pub async fn choose_account(
    node: &Node,
    call: &BrowserCall<'_>,
    (mut situation, waiting): (Situation, Waiting),
    goes_on: Choice,
) -> Result<Onward, FlowError> {
    match goes_on {
        Choice::Yes => situation.progress.account_chosen = true,
        // The old session stays until the new one is there.
        Choice::No => {
            situation.progress =
                Progress { account_chosen: true, other_account: true, ..Progress::default() };
        }
    }
    go_on(node, call, situation, Some(waiting)).await
}

/// A choice between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The first.
    Yes,
    /// The other.
    No,
}

/// "For this organisation." One that is not offered changes nothing: the page is shown again.
///
/// # Errors
/// Storage trouble.
pub async fn choose_tenant(
    node: &Node,
    call: &BrowserCall<'_>,
    (mut situation, waiting): (Situation, Waiting),
    tenant: Option<TenantId>,
) -> Result<Onward, FlowError> {
    situation.progress.tenant = tenant.filter(|id| situation.tenant_facts(*id).is_some());
    go_on(node, call, situation, Some(waiting)).await
}

/// Accepts documents: exactly those that are open now, each by kind, version and hash as it was shown.
///
/// # Errors
/// `None` if one is missing or has changed: the page is shown again. Storage trouble.
pub async fn accept(
    node: &Node,
    call: &BrowserCall<'_>,
    (mut situation, waiting): (Situation, Waiting),
    accepted: &[&str],
) -> Result<Result<Onward, (Box<Situation>, Waiting)>, FlowError> {
    let Some(user) = situation.user.as_ref().map(|user| user.id) else {
        return Ok(Ok(go_on(node, call, situation, Some(waiting)).await?));
    };
    let tenant = situation.request.as_ref().and_then(|_| situation.tenant());
    let at = node.now();
    let acceptances: Option<Vec<Acceptance>> = match situation.next() {
        Ok(Step::Documents(open)) => open
            .iter()
            .map(|open| {
                let value = format!("{}:{}:{}", open.document.kind, open.version.number, open.version.hash);
                accepted.contains(&value.as_str()).then(|| Acceptance {
                    user,
                    tenant,
                    document: open.document.id,
                    version: open.version.number,
                    hash: open.version.hash.clone(),
                    at,
                    address: call.source.to_string(),
                })
            })
            .collect(),
        _ => Some(Vec::new()),
    };
    let Some(acceptances) = acceptances else { return Ok(Err((Box::new(situation), waiting))) };
    let events = acceptances.iter().map(|acceptance| {
        let event = AuditEvent::new("document.accept", acceptance.document.to_string())
            .detail("user", acceptance.user.to_string())
            .detail("version", acceptance.version)
            .detail("sha256", acceptance.hash.as_str());
        match acceptance.tenant {
            Some(tenant) => event.of_tenant(tenant),
            None => event,
        }
    });
    let taken = Taken {
        events: events.collect(),
        writes: acceptances.iter().cloned().map(Write::RecordAcceptance).collect(),
        ..Taken::default()
    };
    situation.accept(acceptances);
    Ok(Ok(go_on_after(node, call, situation, Some(waiting), taken).await?))
}

/// The user does not accept the documents: no code, no token, no session.
///
/// # Errors
/// Storage trouble.
pub async fn decline_documents(
    node: &Node,
    call: &BrowserCall<'_>,
    waiting: Waiting,
) -> Result<Onward, FlowError> {
    let denial = Denial::telling(
        OAuthError::AccessDenied,
        Reason::DocumentsDeclined,
        "The user did not accept the terms and the data-protection policy.",
    );
    decline(node, call, waiting, denial).await
}

/// Allows what was ticked, of what the stored request asked for.
///
/// # Errors
/// Storage trouble.
pub async fn approve(
    node: &Node,
    call: &BrowserCall<'_>,
    (mut situation, waiting): (Situation, Waiting),
    ticked: ScopeSet,
) -> Result<Onward, FlowError> {
    let requested = match situation.next() {
        Ok(Step::Consent(requested)) => requested,
        _ => return go_on(node, call, situation, Some(waiting)).await,
    };
    match allowed(&requested, &ticked, &required(&situation)) {
        Ok(scopes) => {
            situation.progress.consented = Some(scopes);
            go_on(node, call, situation, Some(waiting)).await
        }
        Err(denial) => decline(node, call, waiting, denial).await,
    }
}

/// The user allows nothing.
///
/// # Errors
/// Storage trouble.
pub async fn deny(node: &Node, call: &BrowserCall<'_>, waiting: Waiting) -> Result<Onward, FlowError> {
    let denial = Denial::hinted(
        OAuthError::AccessDenied,
        Reason::ConsentDenied,
        "The user did not allow the app what it asked for.",
    );
    decline(node, call, waiting, denial).await
}

/// The scopes that cannot be denied at the API in question: its owner says so, or the server adds them in any case.
pub fn required(situation: &Situation) -> ScopeSet {
    let Some(api) = &situation.api else { return ScopeSet::default() };
    let named: Vec<Scope> =
        api.scopes.iter().filter(|scope| scope.required).map(|scope| scope.name.clone()).collect();
    ScopeSet::from(named).union(&api.server_scopes)
}
