//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::ceiling::Kind;
use crate::postgres::PgServer;

/// How to call this program.
pub(crate) const USAGE: &str = "\
usage: grantor-bench [--seconds N] [--only P1,P3] [--apps N] [--postgres URL] [--json] [--ceilings]
       grantor-bench ceiling plain|es256|eddsa|rs256|durable|password --listen 127.0.0.1:PORT --data DIR

  --seconds N    length of each measured run, default 5
  --only LIST    only these goals (P1, P1b, P1c, P2, P3, P3b, P4, P4b, P5, P6, P7, P7b, P8, P9, P10, P11)
  --apps N       apps, and as many API keys, of the large installation of P5, P6 and P8, default 1000000; 0 leaves it out
  --postgres URL the PostgreSQL server of P4b, default GRANTOR_BENCH_POSTGRES; its user must be allowed to make
                 databases, and its password, if any, is seen in the list of processes; spoken to without TLS
  --ceilings     measure the ceilings alone, without Grantor
  --json         print one JSON object instead of the table";

/// The variable that stands for `--postgres`.
pub(crate) const POSTGRES: &str = "GRANTOR_BENCH_POSTGRES";

/// Every goal this program measures.
pub(crate) const GOALS: [&str; 16] =
    ["P1", "P1b", "P1c", "P2", "P3", "P3b", "P4", "P4b", "P5", "P6", "P7", "P7b", "P8", "P9", "P10", "P11"];

/// What the program is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Serve one ceiling, as a child process, with its files in this folder.
    Ceiling(Kind, SocketAddr, PathBuf),
    /// Measure.
    Measure(Options),
    /// Explain.
    Usage,
}

/// What to measure, and how to say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Length of each measured run.
    pub(crate) length: Duration,
    /// The goals asked for; empty means all.
    pub(crate) only: Vec<String>,
    /// Which servers take part.
    pub(crate) scope: Scope,
    /// Apps of the large installation, and as many keys; none if it is left out.
    pub(crate) apps: usize,
    /// The server of P4b.
    pub(crate) postgres: Option<PgServer>,
    /// Table or JSON.
    pub(crate) format: Format,
}

/// Which servers are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Ceilings and Grantor.
    Both,
    /// The ceilings alone.
    Ceilings,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

impl Options {
    /// Whether this goal is asked for.
    pub(crate) fn wants(&self, goal: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted.eq_ignore_ascii_case(goal))
    }
}

/// Reads the arguments after the program's name, and the value of [`POSTGRES`].
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>, postgres: Option<OsString>) -> Result<Task> {
    let mut arguments = arguments.into_iter().peekable();
    if arguments.next_if(|word| word == "ceiling").is_some() {
        let kind = arguments.next().context("which ceiling?")?.parse()?;
        ensure!(arguments.next().as_deref() == Some("--listen"), "a ceiling needs --listen ADDRESS:PORT");
        let address = arguments.next().context("--listen needs an address")?;
        let address = address.parse().with_context(|| format!("{address:?} is not an address"))?;
        ensure!(arguments.next().as_deref() == Some("--data"), "a ceiling needs --data DIR");
        let folder = arguments.next().context("--data needs a folder")?;
        return Ok(Task::Ceiling(kind, address, folder.into()));
    }
    let mut options = Options {
        length: Duration::from_secs(5),
        only: Vec::new(),
        scope: Scope::Both,
        apps: 1_000_000,
        postgres: None,
        format: Format::Table,
    };
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--seconds" => options.length = seconds(&arguments.next().context("--seconds needs a number")?)?,
            "--only" => options.only = goals(&arguments.next().context("--only needs a list")?)?,
            "--apps" => options.apps = number(&arguments.next().context("--apps needs a number")?)?,
            "--ceilings" => options.scope = Scope::Ceilings,
            "--postgres" => {
                let url = arguments.next().context("--postgres needs a URL")?;
                options.postgres = Some(url.parse().context("--postgres")?);
            }
            "--json" => options.format = Format::Json,
            "--help" | "-h" => return Ok(Task::Usage),
            other => bail!("unknown argument {other:?}\n{USAGE}"),
        }
    }
    if let (None, Some(url)) = (&options.postgres, postgres) {
        let url = url.to_str().with_context(|| format!("{POSTGRES} is not UTF-8"))?;
        options.postgres = Some(url.parse().context(POSTGRES)?);
    }
    Ok(Task::Measure(options))
}

