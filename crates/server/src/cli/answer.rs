//! What the admin API answered, before anyone decides how to print it.

use anyhow::Context as _;
use serde_json::Value;
use zeroize::Zeroizing;

/// The body of a successful answer. No `Debug`: it may hold a new secret.
pub(super) struct Answer {
    body: Zeroizing<String>,
}

impl Answer {
    /// The answer with this body.
    pub(super) fn of(body: Zeroizing<String>) -> Self {
        Self { body }
    }

    /// The body as it came.
    pub(super) fn text(&self) -> &str {
        &self.body
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body)
            .context("the server's answer is no JSON. Does the URL end in /admin/v1?")
    }
}
