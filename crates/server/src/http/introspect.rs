//! `POST <issuer>/introspect` (RFC 7662). Beside `token` an API may send `client_address`, the address that its caller comes
//! from: a key that is tied to addresses is good from those alone, and without the parameter from none.

use ::http::{Request, Response, StatusCode};
use grantor_core::api::Api;
use grantor_core::error::{Denial, OAuthError, Reason};
use hyper::body::Incoming;
use serde::Serialize;

use super::body::{Posted, posted};
use super::respond::{self, Body};
use super::token::challenge;
use super::{Call, error};
use crate::flow::FlowError;
use crate::flow::introspect::{IntrospectCall, Verdict, introspect};
use crate::flow::verify::{Genuine, Good};

const ENDPOINT: &str = "introspect";

/// RFC 7662 2.2, RFC 9470 6.2, and `tid`, `env`, `credential_kind`.
#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    token_type: &'static str,
    exp: i64,
    iat: i64,
    sub: &'a str,
    aud: &'a str,
    iss: &'a str,
    jti: &'a str,
    tid: &'a str,
    env: &'a str,
    credential_kind: &'static str,
    /// When the user acted, in unix seconds; only for tokens of users.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
}

/// Answers what an API may know about a credential; anything that is not good for it is `{"active": false}` and no more.
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
    let client_address = match form.get("client_address").map(str::parse) {
        None => None,
        Some(Ok(address)) => Some(address),
        Some(Err(_)) => {
            let bad = Denial::hinted(
                OAuthError::InvalidRequest,
                Reason::Malformed,
                "The parameter client_address is one IP address, without a port.",
            );
            return error::flow(call, ENDPOINT, challenge, &FlowError::Denied(bad));
        }
    };
    let question = IntrospectCall {
        state: &state,
        presented: &presented,
        source: call.source,
        token,
        request_id: call.request_id,
        client_address,
    };
    match introspect(call.node, &question).await {
        Ok(Verdict::Active(good, api)) => {
            call.node.metrics.count(ENDPOINT, "ok");
            active(call, &good, api)
        }
        Ok(Verdict::Inactive(reason)) => {
            call.node.metrics.count(ENDPOINT, reason.name());
            tracing::debug!(
                request_id = call.request_id,
                endpoint = ENDPOINT,
                reason = reason.name(),
                "inactive"
            );
            respond::json_bytes(StatusCode::OK, &b"{\"active\":false}"[..])
        }
        Err(why) => error::flow(call, ENDPOINT, challenge, &why),
    }
}

fn active(call: &Call<'_>, good: &Good, api: &Api) -> Response<Body> {
    let scope = good.scope(api);
    let environment = &call.state.environment;
    let kind = good.kind().as_str();
    match &good.credential {
        Genuine::Token(claims) => respond::json(
            StatusCode::OK,
            &Active {
                active: true,
                scope: &scope,
                client_id: Some(&claims.client_id),
                token_type: "Bearer",
                exp: claims.exp,
                iat: claims.iat,
                sub: &claims.sub,
                aud: &claims.aud,
                iss: &claims.iss,
                jti: &claims.jti,
                tid: &claims.tid,
                env: &claims.env,
                credential_kind: kind,
                auth_time: claims.auth_time,
                acr: claims.acr.as_deref(),
            },
        ),
        Genuine::Key(key) => {
            let tenant = key.tenant.to_string();
            respond::json(
                StatusCode::OK,
                &Active {
                    active: true,
                    scope: &scope,
                    client_id: None,
                    token_type: "Bearer",
                    exp: key.expires_at.seconds(),
                    iat: key.created_at.seconds(),
                    // A key acts for its tenant.
                    sub: &tenant,
                    aud: &api.audience,
                    iss: environment.issuer.as_str(),
                    jti: &key.id.to_string(),
                    tid: &tenant,
                    env: environment.name.as_str(),
                    credential_kind: kind,
                    auth_time: None,
                    acr: None,
                },
            )
        }
    }
}