fn seconds(word: &str) -> Result<Duration> {
    let seconds: f64 = word.parse().with_context(|| format!("{word:?} is not a number of seconds"))?;
    ensure!((0.1..=600.0).contains(&seconds), "--seconds must lie between 0.1 and 600");
    Ok(Duration::from_secs_f64(seconds))
}

fn number(word: &str) -> Result<usize> {
    let number = word.parse().with_context(|| format!("{word:?} is not a number of apps"))?;
    ensure!(number <= 10_000_000, "--apps must not be above 10000000");
    Ok(number)
}

fn goals(list: &str) -> Result<Vec<String>> {
    let goals: Vec<_> = list.split(',').map(|goal| goal.trim().to_owned()).collect();
    match goals.iter().find(|goal| !GOALS.iter().any(|known| known.eq_ignore_ascii_case(goal))) {
        Some(unknown) => bail!("{unknown:?} is not measured here; known are {}", GOALS.join(", ")),
        None => Ok(goals),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceiling::Algorithm;

    fn parsed(line: &str) -> Result<Task> {
        parse(line.split_whitespace().map(str::to_owned), None)
    }

    #[test]
    fn a_child_is_told_its_kind_address_and_folder() {
        let expected =
            Task::Ceiling(Kind::Signed(Algorithm::EdDsa), "127.0.0.1:9".parse().unwrap(), "d".into());
        assert_eq!(parsed("ceiling eddsa --listen 127.0.0.1:9 --data d").unwrap(), expected);
        assert!(parsed("ceiling eddsa").is_err());
        assert!(parsed("ceiling eddsa --listen 127.0.0.1:9").is_err());
        assert!(parsed("ceiling hs256 --listen 127.0.0.1:9 --data d").is_err());
    }

    #[test]
    fn goals_are_chosen_by_name_and_all_without_a_list() {
        let Ok(Task::Measure(some)) = parsed("--only p1,P3b --seconds 0.5 --json") else {
            panic!("not a measurement")
        };
        assert!(some.wants("P1") && some.wants("P3b") && !some.wants("P3"));
        assert_eq!((some.length, some.format), (Duration::from_millis(500), Format::Json));
        let Ok(Task::Measure(all)) = parsed("") else { panic!("not a measurement") };
        assert_eq!((some.apps, all.apps), (1_000_000, 1_000_000));
        assert!(GOALS.iter().all(|goal| all.wants(goal)));
    }

    #[test]
    fn the_postgresql_server_comes_from_the_option_else_from_the_variable() {
        let server = |line: &str, variable: Option<&str>| {
            let task = parse(line.split_whitespace().map(str::to_owned), variable.map(OsString::from));
            let Ok(Task::Measure(options)) = task else { panic!("not a measurement") };
            options.postgres
        };
        let (one, two) = ("postgres://u@one/postgres", "postgres://u@two/postgres");
        assert_eq!(server("", None), None);
        assert_eq!(server("", Some(two)), Some(two.parse().unwrap()));
        assert_eq!(server(&format!("--postgres {one}"), Some(two)), Some(one.parse().unwrap()));
        // An empty variable is a mistake, not a wish to leave the goal out.
        assert!(parse(Vec::new(), Some(OsString::new())).is_err());
        assert!(parsed("--postgres").is_err());
    }

    #[test]
    fn a_misspelt_goal_or_flag_is_an_error_and_not_an_empty_table() {
        for line in
            ["--only P99", "--only", "--seconds 0", "--seconds NaN", "--second 3", "--apps many", "run"]
        {
            assert!(parsed(line).is_err(), "{line:?} was accepted");
        }
    }
}
