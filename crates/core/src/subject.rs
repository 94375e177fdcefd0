//! Subject identifiers (OpenID Connect Core 8): public ones are the user's id, pairwise ones belong to a sector.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::client_metadata::SubjectType;
use crate::id::UserId;

/// The key of an environment's pairwise subjects. It never rotates: with another key every app would meet strangers.
pub struct PairwiseKey(hmac::Key);

impl PairwiseKey {
    /// A key of 32 random bytes.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }
}

/// What an app is told as the user's subject. Begins with `usr_` in both forms, which no client id may (RFC 9700 4.15).
pub fn subject(user: UserId, app: &App, key: &PairwiseKey) -> String {
    match (app.metadata.subject_type, app.metadata.sector()) {
        (SubjectType::Public, _) => user.to_string(),
        (SubjectType::Pairwise, sector) => {
            let mut context = hmac::Context::with_key(&key.0);
            // An app whose redirect URIs have lost their common host falls back to a sector of its own.
            context.update(sector.unwrap_or(app.client_id.as_str()).as_bytes());
            context.update(b"\0");
            context.update(&user.bytes());
            format!("usr_{}", URL_SAFE_NO_PAD.encode(context.sign().as_ref()))
        }
    }
}
