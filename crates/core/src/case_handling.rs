//! Cases are opened once and answered once; what an answer promises is done by the same writes.

use serde::{Deserialize, Serialize};

use crate::api_key::ApiKey;
use crate::case::{Case, CaseState, CaseSubject, CaseWrite};
use crate::decision::{AuditEvent, Decision, StatusChange, Write};
use crate::env::{Env, UnixMillis};
use crate::error::{Denial, OAuthError, Reason};
use crate::id::{CaseId, EnvironmentId, TenantId};
use crate::tenant::Status;

/// Longest text of a case or of its answer, in characters.
pub const MAX_TEXT: usize = 2_000;

/// Who asks for what.
pub struct NewCase<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The environment.
    pub environment: EnvironmentId,
    /// The key that shall be invalidated, if it is about one. A key of somebody else is none.
    pub key: Option<&'a ApiKey>,
    /// In the tenant's words.
    pub text: String,
    /// Who, as in the audit.
    pub by: &'a str,
}

/// Opens a case.
///
/// # Errors
/// `invalid_request` for a blank or endless text, and for a key that is not the tenant's or is revoked already.
pub fn open(new: NewCase<'_>, env: &mut Env<'_>) -> Result<Case, Denial> {
    let text = worded(&new.text)?;
    if let Some(key) = new.key {
        if key.tenant != new.tenant || key.environment != new.environment {
            return refuse("There is no such key of this tenant in this environment.");
        }
        if key.status == Status::Closed {
            return refuse("This key is revoked already.");
        }
    }
    Ok(Case {
        id: CaseId::generate(env),
        tenant: new.tenant,
        environment: new.environment,
        subject: new.key.map_or(CaseSubject::Other, |key| CaseSubject::InvalidateKey(key.id)),
        text,
        state: CaseState::Open,
        opened_by: new.by.to_owned(),
        opened_at: env.now,
        closed_by: None,
        closed_at: None,
        answer: None,
    })
}

/// What the team says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is done, or is done hereby.
    Done,
    /// It will not be.
    Declined,
}

/// An answer to a case.
pub struct NewAnswer<'a> {
    /// What the team says.
    pub outcome: Outcome,
    /// In which words.
    pub text: String,
    /// Who, as in the audit.
    pub by: &'a str,
    /// The key that the case is about, if it is about one.
    pub key: Option<&'a ApiKey>,
}

/// Answers a case. A key that shall be invalidated is revoked by the same writes, so that "done" is never said of a key that
/// still works.
pub fn answer(case: &Case, answer: NewAnswer<'_>, now: UnixMillis) -> Decision<Case> {
    if case.state != CaseState::Open {
        return Decision::refuse(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "This case is answered already. Open a new one.",
        ));
    }
    let text = match worded(&answer.text) {
        Ok(text) => text,
        Err(denial) => return Decision::refuse(denial),
    };
    let state = match answer.outcome {
        Outcome::Done => CaseState::Done,
        Outcome::Declined => CaseState::Declined,
    };
    let closed = Case {
        state,
        closed_by: Some(answer.by.to_owned()),
        closed_at: Some(now),
        answer: Some(text),
        ..case.clone()
    };
    let mut decision =
        Decision::ok(closed.clone()).write(Write::Case(CaseWrite::Close(Box::new(closed)))).event(
            AuditEvent::new("case.answer", case.id.to_string())
                .detail("state", state.as_str())
                .detail("kind", case.subject.kind()),
        );
    let key = answer.key.filter(|key| case.subject.key() == Some(key.id) && key.status != Status::Closed);
    if let (CaseState::Done, Some(key)) = (state, key) {
        let reason = format!("on request of the tenant ({})", case.id);
        decision = decision
            .event(AuditEvent::new("key.revoke", key.id.to_string()).detail("reason", reason.as_str()))
            .write(Write::SetApiKeyStatus(
                StatusChange { id: key.id, from: key.status, to: Status::Closed },
                Some(reason),
            ));
    }
    decision
}

/// A text for people, without what would only spoil a list or a mail.
fn worded(text: &str) -> Result<String, Denial> {
    let text = text.trim();
    let plain = |c: char| !c.is_control() || c == '\n';
    if text.is_empty() || text.chars().count() > MAX_TEXT || !text.chars().all(plain) {
        return refuse("A case and its answer have 1 to 2,000 characters, without control characters.");
    }
    Ok(text.to_owned())
}

fn refuse<T>(hint: &'static str) -> Result<T, Denial> {
    Err(Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, hint))
}
