//! The sign-up page and the page after it.

use serde::Serialize;

use super::PageContext;
use super::form::{Notice, PageForm};
use super::frame::Frame;
use super::shown::Shown;

/// Asks for what an account needs. Fields: `email`, `password`, and `name` if it is asked for.
#[derive(Serialize)]
pub struct Signup {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the form goes.
    pub form: PageForm,
    /// The address to begin with, or empty.
    pub email: Shown,
    /// The name to begin with, maybe empty; `None` where no name is asked for.
    pub name: Option<Shown>,
    /// The shortest password, in characters. The page tells the rule before somebody breaks it.
    pub shortest_password: u16,
    /// The path of the sign-in page, for those who have an account.
    pub login: String,
    /// What happened to the form that was sent before.
    pub notice: Option<Notice>,
}

impl PageContext for Signup {
    const TEMPLATE: &'static str = "signup.html";
}

/// Says that a mail is on its way. The same for every address, so that the page tells nobody who has an account.
#[derive(Serialize)]
pub struct SignupSent {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the mail went.
    pub email: Shown,
    /// The path of the sign-up page, to correct the address or to try again.
    pub signup: String,
    /// The path of the sign-in page.
    pub login: String,
}

impl PageContext for SignupSent {
    const TEMPLATE: &'static str = "signup_sent.html";
}
