//! What people see: pages and mails, made of templates and typed contexts. No flow, no route, no state.
//!
//! Everything is in the binary. A theme folder of the operator may replace each template and the style sheet by a file
//! of the same name, and may add a logo; it is read once, at start. What a template is told is a struct of this module,
//! and foreign text reaches it as [`Shown`], [`WebLink`] or [`SafeHtml`], never as it came.

mod asset;
mod choice;
mod consent;
mod dialect;
mod docs;
mod engine;
mod error_page;
mod files;
mod flow_table;
mod form;
mod form_post;
mod form_target;
mod frame;
mod headers;
mod mail;
mod markdown;
mod plain_url;
mod shown;
mod sign_in;
mod sign_up;
mod terms;
mod theme;
mod web_link;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Serialize;

pub use self::asset::Asset;
pub use self::choice::{Account, ChooseAccount, ChooseTenant, TenantChoice};
pub use self::consent::{AppIdentity, AskedScope, Consent};
pub use self::docs::{
    About, ApiErrors, ApiLink, Article, ArticleContext, Authentication, ClaimRow, ClosedOperation, CodeFlow,
    CredentialChoice, Credentials, DocsIndex, DocsLink, DocsPage, EnvironmentRow, ErrorRow, Errors, GateRow,
    Go, Java, KeyRules, Life, LifeRow, MachineFlow, Node, OperationRow, Overview, PageLink, PasswordFlow,
    Php, PublicApps, Python, QuotaRow, RefreshRules, Ruby, Rust, ScopeRow, SecretRules, Security, Shell,
    Snippet, SnippetContext, SnippetFacts, TenantSetup, TokenLook,
};
pub use self::error_page::ErrorPage;
pub use self::flow_table::{Flow, FlowTable};
pub use self::form::{Notice, PageForm};
pub use self::form_post::FormPost;
pub use self::form_target::{FormTarget, NoFormTarget};
pub use self::frame::Frame;
pub use self::headers::security_headers;
pub use self::mail::{
    CredentialChanged, CredentialExpiring, IncidentNotice, MailContext, MailText, NoticeMail,
    PasswordChanged, SignupAttempted, SignupVerification, Switched,
};
pub use self::markdown::{SafeHtml, render_article, render_markdown};
pub use self::plain_url::PlainUrl;
pub use self::shown::Shown;
pub use self::sign_in::{Login, SignedIn};
pub use self::sign_up::{Signup, SignupSent};
pub use self::terms::{Terms, TermsDocument};
pub use self::theme::PagesError;
pub use self::web_link::WebLink;

use self::asset::Assets;
use self::engine::Engine;
use self::theme::Theme;

/// What the template of one page is told. Its fields are the names that the template, or its replacement in a theme, may
/// use.
pub trait PageContext: Serialize {
    /// The file name of the template.
    const TEMPLATE: &'static str;
}

/// A page, ready to be sent as `text/html; charset=utf-8` together with [`security_headers`].
pub struct Page {
    /// The whole document.
    pub html: String,
}

/// Every template and static file, built once.
pub struct Pages {
    built_in: Engine,
    themed: Option<Engine>,
    assets: Assets,
}

impl Pages {
    /// Prepares the built-in pages, with the replacements of a theme folder if there is one.
    ///
    /// # Errors
    /// A folder that cannot be read, a file in it that nothing would read or that is too long, and a template that does
    /// not parse or uses a name that its page does not have.
    pub fn load(theme: Option<&Path>) -> Result<Self, PagesError> {
        let theme = theme.map(Theme::read).transpose()?;
        let assets = Assets::new(theme.as_ref());
        let built_in = Engine::built_in(&assets);
        let themed = theme.map(|theme| Engine::themed(&theme, &assets, &built_in)).transpose()?;
        Ok(Self { built_in, themed, assets })
    }

    /// Renders a page.
    pub fn render<P: PageContext>(&self, page: &P) -> Page {
        Page { html: self.fill(P::TEMPLATE, page) }
    }

    /// Renders a mail.
    pub fn mail<M: MailContext>(&self, mail: &M) -> MailText {
        MailText::split(&self.fill(M::TEMPLATE, mail))
    }

    /// Fills the template of an article.
    pub fn article<A: ArticleContext>(&self, article: &A) -> Article {
        Article { markdown: dialect::tidy(&self.fill(A::TEMPLATE, article)) }
    }

    /// Fills the template of a program to copy.
    pub fn snippet<S: SnippetContext>(&self, facts: &S) -> Snippet {
        Snippet { title: S::TITLE, language: S::LANGUAGE, code: self.fill(S::TEMPLATE, facts) }
    }

    /// The names of all static files.
    pub fn asset_names(&self) -> Vec<&str> {
        self.assets.all_names()
    }

    /// The static file of exactly this name, as it stands behind `/static/` in a page.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.get(name)
    }

    /// A theme's mistake must not lock people out: what it cannot show is shown as we ship it, and the operator is told.
    fn fill(&self, template: &'static str, context: &impl Serialize) -> String {
        if let Some(themed) = &self.themed {
            match themed.render(template, context) {
                Ok(text) => return text,
                Err(error) => {
                    tracing::error!(template, %error, "the theme's template failed: the built-in one was used");
                }
            }
        }
        let text = self.built_in.render(template, context);
        text.expect(
            "a built-in template uses only what its context has: every branch of each is rendered in a test",
        )
    }
}
