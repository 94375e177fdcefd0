//! The intake of leaks: the settings of the section `[leaks]`.

use std::path::PathBuf;

use grantor_core::email::EmailAddress;

use super::layers::Layers;
use super::refusal::ConfigError;
use super::{Effective, PathText, note_optional, setting};

/// Section `[leaks]`: how we hear of leaked credentials, and who is told.
#[derive(Debug, Clone, Default)]
pub struct Leaks {
    /// The file with the keys of GitHub's secret scanning; `None` leaves its address closed.
    pub github_keys: Option<PathBuf>,
    /// Who is told of every incident, beside the tenant's admins.
    pub notify: Option<EmailAddress>,
}

impl Leaks {
    /// Reads the section.
    pub(super) fn read(layers: &Layers<'_>, effective: &mut Vec<Effective>) -> Result<Self, ConfigError> {
        let keys = layers.resolve_optional::<PathText>(&setting::LEAKS_GITHUB_KEYS);
        let keys = note_optional(effective, &setting::LEAKS_GITHUB_KEYS, keys)?;
        let notify = layers.resolve_optional::<EmailAddress>(&setting::LEAKS_NOTIFY);
        let notify = note_optional(effective, &setting::LEAKS_NOTIFY, notify)?;
        Ok(Self { github_keys: keys.map(|path| path.0), notify })
    }
}
