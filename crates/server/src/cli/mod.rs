//! The command line: `grantor <noun> <verb>`. A client of the admin API, by HTTP or in-process with `--offline`, and
//! the commands that start a server.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage. Results go to standard output, everything else to standard error.

mod access;
mod activity;
mod admin;
mod answer;
mod app;
mod apply;
mod audit;
mod audit_verify;
mod case;
mod config;
mod confirm;
mod context;
mod demo;
mod doctor;
mod document;
mod environment;
mod failure;
mod get;
mod http_client;
mod incident;
mod init;
mod key;
mod manifest_file;
mod operator;
mod output;
mod reason;
mod secret_input;
mod serve;
mod signing_key;
mod static_config;
mod tenant;
mod token;
mod token_get;
mod token_inspect;
mod user;
mod webhook;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use admin::Admin;
use failure::Ending;
use output::{Colour, Output, Shape};

/// Grantor: the credential layer in front of an API.
#[derive(Parser)]
#[command(name = "grantor", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags that every command takes.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The admin API, for example https://auth.example.com/admin/v1 [env: GRANTOR_URL]
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// File with the operator token [env: GRANTOR_TOKEN, GRANTOR_TOKEN_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// File with url, token or token_file, and env [default: ~/.config/grantor/context.toml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    context: Option<PathBuf>,
    /// The environment to work in [env: GRANTOR_ENV] [default: production]
    #[arg(long, global = true, value_name = "NAME")]
    env: Option<String>,
    /// Work on the database of --config directly, while no server runs on it
    #[arg(long, global = true, conflicts_with_all = ["url", "token_file"])]
    offline: bool,
    /// The configuration file [env: GRANTOR_CONFIG] [default: /etc/grantor/grantor.toml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the API's JSON unchanged
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on one port, with example data
    Demo(demo::Flags),
    /// Prepare the database, the master key and the first operator
    Init(init::Flags),
    /// Run the server
    Serve(static_config::SettingFlags),
    /// The static configuration: check it, show it, begin one
    #[command(subcommand)]
    Config(config::Command),
    /// Bring environments, profiles, APIs, tenants, accesses, apps, users and documents to the state that manifests describe
    Apply(apply::Flags),
    /// Print what there is as a manifest for `apply`
    Get(get::Flags),
    /// Apps: the clients of an environment
    #[command(subcommand)]
    App(app::Command),
    /// API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Cases: what tenants ask the provider's team for
    #[command(subcommand)]
    Case(case::Command),
    /// Tenants: partner organisations
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// What tenants may do with APIs: applications, approvals, contracts
    #[command(subcommand)]
    Access(access::Command),
    /// Users: people who sign in to apps
    #[command(subcommand)]
    User(user::Command),
    /// Documents that users accept
    #[command(subcommand)]
    Document(document::Command),
    /// Credentials that have leaked, and what was done about them
    #[command(subcommand)]
    Incident(incident::Command),
    /// Webhooks: addresses that hear of events
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Operators: the provider's team, and programs of theirs
    #[command(subcommand)]
    Operator(operator::Command),
    /// Access tokens: get, inspect, revoke
    #[command(subcommand)]
    Token(token::Command),
    /// Keys that sign and seal tokens, and the pepper of stored hashes
    #[command(subcommand)]
    SigningKey(signing_key::Command),
    /// The audit: who did what, and the proof that it was not changed since
    #[command(subcommand)]
    Audit(audit::Command),
    /// Check the installation
    Doctor,
}

/// What a command works with.
struct Session<'a> {
    global: Global,
    output: Output<'a>,
}

impl Session<'_> {
    /// The admin API that flags, environment and context file name.
    async fn admin(&mut self) -> anyhow::Result<Admin> {
        let target = context::target(&self.global, &environment::variable)?;
        match target {
            context::Target::Remote(remote) => {
                if remote.travels_in_clear() {
                    self.output.note("warning: the operator token travels in clear; use https")?;
                }
                Admin::remote(remote)
            }
            context::Target::Offline { environment } => {
                let config = static_config::load(&self.global, crate::config::Overrides::default())?;
                Admin::offline(crate::offline::router(&config).await?, environment)
            }
        }
    }
}

