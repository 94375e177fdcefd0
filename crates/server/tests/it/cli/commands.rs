//! `apply`, apps, keys, tenants, signing keys.

use std::fs;

use grantor_testkit::{Client, Server};

use super::{binary, done, grantor, operator, refused, run, run_with_input};

const TOURS: &str = r#"[[profile]]
name = "tours"
token_paths = ["/tours/token"]
client_auth = ["client_secret_basic"]
token_format = "opaque"
grants = ["client_credentials"]

[[api]]
name = "tours"
environments = ["production"]
profile = "tours"
audience = "https://tours.example"
contract = "contracts/tours.json"
scope = [{ name = "tours:read", description = "See tours" }]
"#;

const CONTRACT: &str = r#"{"openapi": "3.1.0", "info": {"title": "Tours", "version": "1"}, "servers": [{"url": "https://tours.example"}],
 "x-grantor-credential": ["client"], "paths": {"/tours": {"get": {}}}}"#;

/// Whether an app gets a token with a secret.
async fn works(server: &Server, id: &str, secret: &str) -> bool {
    let client = Client { id: id.to_owned(), secret: secret.to_owned() };
    match server.request_token("production", "payments", &client).await.status {
        200 => true,
        401 => false,
        other => panic!("the token endpoint answered {other}"),
    }
}

