//! The page that carries an authorization response in a form (OAuth 2.0 Form Post Response Mode).

use serde::Serialize;

use super::PageContext;
use super::form_target::{FormTarget, NoFormTarget};
use super::frame::Frame;

/// Sends its fields on by itself, or by a button where scripts are off. No `Debug`: the fields hold a code.
#[derive(Serialize)]
pub struct FormPost {
    frame: Frame,
    action: String,
    #[serde(skip)]
    target: FormTarget,
    fields: Vec<(&'static str, String)>,
}

impl FormPost {
    /// A form for a redirect URI.
    ///
    /// # Errors
    /// A redirect URI that no form can be posted to: a browser would show nothing, or run it.
    pub fn new(
        frame: Frame,
        redirect_uri: &str,
        fields: Vec<(&'static str, String)>,
    ) -> Result<Self, NoFormTarget> {
        let target = FormTarget::parse(redirect_uri)?;
        if !target.is_web() {
            return Err(NoFormTarget);
        }
        Ok(Self { frame, action: redirect_uri.to_owned(), target, fields })
    }

    /// Where the form goes, for [`super::security_headers`].
    pub fn target(&self) -> &FormTarget {
        &self.target
    }
}

impl PageContext for FormPost {
    const TEMPLATE: &'static str = "form_post.html";
}
