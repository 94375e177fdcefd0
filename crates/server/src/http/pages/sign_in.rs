//! `/login`, `/login/done`, `/logout`.

use ::http::{Response, StatusCode};
use grantor_core::authorize::interaction::Step;
use grantor_core::form::Form;
use grantor_core::password::PresentedPassword;

use super::{Ask, Visit, notice};
use crate::catalogue::PagePath;
use crate::flow::authorize::Waiting;
use crate::flow::situation::Situation;
use crate::flow::steps::{Look, look};
use crate::flow::{FlowError, login as flow, signup};
use crate::http::Body;
use crate::pages::{FormTarget, Login, Notice, Shown, SignedIn};

/// Address and password on one page. Opened by itself it shows the form.
pub(super) async fn login(visit: &Visit<'_>, ask: Ask) -> Result<Response<Body>, FlowError> {
    match ask {
        Ask::Show => {
            let Some(waiting) = visit.waiting(&visit.query).await? else {
                return Ok(show(visit, None, StatusCode::OK, &Typed::default()));
            };
            match look(visit.call.node, &visit.browser, waiting, is_first).await? {
                Look::Due(due) => {
                    let (situation, waiting) = *due;
                    Ok(show(visit, Some((&situation, &waiting)), StatusCode::OK, &Typed::default()))
                }
                Look::Elsewhere(onward) => Ok(visit.onward(onward)),
            }
        }
        Ask::Take(form) => take(visit, &form).await,
    }
}

/// Whoever was sent to sign up may sign in instead, and the other way round.
pub(super) fn is_first(step: &Step<'_>) -> bool {
    matches!(step, Step::Login | Step::SignUp)
}

/// What a form held, to be shown again. Never the password.
#[derive(Default)]
pub(super) struct Typed<'a> {
    pub(super) email: Option<&'a str>,
    pub(super) verify: Option<&'a str>,
    pub(super) notice: Option<Notice>,
}

async fn take(visit: &Visit<'_>, form: &Form) -> Result<Response<Body>, FlowError> {
    if !visit.is_proven(PagePath::Login, form) {
        return Err(Visit::unproven());
    }
    let node = visit.call.node;
    let waiting = visit.waiting(form).await?;
    let shown_again = match &waiting {
        None => None,
        Some(Waiting { interaction, handle }) => {
            let again = Waiting {
                interaction: interaction.clone(),
                handle: grantor_core::secret::Secret::presented(handle.reveal().to_owned()),
            };
            match look(node, &visit.browser, again, is_first).await? {
                Look::Due(due) => Some(due),
                Look::Elsewhere(onward) => return Ok(visit.onward(onward)),
            }
        }
    };
    let email = form.get("email").unwrap_or("").trim();
    let password = PresentedPassword::new(form.get("password").unwrap_or("").as_bytes().to_vec());
    let verify = form.get("verify");
    let outcome = match verify {
        Some(link) => {
            signup::confirm_with_password(node, &visit.browser, (waiting, link), email, &password).await
        }
        None => flow::login(node, &visit.browser, waiting, email, &password).await,
    };
    match outcome {
        Ok(onward) => Ok(visit.onward(onward)),
        Err(why) => {
            let Some((status, notice)) = notice(&why) else { return Err(why) };
            visit.call.node.metrics.count("login", "refused");
            let typed = Typed { email: Some(email), verify, notice: Some(notice) };
            let context = shown_again.as_deref().map(|(situation, waiting)| (situation, waiting));
            Ok(show(visit, context, status, &typed))
        }
    }
}

pub(super) fn show(
    visit: &Visit<'_>,
    context: Option<(&Situation, &Waiting)>,
    status: StatusCode,
    typed: &Typed<'_>,
) -> Response<Body> {
    let handle = context.map_or("", |(_, waiting)| waiting.handle.reveal());
    let situation = context.map(|(situation, _)| situation);
    let request = situation.and_then(|situation| situation.request.as_ref());
    let hint = request.and_then(|request| request.login_hint.as_deref());
    let page = Login {
        frame: visit.frame(),
        form: visit.form(PagePath::Login, handle),
        verify: typed.verify.map(str::to_owned),
        email: Shown::name(typed.email.or(hint).unwrap_or("")),
        app: situation.and_then(|situation| situation.app.as_ref()).map(|app| Shown::name(&app.name)),
        tenant: situation.and_then(Situation::owner).map(|owner| Shown::name(&owner.title)),
        signup: Some(visit.path_with(PagePath::Signup, handle)),
        notice: typed.notice.clone(),
    };
    visit.page(status, &page, &targets(situation))
}

/// Where the forms of an interaction may lead: back to its app.
pub(super) fn targets(situation: Option<&Situation>) -> Vec<FormTarget> {
    let request = situation.and_then(|situation| situation.request.as_ref());
    request.and_then(|request| FormTarget::parse(&request.reply_to.redirect_uri).ok()).into_iter().collect()
}

/// Signed in, with nowhere to go on to.
pub(super) async fn done(visit: &Visit<'_>) -> Result<Response<Body>, FlowError> {
    let Some(user) = visit.browser.session(visit.call.node).await?.user() else {
        return Ok(super::see_other(&visit.path(PagePath::Login)));
    };
    Ok(signed_in(visit, user.email.as_str()))
}

/// Asks before it signs out; a link alone does nothing.
pub(super) async fn logout(visit: &Visit<'_>, ask: Ask) -> Result<Response<Body>, FlowError> {
    match ask {
        Ask::Show => done(visit).await,
        Ask::Take(form) if visit.is_proven(PagePath::Logout, &form) => {
            Ok(visit.onward(flow::logout(visit.call.node, &visit.browser).await?))
        }
        Ask::Take(_) => Err(Visit::unproven()),
    }
}

fn signed_in(visit: &Visit<'_>, email: &str) -> Response<Body> {
    let page = SignedIn {
        frame: visit.frame(),
        form: visit.form(PagePath::Logout, ""),
        email: Shown::name(email),
        notice: None,
    };
    visit.page(StatusCode::OK, &page, &[])
}
