//! An installation on PostgreSQL: the same commands, and what differs.

use std::fs;
use std::path::Path;
use std::process::Command;

use grantor_testkit::postgres::Database;
use serde_json::Value;

use super::process::Process;
use super::{binary, run};

/// The binary with its configuration in variables, on this database, with the master key in the folder.
fn on(database: &Database, folder: &Path) -> Command {
    let mut command = binary(folder);
    command
        .env("GRANTOR_DATABASE__URL", database.url())
        .env("GRANTOR_SERVER__LISTEN", "127.0.0.1:0")
        .env("GRANTOR_SERVER__MANAGEMENT", "off")
        .env("GRANTOR_LOG__FORMAT", "json");
    command
}

#[test]
fn init_makes_one_installation_and_keeps_it_the_second_time() {
    let (database, folder) = (Database::fresh(), tempfile::tempdir().unwrap());
    let made = run(on(&database, folder.path()).arg("init"));
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.starts_with("grt_") && made.err.contains("Database: postgres://"), "{}", made.err);
    let key = fs::read(folder.path().join("master.key")).expect("the key is in the working directory");
    let again = run(on(&database, folder.path()).args(["--json", "init"])).json();
    assert_eq!(again["operator_token"], Value::Null);
    assert!(again["database"].as_str().is_some_and(|place| place.starts_with("postgres://")));
    assert!(key == fs::read(folder.path().join("master.key")).unwrap());
}

#[test]
fn a_second_node_without_the_master_key_or_with_another_is_refused() {
    let (database, folder) = (Database::fresh(), tempfile::tempdir().unwrap());
    assert_eq!(run(on(&database, folder.path()).arg("init")).code, 0);
    let other = tempfile::tempdir().unwrap();
    let ran = run(on(&database, other.path()).arg("init"));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("Restore the key file from your backup"), "{}", ran.err);
    assert!(!other.path().join("master.key").exists(), "no new key for a database that exists");
    let apart = Database::fresh();
    assert_eq!(run(on(&apart, other.path()).arg("init")).code, 0, "a key of its own");
    let ran = run(on(&database, other.path()).arg("init"));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("master key does not open this database"), "{}", ran.err);
}

#[test]
fn of_nodes_that_make_the_installation_at_once_with_keys_of_their_own_one_wins() {
    let database = Database::fresh();
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let starts: Vec<_> = folders
        .iter()
        .map(|folder| {
            let mut command = on(&database, folder.path());
            std::thread::spawn(move || run(command.arg("init")))
        })
        .collect();
    let ended: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
    let winners = ended.iter().filter(|ran| ran.code == 0).count();
    assert_eq!(winners, 1, "{:?}", ended.iter().map(|ran| &ran.err).collect::<Vec<_>>());
    for ran in ended.iter().filter(|ran| ran.code != 0) {
        assert!(ran.err.contains("master key"), "{}", ran.err);
    }
}

#[test]
fn offline_commands_work_while_no_server_runs_and_are_refused_while_one_does() {
    let (database, folder) = (Database::fresh(), tempfile::tempdir().unwrap());
    let offline = || run(on(&database, folder.path()).args(["--offline", "--json", "doctor"]));
    let none = offline();
    assert_eq!(none.code, 1);
    assert!(none.err.contains("there is no database postgres://"), "{}", none.err);
    assert!(!folder.path().join("master.key").exists(), "looking makes nothing");
    assert_eq!(run(on(&database, folder.path()).arg("init")).code, 0);
    let checks = offline();
    assert_eq!(checks.code, 0, "{}", checks.err);
    assert_eq!(checks.json()["checks"][0]["level"], "ok");

    let server = Process::start(on(&database, folder.path()).arg("serve"));
    server.told("\"ready\"");
    let refused = offline();
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("a server runs on postgres://"), "{}", refused.err);
    // Two servers would not hear of each other's revocations.
    for command in ["serve", "init"] {
        let second = run(on(&database, folder.path()).arg(command));
        assert_eq!(second.code, 1, "{command}");
        assert!(second.err.contains("another server runs on postgres://"), "{}", second.err);
    }
    drop(server);
    // PostgreSQL notices a little later that the server is gone.
    while offline().code != 0 {}
}

#[test]
fn a_wrong_url_is_told_without_the_password_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["serve", "init", "demo"] {
        for url in
            ["postgres://u:hun@ter2@h/d", "postgres://u:hunter2@h/d?sslmode=no", "mysql://u:hunter2@h/d"]
        {
            let ran = run(binary(folder.path()).args([command, "--database-url", url]));
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
            assert!(ran.err.contains("--database-url") && !ran.err.contains("ter2"), "{}", ran.err);
        }
    }
    let shown = "postgres://u:hunter2@db.example.com/grantor";
    let checked = run(binary(folder.path()).args(["config", "check", "--database-url", shown]));
    assert_eq!(checked.code, 0, "{}", checked.err);
    assert!(checked.out.contains("postgres://u@db.example.com:5432/grantor"), "{}", checked.out);
    assert!(!checked.out.contains("hunter2"));
}
