//! The admin API, `/admin/v1`: JSON for operators. Console, portal and command line have no other door.
//!
//! Every route takes an [`Admin`], which only this file can make: a route without permission does not compile into the
//! table below. Without a credential every route answers 401 before anything is parsed.

mod accesses;
mod activity;
mod apps;
mod audit;
mod audit_export;
mod cases;
mod catalogue;
mod client_ids;
mod doctor;
mod documents;
mod incidents;
mod keys;
mod recommendations;
mod secrets;
mod signing_keys;
mod tenants;
mod tokens;
mod users;
mod view;
mod webhooks;

use std::net::IpAddr;
use std::sync::Arc;

use ::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::request::Parts;
use ::http::{HeaderValue, StatusCode};
use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use grantor_core::comment::Comment;
use grantor_core::error::OAuthError;
use grantor_core::gate_rule::Gate;
use grantor_core::secret::CredentialType;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::catalogue::EnvironmentState;
use crate::flow::tenant::{Order, Switch};
use crate::flow::{Fault, FlowError};
use crate::limits::Who;
use crate::node::{Actor, Node};

/// Where the admin API stands.
pub const BASE: &str = "/admin/v1";
/// Longest body, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// Longest manifest, in bytes: contracts are long.
const MAX_MANIFEST: usize = 4 * 1024 * 1024;
/// Deepest JSON.
const MAX_DEPTH: usize = 32;

/// What the listener knows of a request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The client's address, after trusted proxies.
    pub address: String,
    /// The request's id.
    pub request_id: String,
}

/// What the routes share.
#[derive(Clone)]
struct Admins {
    node: Arc<Node>,
    /// The name of the operator whom everybody is taken for: the command line on its own database.
    trusted: Option<&'static str>,
}

/// The admin API for operators' bearer tokens.
pub fn router(node: Arc<Node>) -> Router {
    routes(Admins { node, trusted: None })
}

/// The admin API for somebody who holds the database and its master key already.
pub fn trusted_router(node: Arc<Node>, name: &'static str) -> Router {
    routes(Admins { node, trusted: Some(name) })
}

