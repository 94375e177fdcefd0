//! `<issuer>/forward-auth/<api>`: a reverse proxy asks whether a request may pass. Exactly 200, 401 or 403.
//!
//! On 200 every identity header is set, empty where nothing is known, so that a proxy that copies them always overwrites
//! what the caller sent. The original method and URI are believed only from trusted proxies. A proxy that does not say
//! which operation is asked for gets a 200 only for a credential that opens every operation of the API.

use std::net::IpAddr;

use ::http::header::{CACHE_CONTROL, HeaderName};
use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use grantor_core::api::Api;
use grantor_core::error::{OAuthError, Reason};
use grantor_core::request_log::{self, Door};
use grantor_resource::{Refusal, bearer, judge};
use hyper::body::Incoming;

use super::Call;
use super::body::note_in_query;
use super::respond::{self, Body};
use crate::flow::Fault;
use crate::flow::seen::{Place, Seen};
use crate::flow::verify::{Genuine, Good, Unfit, recognise};
use crate::limits::RetryAfter;

const ENDPOINT: &str = "forward_auth";

/// The identity headers, always all of them.
const SUBJECT: HeaderName = HeaderName::from_static("x-grantor-subject");
const CLIENT_ID: HeaderName = HeaderName::from_static("x-grantor-client-id");
const ORG: HeaderName = HeaderName::from_static("x-grantor-org");
const ENV: HeaderName = HeaderName::from_static("x-grantor-env");
const SCOPE: HeaderName = HeaderName::from_static("x-grantor-scope");
const AUDIENCE: HeaderName = HeaderName::from_static("x-grantor-audience");
const TOKEN_ID: HeaderName = HeaderName::from_static("x-grantor-token-id");
const KIND: HeaderName = HeaderName::from_static("x-grantor-credential-kind");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-grantor-request-id");

/// Why a request may not pass.
enum Stop {
    Refused(Refusal, Reason),
    Fault(Fault),
}

/// Answers a reverse proxy.
pub async fn any(call: &Call<'_>, api: &Api, request: &Request<Incoming>) -> Response<Body> {
    match judge_request(call, api, request).await {
        Ok(good) => {
            call.node.metrics.count(ENDPOINT, "ok");
            identity(call, api, &good)
        }
        Err(Stop::Refused(refusal, reason)) => {
            call.node.metrics.count(ENDPOINT, reason.name());
            tracing::debug!(
                request_id = call.request_id,
                endpoint = ENDPOINT,
                reason = reason.name(),
                "refused"
            );
            refuse(call, api, &refusal)
        }
        Err(Stop::Fault(fault)) => {
            // Not knowing is not an allowance; a proxy takes any other status for a defect of its own configuration.
            call.node.metrics.count(ENDPOINT, "fault");
            tracing::error!(request_id = call.request_id, endpoint = ENDPOINT, %fault, "request failed");
            refuse(call, api, &Refusal::Unavailable)
        }
    }
}

async fn judge_request(call: &Call<'_>, api: &Api, request: &Request<Incoming>) -> Result<Good, Stop> {
    let headers = request.headers();
    let original = original(call, headers);
    let query = match &original {
        Original::Known { uri, .. } => uri.split_once('?').map(|(_, query)| query),
        _ => request.uri().query(),
    };
    let token = match bearer(headers, query) {
        Ok(token) => token,
        Err(refusal) => {
            note_in_query(call, query).await.map_err(Stop::Fault)?;
            return Err(Stop::Refused(refusal, Reason::Malformed));
        }
    };
    let place = Place {
        door: Door::ForwardAuth,
        state: call.state,
        source: call.source,
        request_id: call.request_id,
    };
    let mut seen = Seen::begin(call.node, place);
    seen.concerns(api.id);
    let inactive = |reason| Stop::Refused(Refusal::InvalidToken, reason);
    let genuine = match recognise(call.node, call.state, token).await.map_err(Stop::Fault)? {
        Ok(genuine) => genuine,
        Err(reason) => {
            seen.unrecognised(call.node, token, said(&Refusal::InvalidToken, reason));
            return Err(inactive(reason));
        }
    };
    let caller = caller(call, headers);
    let good = match genuine.judge(call.node, call.state, api, caller).await.map_err(Stop::Fault)? {
        Ok(good) => good,
        Err(Unfit { reason, whose }) => {
            seen.unfit(call.node, whose, token, said(&Refusal::InvalidToken, reason));
            return Err(inactive(reason));
        }
    };
    match reaches(call, api, &original, &good).and_then(|()| within_quota(call, &good)) {
        Ok(()) => {
            seen.verified(call.node, &good, token);
            Ok(good)
        }
        Err((refusal, reason)) => {
            seen.unfit(call.node, good.owned(), token, said(&refusal, reason));
            Err(Stop::Refused(refusal, reason))
        }
    }
}

