//! The documentation of an API, computed from what is enforced: profile, API, contract, environment. No sentence is stored,
//! so none can be wrong after a change. What the sentences are, the templates say; here is decided which of them are true.

mod authentication;
mod can;
mod credentials;
mod errors;
mod gates;
mod operations;
mod overview;
pub mod path;
mod place;
mod security;
mod shell;
mod tenant_setup;
mod words;

#[cfg(test)]
pub(crate) mod tests;

use grantor_core::api::Api;
use grantor_core::environment::Environment;

use self::path::Topic;
pub use self::place::Place;
use crate::pages::{ApiLink, Article, DocsIndex, Pages, Shown};

/// One article about an API.
pub fn article(pages: &Pages, place: &Place<'_>, topic: Topic) -> Article {
    match topic {
        Topic::Overview => pages.article(&overview::overview(place)),
        Topic::Authentication => pages.article(&authentication::authentication(pages, place)),
        Topic::Credentials => pages.article(&credentials::credentials(place)),
        Topic::TenantSetup => pages.article(&tenant_setup::tenant_setup(place)),
        Topic::Security => pages.article(&security::security(place)),
        Topic::Errors => pages.article(&errors::errors(place)),
    }
}

/// The article that lists the APIs of an environment.
pub fn index<'a>(
    pages: &Pages,
    environment: &Environment,
    apis: impl IntoIterator<Item = &'a Api>,
) -> Article {
    let link = |api: &Api| ApiLink {
        title: title(api),
        sentence: Shown::text(&api.profile.title),
        path: path::docs_of(environment, api),
    };
    let environment = Shown::name(environment.name.as_str());
    pages.article(&DocsIndex { environment, apis: apis.into_iter().map(link).collect() })
}

/// What people call an API.
pub fn title(api: &Api) -> Shown {
    Shown::name(if api.title.trim().is_empty() { api.name.as_str() } else { &api.title })
}
