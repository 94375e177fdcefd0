//! How an access is opened: applied -> refused | approved <-> suspended, -> closed. Each step says who took it, when, and on
//! what evidence; a refusal says why. Approval for one API opens no other, and test and live are applied for apart.

use crate::access::{Access, AccessStatus, QuotaClass, open};
use crate::api::Api;
use crate::contract::{Contract, FileHash};
use crate::env::{Env, UnixMillis};
use crate::error::{Denial, OAuthError, Reason};
use crate::gate_rule::Gate;
use crate::id::{AccessStepId, ApiId, TenantId};
use crate::lifetime::Lifetime;
use crate::profile::Approval;
use crate::scope::ScopeSet;
use crate::tenant::Tenant;

/// Longest comment or reason, in characters.
pub const MAX_COMMENT: usize = 1_000;

/// A step of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The tenant asks for it.
    Apply,
    /// The provider says yes.
    Approve,
    /// The provider says no.
    Refuse,
    /// The contract is recorded as signed.
    RecordContract,
    /// It is stopped, reversibly.
    Suspend,
    /// It goes on.
    Resume,
    /// It ends for good.
    Close,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 7] = [
        Self::Apply,
        Self::Approve,
        Self::Refuse,
        Self::RecordContract,
        Self::Suspend,
        Self::Resume,
        Self::Close,
    ];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Approve => "approve",
            Self::Refuse => "refuse",
            Self::RecordContract => "contract",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Close => "close",
        }
    }

    /// The step that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }

    /// Its name in the audit.
    pub fn action(self) -> &'static str {
        match self {
            Self::Apply => "access.apply",
            Self::Approve => "access.approve",
            Self::Refuse => "access.refuse",
            Self::RecordContract => "access.contract",
            Self::Suspend => "access.suspend",
            Self::Resume => "access.resume",
            Self::Close => "access.close",
        }
    }

    /// Where it leads from a status; `None` where it cannot be taken. `from` is `None` for an access that does not exist.
    pub fn leads(self, from: Option<AccessStatus>) -> Option<AccessStatus> {
        use AccessStatus::{Applied, Approved, Closed, Refused, Suspended};
        match (self, from) {
            (Self::Apply, None | Some(Refused)) => Some(Applied),
            (Self::Approve, Some(Applied)) => Some(Approved),
            (Self::Refuse, Some(Applied)) => Some(Refused),
            (Self::RecordContract, Some(status @ (Applied | Approved | Suspended))) => Some(status),
            (Self::Suspend, Some(Approved)) => Some(Suspended),
            (Self::Resume, Some(Suspended)) => Some(Approved),
            (Self::Close, Some(Applied | Refused | Approved | Suspended)) => Some(Closed),
            _ => None,
        }
    }

    /// Where it leads, whatever was before; `None` for a step that changes no status.
    pub fn goal(self) -> Option<AccessStatus> {
        match self {
            Self::Apply => Some(AccessStatus::Applied),
            Self::Approve | Self::Resume => Some(AccessStatus::Approved),
            Self::Refuse => Some(AccessStatus::Refused),
            Self::Suspend => Some(AccessStatus::Suspended),
            Self::Close => Some(AccessStatus::Closed),
            Self::RecordContract => None,
        }
    }

    /// What a person is told who tries it too early or too late.
    fn misplaced(self) -> &'static str {
        match self {
            Self::Apply => {
                "There is an application or an access already. Only after a refusal can one apply again; a closed access stays closed."
            }
            Self::Approve => "Only an application that waits can be approved.",
            Self::Refuse => {
                "Only an application that waits can be refused. Suspend or close an access that is approved."
            }
            Self::RecordContract => {
                "A contract is recorded for an application or an access that is not closed."
            }
            Self::Suspend => "Only an approved access can be suspended.",
            Self::Resume => "Only a suspended access can be resumed.",
            Self::Close => "The access is closed already.",
        }
    }
}

/// One entry of an access's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessStep {
    /// Its row, time-ordered.
    pub id: AccessStepId,
    /// Whose.
    pub tenant: TenantId,
    /// To what.
    pub api: ApiId,
    /// What.
    pub step: Step,
    /// When.
    pub at: UnixMillis,
    /// Who, as the audit names them.
    pub by: String,
    /// In their words; of a refusal the reason.
    pub comment: String,
    /// The hash of a file that proves it.
    pub evidence: Option<FileHash>,
}

