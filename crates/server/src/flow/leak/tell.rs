//! Who is told of an incident, and in which words. Never the credential itself; never a link that a stranger has chosen.

use grantor_core::decision::Write;
use grantor_core::incident::{Incident, LeakSource, LeakedKind, Measure};
use grantor_core::leak::Leaked;
use grantor_core::outbox::MailKind;
use grantor_core::secret::Stage;
use serde_json::{Map, Value};

use crate::catalogue::EnvironmentState;
use crate::flow::Fault;
use crate::flow::notice::{self, login_page, moment};
use crate::node::Node;

/// The mails: to those who answer for the tenant, and to the provider's team.
pub(super) async fn mails(
    node: &Node,
    state: Option<&EnvironmentState>,
    leaked: &Leaked<'_>,
    incident: &Incident,
    measures: &[Measure],
) -> Result<Vec<Write>, Fault> {
    let catalogue = node.catalogue_full();
    // An operator's token is of no environment; a mail is sent in the name of one.
    let first = || {
        let live = catalogue.environments.iter().find(|state| state.environment.stage == Stage::Live);
        live.or(catalogue.environments.first()).map(|state| &**state)
    };
    let Some(state) = state.or_else(first) else { return Ok(Vec::new()) };
    let environment = state.environment.id;
    let told = values(node, state, leaked, incident, measures);
    let mut writes = match incident.tenant {
        Some(tenant) => {
            notice::to_admins(node, tenant, environment, MailKind::Incident, told.clone()).await?
        }
        None => Vec::new(),
    };
    if let Some(team) = &node.leaks.notify {
        writes.push(notice::mail(node, team.clone(), environment, MailKind::Incident, told));
    }
    Ok(writes)
}

fn values(
    node: &Node,
    state: &EnvironmentState,
    leaked: &Leaked<'_>,
    incident: &Incident,
    measures: &[Measure],
) -> Map<String, Value> {
    let what = format!("{}, ending in {}", name(incident.kind), incident.last_four);
    let owner = match (leaked.app(), leaked) {
        (Some(app), _) => format!("the app {}", app.client_id),
        (None, Leaked::Key(key, _)) if key.name.is_empty() => format!("the key {}", key.id),
        (None, Leaked::Key(key, _)) => format!("the key {} ({})", key.id, key.name),
        (None, _) => "the provider's team".to_owned(),
    };
    let done: Vec<&str> = match measures {
        [] => vec!["Nothing was stopped: it works on until you replace it."],
        done => done.iter().map(|measure| measure.sentence()).collect(),
    };
    notice::values([
        ("what", what),
        ("owner", owner),
        ("place", place(incident)),
        ("when", moment(node.now())),
        ("done", done.join(" ")),
        ("next", next(incident.kind).to_owned()),
        ("incident", incident.id.to_string()),
        ("login", login_page(state)),
    ])
}

fn name(kind: LeakedKind) -> &'static str {
    match kind {
        LeakedKind::ClientSecret => "A client secret",
        LeakedKind::ApiKey => "An API key",
        LeakedKind::AccessToken => "An access token",
        LeakedKind::RefreshToken => "A refresh token",
        LeakedKind::Code => "An authorization code",
        LeakedKind::OperatorToken => "An operator's token",
    }
}

/// Only GitHub's word for a place goes into a mail, and only a place at GitHub: a stranger's would be a way to write to people in our
/// name.
fn place(incident: &Incident) -> String {
    let place = incident.sighting.place.as_ref().map(|place| place.as_str());
    match (incident.sighting.source, place) {
        (LeakSource::Query, _) => {
            "in the query string of a request to us, so it is in logs and histories".to_owned()
        }
        (LeakSource::Public, _) => "by somebody who reported it and knows it".to_owned(),
        (LeakSource::Operator, _) => "by the provider's team".to_owned(),
        (LeakSource::Github, Some(url)) if url.starts_with("https://github.com/") => {
            format!("by GitHub, at {url}")
        }
        (LeakSource::Github, _) => "by GitHub, in something public".to_owned(),
    }
}

fn next(kind: LeakedKind) -> &'static str {
    match kind {
        LeakedKind::ClientSecret => {
            "Make a new secret, give it to the app, and take the old one out of wherever it was seen."
        }
        LeakedKind::ApiKey => {
            "Make a new key, give it to the program, and take the old one out of wherever it was seen."
        }
        LeakedKind::AccessToken => {
            "Send tokens in the Authorization header only, and keep them out of logs and repositories. The app asks for a new one."
        }
        LeakedKind::RefreshToken | LeakedKind::Code => {
            "Find out where the app lets it be seen. The user signs in again."
        }
        LeakedKind::OperatorToken => {
            "Look through the audit for what was done with it. A new operator's token is made on the server's own machine."
        }
    }
}
