//! The admin API, `/admin/v1`: JSON for operators and for members of tenants. Console, portal and command line have no other
//! door.
//!
//! A request is authenticated before anything of it is parsed, then the table ([`table()`]) asks for the right of its route,
//! then the handler names the right again for the tenant that it is about, and gets what a flow needs: [`caller::Granted`].

mod access_view;
mod accesses;
mod activity;
mod answer;
mod apps;
mod audit;
mod audit_export;
mod body;
mod caller;
mod cases;
mod catalogue;
mod client_ids;
mod condition;
mod describe;
mod doctor;
mod documents;
mod incidents;
mod keys;
mod memberships;
mod once;
#[cfg(test)]
mod openapi;
mod operators;
mod page;
mod problem;
mod recommendations;
mod reference;
mod schema;
mod secrets;
mod signing_keys;
mod table;
mod tenants;
mod tokens;
mod users;
mod uses;
mod view;
mod webhooks;

use std::sync::Arc;

use ::http::header::ALLOW;
use ::http::{StatusCode, Uri};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};

use crate::node::Node;
use caller::Caller;
pub use problem::Problem;
pub use table::{Route, Table};

/// Where the admin API stands.
pub const BASE: &str = "/admin/v1";

/// What the listener knows of a request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The client's address, after trusted proxies.
    pub address: String,
    /// The request's id.
    pub request_id: String,
}

/// How callers are known.
#[derive(Clone)]
struct Door {
    node: Arc<Node>,
    /// The name of the operator whom everybody is taken for: the command line on its own database.
    trusted: Option<&'static str>,
}

/// The admin API for bearer tokens.
pub fn router(node: Arc<Node>) -> Router {
    routes(Door { node, trusted: None })
}

/// The admin API for somebody who holds the database and its master key already.
pub fn trusted_router(node: Arc<Node>, name: &'static str) -> Router {
    routes(Door { node, trusted: Some(name) })
}

/// Every route with the right that it needs.
pub fn table() -> Table {
    let mut table = Table::default();
    for add in [
        catalogue::routes,
        recommendations::routes,
        tenants::routes,
        accesses::routes,
        apps::routes,
        secrets::routes,
        client_ids::routes,
        keys::routes,
        activity::routes,
        cases::routes,
        incidents::routes,
        webhooks::routes,
        users::routes,
        memberships::routes,
        documents::routes,
        tokens::routes,
        signing_keys::routes,
        operators::routes,
        audit::routes,
        doctor::routes,
    ] {
        add(&mut table);
    }
    table
}

fn routes(door: Door) -> Router {
    table()
        .router()
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(door.clone(), authenticate))
        .merge(reference::router())
        .layer(from_fn_with_state(door, finish))
}

/// Before anything is parsed: whoever is nobody learns nothing of paths, methods and bodies.
async fn authenticate(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let seen = request.extensions().get::<Seen>().cloned();
    let seen = seen.unwrap_or_else(|| Seen { address: String::new(), request_id: door.node.request_id() });
    let caller = match door.trusted {
        Some(name) => Ok(Caller::trusted(door.node, name, seen)),
        None => Caller::authenticate(door.node, (request.headers(), request.uri().query()), seen).await,
    };
    match caller {
        Ok(_) if holds_nul(request.uri()) => {
            Problem::bad("The path or the query holds U+0000, which no name has.").into_response()
        }
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Whether U+0000 is in the path or the query, where it has one spelling. No database keeps it, so nothing has such a name
/// (bodies are searched for it where they are read).
fn holds_nul(uri: &Uri) -> bool {
    uri.path_and_query().is_some_and(|sent| sent.as_str().contains("%00"))
}

/// Gives every refusal its shape: the request's id into each problem, and a problem in place of the router's own texts.
async fn finish(State(door): State<Door>, request: Request, next: Next) -> Response {
    let seen = request.extensions().get::<Seen>();
    let request_id = seen.map_or_else(|| door.node.request_id(), |seen| seen.request_id.clone());
    let mut response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| {
        Problem::new(status, "bad_request", "The path or the query does not fit this resource.")
    });
    let mut finished = problem.response(Some(&request_id));
    if let Some(allow) = response.headers_mut().remove(ALLOW) {
        finished.headers_mut().insert(ALLOW, allow);
    }
    finished
}

async fn unknown() -> Problem {
    Problem::not_found("There is no such resource in the admin API.")
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This resource does not take this method.",
    )
}
