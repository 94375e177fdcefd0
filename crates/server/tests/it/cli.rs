//! The real binary as people and scripts meet it: arguments, variables, standard streams, signals, exit codes.

mod audit;
mod commands;
mod credentials;
mod demo;
mod floods;
mod https;
mod incidents;
mod installation;
mod partner;
mod people;
mod postgresql;
mod process;
mod targets;
mod tokens;
mod webhooks;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use grantor_testkit::Server;
use serde_json::Value;

/// The binary in a folder of its own, with no variable but the path and a home without any file.
fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// How a command ended. No `Debug`: it may hold a secret.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the binary writes UTF-8");
        Self {
            code: output.status.code().expect("no signal ended the command"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// The only line of standard output as JSON.
    fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one line of JSON");
        serde_json::from_str(&self.out).expect("standard output is JSON")
    }

    /// The cells of standard output, which must be plain: tabs, no colour, no header.
    fn rows(&self) -> Vec<Vec<&str>> {
        assert!(!self.out.contains('\u{1b}') && !self.err.contains('\u{1b}'), "a pipe got colours");
        self.out.lines().map(|line| line.split('\t').collect()).collect()
    }
}

/// Runs to the end.
fn run(command: &mut Command) -> Ran {
    Ran::of(command.output().expect("the binary starts"))
}

/// Runs to the end with a text on standard input.
fn run_with_input(command: &mut Command, input: &str) -> Ran {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    // A command that does not read its input may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Ran::of(child.wait_with_output().expect("the binary ends"))
}

/// The binary as the operator of a server.
fn operator(server: &Server) -> Command {
    let operator = &server.contract()["operator"];
    let text = |name: &str| operator[name].as_str().expect("the operator's URL and token are text");
    let mut command = binary(server.folder());
    command.env("GRANTOR_URL", text("api_url")).env("GRANTOR_TOKEN", text("api_token"));
    command
}

/// One command of the operator, its words separated by spaces.
fn grantor(server: &Server, line: &str) -> Ran {
    run(operator(server).args(line.split(' ')))
}

/// One command of the operator that must work.
fn done(server: &Server, line: &str) -> Ran {
    let ran = grantor(server, line);
    assert_eq!(ran.code, 0, "grantor {line}: {}", ran.err);
    ran
}

/// One command of the operator that must fail, with what it says.
fn refused(server: &Server, line: &str) -> String {
    let ran = grantor(server, line);
    assert_eq!(ran.code, 1, "grantor {line}: {}", ran.err);
    assert_eq!(ran.out, "", "results are for what was done");
    ran.err
}