fn routes(state: Admins) -> Router {
    let within = "/admin/v1/environments/{environment}";
    let at = |rest: &str| format!("{within}{rest}");
    Router::new()
        .route("/admin/v1/apply", post(catalogue::apply))
        .route("/admin/v1/manifest", get(catalogue::export))
        .route("/admin/v1/environments", get(catalogue::environments))
        .route("/admin/v1/profiles", get(catalogue::profiles))
        .route(&at("/apis"), get(catalogue::apis))
        .route("/admin/v1/tenants", get(tenants::list).post(tenants::create))
        .route("/admin/v1/tenants/{tenant}", get(tenants::show))
        .route("/admin/v1/tenants/{tenant}/suspend", post(tenants::suspend))
        .route("/admin/v1/tenants/{tenant}/resume", post(tenants::resume))
        .route("/admin/v1/tenants/{tenant}/close", post(tenants::close))
        .route("/admin/v1/tenants/{tenant}/acceptances", get(tenants::acceptances).post(tenants::accept))
        .route(&at("/accesses"), get(accesses::list).post(accesses::apply))
        .route(&at("/accesses/{tenant}/{api}"), get(accesses::show))
        .route(&at("/accesses/{tenant}/{api}/terms"), get(accesses::terms).put(accesses::change_terms))
        .route(&at("/accesses/{tenant}/{api}/approve"), post(accesses::approve))
        .route(&at("/accesses/{tenant}/{api}/refuse"), post(accesses::refuse))
        .route(&at("/accesses/{tenant}/{api}/contract"), put(accesses::record_contract))
        .route(&at("/accesses/{tenant}/{api}/suspend"), post(accesses::suspend))
        .route(&at("/accesses/{tenant}/{api}/resume"), post(accesses::resume))
        .route(&at("/accesses/{tenant}/{api}/close"), post(accesses::close))
        .route(&at("/apps"), get(apps::list).post(apps::create))
        .route(&at("/apps/{client_id}"), get(apps::show).put(apps::change).delete(apps::delete))
        .route(&at("/apps/{client_id}/suspend"), post(apps::suspend))
        .route(&at("/apps/{client_id}/resume"), post(apps::resume))
        .route(&at("/apis/{api}/recommendations"), get(recommendations::list))
        .route(&at("/client-ids/{client_id}"), get(client_ids::check))
        .route(&at("/apps/{client_id}/secrets"), get(secrets::list).post(apps::rotate_secret))
        .route(&at("/apps/{client_id}/secrets/{version}/schedule-end"), post(secrets::schedule_end))
        .route(&at("/apps/{client_id}/secrets/{version}/cancel"), post(secrets::cancel))
        .route(&at("/apps/{client_id}/secrets/{version}/end"), post(apps::end_secret))
        .route(&at("/apps/{client_id}/tokens/end"), post(apps::end_tokens))
        .route(&at("/apps/{client_id}/log"), get(activity::app_log))
        .route(&at("/apps/{client_id}/notices"), get(activity::app_notices))
        .route(&at("/apps/{client_id}/usage"), get(activity::app_usage))
        .route(&at("/keys"), get(keys::list).post(keys::create))
        .route(&at("/keys/{key}"), get(keys::show))
        .route(&at("/keys/{key}/rotate"), post(keys::rotate))
        .route(&at("/keys/{key}/narrow"), post(keys::narrow))
        .route(&at("/keys/{key}/revoke"), post(keys::revoke))
        .route(&at("/keys/{key}/suspend"), post(keys::suspend))
        .route(&at("/keys/{key}/resume"), post(keys::resume))
        .route(&at("/keys/{key}/log"), get(activity::key_log))
        .route(&at("/keys/{key}/notices"), get(activity::key_notices))
        .route(&at("/keys/{key}/usage"), get(activity::key_usage))
        .route(&at("/cases"), get(cases::list).post(cases::create))
        .route(&at("/cases/{case}"), get(cases::show))
        .route(&at("/cases/{case}/answer"), post(cases::answer_one))
        .route(&at("/signing-keys"), get(signing_keys::list))
        .route(&at("/signing-keys/rotate"), post(signing_keys::rotate))
        .route(&at("/tokens/inspect"), post(tokens::inspect))
        .route(&at("/tokens/revoke"), post(tokens::revoke))
        .route(&at("/users"), get(users::list).post(users::create))
        .route(&at("/users/{user}"), get(users::show))
        .route(&at("/users/{user}/suspend"), post(users::suspend))
        .route(&at("/users/{user}/resume"), post(users::resume))
        .route(&at("/users/{user}/password"), put(users::set_password))
        .route(
            &at("/users/{user}/memberships/{tenant}"),
            get(users::membership).put(users::put_membership).delete(users::remove_membership),
        )
        .route(&at("/users/{user}/consents"), get(users::consents))
        .route(&at("/users/{user}/consents/{client_id}"), delete(users::withdraw_consent))
        .route(&at("/users/{user}/grants"), get(users::grants))
        .route(&at("/users/{user}/grants/{grant}"), delete(users::end_grant))
        .route(&at("/users/{user}/acceptances"), get(documents::acceptances).post(documents::accept))
        .route(&at("/webhooks"), get(webhooks::list).post(webhooks::create))
        .route(&at("/webhooks/{webhook}"), get(webhooks::show).put(webhooks::change).delete(webhooks::delete))
        .route(&at("/webhooks/{webhook}/roll"), post(webhooks::roll))
        .route(&at("/webhooks/{webhook}/test"), post(webhooks::test))
        .route(&at("/webhooks/{webhook}/deliveries"), get(webhooks::deliveries))
        .route(&at("/webhooks/{webhook}/deliveries/{message}/resend"), post(webhooks::resend))
        .route("/admin/v1/documents", get(documents::list).post(documents::create))
        .route("/admin/v1/documents/{document}", get(documents::show))
        .route("/admin/v1/documents/{document}/versions", post(documents::publish))
        .route("/admin/v1/incidents", get(incidents::list).post(incidents::create))
        .route("/admin/v1/incidents/{incident}", get(incidents::show))
        .route("/admin/v1/incidents/{incident}/resolve", post(incidents::resolve))
        .route("/admin/v1/doctor", get(doctor::checks))
        .route("/admin/v1/audit", get(audit::list))
        .route("/admin/v1/audit/key", get(audit::key))
        .route("/admin/v1/audit/checkpoint", post(audit::checkpoint))
        .route("/admin/v1/audit/export", get(audit_export::export))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn_with_state(state.clone(), finish))
        .with_state(state)
}

/// Gives every refusal its shape: the request's id into each problem, and a problem in place of the router's own texts.
async fn finish(State(state): State<Admins>, request: Request, next: Next) -> Response {
    let seen = request.extensions().get::<Seen>();
    let request_id = seen.map_or_else(|| state.node.request_id(), |seen| seen.request_id.clone());
    let mut response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| {
        Problem::new(status, "bad_request", "The path or the query does not fit this resource.")
    });
    let mut finished = problem.body(Some(&request_id));
    if let Some(allow) = response.headers_mut().remove(ALLOW) {
        finished.headers_mut().insert(ALLOW, allow);
    }
    finished
}

async fn unknown(_admin: Admin) -> Problem {
    Problem::not_found("There is no such resource in the admin API.")
}

async fn wrong_method(_admin: Admin) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This resource does not take this method.",
    )
}

/// An operator who has proved it. Made here and nowhere else.
pub struct Admin {
    /// The node.
    pub node: Arc<Node>,
    /// For the audit.
    pub actor: Actor,
}

impl Admin {
    /// An environment by name.
    pub fn environment(&self, name: &str) -> Result<Arc<EnvironmentState>, Problem> {
        let found = self.node.catalogue().environment(name).cloned();
        found.ok_or_else(|| {
            Problem::not_found("There is no such environment. GET /admin/v1/environments lists them.")
        })
    }
}

