//! A server with a certificate, as it is started and told to read its files again.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::process::Process;
use super::{binary, run};
use crate::https::client::{ANY, HTTP_1_1, HTTP_2, Pair, TLS_1_2, TLS_1_3, Watch, pair};

/// A configuration that names `cert.pem` and `key.pem`.
pub(super) const CONFIG: &str = "[server]\nlisten = \"127.0.0.1:0\"\nmanagement = \"off\"\n\
     [tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\nmin_version = \"1.3\"\n\
     [database]\nurl = \"sqlite:grantor.db\"\n[log]\nformat = \"json\"\n";

/// A folder with that configuration and with a pair.
pub(super) fn folder(pair: &Pair) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("g.toml"), CONFIG).unwrap();
    pair.write(folder.path());
    folder
}

/// Starts the server of a folder.
pub(super) fn serve(folder: &Path, flags: &[&str]) -> (Process, SocketAddr) {
    let server = Process::start(binary(folder).env("GRANTOR_CONFIG", "g.toml").arg("serve").args(flags));
    let ready: Value = serde_json::from_str(&server.told("\"ready\"")).unwrap();
    let address = ready["address"].as_str().unwrap().parse().unwrap();
    (server, address)
}

fn hang_up(server: &Process) {
    let sent = Command::new("sh").args(["-c", &format!("kill -HUP {}", server.id())]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_sighup_reads_the_certificate_again_and_loosens_nothing() {
    let (first, second) = (pair(), pair());
    let folder = folder(&first);
    let (server, address) = serve(folder.path(), &[]);
    assert!(first.connect(address, TLS_1_3, HTTP_2).await.is_ok());
    assert!(first.connect(address, TLS_1_2, HTTP_2).await.is_err());
    second.write(folder.path());
    hang_up(&server);
    server.told("the certificate was read again");
    assert!(second.connect(address, TLS_1_3, HTTP_2).await.is_ok());
    assert!(second.connect(address, TLS_1_2, HTTP_1_1).await.is_err());
    // What cannot be used is told, and what was in force stays.
    fs::write(folder.path().join("key.pem"), &first.key).unwrap();
    hang_up(&server);
    let told = server.told("does not belong to the first certificate");
    assert!(told.contains("ERROR") && told.contains("stays in force"), "{told}");
    assert!(second.connect(address, TLS_1_3, HTTP_2).await.is_ok());
    assert!(second.connect(address, TLS_1_2, HTTP_1_1).await.is_err());
    let (code, _) = server.terminate();
    assert_eq!(code, Some(0));
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_before_anything_is_made() {
    let (good, other) = (pair(), pair());
    let folder = folder(&good);
    let at = |command: &[&str]| run(binary(folder.path()).env("GRANTOR_CONFIG", "g.toml").args(command));
    assert_eq!(at(&["config", "check"]).code, 0);
    fs::write(folder.path().join("key.pem"), &other.key).unwrap();
    for command in [&["serve"][..], &["config", "check"]] {
        let ran = at(command);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
        assert!(ran.err.contains("Put the server's own certificate first, or name the key"), "{}", ran.err);
    }
    let ran = at(&["serve", "--tls-cert", "nothing.pem"]);
    assert!(ran.code == 1 && ran.err.contains("cannot read nothing.pem (tls.cert)"), "{}", ran.err);
    assert!(!folder.path().join("grantor.db").exists() && !folder.path().join("master.key").exists());
    let ran = run(binary(folder.path()).args(["serve", "--tls-cert", "cert.pem"]));
    assert!(ran.code == 1 && ran.err.contains("tls.key is missing"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_by_flags_opens_an_address_that_plain_http_may_not_have() {
    let pair = pair();
    let folder = folder(&pair);
    fs::write(folder.path().join("g.toml"), CONFIG.replace("cert = \"cert.pem\"\nkey = \"key.pem\"\n", ""))
        .unwrap();
    let serve_at = ["serve", "--config", "g.toml", "--listen", "0.0.0.0:0"];
    let ran = run(binary(folder.path()).args(serve_at));
    assert!(ran.code == 1 && ran.err.contains("refusing to serve plain HTTP"), "{}", ran.err);
    assert!(ran.err.contains("tls.cert"), "it says what to do: {}", ran.err);
    let flags = ["--listen", "0.0.0.0:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let (server, address) = serve(folder.path(), &flags);
    let here = SocketAddr::from(([127, 0, 0, 1], address.port()));
    assert!(pair.connect(here, ANY, HTTP_2).await.is_ok());
    let begun = Watch::start();
    assert_eq!(server.terminate().0, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[test]
fn config_show_tells_every_setting_and_where_it_comes_from() {
    let folder = folder(&pair());
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let show = |flags: &[&str]| {
        let mut command = binary(folder.path());
        command.env("GRANTOR_KEYS__MASTER_KEY", key).env("GRANTOR_MAIL__SMTP_PASSWORD", "hunter2");
        command.env("GRANTOR_MAIL__SMTP_USERNAME", "us").env("GRANTOR_CONFIG", "g.toml");
        run(command.args(["config", "show"]).args(flags))
    };
    let ran = show(&["--origin", "--tls-key", "other.pem"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = ran.rows();
    assert_eq!(rows.len(), grantor_server::config::setting::SETTINGS.len());
    let row = |name: &str| rows.iter().find(|row| row[0] == name).unwrap()[1..].to_vec();
    assert_eq!(row("server.brand"), ["grt", "default"]);
    assert_eq!(row("tls.cert"), ["cert.pem", "g.toml:5:8"]);
    assert_eq!(row("tls.key"), ["other.pem", "--tls-key"]);
    assert_eq!(row("keys.master_key"), ["(set)", "GRANTOR_KEYS__MASTER_KEY"]);
    assert_eq!(row("mail.smtp_password"), ["(set)", "GRANTOR_MAIL__SMTP_PASSWORD"]);
    assert!(!ran.out.contains(key) && !ran.out.contains("hunter2"));
    let bare = show(&[]);
    assert!(bare.rows().iter().all(|row| row.len() == 2));
    let json = show(&["--json"]).json();
    assert_eq!(json["items"][0], serde_json::json!({ "setting": "server.listen", "value": "127.0.0.1:0" }));
    assert!(show(&["--json", "--origin"]).json()["items"][0]["from"].is_string());
}

#[test]
fn config_init_begins_a_file_that_the_server_takes() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(binary(folder.path()).args(["config", "init"]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    fs::write(folder.path().join("new.toml"), &ran.out).unwrap();
    let shown = run(binary(folder.path()).args(["config", "show", "--origin", "--config", "new.toml"]));
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.rows().iter().all(|row| row[2] == "default"), "{}", shown.out);
}
