//! What a user must still do before an authorization request can be answered: an ordered list of checks. A new step is one
//! more entry. Each check says what is missing, and which error that is where no page may be shown.

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::authorize::request::AuthorizationRequest;
use crate::client_metadata::Tenancy;
use crate::document::{self, Acceptance, Document, Open};
use crate::env::UnixMillis;
use crate::error::{Denial, OAuthError, Reason};
use crate::grant::Consent;
use crate::id::TenantId;
use crate::profile::ClientAuthMethod;
use crate::scope::{Scope, ScopeSet};
use crate::tenant::Tenant;
use crate::user::{Evidence, Membership, User};

/// How far the user has come with this request. Stored between pages, changed only by guarded writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// What a log-in within this interaction has proved. Before that, the browser's session speaks.
    pub evidence: Option<Evidence>,
    /// Whether the user has chosen to go on as who they are, or as somebody else.
    pub account_chosen: bool,
    /// Whether they chose to be somebody else: only a new log-in counts then.
    pub other_account: bool,
    /// The tenant that the user has chosen.
    pub tenant: Option<TenantId>,
    /// What the user has just allowed.
    pub consented: Option<ScopeSet>,
}

/// Everything that the checks look at.
pub struct Facts<'a> {
    /// The request; `None` where somebody signs in without one.
    pub request: Option<&'a AuthorizationRequest>,
    /// The app, with a request.
    pub app: Option<&'a App>,
    /// How far the user has come.
    pub progress: &'a Progress,
    /// The evidence that counts: of this interaction, else of the browser's session, if that still signs in.
    pub evidence: Option<&'a Evidence>,
    /// The user of that evidence.
    pub user: Option<&'a User>,
    /// The subject that the app would be told.
    pub sub: Option<&'a str>,
    /// Where the user is a member.
    pub memberships: &'a [Membership],
    /// Those of these tenants, and the app's own, that may be signed in to: active, with an open access to the API.
    pub tenants: &'a [Tenant],
    /// All documents of the provider and of the tenants in question.
    pub documents: &'a [Document],
    /// What the user has accepted.
    pub acceptances: &'a [Acceptance],
    /// What is remembered for user, app and tenant.
    pub consents: &'a [Consent],
    /// Scopes that the server adds without asking.
    pub server_scopes: &'a ScopeSet,
    /// The present.
    pub now: UnixMillis,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// The log-in page.
    Login,
    /// The sign-up page.
    SignUp,
    /// "Go on as this user, or as another?"
    ChooseAccount,
    /// "For which of your organisations?"
    ChooseTenant(Vec<&'a Tenant>),
    /// The documents to accept.
    Documents(Vec<Open<'a>>),
    /// The consent page for these scopes.
    Consent(ScopeSet),
    /// Nothing: answer.
    Done(Done),
}

/// What the checks have found, for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The log-in.
    pub evidence: Evidence,
    /// The tenant of the sign-in; `None` only without a request.
    pub tenant: Option<TenantId>,
    /// What the user has allowed of [`AuthorizationRequest::permissions`]; empty without a request.
    pub scopes: ScopeSet,
}

/// A step that is missing, and the error for `prompt=none`.
struct Missing<'a> {
    step: Step<'a>,
    error: OAuthError,
}

type Check = for<'a> fn(&Facts<'a>) -> Result<Option<Missing<'a>>, Denial>;

/// The order in which a user is led. Who they are comes first; nothing is asked of somebody who must not go on.
const CHECKS: [Check; 5] = [login, account, tenant, documents, consent];

/// The next step.
///
/// # Errors
/// The refusal that is sent to the app: a step is missing and `prompt=none` forbids pages, or no step can help.
pub fn next<'a>(facts: &Facts<'a>) -> Result<Step<'a>, Denial> {
    for check in CHECKS {
        let Some(missing) = check(facts)? else { continue };
        return match facts.request {
            Some(request) if request.prompt.none => {
                Err(Denial::new(missing.error, Reason::InteractionNeeded))
            }
            _ => Ok(missing.step),
        };
    }
    let evidence = facts.evidence.cloned().ok_or(Denial::new(OAuthError::ServerError, Reason::Malformed))?;
    let scopes = match (facts.request, &facts.progress.consented) {
        (None, _) => ScopeSet::default(),
        (Some(_), Some(consented)) => consented.clone(),
        (Some(request), None) => request.permissions(),
    };
    Ok(Step::Done(Done { evidence, tenant: chosen_tenant(facts)?, scopes }))
}

/// Is somebody signed in, recently enough, and as whom the app expects?
fn login<'a>(facts: &Facts<'a>) -> Result<Option<Missing<'a>>, Denial> {
    let missing = |step| Ok(Some(Missing { step, error: OAuthError::LoginRequired }));
    let fresh = facts.progress.evidence.is_some();
    let first = match facts.request {
        Some(request) if request.prompt.create && !fresh => return missing(Step::SignUp),
        _ => Step::Login,
    };
    let (Some(evidence), Some(user)) = (facts.evidence, facts.user) else { return missing(first) };
    // Suspended since, or evidence from before a suspension: as if nobody had signed in.
    if !user.status.is_active() || user.epoch != evidence.epoch || user.id != evidence.user {
        return missing(first);
    }
    let Some(request) = facts.request else { return Ok(None) };
    if request.unmet_acr {
        return Err(Denial::new(OAuthError::UnmetAuthenticationRequirements, Reason::InteractionNeeded));
    }
    if (request.prompt.login || facts.progress.other_account) && !fresh {
        return missing(first);
    }
    // OpenID Connect Core 3.1.2.1: counted from when the user acted; 0 is now.
    let is_old = |max_age: i64| facts.now >= evidence.auth_time.plus_seconds(max_age);
    if !fresh && request.max_age.is_some_and(is_old) {
        return missing(first);
    }
    if request.expected_sub.as_deref().is_some_and(|expected| facts.sub != Some(expected)) {
        // Whoever has just signed in is not whom the app expects: asking again would go round in circles.
        return if fresh {
            Err(Denial::new(OAuthError::LoginRequired, Reason::OtherUserExpected))
        } else {
            missing(first)
        };
    }
    Ok(None)
}

