//! Reads a form from a request: method, content type, size and time first, then one decoder.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE};
use ::http::{HeaderMap, Method, Request};
use bytes::{Bytes, BytesMut};
use grantor_core::client_auth::Presented;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use hyper::body::Incoming;
use tokio::sync::Semaphore;

use super::Call;
use crate::catalogue::EnvironmentState;
use crate::flow::{Fault, exposure};
use crate::node::Actor;

/// Longest form, in bytes.
pub const MAX_FORM: usize = 64 * 1024;
/// Longest wait for a whole body.
pub const BODY_TIME: Duration = Duration::from_secs(20);

/// Longest part of a body that may wait for its rest without a slot, in bytes. Ordinary forms are shorter, so whoever
/// takes all slots keeps only long forms out; what waits below this is bounded by the number of connections.
const UNCOUNTED: usize = 4 * 1024;
/// Slots for bodies that wait for their rest: [`MAX_FORM`] each, 32 MiB in all.
pub const SLOTS: usize = 512;

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
    /// Storage trouble while noting an exposed secret, or no slot for a body: not now.
    Fault(Fault),
}

/// A form and the credentials that came with it.
pub struct Posted {
    /// The form.
    pub form: Form,
    /// The credentials.
    pub presented: Presented,
    /// The environment as it is now: a body may take its time, and keys and suspensions do not wait for it.
    pub state: Arc<EnvironmentState>,
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
    let bytes = read(body, MAX_FORM, call.bodies).await?;
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
    let state = call.node.catalogue().environment_by_id(call.state.environment.id).cloned();
    let state = state.ok_or(NoForm::Fault(Fault::Internal))?;
    Ok(Posted { form, presented, state })
}

/// Notes a credential that came in a query, where no form comes with it.
///
/// # Errors
/// Storage trouble.
pub async fn note_in_query(call: &Call<'_>, query: Option<&str>) -> Result<(), Fault> {
    match query.filter(|query| exposure::carries_credential(query)) {
        Some(query) => note(call, &exposure::Sent { query, body: None, authorization: None }).await,
        None => Ok(()),
    }
}

async fn note_exposure(call: &Call<'_>, sent: &exposure::Sent<'_>) -> Result<(), NoForm> {
    note(call, sent).await.map_err(NoForm::Fault)
}

async fn note(call: &Call<'_>, sent: &exposure::Sent<'_>) -> Result<(), Fault> {
    let actor = Actor {
        name: "anonymous".to_owned(),
        address: call.source.to_string(),
        request_id: call.request_id.to_owned(),
        environment: Some(call.state.environment.id),
        once: None,
    };
    exposure::note(call.node, call.state, sent, &actor).await
}

/// Parameters of the media type, such as a charset, are let be.
pub fn is_form(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(first), None) = (values.next(), values.next()) else {
        return false;
    };
    let media = first.to_str().ok().and_then(|text| text.split(';').next()).map(str::trim);
    media.is_some_and(|media| media.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Reads a body up to a limit, counted while it streams in, within [`BODY_TIME`].
///
/// A body of which more than a few KiB are here, and which is not complete, needs one of `slots` to wait for its rest.
///
/// # Errors
/// Too long, too slow, broken, or no slot.
pub async fn read<B>(body: B, limit: usize, slots: &Semaphore) -> Result<Bytes, NoForm>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
{
    let mut gathering = std::pin::pin!(gather(body, limit, slots));
    // Nearly every body is there with its head: no timer is made for it.
    match poll_fn(|context| Poll::Ready(gathering.as_mut().poll(context))).await {
        Poll::Ready(gathered) => gathered,
        Poll::Pending => tokio::time::timeout(BODY_TIME, gathering).await.map_err(|_| NoForm::TooSlow)?,
    }
}

async fn gather<B>(mut body: B, limit: usize, slots: &Semaphore) -> Result<Bytes, NoForm>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
{
    // A body in one piece is not copied.
    let (mut piece, mut joined) = (Bytes::new(), BytesMut::new());
    let mut slot = None;
    loop {
        let mut body = Pin::new(&mut body);
        let polled = poll_fn(|context| Poll::Ready(body.as_mut().poll_frame(context))).await;
        let frame = match polled {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                // What waits is copied, lest a few bytes keep a whole buffer of the connection alive.
                joined.extend_from_slice(&std::mem::take(&mut piece));
                if joined.len() > UNCOUNTED && slot.is_none() {
                    slot = Some(slots.try_acquire().map_err(|_| no_slot())?);
                }
                poll_fn(|context| body.as_mut().poll_frame(context)).await
            }
        };
        let Some(frame) = frame else { break };
        // Trailers say nothing here.
        let Ok(data) = frame.map_err(|_| NoForm::Broken)?.into_data() else { continue };
        if piece.len() + joined.len() + data.len() > limit {
            return Err(NoForm::TooLong);
        }
        if piece.is_empty() && joined.is_empty() {
            piece = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut piece));
            joined.extend_from_slice(&data);
        }
    }
    Ok(if joined.is_empty() { piece } else { joined.freeze() })
}

