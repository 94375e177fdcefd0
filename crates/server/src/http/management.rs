//! The management listener: `/livez`, `/readyz`, `/metrics`. Bound apart, for those who run the server.

use std::sync::Arc;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::framing::Ambiguous;
use super::respond::{self, Body};
use crate::node::Node;
use crate::telemetry;

/// Answers a request of the management listener.
pub async fn answer(node: Arc<Node>, request: Request<Incoming>) -> Response<Body> {
    if request.extensions().get::<Ambiguous>().is_some() {
        return respond::bad_framing(&node.request_id());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond::method_not_allowed("GET", &node.request_id());
    }
    match request.uri().path() {
        "/livez" => respond::json(StatusCode::OK, &json!({ "status": "live" })),
        "/readyz" | "/healthz" => ready(&node).await,
        "/metrics" => {
            let mut response =
                respond::json_bytes(StatusCode::OK, telemetry::render(&node.metrics, node.store.figures()));
            let media =
                HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, media);
            response
        }
        _ => respond::not_found(&node.request_id()),
    }
}

/// Ready: the database answers, can be written, and the keys are open (the node could not have been built without).
async fn ready(node: &Node) -> Response<Body> {
    let store = if node.is_stale() {
        "the last change could not be loaded; it is tried again"
    } else if node.store.is_read_only() {
        "read-only after a failed flush: restart after the disk is healthy"
    } else {
        match node.store.meta("master_key_canary").await {
            Ok(Some(_)) => "ok",
            Ok(None) | Err(_) => "does not answer",
        }
    };
    let status = if store == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    respond::json(
        status,
        &json!({ "status": if store == "ok" { "ready" } else { "not ready" }, "store": store, "keys": "ok" }),
    )
}
