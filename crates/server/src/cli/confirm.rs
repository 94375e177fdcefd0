//! Whether something that cannot be undone is really wanted.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::output::Output;

/// The flag of commands that cannot be undone.
#[derive(clap::Args)]
pub(super) struct Flag {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Asks on a terminal. Without a terminal nobody can answer, so nothing is asked: a script means what it says.
pub(super) fn confirm(flag: &Flag, question: &str, output: &mut Output<'_>) -> anyhow::Result<()> {
    if flag.yes || !io::stdin().is_terminal() {
        return Ok(());
    }
    output.ask(&format!("{question} [y/N]"))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if !is_yes(&answer) {
        anyhow::bail!("not confirmed, nothing was changed");
    }
    Ok(())
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_a_yes() {
        assert!(is_yes("y\n") && is_yes("YES\n"));
        assert!(!is_yes("\n") && !is_yes("") && !is_yes("n\n") && !is_yes("yellow\n"));
    }
}
