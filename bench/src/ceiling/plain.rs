//! The plain answer: 866 bytes of JSON, as large as a token answer, for nothing.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use bytes::Bytes;

/// Exactly 866 bytes, about what a signed token answer weighs.
pub(crate) const BODY: &str = concat!(
    r#"{"token_type":"Bearer","expires_in":3600,"scope":"payments:read payments:write","access_token":""#,
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    r#""}"#,
);

/// Answers a GET.
pub(super) async fn get() -> impl IntoResponse {
    answer()
}

/// Reads the body of a POST, as every endpoint with a form must, and answers.
pub(super) async fn post(_: Bytes) -> impl IntoResponse {
    answer()
}

fn answer() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], Bytes::from_static(BODY.as_bytes()))
}
