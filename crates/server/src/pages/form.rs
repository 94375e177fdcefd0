//! What every form carries, and what stands above it after it was sent.

use serde::Serialize;

use super::shown::Shown;

/// Where a form goes and what it carries unseen. No `Debug`: the token is a secret.
#[derive(Clone, Serialize)]
pub struct PageForm {
    /// The path that takes the form, by POST.
    pub action: String,
    /// The value of the hidden field `csrf`.
    pub csrf: String,
    /// The handle of the interaction, in the hidden field `i`; may be empty.
    pub interaction: String,
}

/// How loud a notice is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Tone {
    Error,
    Info,
}

/// A sentence above a form. It is read out by screen readers, takes the focus, and the fields point at it.
#[derive(Clone, Serialize)]
pub struct Notice {
    tone: Tone,
    text: Shown,
}

impl Notice {
    /// What went wrong and what to do next.
    pub fn error(text: &str) -> Self {
        Self { tone: Tone::Error, text: Shown::text(text) }
    }

    /// What has gone well.
    pub fn info(text: &str) -> Self {
        Self { tone: Tone::Info, text: Shown::text(text) }
    }
}
