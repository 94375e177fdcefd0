//! HTTP: extract, authorise, call one flow, respond. No handler knows SQL, and none decides.
//!
//! THE ROUTE TABLE
//!
//! | path | method | who | body |
//! |---|---|---|---|
//! | `<issuer><token path of any profile>` | POST | an app's credentials | form, 64 KiB |
//! | `<issuer>/introspect` | POST | an app that is an API | form, 64 KiB |
//! | `<issuer>/revoke` | POST | an app's credentials | form, 64 KiB |
//! | `<issuer>/authorize` | GET, POST | a browser | form, 64 KiB |
//! | `<issuer>/userinfo` | GET, POST | a user's token | form, 64 KiB |
//! | `<issuer>/login`, `/signup`, `/terms`, `/consent` and their like | GET, POST | a browser; a POST needs its form's proof | form, 64 KiB |
//! | `<issuer>/static/<file>`, `<issuer>/docs/<api>/flows` | GET | anyone | none |
//! | `<issuer>/docs`, `<issuer>/docs/<api>` and the articles below, each also as `.md` | GET | anyone | none |
//! | `<issuer>/jwks`, discovery (RFC 8414, OpenID Connect) | GET | anyone | none |
//! | `<issuer>/forward-auth/<api>` | any | a bearer credential, asked by a gateway | ignored |
//! | `/leaks` | POST | anyone who has found a credential of ours | form, JSON or text, 8 KiB |
//! | `/leaks/github` | POST | GitHub's secret scanning, by its signature | JSON, 1 MiB |
//! | `/admin/v1/...` | see [`admin`] | a bearer token of an operator or of a member of a tenant | JSON, 256 KiB |
//!
//! All but the last three are found in the catalogue by path and host; they are the hot path and pass no router.
//! The management listener ([`management`]) serves `/livez`, `/readyz`, `/metrics`.

pub mod admin;
pub mod assets;
pub mod authorize;
pub mod body;
pub mod discovery;
pub mod docs;
pub mod error;
pub mod flows;
pub mod forward_auth;
mod frames;
pub mod framing;
mod http1;
mod http2;
pub mod introspect;
pub mod leaks;
pub mod listener;
pub mod management;
pub mod pages;
mod places;
pub mod respond;
pub mod revoke;
pub mod source;
pub mod token;
pub mod userinfo;
mod watched;

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ::http::header::{HOST, HeaderValue, STRICT_TRANSPORT_SECURITY};
use ::http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::catalogue::{Endpoint, EnvironmentState};
use crate::config::IpNet;
use crate::node::Node;

pub use respond::Body;
use source::{Link, Peer};

/// What all connections share.
pub struct Service {
    /// The node.
    pub node: Arc<Node>,
    /// Networks whose forwarding headers are believed.
    pub proxies: Vec<IpNet>,
    /// The admin API.
    pub admin: axum::Router,
    /// Slots for bodies that wait for their rest; see [`body::read`].
    pub bodies: Semaphore,
    /// Another site on the same listener: the APIs of the demo.
    pub beside: Option<axum::Router>,
}

/// One request to an endpoint of an environment.
pub struct Call<'a> {
    /// The node.
    pub node: &'a Node,
    /// The environment.
    pub state: &'a Arc<EnvironmentState>,
    /// Slots for bodies that wait for their rest.
    pub bodies: &'a Semaphore,
    /// From where, after trusted proxies.
    pub source: IpAddr,
    /// The request's id.
    pub request_id: &'a str,
    /// Whether the peer's forwarding headers are believed.
    pub through_proxy: bool,
}

/// Who has come over TLS comes so for a year (RFC 6797 section 6.1.1). Where a proxy ends TLS, this is the proxy's to promise.
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Answers a request. A panic becomes a 500 and ends nothing else.
pub async fn answer(service: &Service, peer: Peer, request: Request<Incoming>) -> Response<Body> {
    let request_id = service.node.request_id();
    let handled = std::pin::pin!(dispatch(service, peer, request, &request_id));
    let mut handled = handled;
    let outcome = std::future::poll_fn(|context| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| handled.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => std::task::Poll::Ready(None),
        }
    })
    .await;
    let mut response = outcome.unwrap_or_else(|| {
        tracing::error!(request_id, "a handler panicked");
        respond::server_error(&request_id)
    });
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    if peer.link == Link::Tls {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
    }
    response
}

