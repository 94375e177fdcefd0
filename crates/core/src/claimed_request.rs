//! A request that is carried out once, however often it comes: whoever did not hear the answer asks again with the same
//! `Idempotency-Key`.

use crate::env::UnixMillis;

/// How long an answer is kept, in seconds.
pub const KEPT_SECONDS: i64 = 24 * 3600;

/// That a request is carried out.
#[derive(Debug, Clone)]
pub struct ClaimedRequest {
    /// Keyed hash of the caller, the method, the path and the `Idempotency-Key`.
    pub key: [u8; 32],
    /// Keyed hash of its body: the same key with another body is a mistake. Keyed, because a body may hold a password.
    pub body: [u8; 32],
    /// When.
    pub at: UnixMillis,
}

/// What was answered.
#[derive(Clone)]
pub struct KeptAnswer {
    /// As in [`ClaimedRequest`].
    pub key: [u8; 32],
    /// The answer under the master key: it may hold a secret that is shown once.
    pub sealed: Vec<u8>,
}
