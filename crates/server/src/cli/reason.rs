//! Why something is suspended, resumed or closed.

use serde_json::{Value, json};

/// The flag of commands that stop a partner or let it go on.
#[derive(clap::Args)]
pub(super) struct Reason {
    /// Why: for the audit, and for the mail to those who answer for the tenant
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Reason {
    /// What is sent.
    pub(super) fn body(self) -> Value {
        self.reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }))
    }
}