fn no_slot() -> NoForm {
    tracing::warn!(slots = SLOTS, "too many long bodies are waited for: one more is refused");
    NoForm::Fault(Fault::Unavailable)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::Context;

    use hyper::body::Frame;

    use super::*;

    /// What a peer sends: pieces, and pauses between them.
    struct Sent(VecDeque<Option<usize>>);

    /// A pause; the next poll goes on, if there is something to go on with.
    const PAUSE: Option<usize> = None;

    fn sent(script: &[Option<usize>]) -> Sent {
        Sent(script.iter().copied().collect())
    }

    impl hyper::body::Body for Sent {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            match self.0.pop_front() {
                None => Poll::Ready(None),
                Some(Some(length)) => Poll::Ready(Some(Ok(Frame::data(vec![b'x'; length].into())))),
                Some(None) => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            }
        }
    }

    /// The length read, or the status of the refusal.
    async fn length(script: &[Option<usize>], slots: &Semaphore) -> Result<usize, u16> {
        match read(sent(script), MAX_FORM, slots).await {
            Ok(bytes) => Ok(bytes.len()),
            Err(NoForm::TooLong) => Err(413),
            Err(NoForm::Fault(Fault::Unavailable)) => Err(503),
            Err(_) => Err(0),
        }
    }

    #[tokio::test]
    async fn a_long_body_that_waits_needs_a_slot_and_gives_it_back() {
        let slots = Semaphore::new(1);
        let long = [Some(5_000), PAUSE, PAUSE, Some(5_000), PAUSE];
        assert_eq!(length(&long, &slots).await, Ok(10_000));
        assert_eq!(slots.available_permits(), 1);
        let held = slots.try_acquire().unwrap();
        assert_eq!(length(&long, &slots).await, Err(503));
        assert_eq!(length(&[PAUSE, Some(4_000), PAUSE, Some(97), PAUSE], &slots).await, Err(503));
        drop(held);
        assert_eq!(length(&long, &slots).await, Ok(10_000));
    }

    #[tokio::test]
    async fn a_body_holds_its_slot_for_as_long_as_it_waits() {
        let slots = Semaphore::new(1);
        // Reading polls more than once before it waits.
        let script = [&[Some(5_000)][..], &[PAUSE; 9], &[Some(1)]].concat();
        let mut reading = std::pin::pin!(read(sent(&script), MAX_FORM, &slots));
        let first = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context).is_pending())).await;
        assert!(first, "it waits");
        assert_eq!(slots.available_permits(), 0);
        assert!(reading.await.is_ok());
        assert_eq!(slots.available_permits(), 1);
    }

    #[tokio::test]
    async fn bodies_that_are_complete_or_short_need_no_slot() {
        let none = Semaphore::new(0);
        assert_eq!(length(&[Some(MAX_FORM)], &none).await, Ok(MAX_FORM));
        assert_eq!(length(&[Some(5_000), Some(5_000)], &none).await, Ok(10_000));
        assert_eq!(length(&[PAUSE, Some(60_000)], &none).await, Ok(60_000), "late, but at once");
        assert_eq!(length(&[PAUSE, Some(4_000), PAUSE, Some(96), PAUSE], &none).await, Ok(4_096));
        assert_eq!(length(&[], &none).await, Ok(0));
    }

    #[tokio::test]
    async fn a_body_is_counted_over_all_its_pieces() {
        let slots = Semaphore::new(1);
        assert_eq!(length(&[Some(MAX_FORM), Some(1)], &slots).await, Err(413));
        assert_eq!(length(&[Some(MAX_FORM - 1), PAUSE, Some(1), PAUSE], &slots).await, Ok(MAX_FORM));
        assert_eq!(length(&[Some(MAX_FORM - 1), PAUSE, Some(2)], &slots).await, Err(413));
        assert_eq!(slots.available_permits(), 1);
    }
}
