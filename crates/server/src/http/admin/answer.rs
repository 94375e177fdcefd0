//! The kinds of answer. What a handler gives is a type, so that the document says what the code does.

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use ::http::{HeaderValue, StatusCode};
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// 200: one resource as it is now, with its entity tag.
pub(super) struct Shown<T>(pub(super) T);

/// 201: something was made. It may show a secret, once.
pub(super) struct Made<T>(pub(super) T);

/// 200: the outcome of something that is no resource.
pub(super) struct Told<T>(pub(super) T);

/// 202: it will be done in a moment.
pub(super) struct Queued<T>(pub(super) T);

/// 200: lines of JSON, sent while they are read.
pub(super) struct Lines(pub(super) Body);

/// 204: it is gone.
pub(super) struct Gone;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T> {
    /// The entries of this page.
    pub(super) items: Vec<T>,
    /// Give it as `cursor` to get the next page; `null` on the last one.
    #[schema(required)]
    pub(super) next: Option<String>,
}

impl<T> List<T> {
    /// A list that is short by its nature, on one page.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// What goes on by itself, without anybody's change: countdowns, and what a credential was last used for. And what is shown
/// once, in the answer to the change that made it.
const PASSING: [&str; 5] =
    ["seconds_left", "last_used_at", "last_used_from", "tokens_issued_last_day", "secret"];

/// A representation without what goes on by itself.
pub(super) fn lasting(mut shown: Value) -> Value {
    match &mut shown {
        Value::Object(members) => {
            members.retain(|name, _| !PASSING.contains(&name.as_str()));
            members.values_mut().for_each(|value| *value = lasting(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = lasting(item.take())),
        _ => {}
    }
    shown
}

/// The tag of what people change: half of the SHA-256 of a representation (RFC 9110 8.8.3). No answer may be stored, so that a
/// tag serves `If-Match` and nothing else, and what goes on by itself must not stand in the way of a change.
fn entity_tag(shown: Value) -> HeaderValue {
    let lasting = lasting(shown).to_string();
    let hex: String =
        digest(&SHA256, lasting.as_bytes()).as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// JSON that nobody may store: some of it is shown once.
fn json(status: StatusCode, body: String) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl<T: Serialize> IntoResponse for Shown<T> {
    fn into_response(self) -> Response {
        let tag = entity_tag(serde_json::to_value(&self.0).unwrap_or_default());
        let mut response = json(StatusCode::OK, text(&self.0));
        response.headers_mut().insert(ETAG, tag);
        response
    }
}

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        json(StatusCode::CREATED, text(&self.0))
    }
}

impl<T: Serialize> IntoResponse for Told<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, text(&self.0))
    }
}

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, text(&self))
    }
}

impl<T: Serialize> IntoResponse for Queued<T> {
    fn into_response(self) -> Response {
        json(StatusCode::ACCEPTED, text(&self.0))
    }
}

impl IntoResponse for Lines {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl IntoResponse for Gone {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}
