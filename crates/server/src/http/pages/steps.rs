//! `/login/account`, `/login/tenant`, `/terms`, `/consent`: each shows its step where that is due, and else leads to the one
//! that is.

use ::http::{Response, StatusCode};
use grantor_core::authorize::interaction::Step;
use grantor_core::document::Open;
use grantor_core::form::Form;
use grantor_core::profile::ClientAuthMethod;
use grantor_core::scope::{Scope, ScopeSet};
use jiff::Timestamp;

use super::sign_in::targets;
use super::{Ask, Visit};
use crate::catalogue::PagePath;
use crate::flow::FlowError;
use crate::flow::authorize::Waiting;
use crate::flow::situation::Situation;
use crate::flow::steps::{self as flow, Choice, IsStep, Look, look, required};
use crate::http::Body;
use crate::pages::{
    Account, AppIdentity, AskedScope, ChooseAccount, ChooseTenant, Consent, Notice, Shown, TenantChoice,
    Terms, TermsDocument, WebLink, render_markdown,
};

/// Loads the step of a page: due, with the form if one was sent; or the answer that leads elsewhere.
async fn due(
    visit: &Visit<'_>,
    ask: Ask,
    (page, is_step): (PagePath, IsStep),
) -> Result<Result<(Box<(Situation, Waiting)>, Option<Box<Form>>), Response<Body>>, FlowError> {
    let form = match ask {
        Ask::Show => None,
        Ask::Take(form) if visit.is_proven(page, &form) => Some(form),
        Ask::Take(_) => return Err(Visit::unproven()),
    };
    let waiting = visit.must_wait(form.as_deref().unwrap_or(&visit.query)).await?;
    Ok(match look(visit.call.node, &visit.browser, waiting, is_step).await? {
        Look::Due(due) => Ok((due, form)),
        Look::Elsewhere(onward) => Err(visit.onward(onward)),
    })
}

/// "Go on as this user, or as another?"
pub(super) async fn account(visit: &Visit<'_>, ask: Ask) -> Result<Response<Body>, FlowError> {
    let is_step: IsStep = |step| matches!(step, Step::ChooseAccount);
    let ((situation, waiting), form) = match due(visit, ask, (PagePath::Account, is_step)).await? {
        Ok((due, form)) => (*due, form),
        Err(elsewhere) => return Ok(elsewhere),
    };
    if let Some(form) = form {
        let choice = match form.get("decision") {
            Some("continue") => Choice::Yes,
            _ => Choice::No,
        };
        let onward =
            flow::choose_account(visit.call.node, &visit.browser, (situation, waiting), choice).await?;
        return Ok(visit.onward(onward));
    }
    let account = situation.user.as_ref().zip(situation.session.as_ref()).map(|(user, session)| Account {
        reference: session.sid.clone(),
        email: Shown::name(user.email.as_str()),
        label: Shown::name(&format!("signed in {}", day(session.auth_time.0))),
    });
    let page = ChooseAccount {
        frame: visit.frame(),
        form: visit.form(PagePath::Account, waiting.handle.reveal()),
        app: app_name(&situation),
        accounts: account.into_iter().collect(),
    };
    Ok(visit.page(StatusCode::OK, &page, &targets(Some(&situation))))
}

/// "For which of your organisations?"
pub(super) async fn tenant(visit: &Visit<'_>, ask: Ask) -> Result<Response<Body>, FlowError> {
    let is_step: IsStep = |step| matches!(step, Step::ChooseTenant(_));
    let ((situation, waiting), form) = match due(visit, ask, (PagePath::Tenant, is_step)).await? {
        Ok((due, form)) => (*due, form),
        Err(elsewhere) => return Ok(elsewhere),
    };
    if let Some(form) = form {
        let chosen = form.get("tenant").and_then(|id| id.parse().ok());
        let onward =
            flow::choose_tenant(visit.call.node, &visit.browser, (situation, waiting), chosen).await?;
        return Ok(visit.onward(onward));
    }
    let tenants = match situation.next() {
        Ok(Step::ChooseTenant(tenants)) => tenants,
        _ => Vec::new(),
    };
    let page = ChooseTenant {
        frame: visit.frame(),
        form: visit.form(PagePath::Tenant, waiting.handle.reveal()),
        app: app_name(&situation),
        tenants: tenants
            .iter()
            .map(|tenant| TenantChoice { id: tenant.id.uuid(), title: Shown::name(&tenant.title) })
            .collect(),
    };
    Ok(visit.page(StatusCode::OK, &page, &targets(Some(&situation))))
}

