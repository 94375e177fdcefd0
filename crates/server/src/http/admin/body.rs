//! JSON bodies: bounded in size, depth and number of members before anything is made of them; unknown members are refused by
//! the types (security case I01, M05).

use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use grantor_core::comment::Comment;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::lasting;
use super::problem::Problem;
use super::schema::CommentText;
use crate::flow::Fault;
use crate::flow::order::{Order, Switch};
use crate::http::body::BODY_TIME;

/// Longest body, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// Longest manifest, in bytes: contracts are long.
const MAX_MANIFEST: usize = 4 * 1024 * 1024;
/// Deepest JSON.
const MAX_DEPTH: usize = 32;
/// Most values in one body. A manifest of an installation with thousands of partners has fewer.
const MAX_VALUES: usize = 100_000;

/// A JSON body as a value. No body at all, or `null`, is an empty object.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = |media: &str| {
            media.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json"))
        };
        if !media.is_none_or(is_json) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send JSON: Content-Type: application/json.",
            ));
        }
        let bytes = read(request).await?;
        if exceeds(&bytes) {
            return Err(Problem::bad("The JSON is nested too deeply, or holds too many values or U+0000."));
        }
        let bytes = if matches!(bytes.trim_ascii(), b"" | b"null") { &b"{}"[..] } else { &bytes };
        serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|error| Problem::bad(format!("The body does not fit: {error}.")))
    }
}

/// A member that is read-only: it may be sent back as it was read, and nothing else (security cases I01, I04). Told from a
/// member that was left out also where it is `null`.
///
/// # Errors
/// What is no JSON.
pub(super) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Whether the read-only members that were sent are those of the present representation, but for what goes on by itself.
///
/// # Errors
/// 422 with the name of the first that is not.
pub(super) fn unchanged(now: &impl Serialize, sent: &[(&str, &Option<Value>)]) -> Result<(), Problem> {
    let now = lasting(serde_json::to_value(now).map_err(|_| Fault::Internal)?);
    let differs = |name: &str, sent: &Value| now.get(name) != Some(&lasting(sent.clone()));
    match sent.iter().find(|(name, value)| value.as_ref().is_some_and(|value| differs(name, value))) {
        None => Ok(()),
        Some((name, _)) => Err(Problem::unfit(
            "read_only",
            format!("{name} cannot be changed here. Send it as you have read it, or leave it out."),
        )),
    }
}

/// The whole body, within limits.
pub(super) async fn read(request: Request) -> Result<Bytes, Problem> {
    let limit = if request.uri().path().ends_with("/apply") { MAX_MANIFEST } else { MAX_BODY };
    tokio::time::timeout(BODY_TIME, axum::body::to_bytes(request.into_body(), limit))
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
        })
}

/// Brackets and commas outside of strings, counted; and whether a string holds U+0000, which no database can keep.
fn exceeds(json: &[u8]) -> bool {
    let (mut depth, mut values, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for (at, byte) in json.iter().enumerate() {
        match (in_string, escaped, byte) {
            (true, true, b'u') if json[at..].starts_with(b"u0000") => return true,
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (true, false, b'"') => in_string = false,
            (false, _, b'"') => in_string = true,
            (false, _, b'[' | b'{') => depth += 1,
            (false, _, b']' | b'}') => depth = depth.saturating_sub(1),
            (false, _, b',') => values += 1,
            _ => {}
        }
        if depth > MAX_DEPTH || values >= MAX_VALUES {
            return true;
        }
    }
    false
}

/// Why something is suspended, resumed or closed: for the audit, and for those who answer for the tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    #[serde(default)]
    #[schema(value_type = Option<CommentText>)]
    reason: Option<Comment>,
}

impl Why {
    /// The order to do so.
    pub(super) fn order(self, switch: Switch) -> Order {
        Order { switch, why: self.reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m05_depth_and_number_are_counted_outside_of_strings() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!exceeds(nested(MAX_DEPTH).as_bytes()) && exceeds(nested(MAX_DEPTH + 1).as_bytes()));
        assert!(!exceeds(format!("\"{}\"", "[".repeat(500)).as_bytes()));
        assert!(!exceeds(format!("\"\\\"{}\"", "[".repeat(500)).as_bytes()));
        assert!(exceeds(br#""a\u0000b""#) && !exceeds(br#""a\\u0000b""#));
        let many = |values| format!("[{}0]", "0,".repeat(values - 1));
        assert!(!exceeds(many(MAX_VALUES).as_bytes()) && exceeds(many(MAX_VALUES + 1).as_bytes()));
        assert!(!exceeds(format!("\"{}\"", ",".repeat(MAX_VALUES + 1)).as_bytes()));
    }
}
