//! A client secret that was seen in a query string: it is in browser histories, proxies and access logs now.

use grantor_core::client_auth::Presented;
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::form::Form;

use super::Fault;
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node};

/// Names that may never stand in a query string.
const NEVER_IN_QUERY: [&str; 6] =
    ["client_secret", "access_token", "token", "refresh_token", "client_assertion", "code_verifier"];

/// Whether a query carries what it must not. The caller refuses the request.
pub fn carries_credential(query: &str) -> bool {
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or(""));
    names.filter_map(grantor_core::form::decode_component).any(|name| NEVER_IN_QUERY.contains(&name.as_str()))
}

/// Where a request may name the app: in the query, in the body, in the Basic header.
pub struct Sent<'a> {
    /// The query, which holds the secret.
    pub query: &'a str,
    /// The body, if it was a form.
    pub body: Option<&'a Form>,
    /// The `Authorization` header.
    pub authorization: Option<&'a [u8]>,
}

impl Sent<'_> {
    /// The app that the request names.
    fn client_id(&self, query: &Form) -> Option<String> {
        let named = query.get("client_id").or_else(|| self.body.and_then(|body| body.get("client_id")));
        named.map(str::to_owned).or_else(|| {
            let none = Form::parse(b"").ok()?;
            let presented = Presented::read(self.authorization.into_iter(), &none).ok()?;
            presented.candidates().next().map(|(client_id, _)| client_id.to_owned())
        })
    }
}

/// Marks the app whose genuine secret stands in the query. A wrong secret marks nothing, so that nobody can mark a stranger.
///
/// # Errors
/// Storage trouble.
pub async fn note(
    node: &Node,
    state: &EnvironmentState,
    sent: &Sent<'_>,
    actor: &Actor,
) -> Result<(), Fault> {
    let Ok(form) = Form::parse(sent.query.as_bytes()) else {
        return Ok(());
    };
    let Some(client_id) = sent.client_id(&form) else {
        return Ok(());
    };
    let Some(secret) = form.get("client_secret") else {
        return Ok(());
    };
    let presented =
        Presented::Post { client_id, secret: grantor_core::secret::Secret::presented(secret.to_owned()) };
    let Ok(source) = actor.address.parse() else {
        return Ok(());
    };
    let Ok(facts) = super::client::load(node, state, &presented, source).await else {
        return Ok(());
    };
    let Ok(client) = facts.authenticate(node, state, &presented, source) else {
        return Ok(());
    };
    let now = node.now();
    let app = client.app();
    // Once a minute is enough for people, and no load for an attacker to make.
    if app.exposed_at.is_some_and(|at| now.seconds() - at.seconds() < 60) {
        return Ok(());
    }
    tracing::warn!(client_id = %app.client_id, "a client secret was sent in a query string and must be considered leaked");
    let event = AuditEvent::new("app.secret_exposed", app.id.to_string())
        .of_tenant(app.tenant)
        .detail("client_id", app.client_id.as_str());
    node.commit(actor, vec![Write::MarkExposed(app.id, now)], vec![event]).await
}