/// The documents that are open, in full.
pub(super) async fn terms(visit: &Visit<'_>, ask: Ask) -> Result<Response<Body>, FlowError> {
    let is_step: IsStep = |step| matches!(step, Step::Documents(_));
    let ((situation, waiting), form) = match due(visit, ask, (PagePath::Terms, is_step)).await? {
        Ok((due, form)) => (*due, form),
        Err(elsewhere) => return Ok(elsewhere),
    };
    let (node, browser) = (visit.call.node, &visit.browser);
    let Some(form) = form else { return Ok(show_terms(visit, &situation, &waiting, None)) };
    if form.get("decision") == Some("decline") {
        return Ok(visit.onward(flow::decline_documents(node, browser, waiting).await?));
    }
    let accepted: Vec<&str> = form.all("accept").collect();
    match flow::accept(node, browser, (situation, waiting), &accepted).await? {
        Ok(onward) => Ok(visit.onward(onward)),
        Err((situation, waiting)) => {
            let missing = Notice::error(
                "Every document must be accepted to go on. If one has changed while you were reading, read the new version below.",
            );
            Ok(show_terms(visit, &situation, &waiting, Some(missing)))
        }
    }
}

fn show_terms(
    visit: &Visit<'_>,
    situation: &Situation,
    waiting: &Waiting,
    notice: Option<Notice>,
) -> Response<Body> {
    let languages = situation.request.as_ref().map_or(&[][..], |request| &request.ui_locales);
    let open = match situation.next() {
        Ok(Step::Documents(open)) => open,
        _ => Vec::new(),
    };
    let page = Terms {
        frame: visit.frame(),
        form: visit.form(PagePath::Terms, waiting.handle.reveal()),
        documents: open.iter().filter_map(|open| document(open, languages)).collect(),
        notice: notice.clone(),
    };
    let status = if notice.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    visit.page(status, &page, &targets(Some(situation)))
}

fn document(open: &Open<'_>, languages: &[String]) -> Option<TermsDocument> {
    let (language, text) = open.version.text(languages)?;
    let since = |accepted: i64| {
        let versions = open.document.versions.iter();
        versions.filter(move |version| version.number > accepted && version.number <= open.version.number)
    };
    let changes = open.accepted_before.into_iter().flat_map(since).filter_map(|version| {
        version.text(languages).and_then(|(_, text)| text.changes.as_deref()).map(Shown::text)
    });
    Some(TermsDocument {
        kind: open.document.kind.to_string(),
        version: open.version.number.to_string(),
        hash: open.version.hash.clone(),
        title: Shown::name(&text.title),
        effective: Shown::name(&day(open.version.effective_at.0)),
        changes: changes.collect(),
        language: language.to_owned(),
        html: render_markdown(&text.body),
    })
}

/// What the app asks for, in the words of the API's owner.
pub(super) async fn consent(visit: &Visit<'_>, ask: Ask) -> Result<Response<Body>, FlowError> {
    let is_step: IsStep = |step| matches!(step, Step::Consent(_));
    let ((situation, waiting), form) = match due(visit, ask, (PagePath::Consent, is_step)).await? {
        Ok((due, form)) => (*due, form),
        Err(elsewhere) => return Ok(elsewhere),
    };
    let (node, browser) = (visit.call.node, &visit.browser);
    if let Some(form) = form {
        // Only a clear yes is one.
        if form.get("decision") != Some("approve") {
            return Ok(visit.onward(flow::deny(node, browser, waiting).await?));
        }
        let ticked: ScopeSet = form.all("scope").filter_map(Scope::parse).collect::<Vec<_>>().into();
        return Ok(visit.onward(flow::approve(node, browser, (situation, waiting), ticked).await?));
    }
    let asked = match situation.next() {
        Ok(Step::Consent(asked)) => asked,
        _ => ScopeSet::default(),
    };
    let page = Consent {
        frame: visit.frame(),
        form: visit.form(PagePath::Consent, waiting.handle.reveal()),
        app: identity(&situation),
        email: Shown::name(situation.user.as_ref().map_or("", |user| user.email.as_str())),
        scopes: in_order(&asked).into_iter().map(|scope| wording(scope, &situation)).collect(),
        lasts_days: lasts_days(&situation),
    };
    Ok(visit.page(StatusCode::OK, &page, &targets(Some(&situation))))
}

