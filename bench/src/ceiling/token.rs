//! The token ceiling: form, Basic, lookup, SHA-256, one signature, one answer (RFC 6749 4.4, RFC 9068 2.2).

use std::sync::Arc;

use aws_lc_rs::rand::SecureRandom as _;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Server;
use super::clients::{Client, form_value};
use crate::clock;

/// Lifetime of a ceiling token in seconds.
const LIFETIME: u64 = 3600;

/// The claims of an access token, as many and as long as Grantor's.
#[derive(Deserialize, Serialize)]
pub(super) struct Claims<'a> {
    /// Issuer.
    pub(super) iss: &'a str,
    /// Subject.
    pub(super) sub: &'a str,
    /// Audience.
    pub(super) aud: &'a str,
    /// Expiry, seconds since 1970.
    pub(super) exp: u64,
    /// Issued at, seconds since 1970.
    pub(super) iat: u64,
    /// Token id.
    pub(super) jti: &'a str,
    /// Client.
    pub(super) client_id: &'a str,
    /// Scope, space separated.
    pub(super) scope: &'a str,
    /// Tenant.
    pub(super) tid: &'a str,
    /// Environment.
    pub(super) env: &'a str,
    /// Epochs of tenant, access and app.
    pub(super) rev: [u32; 3],
}

#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: u64,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

/// Issues a token for the client-credentials grant.
pub(super) async fn post(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(client) = server.clients.authenticate(&headers) else {
        return (StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#).into_response();
    };
    if form_value(&body, "grant_type").as_deref() != Some("client_credentials") {
        return (StatusCode::BAD_REQUEST, r#"{"error":"unsupported_grant_type"}"#).into_response();
    }
    let asked = form_value(&body, "scope");
    let scope = asked.as_deref().unwrap_or(client.scope);
    if !scope.split(' ').all(|word| client.scope.split(' ').any(|allowed| allowed == word)) {
        return (StatusCode::BAD_REQUEST, r#"{"error":"invalid_scope"}"#).into_response();
    }
    answer(issue(&server, client, scope, None))
}

/// A token answer (RFC 6749 5.1).
pub(super) fn answer(body: Option<Vec<u8>>) -> Response {
    match body {
        Some(body) => {
            ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body).into_response()
        }
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Signs an access token, and puts a refresh token beside it.
pub(super) fn issue(
    server: &Server,
    client: &Client,
    scope: &str,
    refresh_token: Option<&str>,
) -> Option<Vec<u8>> {
    let mut id = [0; 16];
    server.keys.random().fill(&mut id).ok()?;
    let iat = clock::unix_seconds();
    let claims = Claims {
        iss: "http://127.0.0.1:8080",
        sub: &client.id,
        aud: "https://api.example.com/payments",
        exp: iat + LIFETIME,
        iat,
        jti: &BASE64_URL_SAFE_NO_PAD.encode(id),
        client_id: &client.id,
        scope,
        tid: client.tenant,
        env: "production",
        rev: [1, 1, 1],
    };
    let token = server.keys.sign(&serde_json::to_vec(&claims).ok()?)?;
    let answer =
        Answer { access_token: &token, token_type: "Bearer", expires_in: LIFETIME, scope, refresh_token };
    serde_json::to_vec(&answer).ok()
}
