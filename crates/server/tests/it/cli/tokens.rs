//! `grantor token`: get, inspect, revoke.

use std::fs;

use grantor_testkit::Server;
use serde_json::Value;

use super::{Ran, binary, done, grantor, operator, run, run_with_input};

/// `token get` with the payments app; what comes behind is up to the caller.
fn get(server: &Server, flags: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = binary(server.folder());
    command.envs(variables.iter().copied());
    run(command.args(["token", "get", "--client-id", "acme-payments"]).args(flags))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_token_get_comes_by_variable_file_or_standard_input() {
    let server = Server::start().await;
    let (issuer, secret) = (server.issuer("production"), server.client("production", "payments").secret);
    fs::write(server.folder().join("app.secret"), format!("{secret}\n")).expect("a file");
    let by_issuer = ["--issuer", &issuer];
    let by_variable = get(&server, &by_issuer, &[("GRANTOR_CLIENT_SECRET", &secret)]);
    let by_file = get(&server, &by_issuer, &[("GRANTOR_CLIENT_SECRET_FILE", "app.secret")]);
    let mut reading = binary(server.folder());
    reading.args([
        "token",
        "get",
        "--client-id",
        "acme-payments",
        "--client-secret-stdin",
        "--issuer",
        &issuer,
    ]);
    let by_input = run_with_input(&mut reading, &format!("{secret}\n"));
    for ran in [by_variable, by_file, by_input] {
        assert_eq!(ran.code, 0, "{}", ran.err);
        let token = ran.out.strip_suffix('\n').expect("one line");
        assert!(!token.contains(char::is_whitespace), "the token stands alone");
        let answer = server.call("production", "payments", Some(token), "GET", "/transfers").await;
        assert_eq!(answer.status, 200);
    }
    let flag = get(&server, &["--issuer", &issuer, "--client-secret", &secret], &[]);
    assert_eq!((flag.code, flag.out.as_str()), (2, ""), "no flag takes a secret");
    let both = [("GRANTOR_CLIENT_SECRET", secret.as_str()), ("GRANTOR_CLIENT_SECRET_FILE", "app.secret")];
    assert_eq!(get(&server, &by_issuer, &both).code, 2);
    let none = get(&server, &by_issuer, &[]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("GRANTOR_CLIENT_SECRET_FILE") && none.err.contains("--client-secret-stdin"));
    let wrong = get(&server, &by_issuer, &[("GRANTOR_CLIENT_SECRET", "not-the-secret")]);
    assert_eq!((wrong.code, wrong.out.as_str()), (1, ""));
    assert!(wrong.err.contains("invalid_client") && !wrong.err.contains("not-the-secret"), "{}", wrong.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_get_sends_basic_or_a_form_as_the_api_asks() {
    let server = Server::start().await;
    let endpoint = server.token_endpoint("production", "banking");
    let client = server.client("production", "banking");
    let ask = |auth: &str| {
        let mut command = binary(server.folder());
        command.env("GRANTOR_CLIENT_SECRET", &client.secret);
        command.args(["--json", "token", "get", "--client-id", &client.id, "--token-endpoint", &endpoint]);
        run(command.args(["--auth", auth]))
    };
    let post = ask("post");
    assert_eq!(post.code, 0, "{}", post.err);
    let answer = post.json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&"Bearer".into(), &3600.into()));
    let basic = ask("basic");
    assert_eq!(basic.code, 1);
    assert!(basic.err.contains("--auth basic, post"), "the next step: {}", basic.err);
    assert_eq!(basic.json()["error"], "invalid_client", "a program reads the refusal");
    let scoped = server.client("production", "payments");
    let endpoint = server.token_endpoint("production", "payments");
    let ran = get(
        &server,
        &["--token-endpoint", &endpoint, "--scope", "payments:read", "--json", "--auth", "post"],
        &[("GRANTOR_CLIENT_SECRET", &scoped.secret)],
    );
    let token = ran.json()["access_token"].as_str().expect("a token").to_owned();
    let claims = run_with_input(binary(server.folder()).args(["--json", "token", "inspect"]), &token).json();
    assert_eq!(claims["claims"]["scope"], "payments:read");
    let unknown = get(
        &server,
        &["--token-endpoint", &endpoint, "--scope", "nothing"],
        &[("GRANTOR_CLIENT_SECRET", &scoped.secret)],
    );
    assert!(unknown.code == 1 && unknown.err.contains("invalid_scope"), "{}", unknown.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_inspected_here_and_by_the_server_and_revoked() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let decoded = run_with_input(binary(server.folder()).args(["token", "inspect"]), &token);
    assert_eq!(decoded.code, 0, "{}", decoded.err);
    assert!(decoded.rows().contains(&vec!["client_id", "acme-payments"]));
    assert!(decoded.err.contains("nothing was verified"), "{}", decoded.err);
    let by_argument = run(binary(server.folder()).args(["--json", "token", "inspect", &token])).json();
    assert_eq!(by_argument["verified"], false);
    let online = |flags: &[&str]| -> Value {
        let mut command = operator(&server);
        command.args(["--json", "token", "inspect", "--online"]).args(flags);
        run_with_input(&mut command, &token).json()
    };
    let judged = online(&[]);
    assert_eq!((&judged["active"], &judged["api"]), (&true.into(), &"payments".into()));
    assert_eq!(online(&["--api", "banking"])["active"], false, "for another API it is none");
    let revoked = run_with_input(operator(&server).args(["token", "revoke"]), &token);
    assert_eq!((revoked.code, revoked.out.as_str()), (0, ""), "{}", revoked.err);
    assert!(revoked.err.contains("The token is revoked."), "{}", revoked.err);
    let judged = online(&[]);
    assert_eq!((&judged["active"], &judged["reason"]), (&false.into(), &"credential_revoked".into()));
    let answer = server.call("production", "payments", Some(&token), "GET", "/transfers").await;
    assert_eq!(answer.status, 401, "revoked reaches the API");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opaque_token_is_for_the_server_to_look_into() {
    let server = Server::start().await;
    let token = server.token("production", "banking").await;
    let here = run_with_input(binary(server.folder()).args(["token", "inspect"]), &token);
    assert_eq!((here.code, here.out.as_str()), (2, ""));
    assert!(here.err.contains("--online") && !here.err.contains(&token), "{}", here.err);
    let judged =
        run_with_input(operator(&server).args(["token", "inspect", "--online", "--api", "banking"]), &token);
    assert_eq!(judged.rows()[0][0], "true", "{}", judged.err);
    let nothing = run(binary(server.folder()).args(["token", "inspect"]));
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("standard input is empty"), "{}", nothing.err);
    let key = server.key("production", "assets");
    let judged = run_with_input(
        operator(&server).args(["--json", "token", "inspect", "--online", "--api", "assets"]),
        &key,
    );
    assert_eq!(judged.json()["active"], true, "{}", judged.err);
    assert_eq!(grantor(&server, "token inspect --api assets x").code, 2, "--api needs --online");
    done(&server, "token inspect --online nonsense");
}
