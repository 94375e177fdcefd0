//! `<issuer>/userinfo` (OpenID Connect Core 5.3): GET and POST, the token in the header or in a posted form, never in the
//! query (RFC 6750 2.2, RFC 9700 4.3.2).

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use ::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use grantor_core::error::{Denial, OAuthError};
use grantor_core::form::Form;
use grantor_resource::{Refusal, bearer};
use hyper::body::Incoming;
use serde_json::json;

use super::body::{self, MAX_FORM, NoForm};
use super::respond::{self, Body, Challenge};
use super::{Call, error};
use crate::flow::FlowError;
use crate::flow::userinfo::{Userinfo, UserinfoCall, userinfo};

const ENDPOINT: &str = "userinfo";

/// Says who the user of a token is.
pub async fn any(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let form = match parts.method {
        Method::GET | Method::HEAD => None,
        Method::POST if body::is_form(&parts.headers) => match read(call, body).await {
            Ok(form) => Some(form),
            Err(NoForm::Denied(denial)) => return refuse(call, &denial),
            Err(why) => return error::form(call, ENDPOINT, Challenge::None, &why),
        },
        Method::POST => None,
        _ => return respond::method_not_allowed("GET, POST", call.request_id),
    };
    let token = match token(&parts.headers, parts.uri.query(), form.as_ref()) {
        Ok(token) => token,
        Err(refusal) => {
            return match body::note_in_query(call, parts.uri.query()).await {
                Ok(()) => challenge(call, &refusal),
                Err(fault) => error::fault(call, ENDPOINT, fault),
            };
        }
    };
    let question =
        UserinfoCall { state: call.state, source: call.source, token, request_id: call.request_id };
    match userinfo(call.node, &question).await {
        Ok(Userinfo::Plain(claims)) => {
            call.node.metrics.count(ENDPOINT, "ok");
            respond::json(StatusCode::OK, &claims)
        }
        Ok(Userinfo::Signed(jwt)) => {
            call.node.metrics.count(ENDPOINT, "ok");
            let mut response = respond::json_bytes(StatusCode::OK, jwt);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
            response
        }
        Err(FlowError::Fault(fault)) => error::fault(call, ENDPOINT, fault),
        Err(FlowError::Denied(denial) | FlowError::Throttled(denial, _)) => {
            call.node.metrics.count(ENDPOINT, denial.reason.name());
            refuse(call, &denial)
        }
    }
}

async fn read(call: &Call<'_>, body: Incoming) -> Result<Form, NoForm> {
    let bytes = body::read(body, MAX_FORM, call.bodies).await?;
    Form::parse(&bytes).map_err(NoForm::Denied)
}

/// The one token of the request.
fn token<'a>(
    headers: &'a HeaderMap,
    query: Option<&str>,
    form: Option<&'a Form>,
) -> Result<&'a str, Refusal> {
    match form.and_then(|form| form.get("access_token")) {
        None => bearer(headers, query),
        Some(_) if headers.contains_key(AUTHORIZATION) => Err(Refusal::SeveralCredentials),
        Some(token) => match bearer(headers, query) {
            Err(Refusal::NoCredential) => Ok(token),
            Err(refusal) => Err(refusal),
            Ok(_) => Err(Refusal::SeveralCredentials),
        },
    }
}

fn challenge(call: &Call<'_>, refusal: &Refusal) -> Response<Body> {
    let mut response = respond::json(refusal.status(), &refusal.body());
    if let Some(value) = refusal.challenge("userinfo") {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    call.node.metrics.count(ENDPOINT, "refused");
    response
}

/// RFC 6750 3.1.
fn refuse(call: &Call<'_>, denial: &Denial) -> Response<Body> {
    let status = StatusCode::from_u16(denial.error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({
        "error": denial.error.code(),
        "error_description": denial.description(),
        "request_id": call.request_id,
    });
    let mut response = respond::json(status, &body);
    let scope = if denial.error == OAuthError::InsufficientScope { ", scope=\"openid\"" } else { "" };
    let text = format!(
        "Bearer realm=\"userinfo\", error=\"{}\", error_description=\"{}\"{scope}",
        denial.error.code(),
        denial.description()
    );
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