/// What somebody says with a step.
#[derive(Debug, Clone, Default)]
pub struct Remark {
    /// Who, as the audit names them.
    pub by: String,
    /// In their words.
    pub comment: String,
    /// The hash of a file that proves it.
    pub evidence: Option<FileHash>,
}

/// What the provider settles with an approval, or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTerms {
    /// The scopes that the tenant may hold.
    pub scopes: ScopeSet,
    /// How much may be asked.
    pub quota: QuotaClass,
    /// Replaces the profile's lifetime of client tokens.
    pub client_token_lifetime: Option<Lifetime>,
    /// Replaces the profile's lifetime of user tokens.
    pub user_token_lifetime: Option<Lifetime>,
}

impl From<&Access> for AccessTerms {
    fn from(access: &Access) -> Self {
        Self {
            scopes: access.scopes.clone(),
            quota: access.quota,
            client_token_lifetime: access.client_token_lifetime,
            user_token_lifetime: access.user_token_lifetime,
        }
    }
}

/// A guarded move of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessMove {
    /// Whose.
    pub tenant: TenantId,
    /// To what.
    pub api: ApiId,
    /// Where it must stand.
    pub from: AccessStatus,
    /// Where it goes.
    pub to: AccessStatus,
}

/// An access after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What it was; `None` for a new one.
    pub from: Option<AccessStatus>,
    /// What it is now.
    pub access: Access,
    /// The entries of its history, in order: an application that is approved by rule has two.
    pub steps: Vec<AccessStep>,
}

/// Decides an application: a new one, or a new try after a refusal.
///
/// # Errors
/// `invalid_request` where the status does not allow it, `invalid_scope` for scopes that the API does not have,
/// `access_denied` for a tenant that may not act, or whose test access must come first.
pub fn apply(
    application: &Application<'_>,
    current: Option<&Access>,
    remark: Remark,
    env: &mut Env<'_>,
) -> Result<Taken, Denial> {
    let Application { tenant, api, scopes, .. } = application;
    if !tenant.status.is_active() {
        return Err(Denial::new(OAuthError::AccessDenied, Reason::TenantSuspended));
    }
    let from = current.map(|access| access.status);
    let mut status = advance(Step::Apply, from)?;
    let all = api.scope_set();
    if scopes.is_some_and(|asked| !asked.is_subset(&all)) {
        return Err(Denial::hinted(
            OAuthError::InvalidScope,
            Reason::UnknownScope,
            "The API does not have one of these scopes.",
        ));
    }
    prerequisite(application)?;
    let by_rule = api.profile.approval == Approval::Automatic;
    let mut steps = vec![entry(Step::Apply, (tenant.id, api.id), checked(remark)?, env)];
    if by_rule {
        status = advance(Step::Approve, Some(status))?;
        let rule = Remark {
            by: "system".to_owned(),
            comment: "Approved by the rule of the API's profile.".to_owned(),
            evidence: None,
        };
        steps.push(entry(Step::Approve, (tenant.id, api.id), rule, env));
    }
    let asked = (*scopes).cloned().unwrap_or(all);
    let access = match current {
        Some(old) => Access { status, scopes: asked, ..old.clone() },
        None => Access {
            tenant: tenant.id,
            api: api.id,
            status,
            epoch: 0,
            scopes: asked,
            client_token_lifetime: None,
            user_token_lifetime: None,
            quota: QuotaClass::default(),
            contract: None,
        },
    };
    Ok(Taken { from, access, steps })
}

/// What is applied for, and what the decision needs to know.
pub struct Application<'a> {
    /// Who asks.
    pub tenant: &'a Tenant,
    /// For what.
    pub api: &'a Api,
    /// The scopes; `None` asks for all of the API.
    pub scopes: Option<&'a ScopeSet>,
    /// The API of the same name in each test environment, where the application is for a live one.
    pub rehearsals: &'a [&'a Api],
    /// The tenant's accesses in all environments.
    pub accesses: &'a [Access],
}

