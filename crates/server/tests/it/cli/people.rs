//! Users and documents on the command line.

use std::fs;

use grantor_testkit::Server;

use super::{done, operator, refused, run, run_with_input};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_made_shown_suspended_and_resumed() {
    let server = Server::start().await;
    let made = done(&server, "user create ann@people.test --name Ann --email-verified");
    let row = &made.rows()[0];
    assert_eq!((row[0], row[2], row[3]), ("ann@people.test", "Ann", "active"));
    let listed = done(&server, "user list");
    assert!(listed.rows().iter().any(|row| row[0] == "ann@people.test"));
    assert!(!done(&server, "user list --tenant acme").out.contains("ann@people.test"));
    let told = done(&server, "user suspend ann@people.test");
    assert_eq!(told.err.trim(), "User ann@people.test in production is suspended.");
    let shown = done(&server, "user show ann@people.test");
    assert!(
        shown.out.contains("status\tsuspended") && shown.out.contains("has_password\tfalse"),
        "{}",
        shown.out
    );
    done(&server, "user resume ann@people.test");
    assert_eq!(done(&server, "--json user show ann@people.test").json()["status"], "active");
    assert!(refused(&server, "user show bob@people.test").contains("no such user"));
    assert!(refused(&server, "user create ann@people.test").contains("a user with this address"));
    let elsewhere = done(&server, "--env sandbox user create ann@people.test");
    assert_eq!(elsewhere.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_comes_from_standard_input_or_is_printed_once() {
    let server = Server::start().await;
    let works = async |password: &str| {
        let app = server.client_with("production", "payments", "password");
        let email = server.person("end_user").email;
        let fields = [("grant_type", "password"), ("username", &*email), ("password", password)];
        server.token_request("production", "payments", &app, &fields).await.status == 200
    };
    let email = server.person("end_user").email;
    let set = ["user", "set-password", &email, "--password-stdin"];
    let ran = run_with_input(operator(&server).args(set), "violet harbour seven\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains("violet") && !ran.err.contains("violet"), "what was typed is not repeated");
    assert!(works("violet harbour seven").await);
    let short = run_with_input(operator(&server).args(set), "short");
    assert_eq!((short.code, short.out.as_str()), (1, ""));
    assert!(short.err.contains("at least 12 characters"), "{}", short.err);
    let empty = run(operator(&server).args(set));
    assert_eq!(empty.code, 2, "{}", empty.err);

    let made = done(&server, &format!("user set-password {email} --generate-password"));
    assert!(made.err.contains("Store the password now"), "{}", made.err);
    assert!(works(made.rows()[0][2]).await);
    let created = done(&server, "--json user create eve@people.test --generate-password").json();
    assert!(created["password"].as_str().is_some_and(|password| password.len() == 29));
    let plain = done(&server, "user create joe@people.test");
    assert!(!plain.err.contains("Store"), "there is nothing to store: {}", plain.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_published_from_files_version_after_version() {
    let server = Server::start().await;
    let folder = server.folder();
    fs::write(folder.join("rules.md"), "# House rules\n\nBe kind.\n").expect("a file");
    fs::write(folder.join("regeln.md"), "# Hausordnung\n\nSei nett.\n").expect("a file");
    let line = "document publish rules --text en=rules.md --text de=regeln.md --grace 30d";
    let first = done(&server, line);
    assert_eq!((first.rows()[0][0], first.rows()[0][2], first.rows()[0][4]), ("rules", "1", "de,en"));
    fs::write(folder.join("rules.md"), "# House rules\n\nBe kinder.\n").expect("a file");
    assert!(refused(&server, &format!("{line} --number 1")).contains("publish a new version"));
    let second = done(&server, "document publish rules --text en=rules.md --changes en=Kinder.");
    assert_eq!((second.rows()[0][0], second.rows()[0][2]), ("rules", "2"));
    let own = done(&server, "document publish rules --tenant acme --text en=rules.md");
    assert_eq!((own.rows()[0][1], own.rows()[0][2]), ("acme", "1"), "a document of its own");
    let listed = done(&server, "document list");
    assert_eq!(listed.rows().iter().filter(|row| row[0] == "rules").count(), 2);
    let id = second.rows()[0][5].to_owned();
    let shown = server.admin("GET", &format!("/documents/{id}"), serde_json::json!({})).await.json();
    assert_eq!(shown["versions"][1]["texts"]["en"]["title"], "House rules");
    assert_eq!(shown["versions"][1]["texts"]["en"]["changes"], "Kinder.");

    assert!(
        refused(&server, "document publish rules --text en=missing.md")
            .contains("cannot read the text missing.md")
    );
    fs::write(folder.join("bare.md"), "Be kind.\n").expect("a file");
    let bare = run(operator(&server).args(["document", "publish", "rules", "--text", "en=bare.md"]));
    assert_eq!(bare.code, 2, "{}", bare.err);
    assert!(bare.err.contains("bare.md: the first line is the title"), "{}", bare.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_for_users_is_made_with_redirect_uris_and_a_public_one_without_secret() {
    let server = Server::start().await;
    let line =
        "--json app create spa --tenant acme --api payments --public --redirect-uri https://a.example/cb";
    let app = done(&server, line).json();
    assert_eq!(app["metadata"]["redirect_uris"], serde_json::json!(["https://a.example/cb"]));
    assert_eq!((&app["auth_method"], app.get("client_secret")), (&serde_json::json!("none"), None));
    let told = done(&server, "app create spb --tenant acme --public --redirect-uri https://a.example/cb");
    assert!(!told.err.contains("Store"), "there is nothing to store: {}", told.err);
}