fn app_name(situation: &Situation) -> Option<Shown> {
    situation.app.as_ref().map(|app| Shown::name(&app.name))
}

fn identity(situation: &Situation) -> AppIdentity {
    let app = situation.app.as_deref();
    let uri = situation.request.as_ref().map_or("", |request| request.reply_to.redirect_uri.as_str());
    let link = |uri: Option<&grantor_core::client_metadata::WebUri>| {
        uri.and_then(|uri| WebLink::parse(uri.as_str()))
    };
    AppIdentity {
        name: Shown::name(app.map_or("", |app| app.name.as_str())),
        destination: Shown::name(destination(uri)),
        public: app.is_some_and(|app| app.auth_method == Some(ClientAuthMethod::None)),
        tenant: situation.owner().map(|owner| Shown::name(&owner.title)),
        policy: link(app.and_then(|app| app.metadata.policy_uri.as_ref())),
        terms: link(app.and_then(|app| app.metadata.tos_uri.as_ref())),
    }
}

/// The host of a redirect URI, or its private scheme.
fn destination(uri: &str) -> &str {
    match uri.split_once("://") {
        Some(("http" | "https", rest)) => rest.split(['/', '?']).next().unwrap_or(rest),
        _ => uri.split(':').next().unwrap_or(uri),
    }
}

/// First who the user is, then what the app does, and last that it goes on without them.
fn in_order(asked: &ScopeSet) -> Vec<&Scope> {
    let rank = |scope: &&Scope| match scope.as_str() {
        "openid" => 0,
        "profile" => 1,
        "email" => 2,
        "address" | "phone" => 3,
        "offline_access" => 5,
        _ => 4,
    };
    let mut scopes: Vec<_> = asked.iter().collect();
    scopes.sort_by_key(rank);
    scopes
}

fn wording(scope: &Scope, situation: &Situation) -> AskedScope {
    let name = scope.as_str();
    let openid = |title: &str, detail: &str| AskedScope {
        name: name.to_owned(),
        title: Shown::name(title),
        detail: Shown::text(detail),
        required: false,
    };
    match name {
        "openid" => AskedScope::openid(),
        "profile" => openid("See your name", "The name that you gave, and when it last changed."),
        "email" => openid("See your e-mail address", "The address that you sign in with."),
        "offline_access" => {
            openid("Stay connected when you are away", "The app goes on without you until you withdraw it.")
        }
        "address" | "phone" => openid("See what we know of it", "We keep no address and no phone number."),
        _ => {
            let known = situation.api.iter().flat_map(|api| &api.scopes).find(|known| known.name == *scope);
            let words = known.map(|known| known.description.as_str()).filter(|words| !words.is_empty());
            AskedScope {
                name: name.to_owned(),
                title: Shown::name(words.unwrap_or(name)),
                detail: Shown::text(words.map_or("", |_| name)),
                required: required(situation).contains(scope),
            }
        }
    }
}

/// After how many days it ends by itself, where the app may come back without the user.
fn lasts_days(situation: &Situation) -> Option<u32> {
    let (app, api) = situation.app.as_deref().zip(situation.api.as_deref())?;
    let origin = grantor_core::profile::GrantType::AuthorizationCode;
    let refreshes = grantor_core::issue::is_refreshable(app, api, origin);
    refreshes.then(|| u32::try_from(api.profile.refresh.max_age.seconds() / 86_400).unwrap_or(u32::MAX))
}

fn day(millis: i64) -> String {
    Timestamp::from_millisecond(millis)
        .map_or_else(|_| String::new(), |at| at.strftime("%-d %B %Y").to_string())
}
