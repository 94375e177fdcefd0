//! `POST <issuer>/revoke` (RFC 7009).

use ::http::{Request, Response, StatusCode};
use grantor_core::error::{Denial, OAuthError, Reason};
use hyper::body::Incoming;

use super::body::{Posted, posted};
use super::respond::{self, Body};
use super::token::challenge;
use super::{Call, error};
use crate::flow::FlowError;
use crate::flow::revoke::{RevokeCall, revoke};

const ENDPOINT: &str = "revoke";

/// Revokes a token of the caller. 200 with an empty body for unknown tokens, too; a hint about the type is not needed.
pub async fn post(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    let challenge = challenge(&request);
    let Posted { form, presented, state } = match posted(call, request).await {
        Ok(posted) => posted,
        Err(why) => return error::form(call, ENDPOINT, challenge, &why),
    };
    let Some(token) = form.get("token") else {
        let missing =
            Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, "The parameter token is missing.");
        return error::flow(call, ENDPOINT, challenge, &FlowError::Denied(missing));
    };
    let question = RevokeCall {
        state: &state,
        presented: &presented,
        source: call.source,
        token,
        request_id: call.request_id,
    };
    match revoke(call.node, &question).await {
        Ok(()) => {
            call.node.metrics.count(ENDPOINT, "ok");
            respond::empty(StatusCode::OK)
        }
        Err(why) => error::flow(call, ENDPOINT, challenge, &why),
    }
}
