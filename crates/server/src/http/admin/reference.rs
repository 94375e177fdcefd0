//! What anybody may read without a credential: the OpenAPI document.

use ::http::HeaderValue;
use ::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;

use super::BASE;

/// The routes that need no credential.
pub(super) fn router(document: &Value) -> Router {
    let document = Bytes::from(document.to_string());
    Router::new().route(
        &format!("{BASE}/openapi.json"),
        get(move || {
            let document = document.clone();
            async move { served(document, "application/json") }
        }),
    )
}

fn served(body: Bytes, media: &'static str) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
