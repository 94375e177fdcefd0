//! The documentation of the APIs: articles in Markdown, one template each, and the page that shows one of them.
//!
//! An article is written once, as Markdown. Programs get it as it is, people get it as HTML around which [`DocsPage`]
//! stands. Every field is made from what is enforced; where something does not exist, the field is empty and the template
//! is silent.

mod authentication;
mod credentials;
mod errors;
mod overview;
mod security;
mod snippet;
mod tenant_setup;

use serde::Serialize;

pub use self::authentication::{
    Authentication, ClaimRow, CodeFlow, LifeRow, MachineFlow, PasswordFlow, RefreshRules, ScopeRow, TokenLook,
};
pub use self::credentials::{Credentials, KeyRules, PublicApps, SecretRules};
pub use self::errors::{ApiErrors, ErrorRow, Errors, QuotaRow};
pub use self::overview::{ApiLink, DocsIndex, EnvironmentRow, OperationRow, Overview, PageLink};
pub use self::security::Security;
pub use self::snippet::{
    Go, Java, Node, Php, Python, Ruby, Rust, Shell, Snippet, SnippetContext, SnippetFacts,
};
pub use self::tenant_setup::{ClosedOperation, CredentialChoice, GateRow, TenantSetup};

use super::PageContext;
use super::frame::Frame;
use super::markdown::{SafeHtml, render_article};
use super::shown::Shown;

/// What the template of one article is told.
pub trait ArticleContext: Serialize {
    /// The file name of the template.
    const TEMPLATE: &'static str;
}

/// An article, ready to be sent as `text/markdown; charset=utf-8`.
pub struct Article {
    /// The whole document.
    pub markdown: String,
}

/// What every article of an API knows.
#[derive(Clone, Serialize)]
pub struct About {
    /// The title of the API.
    pub api: Shown,
    /// The name of the environment.
    pub environment: Shown,
    /// The path of the API's documentation, without a slash at its end.
    pub docs: String,
}

/// A lifetime for people and for programs.
#[derive(Clone, Serialize)]
pub struct Life {
    /// In words, such as "1 hour".
    pub words: String,
    /// In seconds.
    pub seconds: i64,
}

/// The page around an article.
#[derive(Serialize)]
pub struct DocsPage {
    /// What stands around the page.
    pub frame: Frame,
    /// What the browser's tab says.
    pub title: Shown,
    /// The way to the other pages of the documentation.
    pub pages: Vec<DocsLink>,
    /// The article.
    pub article: SafeHtml,
    /// The path of the same article as Markdown.
    pub markdown: String,
}

/// A link between pages of the documentation.
#[derive(Serialize)]
pub struct DocsLink {
    /// Its words.
    pub title: Shown,
    /// Its path.
    pub path: String,
    /// Whether it is this page.
    pub is_here: bool,
}

impl PageContext for DocsPage {
    const TEMPLATE: &'static str = "docs.html";
}

impl DocsPage {
    /// The page around an article.
    pub fn new(
        frame: Frame,
        title: Shown,
        pages: Vec<DocsLink>,
        article: &Article,
        markdown: String,
    ) -> Self {
        Self { frame, title, pages, article: render_article(&article.markdown), markdown }
    }
}
