//! `Idempotency-Key`: whoever did not hear the answer to a request that makes something asks again with the same key and gets
//! the same answer, for a day.
//!
//! The claim on the key stands in the unit that makes the thing, so it is never made twice, whatever fails. The answer is
//! kept in a second unit, sealed under the master key, because it may hold a secret that is shown once. A crash between the
//! two loses the answer and nothing else: the same key is then told so. Both run in a task of their own, so that a caller who
//! hangs up loses neither.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use ::http::{HeaderMap, HeaderValue, StatusCode};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use grantor_core::claimed_request::ClaimedRequest;

use super::body;
use super::caller::Caller;
use super::problem::Problem;
use crate::flow::Fault;
use crate::flow::once::{self, Answered, Before};
use crate::node::{Node, Once};

/// The name of the header.
const KEY: &str = "idempotency-key";
/// Longest key, in bytes.
const LONGEST: usize = 200;
/// Longest answer that is kept, in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// The requests of this node that are on their way.
#[derive(Clone, Default)]
pub(super) struct Desk(Arc<Mutex<HashSet<[u8; 32]>>>);

/// One of them; it leaves when this is dropped.
struct OnItsWay {
    desk: Desk,
    key: [u8; 32],
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.desk.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Desk {
    fn take(&self, key: [u8; 32]) -> Option<OnItsWay> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        is_new.then(|| OnItsWay { desk: self.clone(), key })
    }

    /// Carries a request out once, if it has a key.
    pub(super) async fn layer(self, request: Request, next: Next) -> Result<Response, Problem> {
        let Some(key) = sent(request.headers())? else { return Ok(next.run(request).await) };
        let caller = request.extensions().get::<Caller>().cloned().ok_or_else(Problem::unauthorized)?;
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (mut parts, rest) = request.into_parts();
        let bytes = body::read(Request::from_parts(parts.clone(), rest)).await?;
        let node = caller.node.clone();
        let name = caller.name();
        // A user of two tenants is somebody else in each of them.
        let tenant = caller.only().map_or_else(String::new, |tenant| tenant.to_string());
        let of: [&[u8]; 5] = [
            name.as_bytes(),
            tenant.as_bytes(),
            method.as_str().as_bytes(),
            uri.path().as_bytes(),
            key.as_bytes(),
        ];
        let claim = ClaimedRequest {
            key: node.vault.tag("request", &of),
            body: node.vault.tag("body", &[&bytes]),
            at: node.now(),
        };
        let on_its_way = self.take(claim.key).ok_or_else(in_progress)?;
        if let Some(answer) = kept(&node, &claim).await? {
            return Ok(answer);
        }
        let once = Arc::new(Once::new(claim.clone()));
        parts.extensions.insert(caller.once(once.clone()));
        let request = Request::from_parts(parts, Body::from(bytes));
        let work = async move {
            let response = next.run(request).await;
            let outcome = conclude(&node, &claim, &once, response).await;
            drop(on_its_way);
            outcome
        };
        tokio::spawn(work).await.unwrap_or(Err(Fault::Internal.into()))
    }
}

/// The key, if one was sent.
fn sent(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=LONGEST).contains(&key.len()) && values.next().is_none());
    match key {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Problem::bad("Idempotency-Key is one text of 1 to 200 printable ASCII characters.")),
    }
}

fn in_progress() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "in_progress",
        "A request with this Idempotency-Key is on its way. Ask again for its answer.",
    )
    .after(1)
}

/// The answer to a request that was carried out before.
async fn kept(node: &Node, claim: &ClaimedRequest) -> Result<Option<Response>, Problem> {
    let Answered { status, body } = match once::before(node, claim).await? {
        Before::Nothing => return Ok(None),
        Before::OtherBody => {
            return Err(Problem::unfit(
                "key_reused",
                "This Idempotency-Key was sent with another body before. Take a new key for a new request.",
            ));
        }
        Before::Unanswered => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "answer_lost",
                "This request was carried out, and its answer is not here: another server gives it now, or it was lost \
                 in a crash. Ask again in a moment; then look for what was made. A secret that was lost is replaced by a \
                 new one.",
            )
            .after(1));
        }
        Before::Answered(answered) => answered,
    };
    let status = StatusCode::from_u16(status).map_err(|_| Fault::Internal)?;
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(Some(response))
}

/// Keeps the answer to what was done. Where nothing was done, the next try begins anew, unless another server was quicker.
async fn conclude(
    node: &Node,
    claim: &ClaimedRequest,
    spent: &Once,
    response: Response,
) -> Result<Response, Problem> {
    if !spent.is_spent() {
        let was_beaten = response.status() == StatusCode::CONFLICT;
        let elsewhere = if was_beaten { kept(node, claim).await? } else { None };
        return Ok(elsewhere.unwrap_or(response));
    }
    // It was done, and telling failed: not an answer to be given again.
    if response.status().is_server_error() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, LONGEST_ANSWER).await.map_err(|_| Fault::Internal)?;
    let body = String::from_utf8_lossy(&bytes).into_owned();
    if let Err(fault) = once::keep(node, claim, &Answered { status: parts.status.as_u16(), body }).await {
        tracing::error!(%fault, "an answer could not be kept; the same Idempotency-Key will be told so");
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}
