//! Secrets that come in: by variable, file or standard input, never by flag, because flags are seen by every process.

use std::fs;
use std::io::{self, IsTerminal as _, Read as _};

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::failure::Misuse;

/// The value of a variable or of the file that its `_FILE` twin names; `None` if neither is set.
pub(super) fn from_variable(
    name: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    let read = |name: &str| variable(name).filter(|value| !value.is_empty());
    let twin = format!("{name}_FILE");
    match (read(name).map(Zeroizing::new), read(&twin)) {
        (Some(_), Some(_)) => Err(Misuse(format!("both {name} and {twin} are set; set one of them")).into()),
        (Some(value), None) => Ok(Some(value)),
        (None, Some(path)) => {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path} ({twin})"))?;
            Ok(Some(without_line_end(Zeroizing::new(text))))
        }
        (None, None) => Ok(None),
    }
}

/// What standard input holds, without the line end. On a terminal nobody would know what is waited for.
pub(super) fn from_stdin(what: &str) -> anyhow::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        return Err(
            Misuse(format!("give {what} on standard input, for example from a file or a pipe")).into()
        );
    }
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
    let text = without_line_end(text);
    if text.is_empty() {
        return Err(Misuse(format!("standard input is empty; {what} was expected there")).into());
    }
    Ok(text)
}

/// Only the line end: a secret may begin or end with a space.
fn without_line_end(text: Zeroizing<String>) -> Zeroizing<String> {
    Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> anyhow::Result<Option<String>> {
        let find =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Ok(from_variable("SECRET", &find)?.map(|text| text.to_string()))
    }

    #[test]
    fn a_variable_or_its_file_but_not_both() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), " s3cret \r\n").unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(read(&[("SECRET", "a")]).unwrap().as_deref(), Some("a"));
        assert_eq!(read(&[("SECRET_FILE", path)]).unwrap().as_deref(), Some(" s3cret "));
        assert_eq!(read(&[("SECRET", ""), ("SECRET_FILE", "")]).unwrap(), None);
        assert!(read(&[("SECRET", "a"), ("SECRET_FILE", path)]).is_err());
        let told = format!("{:#}", read(&[("SECRET_FILE", "/nowhere/s")]).unwrap_err());
        assert!(told.contains("/nowhere/s (SECRET_FILE)"), "{told}");
    }
}
