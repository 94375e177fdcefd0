//! `<issuer>/static/<file>`: what pages need. Each name carries the hash of its content.

use ::http::header::{ETAG, IF_NONE_MATCH};
use ::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use super::Call;
use super::respond::{self, Body};

/// Sends a file.
pub fn get(call: &Call<'_>, name: &str, request: &Request<Incoming>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond::method_not_allowed("GET", call.request_id);
    }
    let Some(asset) = call.node.pages.asset(name) else {
        return respond::not_found(call.request_id);
    };
    let unchanged = request.headers().get(IF_NONE_MATCH).is_some_and(|known| *known == asset.etag);
    let bytes = if unchanged { Bytes::new() } else { asset.bytes.clone() };
    let mut response = Response::new(Either::Left(Full::new(bytes)));
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    for (name, value) in asset.headers() {
        response.headers_mut().insert(name, value);
    }
    response.headers_mut().insert(ETAG, asset.etag.clone());
    response
}
