//! Each page as people get it: hostile values, screen readers, themes. `gallery` writes them to `target/test-pages`.

mod accessible;
mod gallery;
mod headers;
mod hostile;
mod mails;
mod markdown;
mod markup;
mod samples;
mod statics;
mod themes;
mod words;

use super::Pages;

/// The pages as we ship them.
fn pages() -> Pages {
    Pages::load(None).unwrap()
}
