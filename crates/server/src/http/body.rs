//! Reads a form from a request: method, content type, size and time first, then one decoder.

use std::task::Poll;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE};
use ::http::{HeaderMap, Method, Request};
use bytes::Bytes;
use grantor_core::client_auth::Presented;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::Call;
use crate::flow::exposure;
use crate::node::Actor;

/// Longest form, in bytes.
pub const MAX_FORM: usize = 64 * 1024;
/// Longest wait for a whole body.
pub const BODY_TIME: Duration = Duration::from_secs(20);

/// Why there is no form.
pub enum NoForm {
    /// 405.
    Method,
    /// 413.
    TooLong,
    /// 408.
    TooSlow,
    /// The connection broke.
    Broken,
    /// An OAuth error.
    Denied(Denial),
    /// Storage trouble while noting an exposed secret.
    Fault(crate::flow::Fault),
}

/// A form and the credentials that came with it.
pub struct Posted {
    /// The form.
    pub form: Form,
    /// The credentials.
    pub presented: Presented,
}

/// Reads a form that authenticates an app.
///
/// # Errors
/// See [`NoForm`].
pub async fn posted(call: &Call<'_>, request: Request<Incoming>) -> Result<Posted, NoForm> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().filter(|query| exposure::carries_credential(query));
    let authorization = parts.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let sent = |query, body| exposure::Sent { query, body, authorization };
    if parts.method != Method::POST {
        // By whatever method it was sent: a secret in a query has leaked.
        if let Some(query) = query {
            note_exposure(call, &sent(query, None)).await?;
        }
        return Err(NoForm::Method);
    }
    if !is_form(&parts.headers) && query.is_none() {
        return Err(NoForm::Denied(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::WrongContentType,
            "Send the parameters as a form: Content-Type: application/x-www-form-urlencoded.",
        )));
    }
    let bytes = read(body, MAX_FORM).await?;
    let form = Form::parse(&bytes);
    if let Some(query) = query {
        note_exposure(call, &sent(query, form.as_ref().ok())).await?;
        return Err(NoForm::Denied(Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::CredentialInQuery,
            "A secret or token was sent in the query string. It is in logs now: consider it leaked and rotate it.",
        )));
    }
    let form = form.map_err(NoForm::Denied)?;
    let authorization = parts.headers.get_all(AUTHORIZATION).iter().map(|value| value.as_bytes());
    let presented = Presented::read(authorization, &form).map_err(NoForm::Denied)?;
    Ok(Posted { form, presented })
}

async fn note_exposure(call: &Call<'_>, sent: &exposure::Sent<'_>) -> Result<(), NoForm> {
    let actor = Actor {
        name: "anonymous".to_owned(),
        address: call.source.to_string(),
        request_id: call.request_id.to_owned(),
        environment: Some(call.state.environment.id),
    };
    exposure::note(call.node, call.state, sent, &actor).await.map_err(NoForm::Fault)
}

/// Parameters of the media type, such as a charset, are let be.
fn is_form(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(first), None) = (values.next(), values.next()) else {
        return false;
    };
    let media = first.to_str().ok().and_then(|text| text.split(';').next()).map(str::trim);
    media.is_some_and(|media| media.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Reads a body up to a limit, counted while it streams in, within [`BODY_TIME`].
///
/// # Errors
/// Too long, too slow, or broken.
pub async fn read(body: Incoming, limit: usize) -> Result<Bytes, NoForm> {
    let mut collecting = std::pin::pin!(Limited::new(body, limit).collect());
    // Nearly every body is there with its head: no timer is made for it.
    let first = std::future::poll_fn(|context| Poll::Ready(collecting.as_mut().poll(context))).await;
    let collected = match first {
        Poll::Ready(collected) => collected,
        Poll::Pending => tokio::time::timeout(BODY_TIME, collecting).await.map_err(|_| NoForm::TooSlow)?,
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(NoForm::TooLong),
        Err(_) => Err(NoForm::Broken),
    }
}