fn account<'a>(facts: &Facts<'a>) -> Result<Option<Missing<'a>>, Denial> {
    let asked = facts.request.is_some_and(|request| request.prompt.select_account);
    let chosen = facts.progress.account_chosen || facts.progress.evidence.is_some();
    Ok((asked && !chosen)
        .then_some(Missing { step: Step::ChooseAccount, error: OAuthError::AccountSelectionRequired }))
}

/// For which tenant? The app's; or, for an app of all partners, one that the user is a member of.
fn tenant<'a>(facts: &Facts<'a>) -> Result<Option<Missing<'a>>, Denial> {
    if facts.request.is_none() {
        return Ok(None);
    }
    let candidates = candidates(facts)?;
    let decided = chosen(facts, &candidates).is_some();
    Ok((!decided)
        .then_some(Missing { step: Step::ChooseTenant(candidates), error: OAuthError::InteractionRequired }))
}

fn candidates<'a>(facts: &Facts<'a>) -> Result<Vec<&'a Tenant>, Denial> {
    let Some(app) = facts.app else { return Ok(Vec::new()) };
    let is_candidate = |tenant: &&Tenant| match app.metadata.tenancy {
        Tenancy::Own => tenant.id == app.tenant,
        Tenancy::Members => facts.memberships.iter().any(|member| member.tenant == tenant.id),
    };
    let candidates: Vec<_> =
        facts.tenants.iter().filter(|tenant| tenant.status.is_active()).filter(is_candidate).collect();
    if candidates.is_empty() {
        return Err(Denial::new(OAuthError::AccessDenied, Reason::NoTenant));
    }
    Ok(candidates)
}

/// The only one; else the one that the user has chosen; else the one that the request hints at. Never one that is no
/// candidate.
fn chosen(facts: &Facts<'_>, candidates: &[&Tenant]) -> Option<TenantId> {
    if let [only] = candidates {
        return Some(only.id);
    }
    let hinted = facts.request.and_then(|request| request.tenant_hint);
    let wanted = facts.progress.tenant.or(hinted)?;
    candidates.iter().any(|tenant| tenant.id == wanted).then_some(wanted)
}

fn chosen_tenant(facts: &Facts<'_>) -> Result<Option<TenantId>, Denial> {
    if facts.request.is_none() {
        return Ok(None);
    }
    Ok(chosen(facts, &candidates(facts)?))
}

/// Are terms and policy accepted in their current versions?
fn documents<'a>(facts: &Facts<'a>) -> Result<Option<Missing<'a>>, Denial> {
    let tenant = chosen_tenant(facts)?;
    let open = document::open(facts.documents, tenant, facts.acceptances, facts.now);
    Ok((!open.is_empty())
        .then_some(Missing { step: Step::Documents(open), error: OAuthError::InteractionRequired }))
}

/// Has the user allowed these scopes? A public app is always asked for: anybody can use its name (ASVS 10.7.1).
fn consent<'a>(facts: &Facts<'a>) -> Result<Option<Missing<'a>>, Denial> {
    let (Some(request), Some(app)) = (facts.request, facts.app) else { return Ok(None) };
    if facts.progress.consented.is_some() {
        return Ok(None);
    }
    let tenant = chosen_tenant(facts)?;
    let is_public = app.auth_method == Some(ClientAuthMethod::None);
    let needs = |scope: &&Scope| !facts.server_scopes.contains(scope);
    let permissions = request.permissions();
    let asked: ScopeSet = permissions.iter().filter(needs).cloned().collect::<Vec<_>>().into();
    let remembered = facts
        .consents
        .iter()
        .filter(|consent| consent.app == app.id && Some(consent.tenant) == tenant)
        .any(|consent| asked.is_subset(&consent.scopes));
    if remembered && !request.prompt.consent && !is_public {
        return Ok(None);
    }
    Ok(Some(Missing { step: Step::Consent(permissions), error: OAuthError::ConsentRequired }))
}

/// What remains of the requested scopes after the user has ticked some: only what was asked for counts, and what cannot be
/// denied stays (`required`). `openid` cannot be denied: without it there is no sign-in to answer.
///
/// # Errors
/// `access_denied` if nothing remains.
pub fn allowed(requested: &ScopeSet, ticked: &ScopeSet, required: &ScopeSet) -> Result<ScopeSet, Denial> {
    let stays =
        |scope: &&Scope| ticked.contains(scope) || required.contains(scope) || scope.as_str() == "openid";
    let allowed: ScopeSet = requested.iter().filter(stays).cloned().collect::<Vec<_>>().into();
    if allowed.is_empty() && !requested.is_empty() {
        return Err(Denial::new(OAuthError::AccessDenied, Reason::ConsentDenied));
    }
    Ok(allowed)
}
