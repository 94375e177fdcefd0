//! `POST <token path>` (RFC 6749 3.2).

use ::http::header::AUTHORIZATION;
use ::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;

use super::body::{Posted, posted};
use super::respond::{self, Body, Challenge};
use super::{Call, error};
use crate::flow::token::{IssuedToken, TokenCall, exchange};

const ENDPOINT: &str = "token";

/// RFC 6749 5.1: these members and no others.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
}

/// Exchanges a grant for a token.
pub async fn post(call: &Call<'_>, path: &str, request: Request<Incoming>) -> Response<Body> {
    let challenge = challenge(&request);
    let Posted { form, presented, state } = match posted(call, request).await {
        Ok(posted) => posted,
        Err(why) => return error::form(call, ENDPOINT, challenge, &why),
    };
    let exchanged = exchange(
        call.node,
        &TokenCall {
            state: &state,
            path,
            form: &form,
            presented: &presented,
            source: call.source,
            request_id: call.request_id,
        },
    )
    .await;
    match exchanged {
        Ok(IssuedToken { access_token, expires_in, scope, refresh_token, id_token }) => {
            call.node.metrics.count(ENDPOINT, "ok");
            respond::json(
                StatusCode::OK,
                &Answer {
                    access_token: &access_token,
                    token_type: "Bearer",
                    expires_in,
                    scope: scope.as_deref(),
                    refresh_token: refresh_token.as_deref(),
                    id_token: id_token.as_deref(),
                },
            )
        }
        Err(why) => error::flow(call, ENDPOINT, challenge, &why),
    }
}

/// Whether a refusal needs a challenge: the `Authorization` header was used.
pub fn challenge(request: &Request<Incoming>) -> Challenge {
    if request.headers().contains_key(AUTHORIZATION) { Challenge::Basic } else { Challenge::None }
}