/// A profile may demand that the tenant has shown itself in a test environment.
fn prerequisite(application: &Application<'_>) -> Result<(), Denial> {
    let demanded = application.api.profile.gates.iter().any(|rule| rule.gate == Gate::SandboxActive);
    let is_live = !application.rehearsals.is_empty();
    let rehearsed =
        application.rehearsals.iter().any(|api| open(application.tenant, application.accesses, api).is_ok());
    if demanded && is_live && !rehearsed {
        return Err(Denial::closed(Gate::SandboxActive, Reason::GateClosed));
    }
    Ok(())
}

/// Decides the provider's yes, with what is settled by it.
///
/// # Errors
/// As [`apply`].
pub fn approve(
    application: &Application<'_>,
    access: &Access,
    terms: AccessTerms,
    remark: Remark,
    env: &mut Env<'_>,
) -> Result<Taken, Denial> {
    let status = advance(Step::Approve, Some(access.status))?;
    prerequisite(application)?;
    let settled = settle(access, terms, application.api)?;
    let step = entry(Step::Approve, (access.tenant, access.api), checked(remark)?, env);
    Ok(Taken { from: Some(access.status), access: Access { status, ..settled }, steps: vec![step] })
}

/// Changes the terms of an access.
///
/// # Errors
/// `invalid_scope` for scopes that the API does not have.
pub fn settle(access: &Access, terms: AccessTerms, api: &Api) -> Result<Access, Denial> {
    if !terms.scopes.is_subset(&api.scope_set()) {
        return Err(Denial::hinted(
            OAuthError::InvalidScope,
            Reason::UnknownScope,
            "The API does not have one of these scopes.",
        ));
    }
    let AccessTerms { scopes, quota, client_token_lifetime, user_token_lifetime } = terms;
    Ok(Access { scopes, quota, client_token_lifetime, user_token_lifetime, ..access.clone() })
}

/// Decides every other step. Leaving `approved` raises the epoch when it is written.
///
/// # Errors
/// `invalid_request` where the status does not allow it, or for a refusal without a reason.
pub fn advance_access(
    step: Step,
    access: &Access,
    remark: Remark,
    env: &mut Env<'_>,
) -> Result<Taken, Denial> {
    let status = advance(step, Some(access.status))?;
    let remark = checked(remark)?;
    if step == Step::Refuse && remark.comment.is_empty() {
        return Err(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "A refusal needs a reason: the partner reads it.",
        ));
    }
    let entry = entry(step, (access.tenant, access.api), remark, env);
    Ok(Taken { from: Some(access.status), access: Access { status, ..access.clone() }, steps: vec![entry] })
}

/// Records a contract: a step that changes no status.
///
/// # Errors
/// `invalid_request` for a refused or closed access.
pub fn record_contract(
    access: &Access,
    contract: Contract,
    remark: Remark,
    env: &mut Env<'_>,
) -> Result<Taken, Denial> {
    advance(Step::RecordContract, Some(access.status))?;
    let remark = Remark { evidence: Some(contract.sha256.clone()), ..checked(remark)? };
    let entry = entry(Step::RecordContract, (access.tenant, access.api), remark, env);
    let access = Access { contract: Some(contract), ..access.clone() };
    Ok(Taken { from: Some(access.status), access, steps: vec![entry] })
}

fn advance(step: Step, from: Option<AccessStatus>) -> Result<AccessStatus, Denial> {
    let misplaced = Denial::hinted(OAuthError::InvalidRequest, Reason::StepNotPossible, step.misplaced());
    step.leads(from).ok_or(misplaced)
}

fn checked(remark: Remark) -> Result<Remark, Denial> {
    let comment = remark.comment.trim().to_owned();
    let strange = |c: char| c.is_control() && c != '\n';
    if comment.chars().count() > MAX_COMMENT || comment.chars().any(strange) {
        return Err(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "A comment has at most 1,000 characters and no control characters.",
        ));
    }
    Ok(Remark { comment, ..remark })
}

fn entry(step: Step, (tenant, api): (TenantId, ApiId), remark: Remark, env: &mut Env<'_>) -> AccessStep {
    AccessStep {
        id: AccessStepId::generate(env),
        tenant,
        api,
        step,
        at: env.now,
        by: remark.by,
        comment: remark.comment,
        evidence: remark.evidence,
    }
}