/// The address that a request comes from, as far as a trusted proxy says so. The proxy's own is not the caller's.
fn caller(call: &Call<'_>, headers: &HeaderMap) -> Option<IpAddr> {
    (call.through_proxy && headers.contains_key("x-forwarded-for")).then_some(call.source)
}

/// Takes one call from the quota of a key that reaches the operation.
fn within_quota(call: &Call<'_>, good: &Good) -> Result<(), (Refusal, Reason)> {
    good.take_quota(call.node).map_err(|RetryAfter(seconds)| {
        (Refusal::TooManyCalls { retry_after: seconds }, Reason::QuotaExceeded)
    })
}

/// What the owner of the credential reads of a refusal: the code that RFC 6750 3.1 has for it.
fn said(refusal: &Refusal, reason: Reason) -> (u16, request_log::Refusal) {
    let error = match status(refusal.status()) {
        StatusCode::UNAUTHORIZED => OAuthError::InvalidToken,
        _ => OAuthError::InsufficientScope,
    };
    (error.status(), request_log::Refusal { error: Some(error), reason })
}

/// Whether a good credential reaches the operation that is asked for.
fn reaches(
    call: &Call<'_>,
    api: &Api,
    original: &Original<'_>,
    good: &Good,
) -> Result<(), (Refusal, Reason)> {
    let Some(contract) = call.state.contracts.get(&api.id) else {
        return match original {
            Original::Malformed => Err((Refusal::UnknownPath, Reason::Malformed)),
            _ => Ok(()),
        };
    };
    let scope = good.scope(api);
    let verdict = match original {
        Original::Malformed => Err(Refusal::UnknownPath),
        Original::Unknown => judge(&contract.strictest(), good.kind(), &scope),
        Original::Known { method, uri } => match contract.find(method, uri) {
            Some(operation) => operation.judge(good.kind(), &scope),
            None => Err(Refusal::UnknownPath),
        },
    };
    verdict.map_err(|refusal| {
        let reason = match refusal {
            Refusal::CredentialKind { .. } => Reason::KindNotAccepted,
            Refusal::MissingScope { .. } => Reason::ScopeNotAllowed,
            _ => Reason::UnknownOperation,
        };
        (refusal, reason)
    })
}

/// The request that the proxy asks about.
enum Original<'a> {
    /// Method and URI, from a trusted proxy.
    Known { method: &'a str, uri: &'a str },
    /// Not said, or said by somebody who is not believed.
    Unknown,
    /// Said in a way that can be read twice, or not at all.
    Malformed,
}

fn original<'a>(call: &Call<'_>, headers: &'a HeaderMap) -> Original<'a> {
    if !call.through_proxy {
        return Original::Unknown;
    }
    match (single(headers, "x-forwarded-method"), single(headers, "x-forwarded-uri")) {
        (Ok(Some(method)), Ok(Some(uri))) => Original::Known { method, uri },
        (Ok(None), Ok(None)) => Original::Unknown,
        _ => Original::Malformed,
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

fn identity(call: &Call<'_>, api: &Api, good: &Good) -> Response<Body> {
    let mut response = respond::empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.reserve(12);
    let mut set = |name: HeaderName, value: &str| {
        // A value that no header can carry is unknown to the proxy, not left to the caller.
        headers.insert(name, HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("")));
    };
    match &good.credential {
        Genuine::Token(claims) => {
            set(SUBJECT, &claims.sub);
            set(CLIENT_ID, &claims.client_id);
            set(ORG, &claims.tid);
            set(TOKEN_ID, &claims.jti);
        }
        Genuine::Key(key) => {
            let tenant = key.tenant.to_string();
            set(SUBJECT, &tenant);
            set(CLIENT_ID, "");
            set(ORG, &tenant);
            set(TOKEN_ID, &key.id.to_string());
        }
    }
    set(ENV, call.state.environment.name.as_str());
    set(SCOPE, &good.scope(api));
    set(AUDIENCE, &api.audience);
    set(KIND, good.kind().as_str());
    set(REQUEST_ID, call.request_id);
    response
}

/// Whatever is not a matter of authentication is a 403 here: gateways know no other refusal.
fn status(of: StatusCode) -> StatusCode {
    match of {
        StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST => StatusCode::UNAUTHORIZED,
        _ => StatusCode::FORBIDDEN,
    }
}

fn refuse(call: &Call<'_>, api: &Api, refusal: &Refusal) -> Response<Body> {
    let answer: Response<String> = refusal.response(api.name.as_str());
    let status = status(answer.status());
    let (parts, body) = answer.into_parts();
    let mut response = respond::json_bytes(status, body);
    response.headers_mut().extend(parts.headers);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(call.request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
