//! Which server, which token, which environment; and how commands end.

use std::fs;

use grantor_testkit::Server;

use super::{binary, done, grantor, operator, run, run_with_input};

fn operator_text(server: &Server, name: &str) -> String {
    server.contract()["operator"][name].as_str().expect("text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn url_and_token_come_from_variables_files_and_flags() {
    let server = Server::start().await;
    let (url, token) = (operator_text(&server, "api_url"), operator_text(&server, "api_token"));
    let folder = server.folder();
    fs::write(folder.join("op.token"), format!("{token}\n")).expect("a file");
    fs::write(
        folder.join("ctx.toml"),
        format!("url = \"{url}\"\ntoken_file = \"op.token\"\nenv = \"sandbox\"\n"),
    )
    .expect("a file");
    let list = ["tenant", "list"];
    let by_variables =
        run(binary(folder).env("GRANTOR_URL", &url).env("GRANTOR_TOKEN_FILE", "op.token").args(list));
    assert_eq!(by_variables.rows().len(), 2, "{}", by_variables.err);
    let by_flags = run(binary(folder).args(["--url", &url, "--token-file", "op.token"]).args(list));
    assert!(by_flags.out == by_variables.out && by_flags.code == 0, "{}", by_flags.err);
    // Flags win: the variable points to nobody.
    let both = run(binary(folder)
        .env("GRANTOR_URL", "http://127.0.0.1:1/admin/v1")
        .env("GRANTOR_TOKEN", "wrong")
        .args(["--url", &url, "--token-file", "op.token"])
        .args(list));
    assert_eq!(both.code, 0, "{}", both.err);
    let by_context =
        run(binary(folder).args(["--context", "ctx.toml", "--json", "app", "show", "acme-payments"]));
    assert_eq!(by_context.json()["environment"], "sandbox");
    fs::create_dir_all(folder.join(".config/grantor")).expect("a folder");
    fs::copy(folder.join("ctx.toml"), folder.join(".config/grantor/context.toml")).expect("a file");
    fs::copy(folder.join("op.token"), folder.join(".config/grantor/op.token")).expect("a file");
    let at_home = run(binary(folder).args(["--json", "app", "show", "acme-payments"]));
    assert_eq!(at_home.json()["environment"], "sandbox", "the file at home is found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_production_unless_variable_or_flag_say_otherwise() {
    let server = Server::start().await;
    let environment = |variable: &str, flags: &[&str]| {
        let ran = run(operator(&server)
            .env("GRANTOR_ENV", variable)
            .args(["--json", "app", "show", "acme-payments"])
            .args(flags));
        ran.json()["environment"].as_str().expect("a name").to_owned()
    };
    assert_eq!(environment("", &[]), "production");
    assert_eq!(environment("sandbox", &[]), "sandbox");
    assert_eq!(environment("sandbox", &["--env", "production"]), "production");
    let unknown = grantor(&server, "--env nowhere app list");
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("no such environment"), "{}", unknown.err);
}

#[test]
fn a_server_that_cannot_be_reached_is_told_with_the_next_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}/admin/v1", free.local_addr().expect("an address"))
    };
    let ran =
        run(binary(folder.path()).env("GRANTOR_URL", &url).env("GRANTOR_TOKEN", "t").args(["app", "list"]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains(&format!("cannot reach {url}: connection refused")), "{}", ran.err);
    assert!(ran.err.contains("grantor serve") && ran.err.contains("--offline"), "{}", ran.err);
}

#[test]
fn nothing_named_and_too_much_named_is_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run(binary(folder.path()).args(["app", "list"]));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("GRANTOR_URL") && ran.err.contains("--offline"), "{}", ran.err);
    let url = "http://127.0.0.1:1/admin/v1";
    let ran = run(binary(folder.path()).env("GRANTOR_URL", url).args(["app", "list"]));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("GRANTOR_TOKEN") && ran.err.contains("grantor init"), "{}", ran.err);
    let ran = run(binary(folder.path())
        .env("GRANTOR_URL", url)
        .env("GRANTOR_TOKEN", "a")
        .env("GRANTOR_TOKEN_FILE", "b")
        .args(["app", "list"]));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("set one of them"), "{}", ran.err);
    for line in
        ["app lst", "app show", "app list --nope", "key revoke key_1", "app rotate-secret a --lifetime 1x"]
    {
        let ran = run(binary(folder.path()).args(line.split(' ')));
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}");
        assert!(ran.err.contains("error: "), "{line}: {}", ran.err);
    }
    let help = run(binary(folder.path()).arg("--help"));
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("signing-key"));
    let version = run(binary(folder.path()).arg("--version"));
    assert_eq!(
        (version.code, version.out.as_str()),
        (0, concat!("grantor ", env!("CARGO_PKG_VERSION"), "\n"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_operator_token_is_refused_and_never_repeated() {
    let server = Server::start().await;
    let wrong = "grt_op_live_0123456789abcdefghijklmnopqrstuvwxyz";
    let ran = run(operator(&server).env("GRANTOR_TOKEN", wrong).args(["tenant", "list"]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("Unauthorized") && ran.err.contains("GRANTOR_TOKEN"), "{}", ran.err);
    assert!(!ran.err.contains(wrong));
    let ran = run(operator(&server).env("GRANTOR_TOKEN", "two\nlines").args(["tenant", "list"]));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(!ran.err.contains("lines"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_nothing_is_asked() {
    let server = Server::start().await;
    for name in ["first-app", "second-app"] {
        done(&server, &format!("app create {name} --tenant acme --api payments"));
    }
    let ran = grantor(&server, "app delete first-app");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.err.contains("[y/N]"), "{}", ran.err);
    // A pipe is no person: what stands in it is no answer.
    let ran = run_with_input(operator(&server).args(["app", "delete", "second-app"]), "n\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.err.contains("[y/N]"), "{}", ran.err);
    let rows = done(&server, "--json app list").json();
    let living = |name: &str| {
        let items = rows["items"].as_array().expect("items");
        items.iter().any(|app| app["client_id"] == name && app["status"] == "active")
    };
    assert!(!living("first-app") && !living("second-app") && living("acme-payments"));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_one_line_that_parses_of_results_and_of_refusals() {
    let server = Server::start().await;
    for line in ["app list", "app show acme-payments", "key list", "tenant list", "signing-key list"] {
        assert!(done(&server, &format!("{line} --json")).json().is_object(), "{line}");
    }
    assert!(done(&server, "doctor --json").json()["checks"].is_array());
    let refusal = grantor(&server, "--json app show nobody");
    assert_eq!(refusal.code, 1);
    assert_eq!(refusal.json()["status"], 404, "a program reads the refusal");
    assert!(refusal.err.contains("no such app"), "and a person, too: {}", refusal.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_every_check_in_a_line_and_warnings_do_not_fail() {
    let server = Server::start().await;
    let ran = done(&server, "doctor");
    let rows = ran.rows();
    assert!(rows.iter().all(|row| row.len() == 4), "level, name, text, next step");
    assert!(rows.iter().any(|row| row[0] == "ok" && row[1] == "database"));
    let warning = rows.iter().find(|row| row[0] == "warn" && row[1] == "password_grant").expect("a warning");
    assert!(warning[2].contains("payments") && !warning[3].is_empty());
}
