//! What a process knows of the audit's chain: who it is among those that may link, how far it has seen the chain, and the key
//! that signs checkpoints, once it was opened.

use std::sync::Arc;

use grantor_core::env::Random;
use grantor_jose::SigningKey;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// See the head of this file.
pub struct AuditKeeper {
    /// This process, in a lease.
    pub holder: [u8; 16],
    /// The key of the installation. No `Debug`.
    pub key: OnceCell<Arc<SigningKey>>,
    seen: Mutex<i64>,
}

impl AuditKeeper {
    /// A process that has seen nothing yet.
    pub fn new(rng: &mut dyn Random) -> Self {
        let mut holder = [0; 16];
        rng.fill(&mut holder);
        Self { holder, key: OnceCell::new(), seen: Mutex::new(0) }
    }

    /// The right to link, within this process, with the highest number that it has seen signed.
    pub async fn turn(&self) -> MutexGuard<'_, i64> {
        self.seen.lock().await
    }
}
