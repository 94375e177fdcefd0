//! The whole audit as an answer, read from the database page by page while it is sent: its length costs no memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::HeaderValue;
use ::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body::Frame;
use tokio::sync::mpsc;

use super::{Admin, Problem};
use crate::flow::{audit, audit_export};

/// Pages that wait for a slow reader.
const AHEAD: usize = 2;

/// The keys, the chain with its checkpoints, what is not linked yet, and a last line. An export that ends without that line
/// broke off.
pub(super) async fn export(admin: Admin) -> Result<Response, Problem> {
    let keys = audit::public_keys(&admin.node).await?;
    let (lines, pages) = mpsc::channel(AHEAD);
    tokio::spawn(async move { audit_export::write(&admin.node, keys, lines).await });
    let mut response = Body::new(Pages(pages)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A body made of what comes through a channel.
struct Pages(mpsc::Receiver<std::io::Result<Bytes>>);

impl http_body::Body for Pages {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(context).map(|page| page.map(|page| page.map(Frame::data)))
    }
}
