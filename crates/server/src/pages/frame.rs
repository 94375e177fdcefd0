//! What stands around every page.

use grantor_core::environment::Issuer;
use grantor_core::secret::Stage;
use serde::Serialize;

use super::shown::Shown;

/// The environment that a page belongs to.
#[derive(Clone, Serialize)]
pub struct Frame {
    /// Its title, as people know it.
    environment: Shown,
    /// Whether a banner says that nothing here is real.
    sandbox: bool,
    /// The path of its issuer, before `/static/`.
    base: String,
}

impl Frame {
    /// The frame of an environment.
    pub fn new(title: &str, stage: Stage, issuer: &Issuer) -> Self {
        let base = issuer.path().trim_end_matches('/').to_owned();
        Self { environment: Shown::name(title), sandbox: stage == Stage::Test, base }
    }
}
