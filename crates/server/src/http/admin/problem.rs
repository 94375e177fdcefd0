//! How the admin API refuses: problem+json (RFC 9457), with the challenge of RFC 6750 3 where a credential is at fault.

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_core::error::OAuthError;
use grantor_core::gate_rule::Gate;
use grantor_core::permission::Right;
use serde::Serialize;
use utoipa::ToSchema;

use crate::flow::{Fault, FlowError};
use crate::limits::RetryAfter;

/// A refusal.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    retry_after: Option<u64>,
    challenge: Option<String>,
    /// The closed gate, for programs.
    gate: Option<Gate>,
}

/// RFC 9457: what went wrong, and what to do next.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody<'a> {
    /// The kind, stable: `urn:grantor:problem:` and a word.
    #[serde(rename = "type")]
    kind: String,
    /// The name of the status.
    title: &'a str,
    /// The status.
    status: u16,
    /// What happened, for people.
    detail: &'a str,
    /// The gate that is closed, where one is: the name of it in the API's profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'static str>,
    /// The request, for support. The same as in the header `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), retry_after: None, challenge: None, gate: None }
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

    /// 422.
    pub fn unfit(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, detail)
    }

    /// 401 for a request without a credential.
    pub(super) fn unauthorized() -> Self {
        const DETAIL: &str = "Send an operator's token, or the token of a member of a tenant for this API: Authorization: \
                              Bearer <token>.";
        Self {
            challenge: Some("Bearer realm=\"grantor admin\"".to_owned()),
            ..Self::new(StatusCode::UNAUTHORIZED, "unauthorized", DETAIL)
        }
    }

    /// 401 for one with a credential that opens nothing (RFC 6750 3.1).
    pub(super) fn invalid_token() -> Self {
        Self {
            challenge: Some("Bearer realm=\"grantor admin\", error=\"invalid_token\"".to_owned()),
            ..Self::unauthorized()
        }
    }

    /// 403: the role does not reach so far.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 403: the member might, the app was not allowed to (RFC 6750 3.1).
    pub(super) fn insufficient_scope(right: Right) -> Self {
        let scope = right.scope();
        let challenge =
            format!("Bearer realm=\"grantor admin\", error=\"insufficient_scope\", scope=\"{scope}\"");
        let detail = format!("This needs a token with the scope {scope}.");
        Self { challenge: Some(challenge), ..Self::new(StatusCode::FORBIDDEN, "insufficient_scope", detail) }
    }

    pub(super) fn throttled(wait: RetryAfter) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many failed attempts.").after(wait.0)
    }

    /// The same, with the seconds after which it may be tried again.
    #[must_use]
    pub(super) fn after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The response, with the id of its request if that is known already.
    pub(super) fn response(&self, request_id: Option<&str>) -> Response {
        let body = ProblemBody {
            kind: format!("urn:grantor:problem:{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
            gate: self.gate.map(Gate::as_str),
            request_id,
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(Ok(challenge)) = self.challenge.as_deref().map(HeaderValue::from_str) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Without the request's id: [`finish`](super::finish) puts it in.
    fn into_response(self) -> Response {
        let mut response = self.response(None);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict => Self::conflict("The state has changed meanwhile. Look at it again."),
            Fault::Duplicate => {
                Self::conflict("This name or id is taken, was taken once, or looks like one that is.")
            }
            Fault::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The database does not answer.")
                    .after(1)
            }
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
            FlowError::Throttled(denial, wait) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", denial.description()).after(wait.0)
            }
            FlowError::Fault(fault) => fault.into(),
        }
    }
}
