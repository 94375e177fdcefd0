//! `If-Match` (RFC 9110 13.1.1): a change is made only to what its author has seen. One place for all routes: the resource
//! that a change is about is the nearest one above it that can be read.
//!
//! A conditional change has this node to itself between its look and its end, so that of two with the same tag one is made.
//! All other changes go side by side.

use std::sync::Arc;

use ::http::header::{ETAG, IF_MATCH};
use ::http::request::Parts;
use ::http::{HeaderMap, Method, StatusCode};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::RwLock;
use tower::ServiceExt as _;

use super::caller::Caller;
use super::problem::Problem;
use super::{BASE, body};

/// What a route changes.
#[derive(Clone)]
pub(super) struct Resource {
    /// How many parts of the path, below [`BASE`], name it; `None` where nothing above can be read.
    parts: Option<usize>,
    reads: Router,
    turn: Arc<RwLock<()>>,
}

impl Resource {
    /// What the change of a path is about.
    pub(super) fn of(path: &str, shown: &[&str], reads: Router, turn: Arc<RwLock<()>>) -> Self {
        Self { parts: nearest(path, shown), reads, turn }
    }

    /// Runs a change if its condition holds.
    pub(super) async fn layer(self, request: Request, next: Next) -> Response {
        // Read before the turn is taken: a slow body must not hold up anybody else's change.
        let (parts, rest) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), rest);
        let bytes = match body::read(whole).await {
            Ok(bytes) => bytes,
            Err(problem) => return problem.into_response(),
        };
        if !parts.headers.contains_key(IF_MATCH) {
            let _beside_others = self.turn.clone().read_owned().await;
            return next.run(Request::from_parts(parts, Body::from(bytes))).await;
        }
        let _alone = self.turn.clone().write_owned().await;
        match self.judge(&parts).await {
            Ok(()) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
            Err(refusal) => refusal,
        }
    }

    async fn judge(&self, request: &Parts) -> Result<(), Response> {
        let Some(parts) = self.parts else {
            let tagless = Problem::bad("Nothing that this changes has an entity tag. Leave If-Match out.");
            return Err(tagless.into_response());
        };
        let path: Vec<&str> =
            request.uri.path().strip_prefix(BASE).unwrap_or("").split('/').take(parts).collect();
        let mut read = Request::new(Body::empty());
        *read.method_mut() = Method::GET;
        *read.uri_mut() = format!("{BASE}{}", path.join("/"))
            .parse()
            .map_err(|_| Problem::bad("The path does not fit this resource.").into_response())?;
        if let Some(caller) = request.extensions.get::<Caller>() {
            read.extensions_mut().insert(caller.clone());
        }
        let Ok(shown) = self.reads.clone().oneshot(read).await;
        let Some(tag) = shown.headers().get(ETAG).and_then(|tag| tag.to_str().ok()) else {
            // Not there, or not for this caller: told as the read tells it.
            return Err(shown);
        };
        if names(&request.headers, tag) {
            return Ok(());
        }
        let changed = Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "changed_meanwhile",
            "It has changed since you looked at it. Read it again, and decide again.",
        );
        Err(changed.into_response())
    }
}

/// How many parts of a change's path name the nearest of the `shown` paths that is that path or stands above it.
pub(super) fn nearest(path: &str, shown: &[&str]) -> Option<usize> {
    let above = |shown: &&&str| {
        path.strip_prefix(**shown).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    shown.iter().filter(above).map(|shown| shown.split('/').count()).max()
}

/// Whether `If-Match` names this tag, by the strong comparison: a weak tag names nothing (RFC 9110 8.8.3.2).
fn names(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    // Our tags hold no comma, so that nothing is cut in two.
    values.flat_map(|value| value.split(',')).map(str::trim).any(|wanted| wanted == "*" || wanted == tag)
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;

    fn named(sent: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(IF_MATCH, HeaderValue::from_static(value));
        }
        names(&headers, "\"a\"")
    }

    #[test]
    fn a_tag_is_named_strongly_in_any_of_the_headers() {
        assert!(named(&["\"a\""]) && named(&["*"]) && named(&["\"b\", \"a\""]) && named(&["\"b\"", "\"a\""]));
        assert!(
            !named(&["W/\"a\""])
                && !named(&["a"])
                && !named(&["\"b\""])
                && !named(&[""])
                && !named(&["\"A\""])
        );
    }

    #[test]
    fn a_change_is_about_the_nearest_resource_that_can_be_read() {
        let of = |path: &str| {
            nearest(path, &["/apps/{id}", "/users/{user}", "/users/{user}/memberships/{tenant}"])
        };
        assert_eq!(of("/apps/{id}"), Some(3));
        assert_eq!(of("/apps/{id}/secrets/{version}/end"), Some(3));
        assert_eq!(of("/users/{user}/memberships/{tenant}"), Some(5));
        assert_eq!(of("/users/{user}/suspend"), Some(3));
        assert_eq!(of("/apps"), None);
        assert_eq!(of("/apply"), None);
    }
}
