//! `/signup` and the link of its mail, `/signup/verify`.

use ::http::{Response, StatusCode};
use grantor_core::email::EmailAddress;
use grantor_core::form::Form;
use grantor_core::password::{MIN_CHARACTERS, NewPassword};

use super::sign_in::{Typed, is_first, show as show_login};
use super::{Ask, Visit, notice};
use crate::catalogue::PagePath;
use crate::flow::FlowError;
use crate::flow::authorize::Waiting;
use crate::flow::signup::{self as flow, NewUser};
use crate::flow::situation::Situation;
use crate::flow::steps::{Look, look};
use crate::http::Body;
use crate::pages::{Notice, Shown, Signup, SignupSent};

/// Address, name and password on one page.
pub(super) async fn signup(visit: &Visit<'_>, ask: Ask) -> Result<Response<Body>, FlowError> {
    let named = match &ask {
        Ask::Show => &visit.query,
        Ask::Take(form) => form,
    };
    if let Ask::Take(form) = &ask
        && !visit.is_proven(PagePath::Signup, form)
    {
        return Err(Visit::unproven());
    }
    let context = match visit.waiting(named).await? {
        None => None,
        Some(waiting) => match look(visit.call.node, &visit.browser, waiting, is_first).await? {
            Look::Due(due) => Some(due),
            Look::Elsewhere(onward) => return Ok(visit.onward(onward)),
        },
    };
    let context = context.as_deref().map(|(situation, waiting)| (situation, waiting));
    match ask {
        Ask::Show => Ok(show(visit, context, StatusCode::OK, &Form::parse(b"")?, None)),
        Ask::Take(form) => take(visit, context, &form).await,
    }
}

async fn take(
    visit: &Visit<'_>,
    context: Option<(&Situation, &Waiting)>,
    form: &Form,
) -> Result<Response<Body>, FlowError> {
    let again =
        |text: &str| Ok(show(visit, context, StatusCode::BAD_REQUEST, form, Some(Notice::error(text))));
    let email: EmailAddress = match form.get("email").unwrap_or("").trim().parse() {
        Ok(email) => email,
        Err(why) => return again(&sentence(&why)),
    };
    let name = form.get("name").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    if name.as_ref().is_some_and(|name| name.chars().count() > 200 || name.chars().any(char::is_control)) {
        return again("A name has at most 200 characters.");
    }
    let password = match NewPassword::choose(form.get("password").unwrap_or("").to_owned(), &email) {
        Ok(password) => password,
        Err(why) => return again(&sentence(&why)),
    };
    let shown = Shown::name(email.as_str());
    let handle = context.map(|(_, waiting)| waiting.handle.reveal());
    let Some(browser) = visit.browser.browser.browser.as_ref() else { return Err(Visit::unproven()) };
    let new = NewUser { email, name, password };
    if let Err(why) = flow::begin(visit.call.node, &visit.browser, new, browser, handle).await {
        let Some((status, notice)) = notice(&why) else { return Err(why) };
        return Ok(show(visit, context, status, form, Some(notice)));
    }
    let handle = handle.unwrap_or("");
    let page = SignupSent {
        frame: visit.frame(),
        email: shown,
        signup: visit.path_with(PagePath::Signup, handle),
        login: visit.path_with(PagePath::Login, handle),
    };
    Ok(visit.page(StatusCode::OK, &page, &[]))
}

fn show(
    visit: &Visit<'_>,
    context: Option<(&Situation, &Waiting)>,
    status: StatusCode,
    typed: &Form,
    notice: Option<Notice>,
) -> Response<Body> {
    let handle = context.map_or("", |(_, waiting)| waiting.handle.reveal());
    let request = context.and_then(|(situation, _)| situation.request.as_ref());
    let hint = request.and_then(|request| request.login_hint.as_deref());
    let page = Signup {
        frame: visit.frame(),
        form: visit.form(PagePath::Signup, handle),
        email: Shown::name(typed.get("email").or(hint).unwrap_or("")),
        name: Some(Shown::name(typed.get("name").unwrap_or(""))),
        shortest_password: u16::try_from(MIN_CHARACTERS).unwrap_or(u16::MAX),
        login: visit.path_with(PagePath::Login, handle),
        notice,
    };
    let situation = context.map(|(situation, _)| situation);
    visit.page(status, &page, &super::sign_in::targets(situation))
}

/// The link of a mail. In the browser where the password was typed it ends the sign-up; elsewhere the password is asked for,
/// so that neither a program that follows links nor somebody else's attempt makes an account.
pub(super) async fn verify(visit: &Visit<'_>) -> Result<Response<Body>, FlowError> {
    let node = visit.call.node;
    let link = visit.query.get("token").unwrap_or("");
    let found = flow::find(node, &visit.browser, link).await?;
    // A link may outlive the sign-in that it began with: then it is a sign-up and nothing more.
    let waiting = visit.waiting(&visit.query).await.ok().flatten();
    if found.same_browser {
        let onward = flow::confirm(node, &visit.browser, waiting, found.signup).await?;
        return Ok(visit.onward(onward));
    }
    let context = match waiting {
        None => None,
        Some(waiting) => match look(node, &visit.browser, waiting, is_first).await? {
            Look::Due(due) => Some(due),
            Look::Elsewhere(_) => None,
        },
    };
    let typed = Typed {
        email: Some(found.signup.email.as_str()),
        verify: Some(link),
        notice: Some(Notice::info("Confirm your address: sign in with the password that you chose.")),
    };
    let context = context.as_deref().map(|(situation, waiting)| (situation, waiting));
    Ok(show_login(visit, context, StatusCode::OK, &typed))
}

fn sentence(why: &impl std::fmt::Display) -> String {
    let text = why.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    }
}
