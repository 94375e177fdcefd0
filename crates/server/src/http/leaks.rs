//! `POST /leaks` and `POST /leaks/github`: where somebody who has found a credential of ours brings it. They belong to no
//! environment and need no credential: whoever holds a live one may end it.
//!
//! The public address answers the same to everything, at once: what was brought is looked at afterwards, by a job. GitHub's is
//! closed unless its keys are configured, and looks at the signature before it looks at anything else.

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, Method, Request, Response, StatusCode};
use bytes::Bytes;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use grantor_core::incident::{LeakSource, Place, Sighting};
use grantor_core::secret::Secret;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

use super::body::{self, NoForm};
use super::respond::{self, Body};
use super::source::Origin;
use crate::flow::leak_message::{self, Exposed, Taken};
use crate::keys::token_digest;
use crate::leaks::{GithubKeys, Reported};
use crate::limits::RetryAfter;
use crate::node::{Actor, Node};

/// The public address.
const PUBLIC: &str = "/leaks";
/// That of GitHub's secret scanning.
const GITHUB: &str = "/leaks/github";
/// Longest report, in bytes.
const MAX_REPORT: usize = 8 * 1024;
/// Longest message of GitHub, in bytes.
const MAX_MESSAGE: usize = 1024 * 1024;
/// Most credentials in one of them.
const MAX_TOKENS: usize = 100;

const ENDPOINT: &str = "leaks";

/// One of the two addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// For everybody.
    Public,
    /// For GitHub.
    Github,
}

/// A request to one of them.
pub struct LeakCall<'a> {
    /// The node.
    pub node: &'a Node,
    /// Slots for bodies that wait for their rest.
    pub bodies: &'a Semaphore,
    /// From where.
    pub origin: &'a Origin,
    /// The request's id.
    pub request_id: &'a str,
}

impl Door {
    /// The door behind a path.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            PUBLIC => Some(Self::Public),
            GITHUB => Some(Self::Github),
            _ => None,
        }
    }

    /// Takes what was brought.
    pub async fn answer(self, call: &LeakCall<'_>, request: Request<Incoming>) -> Response<Body> {
        let keys = match (self, &call.node.leaks.github) {
            (Self::Public, _) => None,
            (Self::Github, Some(keys)) => Some(keys),
            (Self::Github, None) => return respond::not_found(call.request_id),
        };
        if request.method() != Method::POST {
            return respond::method_not_allowed("POST", call.request_id);
        }
        let taken = match keys {
            None => public(call, request).await,
            Some(keys) => github(call, keys, request).await,
        };
        taken.unwrap_or_else(|refused| refused.response(call))
    }
}

/// Why nothing was taken. None of it depends on what was brought.
enum Refused {
    TooMany(RetryAfter),
    Body(NoForm),
    Malformed(&'static str),
    Unsigned,
    Replay,
    Unavailable,
}

impl From<NoForm> for Refused {
    fn from(why: NoForm) -> Self {
        Self::Body(why)
    }
}

impl Refused {
    fn response(self, call: &LeakCall<'_>) -> Response<Body> {
        let id = call.request_id;
        let (status, error, text, outcome) = match self {
            Self::TooMany(wait) => {
                call.node.metrics.count(ENDPOINT, Reason::TooManyFailures.name());
                const TOO_MANY: Denial =
                    Denial::new(OAuthError::TemporarilyUnavailable, Reason::TooManyFailures);
                return respond::throttled(&TOO_MANY, wait, id);
            }
            Self::Unavailable | Self::Body(NoForm::Fault(_)) => {
                call.node.metrics.count(ENDPOINT, "fault");
                return respond::unavailable(id);
            }
            Self::Body(NoForm::TooLong) => return respond::too_long(id),
            Self::Body(NoForm::TooSlow | NoForm::Broken) => return respond::too_slow(id),
            Self::Body(NoForm::Method | NoForm::Denied(_)) => {
                (StatusCode::BAD_REQUEST, OAuthError::InvalidRequest, MALFORMED, "malformed")
            }
            Self::Malformed(text) => (StatusCode::BAD_REQUEST, OAuthError::InvalidRequest, text, "malformed"),
            Self::Unsigned => (
                StatusCode::FORBIDDEN,
                OAuthError::AccessDenied,
                "The message is not signed by a key of GitHub's secret scanning.",
                "unsigned",
            ),
            Self::Replay => {
                (StatusCode::CONFLICT, OAuthError::InvalidRequest, "This message was taken before.", "replay")
            }
        };
        call.node.metrics.count(ENDPOINT, outcome);
        tracing::info!(request_id = id, endpoint = ENDPOINT, source = %call.origin.address, outcome, "refused");
        respond::json(status, &json!({ "error": error.code(), "error_description": text, "request_id": id }))
    }
}

const MALFORMED: &str =
    "Send what has leaked as the field value of a form or of JSON, or alone as text/plain.";

/// What is brought to the public address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Brought {
    value: String,
    #[serde(default)]
    url: Option<String>,
}

