//! The files of one database: who may write (one process), who may read (the owner), and whole copies of it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::store::sql::StoreError;

/// The real path of a database: two names of one file must meet at one lock.
pub(super) fn real_path(path: &Path) -> Result<PathBuf, StoreError> {
    let resolved = fs::canonicalize(path).or_else(|error| match path.file_name() {
        Some(name) if error.kind() == io::ErrorKind::NotFound => {
            fs::canonicalize(directory_of(path)).map(|directory| directory.join(name))
        }
        _ => Err(error),
    });
    resolved.map_err(|error| unavailable(path, "cannot be opened", &error))
}

/// Takes the lock beside the database for as long as the returned file lives. It must come before anything opens the
/// database: closing any descriptor of that file drops the POSIX locks that this process has on it.
pub(super) fn lock_for_writing(database: &Path) -> Result<File, StoreError> {
    let path = with_suffix(database, ".lock");
    let file = private().create(true).open(&path);
    let file = file.map_err(|error| unavailable(&path, "cannot be opened", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable(format!(
            "another process has {} open for writing (it holds {})",
            database.display(),
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(unavailable(&path, "cannot be locked", &error)),
    }
}

/// Makes an empty database file that only its owner can read, if there is none. SQLite gives its log the same mode.
pub(super) fn create_private(path: &Path) -> Result<(), StoreError> {
    match private().create_new(true).open(path) {
        Ok(_) => sync_directory(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unavailable(path, "cannot be created", &error)),
    }
}

/// Copies a live database, log included, into one file of mode 0600. The name appears only when the copy is whole
/// and durable; what had that name before is replaced.
pub(in crate::store) fn copy_database(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let part = with_suffix(to, ".part");
    if let Err(error) = fs::remove_file(&part)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(unavailable(&part, "cannot be replaced", &error));
    }
    create_private(&part)?;
    let copied = copy_pages(from, &part).and_then(|()| {
        let moved = File::open(&part).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&part, to));
        moved.map_err(|error| unavailable(to, "cannot be written", &error))?;
        sync_directory(to)
    });
    if copied.is_err() {
        // Best effort: the error that is returned says more than this one would.
        let _ = fs::remove_file(&part);
    }
    copied
}

/// `path` with something after its full name: `a.db` and `.lock` make `a.db.lock`.
pub(in crate::store) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn copy_pages(from: &Connection, part: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| super::session::store_error("backup", &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(part, flags).map_err(failed)?;
    let step = {
        // All pages in one step, so from one snapshot: with several, each commit between two steps would make the
        // engine begin again. In WAL mode the writer does not wait meanwhile.
        let backup = Backup::new(from, &mut copy).map_err(failed)?;
        backup.step(-1).map_err(failed)?
    };
    copy.close().map_err(|(_, error)| failed(error))?;
    match step {
        StepResult::Done => Ok(()),
        _ => Err(StoreError::Unavailable("backup: the database was busy".into())),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A new name is durable only once its directory is.
fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let synced = File::open(directory_of(path)).and_then(|directory| directory.sync_all());
    synced.map_err(|error| unavailable(path, "its directory cannot be flushed", &error))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unavailable(path: &Path, what: &str, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{} {what}: {error}", path.display()))
}
