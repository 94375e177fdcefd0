//! The one place that reads the process's environment.

/// A variable's value; `None` if it is not set or not UTF-8.
#[expect(clippy::disallowed_methods, reason = "the one place of the command line that reads the environment")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The names of all variables.
pub(super) fn names() -> impl Iterator<Item = String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())
}
