//! Where an API is, and what it can do.

use super::operations;
use super::path::{Topic, docs_of, page_path};
use super::place::Place;
use crate::pages::{Overview, PageLink, Shown};

pub(super) fn overview(place: &Place<'_>) -> Overview {
    let (environment, api) = (place.environment, place.api);
    let others = Topic::ALL.into_iter().filter(|topic| *topic != Topic::Overview);
    let link = |topic: Topic| PageLink {
        title: topic.title(),
        about: topic.about(),
        path: page_path(environment, api, topic),
    };
    Overview {
        about: place.about(),
        sentence: Shown::text(&place.profile().title),
        base_url: place.base_url(),
        token_endpoint: place.token_endpoints().into_iter().next(),
        authorization_endpoint: place.can().code.then(|| format!("{}/authorize", environment.issuer)),
        issuer: environment.issuer.to_string(),
        audience: api.audience.clone(),
        environments: place.environments(),
        pages: others.map(link).collect(),
        flows: format!("{}/flows", docs_of(environment, api)),
        operations: operations::rows(place),
    }
}