async fn dispatch(
    service: &Service,
    peer: Peer,
    request: Request<Incoming>,
    request_id: &str,
) -> Response<Body> {
    let node = &*service.node;
    if request.extensions().get::<framing::Ambiguous>().is_some() {
        return respond::bad_framing(request_id);
    }
    if request.extensions().get::<http2::Crowded>().is_some() {
        return respond::unavailable(request_id);
    }
    if !names_one_host(&request) {
        return respond::bad_framing(request_id);
    }
    let path = request.uri().path();
    let host = request.uri().authority().map(|authority| authority.as_str());
    let host = host.or_else(|| request.headers().get(HOST).and_then(|host| host.to_str().ok()));
    let routed = {
        let catalogue = node.catalogue();
        catalogue.route(path, host).map(|(state, endpoint)| (state.clone(), endpoint.clone()))
    };
    let Some(origin) = source::origin(peer, request.headers(), &service.proxies) else {
        // A gateway takes any status but 401 and 403 for a defect of its own configuration.
        return match routed {
            Some((_, Endpoint::ForwardAuth(_))) => respond::bad_forwarding(StatusCode::FORBIDDEN, request_id),
            _ => respond::bad_forwarding(StatusCode::BAD_REQUEST, request_id),
        };
    };
    let Some((state, endpoint)) = routed else {
        return Box::pin(beside(service, &origin, peer, request, request_id)).await;
    };
    let call = Call {
        node,
        state: &state,
        bodies: &service.bodies,
        source: origin.address,
        request_id,
        through_proxy: origin.through_proxy,
    };
    // A gateway may ask about a plain request of its own clients; everybody else brings secrets and uses TLS.
    if origin.is_plain && !matches!(endpoint, Endpoint::ForwardAuth(_)) {
        return respond::plain_http(request_id);
    }
    // RFC 9700 2.6: other sites' scripts may speak to what takes no cookie, never to what a browser's user is led through.
    let shared = matches!(endpoint, Endpoint::Token(_) | Endpoint::Revoke | Endpoint::Userinfo);
    if shared && respond::is_preflight(request.method(), request.headers()) {
        return respond::preflight();
    }
    // hyper moves the whole future of a request, as large as its largest branch, before it runs: what is not asked for all
    // the time stands behind a pointer.
    let mut response = match endpoint {
        Endpoint::Token(path) => token::post(&call, &path, request).await,
        Endpoint::Introspect => introspect::post(&call, request).await,
        Endpoint::Revoke => Box::pin(revoke::post(&call, request)).await,
        Endpoint::Jwks => discovery::jwks(&state, &request, request_id),
        Endpoint::Metadata => discovery::metadata(&state, &request, request_id),
        Endpoint::ForwardAuth(api) => forward_auth::any(&call, &api, &request).await,
        Endpoint::Authorize => Box::pin(authorize::any(&call, request)).await,
        Endpoint::Userinfo => Box::pin(userinfo::any(&call, request)).await,
        Endpoint::Page(page) => Box::pin(pages::any(&call, page, request)).await,
        Endpoint::Static(name) => assets::get(&call, &name, &request),
        Endpoint::Flows(api, dress) => flows::get(&call, &api, dress, &request),
        Endpoint::Docs(file) => docs::get(&call, &file, &request),
    };
    if shared {
        respond::share(&mut response);
    }
    response
}

/// Whether it is clear who was asked.
fn names_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    if another.is_some() {
        return false;
    }
    match (request.version(), request.uri().authority(), host) {
        // RFC 9112 3.2: exactly one Host. A target that names one itself comes before it.
        (Version::HTTP_11, _, None) => false,
        // RFC 9113 8.3.1: `:authority` or Host, and both only if they are the same.
        (Version::HTTP_2, None, None) => false,
        (Version::HTTP_2, Some(authority), Some(host)) => {
            host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
        }
        _ => true,
    }
}

/// Paths that belong to no environment: the intake of leaks, the admin API, and a site beside it.
async fn beside(
    service: &Service,
    origin: &source::Origin,
    peer: Peer,
    mut request: Request<Incoming>,
    request_id: &str,
) -> Response<Body> {
    let path = request.uri().path();
    if let Some(door) = leaks::Door::at(path) {
        if origin.is_plain {
            return respond::plain_http(request_id);
        }
        let (node, bodies) = (&*service.node, &service.bodies);
        return door.answer(&leaks::LeakCall { node, bodies, origin, request_id }, request).await;
    }
    let is_admin =
        path == admin::BASE || path.strip_prefix(admin::BASE).is_some_and(|rest| rest.starts_with('/'));
    if is_admin && origin.is_plain {
        return respond::plain_http(request_id);
    }
    let router = if is_admin { Some(&service.admin) } else { service.beside.as_ref() };
    let Some(router) = router else {
        return respond::not_found(request_id);
    };
    let seen = admin::Seen { address: origin.address.to_string(), request_id: request_id.to_owned() };
    request.extensions_mut().insert(seen);
    request.extensions_mut().insert(peer.address);
    match router.clone().oneshot(request.map(axum::body::Body::new)).await {
        Ok(response) => response.map(Body::Right),
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::api::Api;

    fn bytes<A, B, C, F: Future>(_: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    fn bytes_of_two<A, B, F: Future>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_request_is_small_because_it_is_moved_before_it_runs() {
        let whole = bytes::<&'static Service, Peer, Request<Incoming>, _>(answer);
        let parts = [
            ("token", bytes::<&'static Call<'static>, &'static str, Request<Incoming>, _>(token::post)),
            ("introspection", bytes_of_two::<&'static Call<'static>, Request<Incoming>, _>(introspect::post)),
            (
                "forward-auth",
                bytes::<&'static Call<'static>, &'static Api, &'static Request<Incoming>, _>(
                    forward_auth::any,
                ),
            ),
        ];
        assert!(whole <= 8 * 1024, "{whole} bytes; {parts:?}");
    }
}
