//! A secret or token that was seen in a query string: it is in browser histories, proxies and access logs now.
//!
//! Whoever does not know a genuine credential causes nothing here: a wrong value is counted like any failed attempt, and that
//! is all.

use std::net::IpAddr;

use grantor_core::client_auth::Presented;
use grantor_core::error::Reason;
use grantor_core::form::{Form, decode_component};
use grantor_core::incident::{LeakSource, Sighting};
use grantor_core::secret::Secret;

use super::leak::{Report, report_in};
use super::{Fault, FlowError};
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node};

/// Names that may never stand in a query string.
const NEVER_IN_QUERY: [&str; 6] =
    ["client_secret", "access_token", "token", "refresh_token", "client_assertion", "code_verifier"];
/// Those of them whose value may be a token of ours.
const TOKENS: [&str; 3] = ["access_token", "token", "refresh_token"];
/// Longest value that is looked at, in bytes: that of a form.
const LONGEST: usize = 8 * 1024;

/// Whether a query carries what it must not. The caller refuses the request.
pub fn carries_credential(query: &str) -> bool {
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or(""));
    names.filter_map(decode_component).any(|name| NEVER_IN_QUERY.contains(&name.as_str()))
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
    /// The first value of a name in the query. The query need not be a form that we would take: its logs are no stricter.
    fn in_query(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let mut named = pairs.filter(|(key, _)| decode_component(key).is_some_and(|key| key == name));
        named.find_map(|(_, value)| decode_component(value).filter(|value| value.len() <= LONGEST))
    }

    /// The app that the request names.
    fn client_id(&self) -> Option<String> {
        let in_body = || self.body.and_then(|body| body.get("client_id")).map(str::to_owned);
        self.in_query("client_id").or_else(in_body).or_else(|| {
            let none = Form::parse(b"").ok()?;
            let presented = Presented::read(self.authorization.into_iter(), &none).ok()?;
            presented.candidates().next().map(|(client_id, _)| client_id.to_owned())
        })
    }
}

/// Notes what stands in the query, if it is genuine: an incident, and what the environment's policy does about it.
///
/// # Errors
/// Storage trouble.
pub async fn note(
    node: &Node,
    state: &EnvironmentState,
    sent: &Sent<'_>,
    actor: &Actor,
) -> Result<(), Fault> {
    let Ok(source) = actor.address.parse::<IpAddr>() else { return Ok(()) };
    let sighting = Sighting { source: LeakSource::Query, place: None, reporter: actor.address.clone() };
    if let Some(secret) = genuine_secret(node, state, sent, source).await {
        report_in(node, state, &Report { value: &secret, sighting: &sighting, actor }).await?;
    }
    for token in TOKENS.iter().filter_map(|name| sent.in_query(name)).map(Secret::presented) {
        if node.limits.look_at_leak(source).is_err() {
            return Ok(());
        }
        report_in(node, state, &Report { value: &token, sighting: &sighting, actor }).await?;
    }
    Ok(())
}

/// The secret of the query if it is that of the app that the request names; looked at under the throttle of every authentication.
async fn genuine_secret(
    node: &Node,
    state: &EnvironmentState,
    sent: &Sent<'_>,
    source: IpAddr,
) -> Option<Secret> {
    let secret = sent.in_query("client_secret")?;
    let client_id = sent.client_id()?;
    let presented = Presented::Post { client_id, secret: Secret::presented(secret) };
    let facts = super::client::load(node, state, &presented, source).await.ok()?;
    let genuine = match facts.authenticate(node, state, &presented, source) {
        Ok(_) => true,
        // It was the right secret, and would be good again after a resume.
        Err(FlowError::Denied(denial)) => {
            matches!(denial.reason, Reason::AppSuspended | Reason::TenantSuspended)
        }
        Err(_) => false,
    };
    match presented {
        Presented::Post { secret, .. } if genuine => Some(secret),
        _ => None,
    }
}
