//! Mails as files: for a demo, for tests, and for installations where another program sends.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::message::compose;
use super::{MailError, OutgoingMail};
use crate::config::{MailFolder, Sender};

/// A folder with one file `ID.eml` for each mail, in the order of time.
pub struct Folder {
    folder: PathBuf,
    from: Sender,
}

impl Folder {
    pub(super) fn new(config: &MailFolder) -> Self {
        Self { folder: config.folder.clone(), from: config.from.clone() }
    }

    pub(super) async fn write(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        let bytes = compose(mail, &self.from)?.formatted();
        let (folder, id) = (self.folder.clone(), mail.id);
        let written = tokio::task::spawn_blocking(move || write(&folder, id, &bytes)).await;
        written.map_err(io::Error::other)?.map_err(MailError::from)
    }
}

/// Writes the whole file under another name first: who watches the folder sees whole mails only. The mail holds links
/// that open accounts, so it is for its owner alone.
fn write(folder: &Path, id: Uuid, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = folder.join(format!(".{id}.unfinished"));
    // Left by a try that was cut off. A new file has our mode and is no link.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(format!("{id}.eml")))
}