impl FromRequestParts<Admins> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Admins) -> Result<Self, Problem> {
        let seen = parts.extensions.get::<Seen>().cloned();
        let Seen { address, request_id } =
            seen.unwrap_or_else(|| Seen { address: String::new(), request_id: state.node.request_id() });
        let name = match state.trusted {
            Some(name) => name.to_owned(),
            None => operator(parts, state, &address)?,
        };
        let actor = Actor { name: format!("operator:{name}"), address, request_id, environment: None };
        Ok(Self { node: state.node.clone(), actor })
    }
}

/// The name of the operator whose token was sent. Apps' tokens and API keys are other types of credential and never match.
fn operator(parts: &Parts, state: &Admins, address: &str) -> Result<String, Problem> {
    let source: IpAddr = address.parse().map_err(|_| Problem::unauthorized())?;
    let query = parts.uri.query();
    let token = grantor_resource::bearer(&parts.headers, query).map_err(|_| Problem::unauthorized())?;
    state.node.limits.may_try(Who::Operator, source).map_err(Problem::throttled)?;
    let catalogue = state.node.catalogue();
    let matching = catalogue.operators.iter().find(|operator| {
        state.node.operator_pepper.verify(CredentialType::OperatorToken, token, &operator.hash)
    });
    match matching {
        Some(operator) => {
            state.node.limits.proved(Who::Operator, source);
            Ok(operator.name.clone())
        }
        None => {
            state.node.limits.failed(Who::Operator, source).map_err(Problem::throttled)?;
            Err(Problem::unauthorized())
        }
    }
}

/// A JSON body: bounded in size and depth, unknown members refused by the types.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let limit = if request.uri().path().ends_with("/apply") { MAX_MANIFEST } else { MAX_BODY };
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_none_or(|media| media.starts_with("application/json"));
        if !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send JSON: Content-Type: application/json.",
            ));
        }
        let bytes =
            tokio::time::timeout(super::body::BODY_TIME, axum::body::to_bytes(request.into_body(), limit))
                .await
                .map_err(|_| {
                    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "The body did not arrive in time.")
                })?
                .map_err(|_| {
                    Problem::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "too_long",
                        "The body is too long, or the connection broke.",
                    )
                })?;
        if is_deeper_than(&bytes, MAX_DEPTH) {
            return Err(Problem::bad("The JSON is nested too deeply."));
        }
        let bytes = if bytes.is_empty() { &b"{}"[..] } else { &bytes };
        serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|error| Problem::bad(format!("The body does not fit: {error}.")))
    }
}

/// Why something is suspended, resumed or closed: for the audit, and for those who answer for the tenant.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    #[serde(default)]
    reason: Option<Comment>,
}

impl Why {
    fn order(self, switch: Switch) -> Order {
        Order { switch, why: self.reason }
    }
}

/// Brackets outside of strings, counted.
fn is_deeper_than(json: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json {
        match (in_string, escaped, byte) {
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (true, false, b'"') => in_string = false,
            (false, _, b'"') => in_string = true,
            (false, _, b'[' | b'{') => depth += 1,
            (false, _, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return true;
        }
    }
    false
}

/// RFC 9457.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    retry_after: Option<u64>,
    /// The closed gate, for programs.
    gate: Option<Gate>,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), retry_after: None, gate: None }
    }

    /// 400.
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Send an operator's token: Authorization: Bearer <token>.",
        )
    }

    fn throttled(wait: crate::limits::RetryAfter) -> Self {
        Self {
            retry_after: Some(wait.0),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many failed attempts.")
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict => Self::conflict("The state has changed meanwhile. Look at it again."),
            Fault::Duplicate => {
                Self::conflict("This name or id is taken, was taken once, or looks like one that is.")
            }
            Fault::Unavailable => Self {
                retry_after: Some(1),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The database does not answer.")
            },
            Fault::Internal => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Something failed on our side. The log has the request id.",
            ),
        }
    }
}

impl From<FlowError> for Problem {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Denied(denial) => {
                let status = match denial.error {
                    OAuthError::AccessDenied => StatusCode::FORBIDDEN,
                    _ => StatusCode::UNPROCESSABLE_ENTITY,
                };
                Self { gate: denial.gate, ..Self::new(status, denial.reason.name(), denial.description()) }
            }
            FlowError::Throttled(denial, wait) => Self {
                retry_after: Some(wait.0),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", denial.description())
            },
            FlowError::Fault(fault) => fault.into(),
        }
    }
}

impl Problem {
    fn body(&self, request_id: Option<&str>) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Problem");
        let mut body = json!({ "type": format!("urn:grantor:problem:{}", self.kind), "title": title, "status": self.status.as_u16(), "detail": self.detail });
        if let Some(id) = request_id {
            body["request_id"] = id.into();
        }
        if let Some(gate) = self.gate {
            body["gate"] = gate.as_str().into();
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"grantor admin\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Without the request's id: [`finish`] puts it in.
    fn into_response(self) -> Response {
        let mut response = self.body(None);
        response.extensions_mut().insert(self);
        response
    }
}

/// JSON that nobody may store: some of it is shown once.
pub fn answer(status: StatusCode, value: &impl serde::Serialize) -> Response {
    let mut response = (status, serde_json::to_string(value).unwrap_or_default()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