#[test]
fn a_typing_error_in_a_manifest_is_told_with_its_place_before_any_server_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("m.toml"), "[[tenant]]\nname = \"acme\"\ntitel = \"Acme\"\n")
        .expect("a file");
    let ran = run(binary(folder.path()).args(["apply", "-f", "m.toml"]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("error: m.toml:3:1: unknown field `titel`"), "{}", ran.err);
    assert!(ran.err.trim_end().ends_with("(did you mean `title`?)"), "{}", ran.err);
    let ran = run(binary(folder.path()).args(["apply", "-f", "missing.toml"]));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("cannot read the manifest missing.toml"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_tried_applied_and_applied_again_without_a_change() {
    let server = Server::start().await;
    let folder = server.folder().join("manifests");
    fs::create_dir_all(folder.join("contracts")).expect("a folder");
    fs::write(folder.join("tours.toml"), TOURS).expect("a file");
    fs::write(folder.join("contracts/tours.json"), CONTRACT).expect("a file");
    // The command runs one folder above: the contract stands beside its manifest.
    let tried = done(&server, "apply --dry-run -f manifests/tours.toml");
    assert!(tried.err.contains("Would be: 2 created, 0 updated, 0 unchanged."), "{}", tried.err);
    let token = server.token("production", "payments").await;
    let url = format!("{}/forward-auth/tours", server.issuer("production"));
    assert_eq!(server.get(&url, Some(&token)).await.status, 404, "nothing was changed");

    let applied = done(&server, "apply -f manifests/tours.toml");
    let rows = applied.rows();
    let kinds: Vec<_> = rows.iter().map(|row| (row[0], row[1])).collect();
    assert_eq!(kinds, [("create", "profile"), ("create", "api")]);
    assert!(applied.err.contains("Done: 2 created, 0 updated, 0 unchanged."), "{}", applied.err);
    assert_eq!(server.get(&url, Some(&token)).await.status, 401, "a token of another API");
    done(&server, "apply -f manifests/tours.toml --dry-run");
    let again = done(&server, "apply -f manifests/tours.toml");
    assert!(again.err.contains("Done: 0 created, 0 updated, 2 unchanged."), "{}", again.err);

    let longer = format!(
        "{}\n[profile.lifetimes]\nclient_token = 600\n",
        TOURS.split("\n[[api]]").next().expect("a profile")
    );
    let ran = run_with_input(operator(&server).args(["apply", "-f", "-"]), &longer);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("client_token") && ran.out.contains("600"), "the field is named: {}", ran.out);
    fs::remove_file(folder.join("contracts/tours.json")).expect("a file");
    let told = refused(&server, "apply -f manifests/tours.toml");
    assert!(told.contains("manifests/tours.toml:13:12: API tours: cannot read the contract"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_an_applied_manifest_is_enforced() {
    let server = Server::start().await;
    fs::create_dir_all(server.folder().join("contracts")).expect("a folder");
    fs::write(server.folder().join("contracts/tours.json"), CONTRACT).expect("a file");
    let rest = "[[access]]\ntenant = \"acme\"\napis = [\"tours\"]\nenvironments = [\"production\"]\n";
    fs::write(server.folder().join("tours.toml"), format!("{TOURS}\n{rest}")).expect("a file");
    done(&server, "apply -f tours.toml");
    let made = done(&server, "--json app create tourist --tenant acme --api tours").json();
    let secret = made["client_secret"].as_str().expect("a secret");
    let issuer = server.issuer("production");
    let endpoint = format!("{issuer}/tours/token");
    let mut get = operator(&server);
    get.env("GRANTOR_CLIENT_SECRET", secret).args([
        "token",
        "get",
        "--client-id",
        "tourist",
        "--token-endpoint",
        &endpoint,
    ]);
    let token = run(&mut get).out.trim_end().to_owned();
    assert!(!token.is_empty() && !token.contains('.'), "an opaque token");
    for (path, status) in [("/tours", 200), ("/others", 403)] {
        let request = server
            .http
            .get(format!("{issuer}/forward-auth/tours"))
            .bearer_auth(&token)
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-uri", path);
        assert_eq!(server.send(request).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_08_an_app_is_made_with_a_chosen_or_a_generated_client_id() {
    let server = Server::start().await;
    let made = done(
        &server,
        "app create my-own-name --tenant acme --api payments --name Mine --secret-lifetime 90d",
    );
    let rows = made.rows();
    assert_eq!((rows.len(), rows[0].len()), (1, 4), "client id, secret, version, expiry");
    assert_eq!((rows[0][0], rows[0][2]), ("my-own-name", "1"));
    assert!(!rows[0][3].is_empty(), "a secret with a lifetime has an end");
    assert!(made.err.contains("not shown again"), "{}", made.err);
    assert!(works(&server, "my-own-name", rows[0][1]).await);
    let generated = done(&server, "app create --tenant acme --api payments");
    let rows = generated.rows();
    assert!(rows[0][0].len() >= 12 && rows[0][0] != "my-own-name");
    assert!(works(&server, rows[0][0], rows[0][1]).await);
    let listed = done(&server, "app list --tenant acme");
    let listed = listed.rows();
    let mine = listed.iter().find(|row| row[0] == "my-own-name").expect("it is listed");
    assert_eq!(mine[1..], ["acme", "Mine", "active"]);
    assert!(!listed.iter().any(|row| row[0] == "payments-api"), "an app of another tenant");
    let shown = done(&server, "app show my-own-name");
    assert!(shown.rows().contains(&vec!["tenant", "acme"]));
    let taken = refused(&server, "app create my-own-name --tenant acme --api payments");
    assert!(taken.contains("taken"), "{taken}");
    for (line, told) in [
        ("app create x-app --tenant acme --api nothing", "no API nothing"),
        ("app create x-app --tenant nobody --api payments", "no such tenant"),
        ("app show nobody", "no such app"),
    ] {
        assert!(refused(&server, line).contains(told), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_overlap_until_one_is_ended() {
    let server = Server::start().await;
    let made = done(&server, "--json app create two-secrets --tenant acme --api payments").json();
    let first = made["client_secret"].as_str().expect("a secret");
    let rotated = done(&server, "app rotate-secret two-secrets --lifetime 90d");
    let rows = rotated.rows();
    let second = rows[0][1];
    assert_eq!((rows[0][0], rows[0][2]), ("two-secrets", "2"));
    assert!(works(&server, "two-secrets", first).await && works(&server, "two-secrets", second).await);
    done(&server, "app end-secret two-secrets 1");
    assert!(!works(&server, "two-secrets", first).await, "an ended version");
    assert!(works(&server, "two-secrets", second).await);
    let shown = done(&server, "--json app show two-secrets").json();
    let states: Vec<_> =
        shown["secrets"].as_array().expect("secrets").iter().map(|one| &one["status"]).collect();
    assert_eq!(states, ["ended", "active"]);
    assert!(!shown.to_string().contains(second), "a secret is shown once");
    assert!(refused(&server, "app end-secret two-secrets 1").contains("no such living version"));
    // The overlap may be given an end.
    let third = done(&server, "--json app rotate-secret two-secrets --end-others-after 1h").json();
    let third = third["client_secret"].as_str().expect("a secret");
    assert!(works(&server, "two-secrets", second).await, "within the hour");
    server.clock().pass(3_601);
    assert!(!works(&server, "two-secrets", second).await, "after the hour");
    assert!(works(&server, "two-secrets", third).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_suspended_resumed_its_tokens_ended_and_deleted_for_ever() {
    let server = Server::start().await;
    let made = done(&server, "--json app create short-life --tenant acme --api payments").json();
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    let client = Client { id: "short-life".to_owned(), secret: secret.clone() };
    let token = async || {
        let answer = server.request_token("production", "payments", &client).await;
        answer.json()["access_token"].as_str().unwrap_or_default().to_owned()
    };
    let call = async |token: &str| {
        server.call("production", "payments", Some(token), "GET", "/transfers").await.status
    };
    let before = token().await;
    assert_eq!(call(&before).await, 200);
    assert!(done(&server, "app suspend short-life").err.contains("suspended"));
    assert!(!works(&server, "short-life", &secret).await);
    assert_eq!(call(&before).await, 401);
    assert!(done(&server, "app resume short-life").err.contains("active"));
    assert_eq!(call(&before).await, 401, "a token from before stays dead");
    let after = token().await;
    assert_eq!(call(&after).await, 200);
    done(&server, "app end-tokens short-life");
    assert_eq!(call(&after).await, 401);
    assert!(works(&server, "short-life", &secret).await, "it can get new ones");
    let last = token().await;
    done(&server, "app delete short-life --yes");
    assert!(!works(&server, "short-life", &secret).await);
    assert_eq!(call(&last).await, 401);
    let taken = refused(&server, "app create short-life --tenant acme --api payments");
    assert!(taken.contains("was taken once"), "its id is never given again: {taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_keys_are_listed_and_rotated() {
    let server = Server::start().await;
    let token = server.token("production", "payments").await;
    let active = || {
        let ran = done(&server, "signing-key list");
        let keys = ran.rows();
        assert!(keys.iter().all(|row| row.len() == 7));
        let uses: Vec<_> = keys.iter().map(|row| row[1]).collect();
        assert!(uses.contains(&"pepper") && uses.contains(&"seal"), "{uses:?}");
        let mut signing =
            keys.iter().filter(|row| row[1] == "sign" && row[2] == "ES256" && row[3] == "active");
        let kid = signing.next().expect("an active key")[0].to_owned();
        assert!(signing.next().is_none(), "one active key");
        kid
    };
    let first = active();
    done(&server, "signing-key rotate --now");
    let second = active();
    assert_ne!(first, second);
    let early = refused(&server, "signing-key rotate");
    assert!(early.contains("--now"), "the next key is too young, and the way out is named: {early}");
    server.clock().pass(2 * 86_400 - 1);
    done(&server, "signing-key rotate");
    assert_ne!(second, active());
    let other = done(&server, "--env sandbox --json signing-key list").json();
    assert_eq!(
        other["items"].as_array().expect("items").iter().filter(|key| key["use"] == "sign").count(),
        4,
        "active and next, of ES256 and of RS256"
    );
    let answer = server.call("production", "payments", Some(&token), "GET", "/transfers").await;
    assert_eq!(answer.status, 401, "the token is older than its hour");
    assert_eq!(grantor(&server, "signing-key rotate --use nothing").code, 2);
}
