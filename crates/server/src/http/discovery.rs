//! Discovery documents and the key set: rendered once per change, sent as bytes, cacheable by anybody.

use ::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, PRAGMA};
use ::http::{HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use hyper::body::Incoming;

use super::respond::{self, Body};
use crate::catalogue::EnvironmentState;

/// `GET <issuer>/jwks`.
pub fn jwks(state: &EnvironmentState, request: &Request<Incoming>, request_id: &str) -> Response<Body> {
    document(&state.keys.jwks, &state.jwks_tag, "application/jwk-set+json", request, request_id)
}

/// `GET` of either discovery document.
pub fn metadata(state: &EnvironmentState, request: &Request<Incoming>, request_id: &str) -> Response<Body> {
    document(&state.metadata, &state.metadata_tag, "application/json", request, request_id)
}

fn document(
    bytes: &Bytes,
    tag: &HeaderValue,
    media: &'static str,
    request: &Request<Incoming>,
    request_id: &str,
) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond::method_not_allowed("GET", request_id);
    }
    let unchanged = request.headers().get(IF_NONE_MATCH).is_some_and(|known| known == tag);
    let mut response = respond::json_bytes(
        if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK },
        if unchanged { Bytes::new() } else { bytes.clone() },
    );
    let headers = response.headers_mut();
    headers.remove(PRAGMA);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    // Two of these lives pass before a new key signs (`grantor_core::signing_key::JWKS_MAX_AGE`).
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ETAG, tag.clone());
    response
}
