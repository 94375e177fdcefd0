//! The folder with which an operator makes the pages look like their own. Its file names are ours, none comes from input.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{PARTS, TEMPLATES};

/// Longest file of a theme, in bytes.
const LONGEST: u64 = 256 * 1024;
/// What a theme may hold beside templates.
const PICTURES_AND_STYLE: [&str; 4] = ["grantor.css", "icon.svg", "logo.png", "logo.svg"];
/// The folder of the mail templates.
const MAIL: &str = "mail";
/// The folder of the articles of the documentation.
const DOCS: &str = "docs";
/// The beginning of a mail template: its first line is the subject.
pub(super) const SUBJECT: &str = "Subject: ";

/// Why the pages cannot be prepared. Each text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// The folder or a file in it cannot be read.
    #[error("the theme's {} cannot be read", path.display())]
    Unreadable {
        /// What cannot be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that nothing would ever read, maybe misspelt.
    #[error("the theme holds {name:?}, which no page uses; remove it, or take one of the names: {known}")]
    UnknownFile {
        /// Its name in the folder.
        name: String,
        /// The names that are read.
        known: String,
    },
    /// A file is too long to be held in memory and sent with every page.
    #[error("the theme's {name} is longer than {LONGEST} bytes; make it smaller")]
    TooLong {
        /// Its name in the folder.
        name: &'static str,
    },
    /// A template that is no text.
    #[error("the theme's {name} is not UTF-8 text")]
    NotText {
        /// Its name in the folder.
        name: &'static str,
    },
    /// Which logo is meant is not clear.
    #[error("the theme holds logo.svg and logo.png; remove one of them")]
    TwoLogos,
    /// A mail without subject.
    #[error("the theme's {name} does not begin with a line \"Subject: ...\"")]
    NoSubject {
        /// Its name in the folder.
        name: &'static str,
    },
    /// A template does not parse.
    #[error("the theme's {name} is no valid template: {source}")]
    Template {
        /// Its name in the folder.
        name: &'static str,
        /// Where and why.
        source: Box<minijinja::Error>,
    },
    /// A template uses a name that its page does not have.
    #[error("the theme's {name} uses {unknown:?}, which this page does not have; it has: {known}")]
    UnknownName {
        /// The file's name in the folder.
        name: &'static str,
        /// The name in the template.
        unknown: String,
        /// The names that it may use.
        known: String,
    },
}

/// The files of a theme, read and measured, by name.
pub(super) struct Theme(BTreeMap<&'static str, Vec<u8>>);

impl Theme {
    /// Reads a folder. Files whose names begin with a dot and `README.md` are passed over.
    pub(super) fn read(folder: &Path) -> Result<Self, PagesError> {
        let mut files = BTreeMap::new();
        for name in names_in(folder)? {
            let known = known_names().find(|known| *known == name);
            let known = known.ok_or_else(|| unknown_file(name))?;
            files.insert(known, read_file(&folder.join(known), known)?);
        }
        let theme = Self(files);
        if theme.file("logo.svg").is_some() && theme.file("logo.png").is_some() {
            return Err(PagesError::TwoLogos);
        }
        for (name, source) in &theme.0 {
            if is_template(name) && std::str::from_utf8(source).is_err() {
                return Err(PagesError::NotText { name });
            }
            if name.starts_with(MAIL) && !source.starts_with(SUBJECT.as_bytes()) {
                return Err(PagesError::NoSubject { name });
            }
        }
        Ok(theme)
    }

    /// A picture or the style sheet.
    pub(super) fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// The replaced templates: name and source.
    pub(super) fn templates(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let templates = self.0.iter().filter(|(name, _)| is_template(name));
        templates.filter_map(|(name, source)| Some((*name, std::str::from_utf8(source).ok()?)))
    }
}

fn is_template(name: &str) -> bool {
    !PICTURES_AND_STYLE.contains(&name)
}

fn known_names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().chain(PARTS).map(|(name, _)| *name).chain(PICTURES_AND_STYLE)
}

fn unknown_file(name: String) -> PagesError {
    PagesError::UnknownFile { name, known: known_names().collect::<Vec<_>>().join(", ") }
}

/// What the folder and its folders of mails and articles hold.
fn names_in(folder: &Path) -> Result<Vec<String>, PagesError> {
    let mut names = entries(folder)?;
    for inner in [MAIL, DOCS] {
        if let Some(position) = names.iter().position(|name| name == inner) {
            names.swap_remove(position);
            names.extend(entries(&folder.join(inner))?.into_iter().map(|name| format!("{inner}/{name}")));
        }
    }
    Ok(names)
}

fn entries(folder: &Path) -> Result<Vec<String>, PagesError> {
    let unreadable = |source| PagesError::Unreadable { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        // Mounted folders keep their versions in names that begin with dots.
        if !name.starts_with('.') && name != "README.md" {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read_file(path: &Path, name: &'static str) -> Result<Vec<u8>, PagesError> {
    let unreadable = |source| PagesError::Unreadable { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > LONGEST {
        return Err(PagesError::TooLong { name });
    }
    fs::read(path).map_err(unreadable)
}
