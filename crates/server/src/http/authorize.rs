//! `<issuer>/authorize` (RFC 6749 3.1): GET and POST. What cannot be trusted is answered on a page of our own, everything else
//! at the app's redirect URI. No CORS (RFC 9700 2.6).

use ::http::header::LOCATION;
use ::http::{Method, Request, Response, StatusCode};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use hyper::body::Incoming;

use super::body::{self, MAX_FORM, NoForm};
use super::pages;
use super::respond::{self, Body, Challenge};
use super::{Call, error};
use crate::flow::authorize::{Refused, begin, trust};
use crate::flow::browser::{Browser, BrowserCall};
use crate::flow::exposure;

const ENDPOINT: &str = "authorize";

/// Begins an authorization request.
pub async fn any(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match parts.method {
        // Not HEAD: what is asked for here changes something.
        Method::GET => {}
        Method::POST => return posted(call, &parts.headers, body).await,
        _ => return respond::method_not_allowed("GET, POST", call.request_id),
    }
    let query = parts.uri.query().unwrap_or("");
    if exposure::carries_credential(query) {
        const SECRET: Denial = Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::CredentialInQuery,
            "A secret was sent in the query string. It is in histories and logs now: consider it leaked and rotate it.",
        );
        return match body::note_in_query(call, Some(query)).await {
            Ok(()) => pages::failed(call, &SECRET, StatusCode::BAD_REQUEST),
            Err(fault) => pages::fault_page(call, fault),
        };
    }
    let form = match Form::parse(query.as_bytes()) {
        Ok(form) => form,
        Err(denial) => return pages::failed(call, &denial, StatusCode::BAD_REQUEST),
    };
    let cookies = pages::read_cookies(&parts.headers, &call.state.environment);
    let browser = BrowserCall {
        state: call.state,
        browser: &cookies,
        source: call.source,
        request_id: call.request_id,
    };
    match begin(call.node, &browser, &form).await {
        Ok(onward) => {
            call.node.metrics.count(ENDPOINT, "ok");
            pages::onward(call, onward)
        }
        Err(Refused::Page(denial)) if denial.error == OAuthError::TemporarilyUnavailable => {
            pages::failed(call, &denial, StatusCode::TOO_MANY_REQUESTS)
        }
        Err(Refused::Page(denial)) => pages::failed(call, &denial, StatusCode::BAD_REQUEST),
        Err(Refused::Fault(fault)) => pages::fault_page(call, fault),
    }
}

/// A request by POST (OpenID Connect Core 3.1.2.1) comes from another site, and a browser brings no `Lax` cookie with it: it
/// is sent on as a GET, with which the cookies come.
async fn posted(call: &Call<'_>, headers: &::http::HeaderMap, body: Incoming) -> Response<Body> {
    const NO_FORM: Denial = Denial::hinted(
        OAuthError::InvalidRequest,
        Reason::WrongContentType,
        "Send the parameters as a form: Content-Type: application/x-www-form-urlencoded.",
    );
    if !body::is_form(headers) {
        return pages::failed(call, &NO_FORM, StatusCode::BAD_REQUEST);
    }
    let bytes = match body::read(body, MAX_FORM, call.bodies).await {
        Ok(bytes) => bytes,
        Err(NoForm::Denied(denial)) => return pages::failed(call, &denial, StatusCode::BAD_REQUEST),
        Err(why) => return error::form(call, ENDPOINT, Challenge::None, &why),
    };
    // What is sent on stands in an address.
    if std::str::from_utf8(&bytes).is_ok_and(exposure::carries_credential) {
        const SECRET: Denial = Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::CredentialInQuery,
            "An authorization request carries no secret: it passes through the browser. Keep it for the token endpoint.",
        );
        return pages::failed(call, &SECRET, StatusCode::BAD_REQUEST);
    }
    // Decoded and encoded anew: what is sent on is what was understood.
    let form = match Form::parse(&bytes) {
        Ok(form) => form,
        Err(denial) => return pages::failed(call, &denial, StatusCode::BAD_REQUEST),
    };
    // Whoever is not trusted with an answer is not even sent on to ourselves.
    let nobody = Browser::default();
    let browser =
        BrowserCall { state: call.state, browser: &nobody, source: call.source, request_id: call.request_id };
    match trust(call.node, &browser, &form).await {
        Ok(_) => {}
        Err(Refused::Page(denial)) => return pages::failed(call, &denial, StatusCode::BAD_REQUEST),
        Err(Refused::Fault(fault)) => return pages::fault_page(call, fault),
    }
    let mut location = format!("{}/authorize?", call.state.environment.issuer.path());
    form.encode(&mut location);
    let mut response = pages::see_other(&location);
    if response.headers().get(LOCATION).is_none() {
        response = pages::failed(call, &NO_FORM, StatusCode::BAD_REQUEST);
    }
    response
}
