//! Answers: JSON with `no-store`, challenges, and the few answers that belong to no endpoint.

use ::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE,
    ORIGIN, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use bytes::Bytes;
use grantor_core::error::{Denial, OAuthError};
use http_body_util::{Either, Full};
use serde::Serialize;
use serde_json::json;

use crate::limits::RetryAfter;

/// The body of every answer: bytes that are there, or what a router made.
pub type Body = Either<Full<Bytes>, axum::body::Body>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const X_CONTENT_TYPE_OPTIONS: HeaderName = ::http::header::X_CONTENT_TYPE_OPTIONS;

/// JSON that nobody may store (RFC 6749 5.1).
pub fn json_bytes(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(PRAGMA, NO_CACHE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

/// JSON of a value of ours.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    json_bytes(status, serde_json::to_vec(value).unwrap_or_default())
}

/// An empty answer.
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::new())));
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response.headers_mut().insert(PRAGMA, NO_CACHE);
    response
}

/// Whether the request used the `Authorization` header, so that a 401 needs a challenge (RFC 6749 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// It did.
    Basic,
    /// It did not.
    None,
}

/// An OAuth error (RFC 6749 5.2) with the request's id.
pub fn oauth_error(denial: &Denial, challenge: Challenge, request_id: &str) -> Response<Body> {
    let status = StatusCode::from_u16(denial.error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut body = json!({ "error": denial.error.code(), "error_description": denial.description(), "request_id": request_id });
    if denial.told {
        body["reason"] = denial.reason.name().into();
    }
    if let Some(gate) = denial.gate {
        body["gate"] = gate.as_str().into();
    }
    let mut response = json(status, &body);
    if status == StatusCode::UNAUTHORIZED && challenge == Challenge::Basic {
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"grantor\", charset=\"UTF-8\""));
    }
    response
}

/// An OAuth error with status 429 and the time to wait.
pub fn throttled(denial: &Denial, wait: RetryAfter, request_id: &str) -> Response<Body> {
    let mut response = oauth_error(denial, Challenge::None, request_id);
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.0));
    response
}

/// 503: not now. Nothing was decided.
pub fn unavailable(request_id: &str) -> Response<Body> {
    let mut response = status(
        StatusCode::SERVICE_UNAVAILABLE,
        OAuthError::TemporarilyUnavailable,
        OAuthError::TemporarilyUnavailable.description(),
        request_id,
    );
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// 500: our fault.
pub fn server_error(request_id: &str) -> Response<Body> {
    status(
        StatusCode::INTERNAL_SERVER_ERROR,
        OAuthError::ServerError,
        OAuthError::ServerError.description(),
        request_id,
    )
}

/// 405 with the one method that exists.
pub fn method_not_allowed(allow: &'static str, request_id: &str) -> Response<Body> {
    let text = match allow {
        "POST" => "Use POST with a form body.",
        "GET" => "Use GET.",
        _ => "Use GET or POST.",
    };
    let mut response = status(StatusCode::METHOD_NOT_ALLOWED, OAuthError::InvalidRequest, text, request_id);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// 413; the rest of the body is not read.
pub fn too_long(request_id: &str) -> Response<Body> {
    closing(status(
        StatusCode::PAYLOAD_TOO_LARGE,
        OAuthError::InvalidRequest,
        "The body is longer than this endpoint takes.",
        request_id,
    ))
}

/// 408; the rest of the body is not waited for.
pub fn too_slow(request_id: &str) -> Response<Body> {
    closing(status(
        StatusCode::REQUEST_TIMEOUT,
        OAuthError::InvalidRequest,
        "The body did not arrive in time.",
        request_id,
    ))
}

/// 400 for a message whose length is ambiguous: a proxy may have understood another one.
pub fn bad_framing(request_id: &str) -> Response<Body> {
    closing(status(
        StatusCode::BAD_REQUEST,
        OAuthError::InvalidRequest,
        "The message is ambiguous: its length or its Host can be read in two ways.",
        request_id,
    ))
}

/// 404.
pub fn not_found(request_id: &str) -> Response<Body> {
    status(
        StatusCode::NOT_FOUND,
        OAuthError::InvalidRequest,
        "There is nothing at this path. The discovery document names every endpoint.",
        request_id,
    )
}

/// Plain HTTP from elsewhere: refused, never redirected with the body.
pub fn plain_http(request_id: &str) -> Response<Body> {
    closing(status(
        StatusCode::BAD_REQUEST,
        OAuthError::InvalidRequest,
        "Use HTTPS. A secret that was sent over plain HTTP must be considered leaked.",
        request_id,
    ))
}

/// A trusted proxy sent something that is no address.
pub fn bad_forwarding(code: StatusCode, request_id: &str) -> Response<Body> {
    status(code, OAuthError::InvalidRequest, "X-Forwarded-For is malformed.", request_id)
}

fn status(status: StatusCode, error: OAuthError, text: &str, request_id: &str) -> Response<Body> {
    json(status, &json!({ "error": error.code(), "error_description": text, "request_id": request_id }))
}

fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Any site's script may read the answer. Without cookies: no credentials are ever allowed with it.
pub fn share(response: &mut Response<Body>) {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// Whether a browser asks before it sends a script's request (Fetch, CORS-preflight).
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a browser that asks whether a script of another site may send a request (Fetch, CORS-preflight).
pub fn preflight() -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    share(&mut response);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}
