//! The verification ceilings: the whole signature check at every request, no cache, no revocation.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use super::Server;
use super::clients::form_value;
use super::token::Claims;
use crate::clock;

#[derive(Serialize)]
struct Introspection<'a> {
    active: bool,
    token_type: &'a str,
    #[serde(flatten)]
    claims: Claims<'a>,
}

/// RFC 7662 2: the caller proves itself, then learns what the token says.
pub(super) async fn introspect(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if server.clients.authenticate(&headers).is_none() {
        return (StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#).into_response();
    }
    let payload = form_value(&body, "token").and_then(|token| server.keys.verify(&token));
    let answer = match payload.as_deref().and_then(live) {
        Some(claims) => serde_json::to_vec(&Introspection { active: true, token_type: "Bearer", claims }),
        None => Ok(br#"{"active":false}"#.to_vec()),
    };
    match answer {
        Ok(answer) => {
            ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], answer).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The question of a reverse proxy: may this request pass, and who sends it?
pub(super) async fn forward_auth(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let payload = token.and_then(|token| server.keys.verify(token));
    let Some(claims) = payload.as_deref().and_then(live) else {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer error=\"invalid_token\"")])
            .into_response();
    };
    let identity = [
        ("x-grantor-subject", claims.sub),
        ("x-grantor-client-id", claims.client_id),
        ("x-grantor-org", claims.tid),
        ("x-grantor-env", claims.env),
        ("x-grantor-scope", claims.scope),
        ("x-grantor-audience", claims.aud),
        ("x-grantor-token-id", claims.jti),
    ];
    (StatusCode::OK, identity).into_response()
}

/// The claims, if they can be read and have not expired (RFC 9068 4).
fn live(payload: &[u8]) -> Option<Claims<'_>> {
    let claims: Claims<'_> = serde_json::from_slice(payload).ok()?;
    (claims.exp > clock::unix_seconds()).then_some(claims)
}