async fn public(call: &LeakCall<'_>, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
    call.node.limits.report_leak(call.origin.address).map_err(Refused::TooMany)?;
    let (parts, body) = request.into_parts();
    let bytes = body::read(body, MAX_REPORT, call.bodies).await?;
    let brought = read(&parts.headers, &bytes).ok_or(Refused::Malformed(MALFORMED))?;
    let report = Reported {
        value: Secret::presented(brought.value),
        sighting: Sighting {
            source: LeakSource::Public,
            place: brought.url.as_deref().and_then(Place::read),
            reporter: call.origin.address.to_string(),
        },
        request_id: call.request_id.to_owned(),
    };
    call.node.leaks.queue.offer(report).map_err(|_| Refused::Unavailable)?;
    call.node.metrics.count(ENDPOINT, "ok");
    Ok(respond::json_bytes(StatusCode::ACCEPTED, &b"{\"received\":true}"[..]))
}

/// Three spellings, because whoever has found something should not have to look up how to say it.
fn read(headers: &HeaderMap, bytes: &Bytes) -> Option<Brought> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("text/plain");
    let media = media.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let brought = match media.as_str() {
        "application/json" => serde_json::from_slice::<Brought>(bytes).ok()?,
        "application/x-www-form-urlencoded" => {
            let form = Form::parse(bytes).ok()?;
            Brought { value: form.get("value")?.to_owned(), url: form.get("url").map(str::to_owned) }
        }
        "text/plain" => Brought { value: std::str::from_utf8(bytes).ok()?.to_owned(), url: None },
        _ => return None,
    };
    // What is copied brings blanks with it.
    let value = brought.value.trim();
    (!value.is_empty()).then(|| Brought { value: value.to_owned(), url: brought.url })
}

/// One match, as GitHub sends it.
#[derive(Deserialize)]
struct Match {
    token: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    url: Option<String>,
}

/// What GitHub hears of it.
#[derive(Serialize)]
struct Feedback<'a> {
    token_hash: String,
    token_type: &'a str,
    label: &'static str,
}

async fn github(
    call: &LeakCall<'_>,
    keys: &GithubKeys,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refused> {
    call.node.limits.look_at_leak(call.origin.address).map_err(Refused::TooMany)?;
    let _slot = call.node.leaks.messages.try_acquire().map_err(|_| Refused::Unavailable)?;
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let identifier = header("github-public-key-identifier").ok_or(Refused::Unsigned)?;
    let signature = header("github-public-key-signature").ok_or(Refused::Unsigned)?;
    let bytes = body::read(body, MAX_MESSAGE, call.bodies).await?;
    match keys.has_signed(identifier, signature, &bytes).await {
        Ok(true) => {}
        Ok(false) => return Err(Refused::Unsigned),
        Err(error) => {
            tracing::error!(%error, "a message about leaks could not be judged");
            return Err(Refused::Unavailable);
        }
    }
    let matches: Vec<Match> = serde_json::from_slice(&bytes)
        .map_err(|_| Refused::Malformed("The body is not the JSON array of GitHub's secret scanning."))?;
    if matches.len() > MAX_TOKENS {
        return Err(Refused::Malformed("A message holds at most 100 tokens."));
    }
    let exposed: Vec<Exposed> = matches
        .iter()
        .map(|found| Exposed {
            value: Secret::presented(found.token.clone()),
            place: found.url.as_deref().and_then(Place::read),
        })
        .collect();
    let actor = Actor {
        name: "github".to_owned(),
        address: call.origin.address.to_string(),
        request_id: call.request_id.to_owned(),
        environment: None,
        once: None,
    };
    match leak_message::take(call.node, &bytes, &exposed, &actor).await {
        Ok(Taken::Labels(labels)) => {
            call.node.metrics.count(ENDPOINT, "ok");
            let feedback: Vec<Feedback<'_>> =
                matches.iter().zip(labels).map(|(found, ours)| feedback(found, ours)).collect();
            Ok(respond::json(StatusCode::OK, &feedback))
        }
        Ok(Taken::Replay) => Err(Refused::Replay),
        Err(fault) => {
            tracing::error!(request_id = call.request_id, %fault, "a message about leaks was not worked off");
            Err(Refused::Unavailable)
        }
    }
}

fn feedback(found: &Match, ours: bool) -> Feedback<'_> {
    let hash = token_digest(&found.token);
    Feedback {
        token_hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        token_type: &found.kind,
        label: if ours { "true_positive" } else { "false_positive" },
    }
}
