//! How a command ends, and how a failure is told: the cause and the next step.

use std::io;
use std::process::ExitCode;

use serde_json::Value;
use zeroize::Zeroizing;

use super::output::{Output, Shape};

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Exit code 0.
    Done,
    /// Exit code 1.
    Failed,
    /// Exit code 2.
    Misused,
}

impl Ending {
    /// The exit code.
    pub(super) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misused => 2,
        })
    }
}

/// The command was used wrongly; the text says how to use it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misuse(pub(super) String);

/// The command failed and has already said why.
#[derive(Debug, thiserror::Error)]
#[error("failed")]
pub(super) struct AlreadyTold;

/// The server refused. No `Debug` of the body: it may repeat what was sent.
#[derive(thiserror::Error)]
#[error("{text}")]
pub(super) struct Refusal {
    /// For people.
    pub(super) text: String,
    /// The body as it came, for `--json`.
    pub(super) body: Zeroizing<String>,
}

impl std::fmt::Debug for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refusal").field("text", &self.text).finish_non_exhaustive()
    }
}

/// Tells the error and says how the process ends.
pub(super) fn tell(error: anyhow::Error, output: &mut Output<'_>) -> Ending {
    if error.downcast_ref::<AlreadyTold>().is_some() {
        return Ending::Failed;
    }
    // `grantor app list | head -1` closes the pipe early; that is how pipes are used.
    let closed_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    if closed_pipe(error.root_cause()) && error.chain().count() == 1 {
        return Ending::Done;
    }
    if let Some(refusal) = error.downcast_ref::<Refusal>()
        && output.shape() == Shape::Json
        && serde_json::from_str::<Value>(&refusal.body).is_ok()
    {
        // Nothing can be done about a standard output that is gone.
        let _ = output.line(&refusal.body);
    }
    let _ = output.error(&format!("{error:#}"));
    if error.downcast_ref::<Misuse>().is_some() { Ending::Misused } else { Ending::Failed }
}

#[cfg(test)]
mod tests {
    use super::super::output::Colour;
    use super::*;

    fn told(shape: Shape, error: anyhow::Error) -> (Ending, String, String) {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let ending = tell(error, &mut Output::new(shape, Colour::Off, &mut out, &mut notes));
        (ending, String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap())
    }

    #[test]
    fn misuse_ends_with_2_and_failure_with_1() {
        assert_eq!(told(Shape::Plain, Misuse("no server".into()).into()).0, Ending::Misused);
        let failed = told(Shape::Plain, anyhow::anyhow!("inner").context("outer"));
        assert_eq!(failed, (Ending::Failed, String::new(), "error: outer: inner\n".to_owned()));
    }

    #[test]
    fn a_refusal_keeps_its_json_for_programs_and_only_for_them() {
        let refusal = || Refusal { text: "taken".into(), body: Zeroizing::new(r#"{"status":409}"#.into()) };
        let (ending, out, notes) = told(Shape::Json, refusal().into());
        assert_eq!(
            (ending, out.as_str(), notes.as_str()),
            (Ending::Failed, "{\"status\":409}\n", "error: taken\n")
        );
        assert_eq!(told(Shape::Plain, refusal().into()).1, "");
    }

    #[test]
    fn a_closed_pipe_of_ours_is_no_failure_but_one_on_the_way_to_the_server_is() {
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(told(Shape::Plain, closed().into()).0, Ending::Done);
        assert_eq!(told(Shape::Plain, anyhow::Error::from(closed()).context("sending")).0, Ending::Failed);
    }

    #[test]
    fn what_was_already_told_is_not_told_again() {
        assert_eq!(told(Shape::Plain, AlreadyTold.into()), (Ending::Failed, String::new(), String::new()));
    }
}
