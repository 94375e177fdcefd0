//! The argon2id ceiling: HTTP, one hash on a thread of its own (RFC 9106), one signature. Nothing is stored, nobody is
//! locked out.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{Context as _, Result};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::Server;
use super::clients::form_value;
use super::token::{answer, issue};

/// The one password.
pub(crate) const PASSWORD: &str = "a password of the bench";

/// The cost of the demo's passwords: 19 MiB, two passes.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const SALT: &[u8; 16] = b"salt of a bench.";
const WAITING: usize = 64;

/// A signed ceiling with a thread that hashes.
pub(super) struct Doorkeeper {
    server: Server,
    queue: SyncSender<(Vec<u8>, oneshot::Sender<bool>)>,
}

impl Doorkeeper {
    /// Hashes the password and starts the thread.
    pub(super) fn new(server: Server) -> Result<Self> {
        let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).ok().context("argon2 refuses its cost")?;
        let (queue, waiting) = sync_channel::<(Vec<u8>, oneshot::Sender<bool>)>(WAITING);
        std::thread::Builder::new().name("ceiling-hash".to_owned()).spawn(move || {
            let mut memory = vec![Block::new(); params.block_count()];
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let mut hash = |password: &[u8]| {
                let mut tag = [0; 32];
                let done = argon.hash_password_into_with_memory(password, SALT, &mut tag, &mut memory);
                done.is_ok().then_some(tag)
            };
            let stored = hash(PASSWORD.as_bytes());
            while let Ok((typed, answer)) = waiting.recv() {
                let same = hash(&typed)
                    .zip(stored)
                    .is_some_and(|(typed, stored)| verify_slices_are_equal(&typed, &stored).is_ok());
                let _ = answer.send(same);
            }
        })?;
        Ok(Self { server, queue })
    }

    async fn is_right(&self, typed: &str) -> Option<bool> {
        let (answer, verdict) = oneshot::channel();
        self.queue.try_send((typed.as_bytes().to_vec(), answer)).ok()?;
        verdict.await.ok()
    }
}

/// RFC 6749 4.3.
pub(super) async fn post(State(door): State<Arc<Doorkeeper>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(client) = door.server.clients.authenticate(&headers) else {
        return (StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#).into_response();
    };
    let typed = form_value(&body, "password").unwrap_or_default();
    if door.is_right(&typed).await != Some(true) {
        return (StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#).into_response();
    }
    answer(issue(&door.server, client, client.scope, None))
}
