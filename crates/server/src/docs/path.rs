//! Which articles there are, under which paths, and what is kept of them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use grantor_core::api::Api;
use grantor_core::environment::Environment;
use http::HeaderValue;

/// What an article about an API is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Where it is and what it can do.
    Overview,
    /// How to get a token and call it.
    Authentication,
    /// Which credentials there are.
    Credentials,
    /// What has to be set up for a tenant.
    TenantSetup,
    /// How to keep credentials.
    Security,
    /// Every refusal.
    Errors,
}

impl Topic {
    /// Every topic, in the order in which people read.
    pub const ALL: [Self; 6] = [
        Self::Overview,
        Self::Authentication,
        Self::Credentials,
        Self::TenantSetup,
        Self::Security,
        Self::Errors,
    ];

    /// Its name in paths. The overview's page stands at the API itself.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Overview => "index",
            Self::Authentication => "authentication",
            Self::Credentials => "credentials",
            Self::TenantSetup => "tenant-setup",
            Self::Security => "security",
            Self::Errors => "errors",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Authentication => "Authentication",
            Self::Credentials => "Credentials",
            Self::TenantSetup => "Tenant set-up",
            Self::Security => "Security practices",
            Self::Errors => "Errors",
        }
    }

    /// What it answers, for people who choose.
    pub fn about(self) -> &'static str {
        match self {
            Self::Overview => "where the API is and what it can do",
            Self::Authentication => "how to get a credential and call the API, with programs to copy",
            Self::Credentials => "which credentials there are, how they are kept, changed and ended",
            Self::TenantSetup => "what is set up for your organisation, and which credential you need",
            Self::Security => "what keeps credentials safe, and what to do when one has leaked",
            Self::Errors => "every refusal, what it means and what to do",
        }
    }

    /// The path of its page below the API's documentation.
    fn below(self) -> String {
        match self {
            Self::Overview => String::new(),
            other => format!("/{}", other.segment()),
        }
    }
}

/// How an article is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArticleDress {
    /// For people.
    Page,
    /// As it was written.
    Markdown,
}

/// What stands behind a path of the documentation.
#[derive(Debug)]
pub enum DocsContent {
    /// The list of everything, for programs.
    Listing,
    /// The list of APIs.
    Index(ArticleDress),
    /// An article about an API.
    Topic(Arc<Api>, Topic, ArticleDress),
}

/// A file of the documentation. It is rendered when somebody first asks, and kept as long as the catalogue of which it was made.
#[derive(Debug)]
pub struct DocsFile {
    /// What it holds.
    pub content: DocsContent,
    /// The rendered file.
    pub kept: OnceLock<Kept>,
}

/// A rendered file.
#[derive(Debug)]
pub struct Kept {
    /// The whole of it.
    pub bytes: Bytes,
    /// Its entity tag.
    pub tag: HeaderValue,
}

/// The path of an environment's documentation.
pub fn docs_in(environment: &Environment) -> String {
    format!("{}/docs", environment.issuer.path())
}

/// The path of an API's documentation.
pub fn docs_of(environment: &Environment, api: &Api) -> String {
    format!("{}/{}", docs_in(environment), api.name)
}

/// The path of a page.
pub fn page_path(environment: &Environment, api: &Api, topic: Topic) -> String {
    format!("{}{}", docs_of(environment, api), topic.below())
}

/// The path of the Markdown of a page.
pub fn markdown_path(environment: &Environment, api: &Api, topic: Topic) -> String {
    format!("{}/{}.md", docs_of(environment, api), topic.segment())
}

/// Every file of an environment's documentation and its path. A dot stands in no name of an API, so no two are alike.
pub fn files(environment: &Environment, apis: &[Arc<Api>]) -> Vec<(String, DocsFile)> {
    let file = |path, content| (path, DocsFile { content, kept: OnceLock::new() });
    let root = docs_in(environment);
    let mut files = vec![
        file(root.clone(), DocsContent::Index(ArticleDress::Page)),
        file(format!("{root}/index.md"), DocsContent::Index(ArticleDress::Markdown)),
        file(format!("{root}/index.json"), DocsContent::Listing),
    ];
    for api in apis {
        for topic in Topic::ALL {
            let page = DocsContent::Topic(api.clone(), topic, ArticleDress::Page);
            let markdown = DocsContent::Topic(api.clone(), topic, ArticleDress::Markdown);
            files.push(file(page_path(environment, api, topic), page));
            files.push(file(markdown_path(environment, api, topic), markdown));
        }
    }
    files
}
