//! The page on which terms and policies are read and accepted.

use serde::Serialize;

use super::PageContext;
use super::form::{Notice, PageForm};
use super::frame::Frame;
use super::markdown::SafeHtml;
use super::shown::Shown;

/// Shows documents in full and asks to accept each. Fields: `accept`, once for each document, with the value
/// `<kind>:<version>:<hash>`, and `decision`, which is `accept` or `decline`.
#[derive(Serialize)]
pub struct Terms {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the form goes.
    pub form: PageForm,
    /// What is to be accepted.
    pub documents: Vec<TermsDocument>,
    /// What happened to the form that was sent before.
    pub notice: Option<Notice>,
}

/// One version of one document.
#[derive(Serialize)]
pub struct TermsDocument {
    /// What kind of document it is, such as `terms`; one word, part of the ids on the page.
    pub kind: String,
    /// Its version.
    pub version: String,
    /// The hash of the text. It comes back with the acceptance, so that nobody accepts what they have not been shown.
    pub hash: String,
    /// Its title.
    pub title: Shown,
    /// The day from which it holds, as people write it.
    pub effective: Shown,
    /// What is new since the version that this person accepted, if they did: of each later version, oldest first.
    pub changes: Vec<Shown>,
    /// The language of the text (BCP 47).
    pub language: String,
    /// The text, as [`super::render_markdown`] makes it.
    pub html: SafeHtml,
}

impl PageContext for Terms {
    const TEMPLATE: &'static str = "terms.html";
}