/// Runs the command line with these arguments; the first one is the program's name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(refusal) => {
            // Help and version arrive here too, with exit code 0. A closed pipe is no reason to fail.
            let _ = refusal.print();
            return ExitCode::from(u8::try_from(refusal.exit_code()).unwrap_or(2));
        }
    };
    let (mut out, mut notes) = (io::stdout(), io::stderr());
    let shape = Shape::choose(cli.global.json, io::stdout().is_terminal());
    let no_colour = environment::variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = Colour::choose(no_colour, io::stdout().is_terminal() && io::stderr().is_terminal());
    let mut session =
        Session { global: cli.global, output: Output::new(shape, colour, &mut out, &mut notes) };
    let ended = run(&mut session, cli.command);
    let ending = ended.err().map_or(Ending::Done, |error| failure::tell(error, &mut session.output));
    ending.exit_code()
}

fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let serves = matches!(command, Command::Demo(_) | Command::Serve(_));
    let mut runtime = if serves {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    runtime.enable_all().build()?.block_on(dispatch(session, command))
}

async fn dispatch(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(flags) => demo::run(session, flags).await,
        Command::Init(flags) => init::run(session, flags).await,
        Command::Serve(flags) => serve::run(session, flags).await,
        Command::Config(command) => config::run(session, command),
        Command::Apply(flags) => apply::run(session, flags).await,
        Command::Get(flags) => get::run(session, flags).await,
        Command::App(command) => app::run(session, command).await,
        Command::Key(command) => key::run(session, command).await,
        Command::Case(command) => case::run(session, command).await,
        Command::Tenant(command) => tenant::run(session, command).await,
        Command::Access(command) => access::run(session, command).await,
        Command::User(command) => user::run(session, command).await,
        Command::Document(command) => document::run(session, command).await,
        Command::Incident(command) => incident::run(session, command).await,
        Command::Webhook(command) => webhook::run(session, command).await,
        Command::Operator(command) => operator::run(session, command).await,
        Command::Token(command) => token::run(session, command).await,
        Command::SigningKey(command) => signing_key::run(session, command).await,
        Command::Audit(command) => audit::run(session, command).await,
        Command::Doctor => doctor::run(session).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_usage_ends_with_2_and_help_with_0() {
        assert_eq!(parse("grantor app lst").err().unwrap().exit_code(), 2);
        assert_eq!(parse("grantor key revoke k1").err().unwrap().exit_code(), 2, "a reason is required");
        assert_eq!(parse("grantor apply").err().unwrap().exit_code(), 2, "a file is required");
        assert_eq!(parse("grantor doctor --offline --url http://a").err().unwrap().exit_code(), 2);
        assert_eq!(parse("grantor --help").err().unwrap().exit_code(), 0);
    }

    #[test]
    fn no_command_takes_a_client_secret_as_a_flag() {
        assert!(parse("grantor token get --client-id a --client-secret b --issuer http://a").is_err());
    }

    #[test]
    fn global_flags_stand_before_and_behind_the_command() {
        assert!(parse("grantor --json --env sandbox app list").unwrap().global.json);
        assert_eq!(parse("grantor app list --env sandbox").unwrap().global.env.as_deref(), Some("sandbox"));
    }

    #[test]
    fn every_command_of_the_reference_page_exists_and_the_other_way_round() {
        let page = include_str!("../../../../docs/cli.md");
        let mut names = Vec::new();
        for command in Cli::command().get_subcommands() {
            let verbs: Vec<_> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
            if verbs.is_empty() {
                names.push(command.get_name().to_owned());
            }
            names.extend(verbs.iter().map(|verb| format!("{} {verb}", command.get_name())));
        }
        let headings: Vec<_> =
            page.lines().filter_map(|line| line.strip_prefix("### `grantor ")?.strip_suffix('`')).collect();
        for name in &names {
            assert!(headings.contains(&name.as_str()), "docs/cli.md needs the heading ### `grantor {name}`");
        }
        assert_eq!(headings.len(), names.len(), "docs/cli.md describes a command that does not exist");
    }
}
