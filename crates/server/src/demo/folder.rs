//! Where the demo keeps its files, and what is shown again after a restart: the operator token and the passwords of the
//! people. The database knows only their hashes.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use grantor_core::env::Random;
use zeroize::Zeroizing;

/// Passwords by address.
pub(super) type Passwords = BTreeMap<String, Zeroizing<String>>;

/// The file of the people's passwords: a line for each, address and password.
const PASSWORDS: &str = "passwords";

/// The folder of the demo's files.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The given folder, made if it is missing; without one a fresh folder among the system's temporary files. New
    /// folders are for their owner only.
    ///
    /// # Errors
    /// What the file system refuses.
    pub(super) fn open(given: Option<PathBuf>, rng: &mut dyn Random) -> anyhow::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        let path = match given {
            Some(path) => {
                builder.recursive(true);
                path
            }
            // Without `recursive` a folder that somebody else has put there is refused, not used.
            None => std::env::temp_dir().join(format!("grantor-demo-{}", random_name(rng))),
        };
        builder.create(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The absolute path of the folder of mails, made if it is missing: whoever watches it may begin before the first mail.
    ///
    /// # Errors
    /// What the file system refuses.
    pub(super) fn mails(&self) -> anyhow::Result<PathBuf> {
        let path = self.0.join("mail");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the folder {}", path.display()))?;
        std::path::absolute(&path).with_context(|| format!("cannot find the folder {}", path.display()))
    }

    /// The passwords of earlier starts, by address; none at the first start.
    ///
    /// # Errors
    /// What the file system refuses, and a damaged file.
    pub(super) fn passwords(&self) -> anyhow::Result<Passwords> {
        let file = self.0.join(PASSWORDS);
        let text = match fs::read_to_string(&file).map(Zeroizing::new) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Passwords::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let pair = |line: &str| {
            let (email, password) = line.split_once(' ')?;
            Some((email.to_owned(), Zeroizing::new(password.to_owned())))
        };
        let all: Option<Passwords> = text.lines().map(pair).collect();
        all.with_context(|| format!("{} is damaged. Remove it: new passwords are made then", file.display()))
    }

    /// Keeps passwords for the next start.
    ///
    /// # Errors
    /// What the file system refuses.
    pub(super) fn keep_passwords(&self, passwords: &Passwords) -> anyhow::Result<()> {
        let file = self.0.join(PASSWORDS);
        let lines: Vec<_> = passwords
            .iter()
            .map(|(email, password)| Zeroizing::new(format!("{email} {}", **password)))
            .collect();
        let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
        let text = Zeroizing::new(lines.join("\n"));
        keep(&file, &text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// The operator token: the one just made, which is kept, or the one of an earlier start.
    ///
    /// # Errors
    /// An operator without a kept token, and what the file system refuses.
    pub(super) fn operator_token(
        &self,
        made: Option<Zeroizing<String>>,
    ) -> anyhow::Result<Zeroizing<String>> {
        let file = self.0.join("operator-token");
        if let Some(token) = made {
            keep(&file, &token).with_context(|| format!("cannot write {}", file.display()))?;
            return Ok(token);
        }
        match fs::read_to_string(&file).map(Zeroizing::new) {
            Ok(text) => Ok(Zeroizing::new(text.trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "the database has an operator, but the token of the first start is not in {}. Start with \
                 --data and the folder of the first start, or with a fresh folder and a fresh database",
                file.display()
            ),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }
}

/// Private before the first byte is in it, also where the file was there already. The name appears only when the text
/// is whole and durable: what is in it cannot be had again.
fn keep(file: &Path, text: &str) -> std::io::Result<()> {
    let part = file.with_extension("part");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    out.set_permissions(Permissions::from_mode(0o600))?;
    writeln!(out, "{text}")?;
    out.sync_all()?;
    fs::rename(&part, file)
}

fn random_name(rng: &mut dyn Random) -> String {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::OsRandom;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn token(text: &str) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn a_fresh_folder_is_new_each_time_and_for_its_owner_only() {
        let (one, other) = (
            Folder::open(None, &mut OsRandom::new()).unwrap(),
            Folder::open(None, &mut OsRandom::new()).unwrap(),
        );
        assert_ne!(one.path(), other.path());
        assert_eq!(mode(one.path()), 0o700);
        for folder in [one, other] {
            fs::remove_dir(folder.path()).unwrap();
        }
    }

    #[test]
    fn a_given_folder_is_made_once_and_used_again() {
        let place = tempfile::tempdir().unwrap();
        let given = place.path().join("a/b");
        for _ in 0..2 {
            assert_eq!(Folder::open(Some(given.clone()), &mut OsRandom::new()).unwrap().path(), given);
        }
    }

    #[test]
    fn the_operator_token_of_the_first_start_is_the_token_of_the_second() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(place.path().to_owned()), &mut OsRandom::new()).unwrap();
        assert_eq!(*folder.operator_token(token("first")).unwrap(), "first");
        assert_eq!(*folder.operator_token(None).unwrap(), "first");
        assert_eq!(mode(&place.path().join("operator-token")), 0o600);
    }

    #[test]
    fn a_file_that_others_could_read_is_made_private_before_a_token_is_in_it() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("operator-token");
        for name in ["operator-token", "operator-token.part"] {
            fs::write(place.path().join(name), "old").unwrap();
            fs::set_permissions(place.path().join(name), Permissions::from_mode(0o644)).unwrap();
        }
        let folder = Folder::open(Some(place.path().to_owned()), &mut OsRandom::new()).unwrap();
        folder.operator_token(token("new")).unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(fs::read_to_string(file).unwrap(), "new\n");
    }

    #[test]
    fn passwords_are_kept_for_their_owner_only_and_read_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(place.path().to_owned()), &mut OsRandom::new()).unwrap();
        assert!(folder.passwords().unwrap().is_empty(), "at the first start");
        let word = |text: &str| Zeroizing::new(text.to_owned());
        let both = Passwords::from([
            ("a@a.test".to_owned(), word("one-two")),
            ("b@a.test".to_owned(), word("three four")),
        ]);
        folder.keep_passwords(&both).unwrap();
        assert!(folder.passwords().unwrap() == both);
        assert_eq!(mode(&place.path().join("passwords")), 0o600);
        fs::write(place.path().join("passwords"), "damaged\n").unwrap();
        assert!(folder.passwords().unwrap_err().to_string().contains("Remove it"));
    }

    #[test]
    fn the_folder_of_mails_is_there_from_the_start_and_for_its_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(place.path().to_owned()), &mut OsRandom::new()).unwrap();
        for _ in 0..2 {
            assert_eq!(mode(&folder.mails().unwrap()), 0o700);
        }
    }

    #[test]
    fn an_operator_whose_token_is_gone_is_told_with_the_next_step() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(place.path().to_owned()), &mut OsRandom::new()).unwrap();
        let error = folder.operator_token(None).unwrap_err().to_string();
        assert!(error.contains("operator-token") && error.contains("--data"), "{error}");
    }
}
