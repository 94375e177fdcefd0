//! The page for what cannot go on.

use serde::Serialize;

use super::PageContext;
use super::frame::Frame;
use super::shown::Shown;

/// Says what happened and what to do next, with an id by which support finds the request in the log.
#[derive(Serialize)]
pub struct ErrorPage {
    /// What stands around the page.
    pub frame: Frame,
    /// The code, such as `invalid_request`.
    pub code: Shown,
    /// What happened.
    pub text: Shown,
    /// What to do next.
    pub advice: Shown,
    /// The id of the request.
    pub request_id: Shown,
}

impl PageContext for ErrorPage {
    const TEMPLATE: &'static str = "error.html";
}
