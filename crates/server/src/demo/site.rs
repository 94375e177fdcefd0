//! The demo's APIs: each behind Grantor's own layer, and each made of its OpenAPI document alone. An operation answers
//! the example of its document, and says who called. Beside them, the page to which apps send their users back.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use grantor_resource::{Caller, Contract, IntrospectOptions, Mode, ProtectLayer};
use http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use super::callback;
use super::credentials::ShownApi;
use crate::clock::Clock;

/// Where everything is found. Empty until it is filled: the layers need secrets, and those exist only after the start.
#[derive(Clone, Default)]
pub(super) struct Site(Arc<OnceLock<Open>>);

/// A site that is filled.
struct Open {
    apis: Vec<Mounted>,
    /// The paths of redirect URIs at this site.
    callbacks: BTreeSet<String>,
}

/// One API at its place.
pub(super) struct Mounted {
    base_path: String,
    document: Bytes,
    protected: Router,
}

impl Site {
    /// The router to serve. It stays the same when the site is filled.
    pub(super) fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Opens the APIs, and the page at these paths. A second call changes nothing.
    pub(super) fn fill(&self, mut apis: Vec<Mounted>, callbacks: BTreeSet<String>) {
        // Where one base path lies within another, the longer one is meant.
        apis.sort_by_key(|api| std::cmp::Reverse(api.base_path.len()));
        let _ = self.0.set(Open { apis, callbacks });
    }
}

/// Puts an API behind the layer, which asks the server about every credential: a revoked one is refused at once.
///
/// # Errors
/// An address that the layer does not take.
pub(super) fn mount(shown: &ShownApi, clock: Arc<dyn Clock>) -> anyhow::Result<Mounted> {
    let api = &shown.api;
    let mode = Mode::Introspect(IntrospectOptions {
        endpoint: api.introspection_endpoint(),
        issuer: api.issuer.clone(),
        audience: api.audience.clone(),
        client_id: shown.resource_server.client_id.clone(),
        client_secret: shown.resource_server.client_secret.as_str().into(),
        cache: Duration::ZERO,
    });
    let layer = ProtectLayer::contract(api.contract.clone(), mode)
        .with_context(|| format!("API {} in {} cannot be protected", api.name, api.environment))?;
    let operations = Router::new().fallback(operate).with_state(Arc::new(api.contract.clone()));
    Ok(Mounted {
        base_path: api.contract.base_path().to_owned(),
        document: api.document.clone().into(),
        protected: operations.layer(layer.realm(api.name.as_str()).clock(time_of(clock))),
    })
}

/// The server's time: an answer about a credential is judged by the clock by which it was given.
fn time_of(clock: Arc<dyn Clock>) -> grantor_resource::Clock {
    grantor_resource::Clock::new(move || Duration::from_millis(u64::try_from(clock.wall().0).unwrap_or(0)))
}

impl Mounted {
    /// What is left of a path below this API.
    fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.base_path.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The document is for everybody; everything else passes the layer first, unknown paths too.
async fn answer(State(site): State<Site>, request: Request) -> Response {
    let Some(open) = site.0.get() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response();
    };
    let path = request.uri().path();
    if open.callbacks.contains(path) {
        return callback::show(request).await;
    }
    let Some((api, rest)) = open.apis.iter().find_map(|api| Some((api, api.below(path)?))) else {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": "not_found" }))).into_response();
    };
    if rest == "/openapi.json" && matches!(*request.method(), Method::GET | Method::HEAD) {
        return ([(header::CONTENT_TYPE, "application/json")], api.document.clone()).into_response();
    }
    match api.protected.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Behind the layer: who comes here may do what is asked.
async fn operate(
    State(contract): State<Arc<Contract>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let Some(operation) = contract.find(request.method().as_str(), request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let status = StatusCode::from_u16(operation.status).unwrap_or(StatusCode::OK);
    let body = with_caller(operation.example.clone(), &caller);
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// The example as an object with the member `caller`. What is no object becomes its `items`.
fn with_caller(example: Option<Value>, caller: &Caller) -> Value {
    let mut members = match example {
        Some(Value::Object(members)) => members,
        Some(items) => Map::from_iter([("items".to_owned(), items)]),
        None => Map::new(),
    };
    let who = json!({
        "credential_kind": caller.credential_kind,
        "subject": caller.subject,
        "client_id": caller.client_id,
        "tenant": caller.tenant,
        "environment": caller.environment,
        "scope": caller.scope,
    });
    members.insert("caller".to_owned(), who);
    Value::Object(members)
}

#[cfg(test)]
#[path = "site_tests.rs"]
mod tests;
