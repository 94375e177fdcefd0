//! The sign-in page and the page after it.

use serde::Serialize;

use super::PageContext;
use super::form::{Notice, PageForm};
use super::frame::Frame;
use super::shown::Shown;

/// Asks for address and password, on one page. Fields: `email`, `password`.
#[derive(Serialize)]
pub struct Login {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the form goes.
    pub form: PageForm,
    /// The value of the hidden field `verify`: the address that is confirmed by this sign-in.
    pub verify: Option<String>,
    /// The address to begin with (OpenID Connect Core 3.1.2.1, `login_hint`), or empty.
    pub email: Shown,
    /// The name of the app that asked, if one did.
    pub app: Option<Shown>,
    /// The title of the organisation that runs the app.
    pub tenant: Option<Shown>,
    /// The path of the sign-up page, where people may sign up by themselves.
    pub signup: Option<String>,
    /// What happened to the form that was sent before.
    pub notice: Option<Notice>,
}

impl PageContext for Login {
    const TEMPLATE: &'static str = "login.html";
}

/// Says that somebody is signed in, and lets them sign out.
#[derive(Serialize)]
pub struct SignedIn {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the sign-out form goes.
    pub form: PageForm,
    /// Who is signed in.
    pub email: Shown,
    /// What has just happened.
    pub notice: Option<Notice>,
}

impl PageContext for SignedIn {
    const TEMPLATE: &'static str = "signed_in.html";
}
